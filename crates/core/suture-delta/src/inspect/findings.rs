//! The parts of a report.

use crate::page::{Cell, Column, INDENT, Page, Tone, counted, grouped, listed};
use crate::refusal::Refusal;
use crate::report::{DataChange, FunctionRef, Impact, Readers, Report, Unmatched, Verdict};

/// How many names of a list are shown; `--json` has them all.
const NAMES_SHOWN_MAX: usize = 6;

pub(super) fn verdict(report: &Report, text: &mut Page) {
    let (word, tone) = match report.verdict {
        Verdict::Hot => ("HOT:", Tone::Good),
        Verdict::FullUpdate => ("FULL UPDATE:", Tone::Bad),
    };
    text.gap();
    text.prose(0, word, tone, &summary(report));
    // A reason that a refusal gives stands there, with place and help.
    let refused = |reason: &str| report.refusals.iter().any(|refusal| reason.contains(&refusal.message));
    for reason in report.reasons.iter().filter(|reason| !refused(reason)) {
        text.prose(INDENT, "·", Tone::Faint, reason);
    }
}

/// The report in a line.
fn summary(report: &Report) -> String {
    let counts = [
        (report.changed.len(), "changed function"),
        (report.new.len(), "new function"),
        (report.removed.len(), "removed function"),
        (report.data.len(), "data object"),
        (report.critical.len(), "critical path"),
        (report.refusals.len(), "refusal"),
    ];
    let parts: Vec<_> =
        counts.iter().filter(|(count, _)| *count > 0).map(|(count, noun)| counted(*count, noun)).collect();
    if parts.is_empty() { "no difference".to_owned() } else { parts.join(", ") }
}

pub(super) fn changed(report: &Report, text: &mut Page) {
    if report.changed.is_empty() {
        return;
    }
    text.heading("changed functions");
    let columns =
        [Column::Name, Column::Path, Column::Right, Column::Unit, Column::After, Column::Unit, Column::Name];
    let rows = report.changed.iter().map(|function| {
        let mut row = vec![strong(&function.name), place(&function.file, function.line)];
        row.extend(sizes(function.old_size, function.new_size));
        row.push(faint(function.why.clone()));
        row
    });
    text.table(&columns, rows.collect());
}

pub(super) fn functions(heading: &str, functions: &[FunctionRef], text: &mut Page) {
    if functions.is_empty() {
        return;
    }
    text.heading(heading);
    let rows = functions.iter().map(|function| {
        let size = (grouped(function.size), Tone::Plain);
        vec![strong(&function.name), place(&function.file, function.line), size, plain("B")]
    });
    text.table(&[Column::Name, Column::Path, Column::Right, Column::Unit], rows.collect());
}

pub(super) fn data(objects: &[DataChange], text: &mut Page) {
    if objects.is_empty() {
        return;
    }
    text.heading("data");
    let columns = [
        Column::Name,
        Column::Left,
        Column::Left,
        Column::Right,
        Column::Unit,
        Column::After,
        Column::Unit,
        Column::Left,
    ];
    let rows = objects.iter().map(|object| {
        let tone = if object.action == "refused" { Tone::Bad } else { Tone::Plain };
        let mut row = vec![strong(&object.name), plain(&object.change), (object.action.clone(), tone)];
        row.extend(sizes(object.old_size, object.new_size));
        row.push(faint(if object.writable { "writable" } else { "constant" }.to_owned()));
        row
    });
    text.table(&columns, rows.collect());
}

/// Who refers to the objects that change where they stand.
pub(super) fn readers(readers: &[Readers], text: &mut Page) {
    if readers.is_empty() {
        return;
    }
    text.heading("who refers to data that changes");
    for Readers { object, functions, complete } in readers {
        text.table(&[Column::Name], vec![vec![strong(object)]]);
        let mut parts = Vec::new();
        if !functions.is_empty() {
            parts.push(format!("used by {}", listed(functions, NAMES_SHOWN_MAX)));
        }
        if !complete {
            parts.push("used in a way that can't be computed".to_owned());
        }
        text.prose(2 * INDENT, "", Tone::Plain, &parts.join("; "));
    }
}

pub(super) fn impact(impact: &[Impact], text: &mut Page) {
    if impact.is_empty() {
        return;
    }
    text.heading("impact");
    for reached in impact {
        text.table(&[Column::Name], vec![vec![strong(&reached.function)]]);
        text.prose(2 * INDENT, "", Tone::Plain, &reach(reached));
    }
}

/// Who reaches a function, in a sentence.
fn reach(impact: &Impact) -> String {
    let mut parts = Vec::new();
    if !impact.callers.is_empty() {
        parts.push(format!("called by {}", listed(&impact.callers, NAMES_SHOWN_MAX)));
    }
    if impact.reached_from > impact.callers.len() {
        parts.push(format!("reached from {}", counted(impact.reached_from, "function")));
    }
    if !impact.roots.is_empty() {
        parts.push(format!("roots: {}", listed(&impact.roots, NAMES_SHOWN_MAX)));
    }
    if impact.only_by_pointer {
        parts.push("reached only by pointer".to_owned());
    } else if impact.address_taken {
        parts.push("may be called by pointer too".to_owned());
    }
    if parts.is_empty() { "not called by anything in this build".to_owned() } else { parts.join("; ") }
}

/// Paths to what is marked, and what keeps the marks from saying anything.
pub(super) fn critical(report: &Report, text: &mut Page) {
    let paths = &report.critical;
    let unseen = report.unseen();
    let is_silent = report.unmatched.is_empty() && report.none_critical.is_none() && unseen.is_empty();
    if paths.is_empty() && is_silent {
        return;
    }
    text.heading("critical");
    for path in paths {
        let mark = format!("{}:", path.mark);
        text.prose(
            INDENT,
            &mark,
            Tone::Warn,
            &format!("{} (marked by `{}`)", path.told(" → "), path.pattern),
        );
    }
    for what in unseen {
        text.prose(
            INDENT,
            "unseen:",
            Tone::Bad,
            &format!("{what}, so that the strictest consensus class counts"),
        );
    }
    if let Some(why) = &report.none_critical {
        text.prose(INDENT, "none:", Tone::Warn, &format!("{why} (by suture.toml)"));
    }
    for Unmatched { mark, pattern, line } in &report.unmatched {
        let row =
            vec![("pattern-unmatched".to_owned(), Tone::Bad), strong(pattern), place("suture.toml", *line)];
        text.table(&[Column::Left, Column::Name, Column::Path], vec![row]);
        let message = format!(
            "it marks nothing in either build as {mark}, so that the consensus class is not computed and the strictest counts"
        );
        text.prose(2 * INDENT, "", Tone::Plain, &message);
        let help = "correct the pattern or take it out; where nothing is left of a function, mark its callers or its file";
        text.prose(2 * INDENT, "help:", Tone::Good, help);
    }
}

pub(super) fn notes(notes: &[String], text: &mut Page) {
    if notes.is_empty() {
        return;
    }
    text.heading("notes");
    for note in notes {
        text.prose(INDENT, "·", Tone::Faint, note);
    }
}

pub(super) fn refusals(refusals: &[Refusal], text: &mut Page) {
    if refusals.is_empty() {
        return;
    }
    text.heading("refused because");
    for refusal in refusals {
        let code = (refusal.code.to_string(), Tone::Bad);
        let row = vec![code, strong(&refusal.symbol), place(&refusal.file, refusal.line)];
        text.table(&[Column::Left, Column::Name, Column::Path], vec![row]);
        text.prose(2 * INDENT, "", Tone::Plain, &refusal.message);
        text.prose(2 * INDENT, "help:", Tone::Good, &refusal.help);
    }
}

/// `file:line`, as far as known.
pub(super) fn place(file: &str, line: u32) -> Cell {
    let text = match (file, line) {
        ("", _) => String::new(),
        (file, 0) => file.to_owned(),
        (file, line) => format!("{file}:{line}"),
    };
    (text, Tone::Faint)
}

/// Old and new size, as the four cells `96 → 112 B`.
pub(super) fn sizes(old: u64, new: u64) -> [Cell; 4] {
    let size = |size| if size == 0 { plain("–") } else { (grouped(size), Tone::Plain) };
    [size(old), faint("→".to_owned()), size(new), plain("B")]
}

pub(super) fn strong(text: &str) -> Cell {
    (text.to_owned(), Tone::Strong)
}

pub(super) fn plain(text: &str) -> Cell {
    (text.to_owned(), Tone::Plain)
}

pub(super) fn faint(text: String) -> Cell {
    (text, Tone::Faint)
}
