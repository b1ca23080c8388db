//! Pairs what belongs to numbered scopes: lambdas and unnamed types of C++, closures of Rust.
//!
//! One more closure in a function, and each behind it has the number of its neighbour. By their names the entry of one would lead to the
//! code of another, which live pointers then run, and each would get the static variables of another. So the scopes of one parent are
//! paired first, in the order of the source, by what is certain ([`align`]); then the names of the old build
//! are read with the numbers of the new one, and pair as others do. Scopes in scopes come after those around them.

use std::collections::{BTreeMap, BTreeSet};

use super::align::{self, Around, Scope};
use super::scopes::{self, Token};
use super::{Doubt, Pairs};
use crate::compare::Debug;
use crate::impact::CallGraph;
use crate::same::Same;
use crate::side::{EntityId, EntityKind, Side};

/// Scopes within scopes that are followed.
const DEPTH_MAX: usize = 16;

/// Names of what belongs to numbered scopes.
type Texts = BTreeMap<EntityId, String>;

/// What the numbers of the old build are in the new one, for each depth, by what those of one parent have in common.
#[derive(Debug, Default)]
pub(super) struct Numbering(Vec<BTreeMap<String, BTreeMap<i64, Option<i64>>>>);

impl Numbering {
    /// A name of the old build with the numbers of the new one; with negative ones for what the new build does not have.
    pub(super) fn read(&self, text: &str) -> String {
        (0..self.0.len()).fold(text.to_owned(), |text, depth| self.read_level(&text, depth))
    }

    fn read_level(&self, text: &str, depth: usize) -> String {
        scopes::renumbered(text, |token| {
            let level = self.0.get(depth).filter(|_| token.depth == depth)?;
            let number = level.get(&token.class(text))?.get(&token.number).copied().flatten();
            Some(number.unwrap_or(-1 - token.number).to_string())
        })
    }
}

/// Pairs once more what has been paired by a number that is another's now.
pub(super) fn join<'d>((old, new): (&Side<'_, 'd>, &Side<'_, 'd>), debug: Debug<'_, 'd>, pairs: &mut Pairs) {
    let (x, y) = texts((old, new), debug, pairs);
    let mut numbered = Numbered { old, new, debug, x, y, numbering: Numbering::default(), left: Vec::new() };
    for depth in 0..DEPTH_MAX {
        if !numbered.level(depth, pairs) {
            break;
        }
    }
    numbered.pair_again(pairs);
    numbered.tell_doubts(pairs);
    pairs.numbering = numbered.numbering;
}

struct Numbered<'s, 'b, 'd> {
    old: &'s Side<'b, 'd>,
    new: &'s Side<'b, 'd>,
    debug: Debug<'s, 'd>,
    /// Of the old build, with the numbers of the new one as far as they are known.
    x: Texts,
    y: Texts,
    numbering: Numbering,
    /// Entities of scopes of the old build that are none of the new ones beside which they stand, and one of those.
    left: Vec<(Vec<EntityId>, EntityId)>,
}

/// What is made for each scope, by what the scopes around it have in common and by its number.
type Classes = BTreeMap<String, BTreeMap<i64, Scope>>;

impl Numbered<'_, '_, '_> {
    /// Pairs the scopes that stand in `depth` others, and reads the names of the old build accordingly. Says whether there are any.
    fn level(&mut self, depth: usize, pairs: &mut Pairs) -> bool {
        let (olds, news) = (classes(self.old, &self.x, depth), classes(self.new, &self.y, depth));
        let mut numbers = BTreeMap::new();
        for (class, before) in &olds {
            let Some(after) = news.get(class) else { continue };
            let mut around = Around { old: self.old, new: self.new, debug: self.debug, pairs };
            let aligned = align::align(&mut around, before, after);
            for (left, beside) in aligned.left {
                let beside = after.get(&beside).and_then(|scope| scope.entities().next());
                let left = before.get(&left).map(|scope| scope.entities().collect());
                self.left.extend(left.zip(beside));
            }
            numbers.insert(class.clone(), aligned.numbers);
        }
        self.numbering.0.push(numbers);
        for text in self.x.values_mut() {
            *text = self.numbering.read_level(text, depth);
        }
        !olds.is_empty()
    }

    /// Parts what is together by a number that is another's now, and pairs it by what the numbers are.
    fn pair_again(&self, pairs: &mut Pairs) {
        for (new, is) in &self.y {
            if let Some(old) = pairs.old_of(*new)
                && self.x.get(&old).is_some_and(|was| was != is)
            {
                pairs.separate(old, *new);
            }
        }
        let mut free = groups(self.new, &self.y, |id| pairs.old_of(id).is_none());
        for (key, olds) in groups(self.old, &self.x, |id| pairs.new_of(id).is_none()) {
            if let Some(news) = free.remove(&key) {
                super::pair_group((self.old, self.new), self.debug, (olds, news), pairs);
            }
        }
    }

    /// Live pointers may lead to the code of a scope that is none of the new ones: which of these they should lead to can't be told.
    fn tell_doubts(&self, pairs: &mut Pairs) {
        let is_left =
            |id: &EntityId| pairs.new_of(*id).is_none() && self.old.entity(*id).kind == EntityKind::Function;
        let open: Vec<_> = self
            .left
            .iter()
            .filter_map(|(left, beside)| {
                let left: Vec<_> = left.iter().copied().filter(is_left).collect();
                (!left.is_empty()).then_some((left, *beside))
            })
            .collect();
        if open.is_empty() {
            return;
        }
        let graph = CallGraph::new(self.old.build);
        let is_taken = |id: &EntityId| graph.is_address_taken(self.old.entity(*id).address);
        let taken =
            open.into_iter().filter_map(|(left, beside)| Some((left.into_iter().find(is_taken)?, beside)));
        pairs.doubts.extend(taken.map(|(old, new)| Doubt::Scope { old, new }));
    }
}

/// Where rustc has put hashes in place of numbers, the debug information knows these; it is asked where that may tell something new.
fn texts<'d>(
    (old, new): (&Side<'_, 'd>, &Side<'_, 'd>),
    debug: Debug<'_, 'd>,
    pairs: &Pairs,
) -> (Texts, Texts) {
    let counts = [counts(old), counts(new)];
    let has_others =
        |name: &str| counts.iter().any(|counts| counts.get(name).is_some_and(|count| *count > 1));
    let is_moved = has_moved((old, new), debug, pairs, &has_others);
    let is_open = |side: &Side<'_, '_>, id: EntityId| {
        is_moved && (scopes::is_closure(side, id) || has_others(&side.entity(id).key.base))
    };
    (
        scopes::texts(old, debug.old, |id| is_open(old, id)),
        scopes::texts(new, debug.new, |id| is_open(new, id)),
    )
}

/// Whether a closure with a hash in its name, of several in one function, is not what it was.
fn has_moved<'d>(
    (old, new): (&Side<'_, 'd>, &Side<'_, 'd>),
    debug: Debug<'_, 'd>,
    pairs: &Pairs,
    has_others: &dyn Fn(&str) -> bool,
) -> bool {
    let same = Same::new((old, new), pairs, debug, &|_| false);
    let closures = |side: &Side<'_, '_>| {
        let is_one_of_several =
            |id: &EntityId| scopes::is_closure(side, *id) && has_others(&side.entity(*id).key.base);
        (0..side.entities.len() as EntityId).filter(is_one_of_several).collect::<Vec<_>>()
    };
    let is_same = |new_id: EntityId| {
        pairs.old_of(new_id).is_some_and(|old_id| {
            let (was, is) = (old.entity(old_id), new.entity(new_id));
            let is_code = is.kind == EntityKind::Function;
            was.names == is.names && !(is_code && same.code_difference(old_id, new_id).is_some())
        })
    };
    closures(old).into_iter().any(|id| pairs.new_of(id).is_none()) || !closures(new).into_iter().all(is_same)
}

/// How many have each name, of those with a hash.
fn counts<'s>(side: &'s Side<'_, '_>) -> BTreeMap<&'s str, usize> {
    let mut counts = BTreeMap::new();
    for id in (0..side.entities.len() as EntityId).filter(|id| scopes::by_hash(side, *id)) {
        *counts.entry(side.entity(id).key.base.as_str()).or_default() += 1;
    }
    counts
}

fn classes(side: &Side<'_, '_>, texts: &Texts, depth: usize) -> Classes {
    let mut classes = Classes::new();
    for (id, text) in texts {
        let tokens = scopes::tokens(text);
        let mut seen = BTreeSet::new();
        for token in tokens.iter().filter(|token| token.depth == depth && token.number >= 0) {
            let class = token.class(text);
            if !seen.insert((class.clone(), token.number)) {
                continue;
            }
            let is_own = |other: &Token| other.number == token.number && other.class(text) == class;
            let rest = scopes::renumbered(text, |other| is_own(other).then(String::new));
            let scope = classes.entry(class).or_default().entry(token.number).or_default();
            scope.add(side, *id, rest);
        }
    }
    classes
}

type Key<'k> = (EntityKind, String, &'k [&'static str], &'k str);

fn groups<'k>(
    side: &'k Side<'_, '_>,
    texts: &'k Texts,
    is_free: impl Fn(EntityId) -> bool,
) -> BTreeMap<Key<'k>, Vec<EntityId>> {
    let mut groups: BTreeMap<Key<'k>, Vec<EntityId>> = BTreeMap::new();
    for (id, text) in texts.iter().filter(|(id, _)| is_free(**id)) {
        let entity = side.entity(*id);
        // The path of a closure is the name, which the numbers are left in.
        let base = scopes::wiped(&scopes::skeleton(&entity.key.base));
        groups.entry((entity.kind, base, &entity.key.clones, text)).or_default().push(*id);
    }
    groups
}
