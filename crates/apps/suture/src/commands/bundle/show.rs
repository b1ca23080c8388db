//! `suture bundle show FILE`, and `suture inspect` of a bundle.

use std::path::Path;

use serde::Serialize;
use suture_bundle::{Bundle, Contents, Digest, Facts, MemberName, Role};
use suture_delta::page::{Cell, Column, INDENT, Look, Page, Tone, counted, grouped};
use suture_delta::report::Verdict;
use suture_dossier::{Dossier, lint};

use super::open;
use crate::args::BundleShowArgs;
use crate::console::Console;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::files;

/// What is in a bundle.
#[derive(Serialize)]
struct Document<'a> {
    schema: u32,
    /// SHA-256 of the file.
    id: Digest,
    bytes: usize,
    members: Vec<MemberLine<'a>>,
    deltas: Vec<DeltaLine<'a>>,
    dossier: DossierLine,
    /// The documents of `suture inspect` of the deltas.
    #[serde(skip_serializing_if = "Option::is_none")]
    inspected: Option<Vec<suture_delta::inspect::Document<'a>>>,
}

#[derive(Serialize)]
struct MemberLine<'a> {
    name: &'a MemberName,
    role: Role,
    media_type: &'static str,
    bytes: usize,
    sha256: Digest,
}

#[derive(Serialize)]
struct DeltaLine<'a> {
    name: &'a MemberName,
    #[serde(flatten)]
    facts: &'a Facts,
}

#[derive(Serialize)]
struct DossierLine {
    title: String,
    case: String,
    /// How many answers are open; `null` if it can't be read.
    gaps: Option<usize>,
    /// Why it can't be read.
    error: Option<String>,
}

pub(super) fn run(args: &BundleShowArgs, console: &Console) -> Result<Exit, Failure> {
    let bytes = files::read_bundle(&args.file)?;
    let (bundle, contents) = open(&args.file, &bytes)?;
    let document = document(&bytes, &bundle, &contents);
    console.answer(&document, |look| text(&document, look))?;
    Ok(Exit::Done)
}

/// `suture inspect` of a bundle: what `show` says, and what it says of each delta alone.
pub(in crate::commands) fn inspect(path: &Path, bytes: &[u8], console: &Console) -> Result<Exit, Failure> {
    let (bundle, contents) = open(path, bytes)?;
    let of_deltas = contents
        .deltas
        .iter()
        .map(|delta| suture_delta::inspect::document(&delta.delta, &delta.id, delta.facts.bytes));
    let document = Document { inspected: Some(of_deltas.collect()), ..document(bytes, &bundle, &contents) };
    console.answer(&document, |look| {
        let deltas = contents
            .deltas
            .iter()
            .map(|delta| suture_delta::inspect::delta(&delta.delta, &delta.id, delta.facts.bytes, look));
        std::iter::once(text(&document, look)).chain(deltas).collect::<Vec<_>>().join("\n")
    })?;
    Ok(Exit::Done)
}

fn document<'a>(bytes: &[u8], bundle: &'a Bundle<'_>, contents: &'a Contents<'_>) -> Document<'a> {
    let members = bundle.members().iter().map(|member| MemberLine {
        name: &member.name,
        role: member.name.role(),
        media_type: member.name.media_type(),
        bytes: member.content.len(),
        sha256: Digest::of(member.content),
    });
    let deltas = contents.deltas.iter().map(|delta| DeltaLine { name: &delta.name, facts: &delta.facts });
    Document {
        schema: 1,
        id: Digest::of(bytes),
        bytes: bytes.len(),
        members: members.collect(),
        deltas: deltas.collect(),
        dossier: dossier(contents),
        inspected: None,
    }
}

fn dossier(contents: &Contents<'_>) -> DossierLine {
    match Dossier::parse(contents.dossier) {
        Ok(dossier) => {
            let facts: Vec<Facts> = contents.deltas.iter().map(|delta| delta.facts.clone()).collect();
            let gaps = Some(lint(&dossier, Some(&facts)).len());
            let answers = dossier.answers;
            DossierLine { title: answers.title, case: answers.case.id, gaps, error: None }
        }
        Err(error) => DossierLine {
            title: String::new(),
            case: String::new(),
            gaps: None,
            error: Some(error.to_string()),
        },
    }
}

fn text(document: &Document<'_>, look: &Look) -> String {
    let mut page = Page::new(*look);
    page.heading(&format!("bundle {}", document.id));
    let mut rows = vec![row("file", format!("{} bytes", grouped(document.bytes as u64)))];
    let dossier = &document.dossier;
    match (&dossier.error, dossier.gaps) {
        (Some(error), _) => rows.push(vec![faint("dossier"), (format!("can't be read: {error}"), Tone::Bad)]),
        (None, gaps) => {
            rows.push(row("patch", dossier.title.clone()));
            rows.push(row("case", dossier.case.clone()));
            let gaps = gaps.unwrap_or_default();
            if gaps > 0 {
                rows.push(vec![faint("dossier"), (counted(gaps, "gap"), Tone::Bad)]);
            }
        }
    }
    page.table(&[Column::Left, Column::Left], rows);
    members(document, &mut page);
    for delta in &document.deltas {
        self::delta(delta.facts, &mut page);
    }
    page.finish()
}

fn faint(text: &str) -> Cell {
    (text.to_owned(), Tone::Faint)
}

fn row(name: &str, value: String) -> Vec<Cell> {
    vec![faint(name), (value, Tone::Plain)]
}

fn members(document: &Document<'_>, page: &mut Page) {
    const DIGEST_DIGITS: usize = 16;
    page.heading("members");
    let rows = document.members.iter().map(|member| {
        let digest: String = member.sha256.to_string().chars().take(DIGEST_DIGITS).collect();
        vec![
            (member.name.to_string(), Tone::Strong),
            (grouped(member.bytes as u64), Tone::Plain),
            ("B".to_owned(), Tone::Plain),
            faint(&digest),
        ]
    });
    page.table(&[Column::Name, Column::Right, Column::Unit, Column::Left], rows.collect());
}

fn delta(facts: &Facts, page: &mut Page) {
    page.heading(&format!("delta {}", facts.id));
    let mut rows = vec![
        row("for", format!("{}, build {}", facts.program, facts.old_build_id)),
        row("made from", format!("build {}", facts.new_build_id)),
        row("takes", format!("{} bytes in the process", grouped(facts.memory_bytes))),
    ];
    rows.extend(facts.on.iter().map(|id| row("stands on", id.clone())));
    rows.extend(facts.hooks.iter().map(|hook| row("hook", format!("{}, {} bytes", hook.when, hook.bytes))));
    rows.extend(facts.types.iter().map(|name| row("converts", format!("type {name}"))));
    page.table(&[Column::Left, Column::Left], rows);
    let (word, tone) = match facts.verdict {
        Verdict::Hot => ("HOT:", Tone::Good),
        Verdict::FullUpdate => ("FULL UPDATE:", Tone::Bad),
    };
    for (index, reason) in facts.reasons.iter().enumerate() {
        let (indent, mark, tone) =
            if index == 0 { (INDENT, word, tone) } else { (INDENT, "·", Tone::Faint) };
        page.prose(indent, mark, tone, reason);
    }
    functions(facts, page);
    data(facts, page);
    for path in &facts.critical {
        page.prose(INDENT, "critical", Tone::Warn, &format!("{}: {}", path.mark, path.told(" -> ")));
    }
}

fn functions(facts: &Facts, page: &mut Page) {
    let columns = [Column::Name, Column::Path, Column::Right, Column::Unit, Column::After, Column::Unit];
    let rows = facts.functions.iter().map(|function| {
        let place = match (function.file.as_str(), function.line) {
            ("", _) => String::new(),
            (file, 0) => file.to_owned(),
            (file, line) => format!("{file}:{line}"),
        };
        vec![
            (function.name.clone(), Tone::Strong),
            (place, Tone::Plain),
            (grouped(function.old_size), Tone::Plain),
            ("B".to_owned(), Tone::Plain),
            (format!("→ {}", grouped(function.new_size)), Tone::Plain),
            ("B".to_owned(), Tone::Plain),
        ]
    });
    page.table(&columns, rows.collect());
}

fn data(facts: &Facts, page: &mut Page) {
    let changes = facts.data.iter().map(|data| (data.name.clone(), data.change.clone(), data.action.clone()));
    let rows = changes.map(|(name, change, action)| {
        vec![(name, Tone::Strong), (change, Tone::Plain), (action, Tone::Plain)]
    });
    page.table(&[Column::Name, Column::Left, Column::Left], rows.collect());
}
