//! Builds a fixture twice, starts it, talks to it line by line, and runs `suture` on it as a user would.

use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Output, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

/// Longer than any answer takes on the slowest machine: a target that is silent for so long has stopped working.
const ANSWER_MAX: Duration = Duration::from_mins(5);

/// A deadline that no test reaches.
pub(crate) const LONG: [&str; 2] = ["--deadline", "300s"];

/// A program without and with its fix.
pub(crate) struct Pair {
    directory: TempDir,
    pub(crate) old: PathBuf,
    pub(crate) new: PathBuf,
    pub(crate) delta: PathBuf,
}

/// A running program that answers each line with one or more.
pub(crate) struct Target {
    child: Child,
    /// The process to operate on: the child, or a child of it.
    pid: i32,
    stdin: ChildStdin,
    voice: Arc<Voice>,
    /// How many bytes of what it has said were heard.
    heard: usize,
}

/// What a program says.
#[derive(Default)]
struct Voice {
    said: Mutex<Said>,
    more: Condvar,
}

#[derive(Default)]
struct Said {
    bytes: Vec<u8>,
    /// Whether nothing can follow.
    is_all: bool,
}

/// How a run of `suture` ended.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) exit: Option<i32>,
    pub(crate) json: Value,
    pub(crate) stderr: String,
}

/// What the comparison needs of a C or C++ build.
pub(crate) const FLAGS: [&str; 4] = ["-g", "-ffunction-sections", "-fdata-sections", "-Wl,--emit-relocs"];

/// The root of the repository.
pub(crate) fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../.."))
}

impl Pair {
    /// Compiles `fixtures/SOURCE` with `compiler` (a command with its options) twice: as it is, and with `-DFIX`.
    pub(crate) fn build(source: &str, compiler: &str) -> Self {
        let directory = TempDir::new().expect("a directory");
        let source = root().join("fixtures").join(source);
        let stem = source.file_stem().expect("a name").to_string_lossy().into_owned();
        let compile = |which: &str, define: &[&str]| {
            let output = directory.path().join(format!("{stem}.{which}"));
            run(compilation(compiler, &output, &source).args(FLAGS).args(define).args(["-pthread", "-lm"]));
            output
        };
        let (old, new) = (compile("old", &[]), compile("new", &["-DFIX"]));
        let delta = directory.path().join(format!("{stem}.delta"));
        Self { directory, old, new, delta }
    }

    /// Compiles `fixtures/SOURCE` with rustc and `options` twice: as it is, and with `--cfg fix`.
    pub(crate) fn build_rust(source: &str, options: &str) -> Self {
        Self::build_crates(source, None, options)
    }

    /// The same, with a crate that it uses and that has the fix as well.
    pub(crate) fn build_crates(source: &str, used: Option<&str>, options: &str) -> Self {
        let directory = TempDir::new().expect("a directory");
        let source = root().join("fixtures").join(source);
        let mut hooks = Command::new("rustc");
        hooks.args(["--edition", "2024", "--crate-name", "suture_hooks", "--crate-type", "rlib", "-g", "-O"]);
        run(hooks.arg("--out-dir").arg(directory.path()).arg(root().join("hooks/src/lib.rs")));
        let rustc = |name: &str| {
            let mut command = Command::new("rustc");
            command.args(["--edition", "2024", "--crate-name", name, "--check-cfg", "cfg(fix)", "-g"]);
            command
        };
        let compile = |which: &str, cfg: &[&str]| {
            let output = directory.path().join(which);
            let mut command = rustc("fixture");
            if let Some(used) = used {
                let library = directory.path().join(format!("lib{which}.rlib"));
                let mut using = rustc("used");
                using.args(["--crate-type", "rlib", "-O"]).args(cfg).arg("-o").arg(&library);
                run(using.arg(root().join("fixtures").join(used)));
                command.arg("--extern").arg(format!("used={}", library.display()));
            }
            command
                .args(["-C", "link-arg=-Wl,--emit-relocs"])
                .arg("-L")
                .arg(directory.path())
                .args(options.split_whitespace())
                .args(cfg);
            run(command.arg("-o").arg(&output).arg(&source));
            output
        };
        let (old, new) = (compile("old", &[]), compile("new", &["--cfg", "fix"]));
        let delta = directory.path().join("fixture.delta");
        Self { directory, old, new, delta }
    }

    /// A directory for whatever else the test needs.
    pub(crate) fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// `suture diff` of the two, which must succeed.
    pub(crate) fn diff(&self) -> Value {
        let ran = self.try_diff(&[]);
        assert_eq!(ran.exit, Some(0), "{} {}", ran.json, ran.stderr);
        ran.json
    }

    /// `suture diff` of the two, however it ends.
    pub(crate) fn try_diff(&self, more: &[&str]) -> Ran {
        let mut command = self.suture();
        command.args(["diff", "--json", "--old"]).arg(&self.old).arg("--new").arg(&self.new);
        finish(command.arg("-o").arg(&self.delta).args(more))
    }

    /// Starts the old build.
    pub(crate) fn start(&self) -> Target {
        Target::start(Command::new(&self.old))
    }

    /// Starts a program of `fixtures/SOURCE` that `compiler` has linked with the old build, a library.
    pub(crate) fn start_host(&self, source: &str, compiler: &str) -> Target {
        let (library, host) = self.library_and_host();
        run(compilation(compiler, &host, &root().join("fixtures").join(source)).arg(&library));
        Target::start(Command::new(&host))
    }

    /// Starts a program of `fixtures/SOURCE` that opens the old build itself.
    pub(crate) fn start_opener(&self, source: &str, compiler: &str) -> Target {
        let (library, host) = self.library_and_host();
        run(compilation(compiler, &host, &root().join("fixtures").join(source)).arg("-DOPEN"));
        let mut command = Command::new(&host);
        command.arg(&library);
        Target::start(command)
    }

    fn library_and_host(&self) -> (PathBuf, PathBuf) {
        let (library, host) = (self.directory().join("libfixture.so"), self.directory().join("host"));
        std::fs::copy(&self.old, &library).expect("the old build");
        (library, host)
    }

    /// `suture VERB DELTA --pid PID MORE`.
    pub(crate) fn operate(&self, verb: &[&str], target: &Target, more: &[&str]) -> Ran {
        finish(&mut self.operation(verb, target, more))
    }

    /// The same, killed behind the `number`th system call of the surgery. Whether it lived to its end.
    pub(crate) fn operate_killed(&self, verb: &[&str], target: &Target, number: usize) -> bool {
        let mut command = self.operation(verb, target, &[]);
        command.env("SUTURE_FAULT", format!("kill-after:{number}"));
        let output = command.output().expect("suture runs");
        if let Some(code) = output.status.code() {
            assert_eq!(code, 0, "{verb:?} behind call {number}: {}", String::from_utf8_lossy(&output.stdout));
        }
        output.status.code().is_some()
    }

    /// The same, to be run.
    pub(crate) fn operation(&self, verb: &[&str], target: &Target, more: &[&str]) -> Command {
        let mut command = self.suture();
        command.arg("--json").arg(verb[0]).arg(&self.delta).args(&verb[1..]);
        command.args(["--pid", &target.pid().to_string()]).args(more);
        command
    }

    /// What `suture ps` says of the target.
    pub(crate) fn ps(&self, target: &Target) -> Value {
        let ran = finish(self.suture().args(["ps", "--json", "--pid", &target.pid().to_string()]));
        assert_eq!(ran.exit, Some(0), "{ran:?}");
        ran.json["processes"][0].clone()
    }

    /// What the delta says.
    pub(crate) fn inspect(&self) -> Value {
        let ran = finish(self.suture().args(["inspect", "--json"]).arg(&self.delta));
        assert_eq!(ran.exit, Some(0), "{ran:?}");
        ran.json
    }

    /// The state of the one patch that `ps` shows, or `none`.
    pub(crate) fn state(&self, target: &Target) -> String {
        let patches = self.ps(target)["patches"].clone();
        patches[0]["state"].as_str().unwrap_or("none").to_owned()
    }

    /// `suture` with a state directory of its own.
    pub(crate) fn suture(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_suture"));
        command.env("SUTURE_STATE_DIR", self.directory.path().join("state"));
        command
    }
}

impl Target {
    /// Starts a command that talks.
    pub(crate) fn start(mut command: Command) -> Self {
        Self::spawn(&mut command)
    }

    /// Starts a command whose only child talks.
    pub(crate) fn start_as_child(command: &mut Command) -> Self {
        let mut target = Self::spawn(command);
        // When it answers it is what it is to be.
        target.ask("pointer");
        let children = format!("/proc/{0}/task/{0}/children", target.pid);
        let children = std::fs::read_to_string(children).expect("its children");
        target.pid = children.trim().parse().expect("one child");
        target
    }

    fn spawn(command: &mut Command) -> Self {
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("it starts");
        let stdin = child.stdin.take().expect("stdin");
        let voice = listen(child.stdout.take().expect("stdout"));
        Self { pid: child.id() as i32, child, stdin, voice, heard: 0 }
    }

    pub(crate) fn pid(&self) -> i32 {
        self.pid
    }

    /// Waits for its end, which must come.
    pub(crate) fn ends(mut self) {
        let begun = Instant::now();
        while self.child.try_wait().expect("a child").is_none() {
            assert!(begun.elapsed() < ANSWER_MAX, "process {} does not end", self.pid);
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    /// Sends a line and gives the line that comes back.
    pub(crate) fn ask(&mut self, line: &str) -> String {
        self.send(line);
        self.hear()
    }

    /// Sends a line.
    pub(crate) fn send(&mut self, line: &str) {
        writeln!(self.stdin, "{line}").expect("the target listens");
    }

    /// The next line that comes.
    pub(crate) fn hear(&mut self) -> String {
        self.hear_within(ANSWER_MAX)
    }

    fn hear_within(&mut self, time: Duration) -> String {
        let is_mute = |said: &mut Said| !said.is_all && !said.bytes[self.heard..].contains(&b'\n');
        let said = self.voice.said.lock().unwrap();
        let (said, _) = self.voice.more.wait_timeout_while(said, time, is_mute).unwrap();
        let rest = &said.bytes[self.heard..];
        if let Some(len) = rest.iter().position(|byte| *byte == b'\n') {
            self.heard += len + 1;
            return String::from_utf8_lossy(&rest[..len]).trim_end().to_owned();
        }
        let (so_far, is_all) = (String::from_utf8_lossy(&said.bytes).into_owned(), said.is_all);
        // The thread that reads goes on.
        drop(said);
        let why = if is_all {
            format!("is gone: {:?}", self.child.try_wait())
        } else {
            format!("has been silent for {time:?}")
        };
        panic!("the target {why}; all that it has said:\n{so_far}");
    }
}

impl Drop for Target {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Ran {
    /// Outcome of the one process that was operated on.
    pub(crate) fn outcome(&self) -> &str {
        self.json["results"][0]["outcome"].as_str().unwrap_or("no outcome")
    }

    /// Code of the refusal of the one process.
    pub(crate) fn code(&self) -> &str {
        self.json["results"][0]["code"].as_str().unwrap_or("no code")
    }
}

/// A surgeon at work, that tells what it does.
pub(crate) struct Surgeon(Target);

impl Surgeon {
    pub(crate) fn start(command: &Command) -> Self {
        let mut talking = Command::new("sh");
        talking.args(["-c", "exec \"$0\" \"$@\" 2>&1"]).arg(command.get_program()).args(command.get_args());
        talking.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
        Self(Target::spawn(talking.env("SUTURE_LOG", "suture_process=debug")))
    }

    pub(crate) fn pid(&self) -> String {
        self.0.pid().to_string()
    }

    /// Waits until it says something with these words in it.
    pub(crate) fn until(&mut self, words: &str) {
        while !self.0.hear().contains(words) {}
    }

    /// Waits until it tries again: it has found the process busy, and is in the middle of its work.
    pub(crate) fn until_it_tries_again(&mut self) {
        self.until("Throw");
        self.until("Throw");
    }

    /// The last line that it says: how it ended with the process.
    pub(crate) fn end(mut self) -> Value {
        loop {
            let told = serde_json::from_str::<Value>(&self.0.hear()).unwrap_or_default();
            if told["results"].is_array() {
                return told["results"][0].clone();
            }
        }
    }

    /// The same in a word.
    pub(crate) fn outcome(self) -> String {
        self.end()["outcome"].as_str().expect("an outcome").to_owned()
    }
}

/// Reads all that comes, in a thread of its own: who waits for it can stop waiting.
fn listen(mut stdout: ChildStdout) -> Arc<Voice> {
    const PIECE: usize = 4096;
    let voice = Arc::new(Voice::default());
    let heard = Arc::clone(&voice);
    std::thread::spawn(move || {
        let mut piece = [0; PIECE];
        loop {
            let len = stdout.read(&mut piece).unwrap_or(0);
            let mut said = heard.said.lock().unwrap();
            said.bytes.extend(&piece[..len]);
            said.is_all = len == 0;
            heard.more.notify_all();
            if said.is_all {
                break;
            }
        }
    });
    voice
}

/// Runs `suture` and reads its document.
pub(crate) fn finish(command: &mut Command) -> Ran {
    let Output { status, stdout, stderr } = command.output().expect("suture runs");
    let stderr = String::from_utf8_lossy(&stderr).into_owned();
    let json = serde_json::from_slice(&stdout)
        .unwrap_or_else(|error| panic!("{error}: {} {stderr}", String::from_utf8_lossy(&stdout)));
    Ran { exit: status.code(), json, stderr }
}

/// `compiler` (a command with its options) on one source.
pub(crate) fn compilation(compiler: &str, output: &Path, source: &Path) -> Command {
    let mut words = compiler.split_whitespace();
    let mut command = Command::new(words.next().expect("a compiler"));
    command.args(words).arg("-o").arg(output).arg(source);
    command
}

/// Runs a command that must succeed.
pub(crate) fn run(command: &mut Command) {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}

#[test]
#[should_panic(expected = "silent for 0ns; all that it has said:\none\ntwo")]
fn a_silent_target_is_not_waited_for_for_ever() {
    let mut target = Target::start(Command::new("cat"));
    assert_eq!((target.ask("one"), target.ask("two")), ("one".to_owned(), "two".to_owned()));
    target.hear_within(Duration::ZERO);
}
