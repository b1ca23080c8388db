//! What a dossier takes from the record of its case.

use std::path::Path;

use jiff::Timestamp;
use suture_case::names::CaseId;
use suture_case::plan::StepKind;
use suture_case::severity::Severity;
use suture_dossier::CaseFacts;

use crate::commands::case;
use crate::failure::Failure;

/// The case `id` in the directory of cases.
pub(super) fn of_case(cases: &Path, id: &CaseId) -> Result<CaseFacts, Failure> {
    let (case, found) = case::classified(cases, id)?;
    Ok(CaseFacts {
        id: case.id.to_string(),
        title: case.title.to_string(),
        severity: severity(&found.severity),
        due: found.due.as_ref().map(|due| due_at(due.ends_unix_s)).unwrap_or_default(),
        consensus_class: found.class.counts.map(|class| class.name().to_owned()).unwrap_or_default(),
        forensics: found.steps.iter().any(|step| step.kind == StepKind::CaptureEvidence),
    })
}

/// Such as `critical (CVSS 4.0: 9.3, CVSS 3.1: 9.8)`.
fn severity(severity: &Severity) -> String {
    let Some(rating) = severity.rating else { return String::new() };
    let versions = [("4.0", &severity.v4), ("3.1", &severity.v3)].into_iter();
    let scores = versions.filter_map(|(version, scored)| {
        scored.as_ref().map(|scored| format!("CVSS {version}: {}", scored.score()))
    });
    format!("{} ({})", rating.name(), scores.collect::<Vec<_>>().join(", "))
}

fn due_at(unix_s: i64) -> String {
    Timestamp::from_second(unix_s).map(|due| due.to_string()).unwrap_or_default()
}
