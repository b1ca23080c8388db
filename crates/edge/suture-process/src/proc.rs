//! What `/proc` says of a process and its threads.
//!
//! Process ids are those of this mount of `/proc`, that is, of the surgeon's own PID namespace; a target
//! in another one has an id here as well.

use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::sys;

/// Length of a tick towards programs (`USER_HZ` is 100 on every x86-64 machine).
const TICK_MS: u64 = 10;

/// Fields of `/proc/PID/status` that the surgery looks at.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Status {
    /// Thread that traces it, 0 if none.
    pub(crate) tracer: i32,
    /// Process that the thread belongs to.
    pub(crate) thread_group: i32,
    /// Effective user id.
    pub(crate) uid: u32,
    /// 0 none, 1 strict, 2 filters.
    pub(crate) seccomp: u32,
    /// Capabilities that it has now, bit n for capability n.
    pub(crate) capabilities: u64,
    /// Signals that wait for the thread, bit n-1 for signal n.
    pub(crate) pending_signals: u64,
    /// Signals that it blocks.
    pub(crate) blocked_signals: u64,
    /// Signals that the program has handlers for.
    pub(crate) caught_signals: u64,
    /// Whether the kernel keeps a shadow stack for it.
    pub(crate) shadow_stack: bool,
    /// Whether it has no memory of its own: a kernel thread, or one that has ended.
    pub(crate) no_memory: bool,
}

/// `/proc/PID/FILE`.
pub(crate) fn path(pid: i32, file: &str) -> PathBuf {
    PathBuf::from(format!("/proc/{pid}/{file}"))
}

/// Reads `/proc/PID/FILE` whole.
pub(crate) fn read(pid: i32, file: &str) -> io::Result<Vec<u8>> {
    sys::read_file(path(pid, file))
}

/// Reads `/proc/PID/FILE` as text; what is not UTF-8 is replaced.
pub(crate) fn read_text(pid: i32, file: &str) -> io::Result<String> {
    Ok(String::from_utf8_lossy(&read(pid, file)?).into_owned())
}

/// Name of a process or thread, or `?`.
pub(crate) fn name(tid: i32) -> String {
    read_text(tid, "comm").map_or_else(|_| "?".to_owned(), |text| text.trim_end().to_owned())
}

/// Status of a process or thread.
pub(crate) fn status(tid: i32) -> io::Result<Status> {
    let text = read_text(tid, "status")?;
    let mut status = Status { no_memory: true, ..Status::default() };
    for (key, value) in text.lines().filter_map(|line| line.split_once(':')) {
        let mut words = value.split_whitespace();
        let number = |word: Option<&str>| word.and_then(|w| w.parse().ok()).unwrap_or(0);
        let mask = |word: Option<&str>| word.and_then(|w| u64::from_str_radix(w, 16).ok()).unwrap_or(0);
        match key {
            "TracerPid" => status.tracer = number(words.next()) as i32,
            "Tgid" => status.thread_group = number(words.next()) as i32,
            "Uid" => status.uid = number(words.nth(1)),
            "Seccomp" => status.seccomp = number(words.next()),
            "CapEff" => status.capabilities = mask(words.next()),
            "SigPnd" => status.pending_signals = mask(words.next()),
            "SigBlk" => status.blocked_signals = mask(words.next()),
            "SigCgt" => status.caught_signals = mask(words.next()),
            "x86_Thread_features" => status.shadow_stack = words.any(|word| word == "shstk"),
            "VmSize" => status.no_memory = false,
            _ => {}
        }
    }
    Ok(status)
}

/// Whether a thread is one of this process.
pub(crate) fn is_own_thread(tid: i32) -> bool {
    Path::new("/proc/self/task").join(tid.to_string()).exists()
}

/// Who traces a thread of a process, any of them, and is not this process.
pub(crate) fn debugger(pid: i32) -> io::Result<Option<i32>> {
    let threads = threads(pid)?.into_iter();
    // One that has ended meanwhile is traced by nobody.
    let mut tracers = threads.filter_map(|tid| Some(status(tid).ok()?.tracer));
    Ok(tracers.find(|tracer| *tracer != 0 && !is_own_thread(*tracer)))
}

/// Threads of a process now, ascending.
pub(crate) fn threads(pid: i32) -> io::Result<Vec<i32>> {
    sys::call(|| {
        let entries = std::fs::read_dir(path(pid, "task"))?;
        let mut threads: Vec<i32> =
            entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok()).collect();
        threads.sort_unstable();
        Ok(threads)
    })
}

/// A process that runs in the memory of `pid` and is no thread of it (`clone` with `CLONE_VM` alone, `vfork`).
///
/// Only one that runs the same program can; a kernel that does not compare memory (no `kcmp`) tells of none.
pub(crate) fn memory_sharer(pid: i32) -> Option<i32> {
    let program = |pid| std::fs::read_link(path(pid, "exe")).ok();
    let own = program(pid)?;
    let same_program = |other: &i32| *other != pid && program(*other).as_ref() == Some(&own);
    let others = processes().ok()?.into_iter().filter(same_program);
    others.into_iter().find(|other| sys::share_memory(pid, *other).unwrap_or(false))
}

/// All processes now, ascending.
pub(crate) fn processes() -> io::Result<Vec<i32>> {
    let entries = std::fs::read_dir("/proc")?;
    let mut processes: Vec<i32> =
        entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok()).collect();
    processes.sort_unstable();
    Ok(processes)
}

/// State letter of a thread (`R`, `S`, `D`, `T`, `t`, `Z`, `X`), and when it was started, in ticks since boot.
pub(crate) fn state_and_start(tid: i32) -> io::Result<(char, u64)> {
    Stat::read(tid).map(|stat| (stat.state, stat.start))
}

/// The stack pointer that the kernel started the program with, 0 for those who may not know.
pub(crate) fn start_stack(pid: i32) -> io::Result<u64> {
    Stat::read(pid).map(|stat| stat.start_stack)
}

/// How long ago a process was started.
pub(crate) fn age(pid: i32) -> io::Result<Duration> {
    let odd = || io::Error::new(io::ErrorKind::InvalidData, "/proc/uptime has another form");
    let text = String::from_utf8_lossy(&sys::read_file("/proc/uptime")?).into_owned();
    let uptime: f64 = text.split_whitespace().next().and_then(|word| word.parse().ok()).ok_or_else(odd)?;
    let start = Duration::from_millis(Stat::read(pid)?.start.saturating_mul(TICK_MS));
    Ok(Duration::try_from_secs_f64(uptime).map_err(|_| odd())?.saturating_sub(start))
}

/// Whether a process has memory, or may have.
pub(crate) fn runs_a_program(pid: i32) -> bool {
    match status(pid) {
        Ok(status) => !status.no_memory,
        Err(error) => !says_gone(&error),
    }
}

/// Whether a process is there no more, or all of it is ending.
pub(crate) fn has_gone(pid: i32) -> bool {
    match threads(pid) {
        Ok(threads) => threads.into_iter().all(|tid| is_ending(pid, tid)),
        Err(error) => says_gone(&error),
    }
}

/// Whether a thread is on its way out of the world, or gone. One that has been killed is on its way before it runs again:
/// it answers to nothing any more, and until a processor is free for it only the signal that waits for it says so.
fn is_ending(pid: i32, tid: i32) -> bool {
    let is_killed = match status(tid) {
        Ok(status) => status.pending_signals & SIGKILL_PENDING != 0,
        Err(error) => return says_gone(&error),
    };
    is_killed
        || match Stat::read_thread(pid, tid) {
            Ok(stat) => matches!(stat.state, 'Z' | 'X') || stat.flags & PF_EXITING != 0,
            Err(error) => says_gone(&error),
        }
}

/// Whether an error of `/proc` means that there is no such thread; any other tells nothing of it.
fn says_gone(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::ENOENT | libc::ESRCH))
}

/// Whether a thread is the kernel's, made for the process and with none of its code to run: a worker of `io_uring`,
/// vhost and the like. To interrupt it would interrupt what it does for the process.
///
/// In older kernels the flags meant other things, of threads that run code (`PF_VCPU`, `PF_USED_ASYNC`); so the name
/// that the kernel gives its workers must be there too. A worker that has been renamed counts as a thread like
/// any other, and is in the way of everything.
pub(crate) fn is_kernel_worker(pid: i32, tid: i32) -> bool {
    const NAMES: [&str; 3] = ["iou-wrk-", "iou-sqp-", "vhost-"];
    Stat::read_thread(pid, tid).is_ok_and(|stat| {
        stat.flags & (PF_IO_WORKER | PF_USER_WORKER) != 0
            && NAMES.iter().any(|name| stat.name.starts_with(name))
    })
}

/// SIGKILL among the signals that wait for a thread.
const SIGKILL_PENDING: u64 = 1 << (libc::SIGKILL - 1);

/// Flags of a thread in `stat` (include/linux/sched.h).
const PF_EXITING: u64 = 0x4;
const PF_IO_WORKER: u64 = 0x10;
const PF_USER_WORKER: u64 = 0x4000;

/// What `stat` says of a thread.
struct Stat {
    name: String,
    state: char,
    flags: u64,
    /// When it was started, in ticks since boot.
    start: u64,
    /// The stack pointer that it was started with; 0 for those who may not know.
    start_stack: u64,
}

impl Stat {
    fn read(tid: i32) -> io::Result<Self> {
        Self::read_file(tid, "stat")
    }

    /// The same for a thread of `pid`. In a process of many threads much cheaper: for `/proc/TID/stat` the kernel
    /// adds up the times of all.
    fn read_thread(pid: i32, tid: i32) -> io::Result<Self> {
        Self::read_file(pid, &format!("task/{tid}/stat"))
    }

    fn read_file(pid: i32, file: &str) -> io::Result<Self> {
        let text = read_text(pid, file)?;
        Self::parse(&text)
            .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "/proc/PID/stat has another form"))
    }

    fn parse(text: &str) -> Option<Self> {
        // The name, in parentheses, may hold anything.
        let (before, rest) = text.rsplit_once(')')?;
        let (_, name) = before.split_once('(')?;
        let mut fields = rest.split_whitespace();
        let state = fields.next()?.chars().next()?;
        let flags = fields.nth(5)?.parse().ok()?;
        let start = fields.nth(12)?.parse().ok()?;
        let start_stack = fields.nth(5)?.parse().ok()?;
        Some(Self { name: name.to_owned(), state, flags, start, start_stack })
    }
}

/// Whether the thread waits in a system call now, and in which.
pub(crate) fn blocked_in(pid: i32, tid: i32) -> Option<u64> {
    let text = read_text(pid, &format!("task/{tid}/syscall")).ok()?;
    text.split_whitespace().next()?.parse().ok()
}

/// Where a thread has left its program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    /// Behind the instruction of its system call, if it is in one.
    pub(crate) pc: u64,
    pub(crate) stack_pointer: u64,
}

impl Place {
    /// Where a thread stands; `None` if it does not sleep.
    pub(crate) fn of(pid: i32, tid: i32) -> Option<Self> {
        Self::parse(&sys::peek_file(path(pid, &format!("task/{tid}/syscall"))).ok()?)
    }

    /// `NUMBER ARGUMENTS... SP PC` in a system call, `-1 SP PC` elsewhere, `running`.
    fn parse(text: &str) -> Option<Self> {
        let mut words = text.split_whitespace().rev();
        let mut address = || u64::from_str_radix(words.next()?.strip_prefix("0x")?, 16).ok();
        let (pc, stack_pointer) = (address()?, address()?);
        // One that has ended has no place any more.
        (pc != 0 && stack_pointer != 0).then_some(Self { pc, stack_pointer })
    }
}

/// Whether a thread is traced, or the kernel does not say it.
pub(crate) fn is_traced(pid: i32, tid: i32) -> bool {
    let status = sys::peek_file(path(pid, &format!("task/{tid}/status"))).unwrap_or_default();
    let tracer = status.lines().find_map(|line| line.strip_prefix("TracerPid:"));
    tracer.is_none_or(|tracer| tracer.trim() != "0")
}

/// How many threads a process has.
pub(crate) fn thread_count(pid: i32) -> Option<u64> {
    // The directory has a link for each, two for itself and none for what is in it.
    Some(std::fs::metadata(path(pid, "task")).ok()?.nlink().saturating_sub(2))
}

/// When the thread last had a processor, in nanoseconds of the scheduler's clock, if the kernel says it (`CONFIG_SCHED_DEBUG`).
pub(crate) fn last_turn(pid: i32, tid: i32) -> Option<u64> {
    let text = sys::peek_file(path(pid, &format!("task/{tid}/sched"))).ok()?;
    let line = text.lines().find(|line| line.starts_with("se.exec_start"))?;
    let (millis, nanos) = line.rsplit_once(':')?.1.trim().split_once('.')?;
    Some(millis.parse::<u64>().ok()? * 1_000_000 + nanos.parse::<u64>().ok()?)
}
