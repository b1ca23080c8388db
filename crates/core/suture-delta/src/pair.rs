//! Which function or object of the new build is which of the old one.
//!
//! One to one: "any copy that matches" would hide a change in one of many copies of a generic. Names that
//! survive rebuilding come first; among equals the place of the declaration ([`origin`]), the same spelling, then the same bytes, then
//! the order. Bytes that hold addresses don't count: what the linker has moved has those of its neighbour.
//!
//! Then what has a number in place of a name is looked at again ([`numbered`]), and last the variables that are gone and those that are
//! new ([`lost`]): a live value must not be left behind where the new code means it. Of what can't be told a [`Doubt`] remains.

mod align;
mod lost;
mod numbered;
mod origin;
mod scopes;
mod thread_local;

use std::collections::{BTreeMap, HashMap};

use crate::compare::Debug;
use crate::fields;
use crate::names::{self, Key};
use crate::options::Options;
use crate::side::{Entity, EntityId, EntityKind, Side};

/// The pairs, both ways.
#[derive(Debug, Default)]
pub(crate) struct Pairs {
    to_new: Vec<Option<EntityId>>,
    to_old: Vec<Option<EntityId>>,
    tls_to_old: Vec<Option<usize>>,
    numbering: numbered::Numbering,
    /// What can't be told of variables and of code that live in the process.
    pub(crate) doubts: Vec<Doubt>,
}

/// Something that could be what something else was, and it can't be told.
#[derive(Debug)]
pub(crate) enum Doubt {
    /// Variables of one name in one function, of which the two builds don't have the same.
    Numbers {
        /// The name with the function.
        path: String,
        olds: Vec<EntityId>,
        news: Vec<EntityId>,
    },
    /// A new variable, and one that is gone.
    Variable { old: EntityId, new: EntityId },
    /// Code of a closure that live pointers may lead to, and code of one that the new build has in its place.
    Scope { old: EntityId, new: EntityId },
}

impl Pairs {
    /// What an entity of the old build has become.
    pub(crate) fn new_of(&self, old: EntityId) -> Option<EntityId> {
        self.to_new.get(old as usize).copied().flatten()
    }

    /// What an entity of the new build was.
    pub(crate) fn old_of(&self, new: EntityId) -> Option<EntityId> {
        self.to_old.get(new as usize).copied().flatten()
    }

    /// What a thread-local variable of the new build was.
    pub(crate) fn old_tls_of(&self, new: usize) -> Option<usize> {
        self.tls_to_old.get(new).copied().flatten()
    }

    /// A name of the old build, as people read it, with the numbers that closures have in the new one.
    pub(crate) fn renumbered(&self, name: &str) -> String {
        self.numbering.read(name)
    }

    /// Treats a pair as two different things from now on.
    pub(crate) fn separate(&mut self, old: EntityId, new: EntityId) {
        self.to_new[old as usize] = None;
        self.to_old[new as usize] = None;
    }

    /// That it can't be told which of variables of one name is which: once for each.
    fn doubt_numbers(&mut self, path: String, olds: &[EntityId], news: &[EntityId]) {
        let is_told =
            |doubt: &Doubt| matches!(doubt, Doubt::Numbers { news: told, .. } if told.contains(&news[0]));
        if !self.doubts.iter().any(is_told) {
            self.doubts.push(Doubt::Numbers { path, olds: olds.to_vec(), news: news.to_vec() });
        }
    }

    /// What `ask` answers if these were pairs.
    fn supposing<T>(&mut self, joined: &[(EntityId, EntityId)], ask: impl FnOnce(&Self) -> T) -> T {
        let partners = joined.iter().map(|(old, new)| (self.new_of(*old), self.old_of(*new)));
        let were: Vec<_> = joined.iter().copied().zip(partners.collect::<Vec<_>>()).collect();
        for (old, new) in joined {
            self.join_anew(*old, *new);
        }
        let answer = ask(self);
        for ((old, new), _) in &were {
            self.separate(*old, *new);
        }
        for ((old, new), (to_new, to_old)) in were {
            if let Some(to_new) = to_new {
                self.join(old, to_new);
            }
            if let Some(to_old) = to_old {
                self.join(to_old, new);
            }
        }
        answer
    }

    /// Pairs two that may have been paired with others.
    fn join_anew(&mut self, old: EntityId, new: EntityId) {
        if let Some(other) = self.new_of(old) {
            self.separate(old, other);
        }
        if let Some(other) = self.old_of(new) {
            self.separate(other, new);
        }
        self.join(old, new);
    }

    fn join(&mut self, old: EntityId, new: EntityId) {
        self.to_new[old as usize] = Some(new);
        self.to_old[new as usize] = Some(old);
    }
}

type Groups<'k> = BTreeMap<(EntityKind, &'k Key, &'k str), Vec<EntityId>>;

/// Pairs the entities of two builds.
pub(crate) fn pair<'d>(
    old: &Side<'_, 'd>,
    new: &Side<'_, 'd>,
    debug: Debug<'_, 'd>,
    options: &Options,
) -> Pairs {
    let mut pairs = Pairs {
        to_new: vec![None; old.entities.len()],
        to_old: vec![None; new.entities.len()],
        tls_to_old: thread_local::pair((old, new), debug),
        numbering: numbered::Numbering::default(),
        doubts: Vec::new(),
    };
    // With the source file first; then without it, for link-time optimisation loses it and a function may
    // become global or local.
    for with_file in [true, false] {
        let old_groups = groups(old, with_file, |id| pairs.new_of(id).is_none());
        let new_groups = groups(new, with_file, |id| pairs.old_of(id).is_none());
        for (key, olds) in old_groups {
            if let Some(news) = new_groups.get(&key) {
                pair_group((old, new), debug, (olds, news.clone()), &mut pairs);
            }
        }
    }
    numbered::join((old, new), debug, &mut pairs);
    lost::join((old, new), debug, options, &mut pairs);
    pairs
}

fn groups<'k>(side: &'k Side<'_, '_>, with_file: bool, is_free: impl Fn(EntityId) -> bool) -> Groups<'k> {
    let mut groups: Groups<'k> = BTreeMap::new();
    for (id, entity) in (0..).zip(&side.entities) {
        if is_free(id) {
            // A file of Rust is a codegen unit, and what stands in which is anew decided for every build.
            let by_file = with_file && !names::is_rust(entity.name);
            let file = if by_file { entity.file.unwrap_or_default() } else { "" };
            groups.entry((entity.kind, &entity.key, file)).or_default().push(id);
        }
    }
    groups
}

/// Whether two entities with their bytes are alike enough to be one.
type Likeness = fn(&Entity<'_>, &Entity<'_>, Option<&[u8]>, Option<&[u8]>) -> bool;

fn pair_group(
    (old, new): (&Side<'_, '_>, &Side<'_, '_>),
    debug: Debug<'_, '_>,
    (mut olds, mut news): (Vec<EntityId>, Vec<EntityId>),
    pairs: &mut Pairs,
) {
    let is_single = olds.len() == 1 && news.len() == 1;
    if !is_single && origin::is_numbered(new, &news) {
        origin::join_numbered((old, new), (&mut olds, &mut news), pairs);
    } else if !is_single || origin::is_worth_asking(old.entity(olds[0]), new.entity(news[0])) {
        origin::join((old, new), debug, (&mut olds, &mut news), pairs);
    }
    if let ([o], [n]) = (olds.as_slice(), news.as_slice()) {
        pairs.join(*o, *n);
        return;
    }
    let rules: [Likeness; 8] = [
        |a, b, x, y| a.names == b.names && a.file == b.file && a.size == b.size && x == y,
        |a, b, x, y| a.names == b.names && a.size == b.size && x == y,
        |a, b, _, _| a.names == b.names && a.file == b.file && a.size == b.size,
        |a, b, _, _| a.names == b.names && a.size == b.size,
        // The hash in the name of an instance tells it from all others.
        |a, b, _, _| a.names == b.names && names::is_rust(a.name),
        |a, b, x, y| a.size == b.size && x == y,
        |a, b, _, _| a.names == b.names,
        |a, b, _, _| a.size == b.size,
    ];
    let bytes = |side: &Side<'_, '_>, ids: &[EntityId]| {
        ids.iter().map(|id| (*id, lasting_bytes(side, *id))).collect::<HashMap<_, _>>()
    };
    let (x, y) = (bytes(old, &olds), bytes(new, &news));
    for matches in rules {
        olds.retain(|o| {
            let found = news
                .iter()
                .position(|n| matches(old.entity(*o), new.entity(*n), x[o].as_deref(), y[n].as_deref()));
            if let Some(at) = found {
                pairs.join(*o, news.remove(at));
            }
            found.is_none()
        });
    }
    for (o, n) in olds.into_iter().zip(news) {
        pairs.join(o, n);
    }
}

/// The bytes of an entity without the addresses in them; `None` for what is zero at start.
fn lasting_bytes(side: &Side<'_, '_>, id: EntityId) -> Option<Vec<u8>> {
    let (entity, mut bytes) = (side.entity(id), side.bytes(id)?.to_vec());
    let fields = match entity.kind {
        EntityKind::Object => fields::of_data(side.build, entity.address, entity.size, false),
        EntityKind::Function | EntityKind::Resolver => fields::of_code(side, id),
    };
    for field in fields {
        let range = field.offset as usize..field.offset as usize + usize::from(field.len);
        if let Some(address) = bytes.get_mut(range) {
            address.fill(0);
        }
    }
    Some(bytes)
}
