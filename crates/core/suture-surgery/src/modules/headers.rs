//! The ELF header and the program headers of a module, as they stand in memory.

use crate::memory::Memory;

/// Most program headers of a module that are read; real ones have about fifteen.
const PROGRAM_HEADER_COUNT_MAX: u16 = 256;
/// Lengths of `Elf64_Ehdr` and `Elf64_Phdr`, in bytes.
const HEADER_LEN: usize = 64;
const PROGRAM_HEADER_LEN: usize = 56;

/// `\x7fELF`, 64-bit, little-endian, version 1.
const IDENTIFICATION: [u8; 7] = *b"\x7fELF\x02\x01\x01";
const MACHINE_X86_64: u16 = 62;

pub(super) const ET_EXEC: u16 = 2;
pub(super) const ET_DYN: u16 = 3;

pub(super) const PT_LOAD: u32 = 1;
pub(super) const PT_DYNAMIC: u32 = 2;
pub(super) const PT_NOTE: u32 = 4;
pub(super) const PT_TLS: u32 = 7;
pub(super) const PT_GNU_EH_FRAME: u32 = 0x6474_e550;

pub(super) const PF_X: u32 = 1;

/// What is used of an `Elf64_Ehdr` and its program headers.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Headers {
    /// `ET_EXEC` or `ET_DYN`.
    pub(super) kind: u16,
    pub(super) entry: u64,
    pub(super) segments: Vec<Segment>,
}

/// What is used of an `Elf64_Phdr`; addresses are the ones of the link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Segment {
    pub(super) kind: u32,
    pub(super) flags: u32,
    pub(super) offset: u64,
    pub(super) address: u64,
    pub(super) file_size: u64,
    pub(super) size: u64,
    pub(super) align: u64,
}

/// Reads the headers of the module whose first byte is at `base`; `None` if there is no x86-64 program or
/// library.
pub(super) fn read(memory: &dyn Memory, base: u64) -> Option<Headers> {
    let mut header = [0; HEADER_LEN];
    memory.read(base, &mut header).ok()?;
    let kind = half(&header, 16)?;
    let count = half(&header, 56)?;
    let fits = header.starts_with(&IDENTIFICATION)
        && matches!(kind, ET_EXEC | ET_DYN)
        && half(&header, 18)? == MACHINE_X86_64
        && usize::from(half(&header, 54)?) == PROGRAM_HEADER_LEN
        && (1..=PROGRAM_HEADER_COUNT_MAX).contains(&count);
    if !fits {
        return None;
    }
    let mut table = vec![0; usize::from(count) * PROGRAM_HEADER_LEN];
    memory.read(base.checked_add(long(&header, 32)?)?, &mut table).ok()?;
    let segments = table.chunks_exact(PROGRAM_HEADER_LEN).map(segment).collect::<Option<_>>()?;
    Some(Headers { kind, entry: long(&header, 24)?, segments })
}

fn segment(bytes: &[u8]) -> Option<Segment> {
    Some(Segment {
        kind: word(bytes, 0)?,
        flags: word(bytes, 4)?,
        offset: long(bytes, 8)?,
        address: long(bytes, 16)?,
        file_size: long(bytes, 32)?,
        size: long(bytes, 40)?,
        align: long(bytes, 48)?,
    })
}

fn half(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

/// The little-endian 32-bit number at `at`.
pub(super) fn word(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

/// The little-endian 64-bit number at `at`.
fn long(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}
