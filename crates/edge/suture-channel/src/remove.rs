//! Taking something out of a channel again. It is gone with the next publication, and not before: what is public stays so
//! until then, and whoever has fetched it has it.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::limits::FILE_LEN_MAX;
use crate::name::{Kind, STATEMENTS};
use crate::policy::{Files, kept};
use crate::published::Published;
use crate::refusals::Court;
use crate::sealed::{self, Entry, State};
use crate::{ChannelError, Place, metadata, place};

/// A file that was taken out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Removed {
    /// Its name in the channel.
    pub name: String,
    /// The SHA-256 of what was there, in hexadecimal digits; `None` if it was no file.
    pub sha256: Option<String>,
    /// Whether the channel shows a file of that name until the next publication.
    pub is_public: bool,
    /// Whether what was there is served although the channel does not show it: it was public once.
    pub is_served: bool,
}

impl Removed {
    fn new(place: &Place, public: &BTreeMap<String, String>, name: String, sha256: Option<String>) -> Self {
        let is_public = public.contains_key(&name);
        let served = sha256.as_ref().filter(|sha256| public.get(&name) != Some(sha256));
        let served = served.map(|sha256| place.targets().join(format!("{sha256}.{name}")));
        Self { is_served: served.is_some_and(|path| path.exists()), name, sha256, is_public }
    }
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

/// Takes a trust policy that is not public out again, and puts the public one, if there is one, in its place, as a whole. What
/// nodes have is not taken from them.
///
/// # Errors
/// No policy waits, the public one can't be had, or the directory can't be written; nothing is changed then.
pub fn remove_policy(place: &Place) -> Result<Vec<Removed>, ChannelError> {
    let _lock = place.lock()?;
    let public = Published::read(place)?.files();
    let restored = public_policy(place, &public)?;
    let strays = kept::strays(place)?;
    // One that is damaged is not what is public, whatever it was.
    let kept = kept::read(place);
    if strays.is_empty() && kept.as_ref().is_ok_and(|kept| *kept == restored) {
        let why = "no trust policy waits in it to be published";
        let help = "one that is public is replaced by another: `suture channel add --policy`";
        return Err(ChannelError::input("the channel", why, help));
    }
    let sha256 = |content: &[u8]| metadata::sha256(&metadata::target(content));
    let mut removed = BTreeMap::new();
    for name in strays {
        removed.insert(
            name.clone(),
            place::read(&place.content().join(&name), FILE_LEN_MAX)?.unwrap_or_default(),
        );
    }
    removed.extend(
        kept.unwrap_or_default().into_iter().map(|(name, content)| (Kind::Policy(name).target(), content)),
    );
    kept::replace(place, &restored)?;
    let removed = removed.into_iter().map(|(name, content)| (sha256(&content), name));
    let waited = removed.filter(|(sha256, name)| public.get(name) != Some(sha256));
    Ok(waited.map(|(sha256, name)| Removed::new(place, &public, name, Some(sha256))).collect())
}

/// The trust policy that nodes get.
fn public_policy(place: &Place, public: &BTreeMap<String, String>) -> Result<Files, ChannelError> {
    let mut files = Files::new();
    for (target, sha256) in public {
        let Ok(Kind::Policy(name)) = Kind::parse(target) else { continue };
        let path = place.targets().join(format!("{sha256}.{target}"));
        let content = place::read(&path, FILE_LEN_MAX)?.unwrap_or_default();
        if metadata::sha256(&metadata::target(&content)) != *sha256 {
            let why = "it is not what was published";
            let help = "restore it from a copy, or put another policy in with `suture channel add --policy`";
            return Err(ChannelError::input(format!("`{}`", path.display()), why, help));
        }
        files.insert(name, content);
    }
    Ok(files)
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
    Ok(Some(Removed::new(place, public, name, sha256)))
}

fn exists(place: &Place, name: &str) -> bool {
    place.content().join(name).exists()
}
