//! One traced thread: seized, stopped, looked at, let go.

use std::io;
use std::time::{Duration, Instant};

use suture_surgery::outcome::Refusal;
use suture_surgery::registers::Registers;

use crate::{proc, sys};

/// Why a traced thread has stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stop {
    /// We asked for it, or the process is stopped as a whole, or the thread has just been born.
    Event,
    /// A signal is about to be delivered.
    Signal(i32),
    /// It has started this thread and is still in the call that did.
    Clone(i32),
    /// It enters or leaves a system call.
    SystemCall,
    /// It has ended.
    Gone,
}

/// A seized thread.
#[derive(Debug)]
pub(crate) struct Tracee {
    pub(crate) tid: i32,
    /// Why it stands, if it does.
    pub(crate) stop: Option<Stop>,
    /// Its registers, if it stands: as they shall be when it goes on.
    pub(crate) registers: Registers,
}

/// How long a thread may stay in the kernel without answering, before the stop is given up.
const UNINTERRUPTIBLE_MAX: Duration = Duration::from_millis(20);
/// How long a thread may wait for its turn on a processor.
const STARVED_MAX: Duration = Duration::from_secs(10);

impl Tracee {
    /// Seizes a thread. Whether it was there; it may have ended.
    pub(crate) fn seize(tid: i32) -> io::Result<bool> {
        match sys::seize(tid) {
            Ok(()) => Ok(true),
            Err(error) if error.raw_os_error() == Some(libc::ESRCH) => Ok(false),
            // A thread that is ending can't be seized any more; it says so by its state.
            Err(_) if Self::new(tid).has_ended() => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// A thread that has been seized: by us, or with its birth, when a thread of ours started it.
    pub(crate) fn new(tid: i32) -> Self {
        Self { tid, stop: None, registers: Registers::default() }
    }

    /// Asks it to stop.
    pub(crate) fn interrupt(&self) -> io::Result<()> {
        ignore_gone(sys::interrupt(self.tid))
    }

    /// Waits until it stands, and hides from it that it was interrupted. The caller has an alarm running. An error if
    /// it does not come to stand.
    pub(crate) fn wait_stopped(&mut self) -> Result<Stop, Refusal> {
        let begun = Instant::now();
        let mut in_kernel_since = None;
        loop {
            match sys::wait(self.tid, true) {
                Ok(Some(status)) => return self.stopped(status).map_err(|error| self.failed(&error)),
                // The first thread of a process is given to nobody before all others are, one of which may be seized and not known yet.
                Ok(None) if self.has_ended() => {
                    self.stop = Some(Stop::Gone);
                    return Ok(Stop::Gone);
                }
                Ok(None) => self.still_running(begun, &mut in_kernel_since)?,
                Err(error) if error.raw_os_error() == Some(libc::ECHILD) => {
                    self.stop = Some(Stop::Gone);
                    return Ok(Stop::Gone);
                }
                Err(error) => return Err(self.failed(&error)),
            }
        }
    }

    /// The same for a thread that was not asked to stop, until a time at the latest; `None` if it runs then.
    pub(crate) fn wait_stopped_until(&mut self, until: Instant) -> Result<Option<Stop>, Refusal> {
        loop {
            let is_early = Instant::now() < until;
            match sys::wait(self.tid, is_early) {
                Ok(Some(status)) => {
                    return self.stopped(status).map(Some).map_err(|error| self.failed(&error));
                }
                Ok(None) if is_early => {}
                Ok(None) => return Ok(None),
                Err(error) if error.raw_os_error() == Some(libc::ECHILD) => {
                    self.stop = Some(Stop::Gone);
                    return Ok(self.stop);
                }
                Err(error) => return Err(self.failed(&error)),
            }
        }
    }

    fn stopped(&mut self, status: i32) -> io::Result<Stop> {
        let stop = decode(self.tid, status)?;
        self.stop = Some(stop);
        if stop != Stop::Gone {
            match sys::registers(self.tid) {
                Ok(registers) => self.registers = registers,
                Err(error) if error.raw_os_error() == Some(libc::ESRCH) => {
                    self.stop = Some(Stop::Gone);
                    return Ok(Stop::Gone);
                }
                Err(error) => return Err(error),
            }
        }
        if matches!(stop, Stop::Event | Stop::Signal(_)) && self.registers.hide_interruption() {
            ignore_gone(sys::set_registers(self.tid, &self.registers))?;
        }
        Ok(stop)
    }

    fn has_ended(&self) -> bool {
        proc::state_and_start(self.tid).is_ok_and(|(state, _)| matches!(state, 'Z' | 'X'))
    }

    fn still_running(&self, begun: Instant, in_kernel_since: &mut Option<Instant>) -> Result<(), Refusal> {
        let state = proc::state_and_start(self.tid).map_or('X', |(state, _)| state);
        if state == 'D' {
            let since = *in_kernel_since.get_or_insert_with(Instant::now);
            if since.elapsed() > UNINTERRUPTIBLE_MAX {
                return Err(self.unstoppable("it waits in the kernel and can't be interrupted there"));
            }
        } else {
            *in_kernel_since = None;
        }
        if begun.elapsed() > STARVED_MAX {
            return Err(self.unstoppable("it gets no processor"));
        }
        Ok(())
    }

    /// Whether it stands.
    pub(crate) fn stands(&self) -> bool {
        !matches!(self.stop, None | Some(Stop::Gone))
    }

    /// Whether it is on its way: not waiting in the kernel for something that may never come.
    pub(crate) fn is_running(&self) -> bool {
        !self.registers.in_system_call() || matches!(self.stop, Some(Stop::Clone(_)))
    }

    /// Whether it stands and a signal waits that it will get before it executes anything.
    pub(crate) fn is_about_to_get(&self, signal: i32) -> bool {
        let bit = 1 << (signal - 1);
        let waits = |status: proc::Status| status.pending_signals & !status.blocked_signals & bit != 0;
        self.stands() && proc::status(self.tid).is_ok_and(waits)
    }

    /// Lets it run on. A signal that it was about to get it gets.
    pub(crate) fn resume(&mut self) -> io::Result<()> {
        let signal = match self.stop.take() {
            Some(Stop::Signal(signal)) => signal,
            _ => 0,
        };
        ignore_gone(sys::resume(self.tid, signal))
    }

    /// Lets it run for about `time`, and asks it to stop again.
    pub(crate) fn let_run(&mut self, time: Duration) -> io::Result<()> {
        self.resume()?;
        // Asleep, because it may need this very processor.
        std::thread::sleep(time);
        self.interrupt()
    }

    /// Takes the signal away that it was about to get.
    pub(crate) fn keep_signal(&mut self) {
        if let Some(Stop::Signal(_)) = self.stop {
            self.stop = Some(Stop::Event);
        }
    }

    /// Lets it go. What it would have got (a signal) it gets.
    pub(crate) fn release(&mut self) -> io::Result<()> {
        let signal = match self.stop.take() {
            None | Some(Stop::Gone) => return Ok(()),
            Some(Stop::Signal(signal)) => signal,
            Some(Stop::Event | Stop::Clone(_) | Stop::SystemCall) => 0,
        };
        ignore_gone(sys::detach(self.tid, signal))
    }

    fn unstoppable(&self, why: &str) -> Refusal {
        Refusal::Unstoppable { thread: self.tid, thread_name: proc::name(self.tid), why: why.to_owned() }
    }

    fn failed(&self, error: &io::Error) -> Refusal {
        self.unstoppable(&error.to_string())
    }
}

/// What a status from `waitpid` means.
pub(crate) fn decode(tid: i32, status: i32) -> io::Result<Stop> {
    if !libc::WIFSTOPPED(status) {
        return Ok(Stop::Gone);
    }
    let signal = libc::WSTOPSIG(status);
    Ok(match status >> 16 {
        libc::PTRACE_EVENT_STOP => Stop::Event,
        libc::PTRACE_EVENT_CLONE => Stop::Clone(sys::event_message(tid)?),
        _ if signal == libc::SIGTRAP | 0x80 => Stop::SystemCall,
        _ => Stop::Signal(signal),
    })
}

/// A thread that has ended meanwhile needs nothing any more.
pub(crate) fn ignore_gone(result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(error) if error.raw_os_error() == Some(libc::ESRCH) => Ok(()),
        other => other,
    }
}
