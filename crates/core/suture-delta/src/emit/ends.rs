//! Addresses that may be the end of one object or the beginning of another.
//!
//! A loop over a table compares with the table's end, or with what lies before its beginning. An assembler names a symbol that other files
//! do not see by its section alone, and the linker leaves of that an address. Most often it does not matter what was meant:
//! objects keep their places, and so do their ends. Where one of two neighbours travels, or other neighbours came between them, it
//! does: a loop that is given the other's address does not stop. So what is not certain is refused.

use super::Emitter;
use crate::fields::{self, Field, Form};
use crate::names;
use crate::side::{Entity, EntityId, EntityKind, Side};
use crate::target::{self, Meaning};

/// The largest element of a table for which the place one before the first is looked for, in bytes: there a loop downwards ends.
const ELEMENT_MAX: u64 = 16;
/// How many objects before an address may end there; they nest by a few.
const ENDING_MAX: usize = 4;

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

impl Emitter<'_, '_, '_, '_> {
    /// Refuses a reference, one of the `fields` of a function or object, of which it is not certain what it means in the process.
    /// `owner` is the function, if there is one.
    pub(super) fn is_certain(
        &self,
        field: &Field,
        fields: &[Field],
        owner: Option<EntityId>,
    ) -> Result<(), String> {
        let side = self.same.new;
        // In data, what begins at an address is meant: tables have more addresses of objects than of their ends.
        let found = side.at(field.address).map(|id| side.entity(id));
        let is_beginning = found.is_some_and(|found| owner.is_none() || names::is_guard(found.name));
        if !may_be_an_end(field) || is_beginning {
            return Ok(());
        }
        let Some(stand) = self.stand(field) else { return Ok(()) };
        let other = referred_to(side, field.address, fields).find(|object| {
            let distance = field.address.wrapping_sub(side.entity(*object).address) as i64;
            self.stand_of(*object, distance) != stand
        });
        match other {
            Some(other) if !self.was_so(field, fields, stand, owner) => {
                Err(format!("the end of {}, or what stands there", side.entity(other).name))
            }
            _ => Ok(()),
        }
    }

    /// Where the process has what the address is by itself; `None` if that is no object's affair.
    fn stand(&self, field: &Field) -> Option<Stand> {
        Some(match target::meaning(self.same.new, field) {
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
        let before = fields::of_code(self.same.old, before);
        let count = |fields: &[Field], address: u64| {
            fields.iter().filter(|other| may_be_an_end(other) && other.address == address).count()
        };
        referred_to(self.same.old, place, &before).next().is_none()
            && count(fields, field.address) <= count(&before, place)
    }
}

/// Objects whose end the address may be, and to which the fields refer elsewhere.
fn referred_to(side: &Side<'_, '_>, address: u64, fields: &[Field]) -> impl Iterator<Item = EntityId> {
    neighbours(side, address).filter(move |object| {
        let Entity { address: start, size, .. } = side.entity(*object);
        fields.iter().any(|field| field.address != address && field.address.wrapping_sub(*start) < *size)
    })
}

/// Whether it takes the address of what only its section was named of.
fn may_be_an_end(field: &Field) -> bool {
    let is_address =
        matches!(field.form, Form::Relative | Form::Absolute | Form::Absolute32 | Form::Absolute32Signed);
    is_address && field.section.is_some() && !field.accesses
}

/// Objects that end at an address, and tables whose first element it may be one before.
fn neighbours(side: &Side<'_, '_>, address: u64) -> impl Iterator<Item = EntityId> {
    let is_table = move |object: &Entity<'_>| {
        let element = object.address - address;
        element > 0 && object.size >= 2 * element && object.size.is_multiple_of(element)
    };
    let next = side.entities.partition_point(|entity| entity.address < address);
    let end = side.entities.partition_point(|entity| entity.address <= address.saturating_add(ELEMENT_MAX));
    let may_be_meant = move |id: &usize| {
        let object = &side.entities[*id];
        object.kind == EntityKind::Object
            && !target::is_content(side, *id as EntityId)
            && if *id < next { address - object.address == object.size } else { is_table(object) }
    };
    (next.saturating_sub(ENDING_MAX)..end).filter(may_be_meant).map(|id| id as EntityId)
}
