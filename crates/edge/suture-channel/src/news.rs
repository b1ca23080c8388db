//! What a publication is about to tell the world, for those who have to agree before it does.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use suture_trust::TrustRoot;

use crate::name::{Kind, STATEMENTS};
use crate::published::Published;
use crate::sealed::{self, Entry, Sealed, State};
use crate::{ChannelError, Place, metadata, refusals};

/// What becomes public with a publication, and what must not.
#[derive(Debug)]
pub struct News<'a> {
    place: &'a Place,
    /// Names in the channel that are new or have new content.
    pub names: &'a [String],
    /// What is signed already, by SHA-256: nothing else is shown to those who have to agree.
    signed: &'a BTreeMap<String, String>,
    /// Opaque names of embargoes of which it was said that they are over.
    over: RefCell<BTreeSet<String>>,
}

/// A bundle under embargo of which nobody here can say what it is, or until when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unknown(Vec<(String, String)>);

impl Unknown {
    /// What is wrong.
    pub fn error(&self) -> ChannelError {
        sealed::unknown(&self.0)
    }
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
    /// The disclosure time, if it is under embargo; none of an embargo that was ended.
    pub embargo_until: Option<Timestamp>,
    /// The latest disclosure time that was declared for these bytes and has not been ended, though they are here in the clear.
    pub declared_until: Option<Timestamp>,
    /// Whether these bytes are public already, or, under embargo, with all who will have them: only statements are new.
    pub is_public: bool,
}

impl<'a> News<'a> {
    pub(crate) fn of(place: &'a Place, names: &'a [String], signed: &'a BTreeMap<String, String>) -> Self {
        Self { place, names, signed, over: RefCell::default() }
    }

    /// What is under embargo, in the channel or not any more, and of which nobody here can say what it is: nobody can agree to it,
    /// and nobody can say whether anything else gives it away.
    ///
    /// # Errors
    /// The directory can't be read.
    pub fn unknown(&self) -> Result<Option<Unknown>, ChannelError> {
        let unknown = sealed::all_unknown(self.place)?;
        Ok((!unknown.is_empty()).then_some(Unknown(unknown)))
    }

    /// The trust root that nodes have, by the policy that is public; none if there is none that can be read.
    ///
    /// # Errors
    /// It can't be read from disk.
    pub fn public_root(&self) -> Result<Option<TrustRoot>, ChannelError> {
        refusals::public_root(self.place, &Published::read(self.place)?.files())
    }

    /// Says that a bundle is secret no more: what is known of it is kept no longer than it is in the channel.
    pub fn is_over(&self, sealed: &Bundle) {
        if let Ok(Kind::Sealed(opaque)) = Kind::parse(&sealed.target) {
            self.over.borrow_mut().insert(opaque);
        }
    }

    pub(crate) fn over(&self) -> BTreeSet<String> {
        self.over.borrow().clone()
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
        let known = sealed::records(self.place)?;
        Ok(kinds.into_iter().filter_map(move |kind| match kind {
            Kind::Bundle(name) => Some(self.clear(name, &known)),
            Kind::Sealed(opaque) => Some(match known.iter().find(|(entry, _)| entry.opaque == opaque) {
                Some((_, record)) => self.sealed(&opaque, record),
                None => Err(sealed::unknown(&[(opaque, "its record is not in `embargo`".to_owned())])),
            }),
            Kind::Policy(_) => None,
        }))
    }

    /// All bundles that were put in under embargo and of which nobody has said yet that they are secret no more
    /// ([`News::is_over`]), one at a time, whether they are in the channel or not. Those that nobody can read are not among
    /// them: see [`News::unknown`].
    ///
    /// # Errors
    /// Of an item: its files can't be read.
    pub fn embargoes(&self) -> Result<impl Iterator<Item = Result<Bundle, ChannelError>>, ChannelError> {
        let mut known = sealed::records(self.place)?;
        known.retain(|(entry, record)| {
            record.state != State::Replaced && record.files(self.place, &entry.opaque).is_ok()
        });
        Ok(known.into_iter().map(|(entry, record)| self.sealed(&entry.opaque, &record)))
    }

    fn clear(&self, name: String, known: &[(Entry, Sealed)]) -> Result<Bundle, ChannelError> {
        let target = Kind::Bundle(name.clone()).target();
        let content = self.content(&target)?;
        let statements = self.read(&format!("{target}{STATEMENTS}"))?;
        let is_public = !self.names.contains(&target);
        let digest = sealed::sha256(&content);
        let same = known.iter().map(|(_, record)| record);
        let same = same.filter(|record| record.holds() && record.bundle_sha256() == digest);
        let declared_until = same.map(|record| record.until).max();
        Ok(Bundle { target, name, content, statements, embargo_until: None, declared_until, is_public })
    }

    fn sealed(&self, opaque: &str, record: &Sealed) -> Result<Bundle, ChannelError> {
        let (content, statements) = record.read(self.place, opaque)?;
        let is_public = self.has_been_given(record)?;
        Ok(Bundle {
            target: Kind::Sealed(opaque.to_owned()).target(),
            name: record.name.clone(),
            content,
            statements,
            embargo_until: record.holds().then_some(record.until),
            declared_until: None,
            is_public,
        })
    }

    /// Whether everybody who will be able to open a bundle under embargo can do so already.
    fn has_been_given(&self, record: &Sealed) -> Result<bool, ChannelError> {
        let public = Published::read(self.place)?.files();
        let known = sealed::entries(self.place)?.into_iter();
        let known = known.filter_map(|entry| Some((entry.opaque, entry.record.ok()?)));
        let mut given =
            known.filter(|(opaque, _)| public.contains_key(&Kind::Sealed(opaque.clone()).target()));
        Ok(given.any(|(_, known)| {
            record.recipients.iter().all(|recipient| known.recipients.contains(recipient))
                && known.bundle_sha256() == record.bundle_sha256()
        }))
    }
}

/// The bundle that a file of the channel is about.
fn bundle_of(name: &str) -> Option<Kind> {
    match Kind::parse(name).ok()? {
        Kind::Bundle(name) => Some(Kind::Bundle(name.strip_suffix(STATEMENTS).unwrap_or(&name).to_owned())),
        Kind::Sealed(opaque) => Some(Kind::Sealed(opaque)),
        Kind::Policy(_) => None,
    }
}
