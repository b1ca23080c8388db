//! Symbols that both builds define and leave to the process: see [`crate::same`].
//!
//! New code reaches them as it reaches another module's: through the old build's own stub or slot, which holds what the loader has
//! found, or through one of the delta's own, which the surgery fills with what the loader would find.

use suture_elf::Import;

use super::{Emitter, Place};
use crate::fields::{Field, Form};
use crate::model::Target;

impl<'d> Emitter<'_, '_, '_, 'd> {
    /// Where a field of the new build leads that the loader fills, or that leads to a stub, if the process is asked for it. `word`
    /// is the address of the field.
    pub(super) fn asked(&mut self, field: &Field, word: u64) -> Option<Place> {
        if field.form == Form::Absolute {
            let symbol = self.same.asked(word)?;
            let (_, distance) = self.same.new.build.preemptible(word)?;
            return Some((self.import_reference(symbol), distance));
        }
        let slot = self.same.new.build.stub(field.address)?;
        let symbol = self.same.asked(slot)?;
        Some((self.call(symbol), 0))
    }

    /// A function that calls it.
    fn call(&mut self, symbol: Import<'d>) -> Target {
        let name = format!("{}@plt", symbol.name);
        let build = self.same.old.build;
        let mut stubs = build.stubs().iter();
        if let Some((stub, _)) = stubs.find(|(_, slot)| self.same.asked_by_old(**slot) == Some(symbol)) {
            return self.image(&name, *stub);
        }
        let slot = self.import_slot(symbol);
        self.stub(symbol.name, name, slot)
    }
}
