//! Whether stopped threads are clear of the code that is about to change.
//!
//! All of this is pause, so that the stacks of all threads are read with one system call: asking for each alone costs three
//! times as much, most of it for finding out again that this process may.

use suture_delta::model::Range;
use suture_surgery::busy::{self, Forbidden, LiveStack, Verdict};
use suture_surgery::outcome::Refusal;
use suture_surgery::unwind::{Stack, Unwinder};

use crate::patient::Patient;
use crate::surroundings::Surroundings;
use crate::sys;
use crate::tracee::Tracee;
use crate::world::{Away, Look};

/// Longest stack that is read together with the others, in bytes; a longer one is read alone.
const TOGETHER_LEN_MAX: u64 = 64 << 10;
/// Room for stacks that is there from the beginning, in bytes: pages that are met first in the stop cost pause.
const ROOM_LEN: usize = 512 << 10;

/// What a thread is in that hinders a switch.
#[derive(Debug)]
pub(crate) struct Obstacle {
    function: String,
    stack: Stack,
    /// Where the thread will be clear, if that is known.
    pub(crate) way_out: Option<u64>,
}

/// Looks at stopped threads, for one hand.
pub(crate) struct Looker<'l> {
    patient: &'l Patient,
    surroundings: &'l Surroundings,
    forbidden: &'l Forbidden,
    unwinder: Unwinder,
    /// Where stacks are read to.
    room: Vec<u8>,
}

impl<'l> Looker<'l> {
    /// To be made before the stop.
    pub(crate) fn new(
        patient: &'l Patient,
        surroundings: &'l Surroundings,
        forbidden: &'l Forbidden,
    ) -> Self {
        // Not zero, so that the pages are there.
        let room = vec![1; ROOM_LEN];
        Self { patient, surroundings, forbidden, unwinder: surroundings.unwinder(), room }
    }

    /// Reads the stacks that begin at `starts`, (stack pointer, address of the thread's own descriptor), and gives for each what
    /// `judge` says of it: of its place in the list, where it lies, and its bytes if they could be read with the others by `read`.
    fn each<T>(
        &mut self,
        starts: &[(u64, u64)],
        read: impl Fn(i32, &[(u64, usize)], &mut [u8]) -> std::io::Result<usize>,
        judge: impl Fn(&Self, usize, Range, Option<&[u8]>) -> T,
    ) -> Vec<T> {
        let range = |(stack_pointer, descriptor): &(u64, u64)| {
            let top = self.surroundings.stack_top(*stack_pointer, *descriptor);
            LiveStack::range(*stack_pointer, top)
        };
        let ranges: Vec<Range> = starts.iter().map(range).collect();
        let len = |range: &Range| match range.end - range.start {
            len if len <= TOGETHER_LEN_MAX => len as usize,
            _ => 0,
        };
        let together: Vec<(u64, usize)> = ranges.iter().map(|range| (range.start, len(range))).collect();
        let mut room = std::mem::take(&mut self.room);
        room.resize(room.len().max(together.iter().map(|(_, len)| len).sum()), 0);
        let read = read(self.patient.pid, &together, &mut room).unwrap_or(0);
        let mut end = 0;
        let mut results = Vec::with_capacity(starts.len());
        for (index, (range, (_, len))) in ranges.into_iter().zip(together).enumerate() {
            let start = end;
            end += len;
            // Where a stack could not be read, that one and all behind it are read alone.
            let known = room.get(start..end).filter(|bytes| !bytes.is_empty() && end <= read);
            results.push(judge(self, index, range, known));
        }
        self.room = room;
        results
    }

    fn look_at(&self, tracee: &Tracee, range: Range, known: Option<&[u8]>) -> Option<Obstacle> {
        let (registers, memory) = (&tracee.registers, &self.patient.memory);
        let live = match known {
            Some(bytes) => LiveStack::known(range, bytes, memory),
            None => LiveStack::read(registers.rsp, (range.start < range.end).then_some(range.end), memory),
        };
        match busy::judge(self.forbidden, registers, &live, &self.unwinder) {
            Verdict::Clear => None,
            Verdict::Busy { function, stack, way_out } => Some(Obstacle { function, stack, way_out }),
            Verdict::Undecided { reason, stack } => {
                let function = format!("a place that can't be told ({reason})");
                Some(Obstacle { function, stack, way_out: None })
            }
        }
    }
}

impl Look for Looker<'_> {
    fn look(&mut self, tracees: &[&Tracee]) -> Vec<Option<Obstacle>> {
        let start = |tracee: &&Tracee| (tracee.registers.rsp, tracee.registers.fs_base);
        let starts: Vec<_> = tracees.iter().map(start).collect();
        self.each(&starts, sys::read_spans, |looker, index, range, known| {
            looker.look_at(tracees.get(index)?, range, known)
        })
    }

    fn are_clear(&mut self, away: &[Away]) -> Vec<bool> {
        let start = |away: &Away| (away.place.stack_pointer, away.descriptor);
        let starts: Vec<_> = away.iter().map(start).collect();
        self.each(&starts, sys::peek_spans, |looker, index, range, known| {
            let memory = &looker.patient.memory;
            let is_clear = |bytes| {
                let live = LiveStack::known(range, bytes, memory);
                busy::is_clear(looker.forbidden, away.get(index)?.place.pc, &live).then_some(())
            };
            known.and_then(is_clear).is_some()
        })
    }

    fn refusal(&self, tracee: &Tracee, obstacle: Obstacle) -> Refusal {
        Refusal::Busy {
            thread: tracee.tid,
            thread_name: crate::proc::name(tracee.tid),
            function: obstacle.function,
            stack: self.surroundings.stack_text(self.patient, &obstacle.stack),
        }
    }
}
