//! The pause target: its two builds, the delta between them, and a running one.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use crate::Failure;

/// Two builds of the pause target, and the delta.
pub(crate) struct Pair {
    suture: PathBuf,
    directory: tempfile::TempDir,
}

/// A running target; it ends when this is dropped.
pub(crate) struct Running {
    pub(crate) child: Child,
}

/// One operation: when its command ran (nanoseconds of the monotonic clock), and how long the surgeon had the
/// process stopped.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Operation {
    pub(crate) begin_ns: u64,
    pub(crate) end_ns: u64,
    pub(crate) pause_us: u64,
}

impl Pair {
    /// Builds both and makes the delta.
    pub(crate) fn build(suture: &Path) -> Result<Self, Failure> {
        let pair = Self { suture: suture.canonicalize()?, directory: tempfile::tempdir()? };
        let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("pause-target");
        for (name, version) in [("old", "1ul"), ("new", "2ul")] {
            let mut command = Command::new("gcc");
            command.args([
                "-O2",
                "-g",
                "-ffunction-sections",
                "-fdata-sections",
                "-Wl,--emit-relocs",
                "-pthread",
            ]);
            command.arg(format!("-DVERSION={version}")).arg("-o").arg(pair.path(name));
            succeed(command.args([sources.join("server.c"), sources.join("handle.c")]))?;
        }
        let (old, new, delta) = (pair.path("old"), pair.path("new"), pair.path("delta"));
        let marks = pair.path("suture.toml");
        std::fs::write(&marks, "[critical]\nnone = \"a program that is measured\"\n")?;
        let mut command = pair.suture(&["diff"]);
        succeed(
            command
                .arg("--old")
                .arg(old)
                .arg("--new")
                .arg(new)
                .arg("-o")
                .arg(delta)
                .arg("--critical")
                .arg(marks),
        )?;
        Ok(pair)
    }

    /// Where both are, with the delta beside them.
    pub(crate) fn directory(&self) -> &Path {
        self.directory.path()
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Starts the old build.
    pub(crate) fn start(&self, args: &[&str], depth: u32, stdout: Stdio) -> Result<Running, Failure> {
        let mut command = Command::new(self.path("old"));
        command.args(args).env("DEPTH", depth.to_string()).stdin(Stdio::null()).stdout(stdout);
        Ok(Running { child: command.spawn()? })
    }

    /// Runs `apply` or `revert` on a process.
    pub(crate) fn operate(&self, verb: &str, pid: u32) -> Result<Operation, Failure> {
        let mut command = self.suture(&[verb]);
        command.arg(self.path("delta")).args(["--deadline", "60s", "--pid", &pid.to_string()]);
        let begin_ns = now_ns()?;
        let output = command.output()?;
        let end_ns = now_ns()?;
        let answer: Value = serde_json::from_slice(&output.stdout)?;
        let result = &answer["results"][0];
        if result["outcome"] != "done" {
            return Err(format!("{verb}: {answer}").into());
        }
        Ok(Operation { begin_ns, end_ns, pause_us: result["pause_us"].as_u64().unwrap_or(0) })
    }

    fn suture(&self, words: &[&str]) -> Command {
        let mut command = Command::new(&self.suture);
        command.arg("--json").args(words).env("SUTURE_STATE_DIR", self.path("state"));
        command
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Now, by the clock that the target uses.
pub(crate) fn now_ns() -> Result<u64, Failure> {
    let now = nix::time::clock_gettime(nix::time::ClockId::CLOCK_MONOTONIC)?;
    Ok(now.tv_sec() as u64 * 1_000_000_000 + now.tv_nsec() as u64)
}

/// The one in the middle; 0 of none.
pub(crate) fn median(mut values: Vec<u64>) -> u64 {
    values.sort_unstable();
    values.get(values.len() / 2).copied().unwrap_or(0)
}

fn succeed(command: &mut Command) -> Result<(), Failure> {
    let output = command.output()?;
    if output.status.success() {
        return Ok(());
    }
    let said = [output.stdout, output.stderr].concat();
    Err(format!("{command:?} ended with {}: {}", output.status, String::from_utf8_lossy(&said)).into())
}
