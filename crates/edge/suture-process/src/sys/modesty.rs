//! Work that takes no processor from anybody: what the surgeon prepares while the target runs.
//!
//! It takes milliseconds, and a thread of the target that wakes on the surgeon's processor meanwhile waits until the
//! surgeon's turn is over, which is as bad as a pause. A thread that is scheduled as idle (`SCHED_IDLE`, `sched(7)`) gives way at
//! once. On processors that are never idle it would get nothing done, and somebody could wait for what it holds in the
//! kernel; so a watch looks after such threads, and one that is starved goes on like any other, in the shortest turns
//! that the kernel grants.

use std::io;
use std::marker::PhantomData;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::turns::{attributes, set_attributes};
use super::{check, thread_id};
use crate::proc;

/// The shortest turn that the kernel grants, in nanoseconds (`__setparam_fair` in kernel/sched/syscalls.c, from 6.12).
const TURN_NS: u64 = 100_000;
/// How often the watch looks.
const PERIOD: Duration = Duration::from_millis(4);
/// A thread that had less of a processor in a period, and wanted more, is starved.
const SHARE_MIN: Duration = Duration::from_micros(400);

/// Modesty of the calling thread while it lives. Without the permission to become as before again there is less of it:
/// short turns, where the kernel knows them.
pub(crate) struct Modest {
    tid: i32,
    /// It is that thread's.
    _here: PhantomData<*const ()>,
    /// As the thread was before; `None` if nothing is to be put back.
    before: Option<libc::sched_attr>,
}

impl Modest {
    pub(crate) fn begin() -> Self {
        let tid = thread_id();
        let mut modest = Self { tid, _here: PhantomData, before: None };
        let Ok(found) = attributes() else { return modest };
        let mut watch = WATCH.lock();
        if watch.threads.iter().any(|idler| idler.tid == tid) {
            return modest;
        }
        let before = watch.as_before(found);
        let is_fair = [libc::SCHED_OTHER, libc::SCHED_BATCH].contains(&(before.sched_policy as i32));
        if !is_fair {
            return modest;
        }
        if !watch.was_one_starved && may_return(&before) && watch.take_on(tid, before) {
            let idle = libc::sched_attr { sched_policy: libc::SCHED_IDLE as u32, ..before };
            // What fails leaves the thread as it is, which is what it would be without.
            let _ = set_attributes(0, &idle);
        } else {
            let _ = set_attributes(0, &in_short_turns(&before));
        }
        modest.before = Some(before);
        modest
    }
}

/// The calling thread is [`Modest`] until it ends.
pub fn be_modest() {
    std::mem::forget(Modest::begin());
}

impl Drop for Modest {
    fn drop(&mut self) {
        if let Some(before) = &self.before {
            let mut watch = WATCH.lock();
            watch.threads.retain(|idler| idler.tid != self.tid);
            // It was so before; if the permission for it has been lost since, the thread keeps what it has.
            let _ = set_attributes(0, before);
        }
    }
}

fn in_short_turns(before: &libc::sched_attr) -> libc::sched_attr {
    libc::sched_attr { sched_runtime: TURN_NS, ..*before }
}

/// Whether a thread that is scheduled as idle could become as before again. That takes the same permission as to be nicer to
/// itself by one, which can be tried.
fn may_return(before: &libc::sched_attr) -> bool {
    const NICE_MIN: i32 = -20;
    let less_nice = libc::sched_attr { sched_nice: (before.sched_nice - 1).max(NICE_MIN), ..*before };
    set_attributes(0, &less_nice).and_then(|()| set_attributes(0, before)).is_ok()
}

/// The calling thread will be something else than modest for a time: nobody is to change how it is scheduled. For
/// [`resume`], if it was looked after.
pub(super) fn suspend() -> Option<Idler> {
    let tid = thread_id();
    let mut watch = WATCH.lock();
    let place = watch.threads.iter().position(|idler| idler.tid == tid)?;
    Some(watch.threads.swap_remove(place))
}

/// The calling thread is scheduled as idle again.
pub(super) fn resume(idler: Idler) {
    WATCH.lock().threads.push(idler);
    WATCH.begun.notify_one();
}

/// Looks after the threads of this process that are scheduled as idle.
struct Watch {
    state: Mutex<Watched>,
    /// When there is one to look after.
    begun: Condvar,
}

static WATCH: Watch = Watch {
    state: Mutex::new(Watched {
        has_watchman: false,
        was_one_starved: false,
        usual: None,
        threads: Vec::new(),
    }),
    begun: Condvar::new(),
};

struct Watched {
    has_watchman: bool,
    /// Whether these processors have been seen to be never idle.
    was_one_starved: bool,
    /// How the first was before.
    usual: Option<libc::sched_attr>,
    threads: Vec<Idler>,
}

/// A thread that is scheduled as idle.
pub(super) struct Idler {
    tid: i32,
    before: libc::sched_attr,
    /// How much of a processor it had had at the last look.
    used: Duration,
}

impl Watch {
    fn lock(&self) -> MutexGuard<'_, Watched> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The work of the watchman, a thread for as long as the process lives.
    fn keep(&self) {
        let mut watched = self.lock();
        loop {
            let waited = self.begun.wait_while(watched, |watched| watched.threads.is_empty());
            drop(waited.unwrap_or_else(PoisonError::into_inner));
            std::thread::sleep(PERIOD);
            watched = self.lock();
            if watched.threads.iter_mut().any(Idler::is_starved) {
                watched.was_one_starved = true;
                for idler in watched.threads.drain(..) {
                    // It has ended, or the permission is lost; in neither case is there anything better to do.
                    let _ = set_attributes(idler.tid, &in_short_turns(&idler.before));
                }
            }
        }
    }
}

impl Watched {
    /// How a thread was before, whose attributes are these now: it may have them from one that was scheduled as idle and
    /// has started it.
    fn as_before(&self, found: libc::sched_attr) -> libc::sched_attr {
        let is_idle = found.sched_policy == libc::SCHED_IDLE as u32;
        self.usual.filter(|_| is_idle).unwrap_or(found)
    }

    /// Looks after a thread from now on; whether there is somebody to do so.
    fn take_on(&mut self, tid: i32, before: libc::sched_attr) -> bool {
        if !self.has_watchman {
            let watchman = std::thread::Builder::new().name("watch".to_owned()).spawn(|| WATCH.keep());
            self.has_watchman = watchman.is_ok();
        }
        self.usual.get_or_insert(before);
        let used = used(tid).unwrap_or_default();
        self.threads.push(Idler { tid, before, used });
        WATCH.begun.notify_one();
        self.has_watchman
    }
}

impl Idler {
    fn is_starved(&mut self) -> bool {
        let Ok(used) = used(self.tid) else { return false };
        let had = used.saturating_sub(std::mem::replace(&mut self.used, used));
        had < SHARE_MIN && proc::state_and_start(self.tid).is_ok_and(|(state, _)| state == 'R')
    }
}

/// How much of a processor a thread of this process has had.
fn used(tid: i32) -> io::Result<Duration> {
    /// `CPUCLOCK_PERTHREAD_MASK | CPUCLOCK_SCHED`, in include/linux/posix-timers_types.h.
    const THREAD_CLOCK: i32 = 4 | 2;
    let clock = (!tid << 3) | THREAD_CLOCK;
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the kernel writes the structure, which outlives the call.
    check(i64::from(unsafe { libc::clock_gettime(clock, &raw mut time) }))?;
    Ok(Duration::new(time.tv_sec as u64, time.tv_nsec as u32))
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::time::Instant;

    use super::*;

    fn policy() -> i32 {
        attributes().unwrap().sched_policy as i32
    }

    /// Whether this user may change back; otherwise there is nothing to see here.
    fn is_permitted() -> bool {
        may_return(&attributes().unwrap())
    }

    /// Lets only the first of the processors run the calling thread.
    fn stay_on_one_processor() {
        let first = nix::sched::sched_getaffinity(nix::unistd::Pid::from_raw(0)).unwrap();
        let mut one = nix::sched::CpuSet::new();
        let cpu = (0..nix::sched::CpuSet::count()).find(|cpu| first.is_set(*cpu).unwrap()).unwrap();
        one.set(cpu).unwrap();
        nix::sched::sched_setaffinity(nix::unistd::Pid::from_raw(0), &one).unwrap();
    }

    /// In one test, because a thread that is starved anywhere in the process ends the modesty of all.
    #[test]
    fn modesty_ends_where_it_would_get_nothing_done() {
        if !is_permitted() {
            return;
        }
        let before = policy();
        let modest = Modest::begin();
        assert_eq!(policy(), libc::SCHED_IDLE);
        drop(Modest::begin());
        assert_eq!(policy(), libc::SCHED_IDLE, "the inner one is none of its own");
        let inherited = std::thread::spawn(|| {
            drop(Modest::begin());
            policy()
        });
        assert_eq!(inherited.join().unwrap(), before, "who is started by a modest thread can be as it was");
        let urgent = super::super::Urgent::begin();
        assert_eq!(policy(), libc::SCHED_FIFO);
        drop(urgent);
        assert_eq!(policy(), libc::SCHED_IDLE);
        drop(modest);
        assert_eq!(policy(), before);

        let (is_over, begun) = (AtomicBool::new(false), Instant::now());
        std::thread::scope(|scope| {
            scope.spawn(|| {
                stay_on_one_processor();
                while !is_over.load(Ordering::Relaxed) && begun.elapsed() < Duration::from_mins(1) {
                    std::hint::spin_loop();
                }
            });
            let starved = scope.spawn(|| {
                stay_on_one_processor();
                let _modest = Modest::begin();
                while policy() == libc::SCHED_IDLE && begun.elapsed() < Duration::from_secs(50) {
                    std::hint::spin_loop();
                }
                policy()
            });
            let policy = starved.join().unwrap();
            is_over.store(true, Ordering::Relaxed);
            assert_eq!(policy, before, "a starved thread is like any other");
        });
    }
}
