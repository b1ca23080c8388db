//! Reports and deltas as people read them.
//!
//! Written on a [`Page`], so that nothing in a stranger's delta can act on the terminal.
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

use crate::format::DeltaId;
use crate::model::Delta;
use crate::page::{Look, Page};
use crate::report::Report;

pub use disassembly::{Change, DisassemblyError, FunctionCode, Line, Pair, code, disassemble};
pub use document::{Document, document};

/// What a comparison found, the verdict first.
pub fn report(report: &Report, look: &Look) -> String {
    let mut text = Page::new(*look);
    findings::verdict(report, &mut text);
    findings::changed(report, &mut text);
    findings::functions("new functions", &report.new, &mut text);
    findings::functions("removed functions", &report.removed, &mut text);
    findings::data(&report.data, &mut text);
    findings::readers(&report.readers, &mut text);
    findings::impact(&report.impact, &mut text);
    findings::critical(report, &mut text);
    findings::notes(&report.notes, &mut text);
    findings::refusals(&report.refusals, &mut text);
    text.finish()
}

/// What a delta contains and does. `file_len` is the length of its file in bytes.
pub fn delta(delta: &Delta, id: &DeltaId, file_len: usize, look: &Look) -> String {
    let report = &delta.meta.report;
    let mut text = Page::new(*look);
    contents::builds(delta, id, file_len, &mut text);
    findings::verdict(report, &mut text);
    contents::replaced(delta, &mut text);
    findings::functions("new functions", &report.new, &mut text);
    findings::functions("removed functions", &report.removed, &mut text);
    findings::data(&report.data, &mut text);
    contents::overwrites(delta, &mut text);
    findings::readers(&report.readers, &mut text);
    contents::memory(delta, &mut text);
    contents::references(delta, &mut text);
    contents::hooks(delta, &mut text);
    findings::impact(&report.impact, &mut text);
    findings::critical(report, &mut text);
    findings::notes(&report.notes, &mut text);
    text.finish()
}
