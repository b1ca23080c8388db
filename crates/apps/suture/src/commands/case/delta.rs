//! What a delta says about the consensus class, as the case keeps it.

use suture_case::model::DeltaSummary;
use suture_case::values::{Line, List};
use suture_delta::Delta;
use suture_delta::format::DeltaId;

use crate::failure::Failure;

/// The facts of `delta`. Paths of the strictest class come first, so that the limit never drops what decides.
pub(super) fn summary(delta: &Delta, id: &DeltaId) -> Result<DeltaSummary, Failure> {
    let report = &delta.meta.report;
    let touches = suture_clearance::touches(delta);
    let mut groups: Vec<Line> = report.marked.iter().map(|group| Line::fitting(group)).collect();
    // Deltas of earlier versions name their groups in the paths alone.
    groups.extend(touches.iter().map(|touch| touch.group.clone()));
    groups.sort_unstable();
    groups.dedup();
    let by_pointer = report.impact.iter().filter(|impact| impact.address_taken);
    let odd = |why: String| Failure::unexpected("the delta's id can't be written down").why(&why);
    Ok(DeltaSummary {
        id: id.to_string().parse().map_err(odd)?,
        program: Line::fitting(&delta.meta.old.name),
        build_id: Line::fitting(&delta.meta.old.build_id),
        functions: u32::try_from(delta.meta.sites.len()).unwrap_or(u32::MAX),
        groups: List::first_of(groups),
        by_pointer: List::first_of(by_pointer.map(|impact| Line::fitting(&impact.function))),
        touches: List::first_of(touches),
    })
}
