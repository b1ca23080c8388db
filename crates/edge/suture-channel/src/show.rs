//! What a channel is, for those who keep it.

use std::collections::BTreeMap;

use jiff::Timestamp;
use tough::schema::Root;

use crate::metadata::{Document, keys_of, sha256};
use crate::published::Published;
use crate::rotate::{self, RootState};
use crate::{ChannelError, Keys, Place, PublicKey, Refusal, Role, add, sealed};

/// A channel at a moment.
#[derive(Debug, Clone)]
pub struct Overview {
    /// Its roles.
    pub roles: Vec<RoleView>,
    /// The root that waits for signatures or for being published.
    pub pending: Option<RootState>,
    /// What it contains, by name.
    pub targets: Vec<TargetView>,
    /// What is under embargo.
    pub sealed: Vec<SealedView>,
    /// Of what under embargo nobody here can say what it is, by opaque names, each with the reason.
    pub unknown: Vec<(String, String)>,
}

/// A role at a moment.
#[derive(Debug, Clone)]
pub struct RoleView {
    /// Which.
    pub role: Role,
    /// Version and expiry of its metadata, if it is published.
    pub published: Option<(u64, Timestamp)>,
    /// Whether its metadata has expired.
    pub expired: bool,
    /// How many of its keys must sign.
    pub threshold: u64,
    /// Fingerprints of its keys.
    pub keys: Vec<String>,
}

/// A file in a channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TargetView {
    /// Its name.
    pub name: String,
    /// Length and SHA-256, if it is published.
    pub published: Option<(u64, String)>,
    /// Whether it will be there after the next publication.
    pub stays: bool,
}

/// A bundle under embargo.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealedView {
    /// The name that the world sees.
    pub opaque: String,
    /// Its name.
    pub name: String,
    /// The disclosure time.
    pub until: Timestamp,
    /// Whether that has come.
    pub due: bool,
    /// To how many it is encrypted.
    pub recipients: usize,
    /// Whether the next publication contains it; what was taken out stays secret all the same.
    pub in_content: bool,
}

/// Looks at a channel.
///
/// # Errors
/// There is none in the directory, or it is damaged.
pub fn show(place: &Place, now: Timestamp) -> Result<Overview, ChannelError> {
    let settings = place.settings()?;
    let published = Published::read(place)?;
    let waiting = rotate::read_pending(place, published.root.as_ref())?;
    let root = published.root.as_ref().or(waiting.as_ref()).map(|document| &document.signed.signed);
    let pending = waiting.as_ref().map(|waiting| {
        let mut sets = vec![keys_of(&waiting.signed.signed, Role::Root)?];
        let old = published.root.as_ref();
        sets.extend(old.map(|old| keys_of(&old.signed.signed, Role::Root)).transpose()?);
        Ok::<_, ChannelError>(rotate::state(&waiting.signed, &sets))
    });
    let view = |role: Role| {
        let keys = match (role, root) {
            (Role::Patches, _) => settings.patches.clone(),
            (role, Some(root)) => keys_of(root, role)?,
            (_, None) => Keys { keys: Vec::new(), threshold: 0 },
        };
        let metadata = version_and_expiry(&published, role);
        Ok(RoleView {
            role,
            published: metadata,
            expired: metadata.is_some_and(|(_, expires)| expires <= now),
            threshold: keys.threshold,
            keys: keys.keys.iter().map(PublicKey::fingerprint).collect(),
        })
    };
    let sealed = sealed::records(place)?.into_iter().map(|(entry, record)| SealedView {
        opaque: entry.opaque,
        in_content: entry.in_content,
        due: record.until <= now,
        until: record.until,
        recipients: record.recipients.len(),
        name: record.name,
    });
    Ok(Overview {
        roles: Role::ALL.into_iter().map(view).collect::<Result<_, ChannelError>>()?,
        pending: pending.transpose()?,
        targets: targets(place, &published)?,
        sealed: sealed.collect(),
        unknown: sealed::all_unknown(place)?,
    })
}

/// Looks at a root file that somebody is about to trust: whose keys it names, and whether enough of its own have signed it.
/// [`Overview::pending`] is there only if they have not.
///
/// # Errors
/// It is no root of a channel, or has a signature that is none.
pub fn show_root(file: &[u8], now: Timestamp) -> Result<Overview, ChannelError> {
    let help = "give the file N.root.json of a channel";
    let document = Document::<Root>::parse(file.to_vec(), "the root", help)?;
    let root = &document.signed.signed;
    let published = Some((root.version.get(), root.expires));
    let of_root = [Role::Root, Role::Targets, Role::Snapshot, Role::Timestamp];
    let roles = of_root.into_iter().map(|role| {
        let keys = keys_of(root, role)?;
        let is_root = role == Role::Root;
        Ok(RoleView {
            role,
            published: published.filter(|_| is_root),
            expired: is_root && root.expires <= now,
            threshold: keys.threshold,
            keys: keys.keys.iter().map(PublicKey::fingerprint).collect(),
        })
    });
    let roles = roles.collect::<Result<_, ChannelError>>()?;
    let signed = rotate::state(&document.signed, &[keys_of(root, Role::Root)?]);
    if signed.is_complete() {
        root.verify_role(&document.signed).map_err(Refusal::other)?;
    }
    let pending = Some(signed).filter(|state| !state.is_complete());
    Ok(Overview { roles, pending, targets: Vec::new(), sealed: Vec::new(), unknown: Vec::new() })
}

fn version_and_expiry(published: &Published, role: Role) -> Option<(u64, Timestamp)> {
    let current = published.current.as_ref();
    match role {
        Role::Root => published.root.as_ref().map(|root| {
            let root = &root.signed.signed;
            (root.version.get(), root.expires)
        }),
        Role::Targets => current.map(|current| {
            let targets = &current.targets.signed.signed;
            (targets.version.get(), targets.expires)
        }),
        Role::Patches => current.map(|current| {
            let patches = &current.patches.signed.signed;
            (patches.version.get(), patches.expires)
        }),
        Role::Snapshot => current.map(|current| {
            let snapshot = &current.snapshot.signed.signed;
            (snapshot.version.get(), snapshot.expires)
        }),
        Role::Timestamp => current.map(|current| {
            let timestamp = &current.timestamp.signed.signed;
            (timestamp.version.get(), timestamp.expires)
        }),
    }
}

fn targets(place: &Place, published: &Published) -> Result<Vec<TargetView>, ChannelError> {
    let mut views: BTreeMap<String, TargetView> = BTreeMap::new();
    let lists = published.current.iter().flat_map(|current| [&current.targets, &current.patches]);
    for (name, target) in lists.flat_map(|list| &list.signed.signed.targets) {
        let published = Some((target.length, sha256(target)));
        let name = name.raw().to_owned();
        views.insert(name.clone(), TargetView { name, published, stays: false });
    }
    for name in add::content_names(place)? {
        let view = views.entry(name.clone()).or_insert(TargetView { name, published: None, stays: false });
        view.stays = true;
    }
    Ok(views.into_values().collect())
}
