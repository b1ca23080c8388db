//! Unwind tables, code and stacks made up for tests.

use suture_delta::model::Range;

use super::{FramesError, ModuleFrames, Unwinder};
use crate::memory::Snapshot;
use crate::registers::Registers;

pub(crate) const TABLE: u64 = 0x50_0000;
pub(crate) const CODE: u64 = 0x40_0000;
pub(crate) const STACK: u64 = 0x7000_0000;

pub(crate) const ADVANCE_4: u8 = 0x44;
pub(crate) const DEF_CFA: u8 = 0x0c;
pub(crate) const DEF_CFA_OFFSET: u8 = 0x0e;
pub(crate) const DEF_CFA_EXPRESSION: u8 = 0x0f;
pub(crate) const REMEMBER: u8 = 0x0a;
pub(crate) const RESTORE: u8 = 0x0b;
pub(crate) const UNDEFINED: u8 = 0x07;
pub(crate) const VAL_OFFSET: u8 = 0x14;
pub(crate) const VAL_OFFSET_SIGNED: u8 = 0x15;
pub(crate) const EXPRESSION: u8 = 0x10;
/// `DW_CFA_offset` for rbp, whose argument is in units of -8 bytes.
pub(crate) const OFFSET_RBP: u8 = 0x86;

/// Pads a record with `DW_CFA_nop` to a multiple of 8 and puts its length before it.
pub(crate) fn record(mut body: Vec<u8>) -> Vec<u8> {
    body.resize((body.len() + 4).next_multiple_of(8) - 4, 0);
    [(body.len() as u32).to_le_bytes().to_vec(), body].concat()
}

/// A table with one description, like a compiler's, and an entry for each function: its range and its
/// instructions.
pub(crate) fn table(augmentation: &[u8], functions: &[(Range, &[u8])]) -> Vec<u8> {
    let mut body = [&[0, 0, 0, 0, 1][..], augmentation, &[0, 1, 0x78, 16, 1, 0]].concat();
    // CFA = rsp + 8, return address at CFA - 8.
    body.extend([DEF_CFA, 7, 8, 0x90, 1]);
    let mut section = record(body);
    for (range, instructions) in functions {
        let mut body = (section.len() as u32 + 4).to_le_bytes().to_vec();
        body.extend(range.start.to_le_bytes());
        body.extend((range.end - range.start).to_le_bytes());
        body.push(0);
        body.extend(*instructions);
        section.extend(record(body));
    }
    section.extend([0; 4]);
    section
}

pub(crate) const OUTERMOST: &[u8] = &[UNDEFINED, 16];

pub(crate) fn unwinder(section: Vec<u8>) -> Result<Unwinder, FramesError> {
    let range = Range { start: TABLE, end: TABLE + section.len() as u64 };
    let mut memory = Snapshot::default();
    memory.insert(TABLE, section);
    let text = Range { start: CODE, end: CODE + 0x1000 };
    Ok(Unwinder::new(vec![ModuleFrames::of_eh_frame("patch", vec![text], range, &memory)?]))
}

pub(crate) fn stack(words: &[u64]) -> Snapshot {
    let mut memory = Snapshot::default();
    memory.insert(STACK, words.iter().flat_map(|word| word.to_le_bytes()).collect());
    memory
}

pub(crate) fn at(rip: u64) -> Registers {
    Registers { rip, rsp: STACK, rbp: 0xb, ..Registers::default() }
}

pub(crate) fn function(number: u64) -> Range {
    Range { start: CODE + number * 0x100, end: CODE + number * 0x100 + 0x100 }
}
