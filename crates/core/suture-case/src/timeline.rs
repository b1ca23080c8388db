//! The timeline of a case: one act in each line of JSON, each bound to the one before by its digest.
//!
//! `prev` of a line is the SHA-256 of the bytes of the line before, without its line feed; zeros in the first. So no line can be
//! changed, dropped or moved, except the last ones together, without [`Timeline::parse`] naming the place; that those
//! are still there is what the audit log is for. `case` is the digest of `case.toml` after the act, so that edits by hand show.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::error::CaseError;
use crate::names::{Person, Role};
use crate::values::{Digest, Line, Moment, Prose};

/// Longest timeline that is read, in bytes.
pub const TIMELINE_BYTES_MAX: usize = 16 << 20;
/// Most acts.
pub const ACTS_MAX: usize = 100_000;
const HELP: &str = "a timeline only grows: take the file back from version control, and don't edit it";

/// One act.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Act {
    /// Its number, from 1.
    pub n: u64,
    /// When.
    pub at: Moment,
    /// Who.
    pub by: Line,
    /// What kind of act, one word: `opened`, `classified`, …
    pub act: Line,
    /// What was done, for people.
    pub what: Prose,
    /// Roles that changed hands with it; `null` where nobody has the role any more.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub roles: BTreeMap<Role, Option<Person>>,
    /// Digest of `case.toml` after it.
    pub case: Digest,
    /// Digest of the line before.
    pub prev: Digest,
}

/// What is to be written down.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// When.
    pub at: Moment,
    /// Who.
    pub by: Line,
    /// What kind of act.
    pub act: Line,
    /// What was done.
    pub what: Prose,
    /// Roles that changed hands with it.
    pub roles: BTreeMap<Role, Option<Person>>,
    /// Digest of `case.toml` after it.
    pub case: Digest,
}

/// All acts, oldest first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Timeline {
    text: String,
    acts: Vec<Act>,
}

impl Timeline {
    /// Reads the text of a timeline and checks that each line stands on the one before.
    ///
    /// # Errors
    /// With the line: if it is not an act, was changed, comes after a line that is missing, or goes back in time.
    pub fn parse(text: &str) -> Result<Self, CaseError> {
        if text.len() > TIMELINE_BYTES_MAX {
            let what = format!("{} bytes where at most {TIMELINE_BYTES_MAX} may be", text.len());
            return Err(CaseError::in_line(1, what, HELP));
        }
        let mut acts: Vec<Act> = Vec::new();
        let mut prev = Digest::none();
        for (number, line) in (1..).zip(text.split_terminator('\n')) {
            let fault = |what: String| CaseError::in_line(number, what, HELP);
            if number > ACTS_MAX {
                return Err(fault(format!("more than {ACTS_MAX} acts")));
            }
            let act: Act = serde_json::from_str(line).map_err(|error| {
                let error = CaseError::of_json(&error, HELP);
                CaseError { line: number, ..error }
            })?;
            if act.n != number as u64 {
                return Err(fault(format!("act {} stands where act {number} should", act.n)));
            }
            if act.prev != prev {
                return Err(fault(match number {
                    1 => "the first act stands on another that is not here".to_owned(),
                    _ => format!("the line before was changed after act {number} was written"),
                }));
            }
            if acts.last().is_some_and(|before| act.at < before.at) {
                return Err(fault("the act is older than the one before".to_owned()));
            }
            prev = Digest::of(line.as_bytes());
            acts.push(act);
        }
        if !text.is_empty() && !text.ends_with('\n') {
            return Err(CaseError::in_line(acts.len(), "the last line is cut off", HELP));
        }
        Ok(Self { text: text.to_owned(), acts })
    }

    /// Adds an act. One that is said to be older than the last is written down at the time of the last: clocks go wrong,
    /// order does not.
    ///
    /// # Errors
    /// If the timeline is full.
    pub fn append(&mut self, entry: Entry) -> Result<(), CaseError> {
        let last = self.text.trim_end_matches('\n').rsplit('\n').next().filter(|line| !line.is_empty());
        let act = Act {
            n: self.acts.len() as u64 + 1,
            at: self.acts.last().map_or(entry.at, |before| before.at.max(entry.at)),
            by: entry.by,
            act: entry.act,
            what: entry.what,
            roles: entry.roles,
            case: entry.case,
            prev: last.map_or_else(Digest::none, |line| Digest::of(line.as_bytes())),
        };
        let full = |what: String| {
            CaseError::in_line(self.acts.len(), what, "begin another case and name this one in it")
        };
        let line = serde_json::to_string(&act).map_err(|error| full(error.to_string()))?;
        if self.acts.len() >= ACTS_MAX || self.text.len() + line.len() >= TIMELINE_BYTES_MAX {
            return Err(full("the timeline is full".to_owned()));
        }
        self.text += &line;
        self.text.push('\n');
        self.acts.push(act);
        Ok(())
    }

    /// The acts, oldest first.
    pub fn acts(&self) -> &[Act] {
        &self.acts
    }

    /// The text of the file.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Who had which role at a moment, acts of that moment included.
    pub fn owners_at(&self, moment: Moment) -> BTreeMap<Role, Person> {
        let mut owners = BTreeMap::new();
        for act in self.acts.iter().take_while(|act| act.at <= moment) {
            for (role, person) in &act.roles {
                match person {
                    Some(person) => drop(owners.insert(*role, person.clone())),
                    None => drop(owners.remove(role)),
                }
            }
        }
        owners
    }
}
