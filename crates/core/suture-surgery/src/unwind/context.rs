//! The registers of one frame, by their DWARF numbers.

use gimli::Register;

use crate::registers::Registers;

/// Number of registers that unwinding computes with: sixteen general-purpose ones and the return address.
pub(super) const COUNT: usize = 17;
pub(super) const RSP: usize = 7;
/// The return address; in a frame's own registers, where it executes.
pub(super) const RIP: usize = 16;

/// Values of the registers, and which of them are known.
#[derive(Debug, Clone, Copy)]
pub(super) struct Context {
    values: [u64; COUNT],
    known: u32,
}

impl Context {
    /// Order of the numbers: System V ABI for AMD64, figure 3.36.
    pub(super) fn new(r: &Registers) -> Self {
        let values = [
            r.rax, r.rdx, r.rcx, r.rbx, r.rsi, r.rdi, r.rbp, r.rsp, r.r8, r.r9, r.r10, r.r11, r.r12, r.r13,
            r.r14, r.r15, r.rip,
        ];
        Self { values, known: (1 << COUNT) - 1 }
    }

    pub(super) fn rip(&self) -> u64 {
        self.values[RIP]
    }

    pub(super) fn rsp(&self) -> u64 {
        self.values[RSP]
    }

    /// The value of a register; `None` if it is unknown, or none that unwinding computes with.
    pub(super) fn get(&self, register: Register) -> Option<u64> {
        let value = self.values.get(usize::from(register.0))?;
        (self.known & 1 << register.0 != 0).then_some(*value)
    }

    /// Sets a register below [`COUNT`], or makes it unknown.
    pub(super) fn set(&mut self, register: usize, value: Option<u64>) {
        self.values[register] = value.unwrap_or(0);
        self.known = self.known & !(1 << register) | u32::from(value.is_some()) << register;
    }
}
