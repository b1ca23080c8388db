//! A stop that wakes nobody who sleeps.
//!
//! Most threads of most servers sleep most of the time. To stop one that sleeps it has to be woken, and afterwards has to begin its
//! system call anew: with hundreds of threads that takes milliseconds, for nothing, since it would have slept on. Here all
//! processors are held for the moment of the write ([`Holders`]), so that nobody of the process can run. Where each thread stands the
//! kernel has recorded when it last left a processor ([`Watch`]).
//!
//! ```text
//!  watch     and judge where each stands, again and again for those that have run since      (all run)
//!  take      the processors, when nobody wants any
//!  look      at those that have run since; all must be clear                                 (nobody runs)
//!  write
//!  check     that nobody has run
//!  let go
//! ```
//!
//! All that is needed must be plain: where it is not (a thread that is in forbidden code, a stack that takes more than a search to
//! judge, a real-time thread, no permission, too many processors) nothing has happened, and the threads are stopped one by one.

use std::cell::Cell;
use std::io;
use std::time::Duration;

use super::away::Watch;
use super::{Duty, Look, StopError};
use crate::proc;
use crate::processors::Processors;
use crate::sys::{Holders, Modest, Urgent};

/// Fewer threads are stopped as fast one by one.
const THREADS_MIN: usize = 8;
/// To hold the processors of a large machine is much to ask of those who use it, and there threads are stopped side by side.
const PROCESSORS_MAX: usize = 16;
/// How often those that have run are looked at again, at most, before the processors are taken.
const LOOKS_MAX: usize = 8;
/// The processors are taken when at most one in so many threads has run during the last look.
const MOVED_SHARE: usize = 8;
/// With more than one in so many unclear it is not worth going on.
const UNCLEAR_SHARE: usize = 4;
/// How long to wait for a moment at which nobody wants a processor.
const PATIENCE: Duration = Duration::from_millis(5);
/// How often the processors are taken before the threads are stopped one by one.
const ATTEMPTS_MAX: usize = 4;
/// How long to wait for another surgeon that has them.
const OTHERS_MAX: Duration = Duration::from_millis(20);

/// What came of it.
#[derive(Debug, Default)]
pub(super) struct Held {
    /// What became of the act; `None` if it has to be done with all threads stopped.
    pub(super) result: Option<Result<(), StopError>>,
    /// Whether the act was done and somebody may have run meanwhile.
    pub(super) is_doubtful: bool,
    /// For how long the processors were held, all in all.
    pub(super) took: Duration,
}

/// Acts while nobody runs, without stopping anybody, if that can be done.
pub(super) fn stop(pid: i32, duty: &Duty<'_>) -> Held {
    let mut held = Held::default();
    let Some(rehearse) = duty.rehearse else { return held };
    let threads = proc::threads(pid).unwrap_or_default();
    if threads.len() < THREADS_MIN || !Urgent::is_granted() {
        return held;
    }
    let online = Processors::online().filter(|online| online.numbers.len() <= PROCESSORS_MAX);
    let Some(processors) = online.filter(|online| online.lock(OTHERS_MAX)) else { return held };
    let tried = try_to(&mut held, pid, &threads, &processors, rehearse, duty);
    tracing::debug!(?tried, ?held, "processors were to be held");
    held
}

/// How an attempt ended.
enum Attempt {
    /// Nothing was done: the processors could not be taken, or somebody is not clear.
    Vain,
    /// The act was done, and nobody ran.
    Acted(Result<(), StopError>),
    /// The act was done or begun, and somebody may have run.
    Doubtful,
}

/// An error means that it can't be done this way, and nothing else.
fn try_to(
    held: &mut Held,
    pid: i32,
    threads: &[i32],
    processors: &Processors,
    rehearse: &dyn Fn() -> io::Result<()>,
    duty: &Duty<'_>,
) -> io::Result<()> {
    let _modest = Modest::begin();
    let mut look = (duty.look)();
    let Some(mut watch) = Watch::begin(pid, threads, processors)? else { return Ok(()) };
    rehearse()?;
    // What is born from now on is told of; a child that is in its parent's memory already is none of its threads.
    if proc::memory_sharer(pid).is_some() {
        return Ok(());
    }
    for _ in 0..ATTEMPTS_MAX {
        let holders = Holders::start(&processors.numbers)?;
        if !catch_up(&mut watch, &mut *look)? || watch.has_child() {
            break;
        }
        let urgent = Urgent::begin();
        let attempted = attempt(&holders, processors, &mut watch, &mut *look, duty);
        held.took += holders.held_for();
        holders.let_go();
        drop(urgent);
        match attempted? {
            Attempt::Vain => {}
            Attempt::Acted(result) => {
                held.result = Some(result);
                break;
            }
            Attempt::Doubtful => {
                held.is_doubtful = true;
                break;
            }
        }
    }
    Ok(())
}

/// Takes the processors, looks and acts. They are still held when this ends, if they were.
fn attempt(
    holders: &Holders,
    processors: &Processors,
    watch: &mut Watch,
    look: &mut dyn Look,
    duty: &Duty<'_>,
) -> io::Result<Attempt> {
    if !holders.take(PATIENCE) {
        return Ok(Attempt::Vain);
    }
    let before = watch.run_time()?;
    // Nobody can have been born, or have died, while nobody runs.
    let is_alone = watch.look(look)?.unclear == 0 && watch.is_complete() && !watch.has_child();
    if !is_alone || !processors.are_the_same() {
        return Ok(Attempt::Vain);
    }
    // The act asks for the first time when it has read the memory, which others may keep locked for long: until then the holders give up
    // early.
    let has_begun = Cell::new(false);
    let stand = || {
        if !has_begun.get() {
            has_begun.set(holders.keep());
            return has_begun.get();
        }
        holders.are_held()
    };
    let result = (duty.act)(&stand);
    let has_nobody_run = holders.are_all_there() && watch.run_time().is_ok_and(|after| after == before);
    Ok(match (has_nobody_run, has_begun.get()) {
        (true, _) => Attempt::Acted(result),
        (false, true) => Attempt::Doubtful,
        (false, false) => Attempt::Vain,
    })
}

/// Looks until few have run since the last look. Whether it is worth going on.
fn catch_up(watch: &mut Watch, look: &mut dyn Look) -> io::Result<bool> {
    for _ in 0..LOOKS_MAX {
        let seen = watch.look(look)?;
        if seen.unclear > seen.there / UNCLEAR_SHARE {
            return Ok(false);
        }
        if seen.moved <= seen.there / MOVED_SHARE {
            break;
        }
    }
    Ok(true)
}
