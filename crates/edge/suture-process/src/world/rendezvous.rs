//! Where the hands of a surgeon wait for each other.
//!
//! The barrier of the standard library waits for ever for one that has panicked, while the patient stands. This
//! one goes on without it, and says that it is lost: the kernel has let go what that one held.

use std::sync::{Condvar, Mutex, PoisonError};

/// A barrier whose members may leave.
#[derive(Debug)]
pub(super) struct Rendezvous {
    meeting: Mutex<Meeting>,
    changed: Condvar,
}

#[derive(Debug)]
struct Meeting {
    members: usize,
    waiting: usize,
    round: u64,
    is_one_lost: bool,
}

/// Membership; whoever drops it leaves.
#[derive(Debug)]
pub(super) struct Member<'r>(&'r Rendezvous);

impl Rendezvous {
    /// For `members`, each of which must [`join`](Self::join) once.
    pub(super) fn new(members: usize) -> Self {
        let meeting = Meeting { members, waiting: 0, round: 0, is_one_lost: false };
        Self { meeting: Mutex::new(meeting), changed: Condvar::new() }
    }

    /// Becomes one of the members.
    pub(super) fn join(&self) -> Member<'_> {
        Member(self)
    }

    /// One of the members will never come.
    pub(super) fn miss_one(&self) {
        self.leave(true);
    }

    fn leave(&self, is_lost: bool) {
        let mut meeting = self.meeting.lock().unwrap_or_else(PoisonError::into_inner);
        meeting.members -= 1;
        meeting.is_one_lost |= is_lost;
        if meeting.waiting > 0 && meeting.waiting >= meeting.members {
            meeting.next_round();
            self.changed.notify_all();
        }
    }
}

impl Member<'_> {
    /// Waits for all others. Whether none has been lost so far.
    pub(super) fn meet(&self) -> bool {
        let mut meeting = self.0.meeting.lock().unwrap_or_else(PoisonError::into_inner);
        meeting.waiting += 1;
        if meeting.waiting >= meeting.members {
            meeting.next_round();
            self.0.changed.notify_all();
        } else {
            let round = meeting.round;
            let met = self.0.changed.wait_while(meeting, |meeting| meeting.round == round);
            meeting = met.unwrap_or_else(PoisonError::into_inner);
        }
        !meeting.is_one_lost
    }
}

impl Meeting {
    fn next_round(&mut self) {
        self.waiting = 0;
        self.round += 1;
    }
}

impl Drop for Member<'_> {
    fn drop(&mut self) {
        self.0.leave(std::thread::panicking());
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[test]
    fn nobody_goes_on_before_the_last_has_come() {
        const MEMBERS: usize = 4;
        let (rendezvous, come) = (Rendezvous::new(MEMBERS), AtomicUsize::new(0));
        std::thread::scope(|scope| {
            for _ in 0..MEMBERS {
                scope.spawn(|| {
                    let member = rendezvous.join();
                    for round in 1..=200 {
                        come.fetch_add(1, Ordering::SeqCst);
                        assert!(member.meet());
                        assert!(come.load(Ordering::SeqCst) >= round * MEMBERS);
                        assert!(member.meet());
                    }
                });
            }
        });
    }

    #[test]
    fn one_that_panics_is_not_waited_for_and_missed() {
        let rendezvous = Rendezvous::new(3);
        std::thread::scope(|scope| {
            let lost = scope.spawn(|| {
                let _member = rendezvous.join();
                std::panic::resume_unwind(Box::new(()));
            });
            let others: Vec<_> = (0..2).map(|_| scope.spawn(|| rendezvous.join().meet())).collect();
            assert!(lost.join().is_err());
            let met: Vec<bool> = others.into_iter().map(|other| other.join().unwrap()).collect();
            assert_eq!(met, [false, false]);
        });
    }
}
