//! What can't be emitted, with its reason. Places are added when everything is compared.

use super::Emitter;
use crate::fields::Field;
use crate::names;
use crate::refusal::{Refusal, RefusalCode};

impl Emitter<'_, '_, '_, '_> {
    /// Refuses a reference of this function or object.
    pub(super) fn refuse(&mut self, name: &str, field: &Field, why: &str) {
        self.refusals.push(Refusal {
            code: RefusalCode::UnresolvedReference,
            symbol: names::demangle(name),
            file: String::new(),
            line: 0,
            message: format!(
                "its reference at offset {:#x} has no certain meaning in the old build: {why}",
                field.offset
            ),
            help: "restart with the new build, or write the fix without that reference".to_owned(),
        });
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
