//! What the procedure linkage table and the global offset table of a build stand for.

use std::collections::BTreeMap;

use iced_x86::{Code, Decoder, DecoderOptions, Mnemonic, OpKind};

use crate::build::Build;
use crate::relocations::kind;
use crate::symbols::SymbolKind;

/// A symbol that another module provides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Import<'d> {
    /// Its name.
    pub name: &'d str,
    /// Its version, if the build asks for one.
    pub version: Option<&'d str>,
}

/// What the dynamic loader puts into a word of the build.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Slot<'d> {
    /// The address of an imported symbol, plus this.
    Import(Import<'d>, i64),
    /// This address of the build.
    Address(u64),
    /// What the resolver at this address of the build returns.
    Resolver(u64),
    /// The thread-pointer offset of a thread-local variable: its offset in the build's own TLS segment, or
    /// the variable of another module.
    TlsOffset(Result<u64, Import<'d>>),
    /// This word and the next: from which `__tls_get_addr` finds a thread-local variable, given by its offset
    /// in the build's own TLS segment (or the beginning of it, 0), or as the variable of another module.
    TlsPair(Result<u64, Import<'d>>),
    /// The same for a TLS descriptor.
    TlsDescriptor(Result<u64, Import<'d>>),
    /// Something else; the type of the relocation. No such word is like any other.
    Other(u32),
}

/// What the dynamic loader puts where, by address.
pub(crate) fn slots<'d>(build: &Build<'d>) -> BTreeMap<u64, Slot<'d>> {
    let mut slots = BTreeMap::new();
    for relocation in build.dynamic_relocations() {
        let symbol =
            build.dynamic_symbols().get(relocation.symbol as usize).filter(|_| relocation.symbol != 0);
        let import = symbol.filter(|s| s.section.is_none()).and_then(|_| build.import(relocation.symbol));
        let own = symbol.filter(|s| s.section.is_some()).map(|s| s.address);
        let is_indirect = symbol.is_some_and(|s| s.kind == SymbolKind::IndirectFunction);
        let variable = |addend: i64| match (import, own) {
            (Some(import), _) => Err(import),
            (None, own) => Ok(own.unwrap_or(0).wrapping_add_signed(addend)),
        };
        let slot = match relocation.kind {
            kind::GLOB_DAT | kind::JUMP_SLOT | kind::ABS64 => match (import, own) {
                (Some(import), _) => Slot::Import(import, relocation.addend),
                // Its own definition may be preempted: what the loader finds counts, the slot holds it.
                (None, Some(address)) if is_indirect && relocation.addend == 0 => Slot::Resolver(address),
                (None, Some(address)) => Slot::Address(address.wrapping_add_signed(relocation.addend)),
                (None, None) => continue,
            },
            kind::RELATIVE => Slot::Address(relocation.addend as u64),
            kind::IRELATIVE => Slot::Resolver(relocation.addend as u64),
            kind::TPOFF64 => Slot::TlsOffset(variable(relocation.addend)),
            kind::TLSDESC => Slot::TlsDescriptor(variable(relocation.addend)),
            kind::DTPMOD64 => {
                // Without a relocation of its own the second word is what the linker has left there.
                let second = relocation.address.wrapping_add(8);
                let left = build.read_u64(second).filter(|_| own.is_none());
                slots.entry(second).or_insert(Slot::Other(kind::DTPOFF64));
                Slot::TlsPair(variable(left.unwrap_or(0) as i64))
            }
            other => Slot::Other(other),
        };
        slots.insert(relocation.address, slot);
    }
    slots
}

/// Address of each stub of the procedure linkage tables, with the slot through which it jumps.
///
/// Read from the code, not from a layout: every linker and option lays them out in its own way, but each
/// stub is one indirect jump through a slot, behind at most an `endbr64` and before at most padding.
pub(crate) fn stubs(build: &Build<'_>) -> BTreeMap<u64, u64> {
    let mut stubs = BTreeMap::new();
    for section in build.sections().iter().filter(|s| s.name.starts_with(".plt") || s.name == ".iplt") {
        let mut decoder = Decoder::with_ip(64, section.data, section.address, DecoderOptions::NONE);
        let mut start = None;
        while decoder.can_decode() {
            let instruction = decoder.decode();
            match instruction.code() {
                Code::Endbr64 => start = Some(instruction.ip()),
                _ if instruction.mnemonic() == Mnemonic::Jmp
                    && instruction.op0_kind() == OpKind::Memory
                    && instruction.is_ip_rel_memory_operand() =>
                {
                    let entry = start.take().unwrap_or(instruction.ip());
                    stubs.insert(entry, instruction.ip_rel_memory_address());
                }
                _ => start = None,
            }
        }
    }
    stubs
}
