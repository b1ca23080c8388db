//! Where and how an old function is left: the jump at its entry, and the stub that the jump goes to while
//! the switch is thrown.
//!
//! ```text
//!  stub:   cmpb $0, switch(%rip)
//!          jne  new code
//!          the instructions of the old function that the jump covers, moved here
//!          jmp  behind them
//! ```
//!
//! A call among them would come back into the stub, where no unwind rules are: the stub pushes the address
//! behind the original call and jumps instead, so that the callee returns to the old function itself.
//!
//! Where an earlier patch has replaced the function already, the stub goes on to that patch's code.
//!
//! If the old function branches back among those instructions, or calls before the last of them, moving
//! them is not enough: then the stub goes on to a whole copy of the old function.

use iced_x86::{Code, Decoder, DecoderOptions, FlowControl, Instruction, Mnemonic};

use crate::emit::Emitter;
use crate::fields::{self, is_near_branch};
use crate::model::{
    self, JUMP_LEN, Range, Relocation, RelocationKind, Resolution, SectionKind, Site, SymbolKind, Target,
};
use crate::names;
use crate::refusal::{Refusal, RefusalCode};
use crate::side::{EntityId, Side};

const PAGE: u64 = 4096;
const ENDBR64_LEN: u64 = 4;
/// `jmp rel32`, the distance still open.
const JUMP: u8 = 0xe9;
/// `push slot(%rip)`, the distance still open.
const PUSH_SLOT: [u8; 2] = [0xff, 0x35];
/// Most bytes of padding behind a function that are looked at.
const PADDING_MAX: u64 = 64;

/// The instructions at an old function's entry that the jump covers.
struct Displaced {
    /// Where the jump is written.
    jump_address: u64,
    /// One past the last covered instruction.
    end: u64,
    instructions: Vec<Instruction>,
}

/// Redirects the old function `old` to the code at symbol `code`; adds its stub to `emitter`.
pub(crate) fn site(emitter: &mut Emitter<'_, '_, '_, '_>, old: EntityId, code: u32) -> Result<Site, Refusal> {
    let side = emitter.same.old;
    let entity = side.entity(old);
    let displaced = displaced(side, old)?;
    let top = emitter.standing.top(entity.address);
    let stub = stub(emitter, old, code, &displaced)?;
    let expected = side.build.read(displaced.jump_address, JUMP_LEN as u64).unwrap_or_default();
    let mut ranges: Vec<Range> = side
        .with_fragments(old)
        .map(|id| side.entity(id))
        .map(|part| Range { start: part.address, end: part.address + part.size })
        .collect();
    if let Some(first) = ranges.first_mut() {
        first.end = first.end.max(displaced.jump_address + JUMP_LEN as u64);
    }
    Ok(Site {
        name: names::demangle(entity.name),
        symbol: entity.name.to_owned(),
        address: entity.address,
        jump_address: displaced.jump_address,
        expected: model::hex(expected),
        ranges,
        below: top.map_or_else(Vec::new, |top| top.ranges.clone()),
        code,
        stub,
    })
}

fn refusal(side: &Side<'_, '_>, old: EntityId, code: RefusalCode, message: String, help: &str) -> Refusal {
    let symbol = names::demangle(side.entity(old).name);
    Refusal { code, symbol, file: String::new(), line: 0, message, help: help.to_owned() }
}

fn displaced(side: &Side<'_, '_>, old: EntityId) -> Result<Displaced, Refusal> {
    let entity = side.entity(old);
    // Whether any of it comes back to what the jump covers has to be known.
    if let Some(message) = side.with_fragments(old).find_map(|part| fields::unreadable(side, part)) {
        return Err(refusal(side, old, RefusalCode::UnreadableCode, message, "restart with the new build"));
    }
    let bytes = side.bytes(old).unwrap_or_default();
    let marked = bytes.starts_with(&[0xf3, 0x0f, 0x1e, 0xfa]);
    let jump_address = entity.address + if marked { ENDBR64_LEN } else { 0 };
    let room = entity.size + padding(side, entity.address + entity.size);
    if room < jump_address - entity.address + JUMP_LEN as u64 {
        let message =
            format!("it has {room} bytes, and the jump needs {JUMP_LEN}, with nothing behind it to take");
        let help = "build with -falign-functions=16, or let the fix change its callers";
        return Err(refusal(side, old, RefusalCode::FunctionTooShort, message, help));
    }
    if jump_address / PAGE != (jump_address + JUMP_LEN as u64 - 1) / PAGE {
        let message =
            format!("the jump at {jump_address:#x} would lie on two pages and can't be written in one step");
        let help = "build with -falign-functions=16";
        return Err(refusal(side, old, RefusalCode::EntryStraddlesPage, message, help));
    }
    let from = (jump_address - entity.address) as usize;
    let mut decoder =
        Decoder::with_ip(64, bytes.get(from..).unwrap_or_default(), jump_address, DecoderOptions::NONE);
    let mut instructions = Vec::new();
    let mut end = jump_address;
    while end < jump_address + JUMP_LEN as u64 && decoder.can_decode() {
        let instruction = decoder.decode();
        end = instruction.next_ip();
        instructions.push(instruction);
    }
    Ok(Displaced { jump_address, end, instructions })
}

/// How many bytes behind a function nothing uses: no-operations, breakpoints or zeros up to the next symbol.
fn padding(side: &Side<'_, '_>, end: u64) -> u64 {
    let Some(section) = side.build.section_at(end.wrapping_sub(1)) else { return 0 };
    let next = side.entities.get(side.entities.partition_point(|entity| entity.address < end));
    let limit = next.map_or(u64::MAX, |entity| entity.address).min(section.address + section.size);
    let len = limit.saturating_sub(end).min(PADDING_MAX);
    let Some(bytes) = side.build.read(end, len) else { return 0 };
    let mut decoder = Decoder::with_ip(64, bytes, end, DecoderOptions::NONE);
    let mut padding = 0;
    while decoder.can_decode() {
        let instruction = decoder.decode();
        let rest = bytes.get(padding as usize..).unwrap_or_default();
        let is_zero = rest.starts_with(&[0, 0]) || rest == [0];
        if is_zero {
            return padding + rest.iter().take_while(|byte| **byte == 0).count() as u64;
        }
        if !matches!(instruction.mnemonic(), Mnemonic::Nop | Mnemonic::Int3) || instruction.next_ip() > limit
        {
            break;
        }
        padding = instruction.next_ip() - end;
    }
    padding
}

fn stub(
    emitter: &mut Emitter<'_, '_, '_, '_>,
    old: EntityId,
    code: u32,
    displaced: &Displaced,
) -> Result<u32, Refusal> {
    let name = emitter.same.old.entity(old).name.to_owned();
    let switch = emitter.reference("suture_switch", Resolution::Switch);
    let mut stub = Code32::default();
    stub.bytes.extend_from_slice(&[0x80, 0x3d, 0, 0, 0, 0, 0]); // cmpb $0, switch(%rip)
    stub.relocate(2, switch, -5);
    stub.bytes.extend_from_slice(&[0x0f, 0x85]); // jne
    stub.pc32(Target::Symbol(code), 0);
    if let Some(top) = emitter.standing.top(emitter.same.old.entity(old).address) {
        let before = emitter.provided(&name, &top.code);
        stub.bytes.push(JUMP);
        stub.pc32(before, 0);
    } else if calls_early(displaced) || branches_back(emitter.same.old, old, displaced) {
        let copy = copy(emitter, old)?;
        stub.bytes.push(JUMP);
        stub.pc32(Target::Symbol(copy), 0);
    } else {
        moved(emitter, old, displaced, &mut stub)?;
    }
    let section = format!(".text.suture.stub.{name}");
    let stub_name = format!("suture_stub.{name}");
    let symbol = emitter.promise(
        &section,
        &stub_name,
        SectionKind::Text,
        SymbolKind::Function,
        stub.bytes.len() as u64,
        16,
    );
    emitter.fill(symbol, stub.bytes, stub.relocations);
    Ok(symbol)
}

/// Code under construction.
#[derive(Default)]
struct Code32 {
    bytes: Vec<u8>,
    relocations: Vec<Relocation>,
}

impl Code32 {
    fn relocate(&mut self, offset: usize, target: Target, addend: i64) {
        let kind = RelocationKind::Pc32;
        self.relocations.push(Relocation { offset: offset as u64, kind, target, addend });
    }

    /// Appends a distance to `target` plus `distance`, relative to its own end.
    fn pc32(&mut self, target: Target, distance: i64) {
        self.relocate(self.bytes.len(), target, distance - 4);
        self.bytes.extend_from_slice(&[0; 4]);
    }
}

/// Appends the displaced instructions so that they do here what they did there.
fn moved(
    emitter: &mut Emitter<'_, '_, '_, '_>,
    old: EntityId,
    displaced: &Displaced,
    stub: &mut Code32,
) -> Result<(), Refusal> {
    let side = emitter.same.old;
    let base = side.entity(old).address;
    let mut decoder_bytes = side.bytes(old).unwrap_or_default();
    decoder_bytes = decoder_bytes.get((displaced.jump_address - base) as usize..).unwrap_or_default();
    let mut decoder = Decoder::with_ip(64, decoder_bytes, displaced.jump_address, DecoderOptions::NONE);
    for instruction in &displaced.instructions {
        let again = decoder.decode();
        let constants = decoder.get_constant_offsets(&again);
        let from = (instruction.ip() - displaced.jump_address) as usize;
        let bytes = decoder_bytes.get(from..from + instruction.len()).unwrap_or_default();
        if instruction.flow_control() == FlowControl::Call && is_near_branch(instruction) {
            let name = side.entity(old).name;
            let behind = emitter.image(&place_name(side, displaced.end), displaced.end);
            let slot = emitter.new_slot(&format!("return.{name}"), behind, 0);
            stub.bytes.extend_from_slice(&PUSH_SLOT);
            stub.pc32(slot, 0);
            let target = instruction.near_branch_target();
            let image = emitter.image(&place_name(side, target), target);
            stub.bytes.push(JUMP);
            stub.pc32(image, 0);
            return Ok(());
        }
        if is_near_branch(instruction) {
            let target = instruction.near_branch_target();
            let opcode = long_branch(instruction).ok_or_else(|| {
                let message = "it begins with a branch that has no long form".to_owned();
                refusal(side, old, RefusalCode::UnreadableCode, message, "restart with the new build")
            })?;
            stub.bytes.extend_from_slice(&opcode);
            let image = emitter.image(&place_name(side, target), target);
            stub.pc32(image, 0);
        } else if instruction.is_ip_rel_memory_operand() {
            let target = instruction.ip_rel_memory_address();
            let at = stub.bytes.len() + constants.displacement_offset();
            let behind = (instruction.len() - constants.displacement_offset()) as i64;
            stub.bytes.extend_from_slice(bytes);
            stub.bytes[at..at + 4].fill(0);
            let image = emitter.image(&place_name(side, target), target);
            stub.relocate(at, image, -behind);
        } else {
            stub.bytes.extend_from_slice(bytes);
        }
    }
    let ends = displaced.instructions.last().is_some_and(|last| {
        matches!(last.mnemonic(), Mnemonic::Ret | Mnemonic::Jmp | Mnemonic::Ud2 | Mnemonic::Hlt)
    });
    if !ends {
        stub.bytes.push(JUMP);
        let image = emitter.image(&place_name(side, displaced.end), displaced.end);
        stub.pc32(image, 0);
    }
    Ok(())
}

fn place_name(side: &Side<'_, '_>, address: u64) -> String {
    match side.at(address).map(|id| side.entity(id)) {
        Some(entity) if entity.address == address => entity.name.to_owned(),
        Some(entity) => format!("{}+{:#x}", entity.name, address - entity.address),
        None => format!("{address:#x}"),
    }
}

/// Opcode of the form of a branch that takes a distance of 32 bits.
fn long_branch(instruction: &Instruction) -> Option<Vec<u8>> {
    let code = instruction.code();
    match code {
        Code::Jmp_rel8_64 | Code::Jmp_rel32_64 => Some(vec![0xe9]),
        _ if instruction.is_jcc_short_or_near() => {
            // The condition's number is the low half of either opcode.
            let condition = instruction.condition_code() as u8;
            Some(vec![0x0f, 0x80 + condition_number(condition)?])
        }
        _ => None,
    }
}

/// iced numbers conditions from 1 in the order of their opcodes.
fn condition_number(condition: u8) -> Option<u8> {
    condition.checked_sub(1).filter(|number| *number < 16)
}

/// Whether a call among the displaced instructions would return into the jump, or is one that can't be told
/// where to return: only a direct one that ends them can.
fn calls_early(displaced: &Displaced) -> bool {
    displaced.instructions.iter().any(|instruction| match instruction.flow_control() {
        FlowControl::IndirectCall => true,
        FlowControl::Call => instruction.next_ip() != displaced.end,
        _ => false,
    })
}

/// Whether the function branches to an instruction that the jump covers, other than to its entry.
fn branches_back(side: &Side<'_, '_>, old: EntityId, displaced: &Displaced) -> bool {
    let covered = displaced.jump_address + 1..displaced.end;
    side.with_fragments(old).any(|id| {
        let entity = side.entity(id);
        let bytes = side.bytes(id).unwrap_or_default();
        let mut decoder = Decoder::with_ip(64, bytes, entity.address, DecoderOptions::NONE);
        let mut instruction = Instruction::default();
        while decoder.can_decode() {
            decoder.decode_out(&mut instruction);
            if is_near_branch(&instruction) && covered.contains(&instruction.near_branch_target()) {
                return true;
            }
        }
        false
    })
}

/// A copy of the old function, for a stub that can't move its beginning alone.
fn copy(emitter: &mut Emitter<'_, '_, '_, '_>, old: EntityId) -> Result<u32, Refusal> {
    let side = emitter.same.old;
    let entity = side.entity(old);
    let fields = fields::of_code(side, old);
    let jumps_by_table = |field: &fields::Field| {
        let in_own_code = |target: u64| target.wrapping_sub(entity.address) < entity.size;
        let constant = side.build.section_at(field.address).is_some_and(|section| !section.is_code());
        constant
            && fields::of_data(side.build, field.address, 8, true)
                .iter()
                .any(|entry| in_own_code(entry.address))
    };
    if fields.iter().any(jumps_by_table) || side.with_fragments(old).count() > 1 {
        let message =
            "its first instructions can not be moved: it comes back to them, and has parts or a jump table"
                .to_owned();
        let help = "restart with the new build";
        return Err(refusal(side, old, RefusalCode::FunctionTooShort, message, help));
    }
    let mut data = side.bytes(old).unwrap_or_default().to_vec();
    let mut relocations = Vec::new();
    for field in &fields {
        let (kind, behind) = match field.form {
            fields::Form::Relative | fields::Form::Branch if field.len == 4 => {
                (RelocationKind::Pc32, i64::from(field.end - field.offset))
            }
            // What is absolute or relative to the thread pointer is the same in the copy.
            _ => continue,
        };
        data[field.offset as usize..field.offset as usize + 4].fill(0);
        let target = emitter.image(&place_name(side, field.address), field.address);
        relocations.push(Relocation { offset: u64::from(field.offset), kind, target, addend: -behind });
    }
    let name = entity.name.to_owned();
    let section = format!(".text.suture.old.{name}");
    let symbol = emitter.promise(
        &section,
        &format!("suture_old.{name}"),
        SectionKind::Text,
        SymbolKind::Function,
        data.len() as u64,
        16,
    );
    emitter.fill(symbol, data, relocations);
    emitter.copies.push((old, symbol));
    Ok(symbol)
}
