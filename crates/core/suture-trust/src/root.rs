//! The trust root: who there is, of which team, with which keys, in which roles.
//!
//! `root.toml` is written by people and read by the machine that has to decide; its format is
//! `docs/formats/trust-root.md`. Every key has a beginning and an end, so that no key is trusted because somebody
//! forgot it.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use thiserror::Error;

use crate::keys::{KeyId, PublicKey};
use crate::kind::Role;

mod read;

/// Whom to believe.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrustRoot {
    principals: Vec<Principal>,
    /// Place of each key: its principal's and its own.
    keys: BTreeMap<KeyId, (usize, usize)>,
}

/// Somebody, or a machine that acts for somebody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Principal {
    /// Unique in the root.
    pub name: String,
    /// Who is of the same team is not independent.
    pub team: String,
    /// What it is trusted to be.
    pub roles: BTreeSet<Role>,
    /// Its keys, old ones too.
    pub keys: Vec<RootKey>,
}

/// A key and when it holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RootKey {
    /// The key.
    pub key: PublicKey,
    /// From when on.
    pub valid_from: Timestamp,
    /// Until when, that moment not included.
    pub valid_until: Timestamp,
    /// If it must not be believed any more.
    pub revoked: Option<Revocation>,
}

/// Why a key must not be believed, and since when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Revocation {
    /// The earliest moment at which somebody else may have had it.
    pub at: Timestamp,
    /// What happened.
    pub reason: String,
}

/// Why a trust root can't be used: where and what.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("line {line}, column {column}: {what}")]
pub struct RootError {
    /// Line, from 1.
    pub line: usize,
    /// Column, from 1, in characters.
    pub column: usize,
    /// What is wrong.
    pub what: String,
}

impl Principal {
    /// Whether a key of theirs holds at `now`, so that what they sign then counts.
    pub fn can_sign(&self, now: Timestamp) -> bool {
        self.keys.iter().any(|key| key.holds(now))
    }
}

impl RootKey {
    /// Whether what it signs at `now` counts: it holds, and is not revoked.
    pub fn holds(&self, now: Timestamp) -> bool {
        let is_revoked = self.revoked.as_ref().is_some_and(|revoked| revoked.at <= now);
        self.valid_from <= now && now < self.valid_until && !is_revoked
    }
}

impl TrustRoot {
    /// Longest `root.toml` that is read, in bytes.
    pub const TEXT_LEN_MAX: usize = 4 << 20;
    /// Most principals.
    pub const PRINCIPALS_MAX: usize = 1024;
    /// Most keys, of all principals together.
    pub const KEYS_MAX: usize = 4096;

    /// Reads a `root.toml`.
    ///
    /// # Errors
    /// The first thing that is wrong, and where.
    pub fn parse(text: &str) -> Result<Self, RootError> {
        read::root(text)
    }

    /// Everybody, in the order of the file.
    pub fn principals(&self) -> &[Principal] {
        &self.principals
    }

    /// Who has this name.
    pub fn principal(&self, name: &str) -> Option<&Principal> {
        self.principals.iter().find(|principal| principal.name == name)
    }

    /// The key with this name, and whose it is.
    pub fn key(&self, id: &KeyId) -> Option<(&Principal, &RootKey)> {
        let (principal, key) = self.keys.get(id)?;
        let principal = self.principals.get(*principal)?;
        Some((principal, principal.keys.get(*key)?))
    }

    /// All keys with their owners.
    pub fn keys(&self) -> impl ExactSizeIterator<Item = (&Principal, &RootKey)> {
        self.keys.values().map(|(principal, key)| {
            let principal = &self.principals[*principal];
            (principal, &principal.keys[*key])
        })
    }
}
