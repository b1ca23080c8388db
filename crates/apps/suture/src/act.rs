//! What a command does, as the audit log will tell it.
//!
//! ```text
//! arguments ─► which ─► Act ◄── subjects, key, details: the command, while it works
//!                        └────► recorded: the log before anything is done, what is known whenever more is, the outcome after it
//! ```
//!
//! A command never opens the log. It is given an [`Act`] and says on it what it acts on as soon as it knows; how it has
//! ended follows from how it ends. What may be said is told in docs/formats/audit-log.md: digests, names that
//! the public sees, and fingerprints; never a path, a title, or anything else that people have written.

mod recorded;
mod which;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use suture_bundle::Digest;
use suture_log::{Draft, Outcome, Subject, Value};

use crate::audit::actor;

pub(crate) use recorded::recorded;

/// The code of an act that somebody has ended.
pub(crate) const INTERRUPTED: &str = "interrupted";

/// Subjects of one entry; an act on more of them has several.
const SUBJECTS_MAX: usize = 128;
/// Longest name of a subject, in bytes.
const NAME_BYTES_MAX: usize = 256;

/// An act that is going on. Of one that is not recorded nothing is kept.
pub(crate) struct Act {
    said: Mutex<Said>,
    book: Mutex<recorded::Book>,
}

#[derive(Default)]
struct Said {
    name: String,
    keys: Vec<String>,
    subjects: Vec<Subject>,
    detail: BTreeMap<String, Value>,
    code: Option<&'static str>,
    each: Vec<Draft>,
}

impl Act {
    fn new(name: &str, book: recorded::Book) -> Arc<Self> {
        let said = Said { name: name.to_owned(), ..Said::default() };
        Arc::new(Self { said: Mutex::new(said), book: Mutex::new(book) })
    }

    /// Names the act more closely than the arguments could.
    pub(crate) fn is_called(&self, name: String) {
        self.said().name = name;
        self.note();
    }

    /// The key with this fingerprint signs.
    pub(crate) fn by(&self, key: &str) {
        let mut said = self.said();
        if said.keys.iter().all(|known| known != key) {
            said.keys.push(key.to_owned());
        }
        drop(said);
        self.note();
    }

    /// It is done on this. It is said before it is done, so that it is known if the program is killed.
    pub(crate) fn on(&self, subject: Subject) {
        self.on_each([subject]);
    }

    /// It is done on each of these.
    pub(crate) fn on_each(&self, subjects: impl IntoIterator<Item = Subject>) {
        let mut said = self.said();
        for subject in subjects {
            let subject = Subject { id: subject.id.as_deref().map(shown), ..subject };
            if !said.subjects.contains(&subject) {
                said.subjects.push(subject);
            }
        }
        drop(said);
        self.note();
    }

    /// The subject of this kind is so now. What it was is told as `before`.
    pub(crate) fn became(&self, subject: Subject) {
        let mut said = self.said();
        let old = said.subjects.iter().position(|known| known.kind == subject.kind);
        let old = old.map(|at| said.subjects.remove(at));
        let before = old.and_then(|old| old.digest).filter(|digest| subject.digest.as_ref() != Some(digest));
        said.detail.extend(before.map(|digest| ("before".to_owned(), Value::Text(digest))));
        drop(said);
        self.on(subject);
    }

    /// Tells a number.
    pub(crate) fn count(&self, name: &str, number: usize) {
        // Nothing that is counted here comes near what an entry can't hold.
        self.tell(name, Value::Number(u32::try_from(number).unwrap_or(u32::MAX).into()));
    }

    /// Tells whether something is so.
    pub(crate) fn flag(&self, name: &str, flag: bool) {
        self.tell(name, Value::Flag(flag));
    }

    /// Tells one of several words.
    pub(crate) fn word(&self, name: &str, word: &str) {
        self.tell(name, Value::Text(word.to_owned()));
    }

    /// Says which of several ways it ends in, where no failure does.
    pub(crate) fn ends(&self, code: &'static str) {
        self.said().code = Some(code);
    }

    /// Is told by entries of its own, one for each thing that was acted on.
    pub(crate) fn told_by(&self, entries: Vec<Draft>) {
        self.said().each = entries;
    }

    fn tell(&self, name: &str, value: Value) {
        self.said().detail.insert(name.to_owned(), value);
        self.note();
    }

    fn said(&self) -> MutexGuard<'_, Said> {
        self.said.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The code that was said.
    fn code(&self) -> Option<&'static str> {
        self.said().code
    }

    /// The entries that tell it.
    fn entries(&self, outcome: &Outcome) -> Vec<Draft> {
        let said = self.said();
        if !said.each.is_empty() {
            return said.each.clone();
        }
        let mut subjects = said.subjects.clone();
        if said.keys.len() > 1 {
            subjects.extend(said.keys.iter().map(|key| Subject::id("key", key)));
        }
        let mut actor = actor();
        actor.key = said.keys.first().cloned();
        let entry = |subjects: &[Subject]| Draft {
            act: said.name.clone(),
            actor: actor.clone(),
            subjects: subjects.to_vec(),
            outcome: outcome.clone(),
            detail: said.detail.clone(),
        };
        if subjects.is_empty() {
            vec![entry(&[])]
        } else {
            subjects.chunks(SUBJECTS_MAX).map(entry).collect()
        }
    }
}

/// Something that is known by its content.
pub(crate) fn content(kind: &str, bytes: &[u8]) -> Subject {
    Subject::digest(kind, &Digest::of(bytes).to_string())
}

/// A name as an entry can have it.
fn shown(name: &str) -> String {
    let shown: String = name.chars().filter(|c| !c.is_control()).collect();
    let end = (0..=NAME_BYTES_MAX.min(shown.len())).rev().find(|end| shown.is_char_boundary(*end));
    match &shown[..end.unwrap_or(0)] {
        "" => "?".to_owned(),
        shown => shown.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn act() -> Arc<Act> {
        Act::new("test.act", recorded::Book::Closed)
    }

    #[test]
    fn what_does_not_fit_into_one_entry_is_told_by_several() {
        let act = act();
        for number in 0..300 {
            act.on(Subject::id("target", format!("{number}-{}\n", "é".repeat(400))));
        }
        act.by("SHA256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa");
        let entries = act.entries(&Outcome::done());
        assert_eq!(entries.iter().map(|entry| entry.subjects.len()).collect::<Vec<_>>(), [128, 128, 44]);
        for entry in entries {
            let when = suture_log::Time::from_unix_ms(0).unwrap();
            assert!(entry.at(when).encode().is_ok());
        }
    }

    #[test]
    fn what_became_of_a_thing_is_told_with_what_it_was() {
        let act = act();
        act.on(content("case", b"old"));
        act.became(content("case", b"new"));
        let entry = act.entries(&Outcome::done()).remove(0);
        assert_eq!(entry.subjects, [content("case", b"new")]);
        assert_eq!(entry.detail["before"], Value::Text(content("case", b"old").digest.unwrap()));
    }

    #[test]
    fn several_keys_are_all_told() {
        let act = act();
        act.by("SHA256:one");
        act.by("SHA256:two");
        act.by("SHA256:one");
        let entry = act.entries(&Outcome::done()).remove(0);
        assert_eq!(entry.actor.key.as_deref(), Some("SHA256:one"));
        assert_eq!(entry.subjects, [Subject::id("key", "SHA256:one"), Subject::id("key", "SHA256:two")]);
    }
}
