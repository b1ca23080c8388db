//! Taking something out of a channel again. It is gone with the next publication, and not before: what is public stays so
//! until then, and whoever has fetched it has it.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::limits::FILE_LEN_MAX;
use crate::name::{Kind, STATEMENTS};
use crate::published::Published;
use crate::refusals::Court;
use crate::sealed::{self, Entry, State};
use crate::{ChannelError, Place, add, metadata, place};

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

/// An embargo that holds though its bundle is not in the channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// The name that the world saw.
    pub opaque: String,
    /// The disclosure time.
    pub until: Timestamp,
}

/// What was taken out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Taken {
    /// The files.
    pub files: Vec<Removed>,
    /// What stays secret all the same.
    pub held: Vec<Held>,
    /// Opaque names of embargoes that ended.
    pub ended: Vec<String>,
}

/// Takes a bundle with its statements out of the channel. `name` is its own or the one in the channel, which may be an opaque one.
///
/// Refusals of it are remembered: if it is put in again it has to have them. Its embargo holds until its time, or ends now if
/// `early` is given.
///
/// # Errors
/// There is no such bundle; nobody can say when its embargo ends, and `early` is not given; or the directory can't be written.
pub fn remove(place: &Place, name: &str, early: bool) -> Result<Taken, ChannelError> {
    let _lock = place.lock()?;
    let public = Published::read(place)?.files();
    let mut taken = Taken::default();
    let own = name.strip_prefix("bundle.").filter(|_| !exists(place, &format!("bundle.{name}")));
    let own = own.unwrap_or(name);
    refuse_statements(place, own)?;
    let opaque = name.strip_prefix("sealed.").unwrap_or(name);
    let entries = sealed::entries(place)?.into_iter();
    let is_meant = |entry: &Entry| match &entry.record {
        Ok(record) if record.state == State::Replaced && !entry.in_content => false,
        Ok(record) => entry.opaque == opaque || record.name == own,
        Err(_) => entry.opaque == opaque,
    };
    let meant: Vec<Entry> = entries.filter(is_meant).collect();
    refuse_unknown(&meant, early)?;
    if let Ok(kind @ Kind::Bundle(_)) = Kind::parse(&format!("bundle.{own}")) {
        let files = [kind.target(), format!("{}{STATEMENTS}", kind.target())];
        remember(place, own, &files)?;
        for file in files {
            taken.files.extend(take_out(place, &public, file)?);
        }
    }
    for entry in meant {
        let target = Kind::Sealed(entry.opaque.clone()).target();
        taken.files.extend(take_out(place, &public, target)?);
        match entry.record {
            Ok(record) if early => sealed::end(place, &entry.opaque, &record)?,
            Ok(record) if record.holds() => {
                taken.held.push(Held { opaque: entry.opaque, until: record.until });
                continue;
            }
            Ok(_) => continue,
            Err(_) => sealed::forget(place, &entry.opaque)?,
        }
        taken.ended.push(entry.opaque);
    }
    if taken.files.is_empty() && taken.ended.is_empty() {
        return Err(nothing(name, &taken.held));
    }
    Ok(taken)
}

/// Statements go with their bundle: without it they would be of nothing, and it without them not what policy agreed to.
fn refuse_statements(place: &Place, name: &str) -> Result<(), ChannelError> {
    match name.strip_suffix(STATEMENTS) {
        Some(bundle) if exists(place, &format!("bundle.{bundle}")) => Err(ChannelError::input(
            format!("`{}`", name.escape_debug()),
            format!("it is the statements about `{bundle}`, which go with it"),
            "name the bundle; other statements about it are put in with `suture channel add`",
        )),
        _ => Ok(()),
    }
}

/// The embargo of what nobody can read ends with a reason alone.
fn refuse_unknown(meant: &[Entry], early: bool) -> Result<(), ChannelError> {
    let unknown = meant.iter().filter_map(|entry| Some((entry.opaque.clone(), entry.record.clone().err()?)));
    let unknown: Vec<(String, String)> = unknown.collect();
    if early || unknown.is_empty() { Ok(()) } else { Err(sealed::unknown(&unknown)) }
}

fn nothing(name: &str, held: &[Held]) -> ChannelError {
    let what = format!("`{}`", name.escape_debug());
    if let Some(until) = held.iter().map(|embargo| embargo.until).max() {
        let why = format!("it is not in the channel any more, and its embargo holds until {until}");
        ChannelError::input(what, why, "say --early to end that, if it has become known")
    } else {
        let why = "no bundle of that name is in the channel";
        ChannelError::input(what, why, "`suture channel show` lists what is")
    }
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
        (Some(bundle), Some(statements)) => Court::open(place)?.remember(name, &bundle, &statements),
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
