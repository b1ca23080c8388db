//! What the builds leave to the process although they have it themselves.
//!
//! A library refers to its own exported symbols by name. The loader looks for them as if they were another module's, and may find
//! one elsewhere: the program's copy of a variable (`R_X86_64_COPY`), a function of the program, or of a library that was loaded
//! before, under the same name. All in the process agree on the one that is found first.
//!
//! New code that refers to such a symbol must agree too. What the process has under the name is what the *old* build exports under
//! it; what is new, or was not exported, nobody else can have meant.

use suture_elf::{Import, SymbolKind};

use super::Same;
use crate::side::TlsVariable;

impl<'d> Same<'_, '_, 'd> {
    /// The symbol for which the process is asked, where the new build has a word that the loader fills.
    pub(crate) fn asked(&self, word: u64) -> Option<Import<'d>> {
        let (index, _) = self.new.build.preemptible(word)?;
        let (found, import) =
            (self.new.build.dynamic_symbols().get(index as usize)?, self.new.build.import(index)?);
        let exported = self.old.exported(import)?;
        if found.kind == SymbolKind::Tls {
            return None;
        }
        let entity = self.new.at(found.address).filter(|id| self.new.entity(*id).address == found.address)?;
        let old = self.old.entity(self.pairs.old_of(entity)?);
        (old.address == exported).then_some(import)
    }

    /// The same for a word by which a thread-local variable is found.
    pub(super) fn asked_variable(&self, word: u64) -> Option<Import<'d>> {
        let (index, _) = self.new.build.preemptible(word)?;
        let (found, import) =
            (self.new.build.dynamic_symbols().get(index as usize)?, self.new.build.import(index)?);
        let exported = self.old.exported(import)?;
        let is_it = |v: &TlsVariable<'_>| v.name == import.name && v.offset == found.address;
        let variable = self.new.tls.iter().position(is_it).filter(|_| found.kind == SymbolKind::Tls)?;
        let old = self.old.tls.get(self.pairs.old_tls_of(variable)?)?;
        (old.offset == exported).then_some(import)
    }

    /// The symbol of its own that the loader looked up for a word of the old build.
    pub(crate) fn asked_by_old(&self, word: u64) -> Option<Import<'d>> {
        let (index, _) = self.old.build.preemptible(word)?;
        self.old.build.import(index)
    }

    /// Whether two branches leave it to the process, or both do not, whose function is called: they may go to linkage stubs.
    pub(super) fn is_asked_alike(&self, old: u64, new: u64) -> bool {
        let asked_by_old = self.old.build.stub(old).and_then(|slot| self.asked_by_old(slot));
        asked_by_old == self.new.build.stub(new).and_then(|slot| self.asked(slot))
    }
}
