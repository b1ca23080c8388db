//! Whether a function does nothing with an address but read through it.
//!
//! Then nobody else gets to know the address, and it is compared with no other: a copy of what it may be of serves as well. All
//! that is not known to keep it in a register of the function counts as something else.

use std::collections::BTreeSet;

use iced_x86::{
    FlowControl, Instruction, InstructionInfo, InstructionInfoFactory, Mnemonic, OpAccess, OpKind, Register,
    UsedRegister,
};

use super::machine::{Machine, Named, is_conditional_move, is_zeroing};
use super::value::{Roots, Value};
use crate::fields::is_near_branch;
use crate::flow::{self, Place, State, reads, writes};
use crate::side::{EntityKind, Side};

/// Registers in which a called function may look for something (psABI x86-64, 3.2.3).
const HANDED_ON: [Register; 8] = [
    Register::RDI,
    Register::RSI,
    Register::RDX,
    Register::RCX,
    Register::R8,
    Register::R9,
    Register::R10,
    Register::RAX,
];
/// Registers in which a function gives something back.
const GIVEN_BACK: [Register; 2] = [Register::RAX, Register::RDX];

/// In how many words a function may give something back at most so that this instruction keeps the address in question to it, if
/// `machine` is what holds before; `None` if it does not in any case.
pub(super) fn keeps(
    side: &Side<'_, '_>,
    machine: &Machine,
    place: Place<'_>,
    used: &InstructionInfo,
    named: Named,
) -> Option<usize> {
    let instruction = place.instruction;
    let mut given = GIVEN_BACK.len();
    let all_free = |registers: &[Register]| registers.iter().all(|register| !is_it(machine.get(*register)));
    let leaves_free = match instruction.flow_control() {
        FlowControl::Next | FlowControl::Interrupt | FlowControl::Exception => true,
        FlowControl::Return => {
            given = GIVEN_BACK.iter().position(|register| is_it(machine.get(*register))).unwrap_or(given);
            true
        }
        FlowControl::ConditionalBranch | FlowControl::UnconditionalBranch if place.outside.is_none() => true,
        _ => {
            all_free(&HANDED_ON) || {
                let asks = place.outside.and_then(|callee| asks_for(side, callee));
                asks.is_some_and(|asks| asks.iter().all(|register| !is_it(machine.get(*register))))
            }
        }
    };
    let keeps = leaves_free
        && (is_zeroing(instruction)
            || keeps_values(machine, instruction, used, named)
                && only_reads(machine, instruction, used, named));
    keeps.then_some(given)
}

/// In which registers a function looks for something that others have left there; `None` if it has no code here.
///
/// A compiler leaves an address in a register when it needs it no more, and the next call is none with that address.
fn asks_for(side: &Side<'_, '_>, callee: u64) -> Option<BTreeSet<Register>> {
    let function = side.at(callee).filter(|id| {
        let entity = side.entity(*id);
        entity.kind == EntityKind::Function
            && entity.address == callee
            && side.with_fragments(*id).count() == 1
    })?;
    let mut info = InstructionInfoFactory::new();
    let known = flow::follow(side, function, &Filled::default(), |place, filled| {
        let mut next = filled.clone();
        let used = info.info(place.instruction);
        next.0.extend(
            used.used_registers().iter().copied().filter(|one| sets(one.access(), one.register())).map(whole),
        );
        Some(next)
    })?;
    let mut asked = BTreeSet::new();
    for (place, Filled(filled)) in known.places() {
        let instruction = place.instruction;
        let used = info.info(instruction);
        let read = used.used_registers().iter().copied().filter(|one| reads(one.access())).map(whole);
        let read = read.filter(|_| !is_zeroing(instruction));
        let leaves = !matches!(instruction.flow_control(), FlowControl::Next | FlowControl::Return)
            && (place.outside.is_some() || !is_near_branch(instruction));
        asked
            .extend(read.chain(HANDED_ON.into_iter().filter(|_| leaves)).filter(|one| !filled.contains(one)));
    }
    Some(asked.into_iter().filter(|register| HANDED_ON.contains(register)).collect())
}

fn whole(used: UsedRegister) -> Register {
    used.register().full_register()
}

/// Whether nothing is left of what the register held.
fn sets(access: OpAccess, register: Register) -> bool {
    access == OpAccess::Write && register.is_gpr() && register.size() >= 4
}

/// Registers that a function has filled by itself, whichever way it came.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Filled(BTreeSet<Register>);

impl State for Filled {
    fn join(&self, other: &Self) -> Self {
        Self(self.0.intersection(&other.0).copied().collect())
    }
}

fn is_it(value: Value) -> bool {
    value.roots().has(Roots::HERE)
}

/// Whether the values that the instruction reads, and that may be the address, stay in registers that are followed.
fn keeps_values(machine: &Machine, instruction: &Instruction, used: &InstructionInfo, named: Named) -> bool {
    let whole = |register: Register| machine.get(register.full_register());
    let is_part = |register: Register| {
        (0..instruction.op_count())
            .any(|n| instruction.op_kind(n) == OpKind::Register && instruction.op_register(n) == register)
    };
    let is_named =
        |register: Register| [instruction.memory_base(), instruction.memory_index()].contains(&register);
    let mut holding = used.used_registers().iter().filter(|one| reads(one.access()));
    let is_known = holding.all(|one| {
        let register = one.register();
        !is_it(whole(register)) || is_part(register) || is_named(register)
    });
    let operand = |n: u32| match instruction.op_kind(n) {
        OpKind::Register => is_it(whole(instruction.op_register(n))),
        OpKind::Memory => {
            instruction.mnemonic() == Mnemonic::Lea && is_it(machine.address(instruction, named))
        }
        _ => named.immediate.is_some_and(|roots| roots.has(Roots::HERE)),
    };
    let is_read = |n: u32| reads(used.op_access(n)) || used.op_access(n) == OpAccess::NoMemAccess;
    let taken = |n: u32| n < instruction.op_count() && is_read(n) && operand(n);
    is_known && (!(0..instruction.op_count()).any(taken) || is_followed(machine, instruction, named))
}

/// Whether the machine knows of the result what it is of.
fn is_followed(machine: &Machine, instruction: &Instruction, named: Named) -> bool {
    let number = |n: u32| matches!(machine.operand(instruction, n, named), Value::Number(_));
    let is_whole =
        || instruction.op0_kind() == OpKind::Register && matches!(instruction.op0_register().size(), 4 | 8);
    match instruction.mnemonic() {
        Mnemonic::Mov | Mnemonic::Add | Mnemonic::Inc | Mnemonic::Dec => is_whole(),
        Mnemonic::Lea => {
            let index = instruction.memory_index();
            let is_scaled = instruction.memory_index_scale() > 1 && index != Register::None;
            is_whole() && !(is_scaled && is_it(machine.get(index)))
        }
        Mnemonic::Sub => is_whole() && number(1),
        Mnemonic::Cmp => number(0) || number(1),
        Mnemonic::Test => instruction.op0_register() == instruction.op1_register(),
        _ => is_conditional_move(instruction) && is_whole() && instruction.op1_kind() == OpKind::Register,
    }
}

/// Whether nothing is written through the address.
fn only_reads(machine: &Machine, instruction: &Instruction, used: &InstructionInfo, named: Named) -> bool {
    let is_named = (0..instruction.op_count()).any(|n| instruction.op_kind(n) == OpKind::Memory);
    let place = |memory| {
        if is_named { machine.address(instruction, named) } else { machine.address_of(memory) }
    };
    used.used_memory().iter().filter(|memory| writes(memory.access())).all(|memory| !is_it(place(memory)))
}
