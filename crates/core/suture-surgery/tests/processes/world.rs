//! Programs that are compiled, started and blocked, for comparing what the crate computes with what they
//! say about themselves.

use std::cell::RefCell;
use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use nix::sys::{ptrace, wait};
use nix::unistd::Pid;
use suture_surgery::maps::{self, Mapping};
use suture_surgery::memory::{Memory, MemoryError};
use suture_surgery::modules::{self, Module};
use suture_surgery::registers::Registers;
use suture_surgery::unwind::{ModuleFrames, Unwinder};
use tempfile::TempDir;

/// A compiled program in a directory of its own, which is removed with it.
pub(crate) struct Program {
    pub(crate) directory: TempDir,
    pub(crate) path: PathBuf,
}

/// Compiles a source file of `programs/` with gcc, or with g++ if it is C++.
pub(crate) fn compile(source: &str, flags: &[&str]) -> Program {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("program");
    compile_to(&path, source, flags);
    Program { directory, path }
}

/// The path of a file of `programs/`.
pub(crate) fn source(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/processes/programs").join(name)
}

/// Compiles to a given path.
pub(crate) fn compile_to(path: &Path, source: &str, flags: &[&str]) {
    let source = self::source(source);
    let compiler = if source.extension().is_some_and(|e| e == "cc") { "g++" } else { "gcc" };
    let status = Command::new(compiler).arg("-o").arg(path).arg(&source).args(flags).status().unwrap();
    assert!(status.success(), "{compiler} {flags:?}");
}

/// A running program that has said "ready".
pub(crate) struct Process {
    child: Child,
    pub(crate) memory: ProcessMemory,
    /// Lines before "ready": their first word and the rest.
    said: Vec<(String, String)>,
    /// Stopped threads other than the first.
    stopped: RefCell<Vec<Pid>>,
}

impl Process {
    pub(crate) fn start(command: &mut Command) -> Self {
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let memory = ProcessMemory(File::open(format!("/proc/{}/mem", child.id())).unwrap());
        let mut said = Vec::new();
        for line in BufReader::new(child.stdout.take().unwrap()).lines() {
            let line = line.unwrap();
            if line == "ready" {
                return Self { child, memory, said, stopped: RefCell::default() };
            }
            let (word, rest) = line.split_once(' ').unwrap();
            said.push((word.to_owned(), rest.to_owned()));
        }
        panic!("the program ended: {:?}", child.wait().unwrap());
    }

    pub(crate) fn id(&self) -> i32 {
        self.child.id() as i32
    }

    /// The threads other than the first.
    pub(crate) fn other_threads(&self) -> Vec<i32> {
        let tasks = fs::read_dir(format!("/proc/{}/task", self.id())).unwrap();
        let ids = tasks.map(|task| task.unwrap().file_name().to_str().unwrap().parse().unwrap());
        ids.filter(|id| *id != self.id()).collect()
    }

    fn proc_file(&self, name: &str) -> Vec<u8> {
        fs::read(format!("/proc/{}/{name}", self.child.id())).unwrap()
    }

    pub(crate) fn maps(&self) -> Vec<Mapping> {
        maps::parse(&String::from_utf8(self.proc_file("maps")).unwrap()).unwrap()
    }

    pub(crate) fn auxv(&self) -> Vec<u8> {
        self.proc_file("auxv")
    }

    pub(crate) fn modules(&self) -> Vec<Module> {
        modules::find(&self.maps(), &self.memory, &self.auxv())
    }

    pub(crate) fn executable(&self) -> Module {
        self.modules().into_iter().find(|module| module.is_executable).unwrap()
    }

    pub(crate) fn unwinder(&self) -> Unwinder {
        let frames = |module: &Module| ModuleFrames::of_module(module, &self.memory).unwrap();
        Unwinder::new(self.modules().iter().map(frames).collect())
    }

    /// Numbers that the program printed after `word`.
    pub(crate) fn addresses(&self, word: &str) -> Vec<u64> {
        self.said.iter().filter(|(said, _)| said == word).map(|(_, rest)| address(rest)).collect()
    }

    /// Names and numbers that the program printed after `word`.
    pub(crate) fn named(&self, word: &str) -> HashMap<String, u64> {
        let lines = self.said.iter().filter(|(said, _)| said == word);
        lines
            .map(|(_, rest)| rest.split_once(' ').unwrap())
            .map(|(name, at)| (name.to_owned(), address(at)))
            .collect()
    }

    /// Stops a thread where it is, which must be a system call, and gives its registers.
    pub(crate) fn stop(&self, thread: i32) -> Registers {
        let thread = Pid::from_raw(thread);
        if thread != Pid::from_raw(self.id()) {
            self.stopped.borrow_mut().push(thread);
        }
        ptrace::seize(thread, ptrace::Options::PTRACE_O_EXITKILL).unwrap();
        ptrace::interrupt(thread).unwrap();
        wait::waitpid(thread, Some(wait::WaitPidFlag::__WALL)).unwrap();
        let r = ptrace::getregs(thread).unwrap();
        Registers {
            r15: r.r15,
            r14: r.r14,
            r13: r.r13,
            r12: r.r12,
            rbp: r.rbp,
            rbx: r.rbx,
            r11: r.r11,
            r10: r.r10,
            r9: r.r9,
            r8: r.r8,
            rax: r.rax,
            rcx: r.rcx,
            rdx: r.rdx,
            rsi: r.rsi,
            rdi: r.rdi,
            rip: r.rip,
            rsp: r.rsp,
            ..Registers::default()
        }
    }

    /// The end of the mapping that the stack pointer points into.
    pub(crate) fn stack_top(&self, registers: &Registers) -> Option<u64> {
        let maps = self.maps();
        maps.iter().find(|mapping| mapping.range.contains(registers.rsp)).map(|mapping| mapping.range.end)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // The process may have ended by itself; a test that failed has said why already. A thread that is
        // traced has to be waited for itself, before its process is gone.
        let _ = self.child.kill();
        for thread in self.stopped.take() {
            let _ = wait::waitpid(thread, Some(wait::WaitPidFlag::__WALL));
        }
        let _ = self.child.wait();
    }
}

pub(crate) struct ProcessMemory(File);

impl Memory for ProcessMemory {
    fn read(&self, address: u64, into: &mut [u8]) -> Result<(), MemoryError> {
        let error = MemoryError { address, len: into.len() as u64 };
        self.0.read_exact_at(into, address).map_err(|_| error)
    }
}

fn address(text: &str) -> u64 {
    u64::from_str_radix(text.trim_start_matches("0x"), 16).unwrap()
}
