//! Threads that have no processor, and where they stand in their program.

use std::collections::BTreeMap;
use std::io;
use std::time::Duration;

use super::Look;
use crate::proc::{self, Place};
use crate::processors::Processors;
use crate::sys::{self, Switches};

/// A thread that has no processor, as far as its stack has to be judged.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Away {
    pub(crate) place: Place,
    /// An address in the descriptor of the thread, above its stack.
    pub(crate) descriptor: u64,
}

/// The threads of a process, and where each stood when it last left a processor.
pub(super) struct Watch {
    pid: i32,
    switches: Switches,
    threads: BTreeMap<i32, Thread>,
}

struct Thread {
    /// It does not change.
    descriptor: u64,
    /// When it last left a processor, since it is watched.
    left_ns: u64,
    /// Where it stands, unless it has a processor.
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// It has had a processor all the time, or nothing can be said of it.
    Unknown,
    /// Here; not judged yet.
    At(Place),
    /// Clear of forbidden code.
    Clear,
    /// Perhaps in forbidden code.
    InDoubt,
}

/// What is known of all threads together.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Seen {
    /// How many there are.
    pub(super) there: usize,
    /// How many have left a processor since the look before.
    pub(super) moved: usize,
    /// How many are not known to be clear of forbidden code.
    pub(super) unclear: usize,
}

/// How many threads tell whether most sleep.
const SAMPLE: usize = 16;

/// Whether most of some threads of a process sleep now: where they run there is nothing to be gained.
fn do_most_sleep(pid: i32, tids: &[i32]) -> bool {
    let sample: Vec<&i32> = tids.iter().step_by(tids.len().div_ceil(SAMPLE).max(1)).collect();
    let asleep = sample.iter().filter(|tid| Place::of(pid, ***tid).is_some()).count();
    asleep > sample.len() / 2
}

/// How many threads are asked where they stand before the records of the others are read, which have room for thousands.
const SOME: usize = 32;

impl Watch {
    /// Begins to watch the threads `tids` of `pid`, and asks each where it stands: what leaves a processor from now on is recorded,
    /// what has none and gets none stays where it is. `None` if most of them run, or somebody traces one.
    ///
    /// # Errors
    /// The kernel does not tell enough, or does not allow it.
    pub(super) fn begin(pid: i32, tids: &[i32], processors: &Processors) -> io::Result<Option<Self>> {
        if !do_most_sleep(pid, tids) {
            return Ok(None);
        }
        let switches = Switches::watch(&processors.numbers)?;
        let unknown = |tid: &i32| {
            let descriptor = sys::descriptor(*tid).unwrap_or_default();
            (*tid, Thread { descriptor, left_ns: 0, state: State::Unknown })
        };
        let mut watch = Self { pid, switches, threads: tids.iter().map(unknown).collect() };
        for tids in tids.chunks(SOME) {
            for tid in tids {
                if proc::is_traced(pid, *tid) {
                    return Ok(None);
                }
                watch.ask(*tid);
            }
            watch.catch_up()?;
        }
        Ok(Some(watch))
    }

    /// Asks a thread where it stands; one that sleeps can say it. That counts until it next leaves a processor, and if it has
    /// done so before it was asked the record, read later, says the same.
    fn ask(&mut self, tid: i32) {
        if let (Some(place), Some(thread)) = (Place::of(self.pid, tid), self.threads.get_mut(&tid)) {
            thread.state = State::At(place);
        }
    }

    /// Learns where those stand that have left a processor since the last time.
    fn catch_up(&mut self) -> io::Result<()> {
        let threads = &mut self.threads;
        self.switches.drain(|left| {
            let Some(thread) = threads.get_mut(&left.tid).filter(|thread| thread.left_ns < left.at_ns) else {
                return;
            };
            thread.left_ns = left.at_ns;
            let place = left.place.map(|(pc, stack_pointer)| Place { pc, stack_pointer });
            thread.state = place.map_or(State::Unknown, State::At);
        })
    }

    /// Learns what has changed, and judges it.
    ///
    /// # Errors
    /// Something may have been missed.
    pub(super) fn look(&mut self, look: &mut dyn Look) -> io::Result<Seen> {
        self.catch_up()?;
        self.forget_ended();
        let mut moved: Vec<(&mut Thread, Away)> = Vec::new();
        let mut seen = Seen { there: self.threads.len(), ..Seen::default() };
        for (tid, thread) in &mut self.threads {
            match thread.state {
                State::Clear => {}
                State::At(place) if sys::is_ordinary(*tid) => {
                    let away = Away { place, descriptor: thread.descriptor };
                    moved.push((thread, away));
                }
                // One of real-time priority would run whoever holds its processor.
                State::At(_) | State::Unknown | State::InDoubt => seen.unclear += 1,
            }
        }
        seen.moved = moved.len();
        let aways: Vec<Away> = moved.iter().map(|(_, away)| *away).collect();
        for ((thread, _), is_clear) in moved.into_iter().zip(look.are_clear(&aways)) {
            thread.state = if is_clear { State::Clear } else { State::InDoubt };
            seen.unclear += usize::from(!is_clear);
        }
        Ok(seen)
    }

    /// Forgets those that have ended. A thread ends while it has a processor: one that has been seen since it last left one is there as
    /// long as no further record of it has come.
    fn forget_ended(&mut self) {
        let pid = self.pid;
        self.threads.retain(|tid, thread| thread.state == State::Clear || sys::has_thread(pid, *tid));
    }

    /// How much all of them have run: as long as it does not grow, none runs.
    pub(super) fn run_time(&self) -> io::Result<Duration> {
        sys::run_time(self.pid)
    }

    /// Whether these are all threads that there are: if so many are there as are known, and all that are known are there, nobody
    /// else is.
    pub(super) fn is_complete(&self) -> bool {
        proc::thread_count(self.pid) == Some(self.threads.len() as u64)
    }
}
