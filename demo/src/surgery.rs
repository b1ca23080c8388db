//! `suture`, as a user runs it.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use serde_json::Value;

use crate::Failure;

/// The program, the delta, the process.
pub(crate) struct Surgery {
    pub(crate) suture: PathBuf,
    pub(crate) delta: PathBuf,
    pub(crate) state: PathBuf,
    pub(crate) pid: u32,
}

/// One operation: when its command ran, in microseconds of the clock, and what it said.
#[derive(Debug, Clone)]
pub(crate) struct Operation {
    pub(crate) name: &'static str,
    pub(crate) begin_us: u64,
    pub(crate) end_us: u64,
    /// How long the process stood still, as the surgeon measured it.
    pub(crate) pause_us: u64,
    pub(crate) attempts: u64,
}

impl Surgery {
    /// Compares the two builds and writes the delta; gives the report.
    pub(crate) fn diff(&self, old: &Path, new: &Path) -> Result<Value, Failure> {
        let mut command = self.command(&["diff"]);
        command.arg("--old").arg(old).arg("--new").arg(new).arg("-o").arg(&self.delta);
        document(&mut command)
    }

    /// Runs an operation on the process.
    pub(crate) fn operate(
        &self,
        clock: Instant,
        name: &'static str,
        words: [&str; 2],
    ) -> Result<Operation, Failure> {
        let mut command = self.command(&[words[0]]);
        command.arg(&self.delta).args(words.get(1).filter(|word| !word.is_empty()));
        command.arg("--pid").arg(self.pid.to_string());
        let begin_us = clock.elapsed().as_micros() as u64;
        let answer = document(&mut command)?;
        let end_us = clock.elapsed().as_micros() as u64;
        let result = &answer["results"][0];
        if result["outcome"] != "done" {
            return Err(format!("{name}: {result}").into());
        }
        let number = |key: &str| result[key].as_u64().unwrap_or(0);
        Ok(Operation { name, begin_us, end_us, pause_us: number("pause_us"), attempts: number("attempts") })
    }

    /// What `suture ps` says of the patch: on, off, dark, or `none`.
    pub(crate) fn state(&self) -> Result<String, Failure> {
        let answer = document(self.command(&["ps", "--pid"]).arg(self.pid.to_string()))?;
        let state = answer["processes"][0]["patches"][0]["state"].as_str();
        Ok(state.unwrap_or("none").to_owned())
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(&self.suture);
        command.arg("--json").args(words).env("SUTURE_STATE_DIR", &self.state);
        command
    }
}

fn document(command: &mut Command) -> Result<Value, Failure> {
    let output = command.output()?;
    if !output.status.success() {
        let (said, why) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        return Err(format!("{command:?} ended with {}: {said}{why}", output.status).into());
    }
    Ok(serde_json::from_slice(&output.stdout)?)
}
