//! A project in a temporary directory, with a fix.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::tree::listing;

/// The C program that most projects build; the fix changes `limit`.
pub(crate) const PROGRAM: &str = "\
#include <stdio.h>
#include <stdlib.h>

__attribute__((noinline)) int limit(int x)
{
\treturn x > 100 ? 100 : x * 3;
}

int main(int argc, char **argv)
{
\tprintf(\"%d\\n\", limit(argc > 1 ? atoi(argv[1]) : 0));
\treturn 0;
}
";

/// A source tree and a fix for it.
pub(crate) struct Project {
    directory: tempfile::TempDir,
}

/// How `suture build` ended.
pub(crate) struct Built {
    pub(crate) exit: Option<i32>,
    pub(crate) json: Value,
    pub(crate) stderr: String,
}

impl Project {
    /// A tree of these files; the fix replaces `from` with `to` in `file`.
    pub(crate) fn new(files: &[(&str, &str)], (file, from, to): (&str, &str, &str)) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let project = Self { directory };
        for (name, text) in files {
            for root in [project.source(), project.fixed()] {
                let path = root.join(name);
                fs::create_dir_all(path.parent().unwrap()).unwrap();
                let text = if *name == file && root == project.fixed() {
                    text.replace(from, to)
                } else {
                    (*text).to_owned()
                };
                fs::write(path, text).unwrap();
            }
        }
        let diff = Command::new("diff")
            .args(["-ruN", "source", "fixed"])
            .current_dir(project.root())
            .output()
            .unwrap();
        fs::write(project.patch(), diff.stdout).unwrap();
        project
    }

    /// A C program with this build file, and a fix of its `limit`.
    pub(crate) fn c(files: &[(&str, &str)]) -> Self {
        let mut all = vec![("src/server.c", PROGRAM)];
        all.extend(files);
        Self::new(&all, ("src/server.c", "x > 100 ? 100 : x * 3", "x > 50 ? 50 : x * 3"))
    }

    pub(crate) fn root(&self) -> &Path {
        self.directory.path()
    }

    pub(crate) fn source(&self) -> PathBuf {
        self.root().join("source")
    }

    fn fixed(&self) -> PathBuf {
        self.root().join("fixed")
    }

    pub(crate) fn patch(&self) -> PathBuf {
        self.root().join("fix.patch")
    }

    /// Runs `suture build`, and sees that the tree is as it was.
    pub(crate) fn build(&self, run: &str, artifact: &str, more: &[&str]) -> Built {
        self.build_with(self.command(run, artifact).args(more))
    }

    /// `suture build`, not yet run.
    pub(crate) fn command(&self, run: &str, artifact: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_suture"));
        command.args(["--json", "build", "--run", run, "--artifact", artifact]);
        command.arg("--source").arg(self.source()).arg("--patch").arg(self.patch());
        command.env("TMPDIR", self.root());
        command
    }

    /// Runs a command, and sees that the tree is as it was.
    pub(crate) fn build_with(&self, command: &mut Command) -> Built {
        let before = listing(&self.source());
        let output = command.output().unwrap();
        assert_eq!(listing(&self.source()), before, "the tree is left as it was found");
        let stderr =
            String::from_utf8_lossy(&output.stderr).replace(&self.root().display().to_string(), "ROOT");
        Built {
            exit: output.status.code(),
            json: serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {stderr}")),
            stderr,
        }
    }

    /// Builds, and gives the names of the functions that the delta replaces.
    pub(crate) fn changed(&self, run: &str, artifact: &str) -> Vec<String> {
        self.build(run, artifact, &[]).changed()
    }
}

impl Built {
    /// The names of the functions that the delta replaces.
    pub(crate) fn changed(&self) -> Vec<String> {
        assert_eq!(self.exit, Some(0), "{} {}", self.json, self.stderr);
        let changed = self.json["changed"].as_array().unwrap();
        changed.iter().map(|function| function["name"].as_str().unwrap().to_owned()).collect()
    }
}
