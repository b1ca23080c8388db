//! What stands in a `dossier.toml`. Every answer may be missing: what is missing is a gap, and not an error.

use serde::{Deserialize, Serialize};

use crate::Stated;

/// Version of the file format.
pub const SCHEMA: u32 = 1;

/// Everything that the file says.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Answers {
    /// Version; now [`SCHEMA`].
    pub schema: u32,
    /// The patch in a line.
    #[serde(default)]
    pub title: String,
    /// The vulnerability.
    #[serde(default)]
    pub case: Case,
    /// What changes and why.
    #[serde(default)]
    pub change: Change,
    /// What could go wrong.
    #[serde(default)]
    pub risk: Risk,
    /// Old and new side by side.
    #[serde(default)]
    pub compatibility: Compatibility,
    /// What happens to what is stored.
    #[serde(default)]
    pub data: Data,
    /// How it goes out.
    #[serde(default)]
    pub deployment: Deployment,
    /// How it comes back.
    #[serde(default)]
    pub rollback: Rollback,
    /// What is watched.
    #[serde(default)]
    pub monitoring: Monitoring,
    /// The deltas, as they were when the dossier was drafted. Computed; `lint` compares.
    #[serde(default)]
    pub delta: Vec<Stated>,
}

/// The vulnerability, as its record has it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[expect(missing_docs, reason = "the questions in `question` say what each answers")]
pub struct Case {
    pub id: String,
    pub severity: String,
    pub due: String,
    pub consensus_class: String,
    pub forensics: String,
}

/// What changes and why.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[expect(missing_docs, reason = "the questions in `question` say what each answers")]
pub struct Change {
    pub summary: String,
    pub log: Vec<String>,
    pub rationale: String,
}

/// What could go wrong.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[expect(missing_docs, reason = "the questions in `question` say what each answers")]
pub struct Risk {
    pub assessment: String,
    pub worst_case: String,
    pub without_patch: String,
    pub consensus: String,
    pub live_data: String,
    pub hooks: String,
}

/// Old and new side by side.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[expect(missing_docs, reason = "the questions in `question` say what each answers")]
pub struct Compatibility {
    pub protocol_before: String,
    pub protocol_after: String,
    pub state_before: String,
    pub state_after: String,
    pub mixed_versions: String,
    pub mixed_for: String,
}

/// What happens to what is stored: paths and key spaces.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[expect(missing_docs, reason = "the questions in `question` say what each answers")]
pub struct Data {
    pub modified: Vec<String>,
    pub archived: Vec<String>,
    pub untouched: Vec<String>,
    pub traces: String,
}

/// How it goes out.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[expect(missing_docs, reason = "the questions in `question` say what each answers")]
pub struct Deployment {
    pub steps: Vec<String>,
    pub full_update: String,
}

/// How it comes back.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[expect(missing_docs, reason = "the questions in `question` say what each answers")]
pub struct Rollback {
    pub steps: Vec<String>,
    pub verify: String,
}

/// What is watched.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[expect(missing_docs, reason = "the questions in `question` say what each answers")]
pub struct Monitoring {
    pub soak: String,
    pub signals: Vec<Signal>,
}

/// One thing that is watched.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Signal {
    /// What it is called.
    pub name: String,
    /// Where it is read.
    pub source: String,
    /// When it is bad.
    pub threshold: String,
    /// What is then done.
    pub action: String,
}
