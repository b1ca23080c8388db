//! Around every command: the log is opened before it does anything, and told how it ended before it answers. In between what is known of
//! the act is noted beside the log, so that it is recorded by the next one if this program is killed. Only the way back is done without the
//! log if that can't be used, and says so.
//!
//! Whoever interrupts a command (Ctrl-C, SIGTERM, SIGHUP) ends it, and that is told too: a thread waits for signals while an act is
//! going on. What a command must not leave half done it shields with [`Act::outlast_interruptions`].

use std::mem;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, MutexGuard, PoisonError};

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use signal_hook::{flag, low_level};
use suture_log::Outcome;

use super::{Act, INTERRUPTED, which};
use crate::args::Command;
use crate::audit::Record;
use crate::console::Console;
use crate::exit::Exit;
use crate::failure::Failure;

/// Signals that end a program that does not expect them.
const ENDING: [i32; 3] = [SIGHUP, SIGINT, SIGTERM];

/// The log, as far as an act is concerned.
pub(super) enum Book {
    /// Nothing is recorded, or it has been.
    Closed,
    /// The act is going on, and may be interrupted.
    Open(Record),
    /// It is going on, and no longer ends for a signal.
    Outlasting(Record),
}

/// Runs `command`, and records it if it is an act and there is a log. An act that can't be recorded is not begun, but for the way back; one
/// whose entry can't be written answers what it would have, and fails.
pub(crate) fn recorded(
    command: &Command,
    console: &Console,
    run: impl FnOnce(&Act) -> Result<Exit, Failure>,
) -> Result<Exit, Failure> {
    let Some(name) = which::act(command) else { return run(&Act::new("", Book::Closed)) };
    let act = Act::new(name, Book::Closed);
    let known = act.entries(&Outcome::failed(INTERRUPTED));
    let record = if which::is_the_way_back(command) {
        Record::begin_the_way_back(&known, console)
    } else {
        Record::begin(&known, console)?
    };
    let Some(record) = record else { return run(&act) };
    *act.book() = Book::Open(record);
    watch(&act)?;
    console.hold();
    let ended = run(&act);
    let written = act.record(&outcome(&ended, act.code()));
    match (ended, written) {
        (Ok(exit), Ok(())) => console.release().map(|()| exit),
        (Err(failure), Ok(())) => Err(failure),
        (ended, Err(unrecorded)) => console.unrecorded(ended, &unrecorded),
    }
}

/// How it ended, in the words of the log.
fn outcome(ended: &Result<Exit, Failure>, said: Option<&'static str>) -> Outcome {
    let (exit, code) = match ended {
        Ok(exit) => (*exit, said),
        Err(failure) => (failure.exit(), failure.code()),
    };
    match exit {
        Exit::Done => Outcome { code: code.map(str::to_owned), ..Outcome::done() },
        Exit::Failed => Outcome::failed(code.unwrap_or("unexpected")),
        Exit::Usage => Outcome::failed(code.unwrap_or("bad-input")),
        Exit::NotHot => Outcome::refused(code.unwrap_or("not-hot")),
        Exit::TargetRefused => Outcome::refused(code.unwrap_or("target")),
        Exit::PolicyRefused => Outcome::refused(code.unwrap_or("policy")),
    }
}

/// Waits for signals as long as the program runs.
fn watch(act: &Arc<Act>) -> Result<(), Failure> {
    let failed = |error: std::io::Error| Failure::unexpected("signals can't be watched").why(&error);
    let mut signals =
        Signals::new(ENDING.into_iter().filter(|signal| !is_ignored(*signal))).map_err(failed)?;
    let act = Arc::clone(act);
    let thread = std::thread::Builder::new().spawn(move || {
        for signal in signals.forever() {
            act.interrupt(signal);
        }
    });
    thread.map(drop).map_err(failed)
}

/// Whether whoever started the program has it live on, as `nohup` does.
fn is_ignored(signal: i32) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|digits| u64::from_str_radix(digits.trim(), 16).ok()).unwrap_or(0);
    mask & 1 << (signal - 1) != 0
}

impl Act {
    /// From here on an interruption no longer ends the command: what is left are milliseconds of writing, which is then whole,
    /// and the answer that says so.
    pub(crate) fn outlast_interruptions(&self) {
        let caught = Arc::new(AtomicBool::new(false));
        for signal in ENDING {
            // Without it the writing is as whole; a file under a temporary name may stay.
            let _ = flag::register(signal, Arc::clone(&caught));
        }
        self.sees_to_interruptions();
    }

    /// From here on an interruption is for the command to see to: it ends by itself, leaves nothing behind, and says so.
    pub(crate) fn sees_to_interruptions(&self) {
        let mut book = self.book();
        *book = match mem::replace(&mut *book, Book::Closed) {
            Book::Open(record) => Book::Outlasting(record),
            book => book,
        };
    }

    /// Writes how it ended, once.
    fn record(&self, outcome: &Outcome) -> Result<(), Failure> {
        let mut book = self.book();
        match mem::replace(&mut *book, Book::Closed) {
            Book::Closed => Ok(()),
            Book::Open(record) | Book::Outlasting(record) => {
                record.end(&self.entries(outcome), outcome, false)
            }
        }
    }

    /// Notes what is known by now.
    pub(super) fn note(&self) {
        if let Book::Open(record) | Book::Outlasting(record) = &*self.book() {
            record.note(&self.entries(&Outcome::failed(INTERRUPTED)));
        }
    }

    /// Ends the program as `signal` would, if the act is still going on and may be interrupted. The book is held, so that the act
    /// does not go past [`Self::outlast_interruptions`] meanwhile.
    fn interrupt(&self, signal: i32) {
        let book = self.book();
        if let Book::Open(record) = &*book {
            let outcome = Outcome::failed(INTERRUPTED);
            if let Err(failure) = record.end(&self.entries(&outcome), &outcome, true) {
                tracing::error!("{}", failure.in_one_line());
            }
            // It ends the program, and if it can't, the act goes on and is recorded again.
            let _ = low_level::emulate_default_handler(signal);
        }
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
