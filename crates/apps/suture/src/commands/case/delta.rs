//! What the analysis says, as the case keeps it: the facts of a delta, or why there is none.

use std::path::Path;

use serde::Deserialize;
use suture_case::model::{DeltaSummary, FullUpdate};
use suture_case::values::{Line, List};
use suture_delta::Delta;
use suture_delta::format::DeltaId;
use suture_delta::report::Verdict;

use crate::failure::Failure;
use crate::files;

/// Longest document of an analysis, in bytes.
const ANALYSIS_BYTES_MAX: u64 = 64 << 20;

/// What is read of the document of `diff` and `build`.
#[derive(Deserialize)]
struct Analysis {
    verdict: Verdict,
    reasons: Vec<String>,
}

/// Why there is no delta, from the document of a `diff` or `build`.
pub(super) fn refusal(path: &Path) -> Result<FullUpdate, Failure> {
    let text = files::read_text_up_to(path, "the analysis", ANALYSIS_BYTES_MAX)?;
    let failure =
        || Failure::usage(format!("`{}` is no analysis that asks for a full update", path.display()));
    let analysis: Analysis = serde_json::from_str(&text).map_err(|error| {
        failure().why(&error).help("`suture diff --json` and `suture build --json` print one")
    })?;
    if analysis.verdict == Verdict::Hot {
        return Err(failure().why(&"it says that the change can be hot").help("give its delta with --delta"));
    }
    Ok(FullUpdate { reasons: List::first_of(analysis.reasons.iter().map(|reason| Line::fitting(reason))) })
}

/// The facts of `delta`. Paths of the strictest class come first, so that the limit never drops what decides.
pub(super) fn summary(delta: &Delta, id: &DeltaId, bytes: usize) -> Result<DeltaSummary, Failure> {
    let report = &delta.meta.report;
    let touches = suture_clearance::touches(delta);
    let mut groups: Vec<Line> = report.marked.iter().map(|group| Line::fitting(group)).collect();
    // Deltas of earlier versions name their groups in the paths alone.
    groups.extend(touches.iter().map(|touch| touch.group.clone()));
    groups.sort_unstable();
    groups.dedup();
    let by_pointer = report.impact.iter().filter(|impact| impact.address_taken);
    let facts = suture_bundle::Facts::of(delta, id, bytes);
    let count = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
    let odd = |why: String| Failure::unexpected("the delta's id can't be written down").why(&why);
    Ok(DeltaSummary {
        id: id.to_string().parse().map_err(odd)?,
        program: Line::fitting(&delta.meta.old.name),
        build_id: Line::fitting(&delta.meta.old.build_id),
        bytes: bytes as u64,
        functions: count(delta.meta.sites.len()),
        data: count(facts.overwrites.len()),
        layouts: count(facts.types.len()),
        hooks: !facts.hooks.is_empty(),
        paths: count(report.critical.len()),
        groups: List::first_of(groups),
        unmatched: List::first_of(report.unmatched.iter().map(|lost| Line::fitting(&lost.pattern))),
        none_critical: report.none_critical.as_deref().map(Line::fitting),
        unseen: List::first_of(suture_clearance::unseen(delta)),
        by_pointer: List::first_of(by_pointer.map(|impact| Line::fitting(&impact.function))),
        touches: List::first_of(touches),
    })
}
