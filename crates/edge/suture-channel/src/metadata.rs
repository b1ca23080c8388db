//! TUF documents: made, signed, and read back from the channel's own directory.

use std::collections::HashMap;
use std::num::NonZeroU64;
use std::path::Path;

use jiff::Timestamp as Time;
use serde::Serialize;
use serde::de::DeserializeOwned;
use sha2::{Digest as _, Sha256};
use tough::TargetName;
use tough::schema::{
    self, DelegatedRole, Delegations, Hashes, Metafile, PathPattern, PathSet, RoleKeys, Root, Signature,
    Signed, Snapshot, Target, Targets, Timestamp,
};

use crate::key::hex;
use crate::name::PATCHES_PATHS;
use crate::{ChannelError, Keys, PublicKey, Refusal, Role, RoleSigner, identity, place};

/// The version of the specification that documents name.
const SPECIFICATION: &str = "1.0.0";

/// A signed document and the bytes that it has, or will have, as a file.
#[derive(Debug, Clone)]
pub(crate) struct Document<T> {
    pub(crate) signed: Signed<T>,
    pub(crate) bytes: Vec<u8>,
}

impl<T: Serialize> Document<T> {
    /// Spells a document; keys in order, so that it has one spelling.
    pub(crate) fn new(signed: Signed<T>) -> Result<Self, ChannelError> {
        let spell = || serde_json::to_vec_pretty(&serde_json::to_value(&signed)?);
        let bytes = spell().map_err(|error| ChannelError::input("the metadata", error, ""))?;
        Ok(Self { signed, bytes })
    }
}

impl<T: DeserializeOwned> Document<T> {
    /// Reads a document from the channel's directory, or nothing if it is not there.
    pub(crate) fn read(path: &Path, limit: u64) -> Result<Option<Self>, ChannelError> {
        let Some(bytes) = place::read(path, limit)? else { return Ok(None) };
        let help = "restore the channel's directory from a copy";
        Self::parse(bytes, &format!("`{}`", path.display()), help).map(Some)
    }

    /// Reads a document; `what` it is and `help` are for the error.
    pub(crate) fn parse(bytes: Vec<u8>, what: &str, help: &str) -> Result<Self, ChannelError> {
        let signed =
            serde_json::from_slice(&bytes).map_err(|error| ChannelError::input(what, error, help))?;
        Ok(Self { signed, bytes })
    }
}

impl<T> Document<T> {
    /// How snapshot and timestamp list it.
    pub(crate) fn listed(&self, version: NonZeroU64) -> Metafile {
        Metafile {
            length: Some(self.bytes.len() as u64),
            hashes: Some(hashes(Sha256::digest(&self.bytes).to_vec())),
            version,
            _extra: HashMap::new(),
        }
    }
}

/// Signs for `role`, with every key of `keys` and of `also` that there is.
///
/// # Errors
/// The signers are fewer than `keys` asks for.
pub(crate) fn sign<T: schema::Role>(
    role: Role,
    signed: T,
    keys: &Keys,
    also: Option<&Keys>,
    signers: &[&dyn RoleSigner],
) -> Result<Document<T>, ChannelError> {
    let (missing, candidates) = keys.missing(signers);
    if missing > 0 {
        return Err(Refusal::KeysMissing { role, missing, candidates }.into());
    }
    let may: Vec<&PublicKey> = keys.keys.iter().chain(also.iter().flat_map(|keys| &keys.keys)).collect();
    let signatures = signatures(&signed, &may, signers)?;
    Document::new(Signed { signed, signatures })
}

/// SHA-256 of what is signed, whoever has signed it, in hexadecimal digits.
pub(crate) fn digest<T: schema::Role>(signed: &T) -> Result<String, ChannelError> {
    let message = signed.canonical_form().map_err(|error| ChannelError::input("the metadata", error, ""))?;
    Ok(hex(&Sha256::digest(message)))
}

/// Signatures over `signed` of all signers that may.
pub(crate) fn signatures<T: schema::Role>(
    signed: &T,
    may: &[&PublicKey],
    signers: &[&dyn RoleSigner],
) -> Result<Vec<Signature>, ChannelError> {
    let message = signed.canonical_form().map_err(|error| ChannelError::input("the metadata", error, ""))?;
    let mut made: Vec<Signature> = Vec::new();
    for signer in signers {
        let public = signer.public();
        let keyid = public.id();
        if !may.contains(&&public) || made.iter().any(|signature| signature.keyid == keyid) {
            continue;
        }
        let signature = signer.sign(&message).map_err(|why| {
            ChannelError::input(
                format!("the key {}", public.fingerprint()),
                why,
                "give another key that can sign",
            )
        })?;
        made.push(Signature { keyid, sig: signature.to_vec().into() });
    }
    Ok(made)
}

/// A root that gives these keys to the roles. All but the first name the `channel`.
pub(crate) fn root(
    version: NonZeroU64,
    expires: Time,
    keys: &[(Role, &Keys)],
    channel: Option<&str>,
) -> Result<Root, ChannelError> {
    let mut root = Root {
        spec_version: SPECIFICATION.to_owned(),
        consistent_snapshot: true,
        version,
        expires,
        keys: HashMap::new(),
        roles: HashMap::new(),
        _extra: HashMap::new(),
    };
    for (role, keys) in keys {
        root.keys.extend(keys.keys.iter().map(|key| (key.id(), key.tuf())));
        let keyids = keys.keys.iter().map(PublicKey::id).collect();
        let role_keys = RoleKeys { keyids, threshold: threshold(keys)?, _extra: HashMap::new() };
        root.roles.insert(role.tuf(), role_keys);
    }
    if let Some(channel) = channel {
        identity::name(&mut root._extra, channel);
    }
    Ok(root)
}

/// The keys that a root gives to a role.
pub(crate) fn keys_of(root: &Root, role: Role) -> Result<Keys, ChannelError> {
    let keys = root.keys(role.tuf()).filter_map(PublicKey::of_tuf).collect();
    let threshold = root.roles.get(&role.tuf()).map_or(0, |keys| keys.threshold.get());
    Keys::new(role, keys, threshold)
}

/// What targets delegates to the patch team.
pub(crate) fn delegations(patches: &Keys) -> Result<Delegations, ChannelError> {
    let pattern = |text: &&str| PathPattern::new(*text);
    let patterns = PATCHES_PATHS.iter().map(pattern).collect::<Result<_, _>>();
    let patterns = patterns.map_err(|error| ChannelError::input("the delegated paths", error, ""))?;
    let role = DelegatedRole {
        name: Role::Patches.name().to_owned(),
        keyids: patches.keys.iter().map(PublicKey::id).collect(),
        threshold: threshold(patches)?,
        paths: PathSet::Paths(patterns),
        terminating: true,
        targets: None,
    };
    Ok(Delegations {
        keys: patches.keys.iter().map(|key| (key.id(), key.tuf())).collect(),
        roles: vec![role],
    })
}

/// A list of files, of targets or of the patch team.
pub(crate) fn targets(
    version: NonZeroU64,
    expires: Time,
    files: HashMap<TargetName, Target>,
    delegations: Option<Delegations>,
) -> Targets {
    let mut targets = Targets::new(SPECIFICATION.to_owned(), version, expires);
    targets.targets = files;
    targets.delegations = delegations;
    targets
}

/// Which versions belong together.
pub(crate) fn snapshot(version: NonZeroU64, expires: Time, listed: [(Role, Metafile); 2]) -> Snapshot {
    let mut snapshot = Snapshot::new(SPECIFICATION.to_owned(), version, expires);
    snapshot.meta = listed.into_iter().map(|(role, meta)| (format!("{role}.json"), meta)).collect();
    snapshot
}

/// What is newest.
pub(crate) fn timestamp(version: NonZeroU64, expires: Time, listed: Metafile) -> Timestamp {
    let mut timestamp = Timestamp::new(SPECIFICATION.to_owned(), version, expires);
    timestamp.meta.insert("snapshot.json".to_owned(), listed);
    timestamp
}

/// How metadata lists a file with this content.
pub(crate) fn target(content: &[u8]) -> Target {
    let hashes = hashes(Sha256::digest(content).to_vec());
    Target { length: content.len() as u64, hashes, custom: HashMap::new(), _extra: HashMap::new() }
}

/// The SHA-256 that metadata lists for a file.
pub(crate) fn sha256(target: &Target) -> String {
    hex(&target.hashes.sha256)
}

fn hashes(sha256: Vec<u8>) -> Hashes {
    Hashes { sha256: sha256.into(), _extra: HashMap::new() }
}

fn threshold(keys: &Keys) -> Result<NonZeroU64, ChannelError> {
    NonZeroU64::new(keys.threshold)
        .ok_or_else(|| ChannelError::input("the threshold", "it is 0", "ask for at least 1"))
}
