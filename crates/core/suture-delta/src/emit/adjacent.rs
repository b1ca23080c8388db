//! Objects that travel side by side, because an address between two of them may be the end of one or the beginning of the
//! other: in one section, as far from each other as in the new build.

use std::collections::{BTreeMap, BTreeSet};

use super::Emitter;
use super::ends::touch;
use crate::bounds::{self, Types};
use crate::model::Section;
use crate::side::{EntityId, EntityKind};

/// Something that travels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Member {
    /// Where it, or what it is a copy of, stands in the new build.
    pub(super) start: u64,
    pub(super) symbol: u32,
}

impl Emitter<'_, '_, '_, '_> {
    /// Puts objects that are to go side by side into one section each time, and leaves no empty one. All must be filled.
    pub(crate) fn join_neighbours(&mut self) {
        self.keep_neighbours();
        let mut emptied = BTreeSet::new();
        for group in groups(&self.side_by_side) {
            self.join(&group, &mut emptied);
        }
        self.drop_sections(&emptied);
    }

    /// New objects that only one file sees, one behind the other: a later patch on top of this may refer to where they meet, and has
    /// to find them so.
    fn keep_neighbours(&mut self) {
        let (side, types) = (self.same.new, Types(self.same.debug.new));
        let member =
            |id: EntityId| Some(Member { start: side.entity(id).address, symbol: *self.carried.get(&id)? });
        let mut pairs = Vec::new();
        for second in self.carried.keys().copied() {
            let object = side.entity(second);
            if object.kind == EntityKind::Object && object.local {
                let before = bounds::neighbours(side, types, object.address, bounds::own_file(object));
                let before = before.filter(|first| touch(side, *first, second));
                pairs.extend(before.filter_map(|first| Some((member(first)?, member(second)?))));
            }
        }
        self.side_by_side.extend(pairs);
    }

    fn join(&mut self, group: &BTreeSet<Member>, emptied: &mut BTreeSet<u32>) {
        let Some(Member { start: base, .. }) = group.first().copied() else { return };
        let member = |one: &Member| (one.start - base, one.symbol, self.symbols[one.symbol as usize].section);
        let members: Vec<(u64, u32, u32)> = group.iter().map(member).collect();
        let Some((_, _, home)) = members.first().copied() else { return };
        let align = members.iter().map(|(_, _, section)| self.sections[*section as usize].align).max();
        let align = align.unwrap_or(1);
        let lead = base % align;
        let mut joined = Section {
            name: self.sections[home as usize].name.clone(),
            kind: self.sections[home as usize].kind,
            align,
            data: Vec::new(),
            size: 0,
            relocations: Vec::new(),
        };
        for (distance, symbol, section) in members {
            append(&mut joined, lead + distance, &self.sections[section as usize]);
            if section != home {
                emptied.insert(section);
            }
            let symbol = &mut self.symbols[symbol as usize];
            (symbol.section, symbol.offset) = (home, lead + distance);
        }
        joined.relocations.sort_by_key(|relocation| relocation.offset);
        joined.relocations.dedup_by_key(|relocation| relocation.offset);
        self.sections[home as usize] = joined;
    }

    fn drop_sections(&mut self, emptied: &BTreeSet<u32>) {
        let mut number = 0;
        self.sections.retain(|_| {
            number += 1;
            !emptied.contains(&(number - 1))
        });
        for symbol in &mut self.symbols {
            symbol.section -= emptied.range(..symbol.section).count() as u32;
        }
    }
}

/// Puts `part` at an offset of `whole`.
fn append(whole: &mut Section, offset: u64, part: &Section) {
    let end = offset.saturating_add(part.size);
    whole.size = whole.size.max(end);
    if !part.data.is_empty() {
        whole.data.resize(whole.data.len().max(end as usize), 0);
        whole.data[offset as usize..end as usize].copy_from_slice(&part.data);
    }
    whole.relocations.extend(part.relocations.iter().copied().map(|mut relocation| {
        relocation.offset += offset;
        relocation
    }));
}

/// What hangs together, by pairs of neighbours.
fn groups(pairs: &BTreeSet<(Member, Member)>) -> Vec<BTreeSet<Member>> {
    let mut group_of: BTreeMap<Member, usize> = BTreeMap::new();
    let mut groups: Vec<BTreeSet<Member>> = Vec::new();
    for (first, second) in pairs {
        let known: BTreeSet<usize> =
            [first, second].iter().filter_map(|id| group_of.get(id).copied()).collect();
        let mut group = BTreeSet::from([*first, *second]);
        for number in known {
            group.append(&mut groups[number]);
        }
        group_of.extend(group.iter().map(|id| (*id, groups.len())));
        groups.push(group);
    }
    groups.retain(|group| !group.is_empty());
    groups
}
