//! The roles of a channel and their keys.

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};
use tough::schema::RoleType;

use crate::limits::KEYS_MAX;
use crate::{ChannelError, PublicKey, RoleSigner};

/// Who signs what.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Says whose keys the other roles have. Its keys stay offline.
    Root,
    /// Signs the trust policy, and delegates the bundles.
    Targets,
    /// Signs which versions belong together.
    Snapshot,
    /// Signs what is newest, often.
    Timestamp,
    /// The patch team: signs the bundles, by delegation from `targets`.
    Patches,
}

/// The keys of a role, and how many of them must sign.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Keys {
    /// The keys.
    pub keys: Vec<PublicKey>,
    /// How many of them must sign.
    pub threshold: u64,
}

impl Role {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Root, Self::Targets, Self::Snapshot, Self::Timestamp, Self::Patches];
    /// Those whose keys root names.
    pub const TOP: [Self; 4] = [Self::Root, Self::Targets, Self::Snapshot, Self::Timestamp];

    /// Its name in metadata and in file names.
    pub fn name(self) -> &'static str {
        match self {
            Self::Root => "root",
            Self::Targets => "targets",
            Self::Snapshot => "snapshot",
            Self::Timestamp => "timestamp",
            Self::Patches => "patches",
        }
    }

    /// TUF's word for it; the patch team is a delegated role.
    pub(crate) fn tuf(self) -> RoleType {
        match self {
            Self::Root => RoleType::Root,
            Self::Targets => RoleType::Targets,
            Self::Snapshot => RoleType::Snapshot,
            Self::Timestamp => RoleType::Timestamp,
            Self::Patches => RoleType::DelegatedTargets,
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Keys {
    /// Keys of which `threshold` must sign.
    ///
    /// # Errors
    /// There are none, too many, one twice, or fewer than must sign.
    pub fn new(role: Role, keys: Vec<PublicKey>, threshold: u64) -> Result<Self, ChannelError> {
        let distinct: BTreeSet<_> = keys.iter().collect();
        let why = match keys.len() {
            0 => "there are none".to_owned(),
            count if count > KEYS_MAX => format!("there are {count}, at most {KEYS_MAX} can be used"),
            count if distinct.len() < count => "one is given twice".to_owned(),
            count if threshold == 0 || threshold > count as u64 => {
                format!("{threshold} of {count} can't be asked to sign")
            }
            _ => return Ok(Self { keys, threshold }),
        };
        Err(ChannelError::input(
            format!("the keys of the {role} role"),
            why,
            "give each key once, and a threshold from 1 to their number",
        ))
    }

    /// How many signatures the signers can't give, and who else could.
    pub(crate) fn missing(&self, signers: &[&dyn RoleSigner]) -> (u64, Vec<String>) {
        let given: BTreeSet<PublicKey> = signers.iter().map(|signer| signer.public()).collect();
        let have = self.keys.iter().filter(|key| given.contains(key)).count() as u64;
        let others = self.keys.iter().filter(|key| !given.contains(key)).map(PublicKey::fingerprint);
        (self.threshold.saturating_sub(have), others.collect())
    }
}
