//! Performance events of the kernel (`perf_event_open(2)`): each is a file of the surgeon's and is gone with it.

use std::io;
use std::os::fd::{FromRawFd, OwnedFd};

use super::{call, check};

/// `struct perf_event_attr` as of `PERF_ATTR_SIZE_VER3` (`include/uapi/linux/perf_event.h`).
#[repr(C)]
pub(super) struct Attributes {
    pub(super) kind: u32,
    pub(super) size: u32,
    pub(super) config: u64,
    pub(super) sample_period: u64,
    pub(super) sample_type: u64,
    pub(super) read_format: u64,
    pub(super) flags: u64,
    pub(super) wakeup_events: u32,
    pub(super) breakpoint_kind: u32,
    /// `config1` of other events.
    pub(super) breakpoint_address: u64,
    /// `config2` of other events.
    pub(super) breakpoint_len: u64,
    pub(super) branch_sample_type: u64,
    pub(super) sample_registers: u64,
    pub(super) sample_stack_len: u32,
    pub(super) clock: i32,
}

const TYPE_SOFTWARE: u32 = 1;
const CLOSE_ON_EXEC: libc::c_ulong = 1 << 3;

/// Of whom an event is told.
#[derive(Debug, Clone, Copy)]
pub(super) enum Subject {
    /// A thread on every processor; 0 is the calling one.
    Thread(i32),
    /// A processor, whoever has it.
    Processor(usize),
}

impl Attributes {
    /// An event that the kernel counts by itself (`PERF_TYPE_SOFTWARE`, `enum perf_sw_ids`).
    pub(super) fn software(config: u64) -> Self {
        Self {
            kind: TYPE_SOFTWARE,
            size: size_of::<Self>() as u32,
            config,
            sample_period: 0,
            sample_type: 0,
            read_format: 0,
            flags: 0,
            wakeup_events: 0,
            breakpoint_kind: 0,
            breakpoint_address: 0,
            breakpoint_len: 0,
            branch_sample_type: 0,
            sample_registers: 0,
            sample_stack_len: 0,
            clock: 0,
        }
    }

    /// Opens the event. An error without the permission (`CAP_PERFMON`, or a low `kernel.perf_event_paranoid`).
    pub(super) fn open(&self, subject: Subject) -> io::Result<OwnedFd> {
        const NONE: i32 = -1;
        let (thread, processor) = match subject {
            Subject::Thread(tid) => (tid, NONE),
            Subject::Processor(processor) => (NONE, processor as i32),
        };
        let event = call(|| {
            // SAFETY: the kernel reads the structure, whose size it contains and which outlives the call.
            check(unsafe {
                let number = libc::SYS_perf_event_open;
                libc::syscall(number, &raw const *self, thread, processor, NONE, CLOSE_ON_EXEC)
            })
        })?;
        // SAFETY: the kernel has just given us this descriptor; nobody else knows it.
        Ok(unsafe { OwnedFd::from_raw_fd(event as i32) })
    }
}
