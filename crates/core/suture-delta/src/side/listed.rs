//! Constants that only a table of distances refers to: LLVM makes one of a `match` that chooses among texts. Those of Rust
//! are meant, which end where the next begins; one of C ends at its NUL, and may have another in it.
//!
//! An entry is a distance from the beginning of its table, so that what it means depends on where that is. Wrong beginnings would cut
//! constants in two and hide what changed in their ends: only what code refers to is a table, and only if the code checks
//! for as many entries as it has.

use iced_x86::{Decoder, DecoderOptions, Instruction, Mnemonic};
use suture_elf::relocations::kind;

use super::{EntityId, Side};

/// Length of an entry, bytes.
const ENTRY_LEN: u64 = 4;

/// Where the constants begin that the table at `table` lists, to which the function `user` refers; nothing if it is not certain that it
/// is such a table.
pub(super) fn listed(side: &Side<'_, '_>, user: EntityId, table: u64) -> Vec<u64> {
    let Some(entries) = entries(side, table) else { return Vec::new() };
    let is_constant = |address: &u64| {
        side.build.section_at(*address).is_some_and(|section| !section.is_code())
            && !side.is_writable(*address)
    };
    let is_whole = !entries.is_empty() && entries.iter().all(is_constant);
    if is_whole && checks_for(side, user, entries.len() as u64) { entries } else { Vec::new() }
}

/// Whether a table of distances may begin at an address.
pub(super) fn may_be_table(side: &Side<'_, '_>, address: u64) -> bool {
    let first = side.build.relocations_in(address, address.saturating_add(1));
    first.iter().any(|relocation| relocation.kind == kind::PC32)
}

/// What the entries mean, up to where something else is.
fn entries(side: &Side<'_, '_>, table: u64) -> Option<Vec<u64>> {
    let section = side.build.section_at(table)?;
    let end = side.next_boundary(table).unwrap_or(u64::MAX).min(section.address + section.size);
    let places = (table..end).step_by(ENTRY_LEN as usize);
    let relocations = side.build.relocations_in(table, end);
    let is_entry = |(place, relocation): &(u64, &suture_elf::Relocation)| {
        relocation.address == *place && relocation.kind == kind::PC32
    };
    let entries = places.zip(relocations).take_while(is_entry);
    entries
        .map(|(place, _)| {
            let distance: [u8; 4] = side.build.read(place, ENTRY_LEN)?.try_into().ok()?;
            Some(table.wrapping_add_signed(i64::from(i32::from_le_bytes(distance))))
        })
        .collect()
}

/// Whether a function compares something with the number of the last entry of so many, or with how many there are.
fn checks_for(side: &Side<'_, '_>, function: EntityId, count: u64) -> bool {
    let Some(bytes) = side.bytes(function) else { return false };
    let checks = |instruction: &Instruction| {
        let last = instruction.op_count().saturating_sub(1);
        let bound = || instruction.try_immediate(last).ok();
        match instruction.mnemonic() {
            Mnemonic::Cmp => bound().is_some_and(|bound| bound == count || bound == count - 1),
            Mnemonic::And => bound() == Some(count - 1),
            _ => false,
        }
    };
    let decoder = Decoder::with_ip(64, bytes, side.entity(function).address, DecoderOptions::NONE);
    decoder.into_iter().any(|instruction| checks(&instruction))
}
