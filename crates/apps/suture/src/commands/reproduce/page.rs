//! The answer for people.

use suture_bundle::{Change, PartDifference};
use suture_delta::page::{Cell, Column, INDENT, Look, Page, Tone, clean, listed};

use super::Document;
use super::outcome::{Outcome, State};

/// Most functions and objects that are named.
const PARTS_SHOWN_MAX: usize = 12;

pub(super) fn text(document: &Document, look: &Look) -> String {
    let mut page = Page::new(*look);
    page.heading(&format!("bundle {}", document.id));
    let rows = document.deltas.iter().map(|outcome| {
        let (word, tone) = word(outcome.state);
        vec![(word.to_owned(), tone), (clean(&outcome.name), Tone::Plain)]
    });
    page.table(&[Column::Left, Column::Name], rows.collect());
    for outcome in document.deltas.iter().filter(|outcome| outcome.state != State::AnotherBuild) {
        differences(outcome, &mut page);
    }
    page.gap();
    conclude(document, &mut page);
    page.finish()
}

fn word(state: State) -> (&'static str, Tone) {
    match state {
        State::Same => ("same", Tone::Good),
        State::Different => ("DIFFERENT", Tone::Bad),
        State::AnotherBuild => ("for another build", Tone::Faint),
    }
}

fn differences(outcome: &Outcome, page: &mut Page) {
    if outcome.differences.is_empty() && outcome.parts.is_empty() && outcome.conclusion.is_empty() {
        return;
    }
    page.heading(&clean(&outcome.name));
    if !outcome.differences.is_empty() {
        let head = ["", "recorded", "here"].map(|word| (word.to_owned(), Tone::Faint)).to_vec();
        let row = |(what, recorded, here): (&String, &String, &String)| -> Vec<Cell> {
            vec![(clean(what), Tone::Plain), (clean(recorded), Tone::Strong), (clean(here), Tone::Strong)]
        };
        let of = outcome.differences.iter().map(|row| (&row.what, &row.recorded, &row.here));
        let rows = std::iter::once(head).chain(of.map(row)).collect();
        page.table(&[Column::Left, Column::Name, Column::Name], rows);
    }
    if !outcome.parts.is_empty() {
        let names: Vec<String> = outcome.parts.iter().map(part).collect();
        page.prose(INDENT, "", Tone::Plain, &format!("differ: {}", listed(&names, PARTS_SHOWN_MAX)));
    }
    if !outcome.conclusion.is_empty() {
        page.prose(INDENT, "→", Tone::Warn, outcome.conclusion);
    }
}

fn part(part: &PartDifference) -> String {
    let name = clean(&part.name);
    match part.change {
        Change::Added => format!("{name} (only here)"),
        Change::Removed => format!("{name} (only in the bundle)"),
        Change::Changed => name,
    }
}

fn conclude(document: &Document, page: &mut Page) {
    if !document.same {
        page.prose(0, "DIFFERENT:", Tone::Bad, "not what the bundle has came out; nothing was signed");
        return;
    }
    page.prose(0, "REPRODUCED:", Tone::Good, "what was built here is what is in the bundle");
    match document.signed.first() {
        Some(signed) => page.prose(INDENT, "", Tone::Plain, &format!("signed, in {}", signed.statements)),
        None => page.prose(
            INDENT,
            "",
            Tone::Faint,
            "nothing was signed: give --key FILE or --agent NAME to say so",
        ),
    }
}
