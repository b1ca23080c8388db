//! Running the user's build command.

use std::collections::VecDeque;
use std::env;
use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::UNIX_EPOCH;

use crate::error::BuildError;
use crate::scratch::Scratch;
use crate::{tree, wrappers};

/// Lines of a failed command's output that are shown.
const LAST_LINES: usize = 20;

/// Runs `script` in the copy of the source tree, with the wrappers before all other programs.
pub(crate) fn run(scratch: &Scratch, script: &str) -> Result<(), BuildError> {
    let failed = || BuildError::doing("running the build command");
    let log = File::options().create(true).append(true).open(scratch.log()).map_err(failed())?;
    let mut command = scratch.shell(script);
    environment(&mut command, scratch)?;
    let both = log.try_clone().map_err(failed())?;
    let status = command.stdin(Stdio::null()).stdout(log).stderr(both).status().map_err(failed())?;
    if status.success() {
        return Ok(());
    }
    let log = keep(&scratch.log()).map_err(failed())?;
    let last_lines = last_lines(&log).map_err(failed())?;
    Err(BuildError::CommandFailed { status: status.to_string(), last_lines, log })
}

fn environment(command: &mut Command, scratch: &Scratch) -> Result<(), BuildError> {
    let mut path = vec![scratch.wrappers()];
    path.extend(env::var_os("PATH").iter().flat_map(env::split_paths));
    if let Ok(path) = env::join_paths(path) {
        command.env("PATH", path);
    }
    command.env("RUSTC_WRAPPER", scratch.wrappers().join(wrappers::CARGO_WRAPPER));
    // A cache elsewhere would hand out what was compiled with other flags.
    command.env_remove("CARGO_TARGET_DIR");
    if env::var_os("SOURCE_DATE_EPOCH").is_none() {
        let (_, newest) =
            tree::digest(&scratch.tree()).map_err(BuildError::doing("reading the source tree"))?;
        let seconds = newest.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        command.env("SOURCE_DATE_EPOCH", seconds.to_string());
    }
    Ok(())
}

/// Moves a log to where it outlives the scratch directory.
fn keep(log: &Path) -> std::io::Result<std::path::PathBuf> {
    let (mut kept, path) =
        tempfile::Builder::new().prefix("suture-build.").suffix(".log").tempfile()?.keep()?;
    std::io::copy(&mut File::open(log)?, &mut kept)?;
    Ok(path)
}

fn last_lines(log: &Path) -> std::io::Result<String> {
    let mut last = VecDeque::new();
    for line in BufReader::new(File::open(log)?).split(b'\n') {
        if last.len() == LAST_LINES {
            last.pop_front();
        }
        last.push_back(String::from_utf8_lossy(&line?).into_owned());
    }
    Ok(Vec::from(last).join("\n"))
}
