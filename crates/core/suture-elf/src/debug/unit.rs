//! One unit, read as far as it was asked for.

use std::cell::OnceCell;

use super::error::DebugError;
use super::index::Index;
use super::lines::Lines;
use super::{DebugInfo, Slice};

/// A compilation, partial or type unit.
#[derive(Debug)]
pub(super) struct Unit<'s> {
    pub(super) header: gimli::UnitHeader<Slice<'s>>,
    parsed: OnceCell<Result<Box<gimli::Unit<Slice<'s>>>, DebugError>>,
    lines: OnceCell<Result<Lines<'s>, DebugError>>,
    index: OnceCell<Result<Index, DebugError>>,
}

impl<'s> Unit<'s> {
    pub(super) fn new(header: gimli::UnitHeader<Slice<'s>>) -> Self {
        Self { header, parsed: OnceCell::new(), lines: OnceCell::new(), index: OnceCell::new() }
    }
}

impl<'s> DebugInfo<'s> {
    pub(super) fn parsed(&self, unit: u32) -> Result<&gimli::Unit<Slice<'s>>, DebugError> {
        let slot = self.slot(unit)?;
        let parse = || Ok(Box::new(self.dwarf.unit(slot.header)?));
        slot.parsed.get_or_init(parse).as_deref().map_err(Clone::clone)
    }

    pub(super) fn lines(&self, unit: u32) -> Result<&Lines<'s>, DebugError> {
        let read = || Lines::read(self, self.parsed(unit)?);
        self.slot(unit)?.lines.get_or_init(read).as_ref().map_err(Clone::clone)
    }

    pub(super) fn index(&self, unit: u32) -> Result<&Index, DebugError> {
        let read = || Index::read(self, unit);
        self.slot(unit)?.index.get_or_init(read).as_ref().map_err(Clone::clone)
    }

    fn slot(&self, unit: u32) -> Result<&Unit<'s>, DebugError> {
        let dangling = DebugError::Dangling { what: "a unit", offset: unit.into() };
        self.units.get(unit as usize).ok_or(dangling)
    }
}
