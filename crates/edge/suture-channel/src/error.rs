//! Why something about a channel can't be done. Bad input, a world that fails, and a refusal for want of trust are
//! three things: they end with different exit codes, and only the last one is about an attack.

use std::io;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use thiserror::Error;

use crate::Role;

/// Why it was not done.
#[derive(Debug, Error)]
pub enum ChannelError {
    /// What was offered can't be trusted.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// Something that was given can't be used.
    #[error("{what}: {why}")]
    Input {
        /// What was given.
        what: String,
        /// What is wrong with it.
        why: String,
        /// What to do, one sentence; may be empty.
        help: String,
    },
    /// A file or the system fails.
    #[error("{what}: {source}")]
    Failed {
        /// What was being done.
        what: String,
        /// Why it failed.
        source: io::Error,
    },
    /// A publication ended after the new root was public, and before anything else was.
    #[error("`{root}` is public, and nothing else of the publication: {why}", root = .root.display())]
    HalfPublished {
        /// The root.
        root: PathBuf,
        /// What went wrong.
        why: String,
    },
    /// A server does not give what is asked of it.
    #[error("`{url}` can't be fetched: {why}")]
    Unreachable {
        /// What was asked for.
        url: String,
        /// What came instead.
        why: String,
    },
}

/// Why what was offered can't be trusted.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Refusal {
    /// Rollback attack: something older than what is known (TUF 5.3.5, 5.4.3, 5.5.5).
    #[error(
        "rollback: version {offered} of the {role} metadata is offered, and version {known} has been seen before"
    )]
    Rollback {
        /// Whose metadata.
        role: String,
        /// What is offered.
        offered: u64,
        /// What has been seen.
        known: u64,
    },
    /// A role that was there is gone (TUF 5.5.5).
    #[error("rollback: the snapshot does not list the {role} metadata, which belongs to the channel")]
    RoleDropped {
        /// Which.
        role: String,
    },
    /// Freeze attack, or nobody has refreshed the channel (TUF 5.3.10, 5.4.4, 5.5.6, 5.6.6).
    #[error(
        "freeze: the {role} metadata expired at {expired}, and it is {now} now: either someone holds newer metadata back, or nobody has refreshed the channel"
    )]
    Expired {
        /// Whose metadata.
        role: String,
        /// Until when it was good.
        expired: Timestamp,
        /// The time by the caller's clock.
        now: Timestamp,
    },
    /// Mix-and-match: metadata of another version than what the snapshot or timestamp names (TUF 5.5.4, 5.6.4).
    #[error(
        "mix-and-match: the {role} metadata has version {offered}, and version {expected} belongs to this snapshot"
    )]
    Mixed {
        /// Whose metadata.
        role: String,
        /// What is offered.
        offered: u64,
        /// What belongs here.
        expected: u64,
    },
    /// Mix-and-match: a metadata file that is not the one that the snapshot or timestamp names (TUF 5.5.2, 5.6.2).
    #[error(
        "mix-and-match: `{file}` is not the file that belongs here: its SHA-256 is {found}, and {expected} is listed"
    )]
    MixedFile {
        /// Its address.
        file: String,
        /// Its digest.
        found: String,
        /// The digest that is listed.
        expected: String,
    },
    /// Too few good signatures by keys of the role (TUF 5.3.4, 5.4.2, 5.5.3, 5.6.3).
    #[error(
        "the {role} metadata has {valid} good signatures by keys of that role, and {threshold} are needed"
    )]
    Threshold {
        /// Whose metadata.
        role: String,
        /// Good signatures.
        valid: u64,
        /// Signatures that are needed.
        threshold: u64,
    },
    /// A file that is not the one whose digest was signed.
    #[error("`{file}` is not what was signed: its SHA-256 is {found}, and {expected} was signed")]
    Tampered {
        /// Its address.
        file: String,
        /// Its digest.
        found: String,
        /// The digest that was signed.
        expected: String,
    },
    /// Endless data.
    #[error("`{file}` does not end after {limit} bytes, the most that it may have")]
    Endless {
        /// Its address.
        file: String,
        /// The most that it may have, in bytes.
        limit: u64,
    },
    /// More than a channel may ask for.
    #[error("the channel has {what} {found}, at most {limit} are accepted")]
    TooMuch {
        /// What.
        what: &'static str,
        /// How much.
        found: u64,
        /// How much is accepted.
        limit: u64,
    },
    /// A delegated key was used outside what was delegated to it (TUF 5.6.7).
    #[error(
        "`{name}` is listed by a role that it was not delegated to: a key is used for what it was not given for"
    )]
    OutsidePaths {
        /// The file.
        name: String,
    },
    /// Metadata that can't be read.
    #[error("the {role} metadata can't be read: {why}")]
    Malformed {
        /// Whose metadata.
        role: String,
        /// What is wrong.
        why: String,
    },
    /// The pinned root does not hold by itself.
    #[error("the pinned root can't be trusted: {0}")]
    PinnedRoot(String),
    /// A name that leads elsewhere.
    #[error("`{name}` is no name for a file of a channel: {why}")]
    UnsafeName {
        /// The name.
        name: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// The clock was set back, which would make expired metadata good again.
    #[error(
        "the clock shows {now}, and it has shown {seen} before: it was set back, so that nothing can be said about expiry"
    )]
    ClockBack {
        /// What it shows.
        now: Timestamp,
        /// What it has shown.
        seen: Timestamp,
    },
    /// An encrypted bundle is for this identity and does not hold what it must.
    #[error("the encrypted bundle `{name}` is damaged: {why}")]
    Sealed {
        /// Its public name.
        name: String,
        /// What is wrong.
        why: String,
    },
    /// Two channels are about to be mixed.
    #[error("{what} is of another channel: its root and that of this one do not lead to each other")]
    OtherChannel {
        /// What remembers the other one.
        what: String,
    },
    /// What is offered was signed for another channel, which has keys in common with this one.
    #[error("what `{url}` offers is of another channel: it was signed for one that began with another root")]
    SignedForAnother {
        /// Where.
        url: String,
    },
    /// The trust policy that has come can't be used by a node.
    #[error("the trust policy of the channel can't be used: {0}")]
    TrustPolicy(String),
    /// A bundle is to go without a refusal that its signer has not taken back.
    #[error(
        "`{name}` was refused (`{reason}`), and the statements that would go with it don't have that refusal"
    )]
    RefusalDropped {
        /// The bundle.
        name: String,
        /// Why it was refused.
        reason: String,
    },
    /// Among what is said of a bundle may be a refusal that nobody here can judge.
    #[error("among the statements about `{name}` may be a refusal that can't be judged\n{lines}")]
    Doubtful {
        /// The bundle.
        name: String,
        /// The lines, each with what is wrong with it and whose it may be.
        lines: String,
    },
    /// What was remembered of refusals has been damaged, or was never genuine.
    #[error("what was remembered of refusals of `{name}` can't be judged, in `refusals/{file}`\n{lines}")]
    DoubtfulMemory {
        /// The bundle.
        name: String,
        /// The file.
        file: String,
        /// The lines, each with what is wrong with it and whose it may be.
        lines: String,
    },
    /// Publishing: the keys that were given are not enough.
    #[error("{} of the keys of the {role} role {} missing, one of: {}", .missing, if *.missing == 1 { "is" } else { "are" }, .candidates.join(", "))]
    KeysMissing {
        /// The role.
        role: Role,
        /// How many more are needed.
        missing: u64,
        /// Fingerprints of those that could sign.
        candidates: Vec<String>,
    },
    /// Before the disclosure time.
    #[error("`{name}` is under embargo until {until}, and it is {now} now")]
    Embargoed {
        /// The bundle.
        name: String,
        /// The disclosure time.
        until: Timestamp,
        /// The time by the caller's clock.
        now: Timestamp,
    },
    /// It is to be in the clear, and was put in under embargo.
    #[error("`{name}` was put into the channel under embargo until {until}")]
    UnderEmbargo {
        /// The bundle.
        name: String,
        /// The disclosure time.
        until: Timestamp,
    },
    /// An embargo is to end before the time that was declared.
    #[error("`{name}` was put into the channel under embargo until {until}, and {wanted} is earlier")]
    Shortened {
        /// The bundle.
        name: String,
        /// The disclosure time that was declared.
        until: Timestamp,
        /// The one that is wanted.
        wanted: Timestamp,
    },
    /// Nodes would get one bundle twice, and refuse both.
    #[error("`{name}` is in the channel twice, in the clear and encrypted or encrypted twice")]
    Twice {
        /// The bundle.
        name: String,
    },
    /// Of something under embargo nobody here can say what it is.
    #[error("nobody here can say what is under embargo, or until when\n{lines}")]
    EmbargoUnknown {
        /// What, each with the reason.
        lines: String,
    },
    /// Anything else that the reader of TUF metadata refuses.
    #[error("the metadata can't be trusted: {0}")]
    Other(String),
}

impl Refusal {
    /// A word for scripts.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Rollback { .. } | Self::RoleDropped { .. } => "rollback",
            Self::Expired { .. } => "expired",
            Self::Mixed { .. } | Self::MixedFile { .. } => "mix-and-match",
            Self::Threshold { .. } => "threshold",
            Self::Tampered { .. } => "tampered",
            Self::Endless { .. } => "endless-data",
            Self::TooMuch { .. } => "too-much",
            Self::OutsidePaths { .. } => "outside-delegation",
            Self::Malformed { .. } => "malformed",
            Self::PinnedRoot(_) => "pinned-root",
            Self::UnsafeName { .. } => "unsafe-name",
            Self::ClockBack { .. } => "clock-set-back",
            Self::Sealed { .. } => "sealed",
            Self::OtherChannel { .. } | Self::SignedForAnother { .. } => "other-channel",
            Self::TrustPolicy(_) => "trust-policy",
            Self::RefusalDropped { .. } => "refusal-dropped",
            Self::KeysMissing { .. } => "keys-missing",
            Self::Doubtful { .. } | Self::DoubtfulMemory { .. } => "damaged-statements",
            Self::Embargoed { .. } | Self::UnderEmbargo { .. } | Self::Shortened { .. } => "embargo",
            Self::Twice { .. } => "twice",
            Self::EmbargoUnknown { .. } => "embargo-unknown",
            Self::Other(_) => "other",
        }
    }

    /// How to go on, one sentence.
    pub fn help(&self) -> &'static str {
        match self {
            Self::KeysMissing { .. } => "give more keys with --key",
            Self::RefusalDropped { .. } => {
                "add it with all statements that there were: a refusal ends when its signer withdraws it with `suture sign --withdraw`, and stays beside that"
            }
            Self::Doubtful { .. } => {
                "get each line again from whoever has signed it; if they say that they have not refused, take it out of the file. Nothing was remembered"
            }
            Self::DoubtfulMemory { .. } => {
                "restore the file from a copy, or add the bundle with --drop-doubtful, which forgets the lines that no key of the trust root has signed and is recorded"
            }
            Self::Embargoed { .. } => "wait, or say --early if it has become known",
            Self::UnderEmbargo { .. } => {
                "`suture channel reveal` puts it in the clear when that time has come, or before with --early; what is to stay secret is added with --embargo-until"
            }
            Self::Shortened { .. } => "keep the time, or say --early if it has become known",
            Self::Twice { .. } => {
                "`suture channel reveal` puts it in the clear, `suture channel add` with --embargo-until encrypts it, and `suture channel remove` takes it out"
            }
            Self::EmbargoUnknown { .. } => {
                "restore `embargo` from a copy. Or add the bundle again with --embargo-until, and take what is not known out with `suture channel remove` and --early, which ends its embargo"
            }
            Self::ClockBack { .. } => "set the clock right",
            Self::PinnedRoot(_) => "get the root file from the channel's owner by a way that you trust",
            Self::Expired { .. } => {
                "look whether the channel can be reached by another way, and tell its owner; what was fetched before is as it was"
            }
            Self::OtherChannel { .. } => {
                "give each channel a --datastore and an --out of its own; nothing was changed here. If this channel was founded anew, begin with new ones"
            }
            Self::SignedForAnother { .. } => {
                "look whether the address is that of the channel whose root is pinned, and tell its owner; nothing was changed here"
            }
            Self::TrustPolicy(_) => {
                "what was fetched before is as it was; tell the channel's owner, who has to publish another policy. That this one was there is remembered, and nothing older is accepted"
            }
            Self::Tampered { .. } | Self::Sealed { .. } => {
                "what was fetched before is as it was; tell the channel's owner, since someone may be tampering with it. What its metadata says is remembered, and nothing older is accepted"
            }
            Self::TooMuch { .. } => "ask the channel's owner whether that is meant",
            _ => {
                "what was fetched before is as it was; tell the channel's owner, since someone may be tampering with it"
            }
        }
    }
}

impl ChannelError {
    /// Something that was given can't be used.
    pub(crate) fn input(
        what: impl Into<String>,
        why: impl std::fmt::Display,
        help: impl Into<String>,
    ) -> Self {
        Self::Input { what: what.into(), why: shown(&why.to_string()), help: help.into() }
    }

    /// A file fails. For `map_err`.
    pub(crate) fn at(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let what = format!("`{}`", path.display());
        move |source| Self::Failed { what, source }
    }
}

/// What somebody else has written, without characters that act on a terminal.
pub(crate) fn shown(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_control() && c != '\n' { shown.extend(c.escape_unicode()) } else { shown.push(c) }
    }
    shown
}

impl Refusal {
    /// A refusal in somebody else's words.
    pub(crate) fn other(why: impl std::fmt::Display) -> Self {
        Self::Other(shown(&why.to_string()))
    }
}
