//! What the kernel says of other threads without stopping them. How often it is asked depends on what processors happen to be doing,
//! so these calls are not counted; they change nothing.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::time::Duration;

use super::check;

/// Reads a text of `/proc`.
pub(crate) fn peek_file(path: impl AsRef<Path>) -> io::Result<String> {
    std::fs::read_to_string(path)
}

/// Reads an open file of `/proc` from its beginning, as much as there is room for: the text.
pub(crate) fn peek_at<'r>(file: &File, room: &'r mut [u8]) -> io::Result<&'r str> {
    let len = file.read_at(room, 0)?;
    let text = room.get(..len).and_then(|text| std::str::from_utf8(text).ok());
    text.ok_or_else(|| io::Error::from(io::ErrorKind::InvalidData))
}

/// The kernel takes so many pieces at once (`IOV_MAX`).
const PIECES_MAX: usize = 1024;

/// [`read_spans`](super::read_spans), not counted.
pub(crate) fn peek_spans(pid: i32, spans: &[(u64, usize)], into: &mut [u8]) -> io::Result<usize> {
    let mut total = 0;
    for spans in spans.chunks(PIECES_MAX) {
        let to_remote = |(address, len): &(u64, usize)| libc::iovec {
            iov_base: *address as *mut libc::c_void,
            iov_len: *len,
        };
        let remote: Vec<_> = spans.iter().map(to_remote).collect();
        let wanted: usize = spans.iter().map(|(_, len)| len).sum();
        let Some(room) = into.get_mut(total..) else { break };
        let local = libc::iovec { iov_base: room.as_mut_ptr().cast(), iov_len: room.len() };
        let count = remote.len() as libc::c_ulong;
        // SAFETY: `local` spans `room`, which nobody else uses; `remote` are addresses of the other process.
        let read = unsafe { libc::process_vm_readv(pid, &raw const local, 1, remote.as_ptr(), count, 0) };
        let read = check(read as i64)? as usize;
        total += read;
        if read < wanted {
            break;
        }
    }
    Ok(total)
}

/// An address in the descriptor of a thread, which lies above its stack if the C library has put both into one mapping: that of
/// its list of robust futexes (`get_robust_list(2)`). `None` if it has none.
pub(crate) fn descriptor(tid: i32) -> Option<u64> {
    let (mut head, mut len) = (0_u64, 0_usize);
    // SAFETY: the kernel writes the two numbers, which outlive the call.
    let got = unsafe { libc::syscall(libc::SYS_get_robust_list, tid, &raw mut head, &raw mut len) };
    (got == 0 && head != 0).then_some(head)
}

/// Whether a process has this thread, which has not ended.
pub(crate) fn has_thread(pid: i32, tid: i32) -> bool {
    // SAFETY: passes numbers only; signal 0 is none.
    unsafe { libc::syscall(libc::SYS_tgkill, pid, tid, 0) == 0 }
}

/// Whether a thread is scheduled below real-time priority.
pub(crate) fn is_ordinary(tid: i32) -> bool {
    // SAFETY: passes a number only.
    let policy = unsafe { libc::sched_getscheduler(tid) } & !libc::SCHED_RESET_ON_FORK;
    // A policy that is not known could be anything.
    [libc::SCHED_OTHER, libc::SCHED_BATCH, libc::SCHED_IDLE].contains(&policy)
}

/// How much all threads of a process have run, those that have ended among them: as long as it does not grow, none runs.
pub(crate) fn run_time(pid: i32) -> io::Result<Duration> {
    /// `CPUCLOCK_SCHED`, in include/linux/posix-timers_types.h.
    const PROCESS_CLOCK: i32 = 2;
    let clock = (!pid << 3) | PROCESS_CLOCK;
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the kernel writes the structure, which outlives the call.
    check(i64::from(unsafe { libc::clock_gettime(clock, &raw mut time) }))?;
    Ok(Duration::new(time.tv_sec as u64, time.tv_nsec as u32))
}
