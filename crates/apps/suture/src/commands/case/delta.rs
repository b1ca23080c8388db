//! What a delta says about the consensus class, as the case keeps it.

use suture_case::consensus::{Relation, Touch, class_of};
use suture_case::model::DeltaSummary;
use suture_case::values::{Line, List};
use suture_delta::Delta;
use suture_delta::format::DeltaId;
use suture_delta::report::CriticalPath;

use crate::failure::Failure;

/// The facts of `delta`. Paths of the strictest class come first, so that the limit never drops what decides.
pub(super) fn summary(delta: &Delta, id: &DeltaId) -> Result<DeltaSummary, Failure> {
    let report = &delta.meta.report;
    let mut touches: Vec<Touch> = report.critical.iter().map(touch).collect();
    touches.sort_by(|a, b| {
        class_of(b).cmp(&class_of(a)).then_with(|| (&a.function, &a.marked).cmp(&(&b.function, &b.marked)))
    });
    touches.dedup();
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

fn touch(path: &CriticalPath) -> Touch {
    let relation = if path.function == path.marked {
        Relation::Is
    } else if path.path.first() == Some(&path.function) {
        Relation::Calls
    } else {
        Relation::CalledBy
    };
    Touch {
        group: Line::fitting(&path.mark),
        function: Line::fitting(&path.function),
        relation,
        marked: Line::fitting(&path.marked),
    }
}
