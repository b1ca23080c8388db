//! Symbols that both builds define and leave to the process: see [`crate::same`].
//!
//! New code reaches them as it reaches another module's: through the old build's own stub or slot, which holds what the loader has
//! found, or through one of the delta's own, which the surgery fills with what the loader would find.

use suture_elf::{Import, SymbolKind};

use super::{Emitter, Place};
use crate::fields::{Field, Form};
use crate::model::{Resolution, Target};

impl<'d> Emitter<'_, '_, '_, 'd> {
    /// Where a field of the new build leads that the loader fills, or that leads to a stub, if the process is asked for it. `word`
    /// is the address of the field.
    pub(super) fn asked(&mut self, field: &Field, word: u64) -> Option<Place> {
        if field.form == Form::Absolute {
            self.must_be_absent(word);
            let symbol = self.same.asked(word)?;
            let (_, distance) = self.same.new.build.preemptible(word)?;
            return Some((self.import_reference(symbol), distance));
        }
        let slot = self.same.new.build.stub(field.address)?;
        let symbol = self.same.asked(slot)?;
        Some((self.call(symbol), 0))
    }

    /// A variable that is new and of which all modules use one, whoever has it: the delta brings one for a process that has none. A
    /// process that has one would get a second, so it must be seen there. And a thread-local variable that the old build leaves to
    /// the process: what the delta has for it is the library's own.
    pub(super) fn must_be_absent(&mut self, word: u64) {
        let build = self.same.new.build;
        let Some((index, _)) = build.preemptible(word) else { return };
        let (Some(symbol), Some(import)) = (build.dynamic_symbols().get(index as usize), build.import(index))
        else {
            return;
        };
        let entity = self.same.new.at(symbol.address).filter(|_| symbol.vague);
        let is_new = entity
            .is_some_and(|id| self.same.new.entity(id).writable && self.same.pairs.old_of(id).is_none());
        if is_new || symbol.kind == SymbolKind::Tls {
            let (name, version) = (import.name.to_owned(), import.version.map(str::to_owned));
            self.reference(import.name, Resolution::Absent { symbol: name, version });
        }
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
