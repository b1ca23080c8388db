//! Everything that follows from a case: severity, urgency, consensus class, what is missing, what is owed.

use serde::Serialize;

use crate::consensus::{self, DeltaFacts, Verdict};
use crate::inputs::{Exploitation, Input, YesNo};
use crate::model::{Axis, Case};
use crate::names::Role;
use crate::plan::{Stage, Step, StepKind};
use crate::severity::Severity;
use crate::table::Table;
use crate::urgency::{self, Urgency};
use crate::values::Day;

/// What follows from a case.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Classification {
    /// By CVSS.
    pub severity: Severity,
    /// What each table says.
    pub urgency: Vec<Urgency>,
    /// The earliest day that a table sets.
    pub due: Option<Due>,
    /// The state of exploitation: what people say, or `active` if KEV lists it.
    pub exploitation: Option<Exploitation>,
    /// Whether KEV lists it; nothing if nobody has looked.
    pub in_kev: Option<bool>,
    /// Declared and computed consensus class.
    pub class: Verdict,
    /// Roles that nobody has.
    pub missing: Vec<Role>,
    /// Why the reviewer does not count as independent of the author; nothing if that is fine, or one of them is missing.
    pub reviewer_not_independent: Option<String>,
    /// What has to happen, in its order.
    pub steps: Vec<Step>,
    /// What people should know beside.
    pub notes: Vec<String>,
}

/// By when, and who says so.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Due {
    /// The last day, in UTC.
    pub day: Day,
    /// Seconds since 1970 when it is over.
    pub ends_unix_s: i64,
    /// The table that sets it.
    pub table: String,
    /// Its row.
    pub row: usize,
    /// The day that the days are counted from.
    pub from: Day,
    /// What happened on that day: `detected` or `listed in KEV`.
    pub since: &'static str,
    /// Whether all answers are there that decide it.
    pub decided: bool,
}

/// Classifies `case` by `tables`.
pub fn classify(case: &Case, tables: &[Table]) -> Classification {
    let (from, since) = counted_from(case);
    let answer = |input| answer(case, input);
    let urgency: Vec<Urgency> =
        tables.iter().filter_map(|table| urgency::decide(table, &answer, from)).collect();
    let due = urgency.iter().filter_map(|urgency| Some((urgency.due?, urgency))).min_by_key(|(day, _)| *day);
    let due = due.map(|(day, urgency)| Due {
        day,
        ends_unix_s: day.end_unix_s(),
        table: urgency.table.clone(),
        row: urgency.row,
        from,
        since,
        decided: urgency.decided,
    });
    let class = class(case);
    let missing = Role::ALL.into_iter().filter(|role| case.people.get(*role).is_none()).collect();
    let mut classification = Classification {
        severity: Severity::of(case.severity.cvss_v3.as_ref(), case.severity.cvss_v4.as_ref()),
        notes: notes(case, tables, &answer, from, &urgency),
        urgency,
        due,
        exploitation: exploitation(case),
        in_kev: case.in_kev(),
        class,
        missing,
        reviewer_not_independent: reviewer_not_independent(case),
        steps: Vec::new(),
    };
    classification.steps = steps(case, &classification);
    classification
}

/// BOD 26-04 counts from detection, or from the listing if that was earlier.
fn counted_from(case: &Case) -> (Day, &'static str) {
    let detected = case.detected.day();
    match case.listed().min_by_key(|listed| listed.added) {
        Some(listed) if listed.added < detected => (listed.added, "listed in KEV"),
        _ => (detected, "detected"),
    }
}

/// The word for an answer. Being listed means being exploited.
fn answer(case: &Case, input: Input) -> Option<&'static str> {
    match input {
        Input::InKev => case.in_kev().map(|listed| if listed { YesNo::Yes.name() } else { YesNo::No.name() }),
        Input::Exploitation => exploitation(case).map(Exploitation::name),
        _ => case.inputs.get(input),
    }
}

fn exploitation(case: &Case) -> Option<Exploitation> {
    if case.in_kev() == Some(true) { Some(Exploitation::Active) } else { case.inputs.exploitation }
}

fn class(case: &Case) -> Verdict {
    let declared = case.class.as_ref().map(|class| (class.declared, class.reason.to_string()));
    let Some(delta) = &case.delta else { return consensus::verdict(declared, None, Vec::new()) };
    let computed = consensus::compute(DeltaFacts {
        groups: &delta.groups,
        unmatched: &delta.unmatched,
        none_critical: delta.none_critical.as_ref(),
        unseen: &delta.unseen,
        touches: &delta.touches,
    });
    let mut blind_spots = Vec::new();
    for function in delta.by_pointer.iter() {
        blind_spots
            .push(format!("{function} is called by pointer: from where can't be seen in the call graph"));
    }
    consensus::verdict(declared, Some(computed), blind_spots)
}

fn reviewer_not_independent(case: &Case) -> Option<String> {
    let (author, reviewer) = (case.people.author.as_ref()?, case.people.reviewer.as_ref()?);
    if author.name == reviewer.name {
        return Some(format!("{} is the author", reviewer.name));
    }
    match (&author.team, &reviewer.team) {
        (Some(author), Some(team)) if author == team => {
            Some(format!("author and reviewer are both of {team}"))
        }
        (Some(_), Some(_)) => None,
        _ => Some("the teams of author and reviewer are not both known".to_owned()),
    }
}

fn notes(
    case: &Case,
    tables: &[Table],
    answer: &dyn Fn(Input) -> Option<&'static str>,
    from: Day,
    urgency: &[Urgency],
) -> Vec<String> {
    let mut notes = Vec::new();
    let is_unlisted = answer(Input::InKev) == Some(YesNo::No.name());
    if is_unlisted && exploitation(case) == Some(Exploitation::Active) {
        let as_if = |input| if input == Input::InKev { Some(YesNo::Yes.name()) } else { answer(input) };
        for table in
            tables.iter().filter(|table| table.points.iter().any(|point| point.input == Input::InKev))
        {
            if let Some(listed) = urgency::decide(table, &as_if, from)
                && urgency.iter().any(|urgency| urgency.table == table.id && urgency.key != listed.key)
            {
                notes.push(format!(
                    "it is exploited without being listed in KEV: CERT/CC advises to act as if it were, which is {} by {} (row {})",
                    listed.outcome, listed.name, listed.row
                ));
            }
        }
    }
    if let Some(listed) = case.listed().min_by_key(|listed| listed.added) {
        if let Some(due) = listed.due {
            notes.push(format!("KEV wants {} fixed by {due} where systems are exposed", listed.cve));
        }
        if listed.ransomware {
            notes.push(format!("ransomware campaigns are known to use {}", listed.cve));
        }
    }
    if case.kev.is_none() {
        notes.push("the KEV catalogue was not looked at; --kev FILE does".to_owned());
    } else if case.in_kev().is_none() {
        notes.push("an id has come since the KEV catalogue was looked at; --kev FILE looks again".to_owned());
    } else if case.cves().next().is_none() {
        notes.push("there is no CVE id yet, and KEV lists CVE ids only".to_owned());
    }
    notes
}

fn steps(case: &Case, found: &Classification) -> Vec<Step> {
    let step = |kind, before, what: String, why: String| Step { kind, before, what, why };
    let mut steps = Vec::new();
    let mut open: Vec<Input> =
        found.urgency.iter().flat_map(|urgency| urgency.open.iter().copied()).collect();
    open.sort_unstable();
    open.dedup();
    for input in open {
        let asking: Vec<&str> =
            found.urgency.iter().filter(|u| u.open.contains(&input)).map(|u| u.name.as_str()).collect();
        let why = format!("asked by {}", asking.join(", "));
        steps.push(step(StepKind::Answer { input }, Stage::Route, input.question().to_owned(), why));
    }
    for axis in Axis::ALL.into_iter().filter(|axis| case.axes.get(*axis).is_none()) {
        let what = format!("say what the fix does to {}, and why", axis.name());
        steps.push(step(StepKind::JudgeAxis { axis }, Stage::Route, what, "it is not judged yet".to_owned()));
    }
    if found.class.declared.is_none() {
        let what = "declare the consensus class".to_owned();
        steps.push(step(StepKind::DeclareClass, Stage::Route, what, "the author has not yet".to_owned()));
    }
    for role in &found.missing {
        let what = format!("find somebody who is {}", role.name());
        steps.push(step(StepKind::FillRole { role: *role }, Stage::Approval, what, "nobody is".to_owned()));
    }
    if let Some(why) = &found.reviewer_not_independent {
        let what = "find a reviewer of another team than the author's".to_owned();
        steps.push(step(StepKind::FindIndependentReviewer, Stage::Approval, what, why.clone()));
    }
    if let (true, Some(declared), Some(computed)) =
        (found.class.is_laxer, found.class.declared, &found.class.computed)
    {
        let what = format!("have the declaration of {} approved by itself", declared.name());
        let why = format!("{} was computed: {}", computed.class.name(), computed.because.join("; "));
        steps.push(step(StepKind::ApproveLaxerClass, Stage::Approval, what, why));
    }
    let kev_asks = case.listed().any(|listed| listed.forensic_triage == Some(true));
    let asking = found.urgency.iter().find(|urgency| urgency.forensics);
    if asking.is_some() || kev_asks {
        let why = asking.map_or("KEV asks for forensic triage".to_owned(), |urgency| {
            format!("{} asks for forensics in row {}", urgency.name, urgency.row)
        });
        let what = "capture evidence on every affected node: memory, processes, connections, logs".to_owned();
        steps.push(step(StepKind::CaptureEvidence, Stage::Patch, what, why));
    }
    steps
}
