//! Where the builds are made: a copy of the tree, the wrappers, the log.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

use crate::error::BuildError;
use crate::{tree, wrappers};

/// A directory for both builds, removed with this value.
#[derive(Debug)]
pub(crate) struct Scratch {
    directory: TempDir,
    source: PathBuf,
    mounting: Mounting,
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
    pub(crate) fn new(source: &Path) -> Result<Self, BuildError> {
        if !source.is_dir() {
            let error = std::io::Error::from(std::io::ErrorKind::NotADirectory);
            return Err(BuildError::input("source tree", source, error));
        }
        let directory = tempfile::Builder::new().prefix("suture-build.").tempdir();
        let directory = directory.map_err(BuildError::doing("making a scratch directory"))?;
        let scratch = Self { directory, source: source.to_owned(), mounting: mounting() };
        for path in [scratch.tree(), scratch.wrappers()] {
            fs::create_dir(path).map_err(BuildError::doing("making a scratch directory"))?;
        }
        tree::copy(source, &scratch.tree()).map_err(BuildError::doing("copying the source tree"))?;
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

    /// Programs that are found first.
    pub(crate) fn wrappers(&self) -> PathBuf {
        self.directory.path().join("wrappers")
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
