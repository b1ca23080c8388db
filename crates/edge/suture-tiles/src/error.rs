//! Why a log can't be used.

use std::io;
use std::path::PathBuf;

use suture_log::{EntryError, SignError, TextError, TimeError};
use thiserror::Error;

/// What went wrong with a log on disk.
#[derive(Debug, Error)]
pub enum Error {
    /// The file system said no.
    #[error("can't {what} `{}`: {source}", path.display())]
    Io {
        /// What was tried.
        what: &'static str,
        /// On what.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The directory has no log.
    #[error("`{}` is no log: it has no `{missing}`", directory.display())]
    NotALog {
        /// Which.
        directory: PathBuf,
        /// What should be there.
        missing: &'static str,
    },
    /// The directory has one already.
    #[error("`{}` has a log already", .0.display())]
    Exists(PathBuf),
    /// Another log follows, and this one takes no more entries.
    #[error("`{}` takes no more entries: the log {successor} follows it", directory.display())]
    Followed {
        /// Which.
        directory: PathBuf,
        /// The origin of the one that follows.
        successor: String,
    },
    /// Another process appends.
    #[error("another process has been appending to the log in `{}` for {waited_s} seconds", directory.display())]
    Busy {
        /// Which log.
        directory: PathBuf,
        /// How long it was waited for.
        waited_s: u64,
    },
    /// A text of the log is not what it should be.
    #[error("`{}`: {why}", path.display())]
    Text {
        /// Which file.
        path: PathBuf,
        /// What is wrong.
        why: TextError,
    },
    /// A file of the log does not fit the others.
    #[error("`{}` {what}", path.display())]
    Damaged {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
    },
    /// The key is not the log's.
    #[error("the key given is not the one of the log `{origin}`")]
    WrongKey {
        /// Which log.
        origin: String,
    },
    /// The clock has been set back.
    #[error(transparent)]
    Time(#[from] TimeError),
    /// An act can't be an entry.
    #[error("the act can't be recorded: {0}")]
    Entry(#[from] EntryError),
    /// The key did not sign.
    #[error(transparent)]
    Sign(#[from] SignError),
    /// Too much at once.
    #[error("{0} entries are more than a batch can have")]
    BatchTooLarge(usize),
    /// A write has failed before.
    #[error(
        "a write to the log has failed before; what is on the disk is only known when it is opened again"
    )]
    Poisoned,
    /// The checkpoint is not the newest, or not of this log.
    #[error(
        "the checkpoint that was signed has {signed} entries, and is not the newest one of the log, which has {size}"
    )]
    GoneOn {
        /// Entries of what was signed.
        signed: u64,
        /// Entries of the log.
        size: u64,
    },
    /// Nothing of that number is there.
    #[error("there is no entry {index}: the log has {size}, numbered from 0")]
    NoEntry {
        /// What was asked for.
        index: u64,
        /// Entries of the log.
        size: u64,
    },
}

impl Error {
    /// How to go on, one sentence.
    pub fn help(&self) -> &'static str {
        match self {
            Self::Io { .. } => "make room, or see to the permissions of the log's directory",
            Self::NotALog { .. } => "`suture audit init` makes a log",
            Self::Exists(_) => "name another directory; a log is never made anew",
            Self::Followed { .. } => {
                "name the directory of the log that follows it with SUTURE_AUDIT_DIR; if there is none, remove `successor` from `log.toml`"
            }
            Self::Busy { .. } => "wait for it, or end it: a killed writer leaves the log whole",
            Self::Text { .. } | Self::Damaged { .. } => {
                "`suture audit verify` says what is still good; restore the rest from a copy"
            }
            Self::WrongKey { .. } => "name the log's key with SUTURE_AUDIT_KEY or in its `log.toml`",
            Self::Time(_) => {
                "set the clock right; if it was the last entry's that was wrong, `suture audit init --after` begins a new log"
            }
            Self::Entry(_) | Self::NoEntry { .. } => "`suture audit show` shows what is in the log",
            Self::Sign(_) => "see to the log's key",
            Self::BatchTooLarge(_) => "append it in several batches",
            Self::GoneOn { .. } => "have the witness sign the newest checkpoint",
            Self::Poisoned => "open the log again",
        }
    }
}
