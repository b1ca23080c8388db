//! What stands in a file of `pending/`: the lines of a note, and what they say together.
//!
//! The first line says which log and which file it is, and what is known before the act begins; it is synced before that. Each further line
//! says what has changed since the one before it, so that a note grows with what is known and not with its square. A line has its number,
//! and one that does not follow on what was read (the power was lost, the disk was full) is passed over, until one says everything.

use std::cmp::Ordering;

use serde::{Deserialize, Serialize};
use suture_log::{Draft, Entry, Subject, Time, Value};

/// Version of this format.
const VERSION: u64 = 2;

/// What was noted of an act.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Noted {
    /// When it was begun.
    pub begun: Time,
    /// When it ended; nothing if nobody has seen that.
    pub ended: Option<Time>,
    /// What is known of it, as entries.
    pub entries: Vec<Entry>,
    pub(crate) mark: Mark,
}

/// Which note it is. No two have the same `id`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Mark {
    /// Origin of the log beside which it was made.
    pub(crate) log: String,
    /// Name of its file.
    pub(crate) name: String,
    pub(crate) id: String,
}

/// What a file of `pending/` turns out to be.
pub(crate) enum Content {
    /// Its first line is not whole, so the act was not begun.
    NotBegun,
    Noted(Noted),
    /// It is no note; why not.
    Unusable(String),
}

#[derive(Serialize, Deserialize)]
struct First {
    v: u64,
    #[serde(flatten)]
    mark: Mark,
    begun: Time,
    entries: Vec<Entry>,
}

/// A line after the first.
#[derive(Serialize, Deserialize)]
struct Later {
    /// Its number, the first line being 0.
    line: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    ended: Option<Time>,
    /// Entries that there are now.
    count: usize,
    changes: Vec<Change>,
}

/// What an entry is now.
#[derive(Serialize, Deserialize)]
struct Change {
    entry: usize,
    /// How many of the subjects that it had it still has, from the first on.
    keep: usize,
    /// The entry, but for these.
    now: Entry,
}

/// The first line.
pub(crate) fn first_line(mark: &Mark, begun: Time, entries: Vec<Entry>) -> serde_json::Result<Vec<u8>> {
    serde_json::to_vec(&First { v: VERSION, mark: mark.clone(), begun, entries })
}

/// A later line: that what was `before`, if that is known, is `after` now.
pub(crate) fn later_line(
    line: u64,
    before: Option<&[Entry]>,
    after: &[Entry],
    ended: Option<Time>,
) -> serde_json::Result<Vec<u8>> {
    let before = before.unwrap_or_default();
    let change = |(entry, now): (usize, &Entry)| {
        let old = before.get(entry);
        if old == Some(now) {
            return None;
        }
        let old = old.map_or(&[][..], |old| &old.subjects);
        let keep = old.iter().zip(&now.subjects).take_while(|(old, now)| old == now).count();
        let subjects = now.subjects[keep..].to_vec();
        Some(Change { entry, keep, now: Entry { subjects, ..now.clone() } })
    };
    let changes = after.iter().enumerate().filter_map(change).collect();
    serde_json::to_vec(&Later { line, ended, count: after.len(), changes })
}

impl Noted {
    /// What the file `name` beside the log `origin` says.
    pub(crate) fn read(content: &[u8], origin: &str, name: &str) -> Content {
        let Some(end) = content.iter().rposition(|byte| *byte == b'\n') else { return Content::NotBegun };
        let mut lines = content[..end].split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
        let Some(first) = lines.next() else { return Content::NotBegun };
        let first = match parse_first(first) {
            Ok(first) => first,
            Err(why) => return Content::Unusable(why),
        };
        if first.mark.log != origin || first.mark.name != name {
            return Content::Unusable(format!(
                "it was made as note {} of the log {}",
                shown(&first.mark.name),
                shown(&first.mark.log)
            ));
        }
        let mut noted = Self { begun: first.begun, ended: None, entries: first.entries, mark: first.mark };
        let mut read = Some(0);
        for line in lines {
            let Ok(line) = serde_json::from_slice::<Later>(line) else { continue };
            let follows = read.is_some_and(|read| line.line == read + 1);
            read = (follows || line.is_whole()).then_some(line.line).filter(|_| noted.follow(line));
        }
        match noted.entries.iter().find_map(|entry| entry.encode().err()) {
            Some(why) => Content::Unusable(format!("it says what can be no entry: {why}")),
            None => Content::Noted(noted),
        }
    }

    /// Takes in what has changed, if that can be.
    fn follow(&mut self, line: Later) -> bool {
        let mut entries = self.entries.clone();
        entries.truncate(line.count);
        for Change { entry, keep, now } in line.changes {
            let had: &[Subject] = entries.get(entry).map_or(&[], |entry| &entry.subjects);
            let Some(kept) = had.get(..keep) else { return false };
            let subjects = kept.iter().cloned().chain(now.subjects).collect();
            let now = Entry { subjects, ..now };
            match entry.cmp(&entries.len()) {
                Ordering::Less => entries[entry] = now,
                Ordering::Equal => entries.push(now),
                Ordering::Greater => return false,
            }
        }
        let fits = entries.len() == line.count && !entries.is_empty();
        if fits {
            (self.entries, self.ended) = (entries, line.ended);
        }
        fits
    }

    /// What is appended in its place: what is known, and that nobody was there to say it in time. In another log, whose it was.
    pub(crate) fn late(&self, origin: &str) -> Vec<Draft> {
        let end = match self.ended {
            Some(ended) => ("ended", ended.to_string()),
            None => ("end", "unseen".to_owned()),
        };
        let from = (self.mark.log != origin).then(|| ("log", self.mark.log.clone()));
        let late = [("begun", self.begun.to_string()), end].into_iter().chain(from);
        let late: Vec<_> = late.map(|(name, text)| (name.to_owned(), Value::Text(text))).collect();
        let draft = |entry: &Entry| {
            let mut draft = Draft::from(entry.clone());
            draft.detail.extend(late.clone());
            draft
        };
        self.entries.iter().map(draft).collect()
    }
}

impl Later {
    /// Whether it says everything, whatever was known before.
    fn is_whole(&self) -> bool {
        let all = self.changes.iter().enumerate().all(|(at, change)| change.entry == at && change.keep == 0);
        all && self.changes.len() == self.count
    }
}

fn parse_first(line: &[u8]) -> Result<First, String> {
    #[derive(Deserialize)]
    struct OnlyVersion {
        v: u64,
    }
    match serde_json::from_slice(line) {
        Ok(OnlyVersion { v: VERSION }) => {}
        Ok(OnlyVersion { v }) => {
            return Err(format!("it is of version {v}, and this program knows {VERSION}"));
        }
        Err(_) => return Err("it does not begin like a note".to_owned()),
    }
    let first: First = serde_json::from_slice(line).map_err(|error| format!("it is damaged: {error}"))?;
    if first.entries.is_empty() { Err("it says nothing".to_owned()) } else { Ok(first) }
}

/// A text that anybody may have written, for a message.
fn shown(text: &str) -> String {
    const CHARACTERS_MAX: usize = 80;
    format!("`{}`", text.chars().take(CHARACTERS_MAX).flat_map(char::escape_debug).collect::<String>())
}

#[cfg(test)]
mod tests {
    use suture_log::{Actor, Outcome};

    use super::*;

    fn mark() -> Mark {
        Mark { log: "example.com/log".to_owned(), name: "1".to_owned(), id: "0".to_owned() }
    }

    fn entry(subjects: usize) -> Entry {
        let draft = Draft {
            act: "test.act".to_owned(),
            actor: Actor { key: None, name: "Ada".to_owned() },
            subjects: (0..subjects).map(|number| Subject::id("thing", number.to_string())).collect(),
            outcome: Outcome::failed("interrupted"),
            detail: std::collections::BTreeMap::new(),
        };
        draft.at(Time::from_unix_ms(0).unwrap())
    }

    /// Every state of an act, as lines.
    fn lines(states: &[Vec<Entry>]) -> Vec<Vec<u8>> {
        let mut lines = vec![first_line(&mark(), Time::from_unix_ms(0).unwrap(), states[0].clone()).unwrap()];
        for (number, pair) in (1..).zip(states.windows(2)) {
            lines.push(later_line(number, Some(&pair[0]), &pair[1], None).unwrap());
        }
        lines
    }

    fn read(lines: &[Vec<u8>]) -> Vec<Entry> {
        let content = lines.iter().flat_map(|line| [b"\n", line.as_slice(), b"\n"].concat());
        match Noted::read(&content.collect::<Vec<u8>>(), "example.com/log", "1") {
            Content::Noted(noted) => noted.entries,
            Content::NotBegun => panic!("not begun"),
            Content::Unusable(why) => panic!("{why}"),
        }
    }

    fn states() -> Vec<Vec<Entry>> {
        let one = |count| vec![entry(count)];
        let mut replaced = entry(3);
        replaced.subjects.remove(1);
        let done = Entry { outcome: Outcome::done(), ..entry(2) };
        vec![one(0), one(1), one(4), vec![entry(4), entry(2)], vec![replaced, done.clone()], vec![done]]
    }

    #[test]
    fn lines_say_together_what_is_known() {
        let (states, lines) = (states(), lines(&states()));
        for count in 1..=states.len() {
            assert_eq!(read(&lines[..count]), states[count - 1], "{count}");
        }
    }

    /// What follows on a line that was lost is passed over until everything is said again.
    #[test]
    fn a_lost_line_takes_none_of_what_was_known() {
        let (states, mut lines) = (states(), lines(&states()));
        lines[2] = b"\0\0\0\0".to_vec();
        assert_eq!(read(&lines[..5]), states[1]);
        lines[4] = later_line(4, None, &states[4], None).unwrap();
        assert_eq!(read(&lines[..5]), states[4]);
        assert_eq!(read(&lines), states[5], "and it goes on from there");
    }

    #[test]
    fn a_note_grows_with_what_is_known() {
        let states: Vec<Vec<Entry>> = (0..=256).map(|count| vec![entry(count)]).collect();
        let lines = lines(&states);
        assert!(lines.iter().all(|line| line.len() < 400));
        assert_eq!(read(&lines).remove(0).subjects.len(), 256);
    }
}
