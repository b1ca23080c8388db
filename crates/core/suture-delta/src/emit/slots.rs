//! What is reached through a word that the loader fills: imports, slots of the global offset table, offsets
//! of thread-local variables.
//!
//! The old build's own word or linkage stub serves where it has one; else the delta brings a word that the
//! surgery fills, and a stub that jumps through it.

use suture_elf::relocations::kind;
use suture_elf::{BuildKind, Import, Slot};

use super::Emitter;
use crate::fields::Form;
use crate::model::{Relocation, RelocationKind, Resolution, SectionKind, SymbolKind, Target, TlsAnchor};
use crate::target::{self, Meaning};

/// `jmp *slot(%rip)`, the distance still open.
const JUMP_THROUGH_SLOT: [u8; 6] = [0xff, 0x25, 0, 0, 0, 0];

impl<'d> Emitter<'_, '_, '_, 'd> {
    /// A function of another module: through the old build's linkage stub if it has one, or else through
    /// a stub and a slot of the delta's own. In data: its address, which in a program that is not
    /// position-independent is its stub's.
    pub(super) fn import(&mut self, import: Import<'d>, form: Form) -> Target {
        let build = self.same.old.build;
        let is_address = form == Form::Absolute;
        if is_address && build.kind() != BuildKind::Executable {
            return self.import_reference(import);
        }
        let is_it = |slot: &u64| matches!(build.slot(*slot), Some(Slot::Import(other, 0)) if other.name == import.name);
        let name = format!("{}@plt", import.name);
        if let Some((stub, _)) = build.stubs().iter().find(|(_, slot)| is_it(slot)) {
            return self.image(&name, *stub);
        }
        if is_address {
            return self.import_reference(import);
        }
        let slot = self.import_slot(import);
        self.stub(import.name, name, slot)
    }

    /// The function that a resolver of the new build chooses: the old build has called its resolver and has the answer in a slot. The
    /// address of an indirect function itself is that of its resolver.
    fn chosen_slot(&self, resolver: u64) -> Result<(&'d str, u64), String> {
        let Meaning::Entity(entity, 0) = target::by_address(self.same.new, resolver) else {
            return Err("an indirect function whose resolver has no name".to_owned());
        };
        let name = self.same.new.entity(entity).name;
        let old =
            self.same.pairs.old_of(entity).ok_or_else(|| format!("{name} is a new indirect function"))?;
        let (build, address) = (self.same.old.build, self.same.old.entity(old).address);
        // A variable that holds it may have got another value since.
        let is_it = |(at, slot): &(&u64, &Slot<'_>)| {
            **slot == Slot::Resolver(address) && target::is_slot(self.same.old, **at)
        };
        let slot = build.slots().iter().find(is_it);
        let unused = || format!("{name} is an indirect function that the old build does not use");
        slot.map(|(slot, _)| (name, *slot)).ok_or_else(unused)
    }

    /// A function that calls it.
    pub(super) fn chosen(&mut self, resolver: u64) -> Result<Target, String> {
        let (name, slot) = self.chosen_slot(resolver)?;
        let plt = format!("{name}@plt");
        let build = self.same.old.build;
        if let Some((stub, _)) =
            build.stubs().iter().find(|(_, found)| build.slot(**found) == build.slot(slot))
        {
            return Ok(self.image(&plt, *stub));
        }
        let slot = self.image(&format!("{name}@got"), slot);
        Ok(self.stub(name, plt, slot))
    }

    /// A stub of the delta's own, named `plt`, that jumps to where `slot` says.
    pub(super) fn stub(&mut self, name: &str, plt: String, slot: Target) -> Target {
        if let Some(symbol) = self.made.get(&plt) {
            return Target::Symbol(*symbol);
        }
        let section = format!(".text.suture.plt.{name}");
        let symbol = self.promise(&section, &plt, SectionKind::Text, SymbolKind::Function, 6, 16);
        let through = Relocation { offset: 2, kind: RelocationKind::Pc32, target: slot, addend: -4 };
        self.fill(symbol, JUMP_THROUGH_SLOT.to_vec(), vec![through]);
        self.made.insert(plt, symbol);
        Target::Symbol(symbol)
    }

    pub(super) fn import_reference(&mut self, import: Import<'d>) -> Target {
        let resolution =
            Resolution::Import { symbol: import.name.to_owned(), version: import.version.map(str::to_owned) };
        self.reference(import.name, resolution)
    }

    pub(super) fn import_slot(&mut self, import: Import<'d>) -> Target {
        let target = self.import_reference(import);
        self.new_slot(&format!("got.{}", import.name), target, 0)
    }

    /// Whether the delta can speak of it as a place of the old build.
    pub(crate) fn is_in_old_image(&self, address: u64) -> bool {
        const PT_LOAD: u32 = 1;
        let loaded = self.same.old.build.segments().iter().filter(|segment| segment.kind == PT_LOAD);
        loaded.into_iter().any(|segment| address.wrapping_sub(segment.address) <= segment.size)
    }

    /// A word of the delta's own that holds `target` plus `addend`.
    pub(crate) fn new_slot(&mut self, name: &str, target: Target, addend: i64) -> Target {
        if let Some(symbol) = self.made.get(name) {
            return Target::Symbol(*symbol);
        }
        let section = format!(".rodata.suture.{name}");
        let symbol = self.promise(&section, name, SectionKind::ReadOnly, SymbolKind::Object, 8, 8);
        self.fill(
            symbol,
            vec![0; 8],
            vec![Relocation { offset: 0, kind: RelocationKind::Abs64, target, addend }],
        );
        self.made.insert(name.to_owned(), symbol);
        Target::Symbol(symbol)
    }

    /// A slot of the old build that is filled with the same, or one of the delta's own.
    pub(super) fn slot(&mut self, address: u64) -> Result<Target, String> {
        let (old, new) = (self.same.old.build, self.same.new.build);
        if let Some(found) = self.old_slot(address) {
            return Ok(self.image("GOT slot", found));
        }
        if let Some(symbol) = self.same.asked(address) {
            return Ok(self.import_slot(symbol));
        }
        self.must_be_absent(address);
        match new.slot(address) {
            Some(Slot::Import(import, 0)) => Ok(self.import_slot(import)),
            Some(Slot::Resolver(resolver)) => {
                let (name, slot) = self.chosen_slot(resolver)?;
                Ok(self.image(&format!("{name}@got"), slot))
            }
            Some(Slot::Address(target)) => self.address_slot(target),
            Some(Slot::TlsOffset(Ok(offset))) => self.tls_slot(offset),
            Some(Slot::TlsPair(Ok(offset))) => self.tls_pair(offset),
            None => {
                let value =
                    new.read_u64(address).ok_or_else(|| "a slot that is not in the file".to_owned())?;
                if (value as i64) < 0 {
                    let size = target::tls_block_size(self.same.new).unwrap_or(0);
                    let meaning = target::tls_variable(self.same.new, value.wrapping_add(size), None);
                    let number = self.tls_offset(meaning)?;
                    let name = format!("tpoff.{number:x}");
                    return Ok(self.number_slot(&name, number));
                }
                self.address_slot(value)
            }
            Some(other) => {
                Err(format!("a slot for {other:?} that the old build does not have: {}", old.slots().len()))
            }
        }
    }

    fn number_slot(&mut self, name: &str, number: u64) -> Target {
        if let Some(symbol) = self.made.get(name) {
            return Target::Symbol(*symbol);
        }
        let section = format!(".rodata.suture.{name}");
        let symbol = self.promise(&section, name, SectionKind::ReadOnly, SymbolKind::Object, 8, 8);
        self.fill(symbol, number.to_le_bytes().to_vec(), Vec::new());
        self.made.insert(name.to_owned(), symbol);
        Target::Symbol(symbol)
    }

    fn address_slot(&mut self, address: u64) -> Result<Target, String> {
        let meaning = target::by_address(self.same.new, address);
        let (target, distance) = self.place(meaning, Form::Absolute)?;
        let name = match target {
            Target::Symbol(symbol) => format!("got.{}+{distance}", self.symbols[symbol as usize].name),
            Target::Reference(id) => format!("got.{}+{distance}", self.references[id as usize].name),
        };
        Ok(self.new_slot(&name, target, distance))
    }

    fn tls_slot(&mut self, offset: u64) -> Result<Target, String> {
        let offset = self.tls_offset_in_block(target::tls_variable(self.same.new, offset, None))?;
        let name = format!("tpoff.{offset:x}");
        let mut anchors = self.same.old.build.slots().iter().filter_map(|(address, slot)| match slot {
            Slot::TlsOffset(Ok(offset)) => Some(TlsAnchor { address: *address, offset: *offset }),
            _ => None,
        });
        let anchor =
            anchors.next().ok_or_else(|| "the old build knows no thread-pointer offset".to_owned())?;
        let target = self.reference(&name, Resolution::TlsOffset { offset, anchor });
        Ok(self.new_slot(&name, target, 0))
    }

    /// Two words from which `__tls_get_addr` finds a variable that the old build has, but not in this way.
    fn tls_pair(&mut self, offset: u64) -> Result<Target, String> {
        // The whole block, or its first variable: which of them can't be told, and only for one is it enough
        // that the variable is there.
        let meaning = target::tls_variable(self.same.new, offset, None);
        let old = self.tls_offset_in_block(meaning)?;
        if (offset == 0) != (old == 0) {
            return Err("the beginning of the thread-local block, where another variable is".to_owned());
        }
        let name = format!("tlspair.{old:x}");
        if let Some(symbol) = self.made.get(&name) {
            return Ok(Target::Symbol(*symbol));
        }
        let own = |(_, slot): &(&u64, &Slot<'_>)| matches!(slot, Slot::TlsPair(Ok(_)));
        let anchor = self.same.old.build.slots().iter().find(own).map(|(address, _)| *address);
        let anchor_address = anchor.ok_or_else(|| "the old build knows no index of its block".to_owned())?;
        let module = self.reference("TLS index", Resolution::TlsModule { anchor_address });
        let section = format!(".rodata.suture.{name}");
        let symbol = self.promise(&section, &name, SectionKind::ReadOnly, SymbolKind::Object, 16, 8);
        let mut words = vec![0; 8];
        words.extend(old.to_le_bytes());
        let index = Relocation { offset: 0, kind: RelocationKind::Abs64, target: module, addend: 0 };
        self.fill(symbol, words, vec![index]);
        self.made.insert(name, symbol);
        Ok(Target::Symbol(symbol))
    }

    /// The offset in the TLS segment of the old build of a variable of the new one.
    fn tls_offset_in_block(&self, meaning: Meaning<'d>) -> Result<u64, String> {
        let Meaning::Tls(index, distance) = meaning else {
            return Err("an unknown thread-local variable".to_owned());
        };
        let old =
            self.same.pairs.old_tls_of(index).ok_or_else(|| "a new thread-local variable".to_owned())?;
        Ok(self.same.old.tls[old].offset.wrapping_add_signed(distance))
    }

    /// A slot of the old build with the same content. One that is filled only at the first call is no
    /// source for an address.
    fn old_slot(&self, new: u64) -> Option<u64> {
        let build = self.same.old.build;
        let loaded = build.slots().keys().copied().filter(|address| {
            let got = build.section_at(*address).is_some_and(|section| section.name.starts_with(".got"));
            let at = build.dynamic_relocations().partition_point(|r| r.address < *address);
            let lazy = build.dynamic_relocations().get(at).is_some_and(|r| r.kind == kind::JUMP_SLOT);
            got && !(lazy && build.section_at(*address).is_some_and(|section| section.name == ".got.plt"))
        });
        let fixed = build.section(".got").into_iter().flat_map(|section| {
            (0..section.size / 8)
                .map(|n| section.address + n * 8)
                .filter(|address| build.slot(*address).is_none())
        });
        loaded.chain(fixed).find(|old| self.same.same_slot(*old, new, 0))
    }

    /// What the old build adds to the thread pointer, or in a library to its block, for a variable of the new one.
    pub(super) fn tls_offset(&self, meaning: Meaning<'d>) -> Result<u64, String> {
        let offset = self.tls_offset_in_block(meaning)?;
        let size =
            target::tls_block_size(self.same.old).ok_or_else(|| "the old build has none".to_owned())?;
        Ok(offset.wrapping_sub(size))
    }
}
