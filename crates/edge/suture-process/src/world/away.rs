//! Threads that have no processor, and where they stand in their program.

use std::collections::BTreeMap;
use std::io;
use std::time::Duration;

use super::Look;
use crate::proc::{self, Place};
use crate::processors::Processors;
use crate::sys::{self, Event, Left, Switches};

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
    /// Whether one of them has had a child that is a process of its own, perhaps in the same memory (`vfork`).
    has_child: bool,
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
    /// About to end, or has ended.
    Ending,
}

impl Thread {
    fn unknown(tid: i32) -> Self {
        Self { descriptor: sys::descriptor(tid).unwrap_or_default(), left_ns: 0, state: State::Unknown }
    }

    /// It has left a processor. Records of two processors may come in the wrong order.
    fn leave(&mut self, left: &Left) {
        if self.state != State::Ending && self.left_ns < left.at_ns {
            self.left_ns = left.at_ns;
            let place = left.place.map(|(pc, stack_pointer)| Place { pc, stack_pointer });
            self.state = place.map_or(State::Unknown, State::At);
        }
    }
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
        let threads = tids.iter().map(|tid| (*tid, Thread::unknown(*tid))).collect();
        let mut watch = Self { pid, switches, threads, has_child: false };
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

    /// Learns who has been born, who ends, and where those stand that have left a processor since the last time.
    fn catch_up(&mut self) -> io::Result<()> {
        let (own, threads, has_child) = (self.pid, &mut self.threads, &mut self.has_child);
        let mut born = Vec::new();
        self.switches.drain(|event| match event {
            Event::Left(left) => {
                if let Some(thread) = threads.get_mut(&left.tid) {
                    thread.leave(&left);
                }
            }
            // Another may have the number of one that has ended.
            Event::Born { pid, tid, .. } if pid == own => born.push(tid),
            Event::Born { parent, .. } => *has_child |= parent == own,
            Event::Ending { tid } => {
                if let Some(thread) = threads.get_mut(&tid) {
                    thread.state = State::Ending;
                }
            }
        })?;
        for tid in born {
            self.threads.insert(tid, Thread::unknown(tid));
            // It may have left a processor whose records were read before those of its birth.
            self.ask(tid);
        }
        Ok(())
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
                State::At(_) | State::Unknown | State::InDoubt | State::Ending => seen.unclear += 1,
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

    /// Whether one of them has had a child that may run in their memory and is none of them.
    pub(super) fn has_child(&self) -> bool {
        self.has_child
    }

    /// Forgets those that have ended, of which the kernel tells before.
    fn forget_ended(&mut self) {
        let pid = self.pid;
        self.threads.retain(|tid, thread| match thread.state {
            State::Ending | State::Unknown => sys::has_thread(pid, *tid),
            State::At(_) | State::Clear | State::InDoubt => true,
        });
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

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Receiver, Sender, channel};

    use suture_surgery::outcome::Refusal;

    use super::*;
    use crate::world::{Obstacle, Tracee};

    /// Everybody is clear; how many were looked at.
    struct Count(usize);

    impl Look for Count {
        fn look(&mut self, tracees: &[&Tracee]) -> Vec<Option<Obstacle>> {
            tracees.iter().map(|_| None).collect()
        }

        fn are_clear(&mut self, away: &[Away]) -> Vec<bool> {
            self.0 += away.len();
            vec![true; away.len()]
        }

        fn refusal(&self, _: &Tracee, _: Obstacle) -> Refusal {
            Refusal::NotApplied
        }
    }

    /// A thread that sleeps until it is told to end.
    struct Sleeper {
        tid: i32,
        end: Sender<()>,
        thread: std::thread::JoinHandle<()>,
    }

    impl Sleeper {
        fn start() -> Self {
            let (end, ended): (Sender<()>, Receiver<()>) = channel();
            let (gone, come) = channel();
            let thread = std::thread::spawn(move || {
                gone.send(sys::thread_id()).unwrap();
                let _ = ended.recv();
            });
            let tid = come.recv().unwrap();
            while proc::blocked_in(std::process::id() as i32, tid).is_none() {
                std::thread::yield_now();
            }
            Self { tid, end, thread }
        }

        fn end(self) {
            self.end.send(()).unwrap();
            self.thread.join().unwrap();
            // It is joined before the kernel has done with it.
            while sys::has_thread(std::process::id() as i32, self.tid) {
                std::thread::yield_now();
            }
        }
    }

    /// Whether this is a process in which only this test runs. If not, one is started and must succeed: what is watched is all
    /// threads of a process, and those of other tests come and go.
    fn is_alone(test: &str) -> bool {
        const ALONE: &str = "SUTURE_TEST_ALONE";
        if std::env::var_os(ALONE).is_some() {
            return true;
        }
        let mut command = std::process::Command::new(std::env::current_exe().unwrap());
        let ran = command.args([test, "--exact", "--test-threads=1"]).env(ALONE, "1").output().unwrap();
        let told = String::from_utf8_lossy(&ran.stdout);
        assert!(ran.status.success() && told.contains("1 passed"), "{told}");
        false
    }

    /// One that ends as soon as it has woken leaves no record with its number, and one that is born then makes their number right
    /// again.
    #[test]
    fn who_is_born_when_another_ends_is_not_overlooked() {
        if !is_alone("world::away::tests::who_is_born_when_another_ends_is_not_overlooked") {
            return;
        }
        let pid = std::process::id() as i32;
        let mut sleepers: Vec<Sleeper> = (0..12).map(|_| Sleeper::start()).collect();
        let tids: Vec<i32> = sleepers.iter().map(|sleeper| sleeper.tid).collect();
        let Ok(Some(mut watch)) = Watch::begin(pid, &tids, &Processors::online().unwrap()) else {
            return; // No permission.
        };
        let mut count = Count(0);
        let seen = watch.look(&mut count).unwrap();
        assert_eq!((seen.there, seen.unclear, count.0), (12, 0, 12));
        for round in 1..=20 {
            sleepers.remove(0).end();
            let newcomer = Sleeper::start();
            let seen = watch.look(&mut count).unwrap();
            assert_eq!((seen.there, seen.unclear, count.0), (12, 0, 12 + round), "round {round}");
            assert!(watch.threads.contains_key(&newcomer.tid));
            sleepers.push(newcomer);
        }
        assert!(!watch.has_child());
        std::process::Command::new("/bin/true").status().unwrap();
        watch.look(&mut count).unwrap();
        assert!(watch.has_child(), "a child may run in its parent's memory");
        sleepers.into_iter().for_each(Sleeper::end);
    }
}
