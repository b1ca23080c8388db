//! The judgement: hot patch or full update, with the reasons in one line each.

use std::collections::BTreeSet;

use crate::report::{Report, Verdict};

/// Judges what a comparison found: a single refusal makes it a full update. Otherwise it can be hot, and the
/// reasons say what is replaced, what of it is marked as critical, and what only pointers reach.
pub fn classify(report: &Report) -> (Verdict, Vec<String>) {
    if !report.refusals.is_empty() {
        let reason = |refusal: &crate::refusal::Refusal| {
            let about =
                if refusal.symbol.is_empty() { String::new() } else { format!("{}: ", refusal.symbol) };
            format!("{}: {about}{}", refusal.code, refusal.message)
        };
        return (Verdict::FullUpdate, report.refusals.iter().map(reason).collect());
    }
    let mut reasons = vec![format!(
        "{} replaced, {} new; no layout, no thread-local variable and no start code changes",
        counted(report.changed.len(), "function"),
        report.new.len(),
    )];
    let in_place =
        report.data.iter().filter(|change| change.action == "in-place" || change.action == "overwrite");
    match in_place.count() {
        0 => {}
        count => {
            reasons.push(format!("{} of the old build changed where it stands", counted(count, "object")));
        }
    }
    let marks: BTreeSet<&str> = report.critical.iter().map(|path| path.mark.as_str()).collect();
    for mark in marks {
        let paths: Vec<_> = report.critical.iter().filter(|path| path.mark == mark).collect();
        if let Some(nearest) = paths.iter().min_by_key(|path| (path.path.len(), &path.path)) {
            let more =
                if paths.len() > 1 { format!(", and {} more", paths.len() - 1) } else { String::new() };
            reasons.push(format!("touches {mark}: {}{more}", nearest.told(" -> ")));
        }
    }
    let is_replaced = |name: &str| report.changed.iter().any(|function| function.name == name);
    let by_pointer =
        report.impact.iter().filter(|impact| impact.only_by_pointer && is_replaced(&impact.function));
    let by_pointer = by_pointer.count();
    if by_pointer > 0 {
        let subject = counted(by_pointer, "replaced function");
        reasons.push(format!("{subject} called by pointer only, from where can't be said"));
    }
    (Verdict::Hot, reasons)
}

fn counted(count: usize, what: &str) -> String {
    if count == 1 { format!("1 {what} is") } else { format!("{count} {what}s are") }
}
