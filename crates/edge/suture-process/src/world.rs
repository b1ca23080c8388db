//! Stopping every thread of the target at once, and letting them go.
//!
//! What takes time stands outside the stop: seizing costs a call for each thread but stops none. Then
//! *all* are interrupted before the first is waited for, so that each stops by itself within microseconds
//! of getting a processor and uses its time slice no more. Many threads are shared out to several hands,
//! threads of the surgeon that stop, look and let go side by side.

mod rendezvous;
mod seizing;

use std::collections::BTreeSet;
use std::io;
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use suture_surgery::outcome::Refusal;

use crate::sys::{Alarm, Modest, Urgent};
use crate::tracee::{Stop, Tracee};
use crate::{proc, sys};

use rendezvous::{Member, Rendezvous};

/// What is to be done in a stop.
pub(crate) struct Duty<'d> {
    /// How busy threads that run may be followed.
    pub(crate) chase: Chase,
    /// Makes what looks at each thread as soon as it stands; each hand has its own.
    pub(crate) look: &'d (dyn Fn() -> Look<'d> + Sync),
    /// What is done while all stand, if none gave a reason against it.
    pub(crate) act: &'d (dyn Fn() -> Result<(), StopError> + Sync),
}

/// Gives for each of the threads the reason, if there is one, why nothing may be written while it stands where it does.
pub(crate) type Look<'d> = Box<dyn FnMut(&[&Tracee]) -> Vec<Result<(), Refusal>> + Send + 'd>;

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
/// How long a thread that is followed is let run at a time, at first and at most: to stop it costs ten times as much. It
/// may be more if it then has not moved.
const FOLLOWED_RUN: Duration = Duration::from_micros(4);
const FOLLOWED_RUN_MAX: Duration = Duration::from_micros(32);

/// Stops all threads of a process, looks at each, and, if none gave a reason against it, acts while they stand.
/// Lets all go in any case. Gives how long that took from the first interrupt to the last release.
///
/// A thread that is busy but running may be followed: it alone goes on for a moment and is stopped and looked at
/// again, until it has left what it was in. In a program whose threads never sleep there is no moment at which
/// all of them are elsewhere; this makes one.
pub(crate) fn stop(pid: i32, duty: &Duty<'_>) -> (Result<(), StopError>, Duration) {
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
}

/// What a hand leaves when it ends.
struct Worked<'d> {
    /// When its first interrupt was.
    begun: Instant,
    /// When its last release was; `None` if it left that to its own end.
    ended: Option<Instant>,
    /// Its memory, to be given back after the stop.
    _look: Look<'d>,
}

impl<'t> Hand<'t> {
    fn new(table: &'t Table, leads: bool) -> Self {
        lock(&table.hands).push(sys::thread_id());
        Self { table, member: table.rendezvous.join(), leads, threads: Vec::new() }
    }

    /// All that this hand does for a stop.
    fn work<'d>(mut self, duty: &Duty<'d>) -> Worked<'d> {
        // This thread ends with its work and needs no other turns any more.
        Modest::begin().keep();
        let mut look = (duty.look)();
        self.seize_all();
        let alarm = Alarm::begin().map_err(|error| self.give(&error)).ok();
        Urgent::begin().keep();
        self.meet();
        let begun = Instant::now();
        self.stop_all();
        // A hand that went on would keep its processor from threads that another waits for.
        self.meet();
        let busy = self.look_at_all(&mut look);
        self.meet();
        self.follow_all(busy, duty.chase, &mut look);
        self.meet();
        if self.leads && !self.table.reason.is_there() {
            *lock(&self.table.acted) = Some((duty.act)());
        }
        self.meet();
        drop(alarm);
        let ended = self.release();
        Worked { begun, ended, _look: look }
    }

    /// Lets all go; when that was done. Many are let go by the kernel when this thread ends, but for those that get a
    /// signal with it.
    fn release(&mut self) -> Option<Instant> {
        let at_once = self.threads.len() > LET_GO_SINGLY_MAX;
        let singly = |thread: &&mut Tracee| !at_once || matches!(thread.stop, Some(Stop::Signal(_)));
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

    /// Waits until a thread stands. What it has just started joins the others; it stands in the call that started it, and
    /// its stack counts like any other.
    fn wait_stopped(&mut self, index: usize) -> Result<(), Refusal> {
        if let Stop::Clone(child) = self.threads[index].wait_stopped()?
            && !self.threads.iter().any(|known| known.tid == child)
        {
            self.threads.push(Tracee::new(child));
        }
        Ok(())
    }

    /// Looks at the threads of this hand. Gives those that are busy but running.
    fn look_at_all(&self, look: &mut Look<'_>) -> Vec<(usize, Refusal)> {
        if self.table.reason.is_there() {
            return Vec::new();
        }
        let (indices, standing) = self.standing(0);
        let mut busy = Vec::new();
        for (index, looked) in indices.into_iter().zip(look(&standing)) {
            match looked {
                Ok(()) => {}
                Err(why) if self.threads[index].is_running_in(&why) => busy.push((index, why)),
                Err(why) => self.table.reason.give(why),
            }
        }
        busy
    }

    /// The threads from `first` on that stand.
    fn standing(&self, first: usize) -> (Vec<usize>, Vec<&Tracee>) {
        let stands = |thread: &Tracee| !matches!(thread.stop, None | Some(Stop::Gone));
        let threads = self.threads.iter().enumerate().skip(first);
        threads.filter(|(_, thread)| stands(thread)).unzip()
    }

    /// Follows busy threads, each until it has left, as long as there is no reason against it all.
    fn follow_all(&mut self, mut busy: Vec<(usize, Refusal)>, chase: Chase, look: &mut Look<'_>) {
        // The one that would not leave the last time comes first: then nobody else waits for it.
        busy.sort_by_key(|(thread, _)| Some(self.threads[*thread].tid) == chase.stubborn);
        let threads = lock(&self.table.claimed).len() as u32;
        let end = Instant::now() + chase.all.min(chase.per_thread * threads);
        while let (false, Some((thread, why))) = (self.table.reason.is_there(), busy.pop()) {
            let until = end.min(Instant::now() + chase.each);
            if let Err(why) = self.follow(thread, why, until, look) {
                self.table.reason.give(why);
            }
        }
    }

    /// Lets a busy thread run, and looks again and again until it is clear or time is up; then the last
    /// reason counts. Threads that it starts meanwhile are stopped and looked at too.
    fn follow(
        &mut self,
        index: usize,
        why: Refusal,
        until: Instant,
        look: &mut Look<'_>,
    ) -> Result<(), Refusal> {
        let mut why = why;
        let mut run = FOLLOWED_RUN;
        while Instant::now() < until {
            let before = self.threads[index].registers;
            let known = self.threads.len();
            self.threads[index].let_run(run).map_err(|error| refused(self.table.pid, &error))?;
            self.wait_stopped(index)?;
            // If it stands where it stood, it was asked to stop before it had a processor.
            let has_moved = self.threads[index].registers != before;
            run *= if has_moved && run >= FOLLOWED_RUN_MAX { 1 } else { 2 };
            let mut born = known;
            while born < self.threads.len() {
                self.wait_stopped(born)?;
                born += 1;
            }
            let (_, standing) = self.standing(known);
            look(&standing).into_iter().collect::<Result<(), _>>()?;
            if self.threads[index].stop == Some(Stop::Gone) {
                return Ok(());
            }
            match look(&[&self.threads[index]]).into_iter().collect() {
                Ok(()) => return Ok(()),
                Err(again) if self.threads[index].is_running_in(&again) => why = again,
                Err(other) => return Err(other),
            }
        }
        Err(why)
    }
}

/// Why a thread can't be seized, as a refusal that names who is in the way.
pub(crate) fn refused(pid: i32, error: &io::Error) -> Refusal {
    match error.raw_os_error() {
        Some(libc::ESRCH) => Refusal::Gone,
        Some(libc::EPERM | libc::EACCES) => match proc::status(pid) {
            Ok(status) if status.tracer != 0 => {
                Refusal::Traced { tracer: status.tracer, tracer_name: proc::name(status.tracer) }
            }
            Ok(status) => {
                Refusal::NoPermission { what: format!("trace process {pid}"), missing: missing(status.uid) }
            }
            Err(_) => Refusal::Gone,
        },
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
