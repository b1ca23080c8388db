//! What the author of a patch says about a comparison.

use std::collections::{BTreeMap, BTreeSet};

use crate::critical::Marks;
use crate::stack::Earlier;
use serde::{Deserialize, Serialize};

/// What to do about a writable object whose initial value changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DataAction {
    /// The live value stays.
    Keep,
    /// The new initial value replaces the live value while the patch is on.
    Overwrite,
}

/// What the author of a patch says.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Decisions on writable objects, by symbol or demangled name.
    pub data: BTreeMap<String, DataAction>,
    /// Objects and functions whose differences mean nothing, such as build times.
    pub ignored_symbols: BTreeSet<String>,
    /// Types whose layout changed and whose living values the patch's hooks convert, by name.
    pub converted_types: BTreeSet<String>,
    /// Patches that the process has when this one comes, oldest first.
    pub below: Vec<Earlier>,
    /// What is marked as critical.
    pub marks: Marks,
    /// File names of the two builds, without directories.
    pub names: (String, String),
}
