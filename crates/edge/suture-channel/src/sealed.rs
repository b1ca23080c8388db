//! What is known here, and only here, of what is under embargo.
//!
//! ```text
//! embargo/HEX/record.json   name, disclosure time, recipients, digests
//! embargo/HEX/NAME          the bundle in the clear, and the statements about it beside it
//! ```
//!
//! An embargo that was declared holds until its time, whatever is in the channel: a record stays when its bundle is taken out, since it
//! says what must not become public meanwhile. It ends with `reveal` and with `remove --early`, and is forgotten with a publication
//! that finds neither it nor its case secret any more. Where a record can't be read nobody can say what it is about, and when it ends.
//!
//! Policy judges the files here, and the world gets `content/sealed.HEX`: the record has the digests of all of them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, DirBuilder};
use std::io::ErrorKind;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::limits::FILE_LEN_MAX;
use crate::name::{self, Kind, STATEMENTS};
use crate::parcel::Packed;
use crate::{ChannelError, Place, Refusal, metadata, place};

/// What is known of a bundle under embargo.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Sealed {
    schema: u32,
    /// Name of the bundle.
    pub(crate) name: String,
    /// The disclosure time.
    pub(crate) until: Timestamp,
    /// Who may know before.
    pub(crate) recipients: Vec<String>,
    /// The bundle, and the statements about it.
    pub(crate) files: Vec<SealedFile>,
    /// SHA-256 of what they were encrypted to.
    encrypted_sha256: String,
    /// What has become of the embargo.
    pub(crate) state: State,
}

/// What has become of an embargo.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum State {
    /// It holds until its time.
    Holds,
    /// It was revealed, or ended early. Its case may be under embargo all the same: the next publication sees.
    Ended,
    /// Another record is about the same bytes. What is left of this one is who has got it.
    Replaced,
}

/// A file of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SealedFile {
    pub(crate) name: String,
    sha256: String,
}

/// A bundle that is in the channel under embargo, or was.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    /// The name that the world sees.
    pub(crate) opaque: String,
    /// Whether the next publication contains it.
    pub(crate) in_content: bool,
    /// What is known of it, or why nothing is.
    pub(crate) record: Result<Sealed, String>,
}

const SCHEMA: u32 = 2;
const RECORD: &str = "record.json";
/// Longest record, in bytes: the recipients are in it.
const RECORD_LEN_MAX: u64 = 1 << 20;
/// How the directory of a record begins that is being written.
const UNFINISHED: &str = ".new-";

impl Sealed {
    /// A record of `files`, the bundle first, and of what they were encrypted to.
    pub(crate) fn of(files: &[Packed], sealed: &[u8], until: Timestamp, recipients: Vec<String>) -> Self {
        let named =
            files.iter().map(|file| SealedFile { name: file.name.clone(), sha256: sha256(&file.content) });
        Self {
            schema: SCHEMA,
            name: files.first().map(|bundle| bundle.name.clone()).unwrap_or_default(),
            until,
            recipients,
            files: named.collect(),
            encrypted_sha256: sha256(sealed),
            state: State::Holds,
        }
    }

    /// Whether it must not become public before its time.
    pub(crate) fn holds(&self) -> bool {
        self.state == State::Holds
    }

    /// SHA-256 of the bundle, in hexadecimal digits.
    pub(crate) fn bundle_sha256(&self) -> &str {
        let bundle = self.files.iter().find(|file| file.name == self.name);
        bundle.map_or("", |file| &file.sha256)
    }

    /// The bundle and the statements about it.
    pub(crate) fn read(
        &self,
        place: &Place,
        opaque: &str,
    ) -> Result<(Vec<u8>, Option<Vec<u8>>), ChannelError> {
        let mut files = self.files(place, opaque).map_err(|why| unknown(&[(opaque.to_owned(), why)]))?;
        let statements = format!("{}{STATEMENTS}", self.name);
        let mut take = |name: &str| {
            let at = files.iter().position(|file| file.name == name);
            at.map(|at| files.swap_remove(at).content)
        };
        Ok((take(&self.name).unwrap_or_default(), take(&statements)))
    }

    /// Its files, if they are what they were.
    pub(crate) fn files(&self, place: &Place, opaque: &str) -> Result<Vec<Packed>, String> {
        let directory = place.embargo().join(opaque);
        let read = |file: &SealedFile| {
            let content =
                place::read(&directory.join(&file.name), FILE_LEN_MAX).map_err(|error| error.to_string())?;
            let content = content.ok_or_else(|| format!("`{}` is gone", file.name))?;
            let is_same = sha256(&content) == file.sha256;
            let packed = Packed { name: file.name.clone(), content };
            is_same.then_some(packed).ok_or_else(|| format!("`{}` is not what was put in", file.name))
        };
        self.files.iter().map(read).collect()
    }

    /// Whether it is what it was, with what the world gets of it.
    fn check(&self, place: &Place, entry: &Entry) -> Result<(), String> {
        self.files(place, &entry.opaque)?;
        let target = Kind::Sealed(entry.opaque.clone()).target();
        let is_there = || place.content_sha256(&target).map_err(|error| error.to_string());
        if entry.in_content && is_there()?.as_deref() != Some(self.encrypted_sha256.as_str()) {
            return Err("what would be published is not what was encrypted".to_owned());
        }
        Ok(())
    }
}

/// All that is or was in the channel under embargo, by opaque names.
pub(crate) fn entries(place: &Place) -> Result<Vec<Entry>, ChannelError> {
    let listed = |directory: PathBuf| -> Result<Vec<String>, ChannelError> {
        let entries = fs::read_dir(&directory).map_err(ChannelError::at(&directory))?.flatten();
        Ok(entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect())
    };
    let target = |opaque: &str| Kind::Sealed(opaque.to_owned()).target();
    let in_content: BTreeSet<String> = listed(place.content())?.into_iter().collect();
    let sealed = in_content.iter().filter_map(|name| name.strip_prefix("sealed.").map(str::to_owned));
    let mut names: BTreeSet<String> = listed(place.embargo())?.into_iter().chain(sealed).collect();
    names.retain(|opaque| Kind::parse(&target(opaque)).is_ok());
    let entry = |opaque: String| Entry {
        in_content: in_content.contains(&target(&opaque)),
        record: read_record(&place.embargo().join(&opaque).join(RECORD)),
        opaque,
    };
    Ok(names.into_iter().map(entry).collect())
}

/// What is known of embargoes that hold or of which something is in the channel.
pub(crate) fn records(place: &Place) -> Result<Vec<(Entry, Sealed)>, ChannelError> {
    let known = entries(place)?.into_iter().filter_map(|entry| {
        let record = entry.record.clone().ok()?;
        (entry.in_content || record.state != State::Replaced).then_some((entry, record))
    });
    Ok(known.collect())
}

/// Of what nobody here can say what it is or when it ends, with the reason.
pub(crate) fn all_unknown(place: &Place) -> Result<Vec<(String, String)>, ChannelError> {
    let unknown = entries(place)?.into_iter().filter_map(|entry| {
        let why = match &entry.record {
            Ok(record) if record.state == State::Replaced && !entry.in_content => None,
            Ok(record) => record.check(place, &entry).err(),
            Err(why) => Some(why.clone()),
        };
        Some((entry.opaque, why?))
    });
    Ok(unknown.collect())
}

/// Of what is known nothing can be published, and nothing revealed.
pub(crate) fn unknown(unknown: &[(String, String)]) -> ChannelError {
    let lines =
        unknown.iter().map(|(opaque, why)| format!("{}: {why}", Kind::Sealed(opaque.clone()).target()));
    Refusal::EmbargoUnknown { lines: lines.collect::<Vec<_>>().join("\n") }.into()
}

fn read_record(path: &Path) -> Result<Sealed, String> {
    let text = place::read(path, RECORD_LEN_MAX).map_err(|error| error.to_string())?;
    let text = text.ok_or("its record is not in `embargo`")?;
    let record: Sealed =
        serde_json::from_slice(&text).map_err(|error| format!("its record can't be read: {error}"))?;
    let is_ours = record.schema == SCHEMA
        && record.files.iter().all(|file| name::check(&file.name).is_ok())
        && !record.bundle_sha256().is_empty();
    is_ours.then_some(record).ok_or_else(|| "its record is not what this program writes".to_owned())
}

/// Writes a record with its files, as a whole or not at all.
pub(crate) fn write(
    place: &Place,
    opaque: &str,
    record: &Sealed,
    files: &[Packed],
) -> Result<(), ChannelError> {
    let unfinished = place.embargo().join(format!("{UNFINISHED}{opaque}"));
    let fill = || {
        DirBuilder::new().mode(0o700).create(&unfinished).map_err(ChannelError::at(&unfinished))?;
        for file in files {
            place::replace(&unfinished.join(&file.name), &file.content)?;
        }
        write_record(&unfinished, record)?;
        let directory = place.embargo().join(opaque);
        fs::rename(&unfinished, &directory).map_err(ChannelError::at(&directory))
    };
    fill().inspect_err(|_| drop(remove_directory(&unfinished)))
}

fn write_record(directory: &Path, record: &Sealed) -> Result<(), ChannelError> {
    let path = directory.join(RECORD);
    let text = serde_json::to_vec_pretty(record)
        .map_err(|error| ChannelError::input(format!("`{}`", path.display()), error, ""))?;
    place::replace(&path, &text)
}

/// Takes what is encrypted out, as something else takes its place. Who has it is remembered as long as it is public.
pub(crate) fn replace(
    place: &Place,
    public: &BTreeMap<String, String>,
    opaque: &str,
    record: &Sealed,
) -> Result<(), ChannelError> {
    let target = Kind::Sealed(opaque.to_owned()).target();
    place::remove(&place.content().join(&target))?;
    if public.contains_key(&target) {
        let record = Sealed { state: State::Replaced, ..record.clone() };
        return write_record(&place.embargo().join(opaque), &record);
    }
    forget(place, opaque)
}

/// Ends an embargo: what is encrypted is taken out, and what was declared holds no more. What is known of it is kept until a
/// publication has seen whether its case is still secret.
pub(crate) fn end(place: &Place, opaque: &str, record: &Sealed) -> Result<(), ChannelError> {
    place::remove(&place.content().join(Kind::Sealed(opaque.to_owned()).target()))?;
    if record.files(place, opaque).is_err() {
        return forget(place, opaque);
    }
    write_record(&place.embargo().join(opaque), &Sealed { state: State::Ended, ..record.clone() })
}

/// Forgets what nobody can read.
pub(crate) fn forget(place: &Place, opaque: &str) -> Result<(), ChannelError> {
    remove_directory(&place.embargo().join(opaque))
}

/// Removes what is known of what is in the channel no more and which is secret no more: it was replaced, or is among `over`.
pub(crate) fn sweep(place: &Place, over: &BTreeSet<String>) -> Result<(), ChannelError> {
    for entry in entries(place)? {
        let is_over =
            entry.record.is_ok_and(|record| record.state == State::Replaced || over.contains(&entry.opaque));
        if is_over && !entry.in_content {
            forget(place, &entry.opaque)?;
        }
    }
    let directory = place.embargo();
    for entry in fs::read_dir(&directory).map_err(ChannelError::at(&directory))?.flatten() {
        if entry.file_name().to_string_lossy().starts_with(UNFINISHED) {
            remove_directory(&entry.path())?;
        }
    }
    Ok(())
}

fn remove_directory(directory: &Path) -> Result<(), ChannelError> {
    match fs::remove_dir_all(directory) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(ChannelError::at(directory)(error)),
        _ => Ok(()),
    }
}

/// A bundle that nodes get twice, in the clear and encrypted or encrypted twice, is one that they refuse.
pub(crate) fn check_twice(place: &Place) -> Result<(), ChannelError> {
    let mut seen = BTreeSet::new();
    for (_, record) in records(place)?.into_iter().filter(|(entry, _)| entry.in_content) {
        let clear = place.content().join(Kind::Bundle(record.name.clone()).target());
        if clear.exists() || !seen.insert(record.name.clone()) {
            return Err(Refusal::Twice { name: record.name }.into());
        }
    }
    Ok(())
}

pub(crate) fn sha256(content: &[u8]) -> String {
    metadata::sha256(&metadata::target(content))
}
