//! What gives a hole away before its time, looked for in everything that is public.
//!
//! ```text
//! Secrets (names, paths, ids, words, the fix) ──► terms ──► Watch ──► look(file name, text) ──► findings
//! ```
//!
//! A term is a row of words. Text is cut into words the same way (at case, digits and everything that is no letter), so
//! that `strbuf_append`, `StrbufAppend` and "strbuf append" are one term, and a term that is wrapped over two lines is found.
//! What looks like base64 or hexadecimal is decoded and looked through once more, and so are escapes of web pages and of code, and
//! text of two or four bytes for a letter. Archives are walked, and what is packed is unpacked where that can be done here;
//! everything else that is no text is named as what could not be looked into.
//!
//! A check that cries wolf is switched off. A term whose words are all ordinary counts only as an identifier
//! (`update_state`, not "update state"), an ordinary single word (`connect`) only as code (`connect()`), and a file name
//! of which there is one in every program (`server.c`) only with its directory.

mod encoded;
mod escaped;
mod inside;
mod terms;
mod wide;
mod words;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use serde::Serialize;

use self::escaped::Unescaped;
use self::terms::{Form, Term};
use self::words::{Word, words};

/// Most findings that are reported; the count goes on.
pub const FINDINGS_MAX: usize = 1000;
/// Most texts of secrets.
pub const SECRETS_MAX: usize = 200_000;
/// Longest excerpt, in characters.
const EXCERPT_CHARS_MAX: usize = 120;
/// How often a text is read without its escapes: they can be escaped themselves.
const ESCAPED_TIMES_MAX: usize = 3;
/// How far words of one term may be apart, in bytes: a line break with its indent and a comment sign.
const GAP_BYTES_MAX: usize = 12;

/// What must not be told yet.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Secrets {
    /// Names of functions and objects that a delta changes, as linkers or as people write them.
    pub symbols: Vec<String>,
    /// Source files.
    pub paths: Vec<String>,
    /// CVE, GHSA and other ids.
    pub ids: Vec<String>,
    /// Titles and other lines that say what the hole is.
    pub titles: Vec<String>,
    /// Kinds of weaknesses, as `CWE-122`.
    pub weaknesses: Vec<String>,
    /// The text of the fix: unified diffs.
    pub fixes: Vec<String>,
    /// Whatever else.
    pub more: Vec<String>,
    /// What is known to everyone, and gives nothing away: the program's name above all.
    pub known: Vec<String>,
}

/// Why something gives the hole away.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Why {
    /// It names what the patch changes.
    Symbol,
    /// It names a source file that the fix changes.
    Path,
    /// It is an id of the vulnerability.
    Id,
    /// It is in the title.
    Title,
    /// It says what kind of weakness it is.
    Weakness,
    /// It is text of the fix.
    Fix,
    /// Somebody said that it must not be told.
    Named,
}

impl Why {
    /// The reason, for people.
    pub fn words(self) -> &'static str {
        match self {
            Self::Symbol => "names what the patch changes",
            Self::Path => "names a source file of the fix",
            Self::Id => "is an id of the vulnerability",
            Self::Title => "is in the title",
            Self::Weakness => "says what kind of weakness it is",
            Self::Fix => "is text of the fix",
            Self::Named => "was named as secret",
        }
    }
}

/// One place that gives the hole away.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Finding {
    /// The file, as it was named.
    pub file: String,
    /// The line, from 1; 0 for the name of the file itself.
    pub line: usize,
    /// What was found, as the secret has it.
    pub term: String,
    /// Why it is one.
    pub why: Why,
    /// Whether it was found in a form that had to be decoded: base64, hexadecimal, escapes, letters of several bytes.
    pub encoded: bool,
    /// What stands there.
    pub excerpt: String,
}

/// Findings in one or several texts.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Findings {
    /// The first [`FINDINGS_MAX`].
    pub findings: Vec<Finding>,
    /// How many there are.
    pub count: usize,
    /// What can't be looked into, the first [`FINDINGS_MAX`].
    pub closed: Vec<Closed>,
}

/// A file that can't be looked into, so that to find nothing in it says nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Closed {
    /// The file.
    pub file: String,
    /// The file in it, if it can be looked into itself; one that is in several has the names of all of them.
    pub member: Option<String>,
    /// What it is, in words.
    pub kind: &'static str,
}

/// Secrets in the form in which they are looked for.
#[derive(Debug, Clone)]
pub struct Watch {
    terms: BTreeMap<Vec<String>, Term>,
    /// The words with which a term begins: most words of most texts are none.
    firsts: BTreeSet<String>,
    longest: usize,
}

impl Watch {
    /// Watches for `secrets`.
    ///
    /// # Errors
    /// If there are more than [`SECRETS_MAX`].
    pub fn new(secrets: &Secrets) -> Result<Self, String> {
        let terms = terms::terms(secrets);
        if terms.len() > SECRETS_MAX {
            return Err(format!("{} terms where at most {SECRETS_MAX} are looked for", terms.len()));
        }
        let longest = terms.keys().map(Vec::len).max().unwrap_or_default();
        let firsts = terms.keys().filter_map(|words| words.first().cloned()).collect();
        Ok(Self { terms, firsts, longest })
    }

    /// How many terms are looked for.
    pub fn len(&self) -> usize {
        self.terms.len()
    }

    /// Whether there is nothing to look for.
    pub fn is_empty(&self) -> bool {
        self.terms.is_empty()
    }

    /// Looks through the name and the bytes of one file, and tells what can't be looked into. Of a program the texts are looked
    /// through that are in it.
    pub fn look(&self, file: &str, bytes: &[u8], found: &mut Findings) {
        let name = file.replace('\\', "/");
        self.look_at(&Place::of_name(file, &name), found);
        self.look_through(file, bytes, found);
        inside::walk(bytes, &mut |member, part| match part {
            inside::Part::Open(bytes) => self.look_through(&place_of(file, member), bytes, found),
            inside::Part::Closed(kind) => {
                let member = (!member.is_empty()).then(|| member.to_owned());
                found.close(Closed { file: file.to_owned(), member, kind });
            }
        });
    }

    fn look_through(&self, file: &str, bytes: &[u8], found: &mut Findings) {
        let decoded = wide::decoded(bytes);
        for text in if decoded.is_some() { Vec::new() } else { wide::runs(bytes) } {
            self.report(&Reading::of(&text, true), &Place::of_text(file, &text), found);
        }
        let text = decoded.unwrap_or_else(|| String::from_utf8_lossy(bytes).into_owned());
        let text: String = text.chars().map(visible).filter(|c| *c != '\u{0}').collect();
        self.look_at(&Place::of_text(file, &text), found);
    }

    /// Looks at a text as it stands there, and at what is encoded or escaped in it.
    fn look_at(&self, place: &Place<'_>, found: &mut Findings) {
        self.report(&Reading::of(place.text, false), place, found);
        for (offset, hidden) in encoded::hidden(place.text) {
            self.report(&Reading { at: Some(offset), ..Reading::of(&hidden, true) }, place, found);
        }
        let mut before = place.text.to_owned();
        for _ in 0..ESCAPED_TIMES_MAX {
            let Some(Unescaped { text, changed }) = escaped::unescaped(&before) else { break };
            let reading = Reading { changed: Some(&changed), ..Reading::of(&text, true) };
            self.report(&reading, &place.saying(&text), found);
            before = text;
        }
    }

    fn report(&self, reading: &Reading<'_>, place: &Place<'_>, found: &mut Findings) {
        let words = words(reading.text);
        let mut from = 0;
        while from < words.len() {
            let Some((length, term)) = self.at(reading.text, words.get(from..).unwrap_or_default()) else {
                from += 1;
                continue;
            };
            let row = words.get(from..from + length).unwrap_or_default();
            let (begin, end) =
                (row.first().map_or(0, |word| word.begin), row.last().map_or(0, |word| word.end));
            if reading.is_news(begin, end) {
                found.add(|| place.finding(reading.at.unwrap_or(begin), term, reading.is_encoded));
            }
            from += length;
        }
    }

    /// The longest term that begins here.
    fn at(&self, text: &str, words: &[Word]) -> Option<(usize, &Term)> {
        if !words.first().is_some_and(|first| self.firsts.contains(&first.text)) {
            return None;
        }
        let mut key: Vec<String> = Vec::new();
        let mut best = None;
        for (index, word) in words.iter().take(self.longest).enumerate() {
            let before = index.checked_sub(1).and_then(|before| words.get(before));
            if before.is_some_and(|before| word.begin - before.end > GAP_BYTES_MAX) {
                break;
            }
            key.push(word.text.clone());
            if let Some(term) = self.terms.get(&key).filter(|term| fits(term.form, text, words, index)) {
                best = Some((index + 1, term));
            }
        }
        best
    }
}

/// Whether the words up to `last` stand in the text as the term has to.
fn fits(form: Form, text: &str, words: &[Word], last: usize) -> bool {
    let (Some(first), Some(last)) = (words.first(), words.get(last)) else { return false };
    let whole = text.get(first.begin..last.end).unwrap_or_default();
    match form {
        Form::Words => true,
        Form::Identifier => !whole.contains(char::is_whitespace),
        Form::Code => {
            let before = text.get(..first.begin).and_then(|before| before.chars().next_back());
            let after = text.get(last.end..).unwrap_or_default();
            after.starts_with("()") || (before == Some('`') && after.starts_with('`'))
        }
    }
}

/// What changes the look and not the letters is left out: characters without width that break words for machines only.
fn visible(c: char) -> char {
    match c {
        '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2060}'..='\u{2064}' | '\u{feff}' => '\u{0}',
        '\u{0}' => '\n',
        c => c,
    }
}

/// A text that is read: the one that stands there, or one that was decoded from it.
struct Reading<'a> {
    text: &'a str,
    is_encoded: bool,
    /// Where it stood, if it is not as long as what it was decoded from.
    at: Option<usize>,
    /// The places at which it is another than the text before it, in ascending order; everything is new without them.
    changed: Option<&'a [Range<usize>]>,
}

impl<'a> Reading<'a> {
    fn of(text: &'a str, is_encoded: bool) -> Self {
        Self { text, is_encoded, at: None, changed: None }
    }

    /// Whether these words could not be read before: they touch what has changed.
    fn is_news(&self, begin: usize, end: usize) -> bool {
        self.changed.is_none_or(|changed| {
            let first = changed.partition_point(|place| place.end < begin);
            changed.get(first).is_some_and(|place| place.start <= end)
        })
    }
}

/// How a file is called that is in another.
fn place_of(file: &str, member: &str) -> String {
    if member.is_empty() { file.to_owned() } else { format!("{file} ({member} in it)") }
}

struct Place<'a> {
    file: &'a str,
    text: &'a str,
    /// Where its lines begin; nothing if it is the name of the file.
    lines: Vec<usize>,
}

impl<'a> Place<'a> {
    fn of_name(file: &'a str, text: &'a str) -> Self {
        Self { file, text, lines: Vec::new() }
    }

    fn of_text(file: &'a str, text: &'a str) -> Self {
        let breaks = text.match_indices('\n').map(|(at, _)| at + 1);
        Self { file, text, lines: std::iter::once(0).chain(breaks).collect() }
    }

    /// The same with another text, which has its lines where this one has them.
    fn saying<'b>(&self, text: &'b str) -> Place<'b>
    where
        'a: 'b,
    {
        if self.lines.is_empty() { Place::of_name(self.file, text) } else { Place::of_text(self.file, text) }
    }

    fn finding(&self, at: usize, term: &Term, encoded: bool) -> Finding {
        let line = self.lines.partition_point(|begin| *begin <= at);
        let begin = line.checked_sub(1).and_then(|index| self.lines.get(index)).copied().unwrap_or_default();
        let excerpt = self.text.get(begin..).unwrap_or_default().lines().next().unwrap_or_default().trim();
        let printable = |c: char| if c.is_control() { ' ' } else { c };
        Finding {
            file: self.file.to_owned(),
            line,
            term: term.shown.clone(),
            why: term.why,
            encoded,
            excerpt: excerpt.chars().take(EXCERPT_CHARS_MAX).map(printable).collect(),
        }
    }
}

impl Findings {
    /// Tells of what can't be looked into.
    pub fn close(&mut self, closed: Closed) {
        if self.closed.len() < FINDINGS_MAX {
            self.closed.push(closed);
        }
    }

    fn add(&mut self, finding: impl FnOnce() -> Finding) {
        self.count += 1;
        if self.findings.len() < FINDINGS_MAX {
            self.findings.push(finding());
        }
    }
}
