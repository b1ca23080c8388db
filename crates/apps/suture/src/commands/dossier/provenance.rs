//! The record of a build, as `suture build --json` printed it.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Deserialize;
use suture_dossier::Origin;

use crate::failure::Failure;
use crate::files;

#[derive(Deserialize)]
struct Document {
    id: Option<String>,
    provenance: Option<Provenance>,
}

#[derive(Deserialize)]
struct Provenance {
    source_sha256: String,
    patch_sha256: String,
    old_sha256: String,
    new_sha256: String,
    command: String,
    artifact: String,
    flags: Vec<String>,
    environment: BTreeMap<String, String>,
    tools: Vec<Tool>,
}

#[derive(Deserialize)]
struct Tool {
    name: String,
    version: String,
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
        let (Some(id), Some(provenance)) = (document.id, document.provenance) else {
            return Err(unusable().why("it names no delta, or not where its builds come from"));
        };
        origins.insert(id, origin(provenance));
    }
    Ok(origins)
}

fn origin(record: Provenance) -> Origin {
    Origin {
        source_revision: String::new(),
        builder: String::new(),
        source_sha256: record.source_sha256,
        patch_sha256: record.patch_sha256,
        old_sha256: record.old_sha256,
        new_sha256: record.new_sha256,
        command: record.command,
        artifact: record.artifact,
        flags: record.flags,
        tools: record.tools.into_iter().map(|tool| format!("{}: {}", tool.name, tool.version)).collect(),
        environment: record.environment,
    }
}
