//! What `apply`, `toggle` and `revert` have in common: choose processes, operate on all at once, answer.

use suture_process::{Patch, Patient, Request};
use suture_surgery::operation::Goal;
use suture_surgery::outcome::Refusal;

use super::acts::{acts, concerned};
use super::outcomes::{self, Row, Unexamined};
use crate::act::Act;
use crate::args::{PatienceArgs, TargetArgs};
use crate::console::{Console, Progress};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::patch_name::{Part, PatchName};

/// Brings every chosen process to `goal`, in parallel, and prints a row for each.
pub(super) fn run(
    goal: Goal,
    patch: &PatchName,
    target: &TargetArgs,
    patience: &PatienceArgs,
    act: &Act,
    console: &Console,
) -> Result<Exit, Failure> {
    let mut parts = patch.parts();
    if goal == Goal::Revert {
        parts.reverse();
    }
    let (pids, unexamined) = choose(&parts, target)?;
    act.on_each(concerned(&parts, &pids));
    let progress = Progress::start("waiting for a moment in which no thread is in the way");
    let rows = operate_on_all(goal, &parts, &pids, patience);
    drop(progress);
    act.told_by(acts(goal, patch, &rows));
    outcomes::answer(&rows, &unexamined, console)
}

fn operate_on_all(goal: Goal, parts: &[Part<'_>], pids: &[i32], patience: &PatienceArgs) -> Vec<Row> {
    std::thread::scope(|scope| {
        let one = |pid| scope.spawn(move || operate(goal, parts, pid, patience));
        let running: Vec<_> = pids.iter().copied().map(one).collect();
        running
            .into_iter()
            .flat_map(|thread| thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
            .collect()
    })
}

/// Operates with each part that concerns a process, until one does not do as wished; a row for each. Of parts of which none
/// concerns it the first says why.
fn operate(goal: Goal, parts: &[Part<'_>], pid: i32, patience: &PatienceArgs) -> Vec<Row> {
    let patient = if parts.len() > 1 { Patient::examine(pid).ok() } else { None };
    let concerned =
        parts.iter().filter(|part| patient.as_ref().is_some_and(|patient| concerns(part, patient)));
    let mut chosen: Vec<&Part<'_>> = concerned.collect();
    if chosen.is_empty() {
        chosen.extend(parts.first());
    }
    let mut rows: Vec<Row> = Vec::new();
    for part in chosen {
        if rows.last().is_some_and(|row| !row.outcome.is_success()) {
            break;
        }
        let patch = match *part {
            Part::Delta(delta, id) => Patch::Delta { id, delta },
            Part::Id(id) => Patch::Id(id),
        };
        let PatienceArgs { deadline, stop_all } = *patience;
        let outcome = suture_process::operate(pid, &Request { goal, patch, deadline, stop_all });
        let (name, patch) = (suture_process::process_name(pid), patch.id().to_owned());
        rows.push(Row { pid, name, patch, outcome });
    }
    rows
}

fn choose(parts: &[Part<'_>], target: &TargetArgs) -> Result<(Vec<i32>, Unexamined), Failure> {
    let mut unexamined = Unexamined::default();
    if !target.all {
        let mut pids = target.pid.clone();
        pids.sort_unstable();
        pids.dedup();
        return Ok((pids, unexamined));
    }
    let processes = suture_process::processes()
        .map_err(|error| Failure::unexpected("the processes can't be listed").why(&error))?;
    let own = std::process::id() as i32;
    let mut pids = Vec::new();
    for pid in processes.into_iter().filter(|pid| *pid != own) {
        match Patient::examine(pid) {
            Ok(patient) if parts.iter().any(|part| concerns(part, &patient)) => pids.push(pid),
            // What can't be read may be the patch.
            Ok(patient) => {
                unexamined.extend(patient.unreadable.first().map(|error| Refusal::Home(error.clone())));
            }
            Err(why) => unexamined.extend(Some(why).filter(|_| suture_process::runs_a_program(pid))),
        }
    }
    Ok((pids, unexamined))
}

fn concerns(part: &Part<'_>, patient: &Patient) -> bool {
    let has_patch = |id: &str| patient.applied().any(|home| home.record.id.starts_with(id));
    match part {
        Part::Delta(delta, id) => patient.module(&delta.meta.old.build_id).is_some() || has_patch(id),
        Part::Id(prefix) => has_patch(prefix),
    }
}
