//! New code that counts on a variable standing at a multiple of 16, 32 or 64, where it does not stand in the process.
//!
//! A compiler aligns a variable as it likes when it makes use of that, and nothing but the instructions tells of it: those for whole
//! vectors fault elsewhere (Intel SDM, volume 1, 4.1.1).

use std::collections::BTreeSet;

use iced_x86::{Decoder, DecoderOptions, EncodingKind, Instruction, Mnemonic, OpKind, Register};

use super::refusal;
use crate::compare::Changed;
use crate::fields;
use crate::refusal::{Refusal, RefusalCode};
use crate::same::Same;
use crate::side::EntityId;
use crate::target::{self, Meaning};

pub(super) fn compare(same: &Same<'_, '_, '_>, changed: &[Changed]) -> Vec<Refusal> {
    let pieces = changed.iter().flat_map(|(_, new, _)| same.new.with_fragments(*new));
    let found: BTreeSet<(EntityId, u64)> = pieces.flat_map(|piece| misaligned(same, piece)).collect();
    let refused = found.into_iter().map(|(variable, alignment)| {
        let message = format!("new code needs it at a multiple of {alignment}, and in the process it is not");
        let help = "compile that code without vector instructions (-fno-tree-vectorize), or restart with the new build";
        refusal(RefusalCode::UnresolvedReference, same.new, variable, &message, help)
    });
    refused.collect()
}

/// Live variables to which a piece of code refers and that stand where its instructions may fault, each with what they need.
fn misaligned(same: &Same<'_, '_, '_>, piece: EntityId) -> Vec<(EntityId, u64)> {
    let start = same.new.entity(piece).address;
    let bytes = same.new.bytes(piece).unwrap_or_default();
    let code: Vec<Instruction> = Decoder::with_ip(64, bytes, start, DecoderOptions::NONE)
        .into_iter()
        .filter(|one| needs(one).is_some())
        .collect();
    if code.is_empty() {
        return Vec::new();
    }
    // Through a register it may be any variable whose address the code takes.
    let is_open = |one: &&Instruction| {
        !one.is_ip_rel_memory_operand() && ![Register::RSP, Register::RBP].contains(&one.memory_base())
    };
    let anywhere = code.iter().filter(is_open).filter_map(needs).max();
    let mut found = Vec::new();
    for field in fields::of_code(same.new, piece) {
        let meant = match target::meaning(same.new, &field) {
            Meaning::Slot(slot) => target::held(same.new, slot),
            meaning => Some(meaning),
        };
        let Some(Meaning::Entity(id, distance)) = meant else { continue };
        let Some(old) = same.pairs.old_of(id).filter(|_| same.new.entity(id).writable) else { continue };
        let end = start + u64::from(field.end);
        let here = code.iter().find(|one| one.next_ip() == end).and_then(needs);
        let places = [same.old.entity(old).address, same.new.entity(id).address];
        let [before, after] = places.map(|address| address.wrapping_add_signed(distance));
        let size = same.new.entity(id).size;
        let demand = here.or(anywhere.filter(|need| !field.accesses && size >= *need));
        found.extend(
            demand
                .filter(|need| !before.is_multiple_of(*need) && after.is_multiple_of(*need))
                .map(|need| (id, need)),
        );
    }
    found
}

/// At a multiple of what the instruction's operand in memory has to stand, if it faults elsewhere.
fn needs(one: &Instruction) -> Option<u64> {
    use Mnemonic::{
        Cmpxchg16b, Lddqu, Movapd, Movaps, Movdqa, Movdqu, Movntdq, Movntdqa, Movntpd, Movntps, Movupd,
        Movups, Vmovapd, Vmovaps, Vmovdqa, Vmovdqa32, Vmovdqa64, Vmovntdq, Vmovntdqa, Vmovntpd, Vmovntps,
    };
    const VECTOR_MIN: u64 = 16;
    let has_memory = (0..one.op_count()).any(|n| one.op_kind(n) == OpKind::Memory);
    let size = one.memory_size().size() as u64;
    let is_aligned = match one.mnemonic() {
        Movups | Movupd | Movdqu | Lddqu => false,
        Movaps | Movapd | Movdqa | Movntps | Movntpd | Movntdq | Movntdqa | Vmovaps | Vmovapd | Vmovdqa
        | Vmovdqa32 | Vmovdqa64 | Vmovntps | Vmovntpd | Vmovntdq | Vmovntdqa | Cmpxchg16b => true,
        _ => one.encoding() == EncodingKind::Legacy && one.op0_register().is_xmm(),
    };
    (has_memory && is_aligned && size >= VECTOR_MIN && size.is_power_of_two()).then_some(size)
}
