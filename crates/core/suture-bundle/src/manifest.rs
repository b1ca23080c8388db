//! `manifest.json`: the list of members with their digests, for people and for tools that are not ours.
//!
//! It says nothing that can't be computed from the members, and it is checked by computing it. Its spelling is
//! canonical JSON (RFC 8785): names and digests are ASCII without anything to escape, numbers are integers below 2^53,
//! keys ascend, and there are no spaces.

use serde::{Deserialize, Serialize};

use crate::{Bundle, BundleError, Digest};

/// Version of the manifest and of the file format.
pub const SCHEMA: u32 = 1;
/// Name of the first member.
pub(crate) const NAME: &str = "manifest.json";

// The order of the fields is the order of the keys: ascending.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Manifest {
    members: Vec<Line>,
    schema: u32,
    #[serde(rename = "type")]
    kind: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    bytes: u64,
    media_type: String,
    name: String,
    role: String,
    sha256: String,
}

/// What the manifest calls the file.
const KIND: &str = "suture-bundle";

/// The manifest of `bundle`.
pub(crate) fn encode(bundle: &Bundle<'_>) -> Vec<u8> {
    // Strings and integers: nothing that JSON can't say.
    serde_json::to_vec(&manifest(bundle)).unwrap_or_default()
}

fn manifest(bundle: &Bundle<'_>) -> Manifest {
    let line = |member: &crate::Member<'_>| Line {
        bytes: member.content.len() as u64,
        media_type: member.name.media_type().to_owned(),
        name: member.name.to_string(),
        role: member.name.role().word().to_owned(),
        sha256: Digest::of(member.content).to_string(),
    };
    Manifest { members: bundle.members().iter().map(line).collect(), schema: SCHEMA, kind: KIND.to_owned() }
}

/// Whether this is a manifest of a version that is known: asked before anything else of the file is read.
pub(crate) fn check_schema(text: &[u8]) -> Result<(), BundleError> {
    #[derive(Deserialize)]
    struct Version {
        schema: u64,
    }
    let Version { schema } = serde_json::from_slice(text).map_err(|error| fault(&error))?;
    if schema == u64::from(SCHEMA) { Ok(()) } else { Err(BundleError::UnknownSchema { found: schema }) }
}

/// Whether `text` is the manifest of `bundle`.
pub(crate) fn check(text: &[u8], bundle: &Bundle<'_>) -> Result<(), BundleError> {
    let expected = encode(bundle);
    if text == expected { Ok(()) } else { Err(explain(text, &expected, &manifest(bundle))) }
}

/// Why a manifest is not that of the members.
fn explain(text: &[u8], spelling: &[u8], expected: &Manifest) -> BundleError {
    let found: Manifest = match serde_json::from_slice(text) {
        Ok(found) => found,
        Err(error) => return fault(&error),
    };
    let differ = |name: &str, what| BundleError::NotAsListed { name: name.to_owned(), what };
    for (index, line) in expected.members.iter().enumerate() {
        let Some(listed) = found.members.get(index) else { return differ(&line.name, "it is not listed") };
        let rows = [
            (listed.name == line.name, "another one is listed in its place"),
            (listed.bytes == line.bytes, "its length differs"),
            (listed.sha256 == line.sha256, "its SHA-256 differs"),
            (listed.role == line.role, "its role differs"),
            (listed.media_type == line.media_type, "its media type differs"),
        ];
        if let Some((_, what)) = rows.iter().find(|(same, _)| !same) {
            return differ(&line.name, what);
        }
    }
    if let Some(more) = found.members.get(expected.members.len()) {
        return differ(&more.name, "it is listed, but not there");
    }
    let offset = text.iter().zip(spelling).position(|(a, b)| a != b);
    BundleError::ManifestSpelling { offset: offset.unwrap_or(text.len().min(spelling.len())) }
}

fn fault(error: &serde_json::Error) -> BundleError {
    let text = error.to_string();
    let what = text.split(" at line ").next().unwrap_or_default();
    BundleError::Manifest {
        line: error.line(),
        column: error.column(),
        what: suture_delta::page::clean(what),
    }
}
