//! A real program: its two builds, the delta, and running ones.

use std::fs::{self, File};
use std::io::Read as _;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::load::Load;

/// Longest that a server may take to listen.
const START_MAX: Duration = Duration::from_secs(30);

/// How a program is built.
pub(crate) struct Recipe {
    /// Debian's name of the source package.
    pub(crate) package: &'static str,
    /// The fix, in `debian/patches`.
    pub(crate) fix: &'static str,
    /// Configures if that has not been done, and builds.
    pub(crate) run: &'static str,
    /// What the delta is for.
    pub(crate) artifact: &'static str,
}

/// Two builds and the delta between them.
pub(crate) struct Program {
    directory: PathBuf,
    artifact: String,
    pub(crate) report: Value,
    scratch: tempfile::TempDir,
}

/// A process that ends with the test.
pub(crate) struct Running(Child);

impl Recipe {
    /// Builds both, unless that has been done; a build without a verdict `hot` gives none to patch.
    pub(crate) fn build(&self) -> Program {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../..").canonicalize().unwrap();
        let cache = std::env::var_os("CACHE").map_or(root.join("target/real"), PathBuf::from);
        fs::create_dir_all(&cache).unwrap();
        let stem = format!("{}-{}", self.package, self.fix.trim_end_matches(".patch").replace('/', "-"));
        let directory = cache.join(&stem);
        let lock = File::create(cache.join(format!("{}.lock", self.package))).unwrap();
        lock.lock().unwrap();
        if !directory.join("report.json").exists() {
            let made = Command::new(root.join("scripts/real-tree"))
                .args([self.package, self.fix])
                .arg(&cache)
                .output();
            succeeded(&made.unwrap());
            fs::create_dir_all(&directory).unwrap();
            let tree = cache.join(format!("{}.tree", self.package));
            let mut command = Command::new(env!("CARGO_BIN_EXE_suture"));
            command.args(["--json", "build", "--run", self.run, "--artifact", self.artifact]);
            command.arg("--source").arg(&tree).arg("--patch").arg(tree.join("debian/patches").join(self.fix));
            command.arg("--keep").arg(&directory).arg("-o").arg(directory.join("delta"));
            let output = command.output().unwrap();
            let why = String::from_utf8_lossy(&output.stderr);
            assert!(matches!(output.status.code(), Some(0 | 3)), "{why}");
            fs::write(directory.join("report.json"), &output.stdout).unwrap();
        }
        let name = Path::new(self.artifact).file_name().unwrap().to_string_lossy().into_owned();
        let marks = directory.join("suture.toml");
        fs::write(&marks, "[critical]\nnone = \"one server on one machine\"\n").unwrap();
        // Compared anew, with the tool as it is now.
        let mut command = Command::new(env!("CARGO_BIN_EXE_suture"));
        command.args(["--json", "diff", "--old"]).arg(directory.join(format!("{name}.old")));
        command
            .arg("--new")
            .arg(directory.join(format!("{name}.new")))
            .arg("-o")
            .arg(directory.join("delta"))
            .arg("--critical")
            .arg(&marks);
        let report = serde_json::from_slice(&command.output().unwrap().stdout).unwrap();
        Program { directory, artifact: name, report, scratch: tempfile::tempdir().unwrap() }
    }
}

impl Program {
    /// The build that runs.
    pub(crate) fn old(&self) -> PathBuf {
        self.directory.join(format!("{}.old", self.artifact))
    }

    /// The delta between both.
    pub(crate) fn delta(&self) -> PathBuf {
        self.directory.join("delta")
    }

    /// Where both come from, as `suture build` said when it made them.
    pub(crate) fn provenance(&self) -> Value {
        let report = fs::read(self.directory.join("report.json")).unwrap();
        let report: Value = serde_json::from_slice(&report).unwrap();
        report["provenance"].clone()
    }

    /// A directory for files of the test.
    pub(crate) fn scratch(&self) -> &Path {
        self.scratch.path()
    }

    /// Names of the functions that the delta replaces.
    pub(crate) fn changed(&self) -> Vec<&str> {
        assert_eq!(self.report["verdict"], "hot", "{}", self.report);
        self.report["changed"].as_array().unwrap().iter().map(|f| f["name"].as_str().unwrap()).collect()
    }

    /// Operates on processes; each must be done.
    pub(crate) fn operate(&self, verb: &[&str], pids: &[u32]) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_suture"));
        command.arg("--json").arg(verb[0]).arg(self.directory.join("delta")).args(&verb[1..]);
        command.env("SUTURE_STATE_DIR", self.scratch().join("state"));
        for pid in pids {
            command.args(["--pid", &pid.to_string()]);
        }
        let output = command.output().unwrap();
        let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
        let results = answer["results"].as_array().unwrap();
        assert_eq!(results.len(), pids.len());
        assert!(results.iter().all(|result| result["outcome"] == "done"), "{verb:?}: {answer}");
    }

    /// Applies, switches and reverts under `load`; `is_fixed` probes the program.
    pub(crate) fn whole_story(&self, pids: &[u32], load: &Load, is_fixed: &mut dyn FnMut() -> bool) {
        assert!(!is_fixed(), "the hole is open at first");
        for (verb, fixed) in [
            (&["apply"][..], true),
            (&["toggle", "off"], false),
            (&["toggle", "on"], true),
            (&["revert"], false),
        ] {
            load.goes_on();
            self.operate(verb, pids);
            assert_eq!(is_fixed(), fixed, "after {verb:?}");
            load.goes_on();
        }
    }
}

impl Running {
    /// Starts a server and waits until it listens.
    pub(crate) fn server(command: &mut Command, port: u16) -> Self {
        let mut running = Self(command.stdin(Stdio::null()).spawn().unwrap());
        let begun = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(running.0.try_wait().unwrap().is_none(), "{command:?} has ended");
            assert!(begun.elapsed() < START_MAX, "{command:?} does not listen");
            std::thread::sleep(Duration::from_millis(10));
        }
        running
    }

    /// Its process id.
    pub(crate) fn pid(&self) -> u32 {
        self.0.id()
    }

    /// Processes that it has started.
    pub(crate) fn children(&self) -> Vec<u32> {
        let mut text = String::new();
        let path = format!("/proc/{0}/task/{0}/children", self.pid());
        File::open(path).unwrap().read_to_string(&mut text).unwrap();
        text.split_whitespace().map(|pid| pid.parse().unwrap()).collect()
    }
}

impl Running {
    /// The same, as soon as there are `count`.
    pub(crate) fn children_when(&self, count: usize) -> Vec<u32> {
        let begun = Instant::now();
        loop {
            let children = self.children();
            if children.len() == count {
                return children;
            }
            assert!(begun.elapsed() < START_MAX, "{children:?} are not {count} processes");
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // SIGTERM first: a master takes its workers along.
        let _ = Command::new("kill").arg(self.pid().to_string()).status();
        let begun = Instant::now();
        while begun.elapsed() < Duration::from_secs(5) && matches!(self.0.try_wait(), Ok(None)) {
            std::thread::sleep(Duration::from_millis(10));
        }
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A connection to a server here. Who does not answer for a minute has stopped working.
pub(crate) fn connect(port: u16) -> TcpStream {
    let connection = TcpStream::connect(("127.0.0.1", port)).unwrap();
    connection.set_read_timeout(Some(Duration::from_mins(1))).unwrap();
    connection
}

/// A port that nobody listens on just now.
pub(crate) fn free_port() -> u16 {
    TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port()
}

fn succeeded(output: &std::process::Output) {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
