//! Reports and deltas as people read them.
//!
//! Pure text: what the terminal can do comes in as a [`Look`]. A delta may come from a stranger, so every
//! name in it is shown without the characters that could move a cursor or reverse a line.
//!
//! ```text
//!  Report ─► report()      verdict, functions, data, impact, critical marks, refusals, notes
//!  Delta  ─► delta()       the builds, what is replaced, what is added, what is referred to, then the report's parts
//!         ─► document()    the same for machines
//!         ─► disassemble() ─► code()    its code, beside the old code
//! ```

mod contents;
mod disassembly;
mod document;
mod findings;
mod paint;
mod table;

use crate::format::DeltaId;
use crate::model::Delta;
use crate::report::Report;

pub use disassembly::{Change, DisassemblyError, FunctionCode, Line, Pair, code, disassemble};
pub use document::{Document, document};
use paint::Text;

/// What the reader's terminal can show.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Look {
    /// Columns to stay within; `None` where lines may be of any length, as in a file.
    pub width: Option<usize>,
    /// Whether to use colours (ANSI SGR).
    pub colour: bool,
}

/// What a comparison found, the verdict first.
pub fn report(report: &Report, look: &Look) -> String {
    let mut text = Text::new(*look);
    findings::verdict(report, &mut text);
    findings::changed(report, &mut text);
    findings::functions("new functions", &report.new, &mut text);
    findings::functions("removed functions", &report.removed, &mut text);
    findings::data(&report.data, &mut text);
    findings::impact(&report.impact, &mut text);
    findings::critical(&report.critical, &mut text);
    findings::notes(&report.notes, &mut text);
    findings::refusals(&report.refusals, &mut text);
    text.finish()
}

/// What a delta contains and does. `file_len` is the length of its file in bytes.
pub fn delta(delta: &Delta, id: &DeltaId, file_len: usize, look: &Look) -> String {
    let report = &delta.meta.report;
    let mut text = Text::new(*look);
    contents::builds(delta, id, file_len, &mut text);
    findings::verdict(report, &mut text);
    contents::replaced(delta, &mut text);
    findings::functions("new functions", &report.new, &mut text);
    findings::functions("removed functions", &report.removed, &mut text);
    findings::data(&report.data, &mut text);
    contents::overwrites(delta, &mut text);
    contents::memory(delta, &mut text);
    contents::references(delta, &mut text);
    contents::hooks(delta, &mut text);
    findings::impact(&report.impact, &mut text);
    findings::critical(&report.critical, &mut text);
    findings::notes(&report.notes, &mut text);
    text.finish()
}
