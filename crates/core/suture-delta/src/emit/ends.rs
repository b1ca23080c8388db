//! Addresses that may be the end of one thing or the beginning of another.
//!
//! A loop over a table compares with the table's end. Where an assembler has named no more than the section, nothing
//! says that the table is meant: of one that stays, its end stays too; of one that travels, that has to be known.

use super::Emitter;
use crate::fields::Field;
use crate::side::EntityKind;
use crate::target;

impl Emitter<'_, '_, '_, '_> {
    /// Refuses a reference, one of `fields`, that may be the end of a new object to which they refer too.
    pub(super) fn no_end(&self, field: &Field, fields: &[Field]) -> Result<(), String> {
        let side = self.same.new;
        let Some(before) = side.before(field.address).filter(|_| field.section.is_some()) else {
            return Ok(());
        };
        let object = side.entity(before);
        let is_end = object.kind == EntityKind::Object
            && object.address + object.size == field.address
            && side.at(field.address).is_none();
        let travels = self.same.pairs.old_of(before).is_none() && !target::is_content(side, before);
        if is_end && travels && fields.iter().any(|other| side.at(other.address) == Some(before)) {
            return Err(format!("the end of {}, which is new, or what stands behind it", object.name));
        }
        Ok(())
    }
}
