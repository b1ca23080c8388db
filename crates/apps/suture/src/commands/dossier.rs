//! `suture dossier new|lint|render`.

mod draft;
mod provenance;
mod record;
mod render;

use std::path::Path;

pub(super) use provenance::Record;

use serde::Serialize;
use suture_bundle::{Digest, Facts, begins_like_a_bundle};
use suture_delta::page::{INDENT, Page, Tone, counted};
use suture_dossier::{Dossier, Finding, ParseError, lint};

use super::bundle;
use crate::act::Act;
use crate::args::{DossierArgs, DossierCommand, DossierLintArgs};
use crate::console::Console;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::files;

pub(super) fn run(args: &DossierArgs, act: &Act, console: &Console) -> Result<Exit, Failure> {
    match &args.command {
        DossierCommand::New(args) => draft::run(args, act, console),
        DossierCommand::Lint(args) => lint_file(args, console),
        DossierCommand::Render(args) => render::run(args, console),
    }
}

#[derive(Serialize)]
struct Gaps {
    schema: u32,
    gaps: Vec<Finding>,
}

fn lint_file(args: &DossierLintArgs, console: &Console) -> Result<Exit, Failure> {
    let Source { dossier, facts, .. } = read(&args.file)?;
    let facts = match facts {
        Some(_) if !args.deltas.is_empty() => {
            return Err(Failure::usage("a bundle has its deltas in it").help("leave them out"));
        }
        Some(facts) => Some(facts),
        None if args.deltas.is_empty() => None,
        None => Some(bundle::read_deltas(&args.deltas)?.iter().map(bundle::DeltaFile::facts).collect()),
    };
    let document = Gaps { schema: 1, gaps: lint(&dossier, facts.as_deref()) };
    console.answer(&document, |look| {
        let mut page = Page::new(*look);
        match document.gaps.len() {
            0 => page.prose(0, "COMPLETE:", Tone::Good, "nothing is open"),
            count => {
                page.prose(0, "OPEN:", Tone::Bad, &counted(count, "gap"));
                gaps(&document.gaps, &args.file, &mut page);
            }
        }
        page.finish()
    })?;
    Ok(if document.gaps.is_empty() { Exit::Done } else { Exit::PolicyRefused })
}

/// A dossier that was read.
struct Source {
    dossier: Dossier,
    /// SHA-256 of the file.
    digest: Digest,
    /// Of the deltas beside it, if the file is a bundle.
    facts: Option<Vec<Facts>>,
}

fn read(path: &Path) -> Result<Source, Failure> {
    let bytes = files::read_perhaps_bundle(path, "the dossier")?;
    let digest = Digest::of(&bytes);
    let parse = |text: &str| Dossier::parse(text).map_err(|error| unusable(path, &error));
    if begins_like_a_bundle(&bytes) {
        let (_, contents) = bundle::open(path, &bytes)?;
        let facts = contents.deltas.iter().map(|delta| delta.facts.clone()).collect();
        return Ok(Source { dossier: parse(contents.dossier)?, digest, facts: Some(facts) });
    }
    let text = files::text(path, "the dossier", bytes)?;
    Ok(Source { dossier: parse(&text)?, digest, facts: None })
}

/// Why a file is no dossier.
pub(super) fn unusable(path: &Path, error: &ParseError) -> Failure {
    Failure::usage(format!("`{}` is no dossier that can be used", path.display()))
        .why(error)
        .help(error.help())
}

/// `1 gap is`, `2 gaps are`.
pub(super) fn are_gaps(count: usize) -> String {
    format!("{} {}", counted(count, "gap"), if count == 1 { "is" } else { "are" })
}

/// The list of gaps: place and id, what is asked, who knows.
pub(super) fn gaps(gaps: &[Finding], path: &Path, page: &mut Page) {
    for gap in gaps {
        let place = if gap.line == 0 { String::new() } else { format!(":{}", gap.line) };
        page.gap();
        page.prose(INDENT, &gap.id, Tone::Strong, &format!("{}{place}", path.display()));
        page.prose(2 * INDENT, "", Tone::Plain, &gap.asks);
        page.prose(2 * INDENT, "ask", Tone::Faint, &gap.who);
    }
}
