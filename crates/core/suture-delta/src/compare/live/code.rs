//! Pointers to code that live in the process: into functions, to functions that were one, and to functions that are gone.

use std::collections::{BTreeMap, BTreeSet};

use suture_elf::debug::{DebugError, DebugInfo};

use super::refusal;
use crate::compare::Changed;
use crate::fields::{self, Field, Form};
use crate::names;
use crate::readers::{hands_on, keeps_labels};
use crate::refusal::{Refusal, RefusalCode};
use crate::same::Same;
use crate::side::{Entity, EntityId, EntityKind, Side};
use crate::target::{self, Meaning};

/// Changed functions that jump to places in themselves that they have kept.
pub(super) fn labels<'a>(
    same: &'a Same<'_, '_, '_>,
    changed: &'a [Changed],
) -> impl Iterator<Item = Refusal> + 'a {
    let keeps = |old: &EntityId| same.old.with_fragments(*old).any(|piece| keeps_labels(same.old, piece));
    changed.iter().filter(move |(old, ..)| keeps(old)).map(|(_, new, _)| {
        let message =
            "the old one keeps addresses of places in its middle, and goes on there when it is called again";
        let help = "keep a number in place of the address, or restart with the new build";
        refusal(RefusalCode::UnresolvedReference, same.new, *new, message, help)
    })
}

/// Functions that a linker or compiler has folded into one because they were the same, and that are no more: a pointer says nothing of
/// which it was.
pub(super) fn folded(same: &Same<'_, '_, '_>) -> Vec<Refusal> {
    let [olds, by_name] = [same.old, same.new].map(by_name);
    let parted: Vec<(EntityId, EntityId)> = functions(same.old)
        .filter(|(_, entity)| entity.names.len() > 1)
        .filter_map(|(id, entity)| {
            let partner = same.pairs.new_of(id)?;
            let own = entity.names.iter().filter(|name| olds.contains_key(*name));
            let mut news = own.filter_map(|name| by_name.get(name));
            Some((id, *news.find(|new| **new != partner)?))
        })
        .collect();
    let parted = parted.into_iter().filter(|(old, _)| is_handed_on(same.old, *old));
    let refused = parted.map(|(old, new)| {
        let names: Vec<String> =
            same.old.entity(old).names.iter().map(|name| names::demangle(name)).collect();
        let message = format!(
            "the old build has one function for {}, and pointers to it may be meant for each of them",
            names.join(" and ")
        );
        let help =
            "link both builds without folding (--icf=none, -fno-ipa-icf), or restart with the new build";
        refusal(RefusalCode::UnresolvedReference, same.new, new, &message, help)
    });
    refused.collect()
}

/// The functions, by those of their names that no other has.
fn by_name<'d>(side: &Side<'_, 'd>) -> BTreeMap<&'d str, EntityId> {
    let mut found: BTreeMap<&str, Vec<EntityId>> = BTreeMap::new();
    for (id, entity) in functions(side) {
        for name in &entity.names {
            found.entry(*name).or_default().push(id);
        }
    }
    let only =
        |(name, ids): (&'d str, Vec<EntityId>)| <[EntityId; 1]>::try_from(ids).ok().map(|[id]| (name, id));
    found.into_iter().filter_map(only).collect()
}

/// Functions that are gone, and of which one that is new may be what they are called now: pointers to them would go on leading to the old code.
pub(super) fn renamed(same: &Same<'_, '_, '_>) -> Vec<Refusal> {
    let (Some(before), Some(after)) = (same.debug.old, same.debug.new) else { return Vec::new() };
    let is_whole = |entity: &Entity<'_>| entity.parent.is_none() && is_of_its_own(entity.name);
    let gone: BTreeSet<EntityId> = functions(same.old)
        .filter(|(id, entity)| same.pairs.new_of(*id).is_none() && is_whole(entity))
        .filter(|(_, entity)| !entity.names.iter().any(|name| (same.ignored)(name)))
        .map(|(id, _)| id)
        .collect();
    let come: BTreeSet<EntityId> = functions(same.new)
        .filter(|(id, entity)| same.pairs.old_of(*id).is_none() && is_whole(entity))
        .map(|(id, _)| id)
        .collect();
    if gone.is_empty() || come.is_empty() {
        return Vec::new();
    }
    let (gone, come) = (taken(same.old, &gone), taken(same.new, &come));
    // What can't be read may be.
    let alike = |old: &EntityId, new: &EntityId| {
        let (old, new) = (same.old.entity(*old).address, same.new.entity(*new).address);
        !matches!(is_alike((before, old), (after, new)), Ok(false))
    };
    let pairs = gone.iter().filter_map(|old| Some((*old, *come.iter().find(|new| alike(old, new))?)));
    let refused = pairs.map(|(old, new)| {
        let was = names::demangle(same.old.entity(old).name);
        let message = format!(
            "it may be what `{was}` is called now: pointers to that may live, and lead to the old code"
        );
        let help =
            format!("keep the old name, or say --ignore-symbol '{was}' if nothing keeps such a pointer");
        refusal(RefusalCode::UnresolvedReference, same.new, new, &message, &help)
    });
    refused.collect()
}

/// Whether the source names it, by itself: not as an instance of something generic, a closure, or a method that is called by a table.
fn is_of_its_own(name: &str) -> bool {
    let name = names::demangle(name);
    !name.contains(['<', '{']) && !name.contains("[clone") && !name.contains('.')
}

/// Whether two functions of one source file take and give the same.
fn is_alike((old, a): (&DebugInfo<'_>, u64), (new, b): (&DebugInfo<'_>, u64)) -> Result<bool, DebugError> {
    let (Some(was), Some(is)) = (old.function_at(a), new.function_at(b)) else { return Ok(false) };
    if was.file != is.file || was.unit != is.unit {
        return Ok(false);
    }
    let (Some(x), Some(y)) = (old.signature_at(a)?, new.signature_at(b)?) else { return Ok(false) };
    let pairs = std::iter::once((x.result, y.result))
        .chain(x.parameters.iter().copied().zip(y.parameters.iter().copied()));
    for pair in pairs {
        match pair {
            (None, None) => {}
            (Some(a), Some(b)) if old.type_name(a)? == new.type_name(b)? => {}
            _ => return Ok(false),
        }
    }
    Ok(x.parameters.len() == y.parameters.len())
}

/// Those of the functions whose addresses code or data takes.
fn taken(side: &Side<'_, '_>, of: &BTreeSet<EntityId>) -> BTreeSet<EntityId> {
    if of.is_empty() {
        return BTreeSet::new();
    }
    let all = 0..side.entities.len() as EntityId;
    let addresses =
        |id| fields::of_entity(side, id).into_iter().filter_map(move |field| address_of(side, id, &field));
    all.flat_map(addresses).filter(|function| of.contains(function)).collect()
}

/// Whether a pointer to a function may be kept: code lets it out of its hands, or variables have it when the program starts.
fn is_handed_on(side: &Side<'_, '_>, function: EntityId) -> bool {
    (0..).zip(&side.entities).any(|(id, entity)| {
        let mut fields = fields::of_entity(side, id);
        fields.retain(|field| address_of(side, id, field) == Some(function));
        match entity.kind {
            EntityKind::Object => entity.writable && !fields.is_empty(),
            _ => !fields.is_empty() && hands_on(side, id, &fields),
        }
    })
}

/// The function whose address a field of `holder` is, if it is that, and not what a branch goes to.
fn address_of(side: &Side<'_, '_>, holder: EntityId, field: &Field) -> Option<EntityId> {
    let meant = match target::meaning(side, field) {
        Meaning::Slot(slot) if !is_called(side, holder, field) => target::held(side, slot)?,
        meaning if field.form != Form::Branch && !field.accesses => meaning,
        _ => return None,
    };
    match meant {
        Meaning::Entity(id, 0) if side.entity(id).kind == EntityKind::Function => Some(id),
        _ => None,
    }
}

/// Whether the field is of a call or a jump by way of a slot (Intel SDM, volume 2: FF /2 and FF /4).
fn is_called(side: &Side<'_, '_>, holder: EntityId, field: &Field) -> bool {
    let opcode = side.bytes(holder).and_then(|bytes| bytes.get(..field.offset as usize)?.last_chunk::<2>());
    matches!(opcode, Some([0xff, 0x15 | 0x25]))
}

fn functions<'s, 'd>(side: &'s Side<'_, 'd>) -> impl Iterator<Item = (EntityId, &'s Entity<'d>)> {
    (0..).zip(&side.entities).filter(|(_, entity)| entity.kind == EntityKind::Function)
}
