//! Why a change can't be carried as a hot patch: one reason type for report, command line, API and page.

use std::fmt;

use serde::{Deserialize, Serialize};

/// One reason against a hot patch: what was found, where, and what the author can do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// Which rule.
    pub code: RefusalCode,
    /// Symbol or type concerned, demangled; empty if the whole build is.
    pub symbol: String,
    /// Source file, empty if unknown.
    #[serde(default)]
    pub file: String,
    /// Line, 0 if unknown.
    #[serde(default)]
    pub line: u32,
    /// What was found, one sentence.
    pub message: String,
    /// What the author can do, one sentence.
    pub help: String,
}

/// The rules. Names are stable: scripts depend on them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum RefusalCode {
    /// The two builds do the same.
    NoDifference,
    /// The two builds share too little to be a build and its fix.
    UnrelatedBuilds,
    /// Not an x86-64 ELF file for Linux, or the two are of different kinds.
    WrongArchitecture,
    /// A build was linked without `--emit-relocs`.
    NoRelocations,
    /// A build has no symbol table.
    NoSymbols,
    /// A build has no GNU build-id.
    NoBuildId,
    /// A build has no debug information, without which layouts can't be compared.
    NoDebugInfo,
    /// The two builds were made with different flags or compilers.
    UnlikeBuilds,
    /// The initial value of a writable object differs.
    InitialiserChanged,
    /// A writable object changed its size.
    DataResized,
    /// A constant that other modules may refer to grew, so that it does not fit where they know it.
    ConstantGrown,
    /// The layout of a type that lives in the process changed.
    TypeLayoutChanged,
    /// A vtable changed its size or order.
    VtableChanged,
    /// A thread-local variable is new, gone, resized or differently initialised.
    TlsChanged,
    /// A changed function is too short for the jump and has no room behind it.
    FunctionTooShort,
    /// The entry of a changed function is on two pages, so the jump can't be written in one step.
    EntryStraddlesPage,
    /// Code that runs only at start (constructors, initialisers) changed.
    InitChanged,
    /// The new build does not fit on the patches that it is to stand on.
    StackMismatch,
    /// A reference of changed code that has no certain meaning in the old build.
    UnresolvedReference,
    /// The unwinder that is part of a build can't be told of frames.
    UnwinderClosed,
    /// Code that the comparison can't read (not decodable, no extent).
    UnreadableCode,
    /// The tables of a build contradict each other, so that no sound delta can come of it.
    InconsistentBuild,
}

impl fmt::Display for RefusalCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.serialize(f)
    }
}
