//! Calls that a surgeon has begun in the process and did not live to see the end of.
//!
//! A surgeon that is killed, or that has waited long enough, leaves a thread behind in a function of the patch, a hook; the thread
//! comes home by itself, but not before the function has returned. Until then the call stack of that home is taken, and
//! the code and data of the patch are in use: nothing may be called there, and the home may not be filled again.

use std::time::{Duration, Instant};

use suture_surgery::home::{CALL_UNDERWAY_OFFSET, Record};
use suture_surgery::memory::Memory as _;
use suture_surgery::outcome::Refusal;

use crate::patient::Patient;
use crate::surroundings::Surroundings;
use crate::sys::Alarm;
use crate::tracee::{Stop, Tracee};
use crate::{proc, world};

const RETRY: Duration = Duration::from_millis(2);

/// Waits until no thread is in a function of this home that a surgeon has called.
///
/// # Errors
/// [`Refusal::Busy`] if one is at the deadline.
pub(crate) fn come_home(patient: &Patient, home: &Record, deadline: Instant) -> Result<(), Refusal> {
    let word = home.home.start + CALL_UNDERWAY_OFFSET;
    let failed = |error: std::io::Error| world::refused(patient.pid, &error);
    let mut bytes = [0; 4];
    loop {
        patient.memory.read(word, &mut bytes).map_err(|_| Refusal::Gone)?;
        if bytes == [0; 4] {
            return Ok(());
        }
        let Some(thread) = thread_on_call_stack(patient, home)? else {
            // The surgeon was killed behind the call, when the thread was home already.
            return patient.memory.write(word, &[0; 4]).map_err(failed);
        };
        if Instant::now() >= deadline {
            return Err(busy(patient, &thread));
        }
        std::thread::sleep(RETRY);
    }
}

/// The thread that runs on the call stack of a home, stopped and let go to find out if it does not sleep.
fn thread_on_call_stack(patient: &Patient, home: &Record) -> Result<Option<Tracee>, Refusal> {
    for tid in proc::threads(patient.pid).map_err(|_| Refusal::Gone)? {
        let sleeps_elsewhere = proc::Place::of(patient.pid, tid)
            .is_some_and(|place| !home.call_stack.contains(place.stack_pointer));
        if sleeps_elsewhere || proc::is_kernel_worker(patient.pid, tid) {
            continue;
        }
        let failed = |error: std::io::Error| world::refused(tid, &error);
        let _alarm = Alarm::begin().map_err(failed)?;
        if !Tracee::seize(tid).map_err(failed)? {
            continue;
        }
        let mut tracee = Tracee::new(tid);
        tracee.interrupt().map_err(failed)?;
        let is_there = tracee.wait_stopped()? != Stop::Gone;
        tracee.release().map_err(failed)?;
        if is_there && home.call_stack.contains(tracee.registers.rsp) {
            return Ok(Some(tracee));
        }
    }
    Ok(None)
}

fn busy(patient: &Patient, thread: &Tracee) -> Refusal {
    let surroundings = Surroundings::examined(patient);
    let stack = surroundings.unwinder().unwind(&thread.registers, &patient.memory);
    Refusal::Busy {
        thread: thread.tid,
        thread_name: proc::name(thread.tid),
        function: "a hook that an earlier operation has called".to_owned(),
        stack: surroundings.stack_text(patient, &stack),
    }
}
