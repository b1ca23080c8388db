//! Reading the memory of a process, wherever it comes from.

use std::cell::RefCell;
use std::collections::BTreeMap;

use thiserror::Error;

use crate::link::PAGE;

/// Most bytes that one call reads into new memory.
pub const READ_LEN_MAX: u64 = 256 << 20;

/// Memory of a process.
pub trait Memory {
    /// Reads all of `into`, or fails without saying how much could have been read.
    fn read(&self, address: u64, into: &mut [u8]) -> Result<(), MemoryError>;

    /// A little-endian word.
    fn read_u64(&self, address: u64) -> Result<u64, MemoryError> {
        let mut bytes = [0; 8];
        self.read(address, &mut bytes)?;
        Ok(u64::from_le_bytes(bytes))
    }

    /// `len` bytes; refused above [`READ_LEN_MAX`].
    fn read_vec(&self, address: u64, len: u64) -> Result<Vec<u8>, MemoryError> {
        if len > READ_LEN_MAX {
            return Err(MemoryError { address, len });
        }
        let mut bytes = vec![0; len as usize];
        self.read(address, &mut bytes)?;
        Ok(bytes)
    }

    /// The bytes before the next NUL, which must come within `max` bytes.
    fn read_cstr(&self, address: u64, max: u64) -> Result<Vec<u8>, MemoryError> {
        const STEP: u64 = 64;
        let mut text = Vec::new();
        while (text.len() as u64) < max {
            let here = address.wrapping_add(text.len() as u64);
            // Never across a step's boundary: the next page may not be there.
            let len = (STEP - here % STEP).min(max - text.len() as u64);
            let bytes = self.read_vec(here, len)?;
            if let Some(end) = bytes.iter().position(|byte| *byte == 0) {
                text.extend_from_slice(&bytes[..end]);
                return Ok(text);
            }
            text.extend_from_slice(&bytes);
        }
        Err(MemoryError { address, len: max })
    }
}

/// Memory that could not be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("{len} bytes at {address:#x} can't be read")]
pub struct MemoryError {
    /// First address.
    pub address: u64,
    /// How many bytes were wanted.
    pub len: u64,
}

/// Pieces of memory that were read before: a picture of a process.
#[derive(Debug, Clone, Default)]
pub struct Snapshot {
    /// First address and content, ascending and not overlapping.
    pieces: Vec<(u64, Vec<u8>)>,
}

impl Snapshot {
    /// Adds a piece.
    pub fn insert(&mut self, address: u64, bytes: Vec<u8>) {
        let at = self.pieces.partition_point(|(start, _)| *start < address);
        self.pieces.insert(at, (address, bytes));
    }
}

impl Memory for Snapshot {
    fn read(&self, address: u64, into: &mut [u8]) -> Result<(), MemoryError> {
        let error = MemoryError { address, len: into.len() as u64 };
        let at = self.pieces.partition_point(|(start, _)| *start <= address);
        let (start, bytes) = at.checked_sub(1).and_then(|at| self.pieces.get(at)).ok_or(error)?;
        let from = (address - start) as usize;
        let piece = from.checked_add(into.len()).and_then(|end| bytes.get(from..end)).ok_or(error)?;
        into.copy_from_slice(piece);
        Ok(())
    }
}

/// Most pages that [`Paged`] keeps; then it begins anew.
const PAGES_MAX: usize = 4096;

/// Memory that is read by the page, and each page once: for tables that are read word by word and do not change meanwhile.
pub struct Paged<'m> {
    memory: &'m dyn Memory,
    pages: RefCell<BTreeMap<u64, Vec<u8>>>,
}

impl<'m> Paged<'m> {
    /// Nothing has been read yet.
    pub fn new(memory: &'m dyn Memory) -> Self {
        Self { memory, pages: RefCell::default() }
    }

    /// Copies what `into` has room for out of the page at `page`, beginning `from` bytes behind its start.
    fn read_of_page(&self, page: u64, from: usize, into: &mut [u8]) -> Result<(), MemoryError> {
        let mut pages = self.pages.borrow_mut();
        if !pages.contains_key(&page) {
            let bytes = self.memory.read_vec(page, PAGE)?;
            if pages.len() == PAGES_MAX {
                pages.clear();
            }
            pages.insert(page, bytes);
        }
        let bytes = &pages[&page];
        into.copy_from_slice(&bytes[from..from + into.len()]);
        Ok(())
    }
}

impl Memory for Paged<'_> {
    fn read(&self, address: u64, into: &mut [u8]) -> Result<(), MemoryError> {
        let from = (address % PAGE) as usize;
        // What is as long as a page gains nothing; what lies across two is rare.
        if from + into.len() <= PAGE as usize && self.read_of_page(address - from as u64, from, into).is_ok()
        {
            return Ok(());
        }
        self.memory.read(address, into)
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[test]
    fn reads_whole_pieces_or_nothing() {
        let mut memory = Snapshot::default();
        memory.insert(0x1000, b"hello\0world".to_vec());
        assert_eq!(memory.read_vec(0x1006, 5).unwrap(), b"world");
        assert_eq!(memory.read_cstr(0x1000, 6).unwrap(), b"hello");
        assert_eq!(memory.read_cstr(0x1000, 5), Err(MemoryError { address: 0x1000, len: 5 }));
        assert!(memory.read_vec(0x1006, 6).is_err());
        assert!(memory.read_vec(0x0fff, 2).is_err());
        assert!(memory.read_vec(0x1000, READ_LEN_MAX + 1).is_err());
    }

    /// Counts how often it is read.
    struct Counted(Snapshot, Cell<usize>);

    impl Memory for Counted {
        fn read(&self, address: u64, into: &mut [u8]) -> Result<(), MemoryError> {
            self.1.set(self.1.get() + 1);
            self.0.read(address, into)
        }
    }

    #[test]
    fn a_page_is_read_once() {
        let mut memory = Snapshot::default();
        let bytes: Vec<u8> = (0..3 * PAGE).map(|at| (at % 251) as u8).collect();
        memory.insert(0x1000, bytes.clone());
        memory.insert(0x7800, b"half a page".to_vec());
        let counted = Counted(memory, Cell::new(0));
        let paged = Paged::new(&counted);
        for at in [0_usize, 8, 4088] {
            assert_eq!(paged.read_vec(0x1000 + at as u64, 8).unwrap(), bytes[at..at + 8]);
        }
        assert_eq!(counted.1.get(), 1);
        assert_eq!(paged.read_vec(0x1ffc, 8).unwrap(), bytes[0xffc..0x1004], "across two pages");
        assert_eq!(paged.read_vec(0x7800, 4).unwrap(), b"half", "where the page is not there as a whole");
        assert!(paged.read_vec(0x9000, 1).is_err());
    }
}
