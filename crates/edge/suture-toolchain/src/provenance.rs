//! Where two builds come from: what a reviewer needs to make them again.

use std::path::Path;
use std::process::Command;

use serde::Serialize;
use sha2::{Digest as _, Sha256};

use crate::error::BuildError;
use crate::scratch::Scratch;
use crate::{tree, wrappers};

/// Where two builds come from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Provenance {
    /// SHA-256 of the source tree without the fix: over paths, modes and contents, without `.git` and caches.
    pub source_sha256: String,
    /// SHA-256 of the patch.
    pub patch_sha256: String,
    /// The build command.
    pub command: String,
    /// What it makes, relative to the tree.
    pub artifact: String,
    /// What the wrappers tell C and C++ compilers, the linker, and rustc.
    pub flags: [String; 3],
    /// Tools that were there, by what they say of themselves.
    pub tools: Vec<Tool>,
}

/// A tool.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
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
        command: &str,
        artifact: &Path,
        patch: &[u8],
    ) -> Result<Self, BuildError> {
        let (source, _) =
            tree::digest(&scratch.tree()).map_err(BuildError::doing("reading the source tree"))?;
        Ok(Self {
            source_sha256: source,
            patch_sha256: suture_delta::model::hex(&Sha256::digest(patch)),
            command: command.to_owned(),
            artifact: artifact.display().to_string(),
            flags: [wrappers::COMPILER_FLAGS, wrappers::LINKER_FLAG, wrappers::RUSTC_FLAGS]
                .map(str::to_owned),
            tools: TOOLS.iter().filter_map(|name| tool(name)).collect(),
        })
    }
}

fn tool(name: &str) -> Option<Tool> {
    let output = Command::new(name).arg("--version").output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let version = text.lines().next().filter(|_| output.status.success())?.to_owned();
    Some(Tool { name: name.to_owned(), version })
}
