//! Names of the delta that only the process can resolve.

use suture_delta::model::{Reference, Resolution};
use suture_surgery::home::State;
use suture_surgery::link::{Resolver, Value};
use suture_surgery::memory::{Memory as _, Paged};
use suture_surgery::modules::Module;
use suture_surgery::resolve;

use crate::patient::Patient;

/// The link scope of a process, as its dynamic loader sees it, and the patches in it.
pub(crate) struct Scope<'p> {
    patient: &'p Patient,
    /// What the tables are read through.
    memory: Paged<'p>,
    tables: Result<resolve::Scope, resolve::ResolveError>,
    /// In which order the linker searches for the module whose references are resolved; without one, all in load order.
    order: Option<resolve::Order>,
    bias: u64,
}

impl<'p> Scope<'p> {
    pub(crate) fn new(patient: &'p Patient) -> Self {
        let memory = Paged::new(&patient.memory);
        let tables = resolve::Scope::read(&patient.modules, &memory);
        Self { patient, memory, tables, order: None, bias: 0 }
    }

    /// For references of this module.
    pub(crate) fn of_module(self, module: &Module) -> Self {
        let order = self.tables.as_ref().ok().map(|tables| tables.order(module.dynamic, &self.memory));
        Self { bias: module.bias, order, ..self }
    }

    /// Address of a function of any loaded module.
    pub(crate) fn function(&self, name: &str) -> Option<u64> {
        match self.import(name, None) {
            Ok(Value::Known(address)) => Some(address),
            _ => None,
        }
    }

    /// Objects of libraries of which the program has a copy.
    pub(crate) fn copies(&self) -> Result<Vec<resolve::Copied>, resolve::ResolveError> {
        self.tables.as_ref().map_err(Clone::clone)?.copies(&self.memory)
    }

    fn import(&self, symbol: &str, version: Option<&str>) -> Result<Value, String> {
        let tables = self.tables.as_ref().map_err(ToString::to_string)?;
        let found = match &self.order {
            Some(order) => tables.find_for(order, symbol, version, &self.memory),
            None => tables.find(symbol, version, &self.memory),
        };
        match found.map_err(|error| error.to_string())? {
            Some(found) if found.is_ifunc => Ok(Value::ChosenBy(found.address)),
            Some(found) => Ok(Value::Known(found.address)),
            None => Err("no loaded library has it".to_owned()),
        }
    }

    fn absent(&self, symbol: &str, version: Option<&str>) -> Result<Value, String> {
        let tables = self.tables.as_ref().map_err(ToString::to_string)?;
        let others = self.order.as_ref().map(|order| tables.others(order, symbol, version, &self.memory));
        let Some(dynamic) = others.transpose().map_err(|error| error.to_string())?.flatten() else {
            return Ok(Value::Known(0));
        };
        let other = self.patient.modules.iter().find(|module| module.dynamic == Some(dynamic));
        let name = other.map_or("another module", |module| &module.name);
        Err(format!("{name} has it too, and the new build would use that one"))
    }

    fn word(&self, address: u64) -> Result<u64, String> {
        self.patient.memory.read_u64(address.wrapping_add(self.bias)).map_err(|error| error.to_string())
    }

    fn patch(&self, id: &str, symbol: u32) -> Result<u64, String> {
        let applied =
            |home: &&suture_surgery::home::Home| home.record.id == id && home.head.state == State::Applied;
        let home =
            self.patient.homes.iter().find(applied).ok_or_else(|| format!("patch {id} is not applied"))?;
        let address = home.record.symbols.get(symbol as usize).copied();
        address.ok_or_else(|| format!("patch {id} has no symbol {symbol}"))
    }
}

impl Resolver for Scope<'_> {
    fn resolve(&self, reference: &Reference) -> Result<Value, String> {
        match &reference.resolution {
            Resolution::Import { symbol, version } => self.import(symbol, version.as_deref()),
            Resolution::Absent { symbol, version } => self.absent(symbol, version.as_deref()),
            Resolution::Patch { id, symbol } => self.patch(id, *symbol).map(Value::Known),
            Resolution::TlsOffset { offset, anchor } => {
                let known = self.word(anchor.address)?;
                Ok(Value::Known(known.wrapping_sub(anchor.offset).wrapping_add(*offset)))
            }
            Resolution::TlsModule { anchor_address } => self.word(*anchor_address).map(Value::Known),
            Resolution::Image { .. } | Resolution::Switch => {
                Err("it is no matter of the link scope".to_owned())
            }
        }
    }
}
