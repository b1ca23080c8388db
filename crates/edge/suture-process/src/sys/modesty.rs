//! Work that takes no processor from anybody: what the surgeon prepares while the target runs.
//!
//! It takes milliseconds, and a thread of the target that wakes on the surgeon's processor meanwhile waits until the
//! surgeon's turn is over, which is as bad as a pause. A thread that is scheduled as idle (`SCHED_IDLE`, `sched(7)`) gives way at
//! once. On processors that are never idle it would get nothing done, and somebody could wait for what it holds in the
//! kernel; so a watch looks after such threads, and one that is starved goes on like any other, in the shortest turns
//! that the kernel grants.

use std::collections::BTreeMap;
use std::io;
use std::marker::PhantomData;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::check;
use super::entry::as_started;
use super::turns::{attributes, none, set_attributes};

/// The shortest turn that the kernel grants, in nanoseconds (`__setparam_fair` in kernel/sched/syscalls.c, from 6.12).
pub(super) const TURN_NS: u64 = 100_000;
/// How often the watch looks.
const PERIOD: Duration = Duration::from_millis(4);
/// A thread that had less of a processor in a period, and wanted more, is starved.
const SHARE_MIN: Duration = Duration::from_micros(400);

/// Modesty of the calling thread, and of those that it starts, while it lives. Without the permission to become as before again
/// there is less of it: short turns, where the kernel knows them.
pub(crate) struct Modest {
    /// It is that thread's.
    _here: PhantomData<*const ()>,
    /// As the thread was before; `None` if nothing is to be put back.
    before: Option<libc::sched_attr>,
}

impl Modest {
    pub(crate) fn begin() -> Self {
        let mut modest = Self { _here: PhantomData, before: None };
        let Ok(before) = attributes(0).map(as_started) else { return modest };
        let is_fair = [libc::SCHED_OTHER, libc::SCHED_BATCH].contains(&(before.sched_policy as i32));
        if !is_fair {
            // Modest by whoever has started it, or as somebody wanted it.
            return modest;
        }
        // What fails leaves the thread as it is, which is what it would be without. The turns come first: to start the watchman
        // takes longer than one.
        let short = in_short_turns(&before);
        let _ = set_attributes(0, &short);
        let mut watch = WATCH.lock();
        if !watch.was_one_starved && may_return(&short) && watch.has_watchman() {
            watch.usual.get_or_insert(before);
            let _ = set_attributes(0, &libc::sched_attr { sched_policy: IDLE, ..before });
        }
        watch.modest += 1;
        WATCH.begun.notify_one();
        modest.before = Some(before);
        modest
    }
}

/// The calling thread is modest until the process ends, and so is what it starts.
pub fn be_modest() {
    std::mem::forget(Modest::begin());
}

/// The calling thread, the first of the program, has turns like any other. They are short while the program starts (`sys/entry.rs`).
pub fn be_as_usual() {
    if let Ok(now) = attributes(0) {
        // What fails leaves it less of a processor than it could have.
        let _ = set_attributes(0, &as_started(now));
    }
}

impl Drop for Modest {
    fn drop(&mut self) {
        if let Some(before) = &self.before {
            let mut watch = WATCH.lock();
            watch.modest -= 1;
            // It was so before; if the permission for it has been lost since, the thread keeps what it has.
            let _ = set_attributes(0, before);
        }
    }
}

const IDLE: u32 = libc::SCHED_IDLE as u32;

fn in_short_turns(before: &libc::sched_attr) -> libc::sched_attr {
    libc::sched_attr { sched_runtime: TURN_NS, ..*before }
}

/// Whether a thread that is scheduled as idle could become as before again. That takes the same permission as to be nicer to
/// itself by one, which can be tried.
fn may_return(now: &libc::sched_attr) -> bool {
    const NICE_MIN: i32 = -20;
    let less_nice = libc::sched_attr { sched_nice: (now.sched_nice - 1).max(NICE_MIN), ..*now };
    set_attributes(0, &less_nice).and_then(|()| set_attributes(0, now)).is_ok()
}

/// Real-time priority for the calling thread while it lives.
///
/// With as many runnable threads as the target may have, a surgeon without it would wait for its turn
/// between any two of them, with the whole process stopped.
pub(crate) struct Urgent {
    before: Option<libc::sched_attr>,
}

impl Urgent {
    /// The least that is more than the holders of processors have.
    pub(super) const PRIORITY: u32 = 2;

    /// Whether this thread may have it.
    pub(crate) fn is_granted() -> bool {
        let urgent = Self::begin();
        let is_granted = attributes(0).is_ok_and(|now| now.sched_policy == libc::SCHED_FIFO as u32);
        drop(urgent);
        is_granted
    }

    /// Without the permission the thread is at least not modest.
    pub(crate) fn begin() -> Self {
        let urgent = libc::sched_attr {
            sched_policy: libc::SCHED_FIFO as u32,
            sched_flags: libc::SCHED_FLAG_RESET_ON_FORK as u64,
            sched_priority: Self::PRIORITY,
            ..none()
        };
        let watch = WATCH.lock();
        let before = attributes(0).ok();
        if set_attributes(0, &urgent).is_err()
            && let Some(usual) =
                watch.usual.filter(|_| before.is_some_and(|before| before.sched_policy == IDLE))
        {
            let _ = set_attributes(0, &usual);
        }
        Self { before }
    }

    /// Leaves the priority as it is, for a thread that is about to end.
    pub(crate) fn keep(mut self) {
        self.before = None;
    }
}

impl Drop for Urgent {
    fn drop(&mut self) {
        if let Some(before) = self.before {
            let watch = WATCH.lock();
            let lifted = watch.usual.filter(|_| watch.was_one_starved && before.sched_policy == IDLE);
            // It was so before; if the permission for it has been lost since, the thread keeps what it has.
            let _ = set_attributes(0, &lifted.map_or(before, |usual| in_short_turns(&usual)));
        }
    }
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
        modest: 0,
        used: BTreeMap::new(),
    }),
    begun: Condvar::new(),
};

struct Watched {
    has_watchman: bool,
    /// Whether these processors have been seen to be never idle.
    was_one_starved: bool,
    /// How the first was before.
    usual: Option<libc::sched_attr>,
    /// How many have asked to be modest.
    modest: usize,
    /// How much of a processor each had had at the last look.
    used: BTreeMap<i32, Duration>,
}

impl Watch {
    fn lock(&self) -> MutexGuard<'_, Watched> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The work of the watchman, a thread for as long as the process lives. It has short turns and little to do in each, so that it
    /// gets them soon where nobody else does.
    fn keep(&self) {
        if let Ok(own) = attributes(0) {
            let _ = set_attributes(0, &in_short_turns(&own));
        }
        let mut watched = self.lock();
        loop {
            let waited = self.begun.wait_while(watched, |watched| watched.modest == 0);
            drop(waited.unwrap_or_else(PoisonError::into_inner));
            std::thread::sleep(PERIOD);
            watched = self.lock();
            watched.look();
        }
    }
}

impl Watched {
    /// Whether there is somebody to look after threads.
    fn has_watchman(&mut self) -> bool {
        if !self.has_watchman {
            let watchman = std::thread::Builder::new().name("watch".to_owned()).spawn(|| WATCH.keep());
            self.has_watchman = watchman.is_ok();
        }
        self.has_watchman
    }

    /// Looks at every idle thread, also at those that one has started and that have not had a turn yet. One that is
    /// starved ends the modesty of all.
    fn look(&mut self) {
        let is_idle = |tid: &i32| attributes(*tid).is_ok_and(|found| found.sched_policy == IDLE);
        let idle: Vec<i32> = own_threads().into_iter().filter(is_idle).collect();
        let mut is_one_starved = false;
        let mut seen = BTreeMap::new();
        for (tid, used) in idle.iter().filter_map(|tid| Some((*tid, used(*tid).ok()?))) {
            let before = self.used.get(&tid).copied();
            let is_short = before.is_some_and(|before| used.saturating_sub(before) < SHARE_MIN);
            is_one_starved |= is_short && wants_a_processor(tid);
            seen.insert(tid, used);
        }
        self.used = seen;
        if let Some(usual) = self.usual.filter(|_| is_one_starved) {
            self.was_one_starved = true;
            for tid in idle {
                // It has ended, or the permission is lost; in neither case is there anything better to do.
                let _ = set_attributes(tid, &in_short_turns(&usual));
            }
        }
    }
}

/// Threads of this process. They are no business of the surgery: its calls are counted, and these come whenever they come.
fn own_threads() -> Vec<i32> {
    let tasks = std::fs::read_dir("/proc/self/task");
    tasks.map_or_else(
        |_| Vec::new(),
        |tasks| tasks.filter_map(|task| task.ok()?.file_name().to_str()?.parse().ok()).collect(),
    )
}

/// Whether a thread of this process would run if it could.
fn wants_a_processor(tid: i32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/self/task/{tid}/stat")).unwrap_or_default();
    stat.rsplit_once(") ").is_some_and(|(_, rest)| rest.starts_with('R'))
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
    use crate::processors::stay_on_one_processor;

    fn policy() -> i32 {
        attributes(0).unwrap().sched_policy as i32
    }

    /// Modest, unless this machine has so much else to do that modesty is over.
    fn assert_modest() {
        assert!(policy() == libc::SCHED_IDLE || WATCH.lock().was_one_starved);
    }

    /// Whether this user may change back; otherwise there is nothing to see here.
    fn is_permitted() -> bool {
        may_return(&attributes(0).unwrap())
    }

    /// In one test, because a thread that is starved anywhere in the process ends the modesty of all.
    #[test]
    fn modesty_ends_where_it_would_get_nothing_done() {
        if !is_permitted() {
            return;
        }
        let before = policy();
        let modest = Modest::begin();
        assert_modest();
        // The inner one is none of its own.
        drop(Modest::begin());
        assert_modest();
        let urgent = Urgent::begin();
        assert_eq!(policy(), libc::SCHED_FIFO);
        drop(urgent);
        assert_modest();
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
                // What a modest thread starts is as idle, and may starve before it has done anything.
                let child = std::thread::spawn(policy);
                while policy() == libc::SCHED_IDLE && begun.elapsed() < Duration::from_secs(50) {
                    std::hint::spin_loop();
                }
                child.join().unwrap();
                policy()
            });
            let policy = starved.join().unwrap();
            is_over.store(true, Ordering::Relaxed);
            assert_eq!(policy, before, "a starved thread is like any other");
        });
    }
}
