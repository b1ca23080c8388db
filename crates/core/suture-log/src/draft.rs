//! An entry before it has its time, which is the log's to say.

use std::collections::BTreeMap;

use crate::entry::{Actor, Entry, Outcome, OutcomeResult, Subject, Value, Version};
use crate::time::Time;

/// An act that is to be recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    /// What was done; see [`Entry::act`].
    pub act: String,
    /// Who did it.
    pub actor: Actor,
    /// What it was done on.
    pub subjects: Vec<Subject>,
    /// How it ended.
    pub outcome: Outcome,
    /// What else there is to say.
    pub detail: BTreeMap<String, Value>,
}

impl Draft {
    /// The entry that it becomes at `when`.
    pub fn at(&self, when: Time) -> Entry {
        let Self { act, actor, subjects, outcome, detail } = self.clone();
        Entry { act, actor, detail, outcome, subjects, v: Version, when }
    }
}

impl From<Entry> for Draft {
    /// What an entry tells, but for its time.
    fn from(entry: Entry) -> Self {
        let Entry { act, actor, detail, outcome, subjects, v: _, when: _ } = entry;
        Self { act, actor, subjects, outcome, detail }
    }
}

impl Subject {
    /// Something that is known by its SHA-256, in hexadecimal digits.
    pub fn digest(kind: &str, sha256_hex: &str) -> Self {
        Self { digest: Some(format!("sha256:{sha256_hex}")), id: None, kind: kind.to_owned() }
    }

    /// Something that is known by a name.
    pub fn id(kind: &str, id: impl Into<String>) -> Self {
        Self { digest: None, id: Some(id.into()), kind: kind.to_owned() }
    }
}

impl Outcome {
    /// It was done.
    pub fn done() -> Self {
        Self { code: None, result: OutcomeResult::Done }
    }

    /// It was refused, with this code.
    pub fn refused(code: &str) -> Self {
        Self { code: Some(code.to_owned()), result: OutcomeResult::Refused }
    }

    /// It failed, with this code.
    pub fn failed(code: &str) -> Self {
        Self { code: Some(code.to_owned()), result: OutcomeResult::Failed }
    }
}
