//! Addresses that may be the end of one object or the beginning of another, in what travels.
//!
//! Most often it does not matter what was meant: objects keep their places, and so do their ends. Where one of two neighbours
//! travels, or other neighbours came between them, it does: a loop that is given the other's address does not stop. Two that
//! travel go side by side; what is not certain otherwise is refused.

use std::rc::Rc;

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
    /// What a reference means, one of the `fields` of `owner`, a function or object, or of a constant without a name; an error if
    /// in the process it is not certain.
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
        let is_plain = || owner.is_some_and(|owner| self.is_list(owner));
        if doubtful.is_empty() || self.was_so(field, fields, stand, owner) || is_plain() {
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

    /// Whether the owner had as many references to the same before, where they could be nothing's end.
    fn was_so(&self, field: &Field, fields: &[Field], stand: Stand, owner: Option<EntityId>) -> bool {
        let before = owner.and_then(|owner| self.same.pairs.old_of(owner));
        let (Stand::Old(place), Some(before)) = (stand, before) else { return false };
        let count = |fields: &[Field], address: u64| {
            fields.iter().filter(|other| bounds::may_be_an_end(other) && other.address == address).count()
        };
        let file = bounds::own_file(self.same.old.entity(before));
        let before = fields::of_entity(self.same.old, before);
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
            && b.address.checked_sub(a.address) == Some(a.size)
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
        self.type_of(object)
            .is_none_or(|(debug, type_id)| has_elements(debug, type_id, TYPE_DEPTH_MAX).unwrap_or(true))
    }

    /// Whether an object is a list of addresses, each of them of something: ends stand in structures.
    fn is_list(&self, object: EntityId) -> bool {
        self.type_of(object).is_some_and(|(debug, type_id)| is_pointers(debug, type_id).unwrap_or(false))
    }

    /// The type of an object of the new build, if the debug information tells.
    fn type_of(&self, object: EntityId) -> Option<(&DebugInfo<'d>, EntryId)> {
        let debug = self.same.debug.new?;
        let variable = debug.variable_at(self.same.new.entity(object).address).ok()??;
        Some((debug, variable.type_id?))
    }
}

/// Whether a type is an array, or a structure that ends with one.
fn has_elements(debug: &DebugInfo<'_>, id: EntryId, depth: u32) -> Result<bool, DebugError> {
    let Some(depth) = depth.checked_sub(1) else { return Ok(true) };
    let shape = bare(debug, id)?;
    let Shape::Aggregate(aggregate) = &*shape else {
        return Ok(matches!(*shape, Shape::Array { .. } | Shape::Declaration { .. }));
    };
    let last = aggregate.members.last().or(aggregate.bases.last());
    let ends = match last.map(|member| member.type_id) {
        Some(Some(id)) => has_elements(debug, id, depth)?,
        Some(None) => true,
        None => false,
    };
    Ok(ends || aggregate.variants.is_some() || aggregate.kind == AggregateKind::Union)
}

/// Whether a type is an array of pointers.
fn is_pointers(debug: &DebugInfo<'_>, id: EntryId) -> Result<bool, DebugError> {
    let Shape::Array { element: Some(element), .. } = *bare(debug, id)? else { return Ok(false) };
    Ok(matches!(&*bare(debug, element)?, Shape::Pointer { .. }))
}

/// What a type is under its other names.
fn bare(debug: &DebugInfo<'_>, id: EntryId) -> Result<Rc<Shape>, DebugError> {
    let mut shape = debug.shape(id)?;
    for _ in 0..TYPE_DEPTH_MAX {
        let Shape::Alias { target: Some(target), .. } = *shape else { break };
        shape = debug.shape(target)?;
    }
    Ok(shape)
}
