//! Whether a function lets an address out of its hands: to memory, to what it calls, to its caller.
//!
//! Who has the address may use the object at any time, and can't be found. Followed are registers, along all
//! ways through the code. What can't be told counts as let out: an address in a register for arguments at a call may
//! be left over.

use std::collections::HashMap;

use iced_x86::{
    Decoder, DecoderOptions, FlowControl, Instruction, InstructionInfoFactory, Mnemonic, OpAccess, OpKind,
    Register, UsedMemory,
};

use suture_elf::BuildKind;

use crate::flow::{self, Place, State, reads, writes};
use crate::side::{EntityId, Side};

/// An instruction that refers to an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Spot {
    /// Offset of its end in the function.
    pub(super) end: u32,
    /// The address that it names.
    pub(super) address: u64,
    /// Whether it names a word of the offset table, which holds the object's address.
    pub(super) is_slot: bool,
}

/// Bytes of a pointer.
const POINTER_LEN: usize = 8;
/// Bytes of the shortest address: in a program that is not position-independent.
const ADDRESS_LEN_MIN: usize = 4;
/// Registers in which arguments are handed over (psABI x86-64, 3.2.3), and the static chain.
const ARGUMENTS: [Register; 15] = [
    Register::RDI,
    Register::RSI,
    Register::RDX,
    Register::RCX,
    Register::R8,
    Register::R9,
    Register::R10,
    Register::XMM0,
    Register::XMM1,
    Register::XMM2,
    Register::XMM3,
    Register::XMM4,
    Register::XMM5,
    Register::XMM6,
    Register::XMM7,
];
/// Registers in which results are handed back. A second one is rare, and what is left over in it is not.
const RESULTS: [Register; 2] = [Register::RAX, Register::XMM0];

/// Which ways out count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// All: then nobody else gets to know it.
    Any,
    /// To memory outside the function's own stack: there it may stay when the function is done. What a called function does with it is that
    /// function's own.
    Stored,
    /// There, and to the caller.
    Kept,
    /// There, to the caller, and to what is called.
    HandedOn,
}

/// Which registers hold addresses, a bit each.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Held {
    /// Of the object: what is loaded through them is what it holds.
    object: u64,
    /// Of data that points to the object: what is loaded through them may be its address.
    link: u64,
}

impl State for Held {
    fn join(&self, other: &Self) -> Self {
        Self { object: self.object | other.object, link: self.link | other.link }
    }
}

impl Held {
    fn has(self, register: Register) -> bool {
        (self.object | self.link) & bit(register) != 0
    }

    fn any_of(self, registers: &[Register]) -> bool {
        registers.iter().any(|register| self.has(*register))
    }
}

/// What comes of an instruction.
struct Step {
    after: Held,
    /// Whether an address is in a register for arguments of what is called.
    hands_on: bool,
    /// Whether an address is written to memory.
    stores: bool,
}

/// Whether the piece of code `function` lets addresses out, in this way, that it takes at `spots`; those with `true` are of data that
/// points to the object.
pub(super) fn escapes(side: &Side<'_, '_>, function: EntityId, spots: &[(Spot, bool)], way: Way) -> bool {
    let start = side.entity(function).address;
    let mut at_end: HashMap<u64, Vec<(Spot, bool)>> = HashMap::new();
    for (spot, is_link) in spots {
        at_end.entry(start + u64::from(spot.end)).or_default().push((*spot, *is_link));
    }
    let none = Vec::new();
    let has_frame = way != Way::Any && has_frame_pointer(side, function);
    let is_fixed = side.build.kind() == BuildKind::Executable;
    let address_len = if is_fixed { ADDRESS_LEN_MIN } else { POINTER_LEN };
    let mut info = InstructionInfoFactory::new();
    let known = flow::follow(side, function, &Held::default(), |place, held| {
        let Place { instruction, outside } = place;
        let here = at_end.get(&instruction.next_ip()).unwrap_or(&none);
        let step = step(&mut info, instruction, *held, here);
        let escapes = match way {
            Way::Any => {
                step.hands_on || step.stores || leaves(side, function, instruction, outside, step.after)
            }
            Way::Stored | Way::Kept | Way::HandedOn => {
                let returns = way != Way::Stored && instruction.flow_control() == FlowControl::Return;
                let stores = step.stores && stays(&mut info, instruction, has_frame, address_len);
                stores
                    || (returns && held.has(Register::RAX))
                    || (way == Way::HandedOn
                        && (step.hands_on || leaves(side, function, instruction, outside, step.after)))
            }
        };
        (!escapes).then_some(step.after)
    });
    known.is_none()
}

/// Whether an address goes with the control that the instruction hands over; `outside` is its target, if that is
/// not in this piece of code.
fn leaves(
    side: &Side<'_, '_>,
    function: EntityId,
    instruction: &Instruction,
    outside: Option<u64>,
    held: Held,
) -> bool {
    match instruction.flow_control() {
        FlowControl::Return => held.any_of(&RESULTS),
        FlowControl::Call | FlowControl::IndirectCall | FlowControl::IndirectBranch => {
            held.any_of(&ARGUMENTS)
        }
        _ => outside.is_some_and(|target| {
            let is_own = side.at(target).is_some_and(|id| side.whole(id) == side.whole(function));
            held.any_of(&ARGUMENTS) || (is_own && held != Held::default())
        }),
    }
}

fn step(
    info: &mut InstructionInfoFactory,
    instruction: &Instruction,
    held: Held,
    spots: &[(Spot, bool)],
) -> Step {
    let used = info.info(instruction);
    if matches!(instruction.flow_control(), FlowControl::Call | FlowControl::IndirectCall) {
        let hands_on = held.any_of(&ARGUMENTS);
        let result = !bit(Register::RAX);
        let after = Held { object: held.object & result, link: held.link & result };
        return Step { after, hands_on, stores: false };
    }
    let is_lea = instruction.mnemonic() == Mnemonic::Lea;
    let is_address = |register: Register| {
        let parts = [instruction.memory_base(), instruction.memory_index()];
        !is_lea && parts.iter().any(|part| part.full_register() == register.full_register())
    };
    let is_operand = |register: Register| {
        (0..instruction.op_count()).any(|operand| {
            instruction.op_kind(operand) == OpKind::Register
                && instruction.op_register(operand).full_register() == register.full_register()
                && reads(used.op_access(operand))
        })
    };
    let mut taken = Held::default();
    let loads = |memory: &UsedMemory| reads(memory.access()) && memory.memory_size().size() >= POINTER_LEN;
    for register in used.used_registers().iter().filter(|register| reads(register.access())) {
        let register = register.register();
        if register.size() < ADDRESS_LEN_MIN {
            continue;
        }
        if !is_address(register) || is_operand(register) {
            taken.object |= held.object & bit(register);
            taken.link |= held.link & bit(register);
        }
    }
    for memory in used.used_memory().iter().filter(|memory| !is_lea && loads(memory)) {
        taken.link |= held.link & (bit(memory.base()) | bit(memory.index()));
    }
    for (spot, is_link) in spots {
        let is_there = !is_lea && !spot.is_slot && names_memory(instruction, spot.address);
        let is_taken = !is_there || (*is_link && used.used_memory().iter().any(loads));
        let from_here = if is_taken { u64::MAX } else { 0 };
        if *is_link {
            taken.link |= from_here;
        } else {
            taken.object |= from_here;
        }
    }
    let has_address = taken != Held::default();
    let stores = used.used_memory().iter().any(|memory| writes(memory.access()));
    let mut after = held;
    for register in used.used_registers().iter().filter(|register| writes(register.access())) {
        let bit = bit(register.register());
        if register.access() == OpAccess::Write && register.register().size() >= ADDRESS_LEN_MIN {
            after = Held { object: after.object & !bit, link: after.link & !bit };
        }
        after.object |= if taken.object == 0 { 0 } else { bit };
        after.link |= if taken.link == 0 { 0 } else { bit };
    }
    Step { after, hands_on: false, stores: has_address && stores }
}

/// Where a function takes the address of a place in the middle of itself.
pub(super) fn labels(side: &Side<'_, '_>, function: EntityId) -> Vec<Spot> {
    let entity = side.entity(function);
    let middle = entity.address + 1..entity.address + entity.size;
    let bytes = side.bytes(function).unwrap_or_default();
    let code = Decoder::with_ip(64, bytes, entity.address, DecoderOptions::NONE).into_iter();
    let is_fixed = side.build.kind() == BuildKind::Executable;
    let spot = |one: Instruction| {
        let distance = one.is_ip_rel_memory_operand() && one.mnemonic() == Mnemonic::Lea;
        let immediate =
            || (0..one.op_count()).find(|n| is_immediate(one.op_kind(*n))).map(|n| one.immediate(n));
        let address =
            if distance { Some(one.ip_rel_memory_address()) } else { immediate().filter(|_| is_fixed) };
        let end = (one.next_ip() - entity.address) as u32;
        Some(Spot { end, address: address.filter(|at| middle.contains(at))?, is_slot: false })
    };
    code.filter_map(spot).collect()
}

fn is_immediate(kind: OpKind) -> bool {
    matches!(kind, OpKind::Immediate32 | OpKind::Immediate32to64 | OpKind::Immediate64)
}

/// Whether the function has made `rbp` the base of its frame.
fn has_frame_pointer(side: &Side<'_, '_>, function: EntityId) -> bool {
    let bytes = side.bytes(function).unwrap_or_default();
    let mut code = Decoder::with_ip(64, bytes, 0, DecoderOptions::NONE).into_iter();
    code.any(|one| {
        one.mnemonic() == Mnemonic::Mov
            && one.op0_register() == Register::RBP
            && one.op1_register() == Register::RSP
    })
}

/// Whether the instruction writes as much as an address to memory that is not in the function's own frame.
fn stays(
    info: &mut InstructionInfoFactory,
    instruction: &Instruction,
    has_frame: bool,
    address_len: usize,
) -> bool {
    let is_own = |base: Register| base == Register::RSP || (has_frame && base == Register::RBP);
    let mut written = info.info(instruction).used_memory().iter().filter(|memory| writes(memory.access()));
    written.any(|memory| !is_own(memory.base()) && memory.memory_size().size() >= address_len)
}

/// Whether the instruction means what stands at `address`, and not the address itself.
fn names_memory(instruction: &Instruction, address: u64) -> bool {
    let has_memory =
        (0..instruction.op_count()).any(|operand| instruction.op_kind(operand) == OpKind::Memory);
    // Of an operand that is relative to the instruction this is the address too.
    has_memory && instruction.memory_displacement64() == address
}

/// The bit of a register: those for whole numbers first, then those for vectors; others have none.
fn bit(register: Register) -> u64 {
    if register.is_gpr() {
        1 << register.full_register().number()
    } else if register.is_vector_register() {
        1 << (16 + register.number())
    } else {
        0
    }
}
