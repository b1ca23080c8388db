//! What an instruction makes of registers and of the stack.

use std::collections::BTreeMap;

use iced_x86::{
    ConditionCode, FlowControl, Instruction, InstructionInfo, Mnemonic, OpKind, Register, UsedMemory,
};

use super::value::{Roots, Shift, Value};
use crate::flow::{State, writes};

/// Bytes of a pointer.
const POINTER_LEN: usize = 8;
/// Registers for whole numbers.
const REGISTERS: usize = 16;
/// Registers that a called function keeps (psABI x86-64, 3.2.1).
const KEPT: [Register; 7] =
    [Register::RBX, Register::RBP, Register::RSP, Register::R12, Register::R13, Register::R14, Register::R15];

/// Registers and the words of the function's own frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Machine {
    registers: [Value; REGISTERS],
    /// By their place; what is not there is unknown.
    stack: BTreeMap<i64, Value>,
    /// The lowest place of the frame that others may know of.
    shown: Option<i64>,
}

impl State for Machine {
    fn join(&self, other: &Self) -> Self {
        let registers = std::array::from_fn(|n| self.registers[n].join(other.registers[n]));
        let both = |(at, value): (&i64, &Value)| Some((*at, value.join(*other.stack.get(at)?)));
        let stack = self.stack.iter().filter_map(both).collect();
        let shown = self.shown.into_iter().chain(other.shown).min();
        Self { registers, stack, shown }
    }
}

/// The fields of an instruction that matter, by what they name.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Named {
    /// In its memory operand: where the address is of.
    pub(super) memory: Option<Roots>,
    /// Its number is an address.
    pub(super) immediate: Option<Roots>,
}

impl Machine {
    /// As a function is entered.
    pub(super) fn at_entry() -> Self {
        let mut machine =
            Self { registers: [Value::UNKNOWN; REGISTERS], stack: BTreeMap::new(), shown: None };
        machine.set(Register::RSP, Value::Stack(0));
        machine
    }

    /// What a register holds.
    pub(super) fn get(&self, register: Register) -> Value {
        match slot(register) {
            Some(slot) if register.size() == POINTER_LEN => self.registers[slot],
            // The address of a program that is not position-independent fits into half of it.
            Some(slot) if register.size() == 4 => match self.registers[slot] {
                Value::From(roots, shift) if roots != Roots::OTHER => Value::From(roots, shift),
                Value::Number(Shift::Exact(number)) => Value::Number(Shift::Exact(i64::from(number as u32))),
                Value::Number(Shift::Up) => Value::Number(Shift::Up),
                _ => Value::UNKNOWN,
            },
            _ => Value::UNKNOWN,
        }
    }

    fn set(&mut self, register: Register, value: Value) {
        if let Some(slot) = slot(register) {
            self.registers[slot] = match (register.size(), value) {
                (POINTER_LEN, value) => value,
                (4, Value::From(roots, shift)) if roots != Roots::OTHER => Value::From(roots, shift),
                (4, Value::Number(Shift::Exact(number))) => {
                    Value::Number(Shift::Exact(i64::from(number as u32)))
                }
                // The upper half is cleared.
                (4, _) => Value::Number(Shift::Up),
                _ => Value::UNKNOWN,
            };
        }
    }

    /// The address of a memory operand.
    pub(super) fn address(&self, instruction: &Instruction, named: Named) -> Value {
        let part = |register: Register| match register {
            Register::None | Register::RIP | Register::EIP => Value::Number(Shift::Exact(0)),
            register => self.get(register),
        };
        let is_relative = instruction.is_ip_rel_memory_operand();
        let base = if is_relative { Value::Number(Shift::Exact(0)) } else { part(instruction.memory_base()) };
        let index = part(instruction.memory_index()).times(instruction.memory_index_scale());
        let displacement = match named.memory {
            Some(roots) => Value::From(roots, Shift::Exact(0)),
            None if is_relative => Value::UNKNOWN,
            None => Value::Number(Shift::Exact(instruction.memory_displacement64() as i64)),
        };
        base.plus(index).plus(displacement)
    }

    /// The value of an operand that is read.
    pub(super) fn operand(&self, instruction: &Instruction, operand: u32, named: Named) -> Value {
        match instruction.op_kind(operand) {
            OpKind::Register => self.get(instruction.op_register(operand)),
            OpKind::Memory => match self.address(instruction, named) {
                Value::Stack(at) if instruction.memory_size().size() == POINTER_LEN => {
                    self.stack.get(&at).copied().unwrap_or(Value::UNKNOWN)
                }
                _ => Value::UNKNOWN,
            },
            _ => match (named.immediate, instruction.try_immediate(operand)) {
                (Some(roots), _) => Value::From(roots, Shift::Exact(0)),
                (None, Ok(number)) => Value::Number(Shift::Exact(number as i64)),
                (None, Err(_)) => Value::UNKNOWN,
            },
        }
    }

    /// What is known behind an instruction.
    pub(super) fn after(&self, instruction: &Instruction, used: &InstructionInfo, named: Named) -> Self {
        let mut next = self.clone();
        let result = self.result(instruction, named);
        let address = self.address(instruction, named);
        next.show_what_is_stored(self, instruction, named);
        let is_repeated = instruction.has_rep_prefix() || instruction.has_repne_prefix();
        for memory in used.used_memory().iter().filter(|memory| writes(memory.access())) {
            let len = if is_repeated { 0 } else { memory.memory_size().size() };
            next.forget_at(self, memory, len);
        }
        for register in used.used_registers().iter().filter(|register| writes(register.access())) {
            if !(is_call(instruction) && register.register() == Register::RSP) {
                next.set(register.register(), Value::UNKNOWN);
            }
        }
        match (result, instruction.op0_kind()) {
            (Some(value), OpKind::Register) => next.set(instruction.op0_register(), value),
            (Some(value), OpKind::Memory) if instruction.memory_size().size() == POINTER_LEN => {
                next.store(address, value);
            }
            _ => {}
        }
        next.move_stack(self, instruction);
        if is_call(instruction) {
            next.call();
        }
        next
    }

    /// What is written to the first operand, if it can be told.
    fn result(&self, instruction: &Instruction, named: Named) -> Option<Value> {
        let operand = |number| self.operand(instruction, number, named);
        let one = Value::Number(Shift::Exact(1));
        Some(match instruction.mnemonic() {
            Mnemonic::Mov => operand(1),
            Mnemonic::Movzx => Value::Number(Shift::Up),
            Mnemonic::Lea => self.address(instruction, named),
            Mnemonic::Add => operand(0).plus(operand(1)),
            Mnemonic::Sub => operand(0).less(operand(1)),
            Mnemonic::Shl => match operand(1) {
                Value::Number(Shift::Exact(by @ 0..=30)) => operand(0).times(1 << by),
                _ => return None,
            },
            Mnemonic::Inc => operand(0).plus(one),
            Mnemonic::Dec => operand(0).less(one),
            _ if is_zeroing(instruction) => Value::Number(Shift::Exact(0)),
            Mnemonic::And if operand(1).is_natural() => Value::Number(Shift::Up),
            _ if is_conditional_move(instruction) => operand(0).join(operand(1)),
            _ => return None,
        })
    }

    /// The address of a place in memory that an instruction uses without naming it, or besides.
    pub(super) fn address_of(&self, memory: &UsedMemory) -> Value {
        let part = |register: Register| match register {
            Register::None => Value::Number(Shift::Exact(0)),
            register => self.get(register),
        };
        let displacement = Value::Number(Shift::Exact(memory.displacement() as i64));
        part(memory.base()).plus(part(memory.index()).times(memory.scale())).plus(displacement)
    }

    /// Forgets what a store may have changed; a length of 0 is an unknown one.
    fn forget_at(&mut self, before: &Self, memory: &UsedMemory, len: usize) {
        let is_own = |register| matches!(before.get(register), Value::Stack(_)) || register == Register::RSP;
        match before.address_of(memory) {
            Value::Stack(at) => {
                let len = if len == 0 { i64::MAX } else { len as i64 };
                let from = at.saturating_sub(POINTER_LEN as i64 - 1);
                self.stack.retain(|slot, _| *slot < from || *slot >= at.saturating_add(len));
            }
            _ if is_own(memory.base()) || is_own(memory.index()) => self.stack.clear(),
            _ => self.forget_shown(),
        }
    }

    /// Forgets the part of the frame that others may write to.
    fn forget_shown(&mut self) {
        if let Some(shown) = self.shown {
            self.stack.retain(|slot, _| *slot < shown.saturating_sub(POINTER_LEN as i64 - 1));
        }
    }

    fn store(&mut self, place: Value, value: Value) {
        if let Value::Stack(at) = place {
            self.stack.insert(at, value);
        }
    }

    /// A place of the frame whose address gets out of sight may be written to by anybody.
    fn show(&mut self, value: Value) {
        if let Value::Stack(at) = value {
            self.shown = Some(self.shown.map_or(at, |shown| shown.min(at)));
        }
    }

    /// Places of the frame get out of sight when they are stored, or reckoned with in a way that is not followed.
    fn show_what_is_stored(&mut self, before: &Self, instruction: &Instruction, named: Named) {
        let is_followed = matches!(
            instruction.mnemonic(),
            Mnemonic::Mov | Mnemonic::Cmp | Mnemonic::Test | Mnemonic::Push | Mnemonic::Pop | Mnemonic::Leave
        );
        let is_store = instruction.op_count() > 0 && instruction.op0_kind() == OpKind::Memory;
        if is_followed && !is_store {
            return;
        }
        let result = before.result(instruction, named);
        if !is_store && matches!(result, Some(Value::Stack(_))) {
            return;
        }
        for operand in 0..instruction.op_count() {
            if instruction.op_kind(operand) == OpKind::Register {
                self.show(before.get(instruction.op_register(operand)));
            }
        }
        if instruction.mnemonic() == Mnemonic::Lea {
            self.show(before.get(instruction.memory_base()));
            self.show(before.get(instruction.memory_index()));
        }
    }

    /// `push`, `pop` and their like.
    fn move_stack(&mut self, before: &Self, instruction: &Instruction) {
        let top = before.get(Register::RSP);
        let moved = Value::Number(Shift::Exact(i64::from(instruction.stack_pointer_increment())));
        match instruction.mnemonic() {
            Mnemonic::Push => {
                let place = top.plus(moved);
                self.set(Register::RSP, place);
                let value = before.operand(instruction, 0, Named::default());
                self.show(value);
                self.store(place, value);
            }
            Mnemonic::Pop => {
                let value = match top {
                    Value::Stack(at) => before.stack.get(&at).copied().unwrap_or(Value::UNKNOWN),
                    _ => Value::UNKNOWN,
                };
                self.set(Register::RSP, top.plus(moved));
                if instruction.op0_kind() == OpKind::Register {
                    self.set(instruction.op0_register(), value);
                }
            }
            Mnemonic::Leave => {
                let frame = before.get(Register::RBP);
                self.set(Register::RSP, frame.plus(Value::Number(Shift::Exact(8))));
                if let Value::Stack(at) = frame {
                    let value = before.stack.get(&at).copied().unwrap_or(Value::UNKNOWN);
                    self.set(Register::RBP, value);
                }
            }
            _ => {}
        }
    }

    /// A called function has other uses for most registers, and for what it was shown.
    fn call(&mut self) {
        for number in 0..REGISTERS {
            if !KEPT.iter().any(|kept| slot(*kept) == Some(number)) {
                self.show(self.registers[number]);
                self.registers[number] = Value::UNKNOWN;
            }
        }
        self.forget_shown();
    }
}

/// The number of a register for whole numbers, whatever part of it is named.
fn slot(register: Register) -> Option<usize> {
    register.is_gpr().then(|| register.full_register().number())
}

fn is_call(instruction: &Instruction) -> bool {
    matches!(instruction.flow_control(), FlowControl::Call | FlowControl::IndirectCall)
}

pub(super) fn is_conditional_move(instruction: &Instruction) -> bool {
    instruction.condition_code() != ConditionCode::None && instruction.op_count() == 2
}

/// Whether the instruction clears a register: `xor eax, eax`.
pub(super) fn is_zeroing(instruction: &Instruction) -> bool {
    instruction.mnemonic() == Mnemonic::Xor
        && instruction.op1_kind() == OpKind::Register
        && instruction.op0_register() == instruction.op1_register()
}
