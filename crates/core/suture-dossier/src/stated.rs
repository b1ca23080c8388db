//! What a dossier states of each delta: computed when it is drafted, compared when it is linted.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use suture_bundle::Facts;
use suture_delta::model::BuildKind;

/// One delta.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Stated {
    /// Where this build runs: asked for.
    pub platform: String,
    /// SHA-256 of the delta.
    pub id: String,
    /// File name of the build that it is for.
    pub program: String,
    /// What that is.
    pub kind: String,
    /// Build-id of the build that it is for.
    pub old_build_id: String,
    /// Build-id of the build that it was made from.
    pub new_build_id: String,
    /// Deltas that have to be applied before.
    pub on: Vec<String>,
    /// Functions that are replaced: `NAME (FILE:LINE), OLD to NEW bytes`.
    pub functions: Vec<String>,
    /// Objects that differ: `NAME: CHANGE, ACTION`.
    pub data: Vec<String>,
    /// Objects of the old build that are changed in place.
    pub overwrites: Vec<String>,
    /// Types that hooks convert.
    pub types: Vec<String>,
    /// Call paths to what is marked as critical: `MARK: PATH`.
    pub critical: Vec<String>,
    /// When hooks run.
    pub hooks: Vec<String>,
    /// Memory that it takes in a process, in bytes.
    pub memory_bytes: u64,
    /// Where the two builds come from.
    pub origin: Origin,
}

/// Where two builds come from, in the words of SLSA provenance v1: `externalParameters` (command, artifact,
/// choices), `resolvedDependencies` (source, patch, marks), `internalParameters` (directory, flags, environment, tools),
/// `builder`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Origin {
    /// Commit or tag and repository of the source without the fix: asked for.
    pub source_revision: String,
    /// Who ran the build, as a URI: asked for.
    pub builder: String,
    /// SHA-256 over the source tree without the fix.
    pub source_sha256: String,
    /// SHA-256 of the fix.
    pub patch_sha256: String,
    /// SHA-256 of the build without the fix.
    pub old_sha256: String,
    /// SHA-256 of the build with it.
    pub new_sha256: String,
    /// Where the source stood while it was built.
    pub directory: String,
    /// The build command.
    pub command: String,
    /// What it makes.
    pub artifact: String,
    /// What was added to compilers and linker.
    pub flags: Vec<String>,
    /// Tools, each with its version: `NAME: VERSION`.
    pub tools: Vec<String>,
    /// What the author decided about the comparison, as options of the command line: `--data NAME=keep`.
    pub choices: Vec<String>,
    /// SHA-256 of the file of critical marks that the comparison went by; empty if there was none.
    pub critical_sha256: String,
    /// Variables that builds heed.
    pub environment: BTreeMap<String, String>,
}

impl Stated {
    /// What `facts` say; nothing yet of platform and origin.
    pub fn of(facts: &Facts) -> Self {
        let kind = match facts.kind {
            BuildKind::Executable => "executable at fixed addresses",
            BuildKind::Pie => "position-independent executable",
            BuildKind::SharedLibrary => "shared library",
        };
        Self {
            id: facts.id.clone(),
            program: facts.program.clone(),
            kind: kind.to_owned(),
            old_build_id: facts.old_build_id.clone(),
            new_build_id: facts.new_build_id.clone(),
            on: facts.on.clone(),
            functions: functions(facts),
            data: facts
                .data
                .iter()
                .map(|data| format!("{}: {}, {}", data.name, data.change, data.action))
                .collect(),
            overwrites: overwrites(facts),
            types: facts.types.clone(),
            critical: facts
                .critical
                .iter()
                .map(|path| format!("{}: {}", path.mark, path.told(" -> ")))
                .collect(),
            hooks: facts.hooks.iter().map(|hook| hook.when.to_owned()).collect(),
            memory_bytes: facts.memory_bytes,
            ..Self::default()
        }
    }

    /// What was computed, without the answers of a person and without the origin.
    pub(crate) fn computed(&self) -> Self {
        Self { platform: String::new(), origin: Origin::default(), ..self.clone() }
    }

    /// Whether it overwrites or keeps values that the running program has changed.
    pub(crate) fn has_live_data(&self) -> bool {
        let kept = |line: &String| line.ends_with(", keep") || line.ends_with(", overwrite");
        self.overwrites.iter().any(|line| line.contains(" of live state ")) || self.data.iter().any(kept)
    }

    /// The beginning of the id, by which commands and people name it.
    pub fn short_id(&self) -> &str {
        const DIGITS: usize = 16;
        self.id.get(..DIGITS).unwrap_or(&self.id)
    }
}

fn functions(facts: &Facts) -> Vec<String> {
    let line = |function: &suture_bundle::FunctionFact| {
        let place = match (function.file.as_str(), function.line) {
            ("", _) => String::new(),
            (file, 0) => format!(" ({file})"),
            (file, line) => format!(" ({file}:{line})"),
        };
        format!("{}{place}, {} to {} bytes", function.name, function.old_size, function.new_size)
    };
    facts.functions.iter().map(line).collect()
}

fn overwrites(facts: &Facts) -> Vec<String> {
    let line = |object: &suture_bundle::OverwriteFact| {
        let what = if object.writable { "live state" } else { "constant" };
        format!("{}: {} bytes of {what} at {:#x}", object.name, object.bytes, object.address)
    };
    facts.overwrites.iter().map(line).collect()
}

impl Origin {
    /// Whether the build was recorded.
    pub fn is_known(&self) -> bool {
        !self.source_sha256.is_empty() && !self.patch_sha256.is_empty() && !self.command.is_empty()
    }

    /// From what and how it was built: `buildDefinition` of a SLSA provenance v1 statement
    /// (<https://slsa.dev/spec/v1.0/provenance>).
    pub fn build_definition(&self) -> Map<String, Value> {
        let resource = |name: &str, sha256: &str| json!({"name": name, "digest": {"sha256": sha256}});
        let mut source = resource("source", &self.source_sha256);
        if !self.source_revision.is_empty() {
            source["annotations"] = json!({"revision": self.source_revision});
        }
        let mut resolved = vec![source, resource("patch", &self.patch_sha256)];
        if !self.critical_sha256.is_empty() {
            resolved.push(resource("critical marks", &self.critical_sha256));
        }
        Map::from_iter([
            ("buildType".to_owned(), json!("urn:suture:build:v1")),
            (
                "externalParameters".to_owned(),
                json!({"run": self.command, "artifact": self.artifact, "choices": self.choices}),
            ),
            (
                "internalParameters".to_owned(),
                json!({
                    "directory": self.directory, "flags": self.flags, "environment": self.environment, "tools": self.tools,
                }),
            ),
            ("resolvedDependencies".to_owned(), Value::Array(resolved)),
        ])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_origin_is_slsa_s_build_definition() {
        let origin = Origin {
            source_revision: "tag 1".into(),
            patch_sha256: "22".into(),
            command: "make".into(),
            ..Origin::default()
        };
        let build = origin.build_definition();
        assert_eq!(build["externalParameters"]["run"], "make");
        assert_eq!(build["resolvedDependencies"][0]["annotations"]["revision"], "tag 1");
        assert_eq!(build["resolvedDependencies"][1]["digest"]["sha256"], "22");
        assert_eq!(build["resolvedDependencies"].as_array().unwrap().len(), 2, "no marks");
    }
}
