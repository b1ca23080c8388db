//! When a thread of the surgeon gets its turn on a processor: at once while the target stands, and before and after that no
//! longer at a time than the target can do without.

use std::io;

use super::check;

/// The calling thread's scheduling policy for a time; the old one afterwards. Without the permission nothing happens.
struct Turn {
    before: Option<libc::sched_attr>,
}

impl Turn {
    fn begin(change: impl FnOnce(&libc::sched_attr) -> Option<libc::sched_attr>) -> Self {
        let before = attributes().ok();
        let changed = before.as_ref().and_then(change);
        Self { before: before.filter(|_| changed.is_some_and(|changed| set_attributes(&changed).is_ok())) }
    }

    fn keep(mut self) {
        self.before = None;
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        if let Some(before) = &self.before {
            // It was so before; if the permission for it has been lost since, the thread keeps what it has.
            let _ = set_attributes(before);
        }
    }
}

/// Real-time priority for the calling thread while it lives.
///
/// With as many runnable threads as the target may have, a surgeon without it would wait for its turn
/// between any two of them, with the whole process stopped.
pub(crate) struct Urgent(Turn);

impl Urgent {
    pub(crate) fn begin() -> Self {
        Self(Turn::begin(|_| {
            Some(libc::sched_attr {
                sched_policy: libc::SCHED_FIFO as u32,
                sched_flags: libc::SCHED_FLAG_RESET_ON_FORK as u64,
                sched_priority: 1,
                ..none()
            })
        }))
    }

    /// Leaves the priority as it is, for a thread that is about to end.
    pub(crate) fn keep(self) {
        self.0.keep();
    }
}

/// Short turns for the calling thread while it lives: the same share of the processors, in smaller pieces.
///
/// What is prepared outside the stop takes milliseconds. In the turns that the kernel gives by itself the threads of the
/// target would wait about as long for a processor, which is as bad as a pause. Kernels before 6.12 know no length of turns.
pub(crate) struct Modest(Turn);

impl Modest {
    /// The shortest turn that the kernel grants, in nanoseconds (`__setparam_fair` in kernel/sched/syscalls.c).
    const TURN_NS: u64 = 100_000;

    pub(crate) fn begin() -> Self {
        Self(Turn::begin(|before| {
            let is_fair = [libc::SCHED_OTHER, libc::SCHED_BATCH].contains(&(before.sched_policy as i32));
            is_fair.then_some(libc::sched_attr { sched_runtime: Self::TURN_NS, ..*before })
        }))
    }

    /// Leaves it so, for a thread that ends with what it does now.
    pub(crate) fn keep(self) {
        self.0.keep();
    }
}

const fn none() -> libc::sched_attr {
    libc::sched_attr {
        size: size_of::<libc::sched_attr>() as u32,
        sched_policy: 0,
        sched_flags: 0,
        sched_nice: 0,
        sched_priority: 0,
        sched_runtime: 0,
        sched_deadline: 0,
        sched_period: 0,
    }
}

fn attributes() -> io::Result<libc::sched_attr> {
    let mut found = none();
    // SAFETY: the kernel writes at most as many bytes as the structure has, which outlives the call; 0 is this thread.
    check(unsafe { libc::syscall(libc::SYS_sched_getattr, 0, &raw mut found, found.size, 0) })?;
    Ok(found)
}

fn set_attributes(attributes: &libc::sched_attr) -> io::Result<()> {
    // SAFETY: the kernel reads the structure, whose size it contains; 0 is this thread.
    check(unsafe { libc::syscall(libc::SYS_sched_setattr, 0, &raw const *attributes, 0) }).map(drop)
}

/// Interrupts this thread's blocking calls again and again while it lives, so that a wait can look at the clock.
pub(crate) struct Alarm {
    timer: libc::timer_t,
}

const ALARM_PERIOD_NS: i64 = 10_000_000;

impl Alarm {
    pub(crate) fn begin() -> io::Result<Self> {
        extern "C" fn nothing(_signal: i32) {}
        let signal = libc::SIGRTMIN() + 7;
        // SAFETY: the handler does nothing, which is safe at any point; the structures are live, of
        // integers and pointers for which zero is a value, and the timer belongs to the value returned.
        unsafe {
            let mut action: libc::sigaction = std::mem::zeroed();
            action.sa_sigaction = nothing as extern "C" fn(i32) as usize;
            check(i64::from(libc::sigaction(signal, &raw const action, std::ptr::null_mut())))?;
            let mut event: libc::sigevent = std::mem::zeroed();
            event.sigev_notify = libc::SIGEV_THREAD_ID;
            event.sigev_signo = signal;
            event.sigev_notify_thread_id = libc::gettid();
            let mut timer: libc::timer_t = std::mem::zeroed();
            check(i64::from(libc::timer_create(libc::CLOCK_MONOTONIC, &raw mut event, &raw mut timer)))?;
            let tick = libc::timespec { tv_sec: 0, tv_nsec: ALARM_PERIOD_NS };
            let interval = libc::itimerspec { it_interval: tick, it_value: tick };
            check(i64::from(libc::timer_settime(timer, 0, &raw const interval, std::ptr::null_mut())))?;
            Ok(Self { timer })
        }
    }
}

impl Drop for Alarm {
    fn drop(&mut self) {
        // SAFETY: the timer is ours and is deleted once.
        unsafe { libc::timer_delete(self.timer) };
    }
}
