//! in-toto Statement v1: subjects, and what is said about them.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use thiserror::Error;

use crate::digest::Digest;
use crate::json;
use crate::kind::Kind;
use crate::predicate::{self, Predicate, PredicateError, Sha256Only};
use crate::text::{check_name, told};

/// `_type` of a statement (in-toto attestation framework, `statement.md`).
const TYPE: &str = "https://in-toto.io/Statement/v1";
/// Most things that one statement is about.
const SUBJECTS_MAX: usize = 256;

/// A statement, not yet signed or no longer in its envelope.
#[derive(Debug, Clone, PartialEq)]
pub struct Statement {
    /// What it is about. Whoever signs says it of each.
    pub subjects: Vec<Subject>,
    /// What it says.
    pub predicate: Predicate,
}

/// Something that a statement is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subject {
    /// What it is called; says nothing about what it is.
    pub name: String,
    /// What it is. Subjects are matched by this alone.
    pub digest: Digest,
}

/// Why bytes are no statement that can be used.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum StatementError {
    /// No JSON, or not of the form of a statement.
    #[error("it is no in-toto Statement v1: {0}")]
    Malformed(String),
    /// Another version of the statement or of a known predicate.
    #[error("`{found}` is a version that is not known; `{known}` is")]
    UnknownVersion {
        /// What it says it is.
        found: String,
        /// What can be read.
        known: String,
    },
    /// Something else is said.
    #[error("what a `{0}` says is not known")]
    UnknownPredicate(String),
    /// A known predicate with a field that is wrong.
    #[error("what it says ({kind}) can't be used: {why}")]
    BadPredicate {
        /// Which.
        kind: Kind,
        /// The field, and what is wrong with it.
        why: PredicateError,
    },
}

impl StatementError {
    /// Whether its layout is one that nobody here knows, so that nothing can be seen of it either.
    pub(crate) fn is_of_another_layout(&self) -> bool {
        matches!(self, Self::UnknownVersion { known, .. } if known == TYPE)
    }
}

#[derive(Deserialize)]
struct Wire {
    #[serde(rename = "_type")]
    schema: String,
    subject: Vec<WireSubject>,
    #[serde(rename = "predicateType")]
    predicate_type: String,
    #[serde(default)]
    predicate: Map<String, Value>,
}

#[derive(Deserialize)]
struct WireSubject {
    #[serde(default)]
    name: String,
    digest: BTreeMap<String, String>,
}

#[derive(Serialize)]
struct Written<'a> {
    #[serde(rename = "_type")]
    schema: &'a str,
    subject: Vec<WrittenSubject<'a>>,
    #[serde(rename = "predicateType")]
    predicate_type: String,
    predicate: Value,
}

#[derive(Serialize)]
struct WrittenSubject<'a> {
    name: &'a str,
    digest: Sha256Only,
}

impl Statement {
    /// A statement of `kind` with fields that somebody else wrote, dated `now`.
    ///
    /// # Errors
    /// [`StatementError::BadPredicate`].
    pub fn from_fields(
        subjects: Vec<Subject>,
        kind: Kind,
        mut fields: Map<String, Value>,
        now: Timestamp,
    ) -> Result<Self, StatementError> {
        predicate::date(kind, &mut fields, now);
        let predicate = Predicate::read(kind, fields);
        let predicate = predicate.map_err(|why| StatementError::BadPredicate { kind, why })?;
        Ok(Self { subjects, predicate })
    }

    /// Reads the payload of an envelope whose type is [`crate::IN_TOTO`]. Its length was limited with the envelope's.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(payload: &[u8]) -> Result<Self, StatementError> {
        let malformed = |why: String| StatementError::Malformed(why);
        let value = json::read(payload).map_err(|error| malformed(told(&error)))?;
        let wire = Wire::deserialize(value).map_err(|error| malformed(told(&error)))?;
        check_name("_type", &wire.schema).map_err(malformed)?;
        check_name("predicateType", &wire.predicate_type).map_err(malformed)?;
        if wire.schema != TYPE {
            if wire.schema.starts_with("https://in-toto.io/Statement/") {
                return Err(StatementError::UnknownVersion { found: wire.schema, known: TYPE.to_owned() });
            }
            return Err(malformed(format!("`_type` is `{}`", wire.schema)));
        }
        let subjects = subjects(wire.subject).map_err(malformed)?;
        let kind = kind(wire.predicate_type)?;
        let predicate = Predicate::read(kind, wire.predicate);
        let predicate = predicate.map_err(|why| StatementError::BadPredicate { kind, why })?;
        Ok(Self { subjects, predicate })
    }

    /// What is signed: the same bytes for the same statement.
    ///
    /// # Panics
    /// Never: names and values of a statement are all JSON.
    pub fn to_json(&self) -> Vec<u8> {
        let subject = self.subjects.iter().map(|subject| WrittenSubject {
            name: &subject.name,
            digest: Sha256Only { sha256: subject.digest },
        });
        let written = Written {
            schema: TYPE,
            subject: subject.collect(),
            predicate_type: self.predicate.kind().predicate_type(),
            predicate: self.predicate.to_value(),
        };
        serde_json::to_vec(&written).expect("a statement is JSON")
    }

    /// What kind of statement it is.
    pub fn kind(&self) -> Kind {
        self.predicate.kind()
    }

    /// Whether it is about what has this digest.
    pub fn is_about(&self, digest: Digest) -> bool {
        self.subjects.iter().any(|subject| subject.digest == digest)
    }
}

/// Digests of other algorithms name nothing here; a statement needs one SHA-256 at least.
fn subjects(wire: Vec<WireSubject>) -> Result<Vec<Subject>, String> {
    if wire.len() > SUBJECTS_MAX {
        return Err(format!("`subject` has {} entries, at most {SUBJECTS_MAX} are read", wire.len()));
    }
    let mut subjects = Vec::new();
    for subject in wire {
        check_name("subject.name", &subject.name)?;
        if let Some(digest) = subject.digest.get("sha256") {
            let digest = digest.parse().map_err(|error| format!("`subject.digest.sha256`: {error}"))?;
            subjects.push(Subject { name: subject.name, digest });
        }
    }
    if subjects.is_empty() {
        return Err("no entry of `subject` has a `digest.sha256`".to_owned());
    }
    Ok(subjects)
}

fn kind(predicate_type: String) -> Result<Kind, StatementError> {
    if let Some(kind) = Kind::of(&predicate_type) {
        return Ok(kind);
    }
    Err(match Kind::in_another_version(&predicate_type) {
        Some(kind) => StatementError::UnknownVersion { found: predicate_type, known: kind.predicate_type() },
        None => StatementError::UnknownPredicate(predicate_type),
    })
}
