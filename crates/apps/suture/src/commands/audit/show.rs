//! `suture audit show`.

use serde::Serialize;
use suture_delta::page::{Column, Look, Page, Tone, counted};
use suture_log::{Entry, OutcomeResult, Subject, Value};

use super::open;
use super::unrecorded::{self, Waiting};
use crate::args::audit::{EntryRange, ShowArgs};
use crate::audit::unusable;
use crate::console::Console;
use crate::exit::Exit;
use crate::failure::Failure;

/// Entries that are shown unless more are asked for.
const SHOWN: u64 = 50;

#[derive(Serialize)]
struct Document {
    schema: u32,
    origin: String,
    /// Entries of the log, shown or not.
    size: u64,
    entries: Vec<Numbered>,
    /// What it does not have yet.
    #[serde(flatten)]
    waiting: Waiting,
}

#[derive(Serialize)]
struct Numbered {
    index: u64,
    #[serde(flatten)]
    entry: Entry,
}

pub(super) fn run(args: &ShowArgs, console: &Console) -> Result<Exit, Failure> {
    let (directory, reader) = open(&args.log)?;
    let size = reader.size();
    let last = |count| EntryRange { first: size.saturating_sub(count), end: size };
    let is_narrowed = args.act.is_some() || args.subject.is_some();
    let range =
        args.entries.unwrap_or_else(|| last(args.last.unwrap_or(if is_narrowed { u64::MAX } else { SHOWN })));
    if range.first >= size && size > 0 {
        let why = suture_tiles::Error::NoEntry { index: range.first, size };
        return Err(Failure::usage("there is nothing to show").why(&why));
    }
    let mut entries = Vec::new();
    for index in range.first..range.end.min(size) {
        let entry = reader.entry(index).map_err(|error| unusable(&directory, &error))?;
        if is_asked_for(&entry, args) {
            entries.push(Numbered { index, entry });
        }
    }
    let origin = reader.checkpoint().checkpoint().origin.clone();
    let waiting = unrecorded::of(&directory, console);
    let document = Document { schema: 1, origin, size, entries, waiting };
    console.answer(&document, |look| text(&document, look))?;
    Ok(Exit::Done)
}

fn is_asked_for(entry: &Entry, args: &ShowArgs) -> bool {
    let has = |subject: &Subject, text: &str| {
        [&subject.digest, &subject.id].into_iter().flatten().any(|name| name.contains(text))
    };
    let is_act = args.act.as_ref().is_none_or(|act| entry.act.starts_with(act));
    is_act && args.subject.as_ref().is_none_or(|text| entry.subjects.iter().any(|subject| has(subject, text)))
}

fn text(document: &Document, look: &Look) -> String {
    let mut page = Page::new(*look);
    let cell = |text: String, tone| (text, tone);
    let rows = document.entries.iter().map(|Numbered { index, entry }| {
        let tone = match entry.outcome.result {
            OutcomeResult::Done => Tone::Good,
            OutcomeResult::Refused => Tone::Warn,
            OutcomeResult::Failed => Tone::Bad,
        };
        vec![
            cell(index.to_string(), Tone::Strong),
            cell(entry.when.to_string(), Tone::Faint),
            cell(who(entry), Tone::Plain),
            cell(entry.act.clone(), Tone::Strong),
            cell(outcome(entry), tone),
            cell(subjects(entry), Tone::Plain),
        ]
    });
    let columns = [Column::Right, Column::Left, Column::Left, Column::Left, Column::Left, Column::Left];
    page.table(&columns, rows.collect());
    if let [Numbered { entry, .. }] = document.entries.as_slice() {
        for (name, value) in &entry.detail {
            page.prose(4, "", Tone::Plain, &format!("{name}: {}", shown(value)));
        }
    }
    let size = counted(document.size as usize, "entry").replace("entrys", "entries");
    page.line(&format!("{} of {size} of {}", document.entries.len(), document.origin));
    unrecorded::show(&document.waiting, &mut page);
    page.finish()
}

fn outcome(entry: &Entry) -> String {
    let result = match entry.outcome.result {
        OutcomeResult::Done => "done",
        OutcomeResult::Refused => "refused",
        OutcomeResult::Failed => "failed",
    };
    entry.outcome.code.as_ref().map_or_else(|| result.to_owned(), |code| format!("{result}: {code}"))
}

/// The name, and the key as far as it takes to find it.
fn who(entry: &Entry) -> String {
    const KEY_BYTES: usize = "SHA256:".len() + 12;
    let key = entry.actor.key.as_ref().and_then(|key| key.get(..KEY_BYTES));
    key.map_or_else(|| entry.actor.name.clone(), |key| format!("{} {key}", entry.actor.name))
}

/// Digests are cut: what is shown is for finding, `--json` has them whole.
fn subjects(entry: &Entry) -> String {
    const DIGITS: usize = 12;
    let one = |subject: &Subject| {
        let digest = subject.digest.as_ref().and_then(|digest| digest.strip_prefix("sha256:")?.get(..DIGITS));
        let names = subject.id.as_deref().into_iter().chain(digest);
        format!("{} {}", subject.kind, names.collect::<Vec<_>>().join(" "))
    };
    entry.subjects.iter().map(one).collect::<Vec<_>>().join(", ")
}

fn shown(value: &Value) -> String {
    match value {
        Value::Flag(flag) => flag.to_string(),
        Value::Number(number) => number.to_string(),
        Value::Text(text) => text.clone(),
    }
}
