//! Whether a stopped thread stands in code that must not be switched under it, or will return into it.
//!
//! A return address is an aligned word between the stack pointer and the end of the stack. So if no such
//! word lies in a forbidden range, the thread is clear, and nothing has to be unwound: true for almost every
//! thread, even in code that no unwind table covers. A word that does may be stale, left by a call that is
//! long over; then the unwinder decides. Where it can't follow the stack to its end, words beyond count as
//! what they could be. Doubt is never taken for clear.

use std::borrow::Cow;

use suture_delta::model::Range;

use crate::memory::Memory;
use crate::registers::Registers;
use crate::unwind::{End, Frame, Stack, StopReason, Unwinder};

/// Longest part of a stack that is read in one piece, in bytes; a longer stack is unwound first.
pub const PIECE_LEN_MAX: u64 = 1 << 20;
/// Longest part of a stack that is searched for words in forbidden ranges, in bytes.
pub const SEARCH_LEN_MAX: u64 = 16 << 20;
/// Length of the area below the stack pointer that belongs to the running function (the red zone of the
/// System V ABI), in bytes.
const RED_ZONE_LEN: u64 = 128;
const WORD_LEN: u64 = 8;

/// Code that no thread may be in, prepared for the stop.
#[derive(Debug, Clone)]
pub struct Forbidden {
    /// Ascending and not overlapping, with the index of the name.
    ranges: Vec<(Range, usize)>,
    names: Vec<String>,
    /// Ascending.
    entries: Vec<u64>,
    /// From the first address to one past the last.
    span: Range,
    /// Code that no thread may stand in, though one may return into it, with its name.
    passage: Option<(Range, String)>,
}

/// Whether a thread hinders a switch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It does not.
    Clear,
    /// It is in a forbidden function, or will return into it.
    Busy {
        /// The function.
        function: String,
        /// The thread's stack.
        stack: Stack,
        /// Where the thread will be clear: the place to which the outermost such function returns. `None` if the stack
        /// could not be followed that far.
        way_out: Option<u64>,
    },
    /// Its stack can't be followed, and where it ends is unknown; to be treated like a busy one.
    Undecided {
        /// Why it can't be followed.
        reason: StopReason,
        /// The stack as far as it could be.
        stack: Stack,
    },
}

impl Forbidden {
    /// Prepares ranges with the names of their functions. At an address of `entries` a thread may stand:
    /// it has executed nothing of the function yet.
    pub fn new(ranges: &[(Range, String)], entries: &[u64]) -> Self {
        let names = ranges.iter().map(|(_, name)| name.clone()).collect();
        let mut sorted: Vec<_> = ranges.iter().enumerate().map(|(name, (range, _))| (*range, name)).collect();
        sorted.sort_unstable();
        let mut ranges: Vec<(Range, usize)> = Vec::with_capacity(sorted.len());
        for (mut range, name) in sorted {
            // Folded functions share code; the first name stands for it.
            range.start = ranges.last().map_or(range.start, |(last, _)| range.start.max(last.end));
            if range.start < range.end {
                ranges.push((range, name));
            }
        }
        let span = Range {
            start: ranges.first().map_or(0, |(range, _)| range.start),
            end: ranges.last().map_or(0, |(range, _)| range.end),
        };
        let mut entries = entries.to_vec();
        entries.sort_unstable();
        Self { ranges, names, entries, span, passage: None }
    }

    /// Forbids, under this name, to stand in a range through which threads go whose stacks don't tell where to. To return into it
    /// is allowed: what a stack that can be followed leads to there is other code, which stood there before.
    #[must_use]
    pub fn with_passage(self, passage: Option<(Range, String)>) -> Self {
        Self { passage, ..self }
    }

    fn function_at(&self, address: u64) -> Option<&str> {
        let behind = self.ranges.partition_point(|(range, _)| range.start <= address);
        let (range, name) = self.ranges.get(behind.checked_sub(1)?)?;
        let name = self.names.get(*name)?;
        range.contains(address).then_some(name)
    }

    fn is_entry(&self, address: u64) -> bool {
        self.entries.binary_search(&address).is_ok()
    }

    /// The forbidden function that executes at `pc`.
    fn function_executing(&self, pc: u64) -> Option<&str> {
        self.function_at(pc).filter(|_| !self.is_entry(pc))
    }

    /// The forbidden function, or passage, that a thread with this program counter stands in.
    fn standing_in(&self, pc: u64) -> Option<&str> {
        let passage = self.passage.iter().find(|(range, _)| range.contains(pc));
        self.function_executing(pc).or_else(|| passage.map(|(_, name)| name.as_str()))
    }

    /// The forbidden function that a frame is in. A return address may be one past the end of the function
    /// that made the call.
    fn function_of(&self, frame: &Frame) -> Option<&str> {
        let caller = self.function_at(frame.pc.wrapping_sub(1)).filter(|_| frame.is_return);
        caller.or_else(|| self.function_executing(frame.pc))
    }

    /// The forbidden function that a word could lead to, as a return address or an interrupted place.
    fn function_meant_by(&self, word: u64) -> Option<&str> {
        if word < self.span.start || word > self.span.end {
            return None;
        }
        self.function_at(word).or_else(|| self.function_at(word.wrapping_sub(1)))
    }
}

/// Judges a stopped thread with these registers and this stack.
///
/// `forbidden` should have whatever return addresses can be hidden behind, too, such as `[uprobes]`.
pub fn judge(
    forbidden: &Forbidden,
    registers: &Registers,
    live: &LiveStack<'_>,
    unwinder: &Unwinder,
) -> Verdict {
    let busy = |function: &str, stack: Stack| {
        let way_out = way_out(forbidden, &stack);
        Verdict::Busy { function: function.to_owned(), stack, way_out }
    };
    if let Some(function) = forbidden.standing_in(registers.rip) {
        return busy(function, unwinder.unwind(registers, live));
    }
    if live.is_whole() && matches!(search(forbidden, &live.bytes, live.range), Found::Nothing) {
        return Verdict::Clear;
    }
    let stack = unwinder.unwind(registers, live);
    if let Some(function) = stack.frames.iter().find_map(|frame| forbidden.function_of(frame)) {
        return busy(function, stack);
    }
    let End::Stopped(reason) = stack.end else { return Verdict::Clear };
    let reached = stack.frames.iter().rev().find_map(|frame| frame.cfa).unwrap_or(registers.rsp);
    match search_beyond(forbidden, reached, live) {
        Found::Nothing => Verdict::Clear,
        Found::Function(function) => busy(function, stack),
        Found::Doubt => Verdict::Undecided { reason, stack },
    }
}

/// Whether a thread of which only the place and the stack are known is clear: nothing on its stack so much as looks like a way
/// into a forbidden function. `false` says nothing.
pub fn is_clear(forbidden: &Forbidden, pc: u64, live: &LiveStack<'_>) -> bool {
    forbidden.standing_in(pc).is_none()
        && live.is_whole()
        && matches!(search(forbidden, &live.bytes, live.range), Found::Nothing)
}

/// The place behind the outermost frame of a forbidden function.
fn way_out(forbidden: &Forbidden, stack: &Stack) -> Option<u64> {
    let outermost = stack.frames.iter().rposition(|frame| forbidden.function_of(frame).is_some())?;
    stack.frames.get(outermost + 1).map(|frame| frame.pc)
}

/// What a search through the words of a stack has found.
enum Found<'a> {
    /// No word that could lead into a forbidden function.
    Nothing,
    /// One that could.
    Function(&'a str),
    /// The words don't tell: not all can be read, or the thread may have left another stack behind.
    Doubt,
}

/// Searches what lies beyond the last frame that could be followed.
fn search_beyond<'a>(forbidden: &'a Forbidden, reached: u64, live: &LiveStack<'_>) -> Found<'a> {
    let range = Range { start: reached & !(WORD_LEN - 1), end: live.range.end };
    if !live.range.contains(reached) || range.end - range.start > SEARCH_LEN_MAX {
        return Found::Doubt;
    }
    // The saved registers of an interrupted frame could straddle two pieces, so there is only one.
    let Ok(bytes) = live.read_vec(range.start, range.end - range.start) else { return Found::Doubt };
    search(forbidden, &bytes, range)
}

/// Searches the words of a stack, `bytes`, which begin at an aligned address.
fn search<'a>(forbidden: &'a Forbidden, bytes: &[u8], range: Range) -> Found<'a> {
    let (words, _) = bytes.as_chunks::<8>();
    let word = |at: usize| words.get(at).map(|word| u64::from_le_bytes(*word));
    let mut doubt = false;
    for (at, bytes) in words.iter().enumerate() {
        let here = u64::from_le_bytes(*bytes);
        if let Some(function) = forbidden.function_meant_by(here) {
            return Found::Function(function);
        }
        if is_user_segments(here) {
            let rsp = at.checked_sub(RSP_BEFORE_SEGMENTS).and_then(word);
            doubt |= !rsp.is_some_and(|rsp| range.contains(rsp));
        }
    }
    if doubt { Found::Doubt } else { Found::Nothing }
}

/// How many words before the segment registers the kernel saves rsp (`struct sigcontext_64`, in
/// arch/x86/include/uapi/asm/sigcontext.h: rsp, rip, eflags, then cs, gs, fs and ss as half-words).
const RSP_BEFORE_SEGMENTS: usize = 3;

/// Whether a word is what the kernel saves of the segment registers when it interrupts 64-bit code for a
/// signal handler: the code that it interrupted may be on another stack.
fn is_user_segments(word: u64) -> bool {
    word & 0xffff == 0x33 && word >> 48 == 0x2b
}

/// The live part of a stack, read at once, in front of the rest of the memory: unwinding then needs no
/// further system call.
pub struct LiveStack<'a> {
    /// From below the red zone to the end of the stack; empty if that is unknown.
    range: Range,
    /// The beginning of it.
    bytes: Cow<'a, [u8]>,
    memory: &'a dyn Memory,
}

impl<'a> LiveStack<'a> {
    /// Where the live part of a stack lies: from below the red zone at the stack pointer `rsp` to `top`, the end of
    /// the memory that it points into. Empty if that is unknown.
    pub fn range(rsp: u64, top: Option<u64>) -> Range {
        let start = rsp.saturating_sub(RED_ZONE_LEN) & !(WORD_LEN - 1);
        Range { start, end: top.filter(|top| rsp < *top).unwrap_or(start) }
    }

    /// A stack that is still to be read.
    pub fn read(rsp: u64, top: Option<u64>, memory: &'a dyn Memory) -> Self {
        let range = Self::range(rsp, top);
        let len = (range.end - range.start).min(PIECE_LEN_MAX);
        let bytes = memory.read_vec(range.start, len).unwrap_or_default();
        Self { range, bytes: Cow::Owned(bytes), memory }
    }

    /// One whose whole live part, `range`, has been read already: `bytes`.
    pub fn known(range: Range, bytes: &'a [u8], memory: &'a dyn Memory) -> Self {
        Self { range, bytes: Cow::Borrowed(bytes), memory }
    }

    /// Whether all of the stack has been read.
    fn is_whole(&self) -> bool {
        !self.bytes.is_empty() && self.bytes.len() as u64 == self.range.end - self.range.start
    }
}

impl Memory for LiveStack<'_> {
    fn read(&self, address: u64, into: &mut [u8]) -> Result<(), crate::memory::MemoryError> {
        let from = address.checked_sub(self.range.start).and_then(|at| self.bytes.get(at as usize..));
        match from.and_then(|rest| rest.get(..into.len())) {
            Some(bytes) => into.copy_from_slice(bytes),
            None => self.memory.read(address, into)?,
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
