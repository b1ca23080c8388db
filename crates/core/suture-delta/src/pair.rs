//! Which function or object of the new build is which of the old one.
//!
//! One to one: "any copy that matches" would hide a change in one of many copies of a generic. Names that
//! survive rebuilding come first; among equals the place of the declaration ([`origin`]), the same spelling, then the same bytes, then
//! the order. Bytes that hold addresses don't count: what the linker has moved has those of its neighbour.

mod origin;

use std::collections::{BTreeMap, HashMap};

use suture_elf::debug::DebugInfo;

use crate::compare::Debug;
use crate::fields;
use crate::names::{self, Key};
use crate::side::{Entity, EntityId, EntityKind, Side, TlsVariable};

pub(crate) use origin::Doubt;

/// The pairs, both ways.
#[derive(Debug, Default)]
pub(crate) struct Pairs {
    to_new: Vec<Option<EntityId>>,
    to_old: Vec<Option<EntityId>>,
    tls_to_old: Vec<Option<usize>>,
    /// Variables of which it can't be told which is which.
    pub(crate) doubts: Vec<Doubt>,
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

    /// Treats a pair as two different things from now on.
    pub(crate) fn separate(&mut self, old: EntityId, new: EntityId) {
        self.to_new[old as usize] = None;
        self.to_old[new as usize] = None;
    }

    fn join(&mut self, old: EntityId, new: EntityId) {
        self.to_new[old as usize] = Some(new);
        self.to_old[new as usize] = Some(old);
    }
}

type Groups<'k> = BTreeMap<(EntityKind, &'k Key, &'k str), Vec<EntityId>>;

/// Pairs the entities of two builds.
pub(crate) fn pair(old: &Side<'_, '_>, new: &Side<'_, '_>, debug: Debug<'_, '_>) -> Pairs {
    let mut pairs = Pairs {
        to_new: vec![None; old.entities.len()],
        to_old: vec![None; new.entities.len()],
        tls_to_old: tls(old, new, debug),
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
    if !is_single || origin::is_worth_asking(new, news[0]) {
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

fn tls(old: &Side<'_, '_>, new: &Side<'_, '_>, debug: Debug<'_, '_>) -> Vec<Option<usize>> {
    let path = |debug: Option<&DebugInfo<'_>>, offset: u64| {
        Some(debug?.declared_thread_local_at(offset).ok()??.path)
    };
    let mut free: Vec<bool> = vec![true; old.tls.len()];
    let mut found = Vec::with_capacity(new.tls.len());
    for variable in &new.tls {
        let same =
            |v: &TlsVariable<'_>| v.file == variable.file && names::key(v.name) == names::key(variable.name);
        let alike: Vec<usize> = (0..).zip(&old.tls).filter(|(_, v)| same(v)).map(|(at, _)| at).collect();
        let in_order = alike.iter().find(|at| free[**at]);
        let at = match path(debug.new, variable.offset).filter(|_| alike.len() > 1) {
            // Numbered by the compiler, as other static variables are.
            Some(wanted) => {
                let declared = |at: &&usize| path(debug.old, old.tls[**at].offset) == Some(wanted.clone());
                alike.iter().filter(|at| free[**at]).find(declared)
            }
            None => in_order,
        };
        if let Some(at) = at {
            free[*at] = false;
        }
        found.push(at.copied());
    }
    found
}
