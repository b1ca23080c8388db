//! What a dossier takes from the record of the vulnerability.

use serde::{Deserialize, Serialize};

/// The case in short, as far as it is known; empty where it is not.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CaseFacts {
    /// Its id.
    pub id: String,
    /// What it is about, in a line.
    pub title: String,
    /// How bad it is, such as `critical (CVSS 4.0: 9.3)`.
    pub severity: String,
    /// When the fleet has to be protected.
    pub due: String,
    /// `local`, `wire` or `replicated`.
    pub consensus_class: String,
    /// Whether evidence has to be secured before anything is changed.
    pub forensics: bool,
}
