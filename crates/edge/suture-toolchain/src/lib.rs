//! Runs the build of a project twice, without and with a fix, and captures where the result came from.
//!
//! ```text
//!  source tree ──copy──► scratch tree, mounted over the source tree's own path
//!                          │ the user's command, compilers wrapped       ─► old build
//!                          │ patch
//!                          │ the same command again                      ─► new build
//!                          └ tools, digests, command                     ─► provenance
//! ```
//!
//! The user's tree is only read. The copy stands at the *same path* while the command runs (a bind mount in a
//! mount namespace of its own), so that debug information, assertions and caches of build systems name the
//! paths that they always name, and a build that is reproducible gives the very build that runs elsewhere. Whoever makes
//! it again names that path and the variables that builds heed, and gets the same from a tree that is elsewhere.
//!
//! The flags that the comparison needs come from wrappers of the compilers, found first in `PATH`: that
//! reaches make, cmake, meson, autotools and cargo alike, whatever they do with `CFLAGS`.
#![forbid(unsafe_code)]

mod artifact;
mod command;
mod environment;
mod error;
mod interrupt;
mod patch;
mod place;
mod provenance;
mod revision;
mod scratch;
mod tree;
mod wrappers;

pub use error::BuildError;
pub use provenance::{Provenance, Tool};

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use interrupt::Watch;
use scratch::Scratch;

/// What is to be built, and how.
#[derive(Debug, Clone, Copy)]
pub struct Order<'a> {
    /// The source tree, without the fix.
    pub source: &'a Path,
    /// The fix, a unified diff.
    pub patch: &'a Path,
    /// The command, for a shell in the source tree.
    pub run: &'a str,
    /// What it makes, relative to the source tree.
    pub artifact: &'a Path,
    /// Where the tree is to stand while it is built; its own path if this says nothing.
    pub directory: Option<&'a Path>,
    /// The variables that builds heed and that are to be set, no others of them; as in this process if this says nothing.
    pub environment: Option<&'a BTreeMap<String, String>>,
}

/// Two builds of one program.
#[derive(Debug)]
pub struct Pair {
    /// The build without the fix: content of the file.
    pub old: Vec<u8>,
    /// The build with the fix.
    pub new: Vec<u8>,
    /// Where they come from.
    pub provenance: Provenance,
}

/// What is being done, for people who wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Copying and digesting the source tree.
    Copying,
    /// Building without the fix.
    BuildingOld,
    /// Building with the fix.
    BuildingNew,
}

impl std::fmt::Display for Stage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Copying => "copying the source tree",
            Self::BuildingOld => "building without the fix",
            Self::BuildingNew => "building with the fix",
        })
    }
}

/// Makes both builds; `on_stage` hears what is being done.
///
/// Errors are about the order (no such file, the patch does not apply, the artifact lacks what the comparison
/// needs) or about the command (it failed). In no case is the source tree changed. A signal that would end this
/// process ends the builds instead, and is an error too.
pub fn build(order: Order<'_>, on_stage: &mut dyn FnMut(Stage)) -> Result<Pair, BuildError> {
    let watch = Watch::begin().map_err(BuildError::doing("watching for signals"))?;
    let mut current = Stage::Copying;
    let pair = make(&watch, order, &mut |stage| {
        current = stage;
        on_stage(stage);
    });
    match watch.caught() {
        Some(signal) => Err(BuildError::Interrupted { signal: signal.as_str(), stage: current }),
        None => pair,
    }
}

fn make(watch: &Watch, order: Order<'_>, on_stage: &mut dyn FnMut(Stage)) -> Result<Pair, BuildError> {
    let artifact = checked_artifact(order.artifact)?;
    let source =
        order.source.canonicalize().map_err(|error| BuildError::input("source tree", order.source, error))?;
    let patch = std::fs::read(order.patch).map_err(|error| BuildError::input("patch", order.patch, error))?;
    let directory = order.directory.map_or_else(|| Ok(source.clone()), place::checked)?;
    let environment = order.environment.map_or_else(environment::of_process, Clone::clone);
    environment::check(&environment)?;
    on_stage(Stage::Copying);
    let scratch = Scratch::new(watch, &source, directory, environment)?;
    let earlier = artifact::made_at(&scratch, &artifact);
    patch::check(watch, &scratch, &patch)?;
    let mut provenance = Provenance::capture(&scratch, revision::of(&source), order.run, &artifact, &patch);
    on_stage(Stage::BuildingOld);
    command::run(watch, &scratch, order.run, "without the fix")?;
    let old = artifact::take(&scratch, &artifact, earlier)?;
    patch::apply(watch, &scratch, &patch)?;
    on_stage(Stage::BuildingNew);
    command::run(watch, &scratch, order.run, "with the fix")?;
    let new = artifact::take(&scratch, &artifact, None)?;
    if old == new {
        return Err(BuildError::SameArtifact { artifact });
    }
    provenance.add_builds(&old, &new);
    Ok(Pair { old, new, provenance })
}

/// A path that stays in the tree.
fn checked_artifact(path: &Path) -> Result<PathBuf, BuildError> {
    use std::path::Component;
    let stays = path.components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir));
    if stays && path.file_name().is_some() {
        Ok(path.to_owned())
    } else {
        Err(BuildError::ArtifactOutside { artifact: path.to_owned() })
    }
}
