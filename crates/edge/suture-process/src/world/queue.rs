//! In which order threads that ran go back to the queues of the processors.
//!
//! In a program with more runnable threads than processors each waits for its turn, and a stop that shuffles the queue makes
//! some of them wait for two: a pause of a whole round, however short the stop was. The kernel keeps for each thread that
//! leaves the queue how far it stood from the queue's average, and puts it back so far from the average of those that are there
//! then (EEVDF: `update_entity_lag` and `place_entity` in kernel/sched/fair.c). So what leaves in some order stands where it
//! stood exactly if it comes back in the opposite order, and the first to come back, that finds no average, is the one that was
//! alone when it left. Threads leave the queue as they stop, each in its turn; when that was is in `/proc/PID/task/TID/sched`.
//!
//! Where the kernel does not say it the order is any; the stop is the same, the round is longer for some.

use std::cmp::Reverse;

use crate::proc;
use crate::tracee::Tracee;

/// So many threads have no order that is worth a reading.
const QUEUE_LEN_MIN: usize = 8;

/// What the order depends on.
pub(super) struct Queue {
    pid: i32,
    /// Whether the threads have been standing in a queue, most of them.
    is_one: bool,
}

impl Queue {
    /// Of `all` threads of the process `pid`, of which `ran` ran when they were stopped. To find out when each was stopped
    /// costs as much as to stop it: among many that slept nothing is gained by it.
    pub(super) fn new(pid: i32, ran: usize, all: usize) -> Self {
        Self { pid, is_one: ran >= QUEUE_LEN_MIN && ran > all / 2 }
    }

    /// A key by which threads sort into the order in which they have to go back: those that ran come first, the one that was
    /// stopped last at their head.
    pub(super) fn place(&self, thread: &Tracee) -> impl Ord + use<> {
        let ran = thread.stands() && thread.is_running();
        let stopped = if self.is_one && ran { proc::last_turn(self.pid, thread.tid) } else { None };
        (!ran, Reverse(stopped))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;
    use crate::processors::stay_on_one_processor;
    use crate::sys;
    use crate::tracee::Stop;

    /// A thread that stands, `has_run` or in a system call.
    fn standing(tid: i32, has_run: bool) -> Tracee {
        let mut thread = Tracee::new(tid);
        thread.stop = Some(Stop::Event);
        thread.registers.orig_rax = if has_run { u64::MAX } else { 0 };
        thread.registers.rax = -i64::from(libc::EINTR) as u64;
        thread
    }

    #[test]
    fn who_was_stopped_last_goes_back_first_and_who_slept_comes_behind() {
        // The clocks of two processors' queues may differ by more than a turn takes.
        stay_on_one_processor();
        let pid = std::process::id() as i32;
        let (done, ended) = mpsc::channel();
        let mut turns = Vec::new();
        let mut tids = Vec::new();
        for _ in 0..QUEUE_LEN_MIN {
            let (turn, turned) = mpsc::channel::<()>();
            let done = done.clone();
            std::thread::spawn(move || {
                let _ = done.send(sys::thread_id());
                while turned.recv().is_ok() {
                    let _ = done.send(0);
                }
            });
            tids.push(ended.recv().unwrap());
            turns.push(turn);
        }
        let has_turn = |index: usize| {
            turns[index].send(()).unwrap();
            ended.recv().unwrap();
            while proc::blocked_in(pid, tids[index]).is_none() {
                std::thread::yield_now();
            }
        };
        let order = [3, 1, 7, 0, 5, 2, 6, 4];
        order.into_iter().for_each(has_turn);
        if proc::last_turn(pid, tids[0]).is_none() {
            return; // A kernel that does not say it.
        }

        let queue = Queue::new(pid, QUEUE_LEN_MIN, QUEUE_LEN_MIN + 1);
        let mut threads: Vec<_> = tids.iter().map(|tid| standing(*tid, true)).collect();
        threads.insert(0, standing(sys::thread_id(), false));
        threads.sort_by_cached_key(|thread| queue.place(thread));
        let sorted: Vec<_> = threads.iter().map(|thread| thread.tid).collect();

        let expected: Vec<_> = order.iter().rev().map(|index| tids[*index]).collect();
        assert_eq!(sorted, [expected, vec![sys::thread_id()]].concat());
    }

    #[test]
    fn a_few_that_ran_among_many_that_slept_are_no_queue() {
        let is_one = |ran, all| Queue::new(0, ran, all).is_one;
        assert!(is_one(64, 64) && is_one(33, 64));
        assert!(!is_one(32, 64) && !is_one(7, 7));
    }
}
