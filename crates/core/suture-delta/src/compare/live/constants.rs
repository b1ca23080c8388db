//! Constants that change while pointers to them, or into them, may be kept.

use suture_elf::debug::{DebugError, DebugInfo, EntryId, Shape};

use super::refusal;
use crate::bounds::Types;
use crate::objects::{Objects, Overwritten};
use crate::readers::References;
use crate::refusal::{Refusal, RefusalCode};
use crate::same::Same;
use crate::side::EntityId;

/// Other names for a type that are followed.
const ALIASES_MAX: usize = 64;

pub(super) fn compare(same: &Same<'_, '_, '_>, objects: &Objects) -> Vec<Refusal> {
    let is_constant = |id: EntityId| !same.old.entity(id).writable;
    let grown: Vec<_> = objects.grown.iter().filter(|(old, _)| is_constant(*old)).collect();
    let in_place = objects.overwrites.iter().filter(|object| !object.is_writable(same.old));
    let reordered: Vec<_> =
        in_place.map(Overwritten::pair).filter(|pair| is_reordered(same, *pair)).collect();
    if grown.is_empty() && reordered.is_empty() {
        return Vec::new();
    }
    let (references, types) = (References::new(same.old), Types(same.debug.old));
    let grown = grown.into_iter().filter(|(old, _)| references.is_kept(*old, types)).map(|(_, new)| {
        let message =
            "it does not fit where it stood, and the process may keep pointers to what stands there";
        let help = "put what is new into another constant, or restart with the new build";
        refusal(RefusalCode::ConstantGrown, same.new, *new, message, help)
    });
    let reordered =
        reordered.into_iter().filter(|(old, _)| references.is_kept(*old, types)).map(|(_, new)| {
            let message = "its elements stand at other places, and the process may keep pointers to them";
            let help = "leave the elements where they are, or restart with the new build";
            refusal(RefusalCode::InitialiserChanged, same.new, new, message, help)
        });
    grown.chain(reordered).collect()
}

/// Whether an element of a table stands where another one was.
fn is_reordered(same: &Same<'_, '_, '_>, (old, new): (EntityId, EntityId)) -> bool {
    let (before, after) = (same.old.entity(old), same.new.entity(new));
    let Some(count) = same.debug.old.map(|debug| elements(debug, before.address)) else { return false };
    // What can't be read may be.
    let Ok(count) = count else { return true };
    let Some(count) = count.filter(|count| (2..=before.size).contains(count)) else { return false };
    let size = before.size / count;
    let is_same = |from: u64, to: u64| {
        let (old, new) = (before.address + from * size, after.address + to * size);
        let place = ((old, false), same.old.build.read(old, size));
        !same.contents_differ(place, ((new, false), same.new.build.read(new, size)), size)
    };
    let stay = (0..count.min(after.size / size)).filter(|at| !is_same(*at, *at));
    let others: Vec<u64> = stay.collect();
    others.iter().any(|from| others.iter().any(|to| from != to && is_same(*from, *to)))
}

/// How many elements the table at an address has; `None` if it is none.
fn elements(debug: &DebugInfo<'_>, address: u64) -> Result<Option<u64>, DebugError> {
    let mut id: Option<EntryId> = debug.variable_at(address)?.and_then(|variable| variable.type_id);
    for _ in 0..ALIASES_MAX {
        let Some(at) = id else { break };
        match &*debug.shape(at)? {
            Shape::Alias { target, .. } => id = *target,
            Shape::Array { counts, .. } => return Ok(counts.first().copied().flatten()),
            _ => break,
        }
    }
    Ok(None)
}
