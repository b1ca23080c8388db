//! How threads are scheduled, and that no time is lost while the target stands.

use std::io::{self, Write};
use std::time::Duration;

use super::{call, check};

/// Attributes that ask for nothing.
pub(super) const fn none() -> libc::sched_attr {
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

/// Attributes of a thread of this process, 0 for the calling one.
pub(super) fn attributes(tid: i32) -> io::Result<libc::sched_attr> {
    let mut found = none();
    // SAFETY: the kernel writes at most as many bytes as the structure has, which outlives the call.
    check(unsafe { libc::syscall(libc::SYS_sched_getattr, tid, &raw mut found, found.size, 0) })?;
    Ok(found)
}

/// Sets the attributes of a thread of this process, 0 for the calling one.
pub(super) fn set_attributes(tid: i32, attributes: &libc::sched_attr) -> io::Result<()> {
    // SAFETY: the kernel reads the structure, whose size it contains.
    check(unsafe { libc::syscall(libc::SYS_sched_setattr, tid, &raw const *attributes, 0) }).map(drop)
}

/// Keeps idle processors from sleeping while it lives (`/dev/cpu_dma_latency`, `Documentation/power/pm_qos_interface.rst`). Without
/// the permission nothing happens.
///
/// A thread that is stopped, looked at and let go changes processors' work several times, and one that sleeps takes ten to a
/// hundred microseconds to come back: most of what a short stop lasts. In a virtual machine it takes most.
#[derive(Debug)]
pub(crate) struct Awake {
    _request: Option<std::fs::File>,
}

impl Awake {
    pub(crate) fn begin() -> Self {
        /// The longest that a processor may take to come back, in microseconds.
        const LATENCY_US: i32 = 0;
        let request = call(|| {
            let mut request = std::fs::OpenOptions::new().write(true).open("/dev/cpu_dma_latency")?;
            request.write_all(&LATENCY_US.to_ne_bytes())?;
            Ok(request)
        });
        Self { _request: request.ok() }
    }
}

/// Interrupts this thread's blocking calls again and again while it lives, so that a wait can look at the clock.
pub(crate) struct Alarm {
    timer: libc::timer_t,
}

const ALARM_PERIOD: Duration = Duration::from_millis(10);

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
            let alarm = Self { timer };
            alarm.ring_every(ALARM_PERIOD)?;
            Ok(alarm)
        }
    }

    /// Rings in another period, of less than a second.
    pub(crate) fn ring_every(&self, period: Duration) -> io::Result<()> {
        let tick = libc::timespec { tv_sec: 0, tv_nsec: i64::from(period.subsec_nanos()) };
        let interval = libc::itimerspec { it_interval: tick, it_value: tick };
        // SAFETY: the timer is ours; the kernel reads the structure, which outlives the call.
        let set = unsafe { libc::timer_settime(self.timer, 0, &raw const interval, std::ptr::null_mut()) };
        check(i64::from(set)).map(drop)
    }
}

impl Drop for Alarm {
    fn drop(&mut self) {
        // SAFETY: the timer is ours and is deleted once.
        unsafe { libc::timer_delete(self.timer) };
    }
}
