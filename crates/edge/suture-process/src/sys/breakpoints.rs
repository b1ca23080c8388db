//! Breakpoints that end with the surgeon.
//!
//! A breakpoint of `ptrace` is the traced thread's: when the surgeon is killed it stays, and its trap kills the program. One of
//! the kernel's performance events (`perf_event_open(2)`, `PERF_TYPE_BREAKPOINT`) is a file of the surgeon's and is gone with
//! it; it traps nobody, the kernel counts it and goes on. What stops the thread is the signal that the file sends when
//! something has happened (`fcntl(2)`, `F_SETSIG` and `F_SETOWN_EX`): one that every thread ignores unless the program handles it, but
//! that stops a traced one on its way back from the trap, before its next instruction.

use std::io;
use std::os::fd::{AsRawFd, OwnedFd};

use super::events::{Attributes, Subject};
use super::{call, check, ptrace_value};

/// Signals that a program ignores if it says nothing of them (`signal(7)`).
const IGNORED_BY_DEFAULT: [i32; 3] = [libc::SIGURG, libc::SIGWINCH, libc::SIGCHLD];

/// A signal that can stop a thread and do nothing else to its program, which has handlers for the signals `caught`, and of
/// which the thread blocks the signals `blocked`: bit n-1 for signal n. `None` if each has a use there.
pub(crate) fn harmless_signal(caught: u64, blocked: u64) -> Option<i32> {
    IGNORED_BY_DEFAULT.into_iter().find(|signal| (caught | blocked) & (1 << (signal - 1)) == 0)
}

const TYPE_BREAKPOINT: u32 = 5;
const COUNT_SOFTWARE_DUMMY: u64 = 9;
const ON_EXECUTION: u32 = 4;
const DISABLED: u64 = 1 << 0;
const EXCLUDE_KERNEL: u64 = 1 << 5;
const EXCLUDE_HYPERVISOR: u64 = 1 << 6;
const IOCTL_DISABLE: libc::c_ulong = 0x2401;
const IOCTL_REFRESH: libc::c_ulong = 0x2402;

/// From include/uapi/asm-generic/fcntl.h.
const F_SETSIG: i32 = 10;
const F_SETOWN_EX: i32 = 15;
const F_OWNER_TID: i32 = 0;

/// Codes of signals of files, from include/uapi/asm-generic/siginfo.h; the last of a signal that has codes of its own
/// (`send_sigio_to_task` in fs/fcntl.c).
const POLL_IN: i32 = 1;
const POLL_HUP: i32 = 6;
const SI_SIGIO: i32 = -5;

/// `struct f_owner_ex`, in include/uapi/asm-generic/fcntl.h.
#[repr(C)]
struct Owner {
    kind: i32,
    id: i32,
}

/// An event that counts nothing.
fn none() -> Attributes {
    let flags = DISABLED | EXCLUDE_KERNEL | EXCLUDE_HYPERVISOR;
    Attributes { flags, ..Attributes::software(COUNT_SOFTWARE_DUMMY) }
}

fn execution(address: u64) -> Attributes {
    Attributes {
        kind: TYPE_BREAKPOINT,
        config: 0,
        sample_period: 1,
        breakpoint_kind: ON_EXECUTION,
        breakpoint_address: address,
        breakpoint_len: size_of::<libc::c_long>() as u64,
        ..none()
    }
}

/// Keeps the kernel ready for breakpoints while it lives.
///
/// For the first event of any thread the kernel rewrites its own code and waits until every processor has seen it:
/// milliseconds that must not be a part of the stop.
#[derive(Debug)]
pub(crate) struct Readiness {
    _event: OwnedFd,
}

impl Readiness {
    /// Makes the kernel ready. An error where the kernel grants no events.
    pub(crate) fn begin() -> io::Result<Self> {
        Ok(Self { _event: none().open(Subject::Thread(0))? })
    }
}

/// A breakpoint of one thread, good for one hit.
#[derive(Debug)]
pub(crate) struct Breakpoint {
    event: OwnedFd,
    /// What it stops a thread with.
    pub(crate) signal: i32,
}

impl Breakpoint {
    /// Sets one at an instruction of the thread's program: when the thread, traced by the caller, is about to execute it,
    /// it stops as if for `signal`, see [`harmless_signal`]. An error where the kernel grants none, or when the processor
    /// has no more.
    pub(crate) fn set(tid: i32, address: u64, signal: i32) -> io::Result<Self> {
        let event = execution(address).open(Subject::Thread(tid))?;
        let fd = event.as_raw_fd();
        let owner = Owner { kind: F_OWNER_TID, id: tid };
        call(|| {
            // SAFETY: a descriptor of ours and a number.
            check(i64::from(unsafe { libc::fcntl(fd, F_SETSIG, signal) }))?;
            // SAFETY: a descriptor of ours; the kernel reads the structure, which outlives the call.
            check(i64::from(unsafe { libc::fcntl(fd, F_SETOWN_EX, &raw const owner) }))?;
            // SAFETY: a descriptor of ours and a number.
            check(i64::from(unsafe { libc::fcntl(fd, libc::F_SETFL, libc::O_ASYNC) }))?;
            // SAFETY: a descriptor of ours and a number.
            check(i64::from(unsafe { libc::ioctl(fd, IOCTL_REFRESH, 1) }))
        })?;
        Ok(Self { event, signal })
    }

    /// Whether it is what a thread of ours has stopped for, which stands before the delivery of a signal.
    pub(crate) fn has_stopped(&self, tid: i32) -> io::Result<bool> {
        /// Places of the code and of the descriptor in `siginfo_t` of an event on a file, in numbers of 4 bytes.
        const CODE: usize = 2;
        const DESCRIPTOR: usize = 6;
        let mut info = [0_i32; size_of::<libc::siginfo_t>() / size_of::<i32>()];
        ptrace_value(libc::PTRACE_GETSIGINFO, tid, 0, info.as_mut_ptr())?;
        let is_of_a_file = matches!(info[CODE], POLL_IN..=POLL_HUP | SI_SIGIO);
        Ok(is_of_a_file && info[DESCRIPTOR] == self.event.as_raw_fd())
    }

    /// Lets it stop nobody any more.
    pub(crate) fn disarm(&self) -> io::Result<()> {
        // SAFETY: a descriptor of ours and a number.
        call(|| check(i64::from(unsafe { libc::ioctl(self.event.as_raw_fd(), IOCTL_DISABLE, 0) }))).map(drop)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signal_that_the_program_uses_is_not_taken() {
        let bit = |signal: i32| 1_u64 << (signal - 1);
        assert_eq!(harmless_signal(0, 0), Some(libc::SIGURG));
        assert_eq!(harmless_signal(bit(libc::SIGURG), 0), Some(libc::SIGWINCH));
        assert_eq!(harmless_signal(bit(libc::SIGURG), bit(libc::SIGWINCH)), Some(libc::SIGCHLD));
        assert_eq!(harmless_signal(u64::MAX, 0), None);
    }
}
