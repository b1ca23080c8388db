//! `suture bundle verify FILE`: what can be checked without knowing anyone, and then what those who are believed have said.
//!
//! A check is a row of the answer. The last two, who said what about the bundle and whether the policy would let it run, are
//! of `said`, and are not checked where there is nobody to believe.

mod said;

use serde::Serialize;
use suture_bundle::{Contents, Digest, Facts};
use suture_clearance::Gaps;
use suture_delta::page::{Column, INDENT, Look, Page, Tone, counted};
use suture_dossier::Dossier;

use super::open;
use crate::args::BundleVerifyArgs;
use crate::console::Console;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::files;

#[derive(Serialize)]
struct Document {
    schema: u32,
    /// SHA-256 of the file.
    id: Digest,
    /// Whether no check failed.
    ok: bool,
    checks: Vec<Check>,
}

/// One thing that was looked at.
#[derive(Serialize)]
#[expect(clippy::struct_field_names, reason = "these are keys of a document")]
struct Check {
    check: &'static str,
    state: State,
    what: String,
    /// What it rests on, a sentence each.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    details: Vec<String>,
}

#[derive(Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
enum State {
    Pass,
    Fail,
    NotChecked,
}

pub(super) fn run(args: &BundleVerifyArgs, console: &Console) -> Result<Exit, Failure> {
    let bytes = files::read_bundle(&args.file)?;
    let (bundle, contents) = open(&args.file, &bytes)?;
    let pass = |check, what| Check::new(check, State::Pass, what);
    let members = bundle.members().len();
    let mut checks = vec![
        pass("container", "in its one spelling, nothing hidden".to_owned()),
        pass("digests", format!("{} as manifest.json lists them", counted(members, "member"))),
        pass("deltas", format!("{} can be used", counted(contents.deltas.len(), "delta"))),
        dossier(&contents),
    ];
    checks.extend(said::checks(args, &bytes)?);
    let ok = checks.iter().all(|check| check.state != State::Fail);
    let document = Document { schema: 1, id: Digest::of(&bytes), ok, checks };
    console.answer(&document, |look| text(&document, look))?;
    Ok(if ok { Exit::Done } else { Exit::PolicyRefused })
}

impl Check {
    fn new(check: &'static str, state: State, what: impl Into<String>) -> Self {
        Self { check, state, what: what.into(), details: Vec::new() }
    }
}

fn dossier(contents: &Contents<'_>) -> Check {
    match dossier_fault(contents) {
        None => Check::new("dossier", State::Pass, "complete, and about these deltas"),
        Some(fault) => Check::new("dossier", State::Fail, fault.trim_start_matches("its dossier has ")),
    }
}

/// What is wrong with the dossier of a bundle, or open in it.
pub(super) fn dossier_fault(contents: &Contents<'_>) -> Option<String> {
    let dossier = match Dossier::parse(contents.dossier) {
        Ok(dossier) => dossier,
        Err(error) => return Some(error.to_string()),
    };
    let facts: Vec<Facts> = contents.deltas.iter().map(|delta| delta.facts.clone()).collect();
    Gaps::of(&dossier, &facts).map(|gaps| gaps.to_string())
}

fn text(document: &Document, look: &Look) -> String {
    let mut page = Page::new(*look);
    page.heading(&format!("bundle {}", document.id));
    let rows = document.checks.iter().map(|check| {
        let (word, tone) = match check.state {
            State::Pass => ("pass", Tone::Good),
            State::Fail => ("FAIL", Tone::Bad),
            State::NotChecked => ("not checked", Tone::Warn),
        };
        vec![
            (check.check.to_owned(), Tone::Plain),
            (word.to_owned(), tone),
            (check.what.clone(), Tone::Plain),
        ]
    });
    page.table(&[Column::Left, Column::Left, Column::Left], rows.collect());
    for check in document.checks.iter().filter(|check| !check.details.is_empty()) {
        page.heading(check.check);
        check.details.iter().for_each(|detail| page.prose(INDENT, "-", Tone::Plain, detail));
    }
    page.finish()
}
