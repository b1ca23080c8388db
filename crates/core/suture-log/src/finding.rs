//! What an auditor finds: each finding names the entry, or the entries, and what is wrong with them.

use thiserror::Error;

use crate::entry::EntryError;
use crate::policy::PolicyRefusal;
use crate::time::Time;

/// Why a log is not what its keys vouch for.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Finding {
    /// An entry's bytes are not those of the hash in the tree.
    #[error("entry {index} was changed: it is not the one whose hash is in the log")]
    Changed {
        /// Which.
        index: u64,
    },
    /// An entry is not where it belongs.
    #[error("entry {expected} is missing: entry {found} stands in its place")]
    Displaced {
        /// Which should have come.
        expected: u64,
        /// Which came.
        found: u64,
    },
    /// Entries whose hashes fit them, but not what was signed.
    #[error("{} not what the log has signed: {} changed, dropped, added or moved", entries(*.first, *.last), which(*.first, *.last))]
    NotSigned {
        /// First entry that no earlier checkpoint covers.
        first: u64,
        /// Last entry that the checkpoint covers.
        last: u64,
    },
    /// Entries that no checkpoint covers.
    #[error("{} covered by no checkpoint: nobody has signed for {}", entries(*.first, *.last), them(*.first, *.last))]
    Uncovered {
        /// First of them.
        first: u64,
        /// Last of them.
        last: u64,
    },
    /// Fewer entries than were signed for.
    #[error("{}: the log has signed for {signed} entries", some_missing(*.first, *.missing, *.signed))]
    Short {
        /// First entry that no earlier checkpoint covers.
        first: u64,
        /// How many are missing.
        missing: u64,
        /// Entries of the checkpoint.
        signed: u64,
    },
    /// The bytes are no entry.
    #[error("entry {index} is none: {why}")]
    Malformed {
        /// Which.
        index: u64,
        /// Why.
        why: EntryError,
    },
    /// An entry is dated before the one that it follows.
    #[error("entry {index} is dated back: it says {when}, but entry {} is of {before}", index - 1)]
    DatedBack {
        /// Which.
        index: u64,
        /// What it says.
        when: Time,
        /// Time of the entry before.
        before: Time,
    },
    /// An entry is dated before a witness had seen the log without it.
    #[error(
        "entry {index} is dated back: it says {when}, but at {witnessed} a witness saw the log without it"
    )]
    DatedBeforeWitness {
        /// Which.
        index: u64,
        /// What it says.
        when: Time,
        /// When a witness signed for the entries before it.
        witnessed: Time,
    },
    /// An entry is dated after a witness had seen the log with it.
    #[error("entry {index} is dated forward: it says {when}, but a witness saw it at {witnessed}")]
    DatedForward {
        /// Which.
        index: u64,
        /// What it says.
        when: Time,
        /// When a witness signed for it.
        witnessed: Time,
    },
    /// The log does not go on from a checkpoint that the auditor has kept.
    #[error("{} not what the log had signed in the checkpoint of {} entries that was kept", entries(*.first, *.last), last + 1)]
    Rewritten {
        /// First entry that may differ.
        first: u64,
        /// Last one.
        last: u64,
    },
    /// The last checkpoint is not to be believed.
    #[error("{0}")]
    NotBelieved(#[from] PolicyRefusal),
    /// A checkpoint of another log is among those of this one.
    #[error("the checkpoint of {size} entries is of another log, `{origin}`")]
    Foreign {
        /// Whose.
        origin: String,
        /// Its size.
        size: u64,
    },
    /// Nothing is signed at all.
    #[error("there is no checkpoint, so nobody vouches for any of it")]
    NoCheckpoint,
    /// A hash in a tile is not the one of its entries.
    #[error("the hash in `{path}` that covers {} is not the one of the entries", words(*.first, *.last))]
    WrongTile {
        /// Path of the tile.
        path: String,
        /// First entry below the hash.
        first: u64,
        /// Last one.
        last: u64,
    },
}

impl Finding {
    /// A word for scripts.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Changed { .. } => "changed",
            Self::Displaced { .. } => "displaced",
            Self::NotSigned { .. } => "not-signed",
            Self::Uncovered { .. } => "uncovered",
            Self::Short { .. } => "short",
            Self::Malformed { .. } => "malformed",
            Self::DatedBack { .. } | Self::DatedBeforeWitness { .. } => "dated-back",
            Self::DatedForward { .. } => "dated-forward",
            Self::Rewritten { .. } => "rewritten",
            Self::NotBelieved(_) => "not-believed",
            Self::Foreign { .. } => "foreign",
            Self::NoCheckpoint => "no-checkpoint",
            Self::WrongTile { .. } => "wrong-tile",
        }
    }

    /// First and last entry that it is about, if it is about entries.
    pub fn entries(&self) -> Option<(u64, u64)> {
        match self {
            Self::Changed { index }
            | Self::Malformed { index, .. }
            | Self::DatedBack { index, .. }
            | Self::DatedBeforeWitness { index, .. }
            | Self::DatedForward { index, .. } => Some((*index, *index)),
            Self::Displaced { expected, .. } => Some((*expected, *expected)),
            Self::NotSigned { first, last }
            | Self::Uncovered { first, last }
            | Self::Rewritten { first, last }
            | Self::WrongTile { first, last, .. } => Some((*first, *last)),
            Self::Short { first, signed, .. } => Some((*first, signed - 1)),
            Self::NotBelieved(_) | Self::Foreign { .. } | Self::NoCheckpoint => None,
        }
    }

    /// How to go on, one sentence.
    pub fn help(&self) -> &'static str {
        match self {
            Self::Uncovered { .. } | Self::Short { .. } => {
                "get the whole log again; if it stays so, it was tampered with"
            }
            Self::NotBelieved(PolicyRefusal::UnknownLog { .. }) => {
                "give the public key of that log with --key or --policy"
            }
            Self::NotBelieved(PolicyRefusal::Quorum { .. }) => {
                "have the witnesses sign the newest checkpoint with `suture audit witness`, and export again"
            }
            Self::Rewritten { .. } => {
                "keep both: if this copy is signed too, they prove together that the log's key was misused"
            }
            _ => "do not rely on this copy; compare it with another one, and keep it as evidence",
        }
    }
}

fn words(first: u64, last: u64) -> String {
    if first == last { format!("entry {first}") } else { format!("entries {first} to {last}") }
}

fn entries(first: u64, last: u64) -> String {
    format!("{} {}", words(first, last), if first == last { "is" } else { "are" })
}

fn some_missing(first: u64, missing: u64, signed: u64) -> String {
    let last = signed - 1;
    if signed - first == missing {
        return format!("{} missing", entries(first, last));
    }
    format!("{missing} of the {} {} missing", words(first, last), if missing == 1 { "is" } else { "are" })
}

fn which(first: u64, last: u64) -> &'static str {
    if first == last { "it was" } else { "at least one was" }
}

fn them(first: u64, last: u64) -> &'static str {
    if first == last { "it" } else { "them" }
}
