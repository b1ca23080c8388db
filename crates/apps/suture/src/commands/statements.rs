//! `suture statements`: who said what about a file, and what of it counts.

mod rows;

use std::path::Path;

use jiff::Timestamp;
use serde::Serialize;
use suture_delta::page::{Column, INDENT, Look, Page, Tone, clean, counted};
use suture_trust::{Digest, Lines, Received, TrustRoot, Verified, verify};

use super::advisory_salt;
use crate::act::{Act, content};
use crate::args::StatementsArgs;
use crate::console::Console;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::statement_file::StatementFile;
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
    /// That there is no such file.
    #[serde(skip_serializing_if = "Option::is_none")]
    absent: Option<String>,
    /// Whether a trust root was asked; without one, everything below is only claimed.
    verified: bool,
    /// Whether a refusal stands.
    refused: bool,
    statements: Vec<Row>,
    /// Lines that are no statements.
    unread: Vec<Unread>,
    /// Lines of strangers that are too many to be shown.
    left_out: usize,
    /// Lines that were taken out; `null` if nothing was to be.
    pruned: Option<usize>,
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

pub(super) fn run(args: &StatementsArgs, act: &Act, console: &Console) -> Result<Exit, Failure> {
    let Subject { name, digest, file } = subject(args)?;
    let root = args.trust.as_deref().map(statement_file::read_root).transpose()?;
    let pruned =
        root.as_ref().filter(|_| args.prune).map(|root| prune(&file, digest, root, act)).transpose()?;
    let lines = root.as_ref().map_or_else(|| file.read(), |root| file.read_for(root))?;

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
        statements_file: file.path().display().to_string(),
        absent: file.absent(),
        verified: verified.is_some(),
        refused: verified.as_ref().is_some_and(|verified| verified.refusals().next().is_some()),
        statements,
        unread: lines.unread.into_iter().map(|error| Unread { line: error.line, why: error.why }).collect(),
        left_out: lines.left_out,
        pruned,
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
    file: StatementFile,
}

fn subject(args: &StatementsArgs) -> Result<Subject, Failure> {
    let statements = |file: &Path| StatementFile::of(file, args.statements.as_deref());
    match (&args.file, args.digest) {
        (Some(file), _) => Ok(Subject {
            name: file.display().to_string(),
            digest: Digest::of(&files::read(file, "the file")?),
            file: statements(file),
        }),
        (None, digest) => {
            let digest =
                digest.ok_or_else(|| Failure::usage("nothing is named that statements are about"))?;
            let name = format!("sha256:{digest}");
            Ok(Subject { file: statements(Path::new(&name)), name, digest })
        }
    }
}

/// Takes out of the file what no key of the trust root can have signed, and says how many lines that were.
fn prune(file: &StatementFile, digest: Digest, root: &TrustRoot, act: &Act) -> Result<usize, Failure> {
    act.on(suture_log::Subject::digest("file", &digest.to_string()));
    file.must_be_there()?;
    let gone = if file.absent().is_some() { Vec::new() } else { statement_file::prune(file.path(), root)? };
    // All of them are told by one digest, that of a text with a line for each.
    if !gone.is_empty() {
        let text = gone.iter().map(Digest::to_string).collect::<Vec<_>>().join("\n") + "\n";
        act.on(content("statements", text.as_bytes()));
    }
    act.count("pruned", gone.len());
    Ok(gone.len())
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
    page.heading(&clean(&document.file));
    page.prose(INDENT, "", Tone::Faint, &format!("sha256 {}", document.digest));
    page.gap();
    if let Some(pruned) = document.pruned {
        let words = format!("{} of strangers taken out", counted(pruned, "line"));
        page.prose(INDENT, "", Tone::Plain, &words);
        page.gap();
    }
    if document.statements.is_empty() && document.unread.is_empty() && document.left_out == 0 {
        page.line("Nobody has said anything about it.");
        if let Some(absent) = &document.absent {
            page.prose(INDENT, "", Tone::Faint, &clean(absent));
        }
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
    if document.left_out > 0 {
        page.gap();
        let words = format!(
            "{} name keys that the trust root does not know, and are left out; --prune takes them out of the file",
            counted(document.left_out, "line")
        );
        page.prose(INDENT, "!", Tone::Warn, &words);
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
