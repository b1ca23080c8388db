//! Running a command so that whoever ends us ends it too.
//!
//! The command gets a process group of its own. A signal that would end this process ends the whole group first,
//! and then the builds are over: the scratch directory goes as it does after any other failure.

use std::io;
use std::os::unix::process::CommandExt as _;
use std::process::{Command, ExitStatus};
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};
use std::sync::{Arc, OnceLock};

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

/// Signals that end a program that does not expect them.
const ENDING: [i32; 3] = [SIGHUP, SIGINT, SIGTERM];

/// How a command ended.
pub(crate) enum Ended {
    /// By itself.
    With(ExitStatus),
    /// Because this process got a signal.
    Interrupted(Signal),
}

/// Runs `command` to its end.
pub(crate) fn run(command: &mut Command) -> io::Result<Ended> {
    let default = default_action()?;
    default.store(false, Ordering::SeqCst);
    let ended = watched(command);
    default.store(true, Ordering::SeqCst);
    ended
}

fn watched(command: &mut Command) -> io::Result<Ended> {
    let mut signals = Signals::new(ENDING)?;
    let handle = signals.handle();
    let mut child = command.process_group(0).spawn()?;
    let group = Pid::from_raw(child.id() as i32);
    let caught = AtomicI32::new(0);
    let status = std::thread::scope(|scope| {
        scope.spawn(|| {
            for signal in signals.forever() {
                caught.store(signal, Ordering::SeqCst);
                // It may just have ended by itself.
                let _ = killpg(group, Signal::SIGTERM);
            }
        });
        let status = child.wait();
        handle.close();
        status
    })?;
    Ok(Signal::try_from(caught.into_inner()).map_or(Ended::With(status), Ended::Interrupted))
}

/// Whether signals do what they always do; handlers stay once they are registered.
fn default_action() -> io::Result<Arc<AtomicBool>> {
    static DEFAULT: OnceLock<Arc<AtomicBool>> = OnceLock::new();
    if let Some(default) = DEFAULT.get() {
        return Ok(Arc::clone(default));
    }
    let default = Arc::new(AtomicBool::new(true));
    for signal in ENDING {
        signal_hook::flag::register_conditional_default(signal, Arc::clone(&default))?;
    }
    Ok(Arc::clone(DEFAULT.get_or_init(|| default)))
}
