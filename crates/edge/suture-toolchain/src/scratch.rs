//! Where the builds are made: a copy of the tree, the wrappers, the log.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::UNIX_EPOCH;

use tempfile::TempDir;

use crate::command::DATE_VARIABLE;
use crate::error::BuildError;
use crate::interrupt::Watch;
use crate::{tree, wrappers};

/// A directory for both builds, removed with this value.
#[derive(Debug)]
pub(crate) struct Scratch {
    directory: TempDir,
    source: PathBuf,
    mounting: Mounting,
    source_sha256: String,
    date: u64,
}

/// How the copy gets to the path of the source tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mounting {
    /// In a mount namespace.
    AsRoot,
    /// In a mount namespace, inside a user namespace in which we are root.
    AsUser,
    /// Not at all: the kernel lets us make no namespace, and the copy is built where it is.
    Nowhere,
}

impl Scratch {
    /// Copies the tree at `source` (an absolute path).
    pub(crate) fn new(watch: &Watch, source: &Path) -> Result<Self, BuildError> {
        if !source.is_dir() {
            let error = std::io::Error::from(std::io::ErrorKind::NotADirectory);
            return Err(BuildError::input("source tree", source, error));
        }
        let directory = tempfile::Builder::new().prefix("suture-build.").tempdir_in(outside(source));
        let directory = directory.map_err(BuildError::doing("making a scratch directory"))?;
        let (source_sha256, newest) =
            tree::digest(watch, source).map_err(BuildError::doing("reading the source tree"))?;
        let named = std::env::var(DATE_VARIABLE).ok().and_then(|seconds| seconds.parse().ok());
        let date =
            named.unwrap_or_else(|| newest.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs()));
        let (source, mounting) = (source.to_owned(), mounting());
        let scratch = Self { directory, source, mounting, source_sha256, date };
        for path in [scratch.tree(), scratch.wrappers(), scratch.temporary()] {
            fs::create_dir(path).map_err(BuildError::doing("making a scratch directory"))?;
        }
        tree::copy(watch, &scratch.source, &scratch.tree())
            .map_err(BuildError::doing("copying the source tree"))?;
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

    /// The date that both builds write into what they make, seconds since 1970: what the environment says, or
    /// the newest time of a file of the source.
    pub(crate) fn date(&self) -> u64 {
        self.date
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

    /// A shell that runs `script` in the copy, at the path of the source tree if that can be.
    pub(crate) fn shell(&self, script: &str) -> Command {
        const ENTER: &str = "mount --bind \"$1\" \"$2\" && cd \"$2\" && exec /bin/sh -c \"$3\"";
        let mut command = match self.mounting {
            Mounting::Nowhere => {
                let mut command = Command::new("/bin/sh");
                command.arg("-c").arg(script).current_dir(self.tree());
                return command;
            }
            Mounting::AsRoot => unshare(&["--mount"]),
            Mounting::AsUser => unshare(&["--mount", "--map-root-user"]),
        };
        command.args(["/bin/sh", "-c", ENTER, "sh"]).arg(self.tree()).arg(&self.source).arg(script);
        command
    }
}

/// A directory for temporary files that is not in the tree, which would else be copied into itself.
fn outside(source: &Path) -> PathBuf {
    let usual = std::env::temp_dir();
    let inside = usual.canonicalize().is_ok_and(|usual| usual.starts_with(source));
    let beside = source.parent().filter(|_| inside);
    beside.map_or(usual, Path::to_owned)
}

fn unshare(options: &[&str]) -> Command {
    let mut command = Command::new("unshare");
    command.args(options);
    command
}

fn mounting() -> Mounting {
    let works = |options: &[&str]| {
        let status = unshare(options).args(["mount", "--bind", "/", "/"]).stderr(Stdio::null()).status();
        status.is_ok_and(|status| status.success())
    };
    if works(&["--mount"]) {
        Mounting::AsRoot
    } else if works(&["--mount", "--map-root-user"]) {
        Mounting::AsUser
    } else {
        Mounting::Nowhere
    }
}
