//! Whoever ends us ends what we have begun, and nothing of it stays.
//!
//! While a [`Watch`] is held, a signal that would end this process only marks the watch and ends the command that
//! is being run, with all its descendants: it has a process group of its own. The work sees the mark where it
//! would go on, fails, and its scratch directory goes as it does after any other failure.

use std::io;
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread::JoinHandle;

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::{Handle, Signals};

/// Signals that end a program that does not expect them.
const ENDING: [i32; 3] = [SIGHUP, SIGINT, SIGTERM];

/// Signals are watched for as long as this is held; afterwards they do again what they did before.
pub(crate) struct Watch {
    state: Arc<Mutex<State>>,
    default: Arc<AtomicBool>,
    handle: Handle,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct State {
    caught: Option<Signal>,
    running: Option<Pid>,
}

impl Watch {
    /// Begins to watch.
    pub(crate) fn begin() -> io::Result<Self> {
        let default = default_action()?;
        let mut signals = Signals::new(ENDING)?;
        let handle = signals.handle();
        default.store(false, Ordering::SeqCst);
        let state = Arc::<Mutex<State>>::default();
        let shared = Arc::clone(&state);
        let thread = std::thread::spawn(move || {
            for signal in signals.forever().filter_map(|signal| Signal::try_from(signal).ok()) {
                let mut state = lock(&shared);
                state.caught.get_or_insert(signal);
                if let Some(group) = state.running {
                    // It may just have ended by itself.
                    let _ = killpg(group, Signal::SIGTERM);
                }
            }
        });
        Ok(Self { state, default, handle, thread: Some(thread) })
    }

    /// The first signal that has come.
    pub(crate) fn caught(&self) -> Option<Signal> {
        lock(&self.state).caught
    }

    /// An error once a signal has come.
    pub(crate) fn check(&self) -> io::Result<()> {
        self.caught().map_or(Ok(()), |signal| Err(interrupted(signal)))
    }

    /// Starts `command` and lets `attend` wait for it. A signal ends it.
    pub(crate) fn run<T>(
        &self,
        command: &mut Command,
        attend: impl FnOnce(Child) -> io::Result<T>,
    ) -> io::Result<T> {
        let child = {
            let mut state = lock(&self.state);
            if let Some(signal) = state.caught {
                return Err(interrupted(signal));
            }
            let child = command.process_group(0).spawn()?;
            state.running = Some(Pid::from_raw(child.id().cast_signed()));
            child
        };
        let attended = attend(child);
        lock(&self.state).running = None;
        attended
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.default.store(true, Ordering::SeqCst);
        self.handle.close();
        if let Some(thread) = self.thread.take() {
            // It has no panic to tell of.
            let _ = thread.join();
        }
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

fn interrupted(signal: Signal) -> io::Error {
    io::Error::new(io::ErrorKind::Interrupted, signal.as_str())
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
