//! What a dossier takes from the record of its case.

use std::path::Path;

use jiff::Timestamp;
use suture_case::Facts;
use suture_case::names::CaseId;
use suture_dossier::CaseFacts;

use crate::commands::case;
use crate::failure::Failure;

/// The case `id` in the directory of cases.
pub(super) fn of_case(cases: &Path, id: &CaseId) -> Result<CaseFacts, Failure> {
    let (title, facts) = case::facts(cases, id)?;
    Ok(CaseFacts {
        id: facts.case.to_string(),
        title,
        severity: severity(&facts),
        due: facts.due_unix_s.map(due).unwrap_or_default(),
        consensus_class: facts.class.map(|class| class.name().to_owned()).unwrap_or_default(),
        forensics: facts.forensics,
    })
}

/// Such as `critical (CVSS 4.0: 9.3, CVSS 3.1: 9.8)`.
fn severity(facts: &Facts) -> String {
    let Some(rating) = facts.rating else { return String::new() };
    let score = |version: &str, tenths: Option<u16>| {
        tenths.map(|tenths| format!("CVSS {version}: {}.{}", tenths / 10, tenths % 10))
    };
    let scores = [score("4.0", facts.cvss_v4_tenths), score("3.1", facts.cvss_v3_tenths)];
    let scores: Vec<String> = scores.into_iter().flatten().collect();
    format!("{} ({})", rating.name(), scores.join(", "))
}

fn due(unix_s: i64) -> String {
    Timestamp::from_second(unix_s).map(|due| due.to_string()).unwrap_or_default()
}
