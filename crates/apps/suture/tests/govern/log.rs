//! An audit log, and the program run with it: what each command leaves in it.

use std::cell::Cell;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::{Value, json};

use crate::transcript::suture;

/// A log in `log` of a directory.
pub(crate) struct Log {
    pub(crate) here: PathBuf,
    vkey: String,
    /// Entries that have been looked at.
    seen: Cell<usize>,
}

impl Log {
    /// Makes an empty one.
    pub(crate) fn begin(here: &Path) -> Self {
        crate::office::done(here, &["key", "new", "-o", "log.key", "--no-passphrase"]);
        let init = ["audit", "init", "log", "--origin", "example.com/acts", "--key", "log.key"];
        let vkey = crate::patch::json(here, 0, &init)["vkey"].as_str().unwrap().to_owned();
        Self { here: here.to_owned(), vkey, seen: Cell::new(1) }
    }

    /// Its public key.
    pub(crate) fn vkey(&self) -> &str {
        &self.vkey
    }

    /// The program, with acts recorded.
    pub(crate) fn suture(&self, arguments: &[&str]) -> Command {
        let mut command = suture(&self.here, arguments);
        command.env("SUTURE_AUDIT_DIR", "log");
        for variable in ["SUTURE_AUDIT_KEY", "SUTURE_PASSPHRASE_FILE", "SSH_AUTH_SOCK"] {
            command.env_remove(variable);
        }
        command
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Output {
        self.suture(arguments).output().unwrap()
    }

    /// Runs a command that ends with this code and is one act; gives its document and its entry.
    pub(crate) fn act(&self, exit: i32, arguments: &[&str]) -> (Value, Value) {
        let output = self.run(&[arguments, &["--json"]].concat());
        let told = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(exit), "{arguments:?}: {told}");
        let mut entries = self.new_entries();
        assert_eq!(entries.len(), 1, "{arguments:?}: {entries:?}");
        (serde_json::from_slice(&output.stdout).unwrap_or_default(), entries.remove(0))
    }

    /// The same of a command that is done; gives its entry.
    pub(crate) fn done(&self, arguments: &[&str]) -> Value {
        let (_, entry) = self.act(0, arguments);
        assert_eq!(entry["outcome"]["result"], "done", "{entry}");
        entry
    }

    /// What has come since this was asked last, from a log that verifies.
    pub(crate) fn new_entries(&self) -> Vec<Value> {
        let verified = self.run(&["audit", "verify", "--key", &self.vkey]);
        assert_eq!(verified.status.code(), Some(0), "{}", String::from_utf8_lossy(&verified.stderr));
        let shown = self.run(&["audit", "show", "--last", "100000", "--json"]);
        let document: Value = serde_json::from_slice(&shown.stdout).unwrap();
        let entries = document["entries"].as_array().unwrap();
        entries[self.seen.replace(entries.len())..].to_vec()
    }

    /// Everything that the log tells, as whoever is given it reads it.
    pub(crate) fn text(&self) -> String {
        let exported = self.run(&["audit", "export", "-o", "log.export"]);
        assert_eq!(exported.status.code(), Some(0));
        fs::read_to_string(self.here.join("log.export")).unwrap()
    }

    /// `sha256:…` of a file, as `sha256sum` has it.
    pub(crate) fn digest(&self, file: &str) -> Value {
        let output = Command::new("sha256sum").arg(self.here.join(file)).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        json!(format!("sha256:{}", &text.trim_start_matches('\\')[..64]))
    }

    /// The fingerprint of the key in a file, as `ssh-keygen` has it.
    pub(crate) fn fingerprint(&self, file: &str) -> Value {
        let output = Command::new("ssh-keygen").arg("-lf").arg(self.here.join(file)).output().unwrap();
        json!(String::from_utf8(output.stdout).unwrap().split(' ').nth(1).unwrap())
    }
}

/// The subject of this kind.
pub(crate) fn subject<'a>(entry: &'a Value, kind: &str) -> &'a Value {
    let subjects = entry["subjects"].as_array().unwrap_or_else(|| panic!("no subjects: {entry}"));
    let found = subjects.iter().find(|subject| subject["kind"] == kind);
    found.unwrap_or_else(|| panic!("no {kind}: {entry}"))
}

/// Act, result and code of an entry.
pub(crate) fn ended(entry: &Value) -> [&str; 3] {
    let outcome = &entry["outcome"];
    [&entry["act"], &outcome["result"], &outcome["code"]].map(|value| value.as_str().unwrap_or_default())
}
