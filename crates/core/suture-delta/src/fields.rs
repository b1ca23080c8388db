//! Fields: the bytes of a function or an object that hold an address or an offset the linker computed.
//!
//! In code the decoded instruction says *where* a field is and what address it means; the relocation at
//! that place, if it names a symbol, says *what* was meant. The linker rewrites instructions (relaxed GOT
//! and TLS accesses) and leaves the old relocation type, so the type alone is never trusted.

use iced_x86::{Decoder, DecoderOptions, FlowControl, Instruction, Mnemonic, OpKind, Register};
use suture_elf::relocations::kind;
use suture_elf::{Build, Relocation, Slot, SymbolKind};

use crate::side::{EntityId, EntityKind, Side};

/// A field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Field {
    /// Offset from the beginning of the function or object.
    pub(crate) offset: u32,
    /// Length in bytes.
    pub(crate) len: u8,
    /// What is stored.
    pub(crate) form: Form,
    /// The address that is meant; for [`Form::TlsOffset`] the offset from the thread pointer. What another
    /// module provides has no address here: its symbol says what it is, and this is the distance from it.
    pub(crate) address: u64,
    /// Symbol of the relocation there, unless it says nothing.
    pub(crate) symbol: Option<u32>,
    /// Section to which the relocation there is relative, if it is.
    pub(crate) section: Option<u32>,
    /// Where the constant without a name begins that the relocation there is relative to, if it is: the address may be
    /// that of its end, from which the code counts back.
    pub(crate) label: Option<u64>,
    /// Whether the instruction reads or writes just there, and does not only take the address.
    pub(crate) accesses: bool,
    /// Offset of the end of the instruction (to which [`Form::Relative`] is relative); 0 in data.
    pub(crate) end: u32,
}

/// What a field stores.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// Distance from the end of the instruction.
    Relative,
    /// The target of a branch, as a distance from the end of the instruction.
    Branch,
    /// The address, in 8 bytes.
    Absolute,
    /// The address, in 4 bytes, zero-extended.
    Absolute32,
    /// The address, in 4 bytes, sign-extended.
    Absolute32Signed,
    /// The distance of a thread-local variable from the thread pointer, in 4 bytes.
    TlsOffset,
    /// Distance from the beginning of the table in which it stands.
    TableRelative,
}

/// The fields of a function's code, ascending. Branches inside it are none.
pub(crate) fn of_code(side: &Side<'_, '_>, id: EntityId) -> Vec<Field> {
    let entity = side.entity(id);
    let Some(bytes) = side.bytes(id) else { return Vec::new() };
    let own = entity.address..entity.address + entity.size;
    let relocations = side.build.relocations_in(own.start, own.end);
    let mut scan =
        Scan { build: side.build, own, relocations, next: 0, tls_symbol: None, fields: Vec::new() };
    let mut decoder = Decoder::with_ip(64, bytes, entity.address, DecoderOptions::NONE);
    let mut instruction = Instruction::default();
    while decoder.can_decode() {
        decoder.decode_out(&mut instruction);
        scan.instruction(&decoder, &instruction);
    }
    scan.fields
}

/// The fields of a function or an object, ascending.
pub(crate) fn of_entity(side: &Side<'_, '_>, id: EntityId) -> Vec<Field> {
    let entity = side.entity(id);
    match entity.kind {
        EntityKind::Object => of_data(side.build, entity.address, entity.size, false),
        EntityKind::Function | EntityKind::Resolver => of_code(side, id),
    }
}

/// Why what a function refers to, and where it goes, can't be told, if so: an instruction that can't be decoded hides
/// where those behind it begin.
pub(crate) fn unreadable(side: &Side<'_, '_>, id: EntityId) -> Option<String> {
    let address = side.entity(id).address;
    let Some(bytes) = side.bytes(id) else { return Some("its code is not in the file".to_owned()) };
    let decoder = Decoder::with_ip(64, bytes, address, DecoderOptions::NONE);
    let found = decoder.into_iter().find(Instruction::is_invalid)?;
    Some(format!("its code can't be decoded at offset {:#x}", found.ip() - address))
}

struct Scan<'a, 'd> {
    build: &'a Build<'d>,
    own: std::ops::Range<u64>,
    relocations: &'a [Relocation],
    next: usize,
    tls_symbol: Option<u32>,
    fields: Vec<Field>,
}

impl Scan<'_, '_> {
    fn instruction(&mut self, decoder: &Decoder<'_>, instruction: &Instruction) {
        let here = instruction.ip();
        let mine = self.relocations_until(instruction.next_ip());
        let constants = decoder.get_constant_offsets(instruction);
        let end = (instruction.next_ip() - self.own.start) as u32;
        let at = |offset: usize| (here - self.own.start) as u32 + offset as u32;
        let mut taken = None;
        if is_near_branch(instruction) {
            let target = instruction.near_branch_target();
            if !self.own.contains(&target) {
                let offset = at(constants.immediate_offset());
                let Named { symbol, section, .. } = self.named_at(&mine, offset);
                let len = constants.immediate_size() as u8;
                let (form, address) = (Form::Branch, target);
                self.fields.push(Field {
                    offset,
                    len,
                    form,
                    address,
                    symbol,
                    section,
                    label: None,
                    accesses: true,
                    end,
                });
                taken = Some(offset);
            }
        } else if instruction.is_ip_rel_memory_operand() {
            let offset = at(constants.displacement_offset());
            let Named { symbol, section, label } = self.named_at(&mine, offset);
            let (form, address) = (Form::Relative, instruction.ip_rel_memory_address());
            self.remember_tls(&mine, offset);
            let accesses = instruction.mnemonic() != Mnemonic::Lea;
            self.fields.push(Field { offset, len: 4, form, address, symbol, section, label, accesses, end });
            taken = Some(offset);
        }
        for index in mine {
            self.absolute(self.relocations[index], instruction, constants, taken, end);
        }
    }

    /// Indices of the relocations before `end` that no earlier instruction had.
    fn relocations_until(&mut self, end: u64) -> std::ops::Range<usize> {
        let from = self.next;
        while self.relocations.get(self.next).is_some_and(|r| r.address < end) {
            self.next += 1;
        }
        from..self.next
    }

    /// What the relocation at an offset says.
    fn named_at(&self, mine: &std::ops::Range<usize>, offset: u32) -> Named {
        let address = self.own.start + u64::from(offset);
        let relocation = self.relocations[mine.clone()].iter().find(|r| r.address == address);
        relocation.map_or_else(Named::default, |r| Named::by(self.build, r.symbol))
    }

    /// A relaxed general-dynamic access keeps its symbol in the relocation of the first instruction.
    fn remember_tls(&mut self, mine: &std::ops::Range<usize>, _offset: u32) {
        for relocation in &self.relocations[mine.clone()] {
            if matches!(relocation.kind, kind::TLSGD | kind::TLSLD) {
                self.tls_symbol = Some(relocation.symbol);
            }
        }
    }

    fn absolute(
        &mut self,
        relocation: Relocation,
        instruction: &Instruction,
        constants: iced_x86::ConstantOffsets,
        taken: Option<u32>,
        end: u32,
    ) {
        let offset = (relocation.address - self.own.start) as u32;
        let start = (instruction.ip() - self.own.start) as u32;
        let constant = |has: bool, at: usize| has && start + at as u32 == offset;
        let in_immediate = constant(constants.has_immediate(), constants.immediate_offset());
        let in_displacement = constant(constants.has_displacement(), constants.displacement_offset());
        if taken == Some(offset) {
            return;
        }
        let form = match relocation.kind {
            kind::ABS64 => Form::Absolute,
            kind::ABS32 => Form::Absolute32,
            kind::ABS32S => Form::Absolute32Signed,
            // A relaxed GOT load: the address itself, where the distance to its slot was.
            kind::GOTPCREL | kind::GOTPCRELX | kind::REX_GOTPCRELX if in_immediate => Form::Absolute32Signed,
            kind::TPOFF32 | kind::GOTTPOFF | kind::DTPOFF32 | kind::GOTPC32_TLSDESC => Form::TlsOffset,
            // Relaxed general-dynamic: where the call of `__tls_get_addr` was, the offset stands now.
            kind::PLT32 | kind::PC32 | kind::GOTPCRELX | kind::GOTPCREL
                if self.tls_symbol.is_some() && instruction.flow_control() == FlowControl::Next =>
            {
                Form::TlsOffset
            }
            kind::TLSGD | kind::TLSLD => {
                self.tls_symbol = Some(relocation.symbol);
                return;
            }
            _ => return,
        };
        if form == Form::TlsOffset && !in_displacement && !in_immediate {
            self.tls_symbol = Some(relocation.symbol);
            return;
        }
        let len = if form == Form::Absolute { 8 } else { 4 };
        let Some(bytes) = self.build.read(relocation.address, u64::from(len)) else { return };
        let value = bytes.iter().rev().fold(0_u64, |sum, byte| sum << 8 | u64::from(*byte));
        let address = match form {
            Form::Absolute32Signed | Form::TlsOffset => i64::from(value as u32 as i32) as u64,
            _ => value,
        };
        let Named { mut symbol, section, label } = Named::by(self.build, relocation.symbol);
        if let (Form::TlsOffset, kind::PLT32 | kind::PC32 | kind::GOTPCRELX | kind::GOTPCREL) =
            (form, relocation.kind)
        {
            symbol = self.tls_symbol.take();
        }
        // A register may lead back into what ends there.
        let is_alone = [instruction.memory_base(), instruction.memory_index()] == [Register::None; 2];
        let accesses = in_displacement && is_alone && instruction.mnemonic() != Mnemonic::Lea;
        self.fields.push(Field { offset, len, form, address, symbol, section, label, accesses, end });
    }
}

/// The fields of `size` bytes of data at `address`, ascending. With `table`, entries relative to the
/// beginning of the data are looked for: a jump table, or a table of strings.
pub(crate) fn of_data(build: &Build<'_>, address: u64, size: u64, table: bool) -> Vec<Field> {
    let mut fields = Vec::new();
    for relocation in build.relocations_in(address, address.saturating_add(size)) {
        let offset = relocation.address - address;
        let Named { symbol, section, label } = Named::by(build, relocation.symbol);
        let offset = offset as u32;
        let field = |len, form, address| Field {
            offset,
            len,
            form,
            address,
            symbol,
            section,
            label,
            accesses: false,
            end: 0,
        };
        match relocation.kind {
            kind::ABS64 => {
                let target = match build.slot(relocation.address) {
                    Some(Slot::Import(_, distance)) => distance as u64,
                    _ => pointer(build, relocation.address).unwrap_or(0),
                };
                fields.push(field(8, Form::Absolute, target));
            }
            kind::ABS32 | kind::ABS32S | kind::PC32 | kind::PLT32 => {
                let Some(bytes) = build.read(relocation.address, 4) else { continue };
                let value = i32::from_le_bytes(bytes.try_into().unwrap_or_default());
                let (form, target) = match relocation.kind {
                    kind::ABS32 => (Form::Absolute32, u64::from(value as u32)),
                    kind::ABS32S => (Form::Absolute32Signed, i64::from(value) as u64),
                    _ if table => (Form::TableRelative, address.wrapping_add_signed(i64::from(value))),
                    _ => (Form::Relative, relocation.address.wrapping_add_signed(i64::from(value))),
                };
                fields.push(field(4, form, target));
            }
            _ => {}
        }
    }
    fields
}

/// The address of the build that the word at `address` will hold at run time; `None` if it will hold
/// something of another module.
pub(crate) fn pointer(build: &Build<'_>, address: u64) -> Option<u64> {
    match build.slot(address) {
        Some(Slot::Address(target) | Slot::Resolver(target)) => Some(target),
        Some(_) => None,
        None => build.read_u64(address),
    }
}

/// What a relocation says of what is meant.
#[derive(Debug, Clone, Copy, Default)]
struct Named {
    /// A symbol with a name.
    symbol: Option<u32>,
    /// The section that a section's symbol stands for.
    section: Option<u32>,
    /// Address of a compiler's label (`.LC3`), whose name says nothing.
    label: Option<u64>,
}

impl Named {
    fn by(build: &Build<'_>, symbol: u32) -> Self {
        let Some(found) = build.symbols().get(symbol as usize) else { return Self::default() };
        if found.kind == SymbolKind::Section {
            return Self { section: found.section, ..Self::default() };
        }
        if found.name.starts_with(".L") {
            let section = found.section.and_then(|section| build.sections().get(section as usize));
            let in_data = section.is_some_and(|section| section.is_loaded() && !section.is_code());
            return Self { label: in_data.then_some(found.address), ..Self::default() };
        }
        Self { symbol: (!found.name.is_empty()).then_some(symbol), ..Self::default() }
    }
}

/// Whether the instruction jumps to or calls a fixed address.
pub(crate) fn is_near_branch(instruction: &Instruction) -> bool {
    instruction.op_count() > 0
        && matches!(
            instruction.op0_kind(),
            OpKind::NearBranch16 | OpKind::NearBranch32 | OpKind::NearBranch64
        )
}
