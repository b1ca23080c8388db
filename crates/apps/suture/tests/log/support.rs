//! A log with keys of its own in a directory of its own, and the program to use it with.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

pub(crate) const ORIGIN: &str = "example.com/audit";

/// A place for one test.
pub(crate) struct Place {
    pub(crate) directory: PathBuf,
    /// Public key of the log.
    pub(crate) vkey: String,
}

impl Place {
    /// An empty directory.
    pub(crate) fn empty(name: &str) -> Self {
        let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("log-{name}"));
        let _ = std::fs::remove_dir_all(&directory);
        std::fs::create_dir_all(&directory).unwrap();
        Self { directory, vkey: String::new() }
    }

    /// A directory with a log in `log`, whose key is `log.key`.
    pub(crate) fn with_log(name: &str) -> Self {
        let place = Self::empty(name);
        place.make_key("log.key");
        let document =
            place.json(&["audit", "init", "log", "--origin", ORIGIN, "--key", "log.key", "--json"]);
        let vkey = document["vkey"].as_str().unwrap().to_owned();
        Self { vkey, ..place }
    }

    /// Makes an Ed25519 key with OpenSSH.
    pub(crate) fn make_key(&self, name: &str) {
        let mut command = Command::new("ssh-keygen");
        command.args(["-q", "-t", "ed25519", "-N", "", "-C", "", "-f", name]).current_dir(&self.directory);
        assert!(command.status().unwrap().success());
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }

    pub(crate) fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap()
    }

    pub(crate) fn write(&self, name: &str, content: &str) {
        std::fs::write(self.path(name), content).unwrap();
    }

    /// The program, with acts recorded in the log.
    pub(crate) fn suture(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_suture"));
        command.args(arguments).current_dir(&self.directory).env("SUTURE_AUDIT_DIR", "log");
        for variable in ["SUTURE_LOG", "NO_COLOR", "COLUMNS", "SUTURE_AUDIT_KEY"] {
            command.env_remove(variable);
        }
        command
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Output {
        self.suture(arguments).output().unwrap()
    }

    /// Runs a command that has to succeed.
    pub(crate) fn done(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(0), "{arguments:?}: {stderr}");
        String::from_utf8(output.stdout).unwrap()
    }

    pub(crate) fn json(&self, arguments: &[&str]) -> Value {
        serde_json::from_str(&self.done(arguments)).unwrap()
    }

    /// The command line and its answer as one text, with what differs from run to run made equal.
    pub(crate) fn transcript(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        let part = |name: &str, bytes: &[u8]| match String::from_utf8_lossy(bytes) {
            text if text.is_empty() => String::new(),
            text => format!("--- {name}\n{text}"),
        };
        let text = format!(
            "$ suture {}\n{}{}--- exit {}\n",
            arguments.join(" "),
            part("stdout", &output.stdout),
            part("stderr", &output.stderr),
            output.status.code().unwrap()
        );
        self.equalised(&text)
    }

    fn equalised(&self, text: &str) -> String {
        let mut text = text.replace(self.directory.to_str().unwrap(), "[here]");
        if !self.vkey.is_empty() {
            text = text.replace(&self.vkey, "[vkey]");
        }
        let mut equalised = String::new();
        for word in text.split_inclusive([' ', '\n', ',']) {
            let bare = word.trim_end_matches([' ', '\n', ',']);
            let is_time = bare.len() >= 20 && bare.ends_with('Z') && bare.as_bytes()[10] == b'T';
            let kept = if is_time { "[time]" } else { bare };
            equalised += kept;
            equalised += &word[bare.len()..];
        }
        equalised
    }

    /// Records acts: each is a refusal of a process that is not there.
    pub(crate) fn acts(&self, count: usize) {
        for _ in 0..count {
            let output = self.run(&["revert", "abcdef", "--pid", "2147483647", "--deadline", "0"]);
            assert_eq!(output.status.code(), Some(4), "{}", String::from_utf8_lossy(&output.stderr));
        }
    }
}
