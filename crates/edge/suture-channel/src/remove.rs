//! Taking something out of a channel again. It is gone with the next publication, and not before: what is public stays so
//! until then, and whoever has fetched it has it.

use std::collections::BTreeMap;

use crate::limits::FILE_LEN_MAX;
use crate::name::{Kind, STATEMENTS};
use crate::published::Published;
use crate::{ChannelError, Place, add, metadata, place, refusals};

/// A file that was taken out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Removed {
    /// Its name in the channel.
    pub name: String,
    /// The SHA-256 of what was there, in hexadecimal digits; `None` if it was no file.
    pub sha256: Option<String>,
    /// Whether the channel shows a file of that name until the next publication.
    pub is_public: bool,
}

/// Takes a bundle with its statements out of the channel. `name` is its own or the one in the channel, which may be an opaque one.
///
/// Refusals of it are remembered: if it is put in again it has to have them.
///
/// # Errors
/// There is no such bundle, or the directory can't be written.
pub fn remove(place: &Place, name: &str) -> Result<Vec<Removed>, ChannelError> {
    let _lock = place.lock()?;
    let public = Published::read(place)?.files();
    let mut removed = Vec::new();
    let own = name.strip_prefix("bundle.").filter(|_| !exists(place, &format!("bundle.{name}")));
    let own = own.unwrap_or(name);
    if let Ok(kind @ Kind::Bundle(_)) = Kind::parse(&format!("bundle.{own}")) {
        let files = [kind.target(), format!("{}{STATEMENTS}", kind.target())];
        remember(place, own, &files)?;
        for file in files {
            removed.extend(take_out(place, &public, file)?);
        }
    }
    let opaque = name.strip_prefix("sealed.").unwrap_or(name);
    let records = add::records(place)?;
    let sealed = records.iter().filter(|(known, record)| known == opaque || record.name == own);
    let mut sealed: Vec<&str> = sealed.map(|(opaque, _)| opaque.as_str()).collect();
    // One whose record is lost can be named too.
    if sealed.is_empty() && Kind::parse(&format!("sealed.{opaque}")).is_ok() {
        sealed.push(opaque);
    }
    for opaque in sealed {
        removed.extend(take_out(place, &public, Kind::Sealed(opaque.to_owned()).target())?);
        add::forget(place, &public, opaque)?;
    }
    if removed.is_empty() {
        let help = "`suture channel show` lists what is";
        return Err(ChannelError::input(
            format!("`{}`", name.escape_debug()),
            "no bundle of that name is in the channel",
            help,
        ));
    }
    Ok(removed)
}

/// Takes a trust policy that is not public out again, and puts the public one, if there is one, in its place. What nodes
/// have is not taken from them.
///
/// # Errors
/// No policy waits, or the directory can't be written.
pub fn remove_policy(place: &Place) -> Result<Vec<Removed>, ChannelError> {
    let _lock = place.lock()?;
    let public = Published::read(place)?.files();
    let is_policy = |name: &str| matches!(Kind::parse(name), Ok(Kind::Policy(_)));
    let mut removed = Vec::new();
    for name in add::content_names(place)?.into_iter().filter(|name| is_policy(name)) {
        if place.content_sha256(&name)?.as_ref() != public.get(&name) {
            removed.extend(take_out(place, &public, name)?);
        }
    }
    let is_lost = |name: &str| is_policy(name) && !place.content().join(name).exists();
    let lost: Vec<_> = public.iter().filter(|(name, _)| is_lost(name)).collect();
    if removed.is_empty() && lost.is_empty() {
        let why = "no trust policy waits in it to be published";
        let help = "one that is public is replaced by another: `suture channel add --policy`";
        return Err(ChannelError::input("the channel", why, help));
    }
    for (name, sha256) in lost {
        restore(place, name, sha256)?;
    }
    Ok(removed)
}

/// Puts a file that is public into the content again.
fn restore(place: &Place, name: &str, sha256: &str) -> Result<(), ChannelError> {
    let path = place.targets().join(format!("{sha256}.{name}"));
    let content = place::read(&path, FILE_LEN_MAX)?.unwrap_or_default();
    if metadata::sha256(&metadata::target(&content)) != sha256 {
        let why = "it is not what was published";
        return Err(ChannelError::input(format!("`{}`", path.display()), why, "restore it from a copy"));
    }
    place::replace(&place.content().join(name), &content)
}

/// Refusals of what goes, so that they are known if it comes again.
fn remember(place: &Place, name: &str, [bundle, statements]: &[String; 2]) -> Result<(), ChannelError> {
    let read = |name: &String| place::read(&place.content().join(name), FILE_LEN_MAX);
    match (read(bundle)?, read(statements)?) {
        (Some(bundle), Some(statements)) => refusals::remember(place, name, &bundle, &statements),
        _ => Ok(()),
    }
}

fn take_out(
    place: &Place,
    public: &BTreeMap<String, String>,
    name: String,
) -> Result<Option<Removed>, ChannelError> {
    let path = place.content().join(&name);
    let Ok(found) = path.symlink_metadata() else { return Ok(None) };
    let sha256 = if found.is_file() { place.content_sha256(&name)? } else { None };
    place::remove(&path)?;
    let is_public = public.contains_key(&name);
    Ok(Some(Removed { name, sha256, is_public }))
}

fn exists(place: &Place, name: &str) -> bool {
    place.content().join(name).exists()
}
