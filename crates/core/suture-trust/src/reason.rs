//! Why a statement does not count: one variant for each check, from which every place prints.

use jiff::Timestamp;
use thiserror::Error;

use crate::digest::Digest;
use crate::kind::{Kind, Role};
use crate::statement::StatementError;
use crate::verify::SKEW_MAX;

/// Why a signature, or the statement under it, is not accepted.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Reason {
    /// The envelope has something else in it.
    #[error("it is a `{0}`, no in-toto statement")]
    NotAStatement(String),
    /// A signature of another algorithm.
    #[error("its signature has {len} bytes, one of Ed25519 has 64: the key is of a wrong type")]
    WrongKeyType {
        /// What it has.
        len: usize,
    },
    /// No key of the trust root has signed.
    #[error("no key of the trust root has signed it")]
    UnknownKey,
    /// It names no key, and there is too much to try.
    #[error("it names no key of the trust root, and there are too many to try all")]
    TooMuchToTry,
    /// The key that it names has not signed this.
    #[error("the signature does not fit: it was changed after it was signed, or another key has signed")]
    BadSignature,
    /// What is signed can't be read.
    #[error("{0}")]
    Statement(StatementError),
    /// It is about something else.
    #[error("it is about something else: sha256 {}", shown(subjects))]
    AnotherSubject {
        /// What it is about.
        subjects: Vec<Digest>,
    },
    /// It says that it was signed later than it can have been.
    #[error("it says that it was signed at {signed_on}, which is later than {proven} by more than {} minutes", SKEW_MAX.as_secs() / 60)]
    FromTheFuture {
        /// What it says.
        signed_on: Timestamp,
        /// When it was there.
        proven: Timestamp,
    },
    /// The key did not hold yet.
    #[error("its key holds from {valid_from} on, and it was signed at {signed_on}")]
    KeyNotYetValid {
        /// From the trust root.
        valid_from: Timestamp,
        /// When it was signed.
        signed_on: Timestamp,
    },
    /// The key no longer held.
    #[error("its key has expired: it held until {valid_until}")]
    KeyExpired {
        /// From the trust root.
        valid_until: Timestamp,
    },
    /// The key must not be believed.
    #[error("its key is revoked since {at}: {why}")]
    KeyRevoked {
        /// Since when.
        at: Timestamp,
        /// What happened.
        why: String,
    },
    /// Its signer may not say that.
    #[error("its signer is no {}, which is who can have {kind} it", any_of(needed))]
    RoleNotHeld {
        /// What was said.
        kind: Kind,
        /// Who may say it.
        needed: Vec<Role>,
    },
    /// The same signer has said the same once already.
    #[error("its signer has said the same before, word for word; it counts once")]
    Duplicate,
    /// It withdraws the refusal of another.
    #[error("it withdraws a refusal of {by}: only its signer can")]
    NotTheirRefusal {
        /// Who refused.
        by: String,
    },
    /// It withdraws what is not there.
    #[error("it withdraws a refusal that is not here: sha256 {refusal}")]
    NoSuchRefusal {
        /// The one that it names.
        refusal: Digest,
    },
}

impl Reason {
    /// A word for scripts; it stays.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotAStatement(_) => "not-a-statement",
            Self::WrongKeyType { .. } => "wrong-key-type",
            Self::UnknownKey => "unknown-key",
            Self::TooMuchToTry => "too-much-to-try",
            Self::BadSignature => "bad-signature",
            Self::Statement(StatementError::Malformed(_)) => "malformed-statement",
            Self::Statement(StatementError::UnknownVersion { .. }) => "unknown-version",
            Self::Statement(StatementError::UnknownPredicate(_)) => "unknown-predicate",
            Self::Statement(StatementError::BadPredicate { .. }) => "bad-predicate",
            Self::AnotherSubject { .. } => "another-subject",
            Self::FromTheFuture { .. } => "from-the-future",
            Self::KeyNotYetValid { .. } => "key-not-yet-valid",
            Self::KeyExpired { .. } => "key-expired",
            Self::KeyRevoked { .. } => "key-revoked",
            Self::RoleNotHeld { .. } => "role-not-held",
            Self::Duplicate => "duplicate",
            Self::NotTheirRefusal { .. } => "not-their-refusal",
            Self::NoSuchRefusal { .. } => "no-such-refusal",
        }
    }
}

fn shown(subjects: &[Digest]) -> String {
    const SHOWN_MAX: usize = 3;
    let first: Vec<String> = subjects.iter().take(SHOWN_MAX).map(Digest::to_string).collect();
    match subjects.len().saturating_sub(SHOWN_MAX) {
        0 => first.join(", "),
        more => format!("{} and {more} more", first.join(", ")),
    }
}

fn any_of(roles: &[Role]) -> String {
    let names: Vec<&str> = roles.iter().map(|role| role.as_str()).collect();
    names.join(" or ")
}
