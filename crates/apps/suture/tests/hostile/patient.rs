//! A running process that deltas of any kind are tried on, and what must be true of it afterwards.

use std::path::{Path, PathBuf};

use suture_delta::format;

use crate::ending;
use crate::support::{Pair, Target};

/// A program with a delta that fits.
pub(crate) fn pair() -> Pair {
    let pair = Pair::build("c/answers.c", "gcc -O2");
    pair.diff();
    pair
}

pub(crate) struct Patient<'p> {
    here: &'p Path,
    target: Target,
    pid: String,
    file: PathBuf,
}

impl<'p> Patient<'p> {
    /// A process of its own for each hand that works.
    pub(crate) fn new(pair: &'p Pair, hand: usize) -> Self {
        let mut target = pair.start();
        // Whoever answers has been started.
        target.ask("3");
        let file = pair.directory().join(format!("mutant-{hand}"));
        Self { here: pair.directory(), pid: target.pid().to_string(), target, file }
    }

    /// Writes a delta; gives its name.
    pub(crate) fn file(&self, bytes: &[u8]) -> String {
        std::fs::write(&self.file, bytes).unwrap();
        self.file.to_str().unwrap().to_owned()
    }

    pub(crate) fn inspect(&self, what: &str, delta: &str) -> i32 {
        ending::code(what, &ending::run(self.here, &["inspect", delta]), &[0, 2])
    }

    /// Applies a delta without switching it on, and takes it back: who can't read new code in a file can't read it in a process
    /// either. Whatever comes of it, the process answers as before, and has the patch only if the program says so. Gives the exit
    /// code, and what was said.
    pub(crate) fn apply(&mut self, what: &str, bytes: &[u8], delta: &str) -> (i32, String) {
        let arguments = ["--json", "apply", delta, "--dark", "--deadline", "0", "--pid", &self.pid];
        let before = self.maps();
        let output = ending::run(self.here, &arguments);
        // Not to be hot is nothing that a delta can be.
        let code = ending::code(what, &output, &[0, 2, 4]);
        let said = [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes));
        let said = said.concat();
        if code == 2 {
            assert_eq!(self.maps(), before, "{what}");
            return (code, said);
        }
        let patches = self.patches();
        if code == 0 {
            let id = format::id(bytes).to_string();
            assert_eq!(patches, [id], "{what}");
            let output = ending::run(self.here, &["revert", delta, "--pid", &self.pid]);
            ending::code(what, &output, &[0]);
        } else {
            assert!(patches.is_empty(), "{what}: {patches:?}");
        }
        if code == 4 {
            let told: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
            let row = &told["results"][0];
            assert!(row["code"].is_string() && row["reason"].is_string() && row["help"].is_string(), "{row}");
        }
        assert_eq!((self.target.ask("3"), self.target.ask("pointer")), ("44".into(), "1".into()), "{what}");
        (code, said)
    }

    fn maps(&self) -> String {
        std::fs::read_to_string(format!("/proc/{}/maps", self.pid)).unwrap()
    }

    /// The ids of what is applied, by `ps`.
    fn patches(&self) -> Vec<String> {
        let output = ending::run(self.here, &["--json", "ps", "--pid", &self.pid]);
        let told: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        let patches = told["processes"][0]["patches"].as_array().unwrap();
        patches.iter().map(|patch| patch["id"].as_str().unwrap().to_owned()).collect()
    }
}
