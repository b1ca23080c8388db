//! Which symbols of a delta are the same as symbols of earlier ones.
//!
//! Two symbols are alike if their bytes are and everything that they refer to is, and functions refer to each
//! other in circles. So all candidates count as alike at first, and what differs is taken out until nothing
//! changes any more: the greatest relation that supports itself, as equivalence of automata is found (Hopcroft
//! and Karp, "A linear algorithm for testing equivalence of finite automata", 1971).

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::contents::Contents;
use super::{Earlier, Provided, Top, mismatch};
use crate::model::{
    Delta, Relocation, RelocationKind, Resolution, Section, SectionKind, Symbol, SymbolKind, Target,
};
use crate::names;
use crate::refusal::Refusal;

/// A symbol of an earlier patch: which patch, and the index of the symbol.
pub(super) type Place = (usize, u32);

/// The relation.
pub(super) struct Alike<'a> {
    full: Contents<'a>,
    below: Vec<Contents<'a>>,
    ids: HashMap<String, usize>,
    pairs: BTreeSet<(u32, Place)>,
}

impl<'a> Alike<'a> {
    pub(super) fn find(
        full: &'a Delta,
        below: &'a [Earlier],
        tops: &BTreeMap<u64, Top>,
        variables: &BTreeMap<u32, Place>,
    ) -> Self {
        let ids = below.iter().enumerate().map(|(index, earlier)| (earlier.id.to_string(), index)).collect();
        let mut alike = Self {
            full: Contents::of(full),
            below: below.iter().map(|earlier| Contents::of(&earlier.delta)).collect(),
            ids,
            pairs: variables.iter().map(|(symbol, place)| (*symbol, *place)).collect(),
        };
        alike.add_candidates(tops);
        let fixed: BTreeSet<u32> = variables.keys().copied().collect();
        loop {
            let (kept, gone): (BTreeSet<_>, BTreeSet<_>) = alike
                .pairs
                .iter()
                .copied()
                .partition(|(symbol, place)| fixed.contains(symbol) || alike.is_alike(*symbol, *place));
            alike.pairs = kept;
            if gone.is_empty() {
                return alike;
            }
        }
    }

    /// All pairs of symbols that are called the same and whose bytes are equal. Of a replaced function only
    /// the code that runs counts.
    fn add_candidates(&mut self, tops: &BTreeMap<u64, Top>) {
        let mut by_class: HashMap<Class, Vec<Place>> = HashMap::new();
        for (index, contents) in self.below.iter().enumerate() {
            for (symbol, found) in (0..).zip(&contents.delta.symbols) {
                if let Some(class) = class(contents.delta, found) {
                    by_class.entry(class).or_default().push((index, symbol));
                }
            }
        }
        let full = self.full.delta;
        let running = |symbol: u32| {
            let site = full.meta.sites.iter().find(|site| site.code == symbol)?;
            Some(tops.get(&site.address).map(|top| (self.ids.get(&top.code.id).copied(), top.code.symbol)))
        };
        let mut pairs = Vec::new();
        for (symbol, found) in (0..).zip(&full.symbols) {
            let candidates = class(full, found).and_then(|class| by_class.get(&class));
            let only = running(symbol);
            for place in candidates.into_iter().flatten() {
                let runs = only.is_none_or(|top| top == Some((Some(place.0), place.1)));
                if runs && self.has_same_bytes(symbol, *place) {
                    pairs.push((symbol, *place));
                }
            }
        }
        self.pairs.extend(pairs);
    }

    fn has_same_bytes(&self, symbol: u32, (below, other): Place) -> bool {
        let (a, b) = (self.full.piece(symbol), self.below[below].piece(other));
        a.zip(b).is_some_and(|(a, b)| (a.kind, a.size, a.data) == (b.kind, b.size, b.data))
    }

    /// Whether a symbol and one of an earlier patch hold the same.
    pub(super) fn is_alike(&self, symbol: u32, (below, other): Place) -> bool {
        let (a, b) = (&self.full, &self.below[below]);
        let (Some(here), Some(there)) = (a.piece(symbol), b.piece(other)) else { return false };
        let target = |x: Target, y: Target| self.is_alike_target(x, below, y);
        let (own, its) = (a.rules(symbol), b.rules(other));
        self.has_same_bytes(symbol, (below, other))
            && relocations(&here.relocations, &there.relocations, &target)
            && own.len() == its.len()
            && own.iter().zip(its).all(|(x, y)| x.is_alike(y, &target))
    }

    fn is_alike_target(&self, here: Target, below: usize, there: Target) -> bool {
        let resolution =
            |index: u32| self.below[below].delta.references.get(index as usize).map(|r| &r.resolution);
        match (here, there) {
            (Target::Symbol(here), Target::Symbol(there)) => self.pairs.contains(&(here, (below, there))),
            (Target::Symbol(here), Target::Reference(there)) => match resolution(there) {
                Some(Resolution::Patch { id, symbol }) => {
                    self.ids.get(id).is_some_and(|index| self.pairs.contains(&(here, (*index, *symbol))))
                }
                _ => false,
            },
            (Target::Reference(here), Target::Reference(there)) => {
                let here = self.full.delta.references.get(here as usize).map(|r| &r.resolution);
                match (here, resolution(there)) {
                    (Some(Resolution::Chosen { by: here }), Some(Resolution::Chosen { by: there })) => {
                        self.is_alike_target(*here, below, *there)
                    }
                    (here, there) => here == there,
                }
            }
            (Target::Reference(_), Target::Symbol(_)) => false,
        }
    }

    /// Name of a symbol, its size in an earlier patch and its size now.
    pub(super) fn sizes(&self, symbol: u32, (below, other): Place) -> (&str, u64, u64) {
        let at = |contents: &Contents<'a>, index: u32| contents.delta.symbols.get(index as usize);
        let size = |symbol: Option<&Symbol>| symbol.map_or(0, |symbol| symbol.size);
        let (now, before) = (at(&self.full, symbol), at(&self.below[below], other));
        (now.map_or("", |symbol| symbol.name.as_str()), size(before), size(now))
    }

    /// Where a symbol is already; the newest place counts.
    pub(super) fn provided(&self, symbol: u32) -> Option<Provided> {
        let places = self.pairs.range((symbol, (0, 0))..=(symbol, (usize::MAX, u32::MAX)));
        let (_, (below, symbol)) =
            places.max_by_key(|(_, (below, symbol))| (*below, std::cmp::Reverse(*symbol)))?;
        let id = self.ids.iter().find(|(_, index)| *index == below).map(|(id, _)| id.clone())?;
        Some(Provided { id, symbol: *symbol })
    }

    /// Addresses of objects of the old build that the last patch to touch them gave the content that they get.
    pub(super) fn settled_overwrites(&self) -> impl Iterator<Item = u64> {
        self.full
            .delta
            .meta
            .overwrites
            .iter()
            .filter(|object| {
                let earlier = self.below.iter().enumerate().rev().find_map(|(index, contents)| {
                    let same = contents
                        .delta
                        .meta
                        .overwrites
                        .iter()
                        .find(|other| other.address == object.address)?;
                    Some((index, same.content))
                });
                earlier.is_some_and(|place| self.is_alike(object.content, place))
            })
            .map(|object| object.address)
    }

    /// Functions that an earlier patch brought, that have changed since, and whose address may be anywhere.
    pub(super) fn changed_behind_pointers(&self) -> Vec<Refusal> {
        let full = self.full.delta;
        let replaced: BTreeSet<u32> = full.meta.sites.iter().map(|site| site.code).collect();
        let mut refusals = Vec::new();
        for (symbol, found) in (0..).zip(&full.symbols) {
            let is_new = found.kind == SymbolKind::Function && !replaced.contains(&symbol);
            if !is_new || self.provided(symbol).is_some() {
                continue;
            }
            let Some(class) = class(full, found) else { continue };
            let taken = self.below.iter().enumerate().find(|(index, contents)| {
                (0..).zip(&contents.delta.symbols).any(|(other, candidate)| {
                    self::class(contents.delta, candidate).as_ref() == Some(&class)
                        && self.is_address_taken((*index, other))
                })
            });
            if let Some((index, _)) = taken {
                let id = self.ids.iter().find(|(_, other)| **other == index).map_or("", |(id, _)| id);
                let message = format!(
                    "patch {id} brought it and takes its address, so that pointers to it live in the process, and it changed"
                );
                let help = "revert that patch first, or leave the function as it is and write a new one";
                refusals.push(mismatch(&found.name, message, help));
            }
        }
        refusals
    }

    /// Whether something of an earlier patch holds the address of a function of one, rather than calling it.
    fn is_address_taken(&self, (of, function): Place) -> bool {
        self.below.iter().enumerate().any(|(index, contents)| {
            let is_it = |target: Target| match target {
                Target::Symbol(symbol) => (index, symbol) == (of, function),
                Target::Reference(reference) => {
                    let found = contents.delta.references.get(reference as usize).map(|r| &r.resolution);
                    matches!(found, Some(Resolution::Patch { id, symbol })
                        if *symbol == function && self.ids.get(id) == Some(&of))
                }
            };
            contents.delta.sections.iter().any(|section| {
                let speaks_of = section.relocations.iter().filter(|relocation| is_it(relocation.target));
                speaks_of.into_iter().any(|relocation| takes_address(section, relocation))
            })
        })
    }
}

/// Whether two lists of relocations mean the same, if `alike` tells whether two targets do.
pub(super) fn relocations(
    a: &[Relocation],
    b: &[Relocation],
    alike: &dyn Fn(Target, Target) -> bool,
) -> bool {
    let same = |(x, y): (&Relocation, &Relocation)| {
        (x.offset, x.kind, x.addend) == (y.offset, y.kind, y.addend) && alike(x.target, y.target)
    };
    a.len() == b.len() && a.iter().zip(b).all(same)
}

/// What symbols have in common that may be the same.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Class {
    kind: SectionKind,
    key: names::Key,
}

/// The class of a symbol; `None` for what is made for one delta alone, such as stubs.
pub(super) fn class(delta: &Delta, symbol: &Symbol) -> Option<Class> {
    let kind = delta.sections.get(symbol.section as usize)?.kind;
    let own = ["suture_stub.", "suture_old."].iter().any(|prefix| symbol.name.starts_with(prefix));
    if own || matches!(kind, SectionKind::Template | SectionKind::Frames) {
        return None;
    }
    // A variable that gets its first value may be one that had none before.
    let kind = if kind == SectionKind::Bss { SectionKind::Data } else { kind };
    Some(Class { kind, key: names::key(&symbol.name) })
}

/// Whether a relocation stands elsewhere than behind the opcode of a direct call or jump.
fn takes_address(section: &Section, relocation: &Relocation) -> bool {
    let at = relocation.offset as usize;
    let before = |back: usize| at.checked_sub(back).and_then(|at| section.data.get(at)).copied();
    let is_branch = matches!(before(1), Some(0xe8 | 0xe9))
        || (before(2) == Some(0x0f) && matches!(before(1), Some(0x80..=0x8f)));
    let in_rules = section.kind == SectionKind::Frames;
    !(in_rules || section.kind == SectionKind::Text && relocation.kind == RelocationKind::Pc32 && is_branch)
}
