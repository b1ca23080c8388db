//! The unwind tables of one module (`.eh_frame`), read and indexed before the process is stopped.

use gimli::{
    BaseAddresses, CieOrFde, EhFrame, EhFrameHdr, EndianSlice, LittleEndian, Register, UnwindContext,
    UnwindContextStorage, UnwindSection, UnwindTableRow,
};
use suture_delta::model::Range;
use thiserror::Error;

use super::context::RIP;
use super::row::Row;
use super::search;
use crate::memory::{Memory, MemoryError};
use crate::modules::Module;

/// Longest `.eh_frame_hdr` that is read, in bytes: eight for each function.
const HEADER_LEN_MAX: u64 = 64 << 20;
/// Longest `.eh_frame` that is read, in bytes. Its offsets are kept in 32 bits.
const SECTION_LEN_MAX: u64 = 256 << 20;
const ADDRESS_SIZE: u8 = 8;

/// Where code is, and how to get from any place of it to its caller.
#[derive(Debug, Clone)]
pub struct ModuleFrames {
    /// What the code belongs to, for people.
    pub(super) name: String,
    /// The code.
    pub(super) text: Vec<Range>,
    /// The content of `.eh_frame`.
    pub(super) section: Vec<u8>,
    bases: BaseAddresses,
    /// First address of the code of each entry and the entry's offset in the section, ascending.
    index: Vec<(u64, u32)>,
}

/// Why a module's unwind tables can't be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum FramesError {
    /// It has none.
    #[error("it has no unwind tables")]
    Missing,
    /// Their memory can't be read.
    #[error("its unwind tables can't be read")]
    Unreadable(#[from] MemoryError),
    /// They have not the form that DWARF and the LSB describe.
    #[error("its unwind tables are malformed")]
    Malformed(#[from] gimli::Error),
    /// They are longer than this version reads.
    #[error("its unwind tables are {0} bytes long, more than {SECTION_LEN_MAX}")]
    TooLong(u64),
}

/// Room for evaluating one table entry: registers with rules, and nested `DW_CFA_remember_state`.
#[derive(Debug, Clone)]
pub(super) struct Room;

impl UnwindContextStorage<usize> for Room {
    type Rules = [(Register, gimli::RegisterRule<usize>); 64];
    type Stack = Box<[UnwindTableRow<usize, Self>; 16]>;
}

pub(super) type Scratch = UnwindContext<usize, Room>;

impl ModuleFrames {
    /// The tables of a loaded module: by its `.eh_frame_hdr`, or, since static programs often have none,
    /// by looking for an `.eh_frame` in its read-only memory.
    pub fn of_module(module: &Module, memory: &dyn Memory) -> Result<Self, FramesError> {
        let (name, text) = (module.name.clone(), module.text.clone());
        if let Some(header) = module.eh_frame_hdr {
            return Self::by_header(name, text, header, &module.segments, memory);
        }
        let (address, section) = search::eh_frame(module, memory).ok_or(FramesError::Missing)?;
        Self::indexed(name, text, address, section)
    }

    /// The tables of code that is in no module, such as a patch: the `.eh_frame` is in `table`, up to its
    /// terminator or the end of the range.
    pub fn of_eh_frame(
        name: &str,
        text: Vec<Range>,
        table: Range,
        memory: &dyn Memory,
    ) -> Result<Self, FramesError> {
        let section = read(memory, table.start, table.end)?;
        Self::indexed(name.to_owned(), text, table.start, section)
    }

    /// Layout of the header: LSB 5.0 Core, section 10.6.2.
    fn by_header(
        name: String,
        text: Vec<Range>,
        range: Range,
        segments: &[Range],
        memory: &dyn Memory,
    ) -> Result<Self, FramesError> {
        let end = range.end.min(range.start.saturating_add(HEADER_LEN_MAX));
        let bytes = read(memory, range.start, end)?;
        let bases = BaseAddresses::default().set_eh_frame_hdr(range.start);
        let header = EhFrameHdr::new(&bytes, LittleEndian).parse(&bases, ADDRESS_SIZE)?;
        let start = header.eh_frame_ptr().direct()?;
        let bases = bases.set_eh_frame(start);
        let Some(table) = header.table() else {
            let segment = segments.iter().find(|segment| segment.contains(start));
            let end = segment.ok_or(FramesError::Missing)?.end;
            return Self::indexed(name, text, start, read(memory, start, end)?);
        };
        let mut index = Vec::new();
        let mut entries = table.iter(&bases);
        while let Some((code, entry)) = entries.next()? {
            let offset = entry.direct()?.checked_sub(start).and_then(|offset| u32::try_from(offset).ok());
            index.push((code.direct()?, offset.ok_or(gimli::Error::OffsetOutOfBounds(start))?));
        }
        index.sort_unstable();
        // The header does not say where the section ends: behind its last entry, which is a function's,
        // since what functions share comes before them.
        let last = index.iter().map(|(_, offset)| *offset).max().ok_or(FramesError::Missing)?;
        let last = start.wrapping_add(last.into());
        let mut len = [0; 4];
        memory.read(last, &mut len)?;
        let end = last.wrapping_add(4).wrapping_add(u32::from_le_bytes(len).into());
        let section = read(memory, start, end)?;
        Ok(Self { name, text, section, bases, index })
    }

    /// The tables of a section that has no header, or one without a search table.
    fn indexed(name: String, text: Vec<Range>, address: u64, section: Vec<u8>) -> Result<Self, FramesError> {
        let bases = BaseAddresses::default().set_eh_frame(address);
        let frames = EhFrame::new(&section, LittleEndian);
        let mut index = Vec::new();
        let mut entries = frames.entries(&bases);
        while let Some(entry) = entries.next()? {
            if let CieOrFde::Fde(entry) = entry {
                let entry = entry.parse(EhFrame::cie_from_offset)?;
                index.push((entry.initial_address(), entry.offset() as u32));
            }
        }
        index.sort_unstable();
        Ok(Self { name, text, section, bases, index })
    }

    /// The row for the instruction at `pc`; `None` if the tables don't cover it.
    pub(super) fn row(&self, pc: u64, scratch: &mut Scratch) -> Result<Option<Row>, gimli::Error> {
        let behind = self.index.partition_point(|(start, _)| *start <= pc);
        let Some((_, offset)) = behind.checked_sub(1).and_then(|at| self.index.get(at)) else {
            return Ok(None);
        };
        let frames: EhFrame<EndianSlice<'_, LittleEndian>> = EhFrame::new(&self.section, LittleEndian);
        let entry =
            frames.fde_from_offset(&self.bases, (*offset as usize).into(), EhFrame::cie_from_offset)?;
        if !entry.contains(pc) {
            return Ok(None);
        }
        if usize::from(entry.cie().return_address_register().0) != RIP {
            return Err(gimli::Error::NoUnwindInfoForAddress);
        }
        let row = entry.unwind_info_for_address(&frames, &self.bases, scratch, pc)?;
        let row = Row::new(row, entry.is_signal_trampoline());
        row.map(Some).ok_or(gimli::Error::UnsupportedEvaluation)
    }
}

fn read(memory: &dyn Memory, start: u64, end: u64) -> Result<Vec<u8>, FramesError> {
    let len = end.checked_sub(start).filter(|len| *len > 0).ok_or(FramesError::Missing)?;
    if len > SECTION_LEN_MAX {
        return Err(FramesError::TooLong(len));
    }
    Ok(memory.read_vec(start, len)?)
}
