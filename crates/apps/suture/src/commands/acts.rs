//! Operations on processes as acts of the audit log: one for each process.

use std::collections::BTreeMap;

use suture_clearance::Patch;
use suture_log::{Draft, Outcome, Subject, Value};
use suture_surgery::operation::Goal;
use suture_surgery::outcome::End;
use suture_surgery::switch::Direction;

use super::outcomes::Row;
use crate::audit::actor;
use crate::patch_name::{Part, PatchName};

/// What was tried on each process, and how it ended.
pub(super) fn acts(goal: Goal, patch: &PatchName, rows: &[Row]) -> Vec<Draft> {
    rows.iter().map(|row| act(goal, patch, row)).collect()
}

/// What will be tried, and on which processes: all that there is to say if nobody is left to say how it ended.
pub(super) fn concerned(parts: &[Part<'_>], pids: &[i32]) -> Vec<Subject> {
    let deltas = parts.iter().map(|part| match part {
        Part::Delta(_, id) | Part::Id(id) => delta(id),
    });
    let processes = pids.iter().map(|pid| process(&suture_process::process_name(*pid), *pid));
    deltas.chain(processes).collect()
}

fn act(goal: Goal, patch: &PatchName, row: &Row) -> Draft {
    let (name, flag) = match goal {
        Goal::Apply { dark } => ("process.apply", Some(("dark", dark))),
        Goal::Toggle(direction) => ("process.toggle", Some(("on", direction == Direction::On))),
        Goal::Revert => ("process.revert", None),
    };
    let outcome = match &row.outcome.end {
        End::Done => Outcome::done(),
        End::Already => Outcome { code: Some("already".to_owned()), ..Outcome::done() },
        End::Refused(refusal) => Outcome::refused(refusal.code()),
        End::Failed(_) => Outcome::failed("unexpected"),
    };
    let mut detail = BTreeMap::from([
        ("attempts".to_owned(), Value::Number(row.outcome.attempts.into())),
        ("pause_us".to_owned(), Value::Number(i64::try_from(row.outcome.pause_us).unwrap_or(i64::MAX))),
        ("pid".to_owned(), Value::Number(row.pid.into())),
    ]);
    detail.extend(flag.map(|(name, flag)| (name.to_owned(), Value::Flag(flag))));
    Draft {
        act: name.to_owned(),
        actor: actor(),
        subjects: [process(&row.name, row.pid), delta(&row.patch)].into_iter().chain(bundle(patch)).collect(),
        outcome,
        detail,
    }
}

/// A program may give itself any name; what can't be shown is not in it.
fn process(name: &str, pid: i32) -> Subject {
    let name: String = name.chars().filter(|c| !c.is_control()).collect();
    Subject::id("process", format!("{name}[{pid}]"))
}

/// A delta by its id, or the beginning of it.
fn delta(id: &str) -> Subject {
    const SHA256_DIGITS: usize = 64;
    if id.len() == SHA256_DIGITS { Subject::digest("delta", id) } else { Subject::id("delta", id) }
}

/// A patch as the command line names it.
pub(super) fn named(patch: &PatchName) -> Subject {
    match patch {
        PatchName::File(patch) => subject(patch),
        PatchName::Id(id) => delta(id),
    }
}

fn bundle(patch: &PatchName) -> Option<Subject> {
    match patch {
        PatchName::File(patch) if patch.is_bundle => Some(subject(patch)),
        PatchName::File(_) | PatchName::Id(_) => None,
    }
}

/// A patch as others name it.
pub(crate) fn subject(patch: &Patch) -> Subject {
    Subject::digest(if patch.is_bundle { "bundle" } else { "delta" }, &patch.digest.to_string())
}
