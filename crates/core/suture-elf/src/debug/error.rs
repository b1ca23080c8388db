//! What can be wrong with debug information.

use thiserror::Error;

/// Why the debug information of a build can't be used.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum DebugError {
    /// It can't be decoded.
    #[error("debug information is damaged: {0}")]
    Malformed(#[from] gimli::Error),
    /// It is not in the build but in files of its own.
    #[error("debug information of {unit:?} is split off into another file; build without -gsplit-dwarf")]
    Split {
        /// The unit.
        unit: String,
    },
    /// More units than any real build has.
    #[error("debug information has more than the {limit} units that are accepted")]
    TooManyUnits {
        /// How many are accepted.
        limit: usize,
    },
    /// An entry refers to one that is not there.
    #[error("debug information refers to {what} at offset {offset:#x}, where there is none")]
    Dangling {
        /// What is referred to.
        what: &'static str,
        /// Offset in its section, or type signature.
        offset: u64,
    },
    /// Entries that refer to each other in a circle, or nest without end.
    #[error("debug information nests more than {limit} levels deep")]
    TooDeep {
        /// How deep is accepted.
        limit: usize,
    },
}
