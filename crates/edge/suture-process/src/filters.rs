//! Whether the seccomp filters of a thread allow what is about to be done on it.
//!
//! A filter may kill the process for a call that it does not expect, so the question is answered before the
//! first one is made, by running the filters here.

use std::io;

use suture_surgery::outcome::Refusal;
use suture_surgery::seccomp::{ARCH_X86_64, Action, SeccompData, evaluate};

use crate::install::{
    SYS_CLOSE, SYS_GETPID, SYS_MEMFD_CREATE, SYS_MMAP, SYS_MPROTECT, SYS_MUNMAP, SYS_RT_SIGPROCMASK,
};
use crate::patient::Prospect;
use crate::{proc, sys};

/// More filters than any thread has.
const FILTERS_MAX: usize = 1024;
/// Stands for an address, a length and a descriptor, on which no sensible filter decides.
const SOME: u64 = 0x1000;

/// Mode of a thread that may only read, write and exit; any other that is not 0 means filters.
const STRICT: u32 = 1;

/// What the modes of its threads tell of a process without a look into the filters, for which a thread would have to
/// be stopped.
pub(crate) fn prospect(pid: i32) -> Result<Prospect, Refusal> {
    let threads = proc::threads(pid).map_err(|_| Refusal::Gone)?;
    // A thread that has ended meanwhile is none of those that could be borrowed.
    let modes: Vec<u32> =
        threads.into_iter().filter_map(|tid| proc::status(tid).ok()).map(|status| status.seccomp).collect();
    if modes.iter().all(|mode| *mode == 0) {
        return Ok(Prospect::Clear);
    }
    if modes.iter().all(|mode| *mode == STRICT) {
        return Ok(Prospect::Blocked(strict()));
    }
    let missing = missing();
    if modes.iter().all(|mode| *mode != 0)
        && let Some(missing) = missing
    {
        return Ok(Prospect::Blocked(unread(pid, missing)));
    }
    Ok(Prospect::Open(
        "it has a seccomp filter, and whether that allows the surgery shows when a thread is stopped to read it"
            .to_owned(),
    ))
}

/// Refuses if a stopped thread's filters do not allow the calls of the surgery, made from `stub`.
pub(crate) fn check(tid: i32, stub: u64) -> Result<(), Refusal> {
    match proc::status(tid).map_err(|_| Refusal::Gone)?.seccomp {
        0 => return Ok(()),
        STRICT => return Err(strict()),
        _ => {}
    }
    let programs = programs(tid).map_err(|error| {
        tracing::debug!(tid, %error, "no seccomp filter");
        unread(tid, missing().unwrap_or(ADMIN))
    })?;
    for ((number, name), args) in calls() {
        let data = SeccompData { nr: number as i32, arch: ARCH_X86_64, instruction_pointer: stub + 2, args };
        let answer = match evaluate(&programs, &data) {
            Action::Allow | Action::Log => continue,
            Action::Errno(number) => io::Error::from_raw_os_error(i32::from(number)).to_string(),
            Action::Trace | Action::UserNotify => "a question to another process".to_owned(),
            Action::Trap => "SIGSYS".to_owned(),
            Action::KillThread | Action::KillProcess => "death".to_owned(),
        };
        return Err(Refusal::Seccomp { call: name, answer });
    }
    Ok(())
}

fn strict() -> Refusal {
    let answer = "death: it may only read, write and exit".to_owned();
    Refusal::Seccomp { call: SYS_MMAP.1, answer }
}

fn unread(tid: i32, missing: &str) -> Refusal {
    let what = format!("read the seccomp filter of thread {tid}");
    Refusal::NoPermission { what, missing: missing.to_owned() }
}

const ADMIN: &str = "CAP_SYS_ADMIN";

/// What the kernel asks of one who reads filters, and this process does not have, as far as that is known: in a
/// namespace of users a capability may not be the one that is meant.
fn missing() -> Option<&'static str> {
    const CAP_SYS_ADMIN: u64 = 1 << 21;
    let own = proc::status(std::process::id() as i32).ok()?;
    if own.seccomp != 0 {
        return Some("a suture that has no seccomp filter itself");
    }
    (own.capabilities & CAP_SYS_ADMIN == 0).then_some(ADMIN)
}

/// The calls that the surgery makes in a target, with arguments like those that it will have.
fn calls() -> [((u64, &'static str), [u64; 6]); 8] {
    let read_write = (libc::PROT_READ | libc::PROT_WRITE) as u64;
    let read_execute = (libc::PROT_READ | libc::PROT_EXEC) as u64;
    let fixed_private = 0x10_0002;
    [
        (SYS_MEMFD_CREATE, [SOME, 0x11, 0, 0, 0, 0]),
        (SYS_MMAP, [SOME, SOME, libc::PROT_READ as u64, fixed_private, 3, 0]),
        (SYS_MPROTECT, [SOME, SOME, read_write, 0, 0, 0]),
        (SYS_MPROTECT, [SOME, SOME, read_execute, 0, 0, 0]),
        (SYS_MUNMAP, [SOME, SOME, 0, 0, 0, 0]),
        (SYS_CLOSE, [3, 0, 0, 0, 0, 0]),
        (SYS_RT_SIGPROCMASK, [2, SOME, 0, 8, 0, 0]),
        (SYS_GETPID, [0; 6]),
    ]
}

fn programs(tid: i32) -> io::Result<Vec<Vec<u8>>> {
    let mut programs = Vec::new();
    for index in 0..FILTERS_MAX {
        match sys::seccomp_filter(tid, index)? {
            Some(program) => programs.push(program),
            None => break,
        }
    }
    Ok(programs)
}
