//! Which of the numbered scopes of one parent is which.
//!
//! Certain is what does the same: taken for each other, all functions that are made for the two have the same code. What lies between two
//! that are certain is paired in order if there are as many on both sides, and if they hold the same: a closure that lives in the
//! process must be what its code takes it for. The rest is new, or gone.

use std::collections::{BTreeMap, BTreeSet};

use suture_elf::debug::DebugInfo;

use super::{Pairs, scopes};
use crate::compare::Debug;
use crate::same::Same;
use crate::side::{EntityId, EntityKind, Side};

/// Most scopes of one parent that are compared with each other.
const SCOPES_MAX: usize = 256;

/// Two builds, with what is paired so far.
pub(super) struct Around<'a, 'b, 'd, 'p> {
    pub(super) old: &'a Side<'b, 'd>,
    pub(super) new: &'a Side<'b, 'd>,
    pub(super) debug: Debug<'a, 'd>,
    pub(super) pairs: &'p mut Pairs,
}

/// What is made for one scope.
#[derive(Debug, Default)]
pub(super) struct Scope {
    /// By kind, mangled name and name, all without the scope's number.
    members: BTreeMap<(EntityKind, String, String), Vec<EntityId>>,
    /// Sizes of its functions, by which most that differ are told apart.
    sizes: Vec<u64>,
    /// Whether it has variables of its own.
    has_state: bool,
}

impl Scope {
    pub(super) fn add(&mut self, side: &Side<'_, '_>, id: EntityId, rest: String) {
        let entity = side.entity(id);
        let base = scopes::wiped(&scopes::skeleton(&entity.key.base));
        let key = (entity.kind, base + &entity.key.clones.concat(), rest);
        self.members.entry(key).or_default().push(id);
        if entity.kind == EntityKind::Function {
            self.sizes.push(entity.size);
            self.sizes.sort_unstable();
        }
        self.has_state |= entity.kind == EntityKind::Object && entity.writable;
    }

    pub(super) fn entities(&self) -> impl Iterator<Item = EntityId> + '_ {
        self.members.values().flatten().copied()
    }

    /// The members of the two that have one name, if that are all functions of both and as many.
    fn zip(&self, new: &Self) -> Option<Vec<(EntityKind, EntityId, EntityId)>> {
        let is_function = |(kind, ..): &&(EntityKind, String, String)| *kind == EntityKind::Function;
        let mut pairs = Vec::new();
        for (key, olds) in &self.members {
            match new.members.get(key) {
                Some(news) if news.len() == olds.len() => {
                    pairs.extend(olds.iter().zip(news).map(|(old, new)| (key.0, *old, *new)));
                }
                _ if is_function(&key) => return None,
                _ => {}
            }
        }
        let is_all = new.members.keys().filter(is_function).all(|key| self.members.contains_key(key));
        is_all.then_some(pairs)
    }
}

/// What came of the comparison.
#[derive(Debug, Default)]
pub(super) struct Aligned {
    /// For each number of the old build that of the new one.
    pub(super) numbers: BTreeMap<i64, Option<i64>>,
    /// Numbers of the old build without one, each with a new one that it could be.
    pub(super) left: Vec<(i64, i64)>,
}

/// Pairs the scopes of one parent by their numbers.
pub(super) fn align(
    around: &mut Around<'_, '_, '_, '_>,
    olds: &BTreeMap<i64, Scope>,
    news: &BTreeMap<i64, Scope>,
) -> Aligned {
    let mut row =
        Row { around, olds: olds.iter().collect(), news: news.iter().collect(), found: BTreeMap::new() };
    row.certain();
    for gap in row.gaps() {
        row.alike_at_the_ends(gap);
    }
    let mut left = Vec::new();
    for Gap { olds, news, is_ordered } in row.gaps() {
        let in_order = olds.len() == news.len()
            && (is_ordered || olds.len() == 1)
            && olds.iter().zip(&news).all(|(old, new)| row.holds_the_same(*old, *new));
        if in_order {
            row.found.extend(olds.into_iter().zip(news));
        } else if let Some(beside) = news.first() {
            left.extend(olds.iter().map(|old| (*row.olds[*old].0, *row.news[*beside].0)));
        }
    }
    let number = |at: usize| row.found.get(&at).map(|new| *row.news[*new].0);
    let numbers = (0..row.olds.len()).map(|at| (*row.olds[at].0, number(at))).collect();
    Aligned { numbers, left }
}

/// Places in the two rows between two pairs.
#[derive(Default)]
struct Gap {
    olds: Vec<usize>,
    news: Vec<usize>,
    is_ordered: bool,
}

struct Row<'r, 'a, 'b, 'd, 'p> {
    around: &'r mut Around<'a, 'b, 'd, 'p>,
    olds: Vec<(&'r i64, &'r Scope)>,
    news: Vec<(&'r i64, &'r Scope)>,
    /// Pairs, by places in the rows.
    found: BTreeMap<usize, usize>,
}

impl Row<'_, '_, '_, '_, '_> {
    /// Pairs those of which each does what the other does, and no third.
    fn certain(&mut self) {
        let numbers = |row: &[(&i64, &Scope)]| row.iter().map(|(number, _)| **number).collect::<Vec<_>>();
        let stay = numbers(&self.olds) == numbers(&self.news);
        if stay && (0..self.olds.len()).all(|at| self.does_the_same(at, at)) {
            self.found = (0..self.olds.len()).map(|at| (at, at)).collect();
            return;
        }
        if self.olds.len().max(self.news.len()) > SCOPES_MAX {
            return;
        }
        let mut alike: Vec<Vec<usize>> = Vec::new();
        for old in 0..self.olds.len() {
            alike.push((0..self.news.len()).filter(|new| self.does_the_same(old, *new)).collect());
        }
        for (old, news) in alike.iter().enumerate() {
            if let [new] = news.as_slice()
                && alike.iter().filter(|others| others.contains(new)).count() == 1
            {
                self.found.insert(old, *new);
            }
        }
    }

    /// What is not paired, between the pairs around it. Where certain pairs have changed places it is one gap, in which nothing is said about
    /// the order.
    fn gaps(&self) -> Vec<Gap> {
        let is_ordered = self.found.values().is_sorted();
        let taken: BTreeMap<usize, usize> = self.found.iter().map(|(old, new)| (*new, *old)).collect();
        let mut gaps: BTreeMap<usize, Gap> = BTreeMap::new();
        // By how many pairs are before it.
        let place = |before: usize| if is_ordered { before } else { 0 };
        for old in (0..self.olds.len()).filter(|old| !self.found.contains_key(old)) {
            gaps.entry(place(self.found.range(..old).count())).or_default().olds.push(old);
        }
        for new in (0..self.news.len()).filter(|new| !taken.contains_key(new)) {
            gaps.entry(place(taken.range(..new).count())).or_default().news.push(new);
        }
        gaps.into_values().map(|gap| Gap { is_ordered, ..gap }).collect()
    }

    /// Of several that do the same the first, and the last, of a gap: which is which makes no difference unless they have variables.
    fn alike_at_the_ends(&mut self, Gap { mut olds, mut news, .. }: Gap) {
        for at_end in [false, true] {
            let end = |row: &[usize]| if at_end { row.last().copied() } else { row.first().copied() };
            while let Some((old, new)) = end(&olds).zip(end(&news)) {
                let has_state = self.olds[old].1.has_state || self.news[new].1.has_state;
                if has_state || !self.does_the_same(old, new) {
                    break;
                }
                self.found.insert(old, new);
                olds.retain(|at| *at != old);
                news.retain(|at| *at != new);
            }
        }
    }

    /// Whether two scopes, taken for each other, do the same.
    fn does_the_same(&mut self, old: usize, new: usize) -> bool {
        let (x, y) = (self.olds[old].1, self.news[new].1);
        if x.sizes.is_empty() || x.sizes != y.sizes {
            return false;
        }
        let Some(members) = x.zip(y) else { return false };
        let Around { old, new, debug, pairs } = &mut *self.around;
        let joined: Vec<_> = members.iter().map(|(_, old, new)| (*old, *new)).collect();
        let functions = members.iter().filter(|(kind, ..)| *kind == EntityKind::Function);
        pairs.supposing(&joined, |pairs| {
            let same = Same::new((*old, *new), pairs, *debug, &|_| false);
            functions.into_iter().all(|(_, old, new)| same.code_difference(*old, *new).is_none())
        })
    }

    /// Whether what lives of one scope is what the code of the other takes it for: names and types of all that a closure holds.
    fn holds_the_same(&self, old: usize, new: usize) -> bool {
        let (x, y) = (self.olds[old].1, self.news[new].1);
        let Around { old, new, debug, .. } = &*self.around;
        let (Some(a), Some(b)) = (debug.old, debug.new) else { return true };
        let held = |debug: &DebugInfo<'_>, side: &Side<'_, '_>, id: EntityId| {
            let captures = debug.captures_at(side.entity(id).address).ok()?.unwrap_or_default();
            let wiped = captures.into_iter().map(|(name, type_name)| (name, scopes::wiped(&type_name)));
            Some(wiped.collect::<Vec<_>>())
        };
        let of = |debug, side: &Side<'_, '_>, scope: &Scope| {
            let functions = scope.members.iter().filter(|((kind, ..), _)| *kind == EntityKind::Function);
            functions
                .map(|(key, ids)| Some((key.clone(), held(debug, side, *ids.first()?)?)))
                .collect::<Option<BTreeMap<_, _>>>()
        };
        let (Some(x), Some(y)) = (of(a, old, x), of(b, new, y)) else { return false };
        let names: BTreeSet<_> = x.keys().filter(|key| y.contains_key(*key)).collect();
        names.into_iter().all(|name| x.get(name) == y.get(name))
    }
}
