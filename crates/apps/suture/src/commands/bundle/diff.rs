//! `suture bundle diff FILE OTHER`.

use serde::Serialize;
use suture_bundle::{Change, DeltaDifference, Difference, Digest, PartKind, difference};
use suture_delta::page::{Cell, Column, Look, Page, Tone, grouped};

use super::open;
use crate::args::BundleDiffArgs;
use crate::console::Console;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::files;

#[derive(Serialize)]
struct Document {
    schema: u32,
    one: Digest,
    other: Digest,
    /// Whether the two are the same file.
    same: bool,
    #[serde(flatten)]
    difference: Difference,
}

pub(super) fn run(args: &BundleDiffArgs, console: &Console) -> Result<Exit, Failure> {
    let (one, other) = (files::read_bundle(&args.one)?, files::read_bundle(&args.other)?);
    let (a, b) = (open(&args.one, &one)?, open(&args.other, &other)?);
    let (one, other) = (Digest::of(&one), Digest::of(&other));
    let difference = difference((&a.0, &a.1), (&b.0, &b.1));
    let document = Document { schema: 1, same: one == other, one, other, difference };
    console.answer(&document, |look| text(&document, look))?;
    Ok(Exit::Done)
}

fn text(document: &Document, look: &Look) -> String {
    let mut page = Page::new(*look);
    if document.same {
        page.prose(0, "SAME:", Tone::Good, &format!("both are bundle {}", document.one));
        return page.finish();
    }
    page.heading(&format!("from {} to {}", document.one, document.other));
    let members = document.difference.members.iter().map(|member| {
        let (word, tone) = word(member.change);
        vec![(word.to_owned(), tone), (member.name.to_string(), Tone::Strong)]
    });
    page.table(&[Column::Left, Column::Name], members.collect());
    for delta in &document.difference.deltas {
        self::delta(delta, &mut page);
    }
    page.finish()
}

fn delta(delta: &DeltaDifference, page: &mut Page) {
    let (word, _) = word(delta.change);
    page.heading(&format!("delta for {}, build {}: {word}", clean(&delta.program), clean(&delta.build_id)));
    if delta.parts.is_empty() {
        page.prose(2, "", Tone::Plain, "the same code and data; only what it says of itself differs");
    }
    let columns =
        [Column::Left, Column::Left, Column::Name, Column::Right, Column::Unit, Column::After, Column::Unit];
    let rows = delta.parts.iter().map(|part| {
        let (word, tone) = self::word(part.change);
        let kind = match part.kind {
            PartKind::Replaced => "replaced function",
            PartKind::Function => "function",
            PartKind::Object => "object",
            PartKind::Overwrite => "overwritten object",
        };
        let plain = |text: String| -> Cell { (text, Tone::Plain) };
        vec![
            (word.to_owned(), tone),
            plain(kind.to_owned()),
            (part.name.clone(), Tone::Strong),
            plain(grouped(part.one_size)),
            plain("B".to_owned()),
            plain(format!("→ {}", grouped(part.other_size))),
            plain("B".to_owned()),
        ]
    });
    page.table(&columns, rows.collect());
}

fn clean(text: &str) -> String {
    suture_delta::page::clean(text)
}

fn word(change: Change) -> (&'static str, Tone) {
    match change {
        Change::Added => ("added", Tone::Good),
        Change::Removed => ("removed", Tone::Bad),
        Change::Changed => ("changed", Tone::Warn),
    }
}
