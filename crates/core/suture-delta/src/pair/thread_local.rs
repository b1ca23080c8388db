//! Pairs variables of which each thread has its own.
//!
//! The block of a running thread is as the old build laid it out. What would be new in it is refused elsewhere, so that here only
//! those are told apart that have one name.

use std::collections::BTreeMap;

use suture_elf::debug::{DebugInfo, Declared};

use crate::compare::Debug;
use crate::names::{self, Key};
use crate::side::Side;

/// What variables have in common that only numbers tell apart: file and name.
type Groups<'d> = BTreeMap<(Option<&'d str>, Key), Vec<usize>>;

/// For each thread-local variable of the new build what it was.
pub(super) fn pair((old, new): (&Side<'_, '_>, &Side<'_, '_>), debug: Debug<'_, '_>) -> Vec<Option<usize>> {
    let mut found = vec![None; new.tls.len()];
    let (before, after) = (groups(old), groups(new));
    for (group, news) in &after {
        let Some(olds) = before.get(group) else { continue };
        let joined = if olds.len() == 1 && news.len() == 1 {
            vec![(olds[0], news[0])]
        } else {
            match (declared(old, debug.old, olds), declared(new, debug.new, news)) {
                (Some(x), Some(y)) => by_place((old, x), (new, y)),
                _ => in_order((old, olds), (new, news)),
            }
        };
        for (old, new) in joined {
            found[new] = Some(old);
        }
    }
    found
}

fn groups<'d>(side: &Side<'_, 'd>) -> Groups<'d> {
    let mut groups = Groups::new();
    for (at, variable) in side.tls.iter().enumerate() {
        // A file of Rust is a codegen unit, and what stands in which is anew decided for every build.
        let file = variable.file.filter(|_| !names::is_rust(variable.name));
        groups.entry((file, names::key(variable.name))).or_default().push(at);
    }
    groups
}

fn declared(
    side: &Side<'_, '_>,
    debug: Option<&DebugInfo<'_>>,
    ids: &[usize],
) -> Option<Vec<(usize, Declared)>> {
    let of = |id: &usize| Some((*id, debug?.declared_thread_local_at(side.tls[*id].offset).ok()??));
    ids.iter().map(of).collect()
}

type Places = Vec<(usize, Declared)>;

/// Those that are declared in one function, in the order of the source.
fn by_place((old, x): (&Side<'_, '_>, Places), (new, y): (&Side<'_, '_>, Places)) -> Vec<(usize, usize)> {
    let places = |found: Places| {
        let mut places: BTreeMap<String, Vec<(u32, _, usize)>> = BTreeMap::new();
        for (id, Declared { path, line, id: entry, .. }) in found {
            places.entry(path).or_default().push((line, entry, id));
        }
        for of_one in places.values_mut() {
            of_one.sort_unstable();
        }
        places.into_iter().map(|(path, ids)| (path, ids.into_iter().map(|(.., id)| id).collect::<Vec<_>>()))
    };
    let mut afters: BTreeMap<_, _> = places(y).collect();
    let mut joined = Vec::new();
    for (path, before) in places(x) {
        if let Some(after) = afters.remove(&path) {
            joined.extend(in_order((old, &before), (new, &after)));
        }
    }
    joined
}

/// As many as before are what they were, in their order; those of Rust, which has no order, by the numbers in their names.
fn in_order(
    (old, olds): (&Side<'_, '_>, &[usize]),
    (new, news): (&Side<'_, '_>, &[usize]),
) -> Vec<(usize, usize)> {
    let (mut x, mut y) = (olds.to_vec(), news.to_vec());
    if news.iter().any(|id| names::is_rust(new.tls[*id].name)) {
        x.sort_by_key(|id| old.tls[*id].name);
        y.sort_by_key(|id| new.tls[*id].name);
        if !x.iter().map(|id| old.tls[*id].name).eq(y.iter().map(|id| new.tls[*id].name)) {
            return Vec::new();
        }
    }
    if x.len() == y.len() { x.into_iter().zip(y).collect() } else { Vec::new() }
}
