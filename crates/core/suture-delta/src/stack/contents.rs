//! What each symbol of a delta is, wherever it stands: objects that go side by side share a section.

use std::collections::BTreeMap;

use super::rules::{self, Rule};
use crate::model::{Delta, Relocation, SectionKind};

/// Bytes and targets of one delta, by symbol.
pub(super) struct Contents<'a> {
    pub(super) delta: &'a Delta,
    rules: BTreeMap<u32, Vec<Rule<'a>>>,
}

/// A symbol's part of its section.
pub(super) struct Piece<'a> {
    pub(super) kind: SectionKind,
    pub(super) size: u64,
    /// Its bytes; none of what begins as zeros.
    pub(super) data: &'a [u8],
    /// Offsets count from its beginning.
    pub(super) relocations: Vec<Relocation>,
}

impl<'a> Contents<'a> {
    pub(super) fn of(delta: &'a Delta) -> Self {
        Self { delta, rules: rules::by_code(delta) }
    }

    /// What a symbol is; `None` if it is not inside its section.
    pub(super) fn piece(&self, symbol: u32) -> Option<Piece<'a>> {
        let found = self.delta.symbols.get(symbol as usize)?;
        let section = self.delta.sections.get(found.section as usize)?;
        let (start, end) = (found.offset, found.offset.checked_add(found.size)?);
        let data = match section.kind {
            SectionKind::Bss => &[],
            _ => section.data.get(start as usize..end as usize)?,
        };
        let inside =
            section.relocations.iter().filter(|relocation| (start..end).contains(&relocation.offset));
        let moved = |relocation: &Relocation| Relocation { offset: relocation.offset - start, ..*relocation };
        Some(Piece { kind: section.kind, size: found.size, data, relocations: inside.map(moved).collect() })
    }

    /// The unwind rules of a function.
    pub(super) fn rules(&self, symbol: u32) -> &[Rule<'a>] {
        self.rules.get(&symbol).map_or(&[], Vec::as_slice)
    }
}
