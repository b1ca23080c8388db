//! Names of the delta that only the process can resolve.

use suture_delta::model::{Reference, Resolution};
use suture_surgery::home::State;
use suture_surgery::link::Resolver;

use crate::patient::Patient;

/// The link scope of a process, as its dynamic loader sees it, and the patches in it.
pub(crate) struct Scope<'p> {
    patient: &'p Patient,
}

impl<'p> Scope<'p> {
    pub(crate) fn new(patient: &'p Patient) -> Self {
        Self { patient }
    }

    /// Address of a function of any loaded module.
    pub(crate) fn function(&self, _name: &str) -> Option<u64> {
        None
    }
}

impl Resolver for Scope<'_> {
    fn resolve(&self, reference: &Reference) -> Result<u64, String> {
        match &reference.resolution {
            Resolution::Patch { id, symbol } => {
                let home = self.patient.homes.iter().find(|h| h.record.id == *id && h.head.state == State::Applied);
                let home = home.ok_or_else(|| format!("patch {id} is not applied"))?;
                home.record.symbols.get(*symbol as usize).copied().ok_or_else(|| format!("patch {id} has no symbol {symbol}"))
            }
            _ => Err("no such symbol".to_owned()),
        }
    }
}
