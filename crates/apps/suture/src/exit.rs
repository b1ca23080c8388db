//! Exit codes: part of the interface, the same for every command.

use std::process::ExitCode;

/// How `suture` ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub(crate) enum Exit {
    /// Done, or it was so before.
    Done = 0,
    /// Something failed that was not expected to.
    Failed = 1,
    /// The command line is wrong, or a file that it names can't be used.
    Usage = 2,
    /// The analysis refuses: the change can't be a hot patch.
    NotHot = 3,
    /// The target refuses: busy, another build, no permission. Nothing was changed in it.
    TargetRefused = 4,
    /// A policy or a signature refuses.
    PolicyRefused = 5,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}
