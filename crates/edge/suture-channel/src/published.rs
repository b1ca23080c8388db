//! What a channel's directory shows to the world now.
//!
//! The timestamp decides: it names a snapshot, which names the rest. Files that it does not lead to were left by a publication
//! that was cut short; they count only for the next version, which is higher than any that has ever been seen.

use std::collections::BTreeMap;
use std::fs;
use std::num::NonZeroU64;

use tough::schema::{Root, Snapshot, Targets, Timestamp};

use crate::limits::{ROOT_LEN_MAX, SNAPSHOT_LEN_MAX, TARGETS_LEN_MAX, TIMESTAMP_LEN_MAX};
use crate::metadata::{Document, sha256};
use crate::{ChannelError, Place, Role};

/// The newest root, and what the timestamp leads to.
pub(crate) struct Published {
    pub(crate) root: Option<Document<Root>>,
    pub(crate) current: Option<Current>,
    /// Versions of metadata files that are there, whether in use or not.
    versions: Vec<(Role, u64)>,
}

/// What the timestamp leads to.
pub(crate) struct Current {
    pub(crate) timestamp: Document<Timestamp>,
    pub(crate) snapshot: Document<Snapshot>,
    pub(crate) targets: Document<Targets>,
    pub(crate) patches: Document<Targets>,
}

impl Published {
    pub(crate) fn read(place: &Place) -> Result<Self, ChannelError> {
        let directory = place.metadata();
        let versions = versions(place)?;
        let newest =
            versions.iter().filter(|(role, _)| *role == Role::Root).map(|(_, version)| *version).max();
        let root = match newest {
            Some(version) => Document::read(&directory.join(format!("{version}.root.json")), ROOT_LEN_MAX)?,
            None => None,
        };
        let mut published = Self { root, current: None, versions };
        let timestamp: Option<Document<Timestamp>> =
            Document::read(&directory.join("timestamp.json"), TIMESTAMP_LEN_MAX)?;
        if let Some(timestamp) = timestamp {
            published.current = Some(Current::read(place, timestamp)?);
        }
        Ok(published)
    }

    /// The files that the world sees, by their names in the channel, with their SHA-256 in hexadecimal digits.
    pub(crate) fn files(&self) -> BTreeMap<String, String> {
        let lists = self.current.iter().flat_map(|current| [&current.targets, &current.patches]);
        let files = lists.flat_map(|list| &list.signed.signed.targets);
        files.map(|(name, target)| (name.raw().to_owned(), sha256(target))).collect()
    }

    /// The version of a role's metadata that the world sees.
    pub(crate) fn version(&self, role: Role) -> Option<u64> {
        let current = self.current.as_ref();
        let version = match role {
            Role::Root => self.root.as_ref().map(|root| root.signed.signed.version),
            Role::Targets => current.map(|current| current.targets.signed.signed.version),
            Role::Snapshot => current.map(|current| current.snapshot.signed.signed.version),
            Role::Timestamp => current.map(|current| current.timestamp.signed.signed.version),
            Role::Patches => current.map(|current| current.patches.signed.signed.version),
        };
        version.map(NonZeroU64::get)
    }

    /// A version that no file has had yet.
    pub(crate) fn next(&self, role: Role) -> NonZeroU64 {
        let used = self.versions.iter().filter(|(other, _)| *other == role).map(|(_, version)| *version);
        let current =
            self.current.as_ref().map_or(0, |current| current.timestamp.signed.signed.version.get());
        let current = if role == Role::Timestamp { current } else { 0 };
        NonZeroU64::MIN.saturating_add(used.chain([current]).max().unwrap_or(0))
    }
}

impl Current {
    fn read(place: &Place, timestamp: Document<Timestamp>) -> Result<Self, ChannelError> {
        let damaged = |what: String| {
            let help = "restore the channel's directory from a copy";
            ChannelError::input(format!("`{}`", place.metadata().display()), what, help)
        };
        let version = timestamp.signed.signed.meta.get("snapshot.json").map(|meta| meta.version);
        let version = version.ok_or_else(|| damaged("its timestamp names no snapshot".to_owned()))?;
        let path = |name: String| place.metadata().join(name);
        let snapshot: Document<Snapshot> =
            Document::read(&path(format!("{version}.snapshot.json")), SNAPSHOT_LEN_MAX)?
                .ok_or_else(|| damaged(format!("{version}.snapshot.json is missing")))?;
        let listed = |role: Role| -> Result<Document<Targets>, ChannelError> {
            let version = snapshot.signed.signed.meta.get(&format!("{role}.json")).map(|meta| meta.version);
            let version =
                version.ok_or_else(|| damaged(format!("its snapshot does not list {role}.json")))?;
            Document::read(&path(format!("{version}.{role}.json")), TARGETS_LEN_MAX)?
                .ok_or_else(|| damaged(format!("{version}.{role}.json is missing")))
        };
        let (targets, patches) = (listed(Role::Targets)?, listed(Role::Patches)?);
        Ok(Self { timestamp, snapshot, targets, patches })
    }
}

fn versions(place: &Place) -> Result<Vec<(Role, u64)>, ChannelError> {
    let directory = place.metadata();
    let entries = fs::read_dir(&directory).map_err(ChannelError::at(&directory))?;
    let version = |name: &str| {
        let (version, file) = name.split_once('.')?;
        let role = Role::ALL.into_iter().find(|role| file == format!("{role}.json"))?;
        Some((role, version.parse().ok()?))
    };
    Ok(entries.flatten().filter_map(|entry| version(entry.file_name().to_str()?)).collect())
}
