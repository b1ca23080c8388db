//! What a comparison found, as people and scripts read it: the document behind `suture diff --json`.
//!
//! Keys may be added; those here stay (DESIGN §8).

use serde::{Deserialize, Serialize};

use crate::model::{SCHEMA, SCHEMA_FOLLOWED, SCHEMA_MARKED, SCHEMA_MARKS_TOLD};
use crate::refusal::Refusal;

/// The judgement on a pair of builds, with everything it rests on.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// Hot patch or full update.
    pub verdict: Verdict,
    /// Why, one sentence each.
    pub reasons: Vec<String>,
    /// Functions whose behaviour differs and that the delta replaces.
    pub changed: Vec<ChangedFunction>,
    /// Functions that only the new build has.
    pub new: Vec<FunctionRef>,
    /// Functions that only the old build has.
    pub removed: Vec<FunctionRef>,
    /// Objects that are new, changed or resized.
    pub data: Vec<DataChange>,
    /// Who refers to the objects that get a new value where they stand: that changes what these functions do.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub readers: Vec<Readers>,
    /// Consensus-critical, serialisation or protocol symbols that the change can reach or be reached from.
    pub critical: Vec<CriticalPath>,
    /// What was followed from the change to the marks. What was not may lead to marked code that is not in `critical`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub followed: Vec<Way>,
    /// The groups of marks in `suture.toml` that were looked for. If there are none, that `critical` is empty says nothing.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub marked: Vec<String>,
    /// Patterns of `suture.toml` that match nothing in either build: what they were to find is not looked for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unmatched: Vec<Unmatched>,
    /// Why nothing of the program is critical, where `suture.toml` says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub none_critical: Option<String>,
    /// Why it can't be hot; empty if it can.
    pub refusals: Vec<Refusal>,
    /// Who calls the changed functions, up to the roots.
    #[serde(default)]
    pub impact: Vec<Impact>,
    /// Things that are no reason to refuse, but that a reviewer should know.
    #[serde(default)]
    pub notes: Vec<String>,
}

impl Report {
    /// The lowest version of a delta that has all keys of this report.
    pub fn schema(&self) -> u32 {
        let has_reasons = self.critical.iter().any(|path| path.reads.is_some() || path.inlined);
        if !self.readers.is_empty() || !self.followed.is_empty() || has_reasons {
            SCHEMA_FOLLOWED
        } else if !self.unmatched.is_empty() || self.none_critical.is_some() {
            SCHEMA_MARKS_TOLD
        } else if self.marked.is_empty() {
            SCHEMA
        } else {
            SCHEMA_MARKED
        }
    }
}

/// Hot patch or full update.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// The delta can be applied to running processes.
    Hot,
    /// The change needs a restart.
    #[default]
    FullUpdate,
}

/// A function that differs between the builds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChangedFunction {
    /// Demangled name.
    pub name: String,
    /// Linkage name.
    pub symbol: String,
    /// Source file as the debug information names it; empty if unknown.
    pub file: String,
    /// Line of its declaration; 0 if unknown.
    pub line: u32,
    /// Size in the old build, bytes, fragments included.
    pub old_size: u64,
    /// Size in the new build.
    pub new_size: u64,
    /// What differs, for people: "code", "constant it refers to", "exception table", …
    #[serde(default)]
    pub why: String,
}

/// A function that only one of the builds has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FunctionRef {
    /// Demangled name.
    pub name: String,
    /// Linkage name.
    pub symbol: String,
    /// Source file; empty if unknown.
    pub file: String,
    /// Line; 0 if unknown.
    pub line: u32,
    /// Size in bytes.
    pub size: u64,
}

/// An object that differs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DataChange {
    /// Demangled name.
    pub name: String,
    /// Linkage name.
    pub symbol: String,
    /// `new`, `removed`, `changed`, `resized`.
    pub change: String,
    /// Whether the program may write to it.
    pub writable: bool,
    /// What happens to it: `carried`, `in-place`, `keep`, `overwrite`, `refused`.
    pub action: String,
    /// Size in the old build, bytes; 0 if new.
    pub old_size: u64,
    /// Size in the new build, bytes; 0 if removed.
    pub new_size: u64,
}

/// Who refers to one object, in either build.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Readers {
    /// The object, demangled.
    pub object: String,
    /// Functions that refer to it, directly or through pointers in other data, demangled.
    pub functions: Vec<String>,
    /// Whether these are all.
    pub complete: bool,
}

/// What leads from a change to what is marked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Way {
    /// Calls of functions that are replaced, and calls in them.
    Calls,
    /// Calls in functions that are new, hooks among them.
    New,
    /// References to objects that get a new value where they stand.
    Data,
    /// Copies of inlined functions, which only debug information shows.
    Inlined,
}

/// A marked symbol that a changed function is, calls or is called by.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CriticalPath {
    /// The changed function, demangled.
    pub function: String,
    /// The marked function, demangled.
    pub marked: String,
    /// Which mark: `consensus`, `serialisation`, `protocol`, or the pattern's own group name.
    pub mark: String,
    /// The pattern in `suture.toml` that marks it.
    pub pattern: String,
    /// Call path between the two, caller first.
    pub path: Vec<String>,
    /// The object that changes, demangled, where `function` counts as changed because it refers to that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reads: Option<String>,
    /// Whether the marked function is inlined into `function`, so that its code is part of what changes.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub inlined: bool,
}

impl CriticalPath {
    /// The path for people, with `arrow` between a caller and what it calls.
    pub fn told(&self, arrow: &str) -> String {
        let mut told = self.path.join(arrow);
        if self.inlined {
            told.push_str(" (inlined)");
        }
        if let Some(object) = &self.reads {
            told = format!("{told} ({} refers to {object}, which changes)", self.function);
        }
        told
    }
}

/// A pattern of `suture.toml` that matches nothing in either build.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Unmatched {
    /// Its group.
    pub mark: String,
    /// The pattern.
    pub pattern: String,
    /// Its line in `suture.toml`.
    pub line: u32,
}

/// Who reaches one changed function.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Impact {
    /// The changed function, demangled.
    pub function: String,
    /// Direct callers, demangled.
    pub callers: Vec<String>,
    /// Functions without callers from which it is reached: `main`, thread entries, exported functions.
    pub roots: Vec<String>,
    /// Number of functions that reach it, directly or not.
    pub reached_from: usize,
    /// Whether its address is taken, so that it may be called by pointer from anywhere.
    pub address_taken: bool,
    /// Whether only pointers reach it.
    pub only_by_pointer: bool,
}
