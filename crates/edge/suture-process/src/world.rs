//! Stopping every thread of the target at once, and letting them go.
//!
//! What takes time stands outside the stop: seizing costs a call for each thread but stops none. Then
//! *all* are interrupted before the first is waited for, so that each stops by itself within microseconds
//! of getting a processor and uses its time slice no more; and each is looked at while the others are
//! still on their way.

use std::collections::BTreeSet;
use std::io;
use std::time::{Duration, Instant};

use suture_surgery::outcome::Refusal;

use crate::sys::{Alarm, Urgent};
use crate::tracee::{Stop, Tracee};
use crate::{proc, sys};

/// All threads of a process, seized.
///
/// Belongs to one thread of the surgeon, which should end soon after: the kernel detaches what a
/// tracer still has when it ends, also threads that never stopped.
pub(crate) struct World {
    pid: i32,
    threads: Vec<Tracee>,
}

/// How long a stop may follow busy threads that run; not at all by default.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Chase {
    /// All of them together.
    pub(crate) all: Duration,
    /// Each. One that has not left by then will not leave soon.
    pub(crate) each: Duration,
    /// The thread that had not left the last time.
    pub(crate) stubborn: Option<i32>,
}

/// How often the list of threads is read again before a process that starts threads faster than they can
/// be seized is given up for this attempt.
const LISTINGS_MAX: usize = 1000;

/// How long a thread that is followed is let run at a time, at first; longer if it then has not moved.
const FOLLOWED_RUN: Duration = Duration::from_micros(4);

/// How long the kernel may take to let go what a thread of ours had seized that has ended.
const FORMER_TRACER_MAX: Duration = Duration::from_millis(50);

impl World {
    /// Seizes all threads. When two readings of the list agree, none can be missing: what a seized thread
    /// starts is seized by the kernel.
    pub(crate) fn seize(pid: i32) -> Result<Self, Refusal> {
        let mut seen = BTreeSet::new();
        let mut threads = Vec::new();
        for _ in 0..LISTINGS_MAX {
            let listed = proc::threads(pid).map_err(|_| Refusal::Gone)?;
            let new: Vec<_> = listed.into_iter().filter(|tid| !seen.contains(tid)).collect();
            if new.is_empty() {
                return Ok(Self { pid, threads });
            }
            for tid in new {
                match seize_in_time(tid) {
                    Ok(Some(tracee)) => threads.push(tracee),
                    Ok(None) => {}
                    Err(error) => return Err(Self::give_up(threads, refused(tid, &error))),
                }
                seen.insert(tid);
            }
        }
        let why = "it starts threads faster than they can be seized".to_owned();
        let refusal = Refusal::Unstoppable { thread: pid, thread_name: proc::name(pid), why };
        Err(Self::give_up(threads, refusal))
    }

    /// Number of its threads.
    pub(crate) fn len(&self) -> u32 {
        self.threads.len() as u32
    }

    /// Stops all threads, `look`s at each as soon as it stands, and, if none gave a reason against it,
    /// runs `act` while they stand. Lets all go in any case. Gives how long that took from the first
    /// interrupt to the last release.
    ///
    /// A thread that is busy but running may be followed: it alone goes on for a moment and is stopped and
    /// looked at again, until it has left what it was in. In a program whose threads never sleep there is no
    /// moment at which all of them are elsewhere; this makes one.
    pub(crate) fn stop(
        mut self,
        chase: Chase,
        look: impl Fn(&Tracee) -> Result<(), Refusal>,
        act: impl FnOnce() -> Result<(), StopError>,
    ) -> (Result<(), StopError>, Duration) {
        let alarm = match Alarm::begin() {
            Ok(alarm) => alarm,
            Err(error) => return (Err(StopError::Act(error)), Duration::ZERO),
        };
        let urgent = Urgent::begin();
        let begun = Instant::now();
        let mut result = self.stop_all(chase, &look).map_err(StopError::Refused);
        if result.is_ok() {
            result = act();
        }
        for thread in &mut self.threads {
            if let Err(error) = thread.release() {
                tracing::warn!(tid = thread.tid, %error, "could not release a thread");
            }
        }
        let took = begun.elapsed();
        drop(urgent);
        drop(alarm);
        (result, took)
    }

    fn stop_all(
        &mut self,
        chase: Chase,
        look: &impl Fn(&Tracee) -> Result<(), Refusal>,
    ) -> Result<(), Refusal> {
        let mut reason = None;
        for thread in &self.threads {
            if let Err(error) = thread.interrupt() {
                reason.get_or_insert(refused(self.pid, &error));
            }
        }
        // Also after a reason has been found every thread is waited for: one that was interrupted and
        // let go unseen would take home the EINTR of a call that nobody meant to interrupt.
        let mut busy = Vec::new();
        let mut next = 0;
        while next < self.threads.len() {
            let stop = self.threads[next].wait_stopped();
            match stop.and_then(|stop| self.look_at(next, stop, reason.is_none(), look)) {
                Ok(()) => {}
                Err(why) if self.threads[next].is_running_in(&why) => busy.push((next, why)),
                Err(why) => {
                    reason.get_or_insert(why);
                }
            }
            next += 1;
        }
        // The one that would not leave the last time comes first: then nobody else waits for it.
        busy.sort_by_key(|(thread, _)| Some(self.threads[*thread].tid) == chase.stubborn);
        let end = Instant::now() + chase.all;
        while let (None, Some((thread, why))) = (&reason, busy.pop()) {
            let until = end.min(Instant::now() + chase.each);
            reason = self.follow(thread, why, until, look).err();
        }
        reason.map_or(Ok(()), Err)
    }

    /// Looks at a thread that stands. What it has just started joins the others.
    fn look_at(
        &mut self,
        index: usize,
        stop: Stop,
        is_of_interest: bool,
        look: &impl Fn(&Tracee) -> Result<(), Refusal>,
    ) -> Result<(), Refusal> {
        if let Stop::Clone(child) = stop
            && !self.threads.iter().any(|known| known.tid == child)
        {
            self.threads.push(Tracee::new(child));
        }
        // The parent of a new thread stands in the call that started it; its stack counts like any other.
        if is_of_interest && stop != Stop::Gone { look(&self.threads[index]) } else { Ok(()) }
    }

    /// Lets a busy thread run, and looks again and again until it is clear or time is up; then the last
    /// reason counts. Threads that it starts meanwhile are stopped and looked at too.
    fn follow(
        &mut self,
        index: usize,
        why: Refusal,
        until: Instant,
        look: &impl Fn(&Tracee) -> Result<(), Refusal>,
    ) -> Result<(), Refusal> {
        let mut why = why;
        let mut run = FOLLOWED_RUN;
        while Instant::now() < until {
            let before = self.threads[index].registers;
            let known = self.threads.len();
            let thread = &mut self.threads[index];
            thread.let_run(run).map_err(|error| refused(self.pid, &error))?;
            let stop = thread.wait_stopped()?;
            // It was asked to stop before it had a processor.
            if thread.registers == before {
                run *= 2;
            }
            let looked = self.look_at(index, stop, true, look);
            for child in known..self.threads.len() {
                let stop = self.threads[child].wait_stopped()?;
                self.look_at(child, stop, true, look)?;
            }
            match looked {
                Ok(()) => return Ok(()),
                Err(again) if self.threads[index].is_running_in(&again) => why = again,
                Err(other) => return Err(other),
            }
        }
        Err(why)
    }

    /// Nothing has been stopped yet; what was seized is detached by stopping it for a moment.
    fn give_up(threads: Vec<Tracee>, why: Refusal) -> Refusal {
        let world = Self { pid: 0, threads };
        let (_, _) = world.stop(Chase::default(), |_| Ok(()), || Ok(()));
        why
    }
}

/// Why a stop did not end as wished.
#[derive(Debug)]
pub(crate) enum StopError {
    /// A thread gave a reason against it; nothing was written.
    Refused(Refusal),
    /// Writing failed.
    Act(io::Error),
}

/// Seizes a thread; `Ok(None)` if it has ended.
///
/// A thread that one of ours has started since is ours already. One that was ours in the attempt before
/// may be that attempt's still: the kernel lets it go a moment after the attempt's thread has been joined.
fn seize_in_time(tid: i32) -> io::Result<Option<Tracee>> {
    let begun = Instant::now();
    loop {
        let error = match Tracee::seize(tid) {
            Err(error) if error.raw_os_error() == Some(libc::EPERM) => error,
            other => return other,
        };
        match proc::status(tid).map_or(0, |status| status.tracer) {
            tracer if tracer == sys::thread_id() => return Ok(Some(Tracee::new(tid))),
            tracer if proc::is_own_thread(tracer) && begun.elapsed() < FORMER_TRACER_MAX => {
                std::thread::yield_now();
            }
            // Nobody's now: it was let go between the two looks, or has ended.
            0 if begun.elapsed() < FORMER_TRACER_MAX => std::thread::yield_now(),
            _ => return Err(error),
        }
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
