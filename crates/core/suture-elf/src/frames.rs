//! Unwind rules (`.eh_frame`) and exception tables (`.gcc_except_table`) of a build, by address.
//!
//! They are part of what a function is: `catch (A&)` and `catch (B&)` have the same code, and only the
//! table tells them apart. So the comparison asks for a function's [`Identity`] beside its code, and the
//! emission copies the rules of what it carries. Reading follows the LSB ("Exception Frames") and the
//! Itanium C++ ABI ("Exception Handling Tables").

mod entry;
mod error;
mod identity;
mod instructions;
mod pointer;
mod table;

use crate::build::Build;
use entry::Entries;
use error::Flaw;
use pointer::Bytes;

pub use entry::{Cie, Fde};
pub use error::FrameError;
pub use identity::{Identity, Rules, TableRules};
pub use pointer::Pointer;
pub use table::{CallSite, Table};

/// The unwind rules of a build.
#[derive(Debug)]
pub struct Frames<'d> {
    cies: Vec<Cie<'d>>,
    /// Ascending by address.
    fdes: Vec<Fde<'d>>,
}

impl<'d> Frames<'d> {
    /// Reads `.eh_frame`; a build without one has no rules. Fails if any entry can't be read, for then
    /// nothing is known about the functions behind it.
    pub fn parse(build: &Build<'d>) -> Result<Self, FrameError> {
        let Some(section) = build.section(".eh_frame") else {
            return Ok(Self { cies: Vec::new(), fdes: Vec::new() });
        };
        Self::read(section.data, section.address)
    }

    /// Reads the bytes of an `.eh_frame` section that is loaded at `address`.
    pub fn read(section: &'d [u8], address: u64) -> Result<Self, FrameError> {
        let Entries { cies, mut fdes, .. } = Entries::read(bytes(section), address)?;
        fdes.sort_by_key(|fde| (fde.start, fde.offset));
        Ok(Self { cies, fdes })
    }

    /// All rules, ascending by address.
    pub fn fdes(&self) -> &[Fde<'d>] {
        &self.fdes
    }

    /// The rules for the code at `address`.
    pub fn fde_for(&self, address: u64) -> Option<&Fde<'d>> {
        let next = self.fdes.partition_point(|fde| fde.start <= address);
        self.fdes.get(next.checked_sub(1)?).filter(|fde| address < fde.end())
    }

    /// The rules that begin in `start..end`, ascending by address: one for most functions, none for some
    /// hand-written ones, and several for others.
    pub fn in_range(&self, start: u64, end: u64) -> &[Fde<'d>] {
        let from = self.fdes.partition_point(|fde| fde.start < start);
        let to = self.fdes.partition_point(|fde| fde.start < end);
        self.fdes.get(from..to).unwrap_or_default()
    }

    /// What `fde` has in common with others.
    pub fn cie(&self, fde: &Fde<'d>) -> Option<&Cie<'d>> {
        self.cies.get(fde.cie as usize)
    }

    /// The instructions of `fde` without padding. Fails for instructions that can't be moved together
    /// with the function, because they name an address.
    pub fn instructions(&self, fde: &Fde<'d>) -> Result<&'d [u8], FrameError> {
        let flaw = |flaw: Flaw| flaw.in_entry(fde.offset as usize);
        instructions::without_padding(fde.instructions).map_err(flaw)
    }

    /// The exception table of `fde`, if it has one.
    pub fn table(&self, build: &Build<'d>, fde: &Fde<'d>) -> Result<Option<Table<'d>>, FrameError> {
        let Some(address) = fde.table else { return Ok(None) };
        let outside = || Flaw::Said("it lies outside the file").in_table(address);
        let section = build.section_at(address).ok_or_else(outside)?;
        let data = section.data.get((address - section.address) as usize..).ok_or_else(outside)?;
        Table::read(data, address).map(Some)
    }
}

fn bytes(data: &[u8]) -> Bytes<'_> {
    Bytes::new(data, gimli::LittleEndian)
}
