//! Code that has run before a fix comes, or runs when it has gone.

use crate::fields;
use crate::side::{EntityId, EntityKind, Side};

/// Whether the entity is code that runs only before `main` or after it.
pub(crate) fn is_start_code(side: &Side<'_, '_>, id: EntityId) -> bool {
    let entity = side.entity(id);
    entity.kind == EntityKind::Function
        && (entity.name.starts_with("_GLOBAL__sub_")
            || INITIALISERS.iter().any(|name| is_of(entity.name, name))
            || start_functions(side).contains(&entity.address))
}

/// What gcc and clang name the code that initialises the variables of a file.
const INITIALISERS: [&str; 2] = ["__static_initialization_and_destruction", "__cxx_global_var_init"];

/// Whether a function has this name or, mangled, one that begins with it (`_Z41__static_…_0ii`).
fn is_of(name: &str, wanted: &str) -> bool {
    let plain =
        name.strip_prefix("_Z").map_or(name, |rest| rest.trim_start_matches(|c: char| c.is_ascii_digit()));
    plain.starts_with(wanted)
}

fn start_functions(side: &Side<'_, '_>) -> Vec<u64> {
    let arrays = [".preinit_array", ".init_array", ".fini_array", ".ctors", ".dtors"];
    let sections =
        side.build.sections().iter().filter(|section| arrays.iter().any(|a| section.name.starts_with(a)));
    // By what is there, and not by what the header claims.
    sections
        .flat_map(|section| (0..section.data.len() as u64 / 8).map(|n| section.address.wrapping_add(n * 8)))
        .filter_map(|word| fields::pointer(side.build, word))
        .collect()
}
