//! The one door to the kernel: every system call that changes anything in the process, stops or frees a thread of it, or writes a file passes
//! [`call`].
//!
//! There it is counted and, in tests, the surgeon dies behind the one that was named; so a test can kill
//! it after each call in turn. What only looks (`peeks`, links and directories of `/proc`) or concerns the surgeon alone (its timers,
//! its turns on the processors) is not counted: a surgeon that dies behind it leaves what it would have left before. All `unsafe` of
//! the crate stands in this file and in its children.

mod breakpoints;
mod entry;
mod events;
mod holders;
mod modesty;
mod name_services;
mod peeks;
mod switches;
mod turns;

use std::io;
use std::os::fd::{AsRawFd, FromRawFd};
use std::path::Path;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use suture_surgery::registers::Registers;

pub(crate) use breakpoints::{Breakpoint, Readiness, harmless_signal};
pub(crate) use holders::Holders;
pub(crate) use modesty::{Modest, Urgent};
pub use modesty::{be_as_usual, be_modest};
pub use name_services::{leave_out_name_services, user_name};
pub(crate) use peeks::{descriptor, has_thread, is_ordinary, peek_at, peek_file, peek_spans, run_time};
pub(crate) use switches::{Event, Left, Switches};
pub(crate) use turns::{Alarm, Awake};

/// Names the call behind which somebody is to be killed: a test hook. `kill-after:N` counts from 1 and means the
/// surgeon, `kill-after:N:PID` a process.
const FAULT_VARIABLE: &str = "SUTURE_FAULT";

static CALLS: AtomicU64 = AtomicU64::new(0);

/// Runs one system call, counts it, and dies if a test wants that.
pub(crate) fn call<T>(body: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
    let result = body();
    let number = CALLS.fetch_add(1, Ordering::Relaxed) + 1;
    if let Some((at, victim)) = fault()
        && at == number
    {
        // SAFETY: sends a signal; no memory is involved.
        unsafe { libc::kill(victim.unwrap_or_else(|| libc::getpid()), libc::SIGKILL) };
        tracing::warn!(number, "{FAULT_VARIABLE} has killed the process");
    }
    result
}

/// How many system calls the surgery has made in this process, for tests that kill it after each in turn.
pub fn calls_made() -> u64 {
    CALLS.load(Ordering::Relaxed)
}

/// At which call somebody is to be killed, and who; nobody named is this process.
fn fault() -> Option<(u64, Option<i32>)> {
    static FAULT: OnceLock<Option<(u64, Option<i32>)>> = OnceLock::new();
    *FAULT.get_or_init(|| {
        let text = std::env::var(FAULT_VARIABLE).ok()?;
        let mut words = text.strip_prefix("kill-after:")?.split(':');
        let number = words.next()?.parse().ok()?;
        let victim = words.next().map(str::parse).transpose().ok()?;
        Some((number, victim))
    })
}

fn check(result: i64) -> io::Result<i64> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result) }
}

/// Reads a whole file of `/proc`.
pub(crate) fn read_file(path: impl AsRef<Path>) -> io::Result<Vec<u8>> {
    call(|| std::fs::read(path))
}

/// One `ptrace` request whose data is a number.
fn ptrace(request: libc::c_uint, tid: i32, address: usize, data: usize) -> io::Result<i64> {
    call(|| {
        // SAFETY: the requests made through here pass numbers only; the kernel touches no memory of ours.
        check(unsafe { libc::ptrace(request, tid, address, data) })
    })
}

/// One `ptrace` request that reads or writes `value`.
///
/// The caller guarantees that `T` is the structure that the kernel moves for `request`.
fn ptrace_value<T>(request: libc::c_uint, tid: i32, address: usize, value: *mut T) -> io::Result<()> {
    call(|| {
        // SAFETY: `value` points to a live `T`, which is what the kernel reads or writes for `request`.
        check(unsafe { libc::ptrace(request, tid, address, value) }).map(drop)
    })
}

const OPTIONS: usize = (libc::PTRACE_O_TRACECLONE | libc::PTRACE_O_TRACESYSGOOD) as usize;

/// Becomes the tracer of a thread without stopping it; threads that it starts are traced too.
pub(crate) fn seize(tid: i32) -> io::Result<()> {
    ptrace(libc::PTRACE_SEIZE, tid, 0, OPTIONS).map(drop)
}

/// Address of the pointer to the restartable sequence that a stopped thread is in (`rseq(2)`); `None` if it
/// has not registered for any.
pub(crate) fn restartable_sequence(tid: i32) -> io::Result<Option<u64>> {
    /// `struct ptrace_rseq_configuration`, in include/uapi/linux/ptrace.h.
    #[repr(C)]
    #[derive(Default)]
    struct Configuration {
        area: u64,
        area_len: u32,
        signature: u32,
        flags: u32,
        padding: u32,
    }
    const PTRACE_GET_RSEQ_CONFIGURATION: libc::c_uint = 0x420f;
    const POINTER_OFFSET: u64 = 8;
    let mut found = Configuration::default();
    // SAFETY: the kernel writes at most as many bytes as the structure has, which outlives the call.
    let result = unsafe {
        libc::ptrace(PTRACE_GET_RSEQ_CONFIGURATION, tid, size_of::<Configuration>(), &raw mut found)
    };
    check(result)?;
    Ok((found.area != 0).then(|| found.area + POINTER_OFFSET))
}

/// Asks a seized thread to stop.
pub(crate) fn interrupt(tid: i32) -> io::Result<()> {
    ptrace(libc::PTRACE_INTERRUPT, tid, 0, 0).map(drop)
}

/// Lets a stopped thread go for good, delivering `signal` if it is not 0.
pub(crate) fn detach(tid: i32, signal: i32) -> io::Result<()> {
    ptrace(libc::PTRACE_DETACH, tid, 0, signal as usize).map(drop)
}

/// Lets a stopped thread run on.
pub(crate) fn resume(tid: i32, signal: i32) -> io::Result<()> {
    ptrace(libc::PTRACE_CONT, tid, 0, signal as usize).map(drop)
}

/// Lets a stopped thread run to its next entry into or exit from a system call.
pub(crate) fn resume_to_system_call(tid: i32, signal: i32) -> io::Result<()> {
    ptrace(libc::PTRACE_SYSCALL, tid, 0, signal as usize).map(drop)
}

/// The thread started by a thread that is in a clone event.
pub(crate) fn event_message(tid: i32) -> io::Result<i32> {
    let mut message: libc::c_ulong = 0;
    ptrace_value(libc::PTRACE_GETEVENTMSG, tid, 0, &raw mut message)?;
    Ok(message as i32)
}

/// Registers of a stopped thread.
pub(crate) fn registers(tid: i32) -> io::Result<Registers> {
    // SAFETY: a structure of integers; all zeros are a value of it.
    let mut raw: libc::user_regs_struct = unsafe { std::mem::zeroed() };
    ptrace_value(libc::PTRACE_GETREGS, tid, 0, &raw mut raw)?;
    Ok(from_raw(&raw))
}

/// Sets all registers of a stopped thread at once.
pub(crate) fn set_registers(tid: i32, registers: &Registers) -> io::Result<()> {
    let mut raw = to_raw(registers);
    ptrace_value(libc::PTRACE_SETREGS, tid, 0, &raw mut raw)
}

const NT_X86_XSTATE: usize = 0x202;
/// More than any processor has: 8 KiB of AMX tiles and everything before them.
const EXTENDED_LEN_MAX: usize = 16 << 10;

/// Extended state of a stopped thread, standard XSAVE format.
pub(crate) fn extended_state(tid: i32) -> io::Result<Vec<u8>> {
    let mut state = vec![0_u8; EXTENDED_LEN_MAX];
    let mut vector = libc::iovec { iov_base: state.as_mut_ptr().cast(), iov_len: state.len() };
    ptrace_value(libc::PTRACE_GETREGSET as libc::c_uint, tid, NT_X86_XSTATE, &raw mut vector)?;
    state.truncate(vector.iov_len);
    Ok(state)
}

/// Sets the extended state of a stopped thread.
pub(crate) fn set_extended_state(tid: i32, state: &[u8]) -> io::Result<()> {
    let mut vector = libc::iovec { iov_base: state.as_ptr().cast_mut().cast(), iov_len: state.len() };
    ptrace_value(libc::PTRACE_SETREGSET as libc::c_uint, tid, NT_X86_XSTATE, &raw mut vector)
}

const PTRACE_GETSIGMASK: libc::c_uint = 0x420a;
const PTRACE_SETSIGMASK: libc::c_uint = 0x420b;

/// Blocked signals of a stopped thread.
pub(crate) fn signal_mask(tid: i32) -> io::Result<u64> {
    let mut mask = 0_u64;
    ptrace_value(PTRACE_GETSIGMASK, tid, size_of::<u64>(), &raw mut mask)?;
    Ok(mask)
}

/// Sets the blocked signals of a stopped thread.
pub(crate) fn set_signal_mask(tid: i32, mut mask: u64) -> io::Result<()> {
    ptrace_value(PTRACE_SETSIGMASK, tid, size_of::<u64>(), &raw mut mask)
}

/// Whether the signal that a stopped thread is about to get was sent by a process, not raised by what the thread did.
pub(crate) fn is_sent(tid: i32) -> io::Result<bool> {
    /// Place of the code in `siginfo_t`, in numbers of 4 bytes; codes of the kernel are above 0.
    const CODE: usize = 2;
    let mut info = [0_i32; size_of::<libc::siginfo_t>() / size_of::<i32>()];
    ptrace_value(libc::PTRACE_GETSIGINFO, tid, 0, info.as_mut_ptr())?;
    Ok(info[CODE] <= 0)
}

const PTRACE_SECCOMP_GET_FILTER: libc::c_uint = 0x420c;
/// Longest filter the kernel accepts (`BPF_MAXINSNS`).
const FILTER_LEN_MAX: usize = 4096;

/// The seccomp filter of a stopped thread with this index (0 is the newest), or `None` past the last.
pub(crate) fn seccomp_filter(tid: i32, index: usize) -> io::Result<Option<Vec<u8>>> {
    let mut program = vec![0_u64; FILTER_LEN_MAX];
    let found = call(|| {
        // SAFETY: the kernel writes at most BPF_MAXINSNS instructions of 8 bytes, for which there is room.
        check(unsafe { libc::ptrace(PTRACE_SECCOMP_GET_FILTER, tid, index, program.as_mut_ptr()) })
    });
    match found {
        Ok(len) => Ok(Some(program.iter().take(len as usize).flat_map(|w| w.to_le_bytes()).collect())),
        Err(error) if error.raw_os_error() == Some(libc::ENOENT) => Ok(None),
        Err(error) => Err(error),
    }
}

/// State of a traced thread from `waitpid`; `None` if `block` is false and nothing has happened, or if a
/// signal (an [`Alarm`]) ended the wait.
pub(crate) fn wait(tid: i32, block: bool) -> io::Result<Option<i32>> {
    let flags = libc::__WALL | if block { 0 } else { libc::WNOHANG };
    let mut status = 0;
    let waited = call(|| {
        // SAFETY: `status` is a live integer.
        check(i64::from(unsafe { libc::waitpid(tid, &raw mut status, flags) }))
    });
    match waited {
        Ok(0) => Ok(None),
        Ok(_) => Ok(Some(status)),
        Err(error) if error.raw_os_error() == Some(libc::EINTR) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Reads memory of another process; all of it or an error.
pub(crate) fn read_memory(pid: i32, address: u64, into: &mut [u8]) -> io::Result<()> {
    let local = libc::iovec { iov_base: into.as_mut_ptr().cast(), iov_len: into.len() };
    let remote = libc::iovec { iov_base: address as *mut libc::c_void, iov_len: into.len() };
    let read = call(|| {
        // SAFETY: `local` spans `into`, which nobody else uses; `remote` is an address of the other process.
        check(unsafe { libc::process_vm_readv(pid, &raw const local, 1, &raw const remote, 1, 0) } as i64)
    })?;
    if read as usize == into.len() { Ok(()) } else { Err(io::Error::from_raw_os_error(libc::EFAULT)) }
}

/// Reads small pieces of memory of another process in one call; all of them or an error.
pub(crate) fn read_pieces<const N: usize>(pid: i32, addresses: &[u64]) -> io::Result<Vec<[u8; N]>> {
    let spans: Vec<_> = addresses.iter().map(|address| (*address, N)).collect();
    let mut pieces = vec![[0; N]; addresses.len()];
    let into = pieces.as_flattened_mut();
    if read_spans(pid, &spans, into)? == into.len() {
        Ok(pieces)
    } else {
        Err(io::Error::from_raw_os_error(libc::EFAULT))
    }
}

/// Reads spans of memory of another process, (address, length), one behind the other into `into`, at once. How many
/// bytes were read: it ends at the first that can't be, and when `into` is full.
pub(crate) fn read_spans(pid: i32, spans: &[(u64, usize)], into: &mut [u8]) -> io::Result<usize> {
    call(|| peek_spans(pid, spans, into))
}

/// Whether two processes run in the same memory. An error where the kernel does not tell.
pub(crate) fn share_memory(a: i32, b: i32) -> io::Result<bool> {
    const KCMP_VM: libc::c_int = 1;
    // SAFETY: passes numbers only.
    call(|| check(unsafe { libc::syscall(libc::SYS_kcmp, a, b, KCMP_VM, 0, 0) })).map(|order| order == 0)
}

/// A file that is the same whoever opens it for a process, in whatever namespace and through whatever mount of `/proc`. `None` before Linux
/// 6.9, where all processes have one between them.
pub(crate) fn file_of_process(pid: i32) -> io::Result<Option<std::fs::File>> {
    const PIDFS_MAGIC: i64 = 0x5049_4446;
    let number = call(|| {
        // SAFETY: passes numbers only.
        check(unsafe { libc::syscall(libc::SYS_pidfd_open, pid, 0) })
    })?;
    // SAFETY: the descriptor has just been made, and nobody else has it.
    let file = unsafe { std::fs::File::from_raw_fd(number as i32) };
    // SAFETY: a structure of integers; all zeros are a value of it.
    let mut system: libc::statfs = unsafe { std::mem::zeroed() };
    // SAFETY: `system` is a live structure, which the kernel fills.
    call(|| check(i64::from(unsafe { libc::fstatfs(file.as_raw_fd(), &raw mut system) })))?;
    Ok((system.f_type == PIDFS_MAGIC).then_some(file))
}

/// Takes the lock on an open file, or says that another has it.
pub(crate) fn try_lock(file: &std::fs::File) -> io::Result<bool> {
    let locked = call(|| {
        // SAFETY: passes numbers only.
        check(i64::from(unsafe { libc::flock(file.as_raw_fd(), libc::LOCK_EX | libc::LOCK_NB) }))
    });
    match locked {
        Ok(_) => Ok(true),
        Err(error) if error.raw_os_error() == Some(libc::EWOULDBLOCK) => Ok(false),
        Err(error) => Err(error),
    }
}

/// Number of the calling thread.
pub(crate) fn thread_id() -> i32 {
    // SAFETY: reads a number.
    unsafe { libc::gettid() }
}

/// Whether a thread of this process has not yet ended.
pub(crate) fn is_there(tid: i32) -> bool {
    has_thread(std::process::id() as i32, tid)
}

/// Effective user id of this process.
pub fn effective_uid() -> u32 {
    // SAFETY: takes nothing, can't fail.
    unsafe { libc::geteuid() }
}

fn from_raw(raw: &libc::user_regs_struct) -> Registers {
    Registers {
        r15: raw.r15,
        r14: raw.r14,
        r13: raw.r13,
        r12: raw.r12,
        rbp: raw.rbp,
        rbx: raw.rbx,
        r11: raw.r11,
        r10: raw.r10,
        r9: raw.r9,
        r8: raw.r8,
        rax: raw.rax,
        rcx: raw.rcx,
        rdx: raw.rdx,
        rsi: raw.rsi,
        rdi: raw.rdi,
        orig_rax: raw.orig_rax,
        rip: raw.rip,
        cs: raw.cs,
        eflags: raw.eflags,
        rsp: raw.rsp,
        ss: raw.ss,
        fs_base: raw.fs_base,
        gs_base: raw.gs_base,
        ds: raw.ds,
        es: raw.es,
        fs: raw.fs,
        gs: raw.gs,
    }
}

fn to_raw(registers: &Registers) -> libc::user_regs_struct {
    libc::user_regs_struct {
        r15: registers.r15,
        r14: registers.r14,
        r13: registers.r13,
        r12: registers.r12,
        rbp: registers.rbp,
        rbx: registers.rbx,
        r11: registers.r11,
        r10: registers.r10,
        r9: registers.r9,
        r8: registers.r8,
        rax: registers.rax,
        rcx: registers.rcx,
        rdx: registers.rdx,
        rsi: registers.rsi,
        rdi: registers.rdi,
        orig_rax: registers.orig_rax,
        rip: registers.rip,
        cs: registers.cs,
        eflags: registers.eflags,
        rsp: registers.rsp,
        ss: registers.ss,
        fs_base: registers.fs_base,
        gs_base: registers.gs_base,
        ds: registers.ds,
        es: registers.es,
        fs: registers.fs,
        gs: registers.gs,
    }
}
