//! Locks of surgeons: one works on a process at a time.
//!
//! Who operates on a process holds a lock (`flock`) on its `/proc/PID/mem`. Nobody can open that without the right to trace the
//! process, so no stranger can keep surgeons away; whoever opens it meets the others there, whichever user they are and
//! wherever they keep their journals; and the kernel frees it when they are killed.
//!
//! Those who look at the process through another mount of `/proc`, as from a container and from outside of it, have other files
//! there. They meet at the file that the kernel has for each process (`pidfd_open`, Linux 6.9), where a second lock is held. Everybody who
//! sees a process can open that, so that only those have to be waited for there who could work on the process, and those of whom nothing can be
//! seen from here. Older kernels have no such file: there a process is to be patched from one side, or with one state directory for
//! both. That a thread has one tracer, whoever looks, is not enough: between its stops a surgeon holds no thread.

use std::fs::File;
use std::os::linux::fs::MetadataExt as _;
use std::time::{Duration, Instant};

use suture_surgery::outcome::Refusal;

use crate::memory::RemoteMemory;
use crate::{patient, proc, sys};

/// Keeps other surgeons from a process while it lives.
pub(crate) struct ProcessLock {
    _memory: RemoteMemory,
    _everywhere: Option<File>,
}

const RETRY: Duration = Duration::from_millis(5);
/// How long the kernel may take to let go what a surgeon had seized that was killed.
const FORMER_TRACER_MAX: Duration = Duration::from_millis(50);
const FORMER_TRACER_RETRY: Duration = Duration::from_millis(1);

impl ProcessLock {
    /// Locks process `pid`, waiting until then for another surgeon to finish with it.
    pub(crate) fn take(pid: i32, until: Instant) -> Result<Self, Refusal> {
        // The number may be that of one of its threads, whose files are others.
        let process = proc::status(pid).map_err(|_| Refusal::Gone)?.thread_group;
        let (status, memory) = patient::open(process)?;
        let mut was_free = lock_in_time(memory.file(), until)?;
        // It may have gone, or be on a kernel without.
        let everywhere = sys::file_of_process(process).unwrap_or_default();
        if let Some(file) = &everywhere {
            was_free &= lock_against(file, until, |holder| may_operate(holder, status.uid))?;
        }
        if !was_free || is_former_tracer(status.tracer) {
            wait_for_former_tracers(process, until);
        }
        Ok(Self { _memory: memory, _everywhere: everywhere })
    }
}

/// Locks a file, waiting until then for who has it. Whether it was free.
pub(crate) fn lock_in_time(file: &File, until: Instant) -> Result<bool, Refusal> {
    lock_against(file, until, |_| true)
}

/// The same where only those count who `are_serious`: from others it is as free as it has to be.
fn lock_against(file: &File, until: Instant, are_serious: impl Fn(i32) -> bool) -> Result<bool, Refusal> {
    let mut was_free = true;
    loop {
        match sys::try_lock(file) {
            Ok(true) => return Ok(was_free),
            Ok(false) => {
                let holder = holder(file);
                if !are_serious(holder) {
                    return Ok(was_free);
                }
                if Instant::now() >= until {
                    return Err(Refusal::AnotherSurgeon(holder));
                }
                if was_free {
                    tracing::debug!(holder, "waiting for another surgeon");
                }
                was_free = false;
                std::thread::sleep(RETRY);
            }
            Err(error) => {
                return Err(Refusal::Journal { path: "lock".to_owned(), error: error.to_string() });
            }
        }
    }
}

/// Whether a process could work on one of user `owner`: it is root's, that user's, one of ours, or can't be seen.
fn may_operate(holder: i32, owner: u32) -> bool {
    let user = proc::status(holder).map(|status| status.uid);
    user.is_ok_and(|user| [0, owner, sys::effective_uid()].contains(&user)) || holder == 0
}

/// A surgeon that is killed loses its lock a moment before its threads.
fn wait_for_former_tracers(pid: i32, until: Instant) {
    let until = until.max(Instant::now() + FORMER_TRACER_MAX);
    let is_held = |tid: &i32| proc::status(*tid).is_ok_and(|status| is_former_tracer(status.tracer));
    while proc::threads(pid).is_ok_and(|threads| threads.iter().any(is_held)) && Instant::now() < until {
        std::thread::sleep(FORMER_TRACER_RETRY);
    }
}

fn is_former_tracer(tracer: i32) -> bool {
    tracer != 0 && proc::has_gone(tracer)
}

/// The process that has locked a file, 0 if it is not known here.
fn holder(file: &File) -> i32 {
    let locks = sys::read_file("/proc/locks").unwrap_or_default();
    let found = file.metadata().ok().and_then(|file| {
        let (major, minor) = (libc::major(file.st_dev()), libc::minor(file.st_dev()));
        holder_in(&String::from_utf8_lossy(&locks), &format!("{major:02x}:{minor:02x}:{}", file.st_ino()))
    });
    found.unwrap_or(0)
}

/// The process that has locked the whole of `file` (device and inode as `/proc/locks` writes them).
fn holder_in(locks: &str, file: &str) -> Option<i32> {
    locks.lines().find_map(|line| {
        // `1: FLOCK  ADVISORY  WRITE 4711 00:15:1823581 0 EOF`; who waits has an arrow behind the number.
        let words: Vec<&str> = line.split_whitespace().collect();
        let [_, "FLOCK", _, _, pid, of, ..] = words[..] else { return None };
        (of == file).then(|| pid.parse().ok())?
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_holds_a_lock_is_named_and_not_who_waits() {
        let locks = "1: POSIX  ADVISORY  WRITE 11 00:15:77 0 EOF\n2: FLOCK  ADVISORY  WRITE 12 fe:00:77 0 EOF\n\
                     2: -> FLOCK  ADVISORY  WRITE 13 00:15:77 0 EOF\n3: FLOCK  ADVISORY  WRITE 14 00:15:77 0 EOF\n";
        assert_eq!(holder_in(locks, "00:15:77"), Some(14));
        assert_eq!(holder_in(locks, "fe:00:77"), Some(12));
        assert_eq!(holder_in(locks, "00:15:7"), None);
    }

    #[test]
    fn strangers_keep_nobody_away_and_who_is_not_seen_does() {
        let (pid, own) = (std::process::id() as i32, sys::effective_uid());
        assert!(may_operate(pid, own), "one of ours");
        assert!(may_operate(0, own), "somebody in another namespace");
        // A process that no other test locks.
        let mut sleep = std::process::Command::new("sleep").arg("600").spawn().unwrap();
        let file = || sys::file_of_process(sleep.id() as i32).unwrap();
        let (file, other) = (file(), file());
        sleep.kill().and_then(|()| sleep.wait()).unwrap();
        // An older kernel.
        let Some((file, other)) = file.zip(other) else { return };
        assert_eq!(lock_in_time(&file, Instant::now()), Ok(true));
        assert_eq!(lock_against(&other, Instant::now(), |holder| holder != pid), Ok(true), "it is no matter");
        assert_eq!(lock_against(&other, Instant::now(), |_| true), Err(Refusal::AnotherSurgeon(pid)));
    }

    #[test]
    fn a_process_has_one_surgeon_whichever_thread_is_named() {
        let free = Instant::now();
        let pid = std::process::id() as i32;
        let lock = ProcessLock::take(pid, free).expect("nobody else has it");
        let thread = sys::thread_id();
        assert_ne!(thread, pid, "tests run on threads of their own");
        for name in [pid, thread] {
            let refused = ProcessLock::take(name, free).map(drop);
            assert_eq!(refused, Err(Refusal::AnotherSurgeon(pid)));
        }
        drop(lock);
        ProcessLock::take(thread, free).expect("it is free again");
    }
}
