//! Entries of `.eh_frame` (LSB Core, "Exception Frames").
//!
//! gimli reads these too, but it neither hands out the bytes of the instructions, which the delta copies,
//! nor does it tell a table at the place of the pointer from no table.

use std::collections::HashMap;

use gimli::Reader;

use super::error::{Flaw, FrameError};
use super::instructions;
use super::pointer::{self, Bytes, Pointer};

/// What the rules of many functions have in common.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Cie<'d> {
    /// Factor of code distances in the instructions.
    pub code_align: u64,
    /// Factor of stack distances in the instructions.
    pub data_align: i64,
    /// Register that holds the return address.
    pub return_register: u64,
    /// Whether these are frames of signal handlers.
    pub signal: bool,
    /// The routine that reads the exception table.
    pub personality: Option<Pointer>,
    /// Initial instructions, without padding.
    pub instructions: &'d [u8],
    pub(super) address_encoding: u8,
    pub(super) table_encoding: Option<u8>,
    pub(super) sized: bool,
}

/// The rules of one function or of a fragment of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fde<'d> {
    /// First address that it covers.
    pub start: u64,
    /// Number of bytes that it covers.
    pub len: u64,
    /// Address of the exception table.
    pub table: Option<u64>,
    /// Offset of the entry in the section.
    pub offset: u64,
    pub(super) cie: u32,
    pub(super) instructions: Bytes<'d>,
}

impl Fde<'_> {
    /// One past the last address that it covers.
    pub fn end(&self) -> u64 {
        self.start.saturating_add(self.len)
    }
}

/// Entries in the order of the section.
pub(super) struct Entries<'d> {
    section: Bytes<'d>,
    address: u64,
    pub(super) cies: Vec<Cie<'d>>,
    pub(super) fdes: Vec<Fde<'d>>,
    by_offset: HashMap<usize, u32>,
}

impl<'d> Entries<'d> {
    /// Reads a section that is loaded at `address`.
    pub(super) fn read(section: Bytes<'d>, address: u64) -> Result<Self, FrameError> {
        let mut entries =
            Self { section, address, cies: Vec::new(), fdes: Vec::new(), by_offset: HashMap::new() };
        let mut rest = section;
        while !rest.is_empty() {
            let offset = entries.offset(&rest);
            entries.entry(&mut rest, offset).map_err(|flaw| flaw.in_entry(offset))?;
        }
        Ok(entries)
    }

    fn offset(&self, rest: &Bytes<'d>) -> usize {
        self.section.len() - rest.len()
    }

    /// A terminator ends the section for a linear search only; what stands behind one is still in the
    /// search table, so it is read.
    fn entry(&mut self, rest: &mut Bytes<'d>, offset: usize) -> Result<(), Flaw> {
        const LONG_FORM: u32 = u32::MAX;
        let len = match rest.read_u32()? {
            0 => return Ok(()),
            LONG_FORM => usize::try_from(rest.read_u64()?).map_err(|_| Flaw::Said("an entry without end"))?,
            len => len as usize,
        };
        let place = self.offset(rest);
        let mut body = rest.split(len)?;
        match body.read_u32()? {
            0 => {
                let cie = self.cie(body, place + 4)?;
                self.by_offset.insert(offset, self.cies.len() as u32);
                self.cies.push(cie);
            }
            distance => {
                let cie =
                    place.checked_sub(distance as usize).and_then(|at| self.by_offset.get(&at).copied());
                let cie = cie.ok_or(Flaw::Said("it belongs to a common entry that is not there"))?;
                self.fde(body, place + 4, cie, offset)?;
            }
        }
        Ok(())
    }

    /// `at` is the offset in the section at which `body` begins.
    fn cie(&self, mut body: Bytes<'d>, at: usize) -> Result<Cie<'d>, Flaw> {
        let whole = body.len();
        if !matches!(body.read_u8()?, 1 | 3) {
            return Err(Flaw::Said("a version that is neither 1 nor 3"));
        }
        let name_len = body.find(0).ok_or(Flaw::Said("an augmentation without end"))?;
        let name = body.split(name_len)?.slice();
        body.skip(1)?;
        let (name, has_word) = name.strip_prefix(b"eh").map_or((name, false), |rest| (rest, true));
        if has_word {
            body.skip(8)?;
        }
        let mut cie = Cie {
            code_align: body.read_uleb128()?,
            data_align: body.read_sleb128()?,
            return_register: body.read_uleb128()?,
            signal: false,
            personality: None,
            instructions: &[],
            address_encoding: pointer::ABSOLUTE,
            table_encoding: None,
            sized: name.first() == Some(&b'z'),
        };
        if cie.sized {
            let len =
                usize::try_from(body.read_uleb128()?).map_err(|_| Flaw::Said("too much augmentation"))?;
            let mut data = body.split(len)?;
            let data_end = self.address + (at + whole - body.len()) as u64;
            augmentation(&mut cie, &name[1..], &mut data, data_end)?;
        } else if !name.is_empty() {
            return Err(Flaw::Augmentation(String::from_utf8_lossy(name).into_owned()));
        }
        cie.instructions = instructions::without_padding(body)?;
        Ok(cie)
    }

    fn fde(&mut self, mut body: Bytes<'d>, at: usize, cie_index: u32, offset: usize) -> Result<(), Flaw> {
        let cie = self.cies.get(cie_index as usize).ok_or(Flaw::Said("no common entry"))?;
        let place = self.address.wrapping_add(at as u64);
        let whole = body.len();
        // A relative 0 is the place itself and an absolute one an address that no function has.
        let start = pointer::pointer(&mut body, cie.address_encoding, place)?.map_or(0, Pointer::address);
        let len = pointer::number(&mut body, cie.address_encoding)?;
        let mut table = None;
        if cie.sized {
            let len =
                usize::try_from(body.read_uleb128()?).map_err(|_| Flaw::Said("too much augmentation"))?;
            let at_data = place.wrapping_add((whole - body.len()) as u64);
            let mut data = body.split(len)?;
            if let Some(encoding) = cie.table_encoding.filter(|encoding| *encoding != pointer::OMIT) {
                table = pointer::pointer(&mut data, encoding, at_data)?.map(Pointer::address);
            }
        }
        if start != 0 && len != 0 {
            let offset = offset as u64;
            self.fdes.push(Fde { start, len, table, offset, cie: cie_index, instructions: body });
        }
        Ok(())
    }
}

/// Reads augmentation data that ends at the virtual address `end`.
fn augmentation<'d>(cie: &mut Cie<'d>, letters: &[u8], data: &mut Bytes<'d>, end: u64) -> Result<(), Flaw> {
    for letter in letters {
        match letter {
            b'R' => cie.address_encoding = data.read_u8()?,
            b'L' => cie.table_encoding = Some(data.read_u8()?),
            b'P' => {
                let encoding = data.read_u8()?;
                let place = end.wrapping_sub(data.len() as u64);
                cie.personality = pointer::pointer(data, encoding, place)?;
            }
            b'S' => cie.signal = true,
            // Says which key signs return addresses; on this machine none does.
            b'B' => {}
            _ => return Err(Flaw::Augmentation(format!("z{}", String::from_utf8_lossy(letters)))),
        }
    }
    Ok(())
}
