//! Pairs by where in the source something is declared.
//!
//! Compilers tell variables of one name apart by numbers (`calls.0`, `calls.1`; `count.lto_priv.0`) that they give out anew in every
//! build: one more static variable, or one more file, and each has the number of its neighbour. By their names, each function would get
//! the live variable of another. The debug information says in which function of which file each is declared.

use std::collections::BTreeMap;

use suture_elf::debug::{DebugInfo, Declared};

use super::Pairs;
use crate::compare::Debug;
use crate::names;
use crate::side::{Entity, EntityId, EntityKind, Side};

/// What stands between scopes in the path of a declaration.
const SCOPE: &str = "::";

/// Where an entity is declared.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Origin {
    unit: String,
    path: String,
    /// What orders those of one path.
    order: Option<Declared>,
}

/// How the file of a declaration is told, if it is: as the compiler was told, without directories, not at all.
const UNITS: [fn(&str) -> &str; 3] = [|unit| unit, |unit| unit.rsplit('/').next().unwrap_or(unit), |_| ""];

/// Pairs those of `olds` and `news`, which have one name, that are declared at the same place: in the same file, or
/// else, if the program can't write to them, only in the same function. What is left of both is to be paired by other rules, but for
/// variables of which it is known that they are declared elsewhere.
pub(super) fn join(
    (old, new): (&Side<'_, '_>, &Side<'_, '_>),
    debug: Debug<'_, '_>,
    (olds, news): (&mut Vec<EntityId>, &mut Vec<EntityId>),
    pairs: &mut Pairs,
) {
    let mut x = origins(old, debug.old, olds);
    let mut y = origins(new, debug.new, news);
    let is_writable = |side: &Side<'_, '_>, id: EntityId| {
        side.entity(id).kind == EntityKind::Object && side.entity(id).writable
    };
    for unit in UNITS {
        let (befores, mut afters) = (by_place(&x, unit), by_place(&y, unit));
        for (place, before) in befores {
            let Some(after) = afters.remove(&place) else { continue };
            let is_writable = is_writable(new, after[0]);
            if is_writable && place.0.is_empty() {
                continue;
            }
            if before.len() == after.len()
                && (before.len() == 1 || new.entity(after[0]).kind == EntityKind::Object)
            {
                for (o, n) in before.iter().zip(&after) {
                    pairs.join(*o, *n);
                }
            } else if is_writable {
                pairs.doubt_numbers(place.1, &before, &after);
            } else {
                continue;
            }
            x.retain(|id, _| !before.contains(id));
            y.retain(|id, _| !after.contains(id));
            olds.retain(|id| !before.contains(id));
            news.retain(|id| !after.contains(id));
        }
    }
    // A static variable of another function is another variable, unless the function has another name now.
    let is_of = |function: &str, side: &Side<'_, '_>| {
        side.entities.iter().any(|entity| entity.kind == EntityKind::Function && entity.key.base == function)
    };
    let stays =
        |origin: &Origin, other: &Side<'_, '_>| function(&origin.path).is_some_and(|name| is_of(name, other));
    let is_known = olds.iter().all(|id| x.contains_key(id)) && news.iter().all(|id| y.contains_key(id));
    let is_elsewhere = |side, id| is_known && is_writable(side, id);
    olds.retain(|id| !x.get(id).is_some_and(|origin| is_elsewhere(old, *id) || stays(origin, new)));
    news.retain(|id| !y.get(id).is_some_and(|origin| is_elsewhere(new, *id) || stays(origin, old)));
}

/// Pairs variables of Rust that have one name, in one function, by the numbers in their names, of which some have only a hash left. Other numbers
/// than before may mean anything.
pub(super) fn join_numbered(
    (old, new): (&Side<'_, '_>, &Side<'_, '_>),
    (olds, news): (&mut Vec<EntityId>, &mut Vec<EntityId>),
    pairs: &mut Pairs,
) {
    let (x, y) = (by_names(old, olds), by_names(new, news));
    if x.keys().eq(y.keys()) {
        x.values().zip(y.values()).for_each(|(old, new)| pairs.join(*old, *new));
    } else {
        pairs.doubt_numbers(names::demangle(new.entity(news[0]).name), olds, news);
    }
    olds.clear();
    news.clear();
}

fn by_names<'d>(side: &Side<'_, 'd>, ids: &[EntityId]) -> BTreeMap<Vec<&'d str>, EntityId> {
    ids.iter().map(|id| (side.entity(*id).names.clone(), *id)).collect()
}

/// Whether these are variables that rustc tells apart by numbers alone.
pub(super) fn is_numbered(side: &Side<'_, '_>, ids: &[EntityId]) -> bool {
    let entity = side.entity(ids[0]);
    entity.kind == EntityKind::Object && entity.writable && names::is_rust(entity.name)
}

/// Whether the names of a pair say less than where the two are declared.
pub(super) fn is_worth_asking(old: &Entity<'_>, new: &Entity<'_>) -> bool {
    // Names of C++ have their scopes, and rustc's say all.
    let is_bare = !new.name.starts_with("_Z");
    let is_moved = new.writable && old.file.is_some() && old.file != new.file;
    new.kind == EntityKind::Object && new.local && !names::is_rust(new.name) && (is_bare || is_moved)
}

fn origins(
    side: &Side<'_, '_>,
    debug: Option<&DebugInfo<'_>>,
    ids: &[EntityId],
) -> BTreeMap<EntityId, Origin> {
    ids.iter().filter_map(|id| Some((*id, origin(side, debug?, *id)?))).collect()
}

fn origin(side: &Side<'_, '_>, debug: &DebugInfo<'_>, id: EntityId) -> Option<Origin> {
    let entity = side.entity(id);
    if names::is_rust(entity.name) {
        return None;
    }
    match entity.kind {
        EntityKind::Object => {
            let declared = debug.declared_variable_at(entity.address).ok()??;
            Some(Origin { unit: declared.unit.clone(), path: declared.path.clone(), order: Some(declared) })
        }
        EntityKind::Function => {
            let function = debug.function_at(entity.address)?;
            Some(Origin { path: function.linkage().to_owned(), unit: function.unit, order: None })
        }
        EntityKind::Resolver => None,
    }
}

/// Those declared at one place, in the order of the source.
fn by_place(
    origins: &BTreeMap<EntityId, Origin>,
    unit: fn(&str) -> &str,
) -> BTreeMap<(String, String), Vec<EntityId>> {
    let mut found: BTreeMap<_, Vec<EntityId>> = BTreeMap::new();
    for (id, origin) in origins {
        found.entry((unit(&origin.unit).to_owned(), origin.path.clone())).or_default().push(*id);
    }
    let line = |id: &EntityId| origins[id].order.as_ref().map(|declared| (declared.line, declared.id));
    for ids in found.values_mut() {
        ids.sort_by_key(line);
    }
    found
}

/// The function in which a static variable with this path stands.
fn function(path: &str) -> Option<&str> {
    let (scope, _) = path.rsplit_once(SCOPE)?;
    Some(scope.rsplit_once(SCOPE).map_or(scope, |(_, last)| last))
}
