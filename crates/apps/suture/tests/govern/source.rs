//! Projects that are built by their author, and trees of them that somebody else has.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::patch::{self, json};
use crate::transcript::suture;
use crate::tree::listing;

/// Its fix changes a function and the initial value of a variable; where it was built is in its text.
const SERVER: &str = "\
#include <stdio.h>
#include <stdlib.h>

int seen = 1;

__attribute__((noinline)) int limit(int x)
{
\treturn x > 100 ? 100 : x * 3;
}

__attribute__((noinline)) int other(int x)
{
\treturn x * 7 + seen++;
}

int main(int argc, char **argv)
{
\tprintf(\"%d %d %s %d\\n\", limit(argc), other(argc), __FILE__, DATE);
\treturn 0;
}
";
const MAKEFILE: &str = "\
server: server.c
\tcc -O2 $(CFLAGS) -DDATE=$(SOURCE_DATE_EPOCH) -o $@ $(CURDIR)/server.c
";
const MARKS: &str = "[critical]\nfunctions = [\"main\"]\n";

const CARGO: &str = "\
[package]
name = \"server\"
version = \"1.0.0\"
edition = \"2024\"

[profile.release]
strip = true

[workspace]
";
const MAIN: &str = "\
#[inline(never)]
fn limit(x: u32) -> u32 {
    x.checked_mul(3).expect(\"small\").min(100)
}

fn main() {
    println!(\"{}\", limit(std::env::args().count() as u32));
}
";

/// A project: its files, the fix of one of them, and how it is built.
pub(crate) struct Project {
    files: &'static [(&'static str, &'static str)],
    fixes: &'static [(&'static str, &'static str)],
    pub(crate) fixed: &'static str,
    run: &'static str,
    artifact: &'static str,
}

/// A C program with a makefile and critical marks.
pub(crate) const C: Project = Project {
    files: &[("server.c", SERVER), ("Makefile", MAKEFILE), ("suture.toml", MARKS)],
    fixes: &[("x > 100 ? 100", "x > 50 ? 50"), ("seen = 1", "seen = 2")],
    fixed: "server.c",
    run: "make",
    artifact: "server",
};
/// A Rust program.
pub(crate) const RUST: Project = Project {
    files: &[("src/main.rs", MAIN), ("Cargo.toml", CARGO)],
    fixes: &[(".min(100)", ".min(50)")],
    fixed: "src/main.rs",
    run: "cargo build --release --offline",
    artifact: "target/release/server",
};

impl Project {
    /// Writes a tree of it, and `fix.patch` beside it.
    pub(crate) fn write(&self, here: &Path, tree: &str) {
        let fixed = format!("{tree}.fixed");
        for (name, text) in self.files {
            let fixed_text =
                self.fixes.iter().fold((*text).to_owned(), |text, (from, to)| text.replace(from, to));
            for (root, text) in [(tree, *text), (&fixed, &fixed_text)] {
                let path = here.join(root).join(name);
                fs::create_dir_all(path.parent().unwrap()).unwrap();
                fs::write(path, text).unwrap();
            }
        }
        let mut diff = Command::new("diff");
        let diff = diff.args(["-ruN", tree, &fixed]).current_dir(here).output().unwrap();
        // Names and times of the two trees are no part of the fix.
        let text = String::from_utf8(diff.stdout).unwrap();
        let text = text.lines().filter(|line| !line.starts_with("diff ")).map(|line| match line.get(..4) {
            Some("--- ") => format!("--- a/{}\n", self.fixed),
            Some("+++ ") => format!("+++ b/{}\n", self.fixed),
            _ => format!("{line}\n"),
        });
        fs::write(here.join("fix.patch"), text.collect::<String>()).unwrap();
        fs::remove_dir_all(here.join(fixed)).unwrap();
    }

    /// The author builds `NAME.delta` in `tree`, in an environment with `more`, and keeps the record in `NAME.delta.json`.
    pub(crate) fn build(&self, here: &Path, tree: &str, name: &str, more: &[(&str, &str)]) {
        self.build_on(here, tree, name, &["--patch", "fix.patch"], more);
    }

    /// The same with another fix, which may stand on other patches.
    pub(crate) fn build_on(&self, here: &Path, tree: &str, name: &str, fix: &[&str], more: &[(&str, &str)]) {
        let output = format!("{name}.delta");
        let arguments = ["build", "--source", tree, "--run", self.run];
        let rest = ["--artifact", self.artifact, "--data", "seen=keep", "-o", &output, "--json"];
        let mut command = suture(here, &[&arguments[..], &rest, fix].concat());
        let built = command.envs(more.iter().copied()).output().unwrap();
        assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
        fs::write(here.join(format!("{output}.json")), built.stdout).unwrap();
    }
}

/// `fix.bundle` of these deltas with their records and `documents`.
pub(crate) fn bundle(here: &Path, names: &[&str], documents: &[&str]) {
    let deltas: Vec<String> = names.iter().map(|name| format!("{name}.delta")).collect();
    let records: Vec<String> = deltas.iter().map(|delta| format!("{delta}.json")).collect();
    let mut new = vec!["dossier", "new"];
    new.extend(deltas.iter().map(String::as_str));
    new.extend(records.iter().flat_map(|record| ["--provenance", record]));
    json(here, 0, &new);
    patch::answer(&here.join("dossier.toml"));
    let mut create = vec!["bundle", "create", "--dossier", "dossier.toml", "-o", "fix.bundle"];
    create.extend(deltas.iter().map(String::as_str));
    create.extend(documents.iter().flat_map(|document| ["--document", document]));
    json(here, 0, &create);
}

/// Runs `suture reproduce fix.bundle --source TREE …`, which must end with `exit` and leave the tree as it was.
pub(crate) fn reproduce(here: &Path, exit: i32, tree: &str, more: &[&str]) -> Value {
    let before = listing(&here.join(tree));
    let told = json(here, exit, &[&["reproduce", "fix.bundle", "--source", tree][..], more].concat());
    assert_eq!(listing(&here.join(tree)), before, "the tree is left as it was found");
    told
}

/// State of each delta in such an answer.
pub(crate) fn states(told: &Value) -> Vec<&str> {
    let deltas = told["deltas"].as_array().unwrap_or_else(|| panic!("{told}"));
    deltas.iter().map(|delta| delta["state"].as_str().unwrap()).collect()
}
