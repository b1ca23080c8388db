//! What a delta does, as its own structure tells it.
//!
//! Which functions are replaced is read from the places where jumps are written, what is overwritten and which hooks run
//! from what the surgery goes by. Only what can't be seen in a delta comes from the report in it: places in the source,
//! why a function differs, and which marks a call path crosses. Whether that report is true only someone who makes the
//! delta again can tell.

use serde::Serialize;
use suture_delta::Delta;
use suture_delta::format::DeltaId;
use suture_delta::model::{BuildKind, Hooks, SectionKind};
use suture_delta::report::{CriticalPath, DataChange, FunctionRef, Verdict};

/// One delta in short.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Facts {
    /// SHA-256 of its file.
    pub id: String,
    /// Length of its file.
    pub bytes: usize,
    /// Name and version of the tool that made it.
    pub tool: String,
    /// File name of the build that it is for.
    pub program: String,
    /// How that build is mapped.
    pub kind: BuildKind,
    /// Build-id of the build that it is for.
    pub old_build_id: String,
    /// Build-id of the build that it was made from.
    pub new_build_id: String,
    /// Ids of the deltas that have to be applied before, oldest first.
    pub on: Vec<String>,
    /// Hot: no other delta can be read.
    pub verdict: Verdict,
    /// Why, by its report.
    pub reasons: Vec<String>,
    /// Functions of the old build that jump to new code.
    pub functions: Vec<FunctionFact>,
    /// Functions that are new, by its report.
    pub new: Vec<FunctionRef>,
    /// Functions that are gone, by its report.
    pub removed: Vec<FunctionRef>,
    /// Objects that differ, by its report.
    pub data: Vec<DataChange>,
    /// Objects of the old build that are changed where they stand.
    pub overwrites: Vec<OverwriteFact>,
    /// Types whose values in the process its hooks convert, by its report.
    pub types: Vec<String>,
    /// Call paths between the change and what the project has marked, by its report.
    pub critical: Vec<CriticalPath>,
    /// Functions that run in the process around an operation.
    pub hooks: Vec<HookFact>,
    /// New code, in bytes.
    pub code_bytes: u64,
    /// All memory that it takes in a process, in bytes.
    pub memory_bytes: u64,
    /// What a reviewer should know, by its report.
    pub notes: Vec<String>,
}

/// A function that is replaced.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FunctionFact {
    /// Demangled name.
    pub name: String,
    /// Linkage name in the old build.
    pub symbol: String,
    /// Entry in the old build.
    pub address: u64,
    /// Source file, by the report; empty if unknown.
    pub file: String,
    /// Line there; 0 if unknown.
    pub line: u32,
    /// Size of the old code, in bytes.
    pub old_size: u64,
    /// Size of the new code, in bytes.
    pub new_size: u64,
    /// What differs, by the report.
    pub why: String,
}

/// An object that is changed in place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OverwriteFact {
    /// Its name.
    pub name: String,
    /// Where it is in the old build.
    pub address: u64,
    /// How much is overwritten.
    pub bytes: u64,
    /// Whether it is live state, and no constant.
    pub writable: bool,
}

/// A hook.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct HookFact {
    /// `pre-apply`, `post-apply`, `pre-revert`, `post-revert`.
    pub when: &'static str,
    /// Its code, in bytes.
    pub bytes: u64,
}

impl Facts {
    /// Of `delta`, whose file has this id and length.
    pub fn of(delta: &Delta, id: &DeltaId, file_len: usize) -> Self {
        let meta = &delta.meta;
        let report = &meta.report;
        let size_of = |of: &dyn Fn(SectionKind) -> bool| -> u64 {
            delta.sections.iter().filter(|section| of(section.kind)).map(|section| section.size).sum()
        };
        Self {
            id: id.to_string(),
            bytes: file_len,
            tool: meta.tool.clone(),
            program: meta.old.name.clone(),
            kind: meta.old.kind,
            old_build_id: meta.old.build_id.clone(),
            new_build_id: meta.new.build_id.clone(),
            on: meta.on.clone(),
            verdict: report.verdict,
            reasons: report.reasons.clone(),
            functions: functions(delta),
            new: report.new.clone(),
            removed: report.removed.clone(),
            data: report.data.clone(),
            overwrites: overwrites(delta),
            types: report.notes.iter().filter_map(|note| converted_type(note)).collect(),
            critical: report.critical.clone(),
            hooks: hooks(delta),
            code_bytes: size_of(&|kind| kind == SectionKind::Text),
            memory_bytes: size_of(&|kind| kind != SectionKind::Template),
            notes: report.notes.clone(),
        }
    }
}

/// The report names the replaced functions in the order of their sites.
fn functions(delta: &Delta) -> Vec<FunctionFact> {
    let report = delta.meta.report.changed.iter().map(Some).chain(std::iter::repeat(None));
    let functions = delta.meta.sites.iter().zip(report).map(|(site, told)| FunctionFact {
        name: site.name.clone(),
        symbol: site.symbol.clone(),
        address: site.address,
        file: told.map(|told| told.file.clone()).unwrap_or_default(),
        line: told.map_or(0, |told| told.line),
        old_size: told.map_or(0, |told| told.old_size),
        new_size: delta.symbols.get(site.code as usize).map_or(0, |code| code.size),
        why: told.map(|told| told.why.clone()).unwrap_or_default(),
    });
    functions.collect()
}

fn overwrites(delta: &Delta) -> Vec<OverwriteFact> {
    let overwrites = delta.meta.overwrites.iter().map(|object| OverwriteFact {
        name: object.name.clone(),
        address: object.address,
        bytes: object.size,
        writable: object.writable,
    });
    overwrites.collect()
}

fn hooks(delta: &Delta) -> Vec<HookFact> {
    let Hooks { pre_apply, post_apply, pre_revert, post_revert } = delta.meta.hooks;
    let named = [
        ("pre-apply", pre_apply),
        ("post-apply", post_apply),
        ("pre-revert", pre_revert),
        ("post-revert", post_revert),
    ];
    let fact = |(when, symbol): (&'static str, Option<u32>)| {
        let symbol = delta.symbols.get(symbol? as usize)?;
        Some(HookFact { when, bytes: symbol.size })
    };
    named.into_iter().filter_map(fact).collect()
}

/// The comparison's note about a layout that changed: `type NAME: WHAT; the patch's hooks convert what lives`.
fn converted_type(note: &str) -> Option<String> {
    let told = note.strip_prefix("type ")?.strip_suffix("; the patch's hooks convert what lives")?;
    told.split_once(": ").map(|(name, _)| name.to_owned())
}
