//! `suture statements`: who said what about a file, and what of it counts.

mod rows;

use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::Serialize;
use suture_delta::page::{Column, INDENT, Look, Page, Tone};
use suture_trust::{Digest, Lines, Received, TrustRoot, Verified, verify};

use super::advisory_salt;
use crate::args::StatementsArgs;
use crate::console::Console;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::{files, statement_file};
use rows::Row;

#[derive(Serialize)]
struct Document {
    schema: u32,
    /// What the statements are about; its digest where only that is known.
    file: String,
    /// SHA-256 of the file.
    digest: Digest,
    statements_file: String,
    /// Whether a trust root was asked; without one, everything below is only claimed.
    verified: bool,
    /// Whether a refusal stands.
    refused: bool,
    statements: Vec<Row>,
    /// Lines that are no statements.
    unread: Vec<Unread>,
    /// Whether the advisory is one that was committed to, and by whom; `null` if none was asked about.
    advisory: Option<Advisory>,
}

#[derive(Serialize)]
struct Unread {
    line: usize,
    why: String,
}

#[derive(Serialize)]
struct Advisory {
    file: String,
    committed_by: Option<String>,
}

pub(super) fn run(args: &StatementsArgs, console: &Console) -> Result<Exit, Failure> {
    let Subject { name, digest, path } = subject(args)?;
    let root = args.trust.as_deref().map(statement_file::read_root).transpose()?;
    let lines = statement_file::read(&path)?;

    let verified = root.as_ref().map(|root| judge(root, digest, &lines));
    let statements = match &verified {
        Some(verified) => rows::judged(verified, &lines),
        None => rows::claimed(&lines),
    };
    let advisory = verified.as_ref().map(|verified| advisory(args, verified)).transpose()?.flatten();
    let document = Document {
        schema: 1,
        file: name,
        digest,
        statements_file: path.display().to_string(),
        verified: verified.is_some(),
        refused: verified.as_ref().is_some_and(|verified| verified.refusals().next().is_some()),
        statements,
        unread: lines.unread.into_iter().map(|error| Unread { line: error.line, why: error.why }).collect(),
        advisory,
    };
    console.answer(&document, |look| text(&document, look))?;
    let lost = root.iter().zip(&verified).flat_map(|(root, verified)| {
        verified.rejected.iter().filter(|rejected| !rejected.is_strangers(root))
    });
    let all_count = lost.count() == 0 && document.unread.is_empty();
    let is_unknown = document.advisory.as_ref().is_some_and(|advisory| advisory.committed_by.is_none());
    let is_fine = !document.verified || (all_count && !document.refused && !is_unknown);
    Ok(if is_fine { Exit::Done } else { Exit::PolicyRefused })
}

/// What the statements are about, and where they are.
struct Subject {
    name: String,
    digest: Digest,
    path: PathBuf,
}

fn subject(args: &StatementsArgs) -> Result<Subject, Failure> {
    let path = |file: &Path| args.statements.clone().unwrap_or_else(|| statement_file::beside(file));
    match (&args.file, args.digest) {
        (Some(file), _) => Ok(Subject {
            name: file.display().to_string(),
            digest: Digest::of(&files::read(file, "the file")?),
            path: path(file),
        }),
        (None, digest) => {
            let digest =
                digest.ok_or_else(|| Failure::usage("nothing is named that statements are about"))?;
            let name = format!("sha256:{digest}");
            Ok(Subject { path: path(Path::new(&name)), name, digest })
        }
    }
}

fn judge(root: &TrustRoot, digest: Digest, lines: &Lines) -> Verified {
    let received: Vec<_> =
        lines.envelopes.iter().map(|(_, envelope)| Received { envelope, known_since: None }).collect();
    verify(root, digest, &received, Timestamp::now())
}

/// Whether the advisory that was asked about is one that was committed to.
fn advisory(args: &StatementsArgs, verified: &Verified) -> Result<Option<Advisory>, Failure> {
    let Some(path) = &args.advisory else { return Ok(None) };
    let text = files::read(path, "the advisory")?;
    let salt = args.salt.clone().unwrap_or_else(|| advisory_salt::beside(path));
    let salt = advisory_salt::read(&salt)?;
    let committed_by = verified.opened(&salt, &text).map(|accepted| accepted.principal.clone());
    Ok(Some(Advisory { file: path.display().to_string(), committed_by }))
}

fn text(document: &Document, look: &Look) -> String {
    let mut page = Page::new(*look);
    page.heading(&suture_delta::page::clean(&document.file));
    page.prose(INDENT, "", Tone::Faint, &format!("sha256 {}", document.digest));
    page.gap();
    if document.statements.is_empty() && document.unread.is_empty() {
        page.line("Nobody has said anything about it.");
        return page.finish();
    }
    let columns = [Column::Left, Column::Left, Column::Left, Column::Left, Column::Name, Column::Left];
    page.table(&columns, document.statements.iter().map(Row::cells).collect());
    for row in &document.statements {
        if let Some(reason) = &row.reason {
            page.gap();
            page.prose(INDENT, "✗", Tone::Bad, &format!("line {}: {reason}", row.line));
        }
    }
    for unread in &document.unread {
        page.gap();
        page.prose(INDENT, "✗", Tone::Bad, &format!("line {} is no statement: {}", unread.line, unread.why));
    }
    page.gap();
    conclude(document, &mut page);
    page.finish()
}

fn conclude(document: &Document, page: &mut Page) {
    if let Some(advisory) = &document.advisory {
        match &advisory.committed_by {
            Some(by) => page.prose(0, "✓", Tone::Good, &format!("{by} has committed to {}.", advisory.file)),
            None => page.prose(0, "✗", Tone::Bad, &format!("Nobody has committed to {}.", advisory.file)),
        }
    }
    if !document.verified {
        page.prose(0, "!", Tone::Warn, "Nothing was verified: this is what the file says. Give --trust DIR.");
    } else if document.refused {
        page.prose(0, "✗", Tone::Bad, "It is refused, until who refused withdraws that.");
    }
}
