//! The stacks of stopped threads, by the unwind tables that their code carries in memory.
//!
//! Nothing here guesses: each step from a frame to its caller follows a table entry (or the kernel's fixed
//! layout of a signal frame), and where there is none the stack ends with the reason, for the judge
//! ([`crate::busy`]) to take into account. Tables are read and indexed before the process is stopped; during
//! the stop a frame whose place was met before costs one look into a cache.

mod context;
mod expression;
mod frames;
mod row;
mod search;
mod trampoline;

use std::cell::RefCell;
use std::sync::Arc;

use suture_delta::model::Range;
use thiserror::Error;

use crate::memory::Memory;
use crate::registers::Registers;

use context::Context;
use frames::Scratch;
pub use frames::{FramesError, ModuleFrames};
use row::{Caller, Row};

/// Most frames of one stack; deeper ones end with [`StopReason::TooDeep`].
pub const FRAMES_MAX: usize = 1024;
/// Number of places whose row is kept, a power of two.
const CACHE_LEN: usize = 2048;

/// One frame of a stack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Frame {
    /// Where it executes: the next instruction, or the one it will return to.
    pub pc: u64,
    /// Whether it has made a call, so that `pc` follows the call and may even be outside its function.
    pub is_return: bool,
    /// Whether it is the kernel's frame around a signal handler.
    pub is_signal: bool,
    /// Where `pc` stands in memory; `None` for the innermost frame.
    pub slot: Option<u64>,
    /// Its canonical frame address: the stack pointer before it was called. `None` if no table covers it.
    pub cfa: Option<u64>,
}

/// The frames of a thread, innermost first, and where they end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stack {
    /// At least one.
    pub frames: Vec<Frame>,
    /// Why there are no more.
    pub end: End,
}

/// Why a stack ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// With the thread's first function.
    Complete,
    /// The caller of the last frame can't be found.
    Stopped(StopReason),
}

/// Why the caller of a frame can't be found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum StopReason {
    /// No table covers the place.
    #[error("no unwind table covers {pc:#x}")]
    NoTable {
        /// The place.
        pc: u64,
    },
    /// The table can't be followed there.
    #[error("the unwind table for {pc:#x} can't be followed")]
    BadTable {
        /// The place.
        pc: u64,
    },
    /// Memory that the table points to can't be read.
    #[error("the stack can't be read at {address:#x}")]
    Unreadable {
        /// First address.
        address: u64,
    },
    /// The table says that a frame is its own caller.
    #[error("the frame at {pc:#x} is its own caller")]
    Circular {
        /// Where it executes.
        pc: u64,
    },
    /// There are more frames than [`FRAMES_MAX`].
    #[error("the stack is deeper than {FRAMES_MAX} frames")]
    TooDeep,
}

/// Unwinds the stacks of one process.
///
/// It may be sent to another thread but not shared: the cache is changed without a lock. A clone shares the
/// tables and takes a copy of the cache.
#[derive(Debug, Clone)]
pub struct Unwinder {
    tables: Arc<Tables>,
    memo: RefCell<Memo>,
}

/// The tables of a process, by the addresses of the code they cover.
#[derive(Debug)]
struct Tables {
    modules: Vec<ModuleFrames>,
    /// Code and index of its module, ascending.
    text: Vec<(Range, usize)>,
}

/// What changes while unwinding, but not its results.
#[derive(Debug, Clone)]
struct Memo {
    scratch: Scratch,
    /// By the hash of the place.
    rows: Vec<Option<Kept>>,
}

/// A row that was used before.
#[derive(Debug, Clone, Copy)]
struct Kept {
    place: u64,
    module: usize,
    row: Row,
}

impl Unwinder {
    /// An unwinder for a process with this code.
    pub fn new(frames: Vec<ModuleFrames>) -> Self {
        let code = |(index, module): (usize, &ModuleFrames)| {
            module.text.iter().map(move |range| (*range, index)).collect::<Vec<_>>()
        };
        let mut text: Vec<_> = frames.iter().enumerate().flat_map(code).collect();
        text.sort_unstable();
        let memo = Memo { scratch: Scratch::new_in(), rows: vec![None; CACHE_LEN] };
        Self { tables: Arc::new(Tables { modules: frames, text }), memo: RefCell::new(memo) }
    }

    /// The name of the module that the code at `pc` belongs to.
    pub fn module_of(&self, pc: u64) -> Option<&str> {
        let module = self.tables.module(pc)?;
        self.tables.modules.get(module).map(|module| module.name.as_str())
    }

    /// The stack of a thread with these registers.
    pub fn unwind(&self, registers: &Registers, memory: &dyn Memory) -> Stack {
        let mut memo = self.memo.borrow_mut();
        let mut context = Context::new(registers);
        let mut frame =
            Frame { pc: registers.rip, is_return: false, is_signal: false, slot: None, cfa: None };
        let mut stack = Stack { frames: Vec::with_capacity(64), end: End::Complete };
        loop {
            let step = self.tables.step(&mut frame, &context, &mut memo, memory);
            stack.frames.push(frame);
            let caller = match step {
                Ok(caller) => caller,
                Err(reason) => return Stack { end: End::Stopped(reason), ..stack },
            };
            let pc = caller.context.rip();
            if !caller.exists || pc == 0 {
                return stack;
            }
            if pc == frame.pc && caller.context.rsp() == context.rsp() {
                return Stack { end: End::Stopped(StopReason::Circular { pc }), ..stack };
            }
            if stack.frames.len() == FRAMES_MAX {
                return Stack { end: End::Stopped(StopReason::TooDeep), ..stack };
            }
            frame = Frame { pc, is_return: !frame.is_signal, is_signal: false, slot: caller.slot, cfa: None };
            context = caller.context;
        }
    }
}

impl Tables {
    fn module(&self, pc: u64) -> Option<usize> {
        let behind = self.text.partition_point(|(range, _)| range.start <= pc);
        let (range, module) = self.text.get(behind.checked_sub(1)?)?;
        range.contains(pc).then_some(*module)
    }

    /// Finds the caller of `frame`, and completes what is known of the frame itself.
    ///
    /// A call may be the last instruction of a function that never gets control back, so the place that is
    /// looked up is the one before the return address, which is inside the call.
    fn step(
        &self,
        frame: &mut Frame,
        context: &Context,
        memo: &mut Memo,
        memory: &dyn Memory,
    ) -> Result<Caller, StopReason> {
        let place = frame.pc.wrapping_sub(u64::from(frame.is_return));
        let found = match self.row(place, memo) {
            Ok(None) if frame.is_return => self.trampoline_row(frame.pc, memo),
            found => found,
        };
        let bad = StopReason::BadTable { pc: frame.pc };
        let caller = if let Some((module, row)) = found.map_err(|_| bad)? {
            frame.is_signal = row.is_signal;
            let section = self.modules.get(module).map_or(&[][..], |module| &module.section);
            row.apply(context, section, memory)?
        } else {
            let no_table = StopReason::NoTable { pc: frame.pc };
            let interrupted = trampoline::interrupted(context, memory).ok_or(no_table)?;
            frame.is_signal = true;
            interrupted
        };
        frame.cfa = Some(caller.cfa);
        Ok(caller)
    }

    /// The row of a signal trampoline: a handler returns to its beginning without having been called from
    /// there, so that no table need cover the place before.
    fn trampoline_row(&self, pc: u64, memo: &mut Memo) -> Result<Option<(usize, Row)>, gimli::Error> {
        Ok(self.row(pc, memo)?.filter(|(_, row)| row.is_signal))
    }

    fn row(&self, place: u64, memo: &mut Memo) -> Result<Option<(usize, Row)>, gimli::Error> {
        let hash = place.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (64 - CACHE_LEN.trailing_zeros());
        if let Some(Some(kept)) = memo.rows.get(hash as usize)
            && kept.place == place
        {
            return Ok(Some((kept.module, kept.row)));
        }
        let Some(module) = self.module(place) else { return Ok(None) };
        let Some(frames) = self.modules.get(module) else { return Ok(None) };
        let row = frames.row(place, &mut memo.scratch)?;
        if let (Some(entry), Some(row)) = (memo.rows.get_mut(hash as usize), row) {
            *entry = Some(Kept { place, module, row });
        }
        Ok(row.map(|row| (module, row)))
    }
}

#[cfg(test)]
pub(crate) mod made;
#[cfg(test)]
mod tests;
