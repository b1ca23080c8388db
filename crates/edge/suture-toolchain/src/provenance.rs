//! Where two builds come from: what a reviewer needs to make them again.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::environment::Environment;
use crate::scratch::Scratch;
use crate::{environment, wrappers};

/// Where two builds come from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Provenance {
    /// Revision of the source tree in its repository, for people; empty if it is not known.
    #[serde(default)]
    pub source_revision: String,
    /// SHA-256 of the source tree without the fix: over paths, modes and contents, without `.git` and caches.
    pub source_sha256: String,
    /// Where the tree stood while it was built; compilers write it into debug information.
    #[serde(default)]
    pub directory: String,
    /// SHA-256 of the patch.
    pub patch_sha256: String,
    /// SHA-256 of the build without the fix.
    pub old_sha256: String,
    /// SHA-256 of the build with it.
    pub new_sha256: String,
    /// The build command.
    pub command: String,
    /// What it makes, relative to the tree.
    pub artifact: String,
    /// What the wrappers tell C and C++ compilers, the linker, and rustc.
    pub flags: Vec<String>,
    /// Variables that builds heed, as far as they were set.
    pub environment: BTreeMap<String, String>,
    /// Tools that were there, by what they say of themselves.
    pub tools: Vec<Tool>,
}

/// A tool.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tool {
    /// The name by which builds call it.
    pub name: String,
    /// The first line that it prints of its version.
    pub version: String,
}

/// Tools that make builds what they are.
const TOOLS: [&str; 8] = ["cc", "c++", "clang", "ld", "ld.lld", "rustc", "cargo", "make"];

impl Provenance {
    pub(crate) fn capture(
        scratch: &Scratch,
        revision: String,
        command: &str,
        artifact: &Path,
        patch: &[u8],
    ) -> Self {
        Self {
            source_revision: revision,
            source_sha256: scratch.source_sha256().to_owned(),
            directory: scratch.place().display().to_string(),
            patch_sha256: sha256(patch),
            old_sha256: String::new(),
            new_sha256: String::new(),
            command: command.to_owned(),
            artifact: artifact.display().to_string(),
            flags: [wrappers::COMPILER_FLAGS, wrappers::LINKER_FLAG, wrappers::RUSTC_FLAGS]
                .map(str::to_owned)
                .to_vec(),
            environment: scratch.environment().clone(),
            tools: TOOLS.iter().filter_map(|name| tool(name, scratch.environment())).collect(),
        }
    }

    /// Adds what came of it.
    pub(crate) fn add_builds(&mut self, old: &[u8], new: &[u8]) {
        (self.old_sha256, self.new_sha256) = (sha256(old), sha256(new));
    }
}

fn sha256(bytes: &[u8]) -> String {
    suture_delta::model::hex(&Sha256::digest(bytes))
}

fn tool(name: &str, environment: &Environment) -> Option<Tool> {
    let mut command = Command::new(name);
    environment::give(&mut command, environment);
    let output = command.arg("--version").output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let version = text.lines().next().filter(|_| output.status.success())?.to_owned();
    Some(Tool { name: name.to_owned(), version })
}
