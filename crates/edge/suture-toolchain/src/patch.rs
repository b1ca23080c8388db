//! Applying the fix, with the system's `patch`: it knows every spelling of a diff.

use std::io::Write as _;
use std::process::{Child, Command, Output, Stdio};

use crate::error::BuildError;
use crate::interrupt::Watch;
use crate::scratch::Scratch;

/// How many leading directories are taken off the names in a diff: `git diff` has one.
const STRIPS: [&str; 2] = ["-p1", "-p0"];

/// Whether the fix applies, exactly; hunks may have moved, but must not differ.
pub(crate) fn check(watch: &Watch, scratch: &Scratch, patch: &[u8]) -> Result<(), BuildError> {
    strip(watch, scratch, patch).map(drop)
}

/// Applies it.
pub(crate) fn apply(watch: &Watch, scratch: &Scratch, patch: &[u8]) -> Result<(), BuildError> {
    let strip = strip(watch, scratch, patch)?;
    let output = run(watch, scratch, patch, &[strip])?;
    if output.status.success() { Ok(()) } else { Err(does_not_apply(&output)) }
}

fn strip(watch: &Watch, scratch: &Scratch, patch: &[u8]) -> Result<&'static str, BuildError> {
    let mut first = None;
    for strip in STRIPS {
        let output = run(watch, scratch, patch, &[strip, "--dry-run"])?;
        if output.status.success() && !output.stdout.is_empty() {
            return Ok(strip);
        }
        first.get_or_insert(output);
    }
    Err(first.as_ref().map_or(BuildError::PatchDoesNotApply { said: String::new() }, does_not_apply))
}

fn does_not_apply(output: &Output) -> BuildError {
    let said = [&output.stdout[..], &output.stderr[..]].concat();
    let said = String::from_utf8_lossy(&said).trim_end().to_owned();
    let said = if said.is_empty() { "it changes no file".to_owned() } else { said };
    BuildError::PatchDoesNotApply { said }
}

fn run(watch: &Watch, scratch: &Scratch, patch: &[u8], options: &[&str]) -> Result<Output, BuildError> {
    let failed = || BuildError::doing("running `patch`");
    let mut command = Command::new("patch");
    command.args(["--forward", "--batch", "--fuzz=0", "--no-backup-if-mismatch"]).args(options);
    command
        .env("TMPDIR", scratch.temporary())
        .current_dir(scratch.tree())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let attend = |mut child: Child| {
        if let Some(mut stdin) = child.stdin.take() {
            // It may have refused before it has read all; its status says so.
            let _ = stdin.write_all(patch);
        }
        child.wait_with_output()
    };
    watch.run(&mut command, attend).map_err(failed())
}
