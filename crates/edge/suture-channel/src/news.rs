//! What a publication is about to tell the world, for those who have to agree before it does.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::name::{Kind, STATEMENTS};
use crate::published::Published;
use crate::{ChannelError, Place, add, metadata};

/// What becomes public with a publication, and what must not.
#[derive(Debug)]
pub struct News<'a> {
    place: &'a Place,
    /// Names in the channel that are new or have new content.
    pub names: &'a [String],
    /// What is signed already, by SHA-256: nothing else is shown to those who have to agree.
    signed: &'a BTreeMap<String, String>,
}

/// A bundle and the statements about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bundle {
    /// Its name in the channel: an opaque one if it is under embargo.
    pub target: String,
    /// Its own name.
    pub name: String,
    /// Its bytes, in the clear.
    pub content: Vec<u8>,
    /// The statements about it, if there are any.
    pub statements: Option<Vec<u8>>,
    /// The disclosure time, if it is under embargo.
    pub embargo_until: Option<Timestamp>,
    /// Whether these bytes are public already, or, under embargo, with all who will have them: only statements are new.
    pub is_public: bool,
}

impl<'a> News<'a> {
    pub(crate) fn of(place: &'a Place, names: &'a [String], signed: &'a BTreeMap<String, String>) -> Self {
        Self { place, names, signed }
    }

    /// The bytes that everybody will see under one of [`News::names`].
    ///
    /// # Errors
    /// They can't be read, or are not what is signed.
    pub fn content(&self, name: &str) -> Result<Vec<u8>, ChannelError> {
        Ok(self.read(name)?.unwrap_or_default())
    }

    /// A file that is listed; `None` if there is none of that name.
    fn read(&self, name: &str) -> Result<Option<Vec<u8>>, ChannelError> {
        let content = self.place.read_content(name)?;
        let found = content.as_ref().map(|content| metadata::sha256(&metadata::target(content)));
        if found.as_ref() != self.signed.get(name) {
            let why = "it has changed since it was signed";
            return Err(ChannelError::input(format!("`{}`", name.escape_debug()), why, "publish again"));
        }
        Ok(content)
    }

    /// The bundles of which something is new, one at a time.
    ///
    /// # Errors
    /// Of an item: its files can't be read.
    pub fn bundles(&self) -> Result<impl Iterator<Item = Result<Bundle, ChannelError>>, ChannelError> {
        let mut kinds: Vec<Kind> = self.names.iter().filter_map(|name| bundle_of(name)).collect();
        kinds.sort();
        kinds.dedup();
        let sealed = add::records(self.place)?;
        Ok(kinds.into_iter().filter_map(move |kind| match kind {
            Kind::Bundle(name) => Some(self.clear(name)),
            Kind::Sealed(opaque) => Some(match sealed.iter().find(|(name, _)| *name == opaque) {
                Some((_, record)) => self.sealed(&opaque, record),
                None => Err(unknown(&opaque)),
            }),
            Kind::Policy(_) => None,
        }))
    }

    /// All bundles that are still under embargo at the time `now`, new or not, one at a time.
    ///
    /// # Errors
    /// Of an item: its files can't be read.
    pub fn secrets(
        &self,
        now: Timestamp,
    ) -> Result<impl Iterator<Item = Result<Bundle, ChannelError>>, ChannelError> {
        let secret = add::records(self.place)?.into_iter().filter(move |(_, record)| record.until > now);
        Ok(secret.map(|(opaque, record)| self.sealed(&opaque, &record)))
    }

    fn clear(&self, name: String) -> Result<Bundle, ChannelError> {
        let target = Kind::Bundle(name.clone()).target();
        let content = self.content(&target)?;
        let statements = self.read(&format!("{target}{STATEMENTS}"))?;
        let is_public = !self.names.contains(&target);
        Ok(Bundle { target, name, content, statements, embargo_until: None, is_public })
    }

    fn sealed(&self, opaque: &str, record: &add::Sealed) -> Result<Bundle, ChannelError> {
        let (content, statements) = record.read(self.place, opaque)?;
        let is_public = self.has_been_given(&content, record)?;
        Ok(Bundle {
            target: Kind::Sealed(opaque.to_owned()).target(),
            name: record.name.clone(),
            content,
            statements,
            embargo_until: Some(record.until),
            is_public,
        })
    }

    /// Whether everybody who will be able to open a bundle under embargo can do so already.
    fn has_been_given(&self, content: &[u8], record: &add::Sealed) -> Result<bool, ChannelError> {
        let public = Published::read(self.place)?.files();
        for (opaque, known) in add::all_records(self.place)? {
            if public.contains_key(&Kind::Sealed(opaque.clone()).target())
                && record.recipients.iter().all(|recipient| known.recipients.contains(recipient))
                && known.read(self.place, &opaque)?.0 == content
            {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// Nobody can say what it is, and so nobody can agree to it.
fn unknown(opaque: &str) -> ChannelError {
    let what = format!("`{}`", Kind::Sealed(opaque.to_owned()).target());
    let help = "take it out with `suture channel remove`, or restore `embargo` from a copy";
    ChannelError::input(what, "it is in the channel, and what it holds is not known here", help)
}

/// The bundle that a file of the channel is about.
fn bundle_of(name: &str) -> Option<Kind> {
    match Kind::parse(name).ok()? {
        Kind::Bundle(name) => Some(Kind::Bundle(name.strip_suffix(STATEMENTS).unwrap_or(&name).to_owned())),
        Kind::Sealed(opaque) => Some(Kind::Sealed(opaque)),
        Kind::Policy(_) => None,
    }
}
