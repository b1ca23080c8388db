//! Running the user's build command.

use std::collections::VecDeque;
use std::env;
use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::error::BuildError;
use crate::interrupt::Watch;
use crate::scratch::Scratch;
use crate::{environment, wrappers};

/// Lines of a failed command's output that are shown.
const LAST_LINES: usize = 20;

/// Runs `script` in the copy of the source tree, with the wrappers before all other programs. `which` of the
/// builds it makes is for errors.
pub(crate) fn run(
    watch: &Watch,
    scratch: &Scratch,
    script: &str,
    which: &'static str,
) -> Result<(), BuildError> {
    let failed = || BuildError::doing("running the build command");
    let log = File::options().create(true).append(true).open(scratch.log()).map_err(failed())?;
    let mut command = scratch.shell(script);
    prepare(&mut command, scratch);
    let both = log.try_clone().map_err(failed())?;
    command.stdin(Stdio::null()).stdout(log).stderr(both);
    let status = watch.run(&mut command, |mut child| child.wait()).map_err(failed())?;
    watch.check().map_err(failed())?;
    if status.success() {
        return Ok(());
    }
    let log = keep(scratch).map_err(failed())?;
    let last_lines = last_lines(&log).map_err(failed())?;
    Err(BuildError::CommandFailed { which, status: status.to_string(), last_lines, log })
}

fn prepare(command: &mut Command, scratch: &Scratch) {
    environment::give(command, scratch.environment());
    let mut path = vec![scratch.wrappers()];
    path.extend(env::var_os("PATH").iter().flat_map(env::split_paths));
    if let Ok(path) = env::join_paths(path) {
        command.env("PATH", path);
    }
    command.env("RUSTC_WRAPPER", scratch.wrappers().join(wrappers::CARGO_WRAPPER));
    // A cache elsewhere would hand out what was compiled with other flags.
    command.env_remove("CARGO_TARGET_DIR");
    command.env("TMPDIR", scratch.temporary());
}

/// Moves a log to where it outlives the scratch directory.
fn keep(scratch: &Scratch) -> std::io::Result<PathBuf> {
    let (mut kept, path) = scratch.lasting_file()?;
    std::io::copy(&mut File::open(scratch.log())?, &mut kept)?;
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
