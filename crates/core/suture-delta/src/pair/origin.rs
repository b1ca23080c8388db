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
use crate::side::{EntityId, EntityKind, Side};

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

/// Variables of one name in one function of which there are not as many as before.
#[derive(Debug)]
pub(crate) struct Doubt {
    /// The name with the function.
    pub(crate) path: String,
    /// How many there were, and are.
    pub(crate) counts: (usize, usize),
    /// One of the new ones.
    pub(crate) new: EntityId,
}

/// Pairs those of `olds` and `news`, which have one name, that are declared at the same place: in the same file, or
/// else only in the same function. What is left of both is to be paired by other rules.
pub(super) fn join(
    (old, new): (&Side<'_, '_>, &Side<'_, '_>),
    debug: Debug<'_, '_>,
    (olds, news): (&mut Vec<EntityId>, &mut Vec<EntityId>),
    pairs: &mut Pairs,
) {
    let mut x = origins(old, debug.old, olds);
    let mut y = origins(new, debug.new, news);
    for with_unit in [true, false] {
        let (befores, mut afters) = (by_place(&x, with_unit), by_place(&y, with_unit));
        for (place, before) in befores {
            let Some(after) = afters.remove(&place) else { continue };
            let is_writable =
                new.entity(after[0]).kind == EntityKind::Object && new.entity(after[0]).writable;
            if before.len() == after.len()
                && (before.len() == 1 || new.entity(after[0]).kind == EntityKind::Object)
            {
                for (o, n) in before.iter().zip(&after) {
                    pairs.join(*o, *n);
                }
            } else if is_writable {
                let counts = (before.len(), after.len());
                // They come by once more without their files.
                if pairs.doubts.iter().all(|doubt| doubt.new != after[0]) {
                    pairs.doubts.push(Doubt { path: place.1, counts, new: after[0] });
                }
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
    olds.retain(|id| !x.get(id).is_some_and(|origin| stays(origin, new)));
    news.retain(|id| !y.get(id).is_some_and(|origin| stays(origin, old)));
}

/// Whether the names of these say less than where they are declared.
pub(super) fn is_worth_asking(side: &Side<'_, '_>, id: EntityId) -> bool {
    let entity = side.entity(id);
    // Names of C++ have their scopes, and rustc's say all.
    entity.kind == EntityKind::Object
        && entity.local
        && !entity.name.starts_with("_Z")
        && !names::is_rust(entity.name)
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
    with_unit: bool,
) -> BTreeMap<(String, String), Vec<EntityId>> {
    let mut found: BTreeMap<_, Vec<EntityId>> = BTreeMap::new();
    for (id, origin) in origins {
        let unit = if with_unit { origin.unit.clone() } else { String::new() };
        found.entry((unit, origin.path.clone())).or_default().push(*id);
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
