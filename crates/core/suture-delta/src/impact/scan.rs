//! Reads from code and data who calls a function and who takes its address.

use iced_x86::{Decoder, DecoderOptions, Instruction, Mnemonic, OpKind};
use suture_elf::relocations::kind;
use suture_elf::{Build, Slot};

use super::CallGraph;

/// What was found, in no order.
#[derive(Debug, Default)]
pub(super) struct Scan {
    /// Caller and called.
    pub(super) calls: Vec<(u32, u32)>,
    /// Functions whose address is taken.
    pub(super) taken: Vec<u32>,
}

/// Reads all code and data of `build`.
pub(super) fn scan(build: &Build<'_>, graph: &CallGraph<'_>) -> Scan {
    let mut scan = Scan::default();
    for (start, end, function) in &graph.extents {
        let Some(code) = build.read(*start, end - start) else { continue };
        let mut decoder = Decoder::with_ip(64, code, *start, DecoderOptions::NONE);
        let mut instruction = Instruction::default();
        while decoder.can_decode() {
            decoder.decode_out(&mut instruction);
            scan.instruction(build, graph, *function, &instruction);
        }
    }
    scan.data(build, graph);
    scan
}

impl Scan {
    fn instruction(&mut self, build: &Build<'_>, graph: &CallGraph<'_>, own: u32, instruction: &Instruction) {
        let here = instruction.ip();
        let is_branch = matches!(instruction.mnemonic(), Mnemonic::Call | Mnemonic::Jmp);
        if matches!(instruction.op0_kind(), OpKind::NearBranch64) {
            let target = instruction.near_branch_target();
            let target = behind_stub(build, target).unwrap_or(target);
            self.call(graph, (own, here), target);
        } else if instruction.is_ip_rel_memory_operand() {
            let address = instruction.ip_rel_memory_address();
            match slot_target(build, address) {
                Some(target) if is_branch => self.call(graph, (own, here), target),
                Some(target) => self.take(graph, target),
                None if instruction.mnemonic() == Mnemonic::Lea => self.take(graph, address),
                None => {}
            }
        } else if let Some(value) = immediate(instruction) {
            self.take(graph, value);
        }
    }

    /// `own` calls the function at `target`, from the address `here`.
    fn call(&mut self, graph: &CallGraph<'_>, (own, here): (u32, u64), target: u64) {
        // A jump into the middle of another function goes to a part of it.
        if let Some(called) = graph.at(target)
            && (called != own || graph.entry(target).is_some())
        {
            self.calls.push((graph.copy_at(here).unwrap_or(own), called));
        }
    }

    fn take(&mut self, graph: &CallGraph<'_>, address: u64) {
        self.taken.extend(graph.entry(address));
    }

    /// Pointers in data; not those in the offset table, which the code that loads them accounts for, and
    /// not those of the unwinder.
    fn data(&mut self, build: &Build<'_>, graph: &CallGraph<'_>) {
        let counts = |address: u64| {
            build.section_at(address).is_some_and(|section| {
                !section.is_code()
                    && !section.name.starts_with(".got")
                    && !section.name.starts_with(".eh_frame")
            })
        };
        for (address, slot) in build.slots() {
            if let Slot::Address(target) | Slot::Resolver(target) = slot
                && counts(*address)
            {
                self.take(graph, *target);
            }
        }
        for relocation in build.relocations().iter().filter(|r| r.kind == kind::ABS64 && counts(r.address)) {
            if let Some(target) = build.read_u64(relocation.address) {
                self.take(graph, target);
            }
        }
    }
}

/// The function behind a linkage stub.
fn behind_stub(build: &Build<'_>, address: u64) -> Option<u64> {
    slot_target(build, build.stub(address)?)
}

/// The function of this build whose address stands in a slot of the offset table, filled by the loader or
/// by the linker for good.
fn slot_target(build: &Build<'_>, slot: u64) -> Option<u64> {
    match build.slot(slot) {
        Some(Slot::Address(target) | Slot::Resolver(target)) => Some(target),
        None if build.section_at(slot)?.name.starts_with(".got") => build.read_u64(slot),
        _ => None,
    }
}

/// A constant that may be an address.
fn immediate(instruction: &Instruction) -> Option<u64> {
    (0..instruction.op_count()).find_map(|operand| match instruction.op_kind(operand) {
        OpKind::Immediate32 | OpKind::Immediate64 | OpKind::Immediate32to64 => {
            Some(instruction.immediate(operand))
        }
        _ => None,
    })
}
