//! Changing keys. A new root is made and signed here, by the old threshold and the new one (TUF 6.1), by several people one after
//! the other if need be, on a machine that need not be the one that publishes. It goes out with the next publication,
//! which signs everything anew with the new keys.

use std::collections::BTreeMap;

use jiff::Timestamp;
use tough::schema::{Root, Signature, Signed};

use crate::limits::ROOT_LEN_MAX;
use crate::metadata::{self, Document, keys_of};
use crate::published::Published;
use crate::{ChannelError, Keys, Place, PublicKey, Role, RoleSigner, identity, place};

/// Keys that roles get instead of those they have.
#[derive(Debug, Clone, Default)]
pub struct Rotation {
    /// New keys, by role; roles that are not named keep theirs.
    pub keys: BTreeMap<Role, Keys>,
    /// Make a new root even if no key changes: its expiry is renewed.
    pub renew: bool,
}

/// How far a root is that waits for being published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RootState {
    /// Its version; 0 if no root is waiting, since only the patch team's keys were changed.
    pub version: u64,
    /// How many signatures are missing, and the fingerprints of those who could give them: of its own keys, and of the root before it.
    pub missing: Vec<(u64, Vec<String>)>,
}

impl RootState {
    /// Whether it has all its signatures.
    pub fn is_complete(&self) -> bool {
        self.missing.iter().all(|(missing, _)| *missing == 0)
    }
}

/// Makes a new root with other keys, or adds signatures to the one that waits.
///
/// Keys of the patch team are not in root: they change in the settings, and targets delegates to them with the next
/// publication.
///
/// # Errors
/// There is nothing to change and nothing to sign, or the directory can't be read or written.
pub fn rotate(
    place: &Place,
    rotation: &Rotation,
    signers: &[&dyn RoleSigner],
    now: Timestamp,
) -> Result<RootState, ChannelError> {
    let _lock = place.lock()?;
    let settings = place.settings()?;
    if let Some(patches) = rotation.keys.get(&Role::Patches) {
        place.write_settings(settings.expires, patches.clone())?;
    }
    let published = Published::read(place)?.root;
    let pending = read_pending(place, published.as_ref())?;
    let old = published.as_ref().map(|document| &document.signed.signed);
    let changes = rotation.renew || rotation.keys.keys().any(|role| *role != Role::Patches);
    match pending {
        Some(pending) if !changes => {
            let Signed { signed, signatures } = pending.signed;
            put_pending(place, signed, signatures, old, signers)
        }
        None if !changes && rotation.keys.contains_key(&Role::Patches) => {
            Ok(RootState { version: 0, missing: Vec::new() })
        }
        None if !changes => {
            let why = "no key is to be changed, and no root waits for signatures";
            Err(ChannelError::input("the rotation", why, "name new keys, or say --renew"))
        }
        pending => {
            let base = pending.as_ref().map(|document| &document.signed.signed).or(old);
            let base = base.ok_or_else(|| no_root(place))?;
            let channel = old.map(|old| identity::of_place(place, old)).transpose()?;
            let root = changed(base, old, rotation, settings.expires.root.after(now)?, channel.as_deref())?;
            put_pending(place, root, Vec::new(), old, signers)
        }
    }
}

/// The root that waits; one that is published already is left from a publication that was cut short.
pub(crate) fn read_pending(
    place: &Place,
    published: Option<&Document<Root>>,
) -> Result<Option<Document<Root>>, ChannelError> {
    let pending: Option<Document<Root>> = Document::read(&place.pending_root(), ROOT_LEN_MAX)?;
    let newest = published.map_or(0, |root| root.signed.signed.version.get());
    Ok(pending.filter(|root| root.signed.signed.version.get() > newest))
}

/// Writes a root that waits, with the signatures that it has and those that the signers give.
pub(crate) fn put_pending(
    place: &Place,
    root: Root,
    mut signatures: Vec<Signature>,
    old: Option<&Root>,
    signers: &[&dyn RoleSigner],
) -> Result<RootState, ChannelError> {
    let mut sets = vec![keys_of(&root, Role::Root)?];
    sets.extend(old.map(|old| keys_of(old, Role::Root)).transpose()?);
    let may: Vec<&PublicKey> = sets.iter().flat_map(|keys| &keys.keys).collect();
    let made = metadata::signatures(&root, &may, signers)?;
    signatures.retain(|old| made.iter().all(|new| new.keyid != old.keyid));
    signatures.extend(made);
    let document = Document::new(Signed { signed: root, signatures })?;
    place::replace(&place.pending_root(), &document.bytes)?;
    Ok(state(&document.signed, &sets))
}

/// How far a root is.
pub(crate) fn state(root: &Signed<Root>, sets: &[Keys]) -> RootState {
    let has = |key: &PublicKey| root.signatures.iter().any(|signature| signature.keyid == key.id());
    let missing = |keys: &Keys| {
        let (with, without): (Vec<_>, Vec<_>) = keys.keys.iter().partition(|key| has(key));
        let missing = keys.threshold.saturating_sub(with.len() as u64);
        (missing, without.into_iter().map(PublicKey::fingerprint).collect())
    };
    RootState { version: root.signed.version.get(), missing: sets.iter().map(missing).collect() }
}

fn changed(
    base: &Root,
    old: Option<&Root>,
    rotation: &Rotation,
    expires: Timestamp,
    channel: Option<&str>,
) -> Result<Root, ChannelError> {
    let keys = |role: Role| match rotation.keys.get(&role) {
        Some(keys) => Keys::new(role, keys.keys.clone(), keys.threshold),
        None => keys_of(base, role),
    };
    let all = Role::TOP.map(|role| Ok((role, keys(role)?)));
    let all = all.into_iter().collect::<Result<Vec<_>, ChannelError>>()?;
    let named: Vec<(Role, &Keys)> = all.iter().map(|(role, keys)| (*role, keys)).collect();
    let version = old.map_or(base.version, |old| old.version.saturating_add(1));
    metadata::root(version, expires, &named, channel)
}

fn no_root(place: &Place) -> ChannelError {
    let what = format!("`{}`", place.pending_root().display());
    ChannelError::input(what, "there is no root, neither published nor waiting", "restore it from a copy")
}
