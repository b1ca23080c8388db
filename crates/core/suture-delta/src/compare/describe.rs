//! The report: what changed with its places in the source, and who is touched by it.

use std::collections::HashSet;

use suture_elf::debug::{DebugInfo, FunctionInfo};

use super::Changed;
use crate::critical::{self, Marked};
use crate::impact::CallGraph;
use crate::names;
use crate::options::Options;
use crate::refusal::Refusal;
use crate::report::{ChangedFunction, FunctionRef, Impact, Report};
use crate::same::Same;
use crate::side::{EntityId, EntityKind, Side};
use crate::stack::Standing;

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

/// Fills in who calls the changed functions, in the build that runs, and which marked functions are on a call
/// path with them in either build.
pub(super) fn impact(same: &Same<'_, '_, '_>, changed: &[Changed], options: &Options, report: &mut Report) {
    let graphs = [CallGraph::new(same.old.build), CallGraph::new(same.new.build)];
    let address = |side: &Side<'_, '_>, id: EntityId| side.entity(id).address;
    let found = changed.iter().filter_map(|(old, ..)| graphs[0].impact(address(same.old, *old)));
    report.impact = found.collect();
    report.impact.sort_by(|a: &Impact, b| a.function.cmp(&b.function));
    report.none_critical = options.marks.none().map(str::to_owned);
    if options.marks.is_empty() {
        return;
    }
    report.marked = options.marks.groups();
    let mut found = Vec::new();
    let old: Vec<u64> = changed.iter().map(|(old, ..)| address(same.old, *old)).collect();
    let new: Vec<u64> = changed.iter().map(|(_, new, _)| address(same.new, *new)).collect();
    for ((graph, debug), changed) in graphs.iter().zip([same.debug.old, same.debug.new]).zip([old, new]) {
        let file_of = |address: u64| {
            let function = debug?.function_at(address)?;
            let is_absolute = function.unit.starts_with('/') || function.directory.is_empty();
            Some(if is_absolute {
                function.unit
            } else {
                format!("{}/{}", function.directory, function.unit)
            })
        };
        let marked = Marked::find(graph, &options.marks, &file_of);
        report.critical.extend(critical::critical_paths(graph, &marked, &changed));
        found.push(marked);
    }
    report.unmatched = critical::unmatched(&found);
    report.critical.sort_by_cached_key(|path| (path.function.clone(), path.mark.clone(), path.path.clone()));
    report.critical.dedup();
}

/// Gives refusals that name a function or an object its place in the source.
pub(super) fn locate(same: &Same<'_, '_, '_>, refusals: &mut [Refusal]) {
    for refusal in refusals.iter_mut().filter(|refusal| refusal.line == 0 && !refusal.symbol.is_empty()) {
        let sides = [(same.new, same.debug.new), (same.old, same.debug.old)];
        let place = sides.into_iter().find_map(|(side, debug)| place_of(side, debug?, &refusal.symbol));
        if let Some((file, line)) = place {
            (refusal.file, refusal.line) = (file, line);
        }
    }
}

/// File and line of the function or object with this demangled name.
fn place_of(side: &Side<'_, '_>, debug: &DebugInfo<'_>, name: &str) -> Option<(String, u32)> {
    let entity = side.entities.iter().find(|entity| names::demangle(entity.name) == name)?;
    let place = match entity.kind {
        EntityKind::Object => debug.variable_at(entity.address).ok()??.place(),
        EntityKind::Function | EntityKind::Resolver => debug.function_at(entity.address)?.place(),
    };
    (place.1 != 0).then_some(place)
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
