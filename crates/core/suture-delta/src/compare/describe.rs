//! The report: what changed, with its places in the source.

use std::collections::{HashSet, VecDeque};

use suture_elf::debug::{DebugInfo, FunctionInfo};

use super::Changed;
use crate::fields;
use crate::names;
use crate::refusal::Refusal;
use crate::report::{ChangedFunction, FunctionRef, Report};
use crate::same::Same;
use crate::side::{EntityId, EntityKind, Side};
use crate::stack::Standing;
use crate::target::{self, Meaning};

/// Fills in the functions that changed, are new and are gone.
pub(super) fn functions(same: &Same<'_, '_, '_>, changed: &[Changed], report: &mut Report) {
    for (old, new, why) in changed {
        let of_new = reference(same.new, same.debug.new, *new);
        report.changed.push(ChangedFunction {
            name: of_new.name,
            symbol: of_new.symbol,
            file: of_new.file,
            line: of_new.line,
            old_size: size(same.old, *old),
            new_size: of_new.size,
            why: (*why).to_owned(),
        });
    }
    report.new = own_functions(same.new)
        .filter(|id| same.pairs.old_of(*id).is_none())
        .map(|id| reference(same.new, same.debug.new, id))
        .collect();
    report.removed = own_functions(same.old)
        .filter(|id| same.pairs.new_of(*id).is_none())
        .map(|id| reference(same.old, same.debug.old, id))
        .collect();
}

/// Leaves out what earlier patches have brought.
pub(super) fn without_provided(same: &Same<'_, '_, '_>, standing: &Standing, report: &mut Report) {
    let provided: HashSet<&str> = (0..)
        .zip(&same.new.entities)
        .filter(|(id, _)| standing.provided(*id).is_some())
        .map(|(_, entity)| entity.name)
        .collect();
    report.new.retain(|function| !provided.contains(function.symbol.as_str()));
    report.data.retain(|object| object.change != "new" || !provided.contains(object.symbol.as_str()));
}

/// Gives refusals that name a function or an object its place in the source.
pub(super) fn locate(same: &Same<'_, '_, '_>, refusals: &mut [Refusal]) {
    for refusal in refusals.iter_mut().filter(|refusal| refusal.line == 0 && !refusal.symbol.is_empty()) {
        let sides = [(same.new, same.debug.new), (same.old, same.debug.old)];
        let place = sides.into_iter().find_map(|(side, debug)| place_of(side, debug?, &refusal.symbol));
        let place = place.or_else(|| place_of_made(same, &refusal.symbol));
        if let Some((file, line)) = place {
            (refusal.file, refusal.line) = (file, line);
        }
    }
}

/// File and line of the function, object or thread-local variable with this demangled name.
fn place_of(side: &Side<'_, '_>, debug: &DebugInfo<'_>, name: &str) -> Option<(String, u32)> {
    let entity = side.entities.iter().find(|entity| names::demangle(entity.name) == name);
    let place = match entity.map(|entity| (entity, names::class_of_table(entity.name))) {
        Some((_, Some(class))) => place_of_type(debug, &class)?,
        Some((entity, _)) if entity.kind == EntityKind::Object => {
            debug.variable_at(entity.address).ok()??.place()
        }
        Some((entity, _)) => debug.function_at(entity.address)?.place(),
        None => {
            let variable = side.tls.iter().find(|variable| names::demangle(variable.name) == name)?;
            debug.thread_local_at(variable.offset).ok()??.place()
        }
    };
    (place.1 != 0).then_some(place)
}

/// Where the first variable is declared that a function of this demangled name refers to, a new one before others. What a compiler
/// makes to give variables their first values stands nowhere in the source itself.
fn place_of_made(same: &Same<'_, '_, '_>, name: &str) -> Option<(String, u32)> {
    let (side, debug) = (same.new, same.debug.new?);
    let is_it = |id: &EntityId| names::demangle(side.entity(*id).name) == name;
    let mut variables = Vec::new();
    let (mut waiting, mut seen) = (VecDeque::from_iter(own_functions(side).find(is_it)), HashSet::new());
    while let Some(function) = waiting.pop_front() {
        let written = debug.function_at(side.entity(function).address).is_some_and(|known| known.line != 0);
        if written || !seen.insert(function) {
            continue;
        }
        let code = side.with_fragments(function).flat_map(|part| fields::of_code(side, part));
        let meant = code.filter_map(|field| match target::meaning(side, &field) {
            Meaning::Slot(slot) => target::held(side, slot),
            meaning => Some(meaning),
        });
        for meaning in meant {
            let Meaning::Entity(id, _) = meaning else { continue };
            match side.entity(id).kind {
                EntityKind::Function => waiting.push_back(id),
                EntityKind::Object if side.entity(id).writable => variables.push(id),
                _ => {}
            }
        }
    }
    variables.sort_by_key(|id| same.pairs.old_of(*id).is_some());
    let place = |id: EntityId| Some(debug.variable_at(side.entity(id).address).ok()??.place());
    variables.into_iter().filter_map(place).find(|(_, line)| *line != 0)
}

fn place_of_type(debug: &DebugInfo<'_>, name: &str) -> Option<(String, u32)> {
    Some(debug.declared_at(*debug.types_named(name).ok()?.first()?))
}

fn reference(side: &Side<'_, '_>, debug: Option<&DebugInfo<'_>>, id: EntityId) -> FunctionRef {
    let entity = side.entity(id);
    let known = debug.and_then(|debug| debug.function_at(entity.address)).map(FunctionInfo::place);
    let (file, line) = known.unwrap_or_else(|| (entity.file.unwrap_or_default().to_owned(), 0));
    FunctionRef {
        name: names::demangle(entity.name),
        symbol: entity.name.to_owned(),
        file,
        line,
        size: size(side, id),
    }
}

fn own_functions(side: &Side<'_, '_>) -> impl Iterator<Item = EntityId> {
    (0..)
        .zip(&side.entities)
        .filter(|(_, entity)| entity.kind == EntityKind::Function && entity.parent.is_none())
        .map(|(id, _)| id)
}

/// Size with all fragments, bytes.
fn size(side: &Side<'_, '_>, id: EntityId) -> u64 {
    side.with_fragments(id).map(|part| side.entity(part).size).sum()
}
