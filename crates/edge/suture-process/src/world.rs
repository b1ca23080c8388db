//! Stopping every thread of the target at once, and letting them go.
//!
//! What takes time stands outside the stop: seizing costs a call for each thread but stops none. Then
//! *all* are interrupted before the first is waited for, so that each stops by itself within microseconds
//! of getting a processor and uses its time slice no more. Many threads are shared out to several hands,
//! threads of the surgeon that stop, look and let go side by side.
//!
//! Where most threads sleep most of the time even that is not needed: who sleeps is kept asleep ([`hold`]).

mod away;
mod following;
mod hold;
mod queue;
mod rendezvous;
mod seizing;

use std::collections::BTreeSet;
use std::io;
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use suture_surgery::outcome::Refusal;

use crate::look::Obstacle;
use crate::sys::{Alarm, Breakpoint, Modest, Urgent};
use crate::tracee::{Stop, Tracee};
use crate::{proc, sys};

pub(crate) use away::Away;
use following::Busy;
use queue::Queue;
use rendezvous::{Member, Rendezvous};

/// What is to be done in a stop.
pub(crate) struct Duty<'d> {
    /// How busy threads that run may be followed.
    pub(crate) chase: Chase,
    /// Makes what looks at each thread as soon as it stands; each hand has its own.
    pub(crate) look: &'d (dyn Fn() -> Box<dyn Look + 'd> + Sync),
    /// What is done while all stand, if none gave a reason against it. It asks before each step whether they still do, and does
    /// nothing more if not; done again from the beginning it comes to the same. What it reads it reads before it asks for the first time: until
    /// then it may be given up without harm.
    pub(crate) act: &'d Act<'d>,
    /// Meets, while all run, whatever could make `act` wait, and changes nothing. `None` if that can't be done.
    pub(crate) rehearse: Option<&'d (dyn Fn() -> io::Result<()> + Sync)>,
}

/// What is done while all threads stand; it is given what tells whether they still do.
pub(crate) type Act<'d> = dyn Fn(&dyn Fn() -> bool) -> Result<(), StopError> + Sync + 'd;

/// Looks at threads that stand.
pub(crate) trait Look: Send {
    /// For each of the threads what is in the way, if anything, of writing while it stands where it does.
    fn look(&mut self, tracees: &[&Tracee]) -> Vec<Option<Obstacle>>;

    /// For each of some threads that have no processor whether it is beyond doubt that nothing is in the way.
    fn are_clear(&mut self, away: &[Away]) -> Vec<bool>;

    /// What is in the way, for people. It costs reading and naming, and is no part of a stop that goes well.
    fn refusal(&self, tracee: &Tracee, obstacle: Obstacle) -> Refusal;
}

/// How long a stop may follow busy threads that run.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Chase {
    /// All of them together, for each thread of the process.
    pub(crate) per_thread: Duration,
    /// All of them together, at most.
    pub(crate) all: Duration,
    /// Each. One that has not left by then will not leave soon.
    pub(crate) each: Duration,
    /// The thread that had not left the last time.
    pub(crate) stubborn: Option<i32>,
}

/// Why a stop did not end as wished.
#[derive(Debug)]
pub(crate) enum StopError {
    /// A thread gave a reason against it; nothing was written.
    Refused(Refusal),
    /// Writing failed.
    Act(io::Error),
}

/// Threads of a target for which another hand is worth its while.
const THREADS_PER_HAND: usize = 32;
const HANDS_MAX: usize = 8;
/// So many threads are let go faster by the end of the hand, all at once, than one by one.
const LET_GO_SINGLY_MAX: usize = 48;
const GONE_RETRY: Duration = Duration::from_micros(10);
/// Stops all threads of a process, looks at each, and, if none gave a reason against it, acts while they stand.
/// Lets all go in any case. Gives how long that took from the first interrupt to the last release.
///
/// Threads that are busy but running may be followed: they go on alone until they have left what they are in. Where most sleep
/// they are left asleep, and nobody is stopped at all.
pub(crate) fn stop(pid: i32, duty: &Duty<'_>) -> (Result<(), StopError>, Duration) {
    let held = hold::stop(pid, duty);
    let (result, took) = match held.result {
        Some(result) => (result, Duration::ZERO),
        None => stop_all(pid, duty),
    };
    let result = match result {
        Err(StopError::Refused(why)) if held.is_doubtful => {
            let what =
                format!("a thread ran while the patch was thrown with all processors held, and then: {why}");
            Err(StopError::Act(io::Error::other(what)))
        }
        result => result,
    };
    (result, held.took + took)
}

/// Stops all threads one by one, whatever they do.
fn stop_all(pid: i32, duty: &Duty<'_>) -> (Result<(), StopError>, Duration) {
    let hands = hands(pid);
    let table = Table::new(pid, hands);
    let mut ended = Instant::now();
    let worked: Vec<_> = std::thread::scope(|scope| {
        let spawn = |index| {
            let table = &table;
            let work = move || Hand::new(table, index == 0).work(duty);
            let spawned = std::thread::Builder::new().spawn_scoped(scope, work);
            spawned.inspect_err(|_| table.rendezvous.miss_one()).ok()
        };
        let working: Vec<_> = (0..hands).map(spawn).collect();
        // So that the end of the stop is seen when it comes.
        let _urgent = Urgent::begin();
        let worked = working.into_iter().map(|hand| hand?.join().ok()).collect();
        wait_until_gone(&lock(&table.hands));
        ended = Instant::now();
        worked
    });
    let complete = worked.iter().all(Option::is_some);
    let hands = || worked.iter().flatten();
    let begun = hands().map(|hand| hand.begun).min();
    let took = begun.and_then(|begun| Some(hands().map(|hand| hand.ended.unwrap_or(ended)).max()? - begun));
    let result = match (table.acted.into_inner().unwrap_or_else(PoisonError::into_inner), complete) {
        (Some(result), _) => result,
        (None, true) => Err(StopError::Refused(table.reason.take().unwrap_or(Refusal::Gone))),
        (None, false) => Err(StopError::Act(io::Error::other("a thread of the surgeon is lost"))),
    };
    (result, took.unwrap_or_default())
}

/// Waits until the kernel has let go what threads of ours had seized that have ended: it is done when they have no number
/// any more, a moment after they could be joined.
fn wait_until_gone(hands: &[i32]) {
    while hands.iter().any(|hand| sys::is_there(*hand)) {
        std::thread::sleep(GONE_RETRY);
    }
}

/// How many hands a process needs: on many processors many threads are stopped and let go side by side.
fn hands(pid: i32) -> usize {
    let threads = proc::threads(pid).map_or(0, |threads| threads.len());
    let processors = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
    (threads / THREADS_PER_HAND).clamp(1, processors.min(HANDS_MAX))
}

/// What the hands of one surgeon share.
struct Table {
    pid: i32,
    /// Signals that the program has handlers for, bit n-1 for signal n.
    caught_signals: u64,
    hand_count: usize,
    rendezvous: Rendezvous,
    /// Thread ids of the hands.
    hands: Mutex<Vec<i32>>,
    /// Threads of the target that a hand has taken on.
    claimed: Mutex<BTreeSet<i32>>,
    /// Threads that a hand came across and the kernel had given to another: that one, and the thread.
    strays: Mutex<Vec<(i32, i32)>>,
    /// Whether the list of threads has to be read again.
    again: AtomicBool,
    /// Why nothing is to be done.
    reason: Reason,
    /// What became of the act, if it came to that.
    acted: Mutex<Option<Result<(), StopError>>>,
}

/// The first reason that anybody had.
#[derive(Default)]
struct Reason {
    is_there: AtomicBool,
    first: Mutex<Option<Refusal>>,
}

impl Reason {
    fn give(&self, why: Refusal) {
        lock(&self.first).get_or_insert(why);
        self.is_there.store(true, Ordering::SeqCst);
    }

    fn is_there(&self) -> bool {
        self.is_there.load(Ordering::SeqCst)
    }

    fn take(&self) -> Option<Refusal> {
        lock(&self.first).take()
    }
}

impl Table {
    fn new(pid: i32, hands: usize) -> Self {
        Self {
            pid,
            // All, if it can't be told: then none is harmless.
            caught_signals: proc::status(pid).map_or(u64::MAX, |status| status.caught_signals),
            hand_count: hands,
            rendezvous: Rendezvous::new(hands),
            hands: Mutex::default(),
            claimed: Mutex::default(),
            strays: Mutex::default(),
            again: AtomicBool::default(),
            reason: Reason::default(),
            acted: Mutex::default(),
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// One thread of the surgeon, and the threads of the target that it has seized: the kernel lets only the one that
/// seized a thread do anything with it, and detaches what it still has when it ends.
struct Hand<'t> {
    table: &'t Table,
    member: Member<'t>,
    /// The one that reads lists and acts.
    leads: bool,
    threads: Vec<Tracee>,
    /// So that no wait is for ever.
    alarm: Option<Alarm>,
    /// Breakpoints that are needed no more: to give one back costs as much as to set it.
    spent: Vec<Breakpoint>,
}

/// What a hand leaves when it ends.
struct Worked<'d> {
    /// When its first interrupt was.
    begun: Instant,
    /// When its last release was; `None` if it left that to its own end.
    ended: Option<Instant>,
    /// To be given back after the stop.
    _look: Box<dyn Look + 'd>,
    _spent: Vec<Breakpoint>,
}

impl<'t> Hand<'t> {
    fn new(table: &'t Table, leads: bool) -> Self {
        lock(&table.hands).push(sys::thread_id());
        let member = table.rendezvous.join();
        Self { table, member, leads, threads: Vec::new(), alarm: None, spent: Vec::new() }
    }

    /// All that this hand does for a stop.
    fn work<'d>(mut self, duty: &Duty<'d>) -> Worked<'d> {
        let modest = Modest::begin();
        let mut look = (duty.look)();
        self.seize_all();
        self.alarm = Alarm::begin().map_err(|error| self.give(&error)).ok();
        drop(modest);
        Urgent::begin().keep();
        self.meet();
        let begun = Instant::now();
        self.stop_all();
        // A hand that went on would keep its processor from threads that another waits for.
        self.meet();
        let busy = self.look_at((0..self.threads.len()).collect(), &mut *look);
        self.meet();
        self.follow_all(busy, duty.chase, &mut *look);
        self.meet();
        if self.leads && !self.table.reason.is_there() {
            *lock(&self.table.acted) = Some((duty.act)(&|| true));
        }
        self.line_up();
        self.meet();
        self.alarm = None;
        let ended = self.release();
        Worked { begun, ended, _look: look, _spent: self.spent }
    }

    /// Puts the threads into the order in which they have to be let go.
    fn line_up(&mut self) {
        let ran = self.threads.iter().filter(|thread| thread.stands() && thread.is_running()).count();
        let queue = Queue::new(self.table.pid, ran, self.threads.len());
        self.threads.sort_by_cached_key(|thread| queue.place(thread));
    }

    /// Lets all go; when that was done. Of many, those that slept are let go by the kernel when this thread ends, but for those
    /// that get a signal with it.
    fn release(&mut self) -> Option<Instant> {
        let at_once = self.threads.len() > LET_GO_SINGLY_MAX;
        let singly = |thread: &&mut Tracee| {
            !at_once || thread.is_running() || matches!(thread.stop, Some(Stop::Signal(_)))
        };
        for thread in self.threads.iter_mut().filter(singly) {
            if let Err(error) = thread.release() {
                tracing::warn!(tid = thread.tid, %error, "could not release a thread");
            }
        }
        (!at_once).then(Instant::now)
    }

    /// Waits for the other hands; what a lost one had stopped runs again.
    fn meet(&self) {
        if !self.member.meet() {
            let why = io::Error::other("a thread of the surgeon is lost");
            self.give(&why);
        }
    }

    fn give(&self, why: &io::Error) {
        self.table.reason.give(refused(self.table.pid, why));
    }

    /// Stops the threads of this hand.
    fn stop_all(&mut self) {
        for thread in &self.threads {
            if let Err(error) = thread.interrupt() {
                self.give(&error);
            }
        }
        // Also after a reason has been found every thread is waited for: one that was interrupted and
        // let go unseen would take home the EINTR of a call that nobody meant to interrupt.
        let known = self.threads.len();
        // The last first: when it stands most others do, and the wait for each costs no turn of the scheduler.
        for index in (0..known).rev() {
            self.wait(index);
        }
        let mut born = known;
        while born < self.threads.len() {
            self.wait(born);
            born += 1;
        }
    }

    fn wait(&mut self, index: usize) {
        if let Err(why) = self.wait_stopped(index) {
            self.table.reason.give(why);
        }
    }

    /// Waits until a thread stands.
    fn wait_stopped(&mut self, index: usize) -> Result<(), Refusal> {
        let stop = self.threads[index].wait_stopped()?;
        self.take_born(stop);
        Ok(())
    }

    /// What a thread that stands has just started joins the others; it stands in the call that started it, and its stack
    /// counts like any other.
    fn take_born(&mut self, stop: Stop) {
        if let Stop::Clone(child) = stop
            && !self.threads.iter().any(|known| known.tid == child)
        {
            self.threads.push(Tracee::new(child));
        }
    }

    /// Looks at threads of this hand that stand. Gives those that are busy but running.
    fn look_at(&self, threads: Vec<usize>, look: &mut dyn Look) -> Vec<Busy> {
        if self.table.reason.is_there() {
            return Vec::new();
        }
        let stands = |index: &usize| self.threads[*index].stands();
        let indices: Vec<usize> = threads.into_iter().filter(stands).collect();
        let standing: Vec<&Tracee> = indices.iter().map(|index| &self.threads[*index]).collect();
        let mut busy = Vec::new();
        for (thread, found) in indices.into_iter().zip(look.look(&standing)) {
            match found {
                None => {}
                Some(obstacle) if self.threads[thread].is_running() => busy.push(Busy { thread, obstacle }),
                Some(obstacle) => self.table.reason.give(look.refusal(&self.threads[thread], obstacle)),
            }
        }
        busy
    }
}

/// The refusal of a process of which somebody else traces a thread, whichever that is: it could not be stopped.
pub(crate) fn traced(pid: i32) -> Option<Refusal> {
    match proc::debugger(pid) {
        Ok(tracer) => tracer.map(|tracer| Refusal::Traced { tracer, tracer_name: proc::name(tracer) }),
        Err(_) => Some(Refusal::Gone),
    }
}

/// Why a thread can't be seized, as a refusal that names who is in the way.
pub(crate) fn refused(pid: i32, error: &io::Error) -> Refusal {
    match error.raw_os_error() {
        Some(libc::ESRCH) => Refusal::Gone,
        Some(libc::EPERM | libc::EACCES) => traced(pid).unwrap_or_else(|| match proc::status(pid) {
            Ok(status) => {
                Refusal::NoPermission { what: format!("trace process {pid}"), missing: missing(status.uid) }
            }
            Err(_) => Refusal::Gone,
        }),
        _ => Refusal::Unstoppable { thread: pid, thread_name: proc::name(pid), why: error.to_string() },
    }
}

fn missing(uid: u32) -> String {
    let ours = sys::effective_uid();
    if ours != uid && ours != 0 {
        return format!("it belongs to user {uid} and this is user {ours}: CAP_SYS_PTRACE");
    }
    let scope = sys::read_file("/proc/sys/kernel/yama/ptrace_scope").unwrap_or_default();
    match scope.first() {
        Some(b'1' | b'2') if ours != 0 => "CAP_SYS_PTRACE, or sysctl kernel.yama.ptrace_scope=0".to_owned(),
        Some(b'3') => "sysctl kernel.yama.ptrace_scope is 3 and forbids it until the next boot".to_owned(),
        _ => "CAP_SYS_PTRACE (the process may be undumpable or in another user namespace)".to_owned(),
    }
}
