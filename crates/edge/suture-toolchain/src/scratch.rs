//! Where the builds are made: a copy of the tree, the wrappers, the log.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::UNIX_EPOCH;

use tempfile::TempDir;

use crate::environment::{self, Environment};
use crate::error::BuildError;
use crate::interrupt::Watch;
use crate::place::Mounting;
use crate::{tree, wrappers};

/// A directory for both builds, removed with this value.
#[derive(Debug)]
pub(crate) struct Scratch {
    directory: TempDir,
    place: PathBuf,
    mounting: Mounting,
    source_sha256: String,
    environment: Environment,
}

impl Scratch {
    /// Copies the tree at `source` (an absolute path), to be built at `place` with these variables. Without a date among
    /// them it is the newest time of a file of the source.
    pub(crate) fn new(
        watch: &Watch,
        source: &Path,
        place: PathBuf,
        mut environment: Environment,
    ) -> Result<Self, BuildError> {
        if !source.is_dir() {
            let error = std::io::Error::from(std::io::ErrorKind::NotADirectory);
            return Err(BuildError::input("source tree", source, error));
        }
        let directory =
            tempfile::Builder::new().prefix("suture-build.").tempdir_in(outside(&[source, &place]));
        let directory = directory.map_err(BuildError::doing("making a scratch directory"))?;
        let (source_sha256, newest) =
            tree::digest(watch, source).map_err(BuildError::doing("reading the source tree"))?;
        let is_date = |text: &String| text.parse::<u64>().is_ok();
        if !environment.get(environment::DATE).is_some_and(is_date) {
            let date = newest.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
            environment.insert(environment::DATE.to_owned(), date.to_string());
        }
        let scratch = Self { directory, place, mounting: Mounting::possible(), source_sha256, environment };
        for path in [scratch.tree(), scratch.wrappers(), scratch.temporary(), scratch.mirror()] {
            fs::create_dir(path).map_err(BuildError::doing("making a scratch directory"))?;
        }
        tree::copy(watch, source, &scratch.tree()).map_err(BuildError::doing("copying the source tree"))?;
        wrappers::write(&scratch.wrappers()).map_err(BuildError::doing("wrapping the compilers"))?;
        if scratch.mounting == Mounting::Nowhere {
            tracing::warn!(
                "no mount namespace can be made: paths in the debug information are those of a scratch directory, \
                 and the old build is not the one that is made in the source tree"
            );
        }
        Ok(scratch)
    }

    /// The copy.
    pub(crate) fn tree(&self) -> PathBuf {
        self.directory.path().join("tree")
    }

    /// SHA-256 of the tree without the fix.
    pub(crate) fn source_sha256(&self) -> &str {
        &self.source_sha256
    }

    /// The variables that both builds are given, with the date that they write into what they make.
    pub(crate) fn environment(&self) -> &Environment {
        &self.environment
    }

    /// Where the copy stands while it is built.
    pub(crate) fn place(&self) -> PathBuf {
        if self.mounting == Mounting::Nowhere { self.tree() } else { self.place.clone() }
    }

    /// An empty directory for [`Mounting::shell`].
    fn mirror(&self) -> PathBuf {
        self.directory.path().join("mirror")
    }

    /// Programs that are found first.
    pub(crate) fn wrappers(&self) -> PathBuf {
        self.directory.path().join("wrappers")
    }

    /// Temporary files of the programs that are run, wherever those of the user are.
    pub(crate) fn temporary(&self) -> PathBuf {
        self.directory.path().join("tmp")
    }

    /// A file that outlives this directory, beside it.
    pub(crate) fn lasting_file(&self) -> std::io::Result<(fs::File, PathBuf)> {
        let beside = self.directory.path().parent().unwrap_or(Path::new("/"));
        let file = tempfile::Builder::new().prefix("suture-build.").suffix(".log").tempfile_in(beside)?;
        Ok(file.keep()?)
    }

    /// What the commands say.
    pub(crate) fn log(&self) -> PathBuf {
        self.directory.path().join("log")
    }

    /// A shell that runs `script` in the copy, at its place if that can be.
    pub(crate) fn shell(&self, script: &str) -> Command {
        self.mounting.shell(&self.tree(), &self.place, &self.mirror(), script)
    }
}

/// A directory for temporary files that is in none of these trees: it would be copied into itself, or hidden by the copy.
fn outside(trees: &[&Path]) -> PathBuf {
    let usual = std::env::temp_dir();
    let whole = usual.canonicalize().unwrap_or_else(|_| usual.clone());
    let around =
        trees.iter().filter(|tree| whole.starts_with(tree)).min_by_key(|tree| tree.as_os_str().len());
    around.and_then(|tree| tree.parent()).map_or(usual, Path::to_owned)
}
