//! The record of a build, as `suture build --json` prints it.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use suture_dossier::Origin;
use suture_toolchain::Provenance;

use crate::failure::Failure;
use crate::files;

/// Where a delta comes from.
#[derive(Serialize, Deserialize)]
pub(in crate::commands) struct Record {
    /// The two builds.
    #[serde(flatten)]
    pub(in crate::commands) builds: Provenance,
    /// What was decided about their comparison: [`crate::args::ComparisonArgs::choices`].
    #[serde(default)]
    pub(in crate::commands) choices: Vec<String>,
    /// SHA-256 of the file of critical marks; empty if there is none.
    #[serde(default)]
    pub(in crate::commands) critical_sha256: String,
}

#[derive(Deserialize)]
struct Document {
    id: Option<String>,
    provenance: Option<Record>,
}

/// The origins in these files, by the id of the delta.
pub(super) fn read(paths: &[PathBuf]) -> Result<BTreeMap<String, Origin>, Failure> {
    let mut origins = BTreeMap::new();
    for path in paths {
        let text = files::read_text(path, "the record of a build")?;
        let unusable = || {
            Failure::usage(format!("`{}` is no record of a build", path.display()))
                .help("`suture build --json … > FILE` writes one")
        };
        let document: Document = serde_json::from_str(&text).map_err(|error| unusable().why(&error))?;
        let (Some(id), Some(record)) = (document.id, document.provenance) else {
            return Err(unusable().why("it names no delta, or not where its builds come from"));
        };
        origins.insert(id, record.origin());
    }
    Ok(origins)
}

impl Record {
    /// The same in the words of a dossier.
    pub(in crate::commands) fn origin(self) -> Origin {
        let Self { builds, choices, critical_sha256 } = self;
        Origin {
            source_revision: builds.source_revision,
            builder: String::new(),
            source_sha256: builds.source_sha256,
            patch_sha256: builds.patch_sha256,
            old_sha256: builds.old_sha256,
            new_sha256: builds.new_sha256,
            directory: builds.directory,
            command: builds.command,
            artifact: builds.artifact,
            flags: builds.flags,
            tools: builds.tools.into_iter().map(|tool| format!("{}: {}", tool.name, tool.version)).collect(),
            choices,
            critical_sha256,
            environment: builds.environment,
        }
    }
}
