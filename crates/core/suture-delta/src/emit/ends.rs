//! Addresses that may be the end of one object or the beginning of another, in what travels.
//!
//! Most often it does not matter what was meant: objects keep their places, and so do their ends. Where one of two neighbours
//! travels, or other neighbours came between them, it does: a loop that is given the other's address does not stop. Two that
//! travel go side by side; what is not certain otherwise is refused.

use suture_elf::debug::{AggregateKind, DebugError, DebugInfo, EntryId, Shape};

use super::Emitter;
use crate::bounds::{self, Reading};
use crate::fields::{self, Field};
use crate::side::{EntityId, EntityKind};
use crate::target::{self, Meaning};

/// How deep types are looked into.
const TYPE_DEPTH_MAX: u32 = 16;

/// Where the process has what is referred to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stand {
    /// At this address of the old build.
    Old(u64),
    /// That far from the beginning of what travels.
    New(EntityId, i64),
    /// In a constant without a name.
    Content,
}

impl<'d> Emitter<'_, '_, '_, 'd> {
    /// What a reference means, one of the `fields` of a function or object; an error if in the process it is not certain. `owner`
    /// is the function, if there is one.
    pub(super) fn certain_meaning(
        &mut self,
        field: &Field,
        fields: &[Field],
        owner: Option<EntityId>,
    ) -> Result<Meaning<'d>, String> {
        let side = self.same.new;
        let (plain, others) = match bounds::reading(side, owner, fields, field) {
            Reading::Certain(meaning) => return Ok(meaning),
            Reading::Either(plain, others) => (plain, others),
        };
        let Some(stand) = self.stand(plain) else { return Ok(plain) };
        let doubtful: Vec<EntityId> = others
            .into_iter()
            .filter(|object| {
                let distance = field.address.wrapping_sub(side.entity(*object).address) as i64;
                self.stand_of(*object, distance) != stand
            })
            .filter(|object| bounds::refers_to(side, fields, field, *object) || self.may_end_alone(*object))
            .collect();
        if doubtful.is_empty() || self.was_so(field, fields, stand, owner) {
            return Ok(plain);
        }
        if let Some(other) = doubtful.iter().find(|object| !self.travels_before(**object, plain)) {
            return Err(format!("the end of {}, or what stands there", side.entity(*other).name));
        }
        for object in doubtful {
            self.go_together(object, plain);
        }
        Ok(plain)
    }

    /// Where the process has what is meant; `None` if that is no object's affair.
    fn stand(&self, meaning: Meaning<'_>) -> Option<Stand> {
        Some(match meaning {
            Meaning::Entity(id, distance) => self.stand_of(id, distance),
            Meaning::After(id, distance) => {
                self.stand_of(id, distance.wrapping_add(self.same.new.entity(id).size as i64))
            }
            Meaning::SectionEnd(name) => {
                let section = self.same.old.build.section(name)?;
                Stand::Old(section.address + section.size)
            }
            Meaning::Anonymous(..) => Stand::Content,
            _ => return None,
        })
    }

    fn stand_of(&self, id: EntityId, distance: i64) -> Stand {
        if target::is_content(self.same.new, id) {
            return Stand::Content;
        }
        match self.same.pairs.old_of(id) {
            Some(old) => Stand::Old(self.same.old.entity(old).address.wrapping_add_signed(distance)),
            None => Stand::New(id, distance),
        }
    }

    /// Whether the function had as many references to the same before, where they could be nothing's end.
    fn was_so(&self, field: &Field, fields: &[Field], stand: Stand, owner: Option<EntityId>) -> bool {
        let before = owner.and_then(|owner| self.same.pairs.old_of(owner));
        let (Stand::Old(place), Some(before)) = (stand, before) else { return false };
        let count = |fields: &[Field], address: u64| {
            fields.iter().filter(|other| bounds::may_be_an_end(other) && other.address == address).count()
        };
        let file = self.same.old.entity(before).file;
        let before = fields::of_code(self.same.old, before);
        bounds::neighbours(self.same.old, place, file).next().is_none()
            && count(fields, field.address) <= count(&before, place)
    }

    /// Whether two objects can go side by side: both travel, and the second begins where the first ends.
    fn travels_before(&self, first: EntityId, second: Meaning<'_>) -> bool {
        let Meaning::Entity(second, 0) = second else { return false };
        let side = self.same.new;
        let travels = |id: EntityId| {
            side.entity(id).kind == EntityKind::Object
                && self.same.pairs.old_of(id).is_none()
                && self.standing.provided(id).is_none()
                && !target::is_content(side, id)
        };
        let (a, b) = (side.entity(first), side.entity(second));
        travels(first)
            && travels(second)
            && a.address + a.size == b.address
            && a.writable == b.writable
            && side.build.section_at(a.address) == side.build.section_at(b.address)
    }

    fn go_together(&mut self, first: EntityId, second: Meaning<'_>) {
        if let Meaning::Entity(second, _) = second {
            self.carry(first);
            self.carry(second);
            self.side_by_side.insert((first, second));
        }
    }

    /// Whether somebody may have a use for the end of an object without one for its beginning: it consists of elements,
    /// or nobody says of what.
    fn may_end_alone(&self, object: EntityId) -> bool {
        let Some(debug) = self.same.debug.new else { return true };
        let variable = debug.variable_at(self.same.new.entity(object).address);
        match variable.map(|variable| variable.and_then(|variable| variable.type_id)) {
            Ok(Some(type_id)) => has_elements(debug, type_id, TYPE_DEPTH_MAX).unwrap_or(true),
            Ok(None) | Err(_) => true,
        }
    }
}

/// Whether a type is an array, or a structure that ends with one.
fn has_elements(debug: &DebugInfo<'_>, id: EntryId, depth: u32) -> Result<bool, DebugError> {
    let next = |id: Option<EntryId>| match (id, depth.checked_sub(1)) {
        (Some(id), Some(depth)) => has_elements(debug, id, depth),
        _ => Ok(true),
    };
    Ok(match &*debug.shape(id)? {
        Shape::Alias { target, .. } => next(*target)?,
        Shape::Aggregate(aggregate) => {
            let is_union = aggregate.kind == AggregateKind::Union;
            let last = aggregate.members.last().or(aggregate.bases.last());
            let ends = last.map_or(Ok(false), |member| next(member.type_id))?;
            ends || aggregate.variants.is_some() || is_union
        }
        Shape::Array { .. } | Shape::Declaration { .. } => true,
        _ => false,
    })
}
