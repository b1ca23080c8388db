//! A patch on top of patches: what of a new build a patched process has already.
//!
//! A fix that comes after others is built from a source that has them all. Its delta is made between the build
//! that was started and the newest one, and then everything that the earlier deltas brought is taken out
//! again: functions that they replaced in the same way, new functions, and above all new variables, which
//! live in the homes of those patches and must not be doubled. What remains refers to the earlier patches by
//! their ids, so that the surgery can insist on them.
//!
//! ```text
//!  old build ──┐
//!              ├─► full delta ──┐
//!  newest build┘                ├─► Standing ─► the delta of the last step
//!  earlier deltas, oldest first ┘
//! ```

mod alike;
mod contents;
mod rules;
mod variables;

use std::collections::{BTreeMap, BTreeSet};

use suture_elf::Build;

use crate::format::DeltaId;
use crate::model::{Delta, PatchCode, SymbolKind};
use crate::names;
use crate::options::Options;
use crate::refusal::{Refusal, RefusalCode};
use crate::side::EntityId;

use alike::Alike;

/// A patch that the process has when the new one comes.
#[derive(Debug, Clone)]
pub struct Earlier {
    /// What it is called.
    pub id: DeltaId,
    /// What it does.
    pub delta: Delta,
}

/// A place in the home of an earlier patch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Provided {
    /// Id of the patch, hex.
    pub(crate) id: String,
    /// Index into its symbols.
    pub(crate) symbol: u32,
}

/// Where the calls of a function of the old build go before the new patch comes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Top {
    /// The code that runs.
    pub(crate) code: Provided,
    /// All of it, that no thread may be in while it is replaced.
    pub(crate) ranges: Vec<PatchCode>,
}

/// What a new patch stands on.
#[derive(Debug, Clone, Default)]
pub(crate) struct Standing {
    provided: BTreeMap<EntityId, Provided>,
    places: BTreeMap<EntityId, (usize, u32, u64)>,
    tops: BTreeMap<u64, Top>,
    settled_data: BTreeSet<u64>,
}

/// The delta that would bring everything, and where the functions and objects of the new build are in it.
pub(crate) struct Full<'a> {
    pub(crate) delta: &'a Delta,
    pub(crate) carried: &'a BTreeMap<EntityId, u32>,
    /// All parts of the function or object that an entity belongs to.
    pub(crate) whole: &'a dyn Fn(EntityId) -> Vec<EntityId>,
}

impl Standing {
    /// What of `full` the patches `below` have brought.
    ///
    /// # Errors
    /// Why the new build can't stand on them.
    pub(crate) fn find(full: &Full<'_>, below: &[Earlier], options: &Options) -> Result<Self, Vec<Refusal>> {
        let tops = tops(below);
        let mut refusals = undone(full.delta, below);
        let variables = variables::pair(full.delta, below, &mut refusals);
        let alike = Alike::find(full.delta, below, &tops, &variables);
        variables::check(&alike, &variables, options, &mut refusals);
        refusals.extend(alike.changed_behind_pointers());
        if !refusals.is_empty() {
            return Err(refusals);
        }
        let found = |id: EntityId| full.carried.get(&id).and_then(|symbol| alike.provided(*symbol));
        let provided =
            full.carried.keys().filter(|id| (full.whole)(**id).into_iter().all(|part| found(part).is_some()));
        let provided: BTreeMap<_, _> = provided.filter_map(|id| Some((*id, found(*id)?))).collect();
        let place = |(id, provided): (&EntityId, &Provided)| {
            let below = below.iter().enumerate().find(|(_, earlier)| earlier.id.to_string() == provided.id);
            let (index, earlier) = below?;
            let symbol = earlier.delta.symbols.get(provided.symbol as usize)?;
            Some((*id, (index, symbol.section, symbol.offset)))
        };
        let places = provided.iter().filter_map(place).collect();
        let settled_data = alike.settled_overwrites().collect();
        Ok(Self { provided, places, tops, settled_data })
    }

    /// Where a function or an object of the new build is already.
    pub(crate) fn provided(&self, id: EntityId) -> Option<&Provided> {
        self.provided.get(&id)
    }

    /// Where in the earlier patches that is: which of them, in which of its sections, and how far from the beginning of that.
    pub(crate) fn place(&self, id: EntityId) -> Option<(usize, u32, u64)> {
        self.places.get(&id).copied()
    }

    /// Where calls of the old build's function at `address` go.
    pub(crate) fn top(&self, address: u64) -> Option<&Top> {
        self.tops.get(&address)
    }

    /// Whether the object at `address` of the old build has its new content already.
    pub(crate) fn has_content(&self, address: u64) -> bool {
        self.settled_data.contains(&address)
    }
}

/// Whether the patches can be in one process together, and `old` be the build that they are for.
pub(crate) fn preconditions(old: &Build<'_>, below: &[Earlier]) -> Vec<Refusal> {
    let mut refusals = Vec::new();
    let build_id = old.build_id().map(crate::model::hex).unwrap_or_default();
    for (index, earlier) in below.iter().enumerate() {
        let meta = &earlier.delta.meta;
        if meta.old.build_id != build_id {
            let message = format!(
                "patch {} is for build {} and the old build is {build_id}",
                earlier.id, meta.old.build_id
            );
            refusals.push(mismatch("", message, "give the build that was started as the old build"));
        }
        let before: Vec<String> = below[..index].iter().map(|earlier| earlier.id.to_string()).collect();
        if meta.on != before {
            let message = if meta.on.is_empty() {
                format!("patch {} does not stand on the ones before it", earlier.id)
            } else {
                format!("patch {} stands on {}", earlier.id, meta.on.join(" and "))
            };
            refusals.push(mismatch(
                "",
                message,
                "name every patch that the process has with --on, oldest first",
            ));
        }
    }
    refusals
}

/// What the author decided for the earlier patches holds on.
pub(crate) fn inherit(options: &Options) -> Options {
    let mut options = options.clone();
    for change in options.below.iter().flat_map(|earlier| &earlier.delta.meta.report.data) {
        let action = match change.action.as_str() {
            "keep" => crate::options::DataAction::Keep,
            "overwrite" => crate::options::DataAction::Overwrite,
            _ => continue,
        };
        options.data.entry(change.symbol.clone()).or_insert(action);
    }
    options
}

fn mismatch(symbol: &str, message: String, help: &str) -> Refusal {
    Refusal {
        code: RefusalCode::StackMismatch,
        symbol: names::demangle(symbol),
        file: String::new(),
        line: 0,
        message,
        help: help.to_owned(),
    }
}

/// The code that runs for each function that is replaced: the last patch counts.
fn tops(below: &[Earlier]) -> BTreeMap<u64, Top> {
    let mut tops = BTreeMap::new();
    for Earlier { id, delta } in below {
        let place = |symbol| Provided { id: id.to_string(), symbol };
        for site in &delta.meta.sites {
            let code = &delta.symbols[site.code as usize].name;
            let is_part = |(index, symbol): &(u32, &crate::model::Symbol)| {
                symbol.kind == SymbolKind::Function
                    && (*index == site.code
                        || *index == site.stub
                        || names::fragment_parent(&symbol.name) == Some(code))
            };
            let parts = (0..).zip(&delta.symbols).filter(is_part);
            let ranges = parts
                .map(|(symbol, part)| PatchCode { id: id.to_string(), symbol, size: part.size })
                .collect();
            tops.insert(site.address, Top { code: place(site.code), ranges });
        }
    }
    tops
}

/// What earlier patches changed and the newest build has as the oldest.
fn undone(full: &Delta, below: &[Earlier]) -> Vec<Refusal> {
    let help = "revert that patch first, or build from a source that still has its fix";
    let sites: BTreeSet<u64> = full.meta.sites.iter().map(|site| site.address).collect();
    let objects: BTreeSet<u64> = full.meta.overwrites.iter().map(|object| object.address).collect();
    let mut refusals = Vec::new();
    for Earlier { id, delta } in below {
        for site in delta.meta.sites.iter().filter(|site| !sites.contains(&site.address)) {
            let message = format!("patch {id} replaces it, and the new build has it as it was before");
            refusals.push(mismatch(&site.symbol, message, help));
        }
        for object in delta.meta.overwrites.iter().filter(|object| !objects.contains(&object.address)) {
            let message = format!("patch {id} changes it, and the new build has it as it was before");
            refusals.push(mismatch(&object.name, message, help));
        }
    }
    refusals
}
