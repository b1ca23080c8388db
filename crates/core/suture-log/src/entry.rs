//! One act: who did what on what, when, and how it ended.
//!
//! An entry is JSON with one spelling (RFC 8785): keys in order, no spaces, no floats, nothing that is empty. The
//! fields below stand in the order of their names, which is the order in which they are written; what is read is
//! written again and compared, so an entry has exactly the bytes whose hash is in the tree.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use thiserror::Error;

use crate::lines::shown;
use crate::time::Time;

/// Longest entry, in bytes: what fits into an entry bundle of C2SP tlog-tiles.
pub const ENTRY_BYTES_MAX: usize = 65_535;
/// Most subjects of an act.
const SUBJECTS_MAX: usize = 256;
/// Most details.
const DETAILS_MAX: usize = 64;
/// Longest word, in bytes: an act, a kind, a code, the name of a detail.
const WORD_BYTES_MAX: usize = 64;
/// Longest name or id, in bytes.
const NAME_BYTES_MAX: usize = 1024;
/// Largest number, either way: what every reader of JSON can hold (RFC 7493).
const NUMBER_MAX: i64 = (1 << 53) - 1;

/// One act.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// What was done: words joined by points, such as `bundle.create` or `process.apply`.
    pub act: String,
    /// Who did it.
    pub actor: Actor,
    /// What else there is to say.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub detail: BTreeMap<String, Value>,
    /// How it ended.
    pub outcome: Outcome,
    /// What it was done on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub subjects: Vec<Subject>,
    /// Version of this format.
    pub v: Version,
    /// When it was done.
    pub when: Time,
}

/// Who.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Actor {
    /// Fingerprint of the key that they acted with, as OpenSSH shows it: `SHA256:…`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// Their name.
    pub name: String,
}

/// How an act ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Outcome {
    /// Which of several ways, such as `busy` or `policy`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// Whether it was done.
    pub result: OutcomeResult,
}

/// Whether an act was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OutcomeResult {
    /// It was done.
    Done,
    /// It failed.
    Failed,
    /// A rule, a policy or the target refused it.
    Refused,
}

/// What an act was done on; it has a digest or an id, or both.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Subject {
    /// `sha256:` and 64 hexadecimal digits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
    /// Its name among its kind.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// What it is, such as `bundle`, `case` or `process`.
    pub kind: String,
}

/// A detail. There are no floats: they have too many spellings.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Value {
    /// Yes or no.
    Flag(bool),
    /// A whole number between -(2^53 - 1) and 2^53 - 1.
    Number(i64),
    /// A text.
    Text(String),
}

/// Version 1 of the format.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Version;

/// Why bytes are no entry, or a value can't be one.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum EntryError {
    /// Longer than a bundle can hold.
    #[error("it has {0} bytes, more than {ENTRY_BYTES_MAX}")]
    TooLong(usize),
    /// Not JSON, or not this JSON.
    #[error("column {column}: {what}")]
    Json {
        /// Column, from 1, in bytes.
        column: usize,
        /// What is wrong.
        what: String,
    },
    /// A version that is not known here.
    #[error("it is of version {0}, and this program knows version 1")]
    Version(u64),
    /// The same entry is written in another way.
    #[error("it is not in canonical form from byte {0} on")]
    NotCanonical(usize),
    /// A field has a value that it can't have.
    #[error("`{field}`: {what}")]
    Field {
        /// Which.
        field: &'static str,
        /// What is wrong.
        what: String,
    },
}

impl Entry {
    /// Reads an entry.
    ///
    /// # Errors
    /// Why it is none.
    pub fn parse(bytes: &[u8]) -> Result<Self, EntryError> {
        if bytes.len() > ENTRY_BYTES_MAX {
            return Err(EntryError::TooLong(bytes.len()));
        }
        let entry: Self = serde_json::from_slice(bytes).map_err(|error| explain(bytes, &error))?;
        let written = entry.encode()?;
        if written != bytes {
            let same = written.iter().zip(bytes).take_while(|(a, b)| a == b).count();
            return Err(EntryError::NotCanonical(same));
        }
        Ok(entry)
    }

    /// The bytes whose hash goes into the tree.
    ///
    /// # Errors
    /// A field has a value that it can't have.
    pub fn encode(&self) -> Result<Vec<u8>, EntryError> {
        self.validate()?;
        let unwritable = |error: serde_json::Error| EntryError::Json { column: 1, what: error.to_string() };
        let bytes = serde_json::to_vec(self).map_err(unwritable)?;
        if bytes.len() > ENTRY_BYTES_MAX { Err(EntryError::TooLong(bytes.len())) } else { Ok(bytes) }
    }

    fn validate(&self) -> Result<(), EntryError> {
        words("act", &self.act, true)?;
        name("actor.name", &self.actor.name)?;
        self.actor.key.as_deref().map_or(Ok(()), fingerprint)?;
        self.outcome.code.as_deref().map_or(Ok(()), |code| words("outcome.code", code, false))?;
        at_most("subjects", self.subjects.len(), SUBJECTS_MAX)?;
        self.subjects.iter().try_for_each(Subject::validate)?;
        at_most("detail", self.detail.len(), DETAILS_MAX)?;
        self.detail.iter().try_for_each(|(key, value)| {
            words("detail", key, false)?;
            match value {
                Value::Number(number) if number.unsigned_abs() > NUMBER_MAX.unsigned_abs() => {
                    wrong("detail", format!("`{key}` is beyond 2^53, which not every reader can hold"))
                }
                _ => Ok(()),
            }
        })
    }
}

impl Subject {
    fn validate(&self) -> Result<(), EntryError> {
        words("subjects.kind", &self.kind, false)?;
        self.id.as_deref().map_or(Ok(()), |id| name("subjects.id", id))?;
        let Some(digest) = &self.digest else {
            let has_id = self.id.is_some();
            return if has_id { Ok(()) } else { wrong("subjects", "one has neither digest nor id") };
        };
        let hex = digest.strip_prefix("sha256:").unwrap_or_default();
        let is_digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        if hex.len() == 64 && hex.bytes().all(is_digit) {
            return Ok(());
        }
        wrong("subjects.digest", format!("`{}` is not `sha256:` and 64 hexadecimal digits", shown(digest)))
    }
}

/// Lower-case words, joined by points if `joined`.
fn words(field: &'static str, text: &str, joined: bool) -> Result<(), EntryError> {
    let is_word = |word: &str| {
        word.starts_with(|c: char| c.is_ascii_lowercase())
            && word
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_".contains(&byte))
    };
    let fits = text.len() <= WORD_BYTES_MAX;
    if fits && if joined { text.split('.').all(is_word) } else { is_word(text) } {
        return Ok(());
    }
    let what =
        format!("`{}` is no word of at most {WORD_BYTES_MAX} small letters, digits and hyphens", shown(text));
    wrong(field, what)
}

fn name(field: &'static str, text: &str) -> Result<(), EntryError> {
    if text.is_empty() || text.len() > NAME_BYTES_MAX || text.contains(char::is_control) {
        let what = format!(
            "`{}` is empty, longer than {NAME_BYTES_MAX} bytes, or has control characters",
            shown(text)
        );
        return wrong(field, what);
    }
    Ok(())
}

fn fingerprint(text: &str) -> Result<(), EntryError> {
    /// Characters of the base64 of a SHA-256 without its padding.
    const LEN: usize = 43;
    let encoded = text.strip_prefix("SHA256:").unwrap_or_default();
    let is_base64 = |byte: u8| byte.is_ascii_alphanumeric() || b"+/".contains(&byte);
    if encoded.len() == LEN && encoded.bytes().all(is_base64) {
        return Ok(());
    }
    wrong("actor.key", format!("`{}` is no fingerprint such as `ssh-keygen -l` shows", shown(text)))
}

fn at_most(field: &'static str, count: usize, limit: usize) -> Result<(), EntryError> {
    if count <= limit { Ok(()) } else { wrong(field, format!("there are {count}, more than {limit}")) }
}

fn wrong<T>(field: &'static str, what: impl Into<String>) -> Result<T, EntryError> {
    Err(EntryError::Field { field, what: what.into() })
}

/// An entry of another version says so; everything else is wrong where it is wrong.
fn explain(bytes: &[u8], error: &serde_json::Error) -> EntryError {
    #[derive(Deserialize)]
    struct OnlyVersion {
        v: u64,
    }
    match serde_json::from_slice(bytes) {
        Ok(OnlyVersion { v }) if v != 1 => EntryError::Version(v),
        _ => {
            let text = error.to_string();
            let what = text.rsplit_once(" at line ").map_or(text.as_str(), |(what, _)| what);
            EntryError::Json { column: error.column(), what: shown(what) }
        }
    }
}

impl Serialize for Version {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u8(1)
    }
}

impl<'de> Deserialize<'de> for Version {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match u64::deserialize(deserializer)? {
            1 => Ok(Self),
            other => Err(de::Error::custom(format_args!("version {other}"))),
        }
    }
}
