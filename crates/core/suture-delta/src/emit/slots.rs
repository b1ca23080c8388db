//! What is reached through a word that the loader fills: imports, slots of the global offset table, offsets
//! of thread-local variables.
//!
//! The old build's own word or linkage stub serves where it has one; else the delta brings a word that the
//! surgery fills, and a stub that jumps through it.

use suture_elf::relocations::kind;
use suture_elf::{Build, BuildKind, Import, Slot};

use super::Emitter;
use crate::fields::Form;
use crate::model::{Relocation, RelocationKind, Resolution, SectionKind, SymbolKind, Target, TlsAnchor};
use crate::side::EntityId;
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

    /// The indirect function that a resolver of the new build chooses for. The address of one itself is that of its resolver.
    fn indirect(&self, resolver: u64) -> Result<EntityId, String> {
        match target::by_address(self.same.new, resolver) {
            Meaning::Entity(entity, 0) => Ok(entity),
            _ => Err("an indirect function whose resolver has no name".to_owned()),
        }
    }

    /// Where the old build, which has called the resolver, has the answer; `None` if it uses the indirect function nowhere.
    fn old_choice(&self, indirect: EntityId, is_call: bool) -> Option<u64> {
        let old = self.same.pairs.old_of(indirect)?;
        let (build, address) = (self.same.old.build, self.same.old.entity(old).address);
        // A variable that holds it may have got another value since.
        let stays = |at: u64| target::is_slot(self.same.old, at) || !self.same.old.is_writable(at);
        let is_it = |(at, slot): &(&u64, &Slot<'_>)| {
            **slot == Slot::Resolver(address) && stays(**at) && (is_call || !is_lazy(build, **at))
        };
        build.slots().iter().find(is_it).map(|(slot, _)| *slot)
    }

    /// A word that has what was chosen: the old build's, or one of the delta's own for which the resolver is called.
    fn chosen_slot(&mut self, indirect: EntityId, is_call: bool) -> Result<Target, String> {
        let name = self.same.new.entity(indirect).name;
        if let Some(slot) = self.old_choice(indirect, is_call) {
            return Ok(self.image(&format!("{name}@got"), slot));
        }
        let (by, _) = self.entity_place(indirect, 0)?;
        let chosen = self.reference(name, Resolution::Chosen { by });
        Ok(self.new_slot(&format!("chosen.{name}"), chosen, 0))
    }

    /// A function that calls it.
    pub(super) fn chosen(&mut self, resolver: u64) -> Result<Target, String> {
        let (indirect, build) = (self.indirect(resolver)?, self.same.old.build);
        let name = self.same.new.entity(indirect).name;
        let plt = format!("{name}@plt");
        let old = self.old_choice(indirect, true).and_then(|slot| build.slot(slot));
        let is_it = |(_, slot): &(&u64, &u64)| old.is_some() && build.slot(**slot) == old;
        if let Some((stub, _)) = build.stubs().iter().find(is_it) {
            return Ok(self.image(&plt, *stub));
        }
        let slot = self.chosen_slot(indirect, true)?;
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
                let indirect = self.indirect(resolver)?;
                self.chosen_slot(indirect, false)
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
            got && !is_lazy(build, *address)
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

/// Whether a slot leads to the dynamic linker until the first call.
fn is_lazy(build: &Build<'_>, slot: u64) -> bool {
    let relocations = build.dynamic_relocations();
    let relocation = relocations.get(relocations.partition_point(|r| r.address < slot));
    relocation.is_some_and(|r| r.address == slot && r.kind == kind::JUMP_SLOT)
        && build.section_at(slot).is_some_and(|section| section.name == ".got.plt")
}
