//! The answer of `new`, `update` and `show`: one document for scripts, one page for people.

use std::path::Path;

use serde::Serialize;
use suture_advisory::{Advisory, Stage, csaf};
use suture_delta::page::{Column, Look, Page, Tone};

use crate::console::Console;
use crate::failure::Failure;

#[derive(Serialize)]
struct Document<'a> {
    schema: u32,
    /// Where it is.
    file: String,
    /// Its last version; `null` if it has none.
    version: Option<String>,
    /// In the words of CSAF: draft, interim or final.
    status: &'static str,
    /// Whether it was edited since its last version.
    edited: bool,
    /// What it says.
    advisory: &'a Advisory,
}

pub(super) fn answer(file: &Path, advisory: &Advisory, console: &Console) -> Result<(), Failure> {
    let document = Document {
        schema: 1,
        file: file.display().to_string(),
        version: advisory.revision.last().map(|last| last.number.to_string()),
        status: csaf::status(advisory),
        edited: advisory.is_edited(),
        advisory,
    };
    console.answer(&document, |look| page(file, advisory, look))
}

fn page(file: &Path, advisory: &Advisory, look: &Look) -> String {
    let cell = |text: &str, tone| (text.to_owned(), tone);
    let mut page = Page::new(*look);
    page.heading(&format!("{}: {}", advisory.id, advisory.title));
    let version = advisory.revision.last().map_or("none".to_owned(), |last| last.number.to_string());
    let until = match (advisory.stage, advisory.disclose_at) {
        (Stage::Published, _) | (_, None) => String::new(),
        (_, Some(until)) => format!(", not public before {until}"),
    };
    let count = |number: usize, one: &str, many: &str| match number {
        1 => format!("1 {one}"),
        number => format!("{number} {many}"),
    };
    let program = &advisory.program;
    let said = [
        count(program.affected.len(), "affected range", "affected ranges"),
        count(program.fixed.len(), "fixed version", "fixed versions"),
        count(advisory.hot_patch.len(), "hot-patched build", "hot-patched builds"),
    ];
    let rows = [
        ("file", file.display().to_string(), Tone::Plain),
        ("stage", format!("{}{until}", advisory.stage), Tone::Strong),
        ("version", format!("{version}, {} for readers of CSAF", csaf::status(advisory)), Tone::Plain),
        ("TLP", advisory.tlp.name().to_owned(), Tone::Plain),
        ("says", said.join(", "), Tone::Plain),
    ];
    let rows = rows.iter().map(|(name, value, tone)| vec![cell(name, Tone::Faint), cell(value, *tone)]);
    page.table(&[Column::Left, Column::Left], rows.collect());
    if advisory.is_edited() {
        page.prose(
            2,
            "!",
            Tone::Warn,
            "it was edited since its last version: `suture advisory update` makes a new one",
        );
    }
    if !advisory.revision.is_empty() {
        page.heading("versions");
        let rows = advisory.revision.iter().map(|revision| {
            let forced = revision.forced.as_ref().map(|reason| format!(" (forced: {reason})"));
            let what = format!("{}{}", revision.summary, forced.unwrap_or_default());
            vec![
                cell(&revision.number.to_string(), Tone::Plain),
                cell(&revision.at.to_string(), Tone::Faint),
                cell(revision.stage.name(), Tone::Plain),
                cell(revision.by.as_str(), Tone::Plain),
                cell(&what, Tone::Plain),
            ]
        });
        page.table(&[Column::Left; 5], rows.collect());
    }
    page.finish()
}
