//! Encoded pointers of unwind rules and exception tables (LSB Core, "DWARF Exception Header Encoding").

use gimli::{EndianSlice, LittleEndian, Reader};

use super::error::Flaw;

/// A section's bytes, or what is left of them.
pub(super) type Bytes<'d> = EndianSlice<'d, LittleEndian>;

/// Where something outside the unwind rules is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Pointer {
    /// At this address.
    Direct(u64),
    /// At the address that the word at this address holds once the program is loaded (`DW.ref.*`).
    Slot(u64),
}

impl Pointer {
    /// The address that is written in the file: of the thing, or of the slot.
    pub fn address(self) -> u64 {
        match self {
            Self::Direct(address) | Self::Slot(address) => address,
        }
    }
}

/// Encoding byte: nothing stands there.
pub(super) const OMIT: u8 = 0xff;
/// Encoding byte: an absolute address, the default where nothing says otherwise.
pub(super) const ABSOLUTE: u8 = 0x00;

const FORMAT_MASK: u8 = 0x0f;
const APPLICATION_MASK: u8 = 0x70;
const PC_RELATIVE: u8 = 0x10;
const INDIRECT: u8 = 0x80;

/// Bytes of a value of fixed length in this encoding.
pub(super) fn fixed_len(encoding: u8) -> Result<usize, Flaw> {
    match encoding & FORMAT_MASK {
        0x00 | 0x04 | 0x0c => Ok(8),
        0x02 | 0x0a => Ok(2),
        0x03 | 0x0b => Ok(4),
        _ => Err(Flaw::Encoding(encoding)),
    }
}

/// Reads a number in the format of `encoding`, sign-extended where the format is signed.
pub(super) fn number(bytes: &mut Bytes<'_>, encoding: u8) -> Result<u64, Flaw> {
    Ok(match encoding & FORMAT_MASK {
        0x00 | 0x04 => bytes.read_u64()?,
        0x01 => bytes.read_uleb128()?,
        0x02 => bytes.read_u16()?.into(),
        0x03 => bytes.read_u32()?.into(),
        0x09 => bytes.read_sleb128()? as u64,
        0x0a => bytes.read_i16()? as u64,
        0x0b => bytes.read_i32()? as u64,
        0x0c => bytes.read_i64()? as u64,
        _ => return Err(Flaw::Encoding(encoding)),
    })
}

/// Reads a pointer that stands at the virtual address `place`; 0 is no pointer, whatever the encoding.
pub(super) fn pointer(bytes: &mut Bytes<'_>, encoding: u8, place: u64) -> Result<Option<Pointer>, Flaw> {
    let value = number(bytes, encoding)?;
    if value == 0 {
        return Ok(None);
    }
    let address = match encoding & APPLICATION_MASK {
        0 => value,
        PC_RELATIVE => place.wrapping_add(value),
        _ => return Err(Flaw::Encoding(encoding)),
    };
    Ok(Some(if encoding & INDIRECT == 0 { Pointer::Direct(address) } else { Pointer::Slot(address) }))
}
