//! One operation on one process, from the first look to the outcome.
//!
//! The core decides ([`Operation`]); here its effects meet the process.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use suture_delta::model::Delta;
use suture_surgery::home::{Home, State};
use suture_surgery::operation::{Effect, Goal, Input, Now, Operation};
use suture_surgery::outcome::{End, Outcome, Refusal};
use suture_surgery::switch::Write;

use crate::install::InstallError;
use crate::lock::ProcessLock;
use crate::patient::Patient;
use crate::plan;
use crate::state_dir::{Entry, Journal};
use crate::sys::Modest;
use crate::theatre::Theatre;
use crate::{memory_left, names, proc, starting};

/// What is asked for.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// What the process shall be like.
    pub goal: Goal,
    /// Which patch.
    pub patch: Patch<'a>,
    /// How long to try again while the process is busy; zero for a single try.
    pub deadline: Duration,
    /// Whether every thread is to be stopped, also where those that sleep could be left asleep.
    pub stop_all: bool,
}

/// Which patch.
#[derive(Debug, Clone, Copy)]
pub enum Patch<'a> {
    /// A delta at hand.
    Delta {
        /// SHA-256 of its file, hex.
        id: &'a str,
        /// Its content.
        delta: &'a Delta,
    },
    /// One that is in the process: its id or a unique beginning of it.
    Id(&'a str),
}

impl Patch<'_> {
    /// The id or the beginning of it.
    pub fn id(&self) -> &str {
        match self {
            Self::Delta { id, .. } | Self::Id(id) => id,
        }
    }
}

/// How long the kernel may take to let a process that has been killed be seen to end.
const KILLED_MAX: Duration = Duration::from_millis(40);
/// How often another place is looked for when the one that was free is taken meanwhile.
const PLACES_MAX: usize = 8;

/// Carries out one operation on process `pid`.
pub fn operate(pid: i32, request: &Request<'_>) -> Outcome {
    let _modest = Modest::begin();
    let outcome = carry_out(pid, request);
    let is_gone = match outcome.end {
        // A thread that has been killed answers to nothing a moment before it is seen to end.
        End::Refused(Refusal::Unstoppable { .. } | Refusal::NoResources { .. }) | End::Failed(_) => {
            has_gone_by(pid, KILLED_MAX)
        }
        End::Refused(_) => proc::has_gone(pid),
        End::Done | End::Already => false,
    };
    // Whatever went wrong went wrong because it was ending.
    if is_gone { Outcome { end: End::Refused(Refusal::Gone), ..outcome } } else { outcome }
}

fn has_gone_by(pid: i32, time: Duration) -> bool {
    let begun = Instant::now();
    loop {
        match proc::has_gone(pid) {
            false if begun.elapsed() < time => std::thread::sleep(time / 20),
            gone => return gone,
        }
    }
}

fn carry_out(pid: i32, request: &Request<'_>) -> Outcome {
    let begun = Instant::now();
    let refused = |why| Outcome { end: End::Refused(why), pause_us: 0, attempts: 0 };
    let (_lock, mut journal) = match begin(pid, request.deadline) {
        Ok(begun) => begun,
        Err(why) => return refused(why),
    };
    for _ in 0..PLACES_MAX {
        match attempt(pid, request, begun, &mut journal) {
            Ok(outcome) => {
                let entry = Entry::End { at: unix_s(), outcome: format!("{:?}", outcome.end) };
                if let Err(error) = journal.write(&entry) {
                    tracing::warn!(%error, "the operation is over, but the journal could not be told");
                }
                return outcome;
            }
            Err(InstallError::PlaceTaken) => {}
            Err(InstallError::Refused(why)) => return refused(why),
        }
    }
    refused(Refusal::Unsupported("its memory changes faster than a place in it can be taken".to_owned()))
}

/// The process is this surgeon's alone while the lock lives.
fn begin(pid: i32, time: Duration) -> Result<(ProcessLock, Journal), Refusal> {
    let until = Instant::now() + time;
    let (_, start) = proc::state_and_start(pid).map_err(|_| Refusal::Gone)?;
    let lock = ProcessLock::take(pid, until)?;
    let journal = Journal::open(pid, start, until)?;
    // No surgeon's any more: whoever traces it now is a debugger.
    match crate::world::traced(pid) {
        Some(refusal) => Err(refusal),
        None => Ok((lock, journal)),
    }
}

fn attempt(
    pid: i32,
    request: &Request<'_>,
    begun: Instant,
    journal: &mut Journal,
) -> Result<Outcome, InstallError> {
    starting::wait(pid, begun + request.deadline)?;
    let patient = Patient::examine(pid)?;
    let plan = match plan::plan(&patient, request, unix_s())? {
        plan::Plan::Over(outcome) => return Ok(outcome),
        plan::Plan::Operate(plan) => plan,
    };
    let settled = patient.is_settled(&plan.home);
    memory_left::check(pid, request.goal, &plan.home, settled)?;
    let (goal, patch) = (format!("{:?}", request.goal), plan.home.record.id.clone());
    journal.write(&Entry::Begin { at: unix_s(), goal, patch })?;
    let deadline_ms = request.deadline.as_millis() as u64;
    let mut operation = Operation::new(
        request.goal,
        plan.home,
        settled,
        plan.installation,
        plan.register_frames,
        deadline_ms,
    );
    let mut theatre = Theatre::new(&patient, journal, request.deadline, request.stop_all);
    let mut input = Input::Start;
    loop {
        let now = Now { steady_ms: begun.elapsed().as_millis() as u64, unix_s: unix_s() };
        let effect = operation.step(input, now);
        tracing::debug!(?effect, "next");
        input = match effect {
            Effect::Finish(outcome) => {
                return Ok(told(&patient, verified(&patient, operation.home(), outcome)));
            }
            Effect::Install(installation) => {
                theatre.install(&installation)?;
                Input::Done
            }
            Effect::Refill(installation) => theatre.refill(&installation)?,
            Effect::Call(call) => theatre.call(operation.home(), call),
            Effect::Poke(writes) => poke(&patient, &writes),
            Effect::Throw(throw) => theatre.throw(&throw),
            Effect::Wait { ms } => {
                std::thread::sleep(Duration::from_millis(ms));
                Input::Done
            }
        };
    }
}

fn poke(patient: &Patient, writes: &[Write]) -> Input {
    for write in writes {
        let Write::Bytes { address, bytes } = write else {
            return Input::Failed("a copy in a running process".to_owned());
        };
        if let Err(error) = patient.memory.write(*address, bytes) {
            return Input::Failed(format!("writing to {address:#x}: {error}"));
        }
    }
    Input::Done
}

/// Reads back what was written: the sites must say what the outcome claims.
fn verified(patient: &Patient, home: &Home, outcome: Outcome) -> Outcome {
    let was_written = home.head.state != State::Installed && matches!(outcome.end, End::Done);
    if !was_written || patient.is_settled(home) || proc::has_gone(patient.pid) {
        return outcome;
    }
    let end = End::Failed("what was written is not what stands there now".to_owned());
    Outcome { end, ..outcome }
}

/// The outcome with the names of functions in it.
fn told(patient: &Patient, mut outcome: Outcome) -> Outcome {
    if let End::Refused(Refusal::Busy { stack, .. }) = &mut outcome.end {
        names::name(patient, stack);
    }
    outcome
}

fn unix_s() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs())
}
