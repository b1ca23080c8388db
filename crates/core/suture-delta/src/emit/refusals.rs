//! What can't be emitted, with its reason. Places are added when everything is compared.

use super::Emitter;
use crate::fields::Field;
use crate::names;
use crate::refusal::{Refusal, RefusalCode};
use crate::target::{self, Meaning};

impl Emitter<'_, '_, '_, '_> {
    /// Refuses a reference of this function or object.
    pub(super) fn refuse(&mut self, name: &str, field: &Field, why: &str) {
        let help = self.way_out(field);
        self.refusals.push(Refusal {
            code: RefusalCode::UnresolvedReference,
            symbol: names::demangle(name),
            file: String::new(),
            line: 0,
            message: format!(
                "its reference at offset {:#x} has no certain meaning in the old build: {why}",
                field.offset
            ),
            help,
        });
    }

    /// What the author of a fix can do about a reference that can't be made.
    fn way_out(&self, field: &Field) -> String {
        let meant = match target::meaning(self.same.new, field) {
            Meaning::Entity(id, _) if self.same.pairs.old_of(id).is_none() => Some(self.same.new.entity(id)),
            _ => None,
        };
        let Some(copied) = meant.filter(|entity| entity.imported) else {
            return "restart with the new build, or write the fix without that reference".to_owned();
        };
        let (name, _) = copied.name.split_once('@').unwrap_or((copied.name, ""));
        format!(
            "say `extern __typeof__({name}) {name} __attribute__((weak));` in the fix, or use it in a new file that is compiled with \
             -fPIC if code is not position-independent, so that it is looked up in the process; or restart with the new build"
        )
    }

    /// Refuses the function or object as a whole.
    pub(super) fn refuse_code(&mut self, code: RefusalCode, name: &str, why: &str) {
        self.refusals.push(Refusal {
            code,
            symbol: names::demangle(name),
            file: String::new(),
            line: 0,
            message: why.to_owned(),
            help: "restart with the new build".to_owned(),
        });
    }
}
