//! What `apply`, `toggle` and `revert` have in common: choose processes, operate on all at once, answer.

use std::time::Duration;

use suture_delta::Delta;
use suture_process::{Patch, Patient, Request};
use suture_surgery::operation::Goal;

use super::acts::acts;
use super::outcomes::{self, Row};
use crate::args::TargetArgs;
use crate::audit::Audit;
use crate::console::{Console, Progress};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::patch_name::PatchName;

/// Brings every chosen process to `goal`, in parallel, and prints a row for each.
pub(super) fn run(
    goal: Goal,
    patch: &PatchName,
    target: &TargetArgs,
    deadline: Duration,
    console: &Console,
) -> Result<Exit, Failure> {
    let pids = choose(patch, target)?;
    let audit = Audit::from_environment()?;
    let progress = Progress::start("waiting for a moment in which no thread is in the way");
    let rows = operate_on_all(goal, patch, &pids, deadline);
    drop(progress);
    audit.record(&acts(goal, patch, &rows))?;
    outcomes::answer(&rows, console)
}

fn operate_on_all(goal: Goal, patch: &PatchName, pids: &[i32], deadline: Duration) -> Vec<Row> {
    let one = |pid: i32| {
        let request = |patch| Request { goal, patch, deadline };
        let outcome = match patch {
            PatchName::File(delta, id) => {
                let id = id.to_string();
                suture_process::operate(pid, &request(Patch::Delta { id: &id, delta }))
            }
            PatchName::Id(id) => suture_process::operate(pid, &request(Patch::Id(id))),
        };
        Row { pid, name: suture_process::process_name(pid), outcome }
    };
    std::thread::scope(|scope| {
        let running: Vec<_> = pids.iter().map(|pid| scope.spawn(move || one(*pid))).collect();
        running
            .into_iter()
            .map(|thread| thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
            .collect()
    })
}

fn choose(patch: &PatchName, target: &TargetArgs) -> Result<Vec<i32>, Failure> {
    if !target.all {
        let mut pids = target.pid.clone();
        pids.sort_unstable();
        pids.dedup();
        return Ok(pids);
    }
    let processes = suture_process::processes()
        .map_err(|error| Failure::unexpected("the processes can't be listed").why(&error))?;
    let own = std::process::id() as i32;
    let concerned = |patient: &Patient| match patch {
        PatchName::File(delta, id) => has_build(patient, delta) || has_patch(patient, &id.to_string()),
        PatchName::Id(prefix) => has_patch(patient, prefix),
    };
    // A process that can't even be looked at is no candidate; `--pid` says why.
    let candidates = processes.into_iter().filter(|pid| *pid != own);
    Ok(candidates.filter(|pid| Patient::examine(*pid).is_ok_and(|patient| concerned(&patient))).collect())
}

fn has_build(patient: &Patient, delta: &Delta) -> bool {
    patient.module(&delta.meta.old.build_id).is_some()
}

fn has_patch(patient: &Patient, id: &str) -> bool {
    patient.applied().any(|home| home.record.id.starts_with(id))
}
