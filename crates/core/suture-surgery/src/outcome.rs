//! How an operation on one process ended: the one type from which command line, JSON and journal print.

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// The row of one process in the answer of `apply`, `revert` and `toggle`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// How it ended.
    pub end: End,
    /// The longest time that the process was stopped as a whole, microseconds; 0 if it was not.
    pub pause_us: u64,
    /// How often the process was stopped.
    pub attempts: u32,
}

impl Outcome {
    /// Whether the process is as it was wished.
    pub fn is_success(&self) -> bool {
        matches!(self.end, End::Done | End::Already)
    }
}

/// How an operation ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    /// It is as asked for.
    Done,
    /// It was as asked for before.
    Already,
    /// Nothing was changed, and this is why.
    Refused(Refusal),
    /// Something unexpected; the process goes on, on old or on new code.
    Failed(String),
}

/// One frame of a stack, as a refusal shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FrameText {
    /// Program counter in the process.
    pub pc: u64,
    /// `function+0x12 (module)`, or the module alone, or nothing that is known.
    pub place: String,
}

/// Why nothing was changed. Every variant has a stable code ([`Refusal::code`]).
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Refusal {
    /// The process runs other builds.
    #[error("no module of the process is build {wanted}; {}", found_text(.found))]
    WrongBuild {
        /// Build-id of the delta.
        wanted: String,
        /// Builds of the same name, or the executable, that the process has: name and build-id.
        found: Vec<(String, String)>,
    },
    /// A replaced function is on a stack.
    #[error("thread {thread} ({thread_name}) is in {function}")]
    Busy {
        /// Thread id.
        thread: i32,
        /// Its name.
        thread_name: String,
        /// The function that would have been replaced under it, demangled.
        function: String,
        /// Its stack, innermost frame first.
        stack: Vec<FrameText>,
    },
    /// A thread could not be stopped in time.
    #[error("thread {thread} ({thread_name}) does not stop: {why}")]
    Unstoppable {
        /// Thread id.
        thread: i32,
        /// Its name.
        thread_name: String,
        /// What it is doing.
        why: String,
    },
    /// No thread was found on which injected code may run.
    #[error("no thread is parked where {what} may run: {why}")]
    NoSafeThread {
        /// What was to run.
        what: String,
        /// What the threads are doing.
        why: String,
    },
    /// It has been started and does not run its program yet.
    #[error("it is being started: the loader has not handed over to the program")]
    Starting,
    /// It is frozen and runs nothing for anybody.
    #[error("its control group is frozen, as that of a paused container")]
    Frozen,
    /// Another process runs in the same memory, and is no thread of this one: it would not be stopped.
    #[error("process {pid} ({name}) shares its memory and is no thread of it")]
    SharedMemory {
        /// The other process.
        pid: i32,
        /// Its name.
        name: String,
    },
    /// A debugger or another surgeon has the process.
    #[error("process {tracer} ({tracer_name}) is attached to it")]
    Traced {
        /// Process id of the tracer.
        tracer: i32,
        /// Its name.
        tracer_name: String,
    },
    /// Another surgeon works on the process.
    #[error("another suture (process {0}) is working on it")]
    AnotherSurgeon(i32),
    /// The kernel does not let us.
    #[error("no permission to {what}: {missing}")]
    NoPermission {
        /// What was tried.
        what: String,
        /// The capability or setting that is missing.
        missing: String,
    },
    /// A seccomp filter of the process does not allow what has to be done in it.
    #[error("its seccomp filter answers {call} with {answer}")]
    Seccomp {
        /// Name of the system call.
        call: &'static str,
        /// What the filter does.
        answer: String,
    },
    /// The process has something that the surgery does not handle.
    #[error("{0}")]
    Unsupported(String),
    /// The process can't get what the patch needs.
    #[error("the process could not {call}: {error}")]
    NoResources {
        /// What it could not do: mostly a system call.
        call: &'static str,
        /// Why not.
        error: String,
    },
    /// No room for the home of the patch.
    #[error("no room for {len} bytes within 2 GiB of the module")]
    NoRoom {
        /// Length of the home.
        len: u64,
    },
    /// A reference of the delta could not be resolved in the process.
    #[error("{symbol} could not be resolved in the process: {why}")]
    Unresolved {
        /// Symbol name.
        symbol: String,
        /// Why.
        why: String,
    },
    /// The code in memory is not the code of the build.
    #[error(
        "{function} at {address:#x} begins with {found} where the build has {expected}: something else has patched it"
    )]
    ForeignCode {
        /// Function, demangled.
        function: String,
        /// Where.
        address: u64,
        /// Bytes of the build, hex.
        expected: String,
        /// Bytes in memory, hex.
        found: String,
    },
    /// A constant in memory is not that of the build.
    #[error(
        "{object} has {found} at {address:#x} where the build has {expected}: something else has changed this constant"
    )]
    ForeignData {
        /// The constant, demangled.
        object: String,
        /// Where it begins to differ.
        address: u64,
        /// Bytes of the build, hex.
        expected: String,
        /// Bytes in memory, hex.
        found: String,
    },
    /// A hook said no.
    #[error("{hook} returned {result}")]
    Hook {
        /// Its name.
        hook: &'static str,
        /// What it returned.
        result: i64,
    },
    /// A hook raised a signal.
    #[error("{hook} raised signal {signal}")]
    HookCrashed {
        /// Its name.
        hook: &'static str,
        /// The number of the signal.
        signal: i32,
    },
    /// Patches that stand on this one, or on which it must stand, are in the way.
    #[error("{why}: {}", .order.join(", "))]
    Order {
        /// What is wrong.
        why: String,
        /// Ids of the patches to deal with, in the order to do it.
        order: Vec<String>,
    },
    /// The patch is not in the process.
    #[error("the patch is not applied to the process")]
    NotApplied,
    /// The journal can't be written, so nothing is begun.
    #[error("the journal {path} can't be written: {error}")]
    Journal {
        /// Its file.
        path: String,
        /// Why.
        error: String,
    },
    /// The process is gone.
    #[error("there is no such process any more")]
    Gone,
    /// The record of a patch in the process can't be read.
    #[error(transparent)]
    Home(#[from] crate::home::HomeError),
}

impl Refusal {
    /// Stable code for scripts.
    pub fn code(&self) -> &'static str {
        match self {
            Self::WrongBuild { .. } => "wrong-build",
            Self::Busy { .. } => "busy",
            Self::Unstoppable { .. } => "unstoppable",
            Self::NoSafeThread { .. } => "no-safe-thread",
            Self::Starting => "starting",
            Self::Frozen => "frozen",
            Self::SharedMemory { .. } => "shared-memory",
            Self::Traced { .. } => "traced",
            Self::AnotherSurgeon(_) => "another-surgeon",
            Self::NoPermission { .. } => "no-permission",
            Self::Seccomp { .. } => "seccomp",
            Self::Unsupported(_) => "unsupported",
            Self::NoResources { .. } => "no-resources",
            Self::NoRoom { .. } => "no-room",
            Self::Unresolved { .. } => "unresolved-symbol",
            Self::ForeignCode { .. } => "foreign-code",
            Self::ForeignData { .. } => "foreign-data",
            Self::Hook { .. } => "hook-refused",
            Self::HookCrashed { .. } => "hook-crashed",
            Self::Order { .. } => "order",
            Self::NotApplied => "not-applied",
            Self::Journal { .. } => "journal",
            Self::Gone => "gone",
            Self::Home(_) => "home",
        }
    }

    /// Whether trying again a moment later may help.
    pub fn is_passing(&self) -> bool {
        // Between `vfork` and `exec` a process shares memory for a moment.
        matches!(
            self,
            Self::Busy { .. }
                | Self::Unstoppable { .. }
                | Self::NoSafeThread { .. }
                | Self::SharedMemory { .. }
        )
    }

    /// How to go on, one sentence.
    pub fn help(&self) -> &'static str {
        match self {
            Self::WrongBuild { .. } => {
                "make the delta against the build that runs; `suture ps` shows the build-ids"
            }
            Self::Busy { .. } => {
                "try again with a longer --deadline; a function that never returns can't be patched while it runs"
            }
            Self::Unstoppable { .. } => "try again when the thread has left the kernel",
            Self::NoSafeThread { .. } => "try again with a longer --deadline, when a thread waits for work",
            Self::Starting => "try again when it runs, or with a longer --deadline",
            Self::Frozen => "thaw it (unpause the container) and try again",
            Self::SharedMemory { .. } => "try again when that process has ended",
            Self::Traced { .. } => "detach the debugger first",
            Self::AnotherSurgeon(_) => "wait for it, or give a longer --deadline",
            Self::NoPermission { .. } => "run as root or as the owner of the process",
            Self::Seccomp { .. } => "this process needs a full update, or a filter that allows the call",
            Self::Unsupported(_) | Self::NoRoom { .. } => "this process needs a full update",
            Self::NoResources { .. } => {
                "raise the limit of the process (prlimit) or of its control group and try again"
            }
            Self::Unresolved { .. } => "make the delta without that symbol, or load the library that has it",
            Self::ForeignCode { .. } => "take back what changed the code, then try again",
            Self::ForeignData { .. } => "take back what changed the data, then try again",
            Self::Hook { .. } => "see what the hook of the patch checks",
            Self::HookCrashed { .. } => "mend the hook and make the delta again",
            Self::Order { .. } => "follow the order named",
            Self::NotApplied => "`suture ps` shows what is applied",
            Self::Journal { .. } => "make room or set SUTURE_STATE_DIR to a directory that can be written",
            Self::Gone => "start it again with the fixed build",
            Self::Home(_) => "`suture ps --pid PID` shows what is known about it",
        }
    }
}

fn found_text(found: &[(String, String)]) -> String {
    if found.is_empty() {
        return "none of its modules has a build-id".to_owned();
    }
    let builds: Vec<_> = found.iter().map(|(name, id)| format!("{name} is build {id}")).collect();
    format!("its {}", builds.join(", "))
}
