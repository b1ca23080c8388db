//! Every time that a thread leaves a processor, with the place in its program where it did.
//!
//! For each processor the kernel counts context switches and writes for each what it is asked for into memory that is shared with
//! us (`perf_event_open(2)`, `PERF_COUNT_SW_CONTEXT_SWITCHES`): the thread that leaves, when, and the stack and instruction
//! pointer of its program. To read that takes no system call. What had no processor from the beginning to the end appears not at
//! all; what has none now stands where its last record says.

use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::ptr::{self, NonNull};
use std::sync::atomic::{AtomicU64, Ordering};

use super::events::{Attributes, Subject};

/// What the kernel tells of threads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Event {
    /// One has left a processor.
    Left(Left),
    /// One has been born, in the process `pid`, by one of the process `parent`.
    Born { pid: i32, tid: i32, parent: i32 },
    /// One is about to end. It may leave processors until then, but comes back to no program, and the last time has no number any more.
    Ending { tid: i32 },
}

/// A thread has left a processor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Left {
    pub(crate) tid: i32,
    /// When, on a clock that all processors share, nanoseconds.
    pub(crate) at_ns: u64,
    /// Where it goes on in its program, and its stack pointer; `None` of one that has no program.
    pub(crate) place: Option<(u64, u64)>,
}

/// Watches some processors while it lives.
pub(crate) struct Switches {
    rings: Vec<Ring>,
}

const CONTEXT_SWITCHES: u64 = 3;
const SAMPLE_TID: u64 = 1 << 1;
const SAMPLE_TIME: u64 = 1 << 2;
const SAMPLE_REGISTERS: u64 = 1 << 12;
/// Births and ends of threads are told of, too.
const TASKS: u64 = 1 << 13;
const USE_CLOCK: u64 = 1 << 25;
/// From `arch/x86/include/uapi/asm/perf_regs.h`.
const STACK_POINTER: u64 = 1 << 7;
const INSTRUCTION_POINTER: u64 = 1 << 8;
const REGISTERS_64_BIT: u64 = 2;

const RECORD_EXIT: u32 = 4;
const RECORD_FORK: u32 = 7;
const RECORD_SAMPLE: u32 = 9;
/// Length of what all records begin with: kind, flags and length.
const HEADER_LEN: usize = 8;
/// Longer ones are not written here.
const RECORD_LEN_MAX: usize = 128;
/// Places in the first page of the shared memory (`struct perf_event_mmap_page`).
const HEAD_OFFSET: usize = 1024;
const TAIL_OFFSET: usize = 1032;
const PAGE_LEN: usize = 4096;
/// For each processor; thousands of records.
const DATA_LEN: usize = 64 * PAGE_LEN;

impl Switches {
    /// Begins to watch. An error without the permission (`CAP_PERFMON`, or a low `kernel.perf_event_paranoid`).
    pub(crate) fn watch(processors: &[usize]) -> io::Result<Self> {
        let rings = processors.iter().map(|processor| Ring::new(*processor)).collect::<io::Result<_>>()?;
        Ok(Self { rings })
    }

    /// Tells of all that has happened since the last call. What happened on one processor comes in its order.
    ///
    /// # Errors
    /// Some have not been written, for want of room.
    pub(crate) fn drain(&mut self, mut see: impl FnMut(Event)) -> io::Result<()> {
        self.rings.iter_mut().try_for_each(|ring| ring.drain(&mut see))
    }
}

/// The records of one processor.
struct Ring {
    /// The event's; the memory is its, too.
    _event: OwnedFd,
    memory: NonNull<u8>,
}

impl Ring {
    fn new(processor: usize) -> io::Result<Self> {
        let attributes = Attributes {
            sample_period: 1,
            sample_type: SAMPLE_TID | SAMPLE_TIME | SAMPLE_REGISTERS,
            flags: USE_CLOCK | TASKS,
            sample_registers: STACK_POINTER | INSTRUCTION_POINTER,
            clock: libc::CLOCK_MONOTONIC,
            ..Attributes::software(CONTEXT_SWITCHES)
        };
        let event = attributes.open(Subject::Processor(processor))?;
        // SAFETY: a new mapping wherever there is room.
        let memory = unsafe {
            libc::mmap(
                ptr::null_mut(),
                PAGE_LEN + DATA_LEN,
                libc::PROT_READ | libc::PROT_WRITE,
                libc::MAP_SHARED,
                event.as_raw_fd(),
                0,
            )
        };
        if memory == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        let memory = NonNull::new(memory.cast()).ok_or_else(io::Error::last_os_error)?;
        Ok(Self { _event: event, memory })
    }

    /// One of the two positions that we share with the kernel; they only grow.
    fn position(&self, offset: usize) -> &AtomicU64 {
        // SAFETY: within the first page of the mapping, aligned, and only ever used atomically by both sides.
        unsafe { AtomicU64::from_ptr(self.memory.as_ptr().add(offset).cast()) }
    }

    fn drain(&mut self, see: &mut impl FnMut(Event)) -> io::Result<()> {
        // What lies before the head has been written.
        let head = self.position(HEAD_OFFSET).load(Ordering::Acquire);
        let mut at = self.position(TAIL_OFFSET).load(Ordering::Relaxed);
        let mut result = Ok(());
        // What found no room is told of by a record of its own, but not before the next has found some.
        if head - at > (DATA_LEN - RECORD_LEN_MAX) as u64 {
            result = Err(io::Error::other("there was no room for records of context switches"));
        }
        let mut record = [0_u8; RECORD_LEN_MAX];
        while at < head && result.is_ok() {
            self.copy(at, &mut record[..HEADER_LEN]);
            let len = usize::from(u16::from_le_bytes([record[6], record[7]]));
            if !(HEADER_LEN..=RECORD_LEN_MAX).contains(&len) {
                result = Err(io::Error::from(io::ErrorKind::InvalidData));
                break;
            }
            self.copy(at, &mut record[..len]);
            at += len as u64;
            match parse(&record[..len]) {
                Some(event) => see(event),
                None => result = Err(io::Error::other("records of context switches are missing")),
            }
        }
        let end = if result.is_ok() { at } else { head };
        // The kernel may write there again.
        self.position(TAIL_OFFSET).store(end, Ordering::Release);
        result
    }

    fn copy(&self, at: u64, into: &mut [u8]) {
        for (offset, byte) in (at as usize..).zip(into) {
            // SAFETY: within the data of the mapping, whose length is a power of two; the kernel writes nothing between tail and head.
            *byte = unsafe { self.memory.as_ptr().add(PAGE_LEN + offset % DATA_LEN).read() };
        }
    }
}

impl Drop for Ring {
    fn drop(&mut self) {
        // SAFETY: the mapping is ours, and nothing refers to it any more.
        unsafe { libc::munmap(self.memory.as_ptr().cast(), PAGE_LEN + DATA_LEN) };
    }
}

// SAFETY: the mapping belongs to the value, whichever thread has it.
unsafe impl Send for Ring {}

/// What a record says; `None` if it says that others are missing.
fn parse(record: &[u8]) -> Option<Event> {
    let kind = u32::from_le_bytes(record.get(..4)?.try_into().ok()?);
    let number = |at: usize| Some(u64::from_le_bytes(record.get(at..at + 8)?.try_into().ok()?));
    let id = |at: usize| Some(i32::from_le_bytes(record.get(at..at + 4)?.try_into().ok()?));
    match kind {
        // Process, its parent, thread, its parent, time.
        RECORD_FORK => return Some(Event::Born { pid: id(8)?, parent: id(12)?, tid: id(16)? }),
        RECORD_EXIT => return Some(Event::Ending { tid: id(16)? }),
        RECORD_SAMPLE => {}
        _ => return None,
    }
    // Process and thread, time, kind of registers, registers in the order of their bits.
    let (ids, at_ns, registers) = (number(8)?, number(16)?, number(24)?);
    let place = match registers {
        REGISTERS_64_BIT => Some((number(40)?, number(32)?)),
        _ => None,
    };
    Some(Event::Left(Left { tid: (ids >> 32) as i32, at_ns, place }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::processors::Processors;
    use crate::sys;

    #[test]
    fn a_thread_that_sleeps_has_left_where_it_sleeps() {
        let processors = Processors::online().unwrap();
        let Ok(mut switches) = Switches::watch(&processors.numbers) else {
            return; // No permission.
        };
        let (gone, come) = std::sync::mpsc::channel();
        let (end, ended) = std::sync::mpsc::channel::<()>();
        let sleeper = std::thread::spawn(move || {
            let here = 0_u8;
            gone.send((sys::thread_id(), (&raw const here).addr() as u64)).unwrap();
            let _ = ended.recv();
        });
        let (tid, stack) = come.recv().unwrap();
        while crate::proc::blocked_in(std::process::id() as i32, tid).is_none() {
            std::thread::yield_now();
        }
        let mut last = None;
        let mut see = |event| match event {
            Event::Left(left) if left.tid == tid => last = Some(left),
            _ => {}
        };
        switches.drain(&mut see).unwrap();
        let (pc, stack_pointer) = last.unwrap().place.unwrap();
        assert!(
            stack_pointer < stack && stack - stack_pointer < 4096,
            "{stack_pointer:#x} is not below {stack:#x}"
        );
        let place = crate::proc::Place::of(std::process::id() as i32, tid).unwrap();
        assert_eq!((pc, stack_pointer), (place.pc, place.stack_pointer));
        drop(end);
        sleeper.join().unwrap();
    }

    #[test]
    fn what_does_not_fit_is_missed() {
        let lost = [2_u32.to_le_bytes().as_slice(), &[0, 0, 40, 0], &[0; 32]].concat();
        assert_eq!(parse(&lost), None);
        let sample = |abi: u64| {
            let ids = (7_u64 << 32) | 5;
            let numbers = [ids, 11, abi, 0x7000, 0x1000].map(u64::to_le_bytes).concat();
            [9_u32.to_le_bytes().as_slice(), &[0, 0, 48, 0], &numbers].concat()
        };
        assert_eq!(
            parse(&sample(2)),
            Some(Event::Left(Left { tid: 7, at_ns: 11, place: Some((0x1000, 0x7000)) }))
        );
        assert_eq!(parse(&sample(0)), Some(Event::Left(Left { tid: 7, at_ns: 11, place: None })));
        assert_eq!(parse(&sample(2)[..20]), None);
    }

    #[test]
    fn births_and_ends_are_told_of() {
        let task = |kind: u32| {
            let numbers = [5_u32, 4, 7, 4].map(u32::to_le_bytes).concat();
            [kind.to_le_bytes().as_slice(), &[0, 0, 32, 0], &numbers, &[0; 8]].concat()
        };
        assert_eq!(parse(&task(7)), Some(Event::Born { pid: 5, tid: 7, parent: 4 }));
        assert_eq!(parse(&task(4)), Some(Event::Ending { tid: 7 }));
    }
}
