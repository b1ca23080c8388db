//! Unwind rules of a delta, function by function: a changed exception table is a changed function.

use std::collections::BTreeMap;

use crate::model::{Delta, Relocation, SectionKind, Target};

/// Offset of the code's address in an entry of `.eh_frame`, behind its length and the distance to its common
/// part (LSB core specification, §10.6.1).
const CODE_OFFSET: usize = 8;
/// Length of an entry's length.
const LENGTH_LEN: usize = 4;

/// The rules for one piece of code: the common part and its own, each as bytes and relocations.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Rule<'a> {
    common: Entry<'a>,
    own: Entry<'a>,
}

/// Part of `.eh_frame` with its relocations, whose offsets count from its beginning.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Entry<'a> {
    bytes: &'a [u8],
    relocations: Vec<Relocation>,
}

impl Rule<'_> {
    /// Whether both say the same, if `alike` tells whether two targets are.
    pub(super) fn is_alike(&self, other: &Rule<'_>, alike: &dyn Fn(Target, Target) -> bool) -> bool {
        let same = |a: &Entry<'_>, b: &Entry<'_>| {
            a.bytes == b.bytes && super::alike::relocations(&a.relocations, &b.relocations, alike)
        };
        same(&self.common, &other.common) && same(&self.own, &other.own)
    }
}

/// The rules of every function symbol that has some.
pub(super) fn by_code(delta: &Delta) -> BTreeMap<u32, Vec<Rule<'_>>> {
    let mut rules: BTreeMap<u32, Vec<Rule<'_>>> = BTreeMap::new();
    let Some(section) = delta.sections.iter().find(|section| section.kind == SectionKind::Frames) else {
        return rules;
    };
    let entry = |start: usize| -> Option<(Entry<'_>, usize)> {
        let len = section.data.get(start..start + LENGTH_LEN)?.try_into().ok()?;
        let end = start + LENGTH_LEN + u32::from_le_bytes(len) as usize;
        let bytes = section.data.get(start + CODE_OFFSET..end)?;
        let inside = |relocation: &&Relocation| (start as u64..end as u64).contains(&relocation.offset);
        let moved =
            |relocation: &Relocation| Relocation { offset: relocation.offset - start as u64, ..*relocation };
        let relocations = section.relocations.iter().filter(inside).map(moved).collect();
        Some((Entry { bytes, relocations }, end))
    };
    let mut at = 0;
    while let Some((own, end)) = entry(at) {
        let distance = section.data.get(at + LENGTH_LEN..at + CODE_OFFSET).and_then(|d| d.try_into().ok());
        let distance = u32::from_le_bytes(distance.unwrap_or_default()) as usize;
        let common = (at + LENGTH_LEN).checked_sub(distance).filter(|_| distance != 0).and_then(entry);
        let code = own.relocations.iter().find(|relocation| relocation.offset == CODE_OFFSET as u64);
        if let (Some((common, _)), Some(Target::Symbol(symbol))) = (common, code.map(|code| code.target)) {
            rules.entry(symbol).or_default().push(Rule { common, own });
        }
        at = end;
    }
    rules
}
