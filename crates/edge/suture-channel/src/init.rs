//! Founding a channel: the ceremony in which the first root is signed. Nothing is public yet.

use std::collections::BTreeMap;
use std::num::NonZeroU64;

use jiff::Timestamp;

use crate::rotate::{self, RootState};
use crate::{ChannelError, Keys, Lifetimes, Place, Role, RoleSigner, metadata};

/// What a channel begins with.
#[derive(Debug, Clone)]
pub struct Founding {
    /// How long metadata is good for.
    pub lifetimes: Lifetimes,
    /// The keys of all roles.
    pub keys: BTreeMap<Role, Keys>,
}

/// Makes a channel in a directory, with a root that waits for being published.
///
/// Root is signed by those of `signers` whose keys are its own; if they are fewer than its threshold, the others sign with
/// [`crate::rotate()`].
///
/// # Errors
/// There is a channel already, a role has no keys, or the directory can't be written.
pub fn init(
    place: &Place,
    founding: &Founding,
    signers: &[&dyn RoleSigner],
    now: Timestamp,
) -> Result<RootState, ChannelError> {
    let keys = |role: Role| {
        let keys = founding.keys.get(&role);
        let keys = keys.cloned().unwrap_or(Keys { keys: Vec::new(), threshold: 1 });
        Keys::new(role, keys.keys, keys.threshold)
    };
    let top = Role::TOP.map(|role| Ok((role, keys(role)?)));
    let top = top.into_iter().collect::<Result<Vec<_>, ChannelError>>()?;
    let patches = keys(Role::Patches)?;
    let named: Vec<(Role, &Keys)> = top.iter().map(|(role, keys)| (*role, keys)).collect();
    let root = metadata::root(NonZeroU64::MIN, founding.lifetimes.root.after(now)?, &named, None)?;
    let _lock = place.create()?;
    let state = rotate::put_pending(place, root, Vec::new(), None, signers)?;
    // Last: with the settings it is a channel.
    place.write_settings(founding.lifetimes, patches)?;
    Ok(state)
}
