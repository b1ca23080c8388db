//! Seizing all threads of a process, by one hand or by several, before the stop.

use std::io;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use suture_surgery::outcome::Refusal;

use super::{Hand, lock, refused};
use crate::tracee::Tracee;
use crate::{proc, sys};

/// How often the list of threads is read again before a process that starts threads faster than they can
/// be seized is given up for this attempt.
const LISTINGS_MAX: usize = 1000;
/// How long the kernel may take to let go what a thread of ours had seized that has ended.
const FORMER_TRACER_MAX: Duration = Duration::from_millis(50);

/// What came of trying to seize a thread.
enum Seized {
    /// It is this hand's.
    Ours,
    /// The kernel has given it to another hand, which holds the thread that started it.
    OfHand(i32),
    /// It has ended.
    Gone,
}

impl Hand<'_> {
    /// Seizes threads until all are some hand's. When a reading of the list shows no thread that nobody has, none
    /// can be missing: what a seized thread starts is seized by the kernel.
    pub(super) fn seize_all(&mut self) {
        self.meet();
        for listing in 0..LISTINGS_MAX {
            self.seize_listed(listing == 0);
            self.meet();
            if self.leads {
                let again = !self.table.reason.is_there() && self.is_one_free();
                self.table.again.store(again, Ordering::SeqCst);
            }
            self.meet();
            if !self.table.again.load(Ordering::SeqCst) {
                return self.take_strays();
            }
        }
        let why = "it starts threads faster than they can be seized".to_owned();
        let (thread, thread_name) = (self.table.pid, proc::name(self.table.pid));
        self.table.reason.give(Refusal::Unstoppable { thread, thread_name, why });
        self.take_strays();
    }

    /// Seizes what no hand has. In a fair division no more than this hand's share: the hand with the most threads
    /// is the one for which the whole process stands.
    fn seize_listed(&mut self, is_fair: bool) {
        let Ok(listed) = proc::threads(self.table.pid) else {
            return self.table.reason.give(Refusal::Gone);
        };
        let share = if is_fair { listed.len().div_ceil(self.table.hand_count) } else { usize::MAX };
        for tid in listed {
            if self.threads.len() >= share {
                return;
            }
            if !lock(&self.table.claimed).insert(tid) || proc::is_kernel_worker(self.table.pid, tid) {
                continue;
            }
            match self.seize_in_time(tid) {
                Ok(Seized::Ours) => self.threads.push(Tracee::new(tid)),
                Ok(Seized::OfHand(hand)) => lock(&self.table.strays).push((hand, tid)),
                Ok(Seized::Gone) => {}
                Err(error) => return self.table.reason.give(refused(tid, &error)),
            }
        }
    }

    fn is_one_free(&self) -> bool {
        let claimed = lock(&self.table.claimed);
        proc::threads(self.table.pid).is_ok_and(|listed| listed.iter().any(|tid| !claimed.contains(tid)))
    }

    fn take_strays(&mut self) {
        let own = sys::thread_id();
        for (hand, tid) in lock(&self.table.strays).iter() {
            if *hand == own && !self.threads.iter().any(|known| known.tid == *tid) {
                self.threads.push(Tracee::new(*tid));
            }
        }
    }

    /// Seizes a thread.
    ///
    /// One that a seized thread has started since belongs to that thread's hand already. One that was ours in the
    /// attempt before may be that attempt's still: the kernel lets it go a moment after the attempt's thread has
    /// been joined.
    fn seize_in_time(&self, tid: i32) -> io::Result<Seized> {
        let begun = Instant::now();
        loop {
            let error = match Tracee::seize(tid) {
                Err(error) if error.raw_os_error() == Some(libc::EPERM) => error,
                Err(error) => return Err(error),
                Ok(true) => return Ok(Seized::Ours),
                Ok(false) => return Ok(Seized::Gone),
            };
            match proc::status(tid).map_or(0, |status| status.tracer) {
                tracer if tracer == sys::thread_id() => return Ok(Seized::Ours),
                tracer if lock(&self.table.hands).contains(&tracer) => return Ok(Seized::OfHand(tracer)),
                tracer if proc::is_own_thread(tracer) && begun.elapsed() < FORMER_TRACER_MAX => {
                    std::thread::yield_now();
                }
                // Nobody's now: it was let go between the two looks, or has ended.
                0 if begun.elapsed() < FORMER_TRACER_MAX => std::thread::yield_now(),
                _ => return Err(error),
            }
        }
    }
}
