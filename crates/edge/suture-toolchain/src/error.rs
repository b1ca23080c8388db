//! Why there are no two builds.

use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::Stage;

/// Why there are no two builds. The source tree is as it was.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum BuildError {
    /// What the order names can't be used.
    #[error("the {role} `{}` can't be used: {error}", path.display())]
    Input {
        /// What it should be.
        role: &'static str,
        /// Its path.
        path: PathBuf,
        /// Why not.
        error: io::Error,
    },
    /// The artifact is not in the source tree.
    #[error("the artifact `{}` is not a path inside the source tree", artifact.display())]
    ArtifactOutside {
        /// As it was given.
        artifact: PathBuf,
    },
    /// No tree can stand there.
    #[error("the tree can't stand at `{}` while it is built", directory.display())]
    NoPlace {
        /// As it was given.
        directory: PathBuf,
    },
    /// A variable that decides more than what compilers do.
    #[error("`{}` is no variable that a build is given", name.escape_debug())]
    ForeignVariable {
        /// Its name.
        name: String,
    },
    /// The fix can't be applied.
    #[error("the patch does not apply to the source tree:\n{said}")]
    PatchDoesNotApply {
        /// What `patch` said.
        said: String,
    },
    /// A program that is needed is missing, or something in the scratch directory failed.
    #[error("{what}: {error}")]
    Failed {
        /// What was being done.
        what: String,
        /// Why it failed.
        error: io::Error,
    },
    /// The user's command failed.
    #[error("the build command, run {which}, ended with {status}:\n{last_lines}")]
    CommandFailed {
        /// Which of the two builds.
        which: &'static str,
        /// How it ended.
        status: String,
        /// The end of what it said.
        last_lines: String,
        /// All that it said, in a file that is kept.
        log: PathBuf,
    },
    /// The command ended well, but did not make the artifact.
    #[error("the build command did not make `{}`", artifact.display())]
    NoArtifact {
        /// Relative to the source tree.
        artifact: PathBuf,
    },
    /// The builds were ended from outside.
    #[error("{signal} came while {stage}")]
    Interrupted {
        /// Name of the signal.
        signal: &'static str,
        /// What was being done.
        stage: Stage,
    },
    /// The tree has an artifact of an earlier build, and the command left it as it was.
    #[error("the build command left `{}` as an earlier build in the tree had made it", artifact.display())]
    NotMadeAnew {
        /// Relative to the source tree.
        artifact: PathBuf,
    },
    /// The artifact is no linked program.
    #[error("`{}` can't be read as a linked program: {why}", artifact.display())]
    NotABuild {
        /// Relative to the source tree.
        artifact: PathBuf,
        /// Why not.
        why: String,
    },
    /// The artifact lacks what the comparison needs, so the flags did not reach the tools.
    #[error("`{}` was built without {missing}", artifact.display())]
    FlagsMissed {
        /// Relative to the source tree.
        artifact: PathBuf,
        /// What it lacks.
        missing: &'static str,
        /// What to set.
        cure: &'static str,
    },
    /// The fix changed nothing in the artifact.
    #[error("`{}` is the same without and with the patch", artifact.display())]
    SameArtifact {
        /// Relative to the source tree.
        artifact: PathBuf,
    },
}

impl BuildError {
    pub(crate) fn input(role: &'static str, path: &Path, error: io::Error) -> Self {
        Self::Input { role, path: path.to_owned(), error }
    }

    /// For `map_err`: what was being done.
    pub(crate) fn doing(what: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let what = what.into();
        move |error| Self::Failed { what, error }
    }

    /// What to do about it, one sentence.
    pub fn help(&self) -> String {
        match self {
            Self::Input { .. } => "name one that can be read".to_owned(),
            Self::ArtifactOutside { .. } => {
                "name it relative to the source tree, such as src/server, without `..`".to_owned()
            }
            Self::NoPlace { .. } => "name an absolute path, without `..`".to_owned(),
            Self::ForeignVariable { .. } => "make the build again without it".to_owned(),
            Self::PatchDoesNotApply { .. } => {
                "give a unified diff (`git diff`, `diff -u`) against exactly this source tree".to_owned()
            }
            Self::Failed { .. } => "see that the programs are installed and that there is room".to_owned(),
            Self::CommandFailed { log, .. } => format!("all that it said is in `{}`", log.display()),
            Self::Interrupted { .. } => "nothing is left of the builds; run it again".to_owned(),
            Self::NotMadeAnew { .. } => {
                "clean the tree, or begin with that, such as in --run 'make clean && make'; the tree itself stays as it is"
                    .to_owned()
            }
            Self::NoArtifact { .. } => "name what the command makes, relative to the source tree".to_owned(),
            Self::NotABuild { .. } => "name the executable or the shared library itself".to_owned(),
            Self::FlagsMissed { cure, .. } => {
                format!("the build does not call its compiler by name, so tell it: {cure}")
            }
            Self::SameArtifact { .. } => {
                "see that the command builds what the patch changes, and links it into the artifact"
                    .to_owned()
            }
        }
    }
}
