//! Who refers to an object: functions, directly or through pointers in other data.
//!
//! A reference that the linker has left with the object's name is that object's alone. One that is an address
//! may mean what stands beside it: for `table[n - 1]` a compiler takes the address of four bytes before the
//! table. Who gets an address from a function that takes it can't be found: then those who refer to the object
//! are not all.

mod escape;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Range;

use suture_elf::relocations::kind;
use suture_elf::{Section, Slot};

use crate::bounds::Types;
use crate::fields::{self, Field, Form};
use crate::side::{EntityId, EntityKind, Side};
use crate::target;

use escape::{Spot, Way};

/// How far before an object an address that is taken may mean it.
const BEFORE_MAX: u64 = 1024;

/// All that refers to data in one build.
pub(crate) struct References<'s, 'b, 'd> {
    side: &'s Side<'b, 'd>,
    /// By the object that is named.
    named: HashMap<EntityId, Vec<From>>,
    /// By the address that is meant, ascending.
    plain: Vec<Plain>,
}

/// Where a reference stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum From {
    /// In a piece of code.
    Code(EntityId, Spot),
    /// In data, at this address.
    Data(u64),
}

/// A reference to an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Plain {
    address: u64,
    from: From,
    /// Whether the address is taken, to be reckoned with, and not what stands there.
    is_taken: bool,
}

/// Whether an address beside an object, which may mean it, counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Near {
    Too,
    Not,
}

/// Where an object is referred to.
struct Uses {
    /// Places in each piece of code; those with `true` refer to data that points to it.
    spots: BTreeMap<EntityId, Vec<(Spot, bool)>>,
    /// Whether data that the program may write points to it when the program starts.
    in_variables: bool,
    /// Whether each reference leads to code.
    complete: bool,
}

/// Functions that refer to an object.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Found {
    /// They, without their split-off parts.
    pub(crate) functions: BTreeSet<EntityId>,
    /// Whether these are all: none lets the address out of its hands, and each reference leads to one. What nothing
    /// refers to is reached in a way that can't be seen, unless it is in an ordinary section and a mere link between
    /// others: nothing reads through that.
    pub(crate) complete: bool,
}

impl<'s, 'b, 'd> References<'s, 'b, 'd> {
    /// Reads all code and data of a build.
    pub(crate) fn new(side: &'s Side<'b, 'd>) -> Self {
        let mut references = Self { side, named: HashMap::new(), plain: Vec::new() };
        for (id, entity) in (0..).zip(&side.entities) {
            if entity.kind != EntityKind::Object {
                references.code(id);
            }
        }
        references.data();
        references.plain.sort_unstable();
        references.plain.dedup();
        references
    }

    /// The functions that refer to `object`.
    pub(crate) fn readers_of(&self, object: EntityId) -> Found {
        let uses = self.uses_of(object, Near::Too);
        let functions = uses.spots.keys().map(|function| self.side.whole(*function)).collect();
        Found { functions, complete: uses.complete && !self.lets_out(&uses, |_| Way::Any) }
    }

    /// Whether pointers to `object`, or into it, may be left in the process when no code works with it: in variables, or in what code
    /// has written elsewhere or given back.
    pub(crate) fn is_kept(&self, object: EntityId, types: Types<'_, '_>) -> bool {
        let uses = self.uses_of(object, Near::Not);
        let way = |function| {
            let gives_back = types.words_given_back(self.side.entity(self.side.whole(function)).address) > 0;
            if gives_back { Way::Kept } else { Way::Stored }
        };
        uses.in_variables || self.lets_out(&uses, way)
    }

    fn lets_out(&self, uses: &Uses, way: impl Fn(EntityId) -> Way) -> bool {
        let escapes = |(function, spots): (&EntityId, &Vec<_>)| {
            escape::escapes(self.side, *function, spots, way(*function))
        };
        uses.spots.iter().any(escapes)
    }

    /// Where `object` is referred to, by way of other data too.
    fn uses_of(&self, object: EntityId, near: Near) -> Uses {
        let entity = self.side.entity(object);
        let mut uses = Uses { spots: BTreeMap::new(), in_variables: false, complete: true };
        let mut seen = BTreeSet::new();
        let whole = entity.address..entity.address + entity.size.max(1);
        let mut open = vec![whole];
        while let Some(area) = open.pop() {
            if !seen.insert(area.start) {
                continue;
            }
            let mut is_used = false;
            for from in self.references_to(&area, near) {
                match from {
                    From::Code(function, spot) => {
                        is_used = true;
                        let is_link = area.start != entity.address;
                        uses.spots.entry(function).or_default().push((spot, is_link));
                    }
                    From::Data(address) if area.contains(&address) => {}
                    From::Data(address) => {
                        is_used = true;
                        let holder = self.side.at(address).map(|id| self.side.entity(id));
                        uses.in_variables |= holder.is_some_and(|holder| holder.writable);
                        open.push(self.side.area(address));
                    }
                }
            }
            uses.complete &= is_used || (area.start != entity.address && self.is_dead(area.start));
        }
        uses
    }

    /// Whether an object to which nothing refers is out of everybody's reach.
    fn is_dead(&self, address: u64) -> bool {
        let ordinary = [".data", ".rodata", ".bss"];
        let is_ordinary = |section: &Section<'_>| ordinary.iter().any(|name| section.name.starts_with(name));
        let is_exported = || {
            let symbols = self.side.build.dynamic_symbols().iter();
            symbols.into_iter().any(|symbol| symbol.address == address && symbol.section.is_some())
        };
        self.side.at(address).is_some()
            && self.side.build.section_at(address).is_some_and(is_ordinary)
            && !is_exported()
    }

    fn references_to(&self, area: &Range<u64>, near: Near) -> Vec<From> {
        let entities = &self.side.entities;
        let next = entities.partition_point(|entity| entity.address < area.start);
        // Entities may nest by a few.
        let overlapping = (next.saturating_sub(4)..entities.len())
            .take_while(|id| entities[*id].address < area.end)
            .filter(|id| entities[*id].address + entities[*id].size.max(1) > area.start);
        let named = overlapping.filter_map(|id| self.named.get(&(id as EntityId))).flatten().copied();
        let mut found: Vec<From> = named.collect();
        let reach = match self.side.build.section_at(area.start) {
            Some(section) if is_listed(section) => section.address..=section.address + section.size,
            _ => area.start.saturating_sub(BEFORE_MAX)..=area.end,
        };
        let from = self.plain.partition_point(|plain| plain.address < *reach.start());
        let plain = self.plain[from..].iter().take_while(|plain| plain.address <= *reach.end());
        let means = |plain: &&Plain| match near {
            Near::Too => self.may_mean(plain, area),
            Near::Not => area.contains(&plain.address),
        };
        found.extend(plain.filter(means).map(|plain| plain.from));
        found
    }

    /// Whether a reference may mean what is in `area`.
    fn may_mean(&self, plain: &Plain, area: &Range<u64>) -> bool {
        let Plain { address, is_taken, .. } = *plain;
        if area.contains(&address) || self.side.build.section_at(area.start).is_some_and(is_listed) {
            return true;
        }
        let entities = &self.side.entities;
        let next = entities.partition_point(|entity| entity.address < address);
        let begins = |at: u64| entities.get(next).is_some_and(|entity| entity.address == at);
        if address == area.end {
            return is_taken && !begins(address) && !self.is_text(address..u64::MAX);
        }
        // Nothing that has a name begins there or between the two, and it is no text.
        is_taken && address < area.start && begins(area.start) && !self.is_text(address..area.start)
    }

    /// Whether there is nothing but text from the beginning of `range` to the next thing that is referred to.
    fn is_text(&self, range: Range<u64>) -> bool {
        let end = self.side.area(range.start).end.min(range.end);
        let bytes = self.side.build.read(range.start, end.saturating_sub(range.start)).unwrap_or_default();
        let is_printable = |byte: &u8| byte.is_ascii_graphic() || b" \t\r\n\0\x1b".contains(byte);
        bytes.iter().any(|byte| *byte != 0) && bytes.iter().all(is_printable)
    }

    fn code(&mut self, id: EntityId) {
        let bytes = self.side.bytes(id).unwrap_or_default();
        for field in fields::of_code(self.side, id) {
            if field.form == Form::TlsOffset || field.form == Form::Branch {
                continue;
            }
            // `lea`: opcode and operand stand before the distance.
            let opcode = (field.offset as usize).checked_sub(2).and_then(|at| bytes.get(at));
            let is_taken = field.form != Form::Relative || opcode == Some(&0x8d);
            let spot = Spot { end: field.end, address: field.address, is_slot: false };
            self.field(&field, From::Code(id, spot), is_taken);
        }
    }

    fn field(&mut self, field: &Field, from: From, is_taken: bool) {
        let symbol = field.symbol.and_then(|index| self.side.build.symbols().get(index as usize));
        let is_direct = symbol.is_some_and(|found| found.section.is_some() && found.address == field.address);
        if field.form == Form::Relative && !is_direct && target::is_slot(self.side, field.address) {
            let from = match from {
                From::Code(id, spot) => From::Code(id, Spot { is_slot: true, ..spot }),
                From::Data(_) => from,
            };
            let slot = fields::pointer(self.side.build, field.address);
            return slot.into_iter().for_each(|address| self.address(address, from, true));
        }
        match field.symbol.and_then(|index| self.side.of_symbol(index)) {
            Some(id) => self.named.entry(id).or_default().push(from),
            None if symbol.is_some_and(|found| found.section.is_none()) => {}
            // A label is where it is.
            None => self.address(field.address, from, is_taken && symbol.is_none()),
        }
    }

    fn address(&mut self, address: u64, from: From, is_taken: bool) {
        let is_code = self.side.build.section_at(address).is_some_and(Section::is_code);
        if !is_code {
            self.plain.push(Plain { address, from, is_taken });
        }
    }

    /// Pointers and distances in data; not those in the offset table, which the code that loads them accounts
    /// for, and not those of the unwinder.
    fn data(&mut self) {
        let build = self.side.build;
        let counts = |address: u64| {
            build.section_at(address).is_some_and(|section| {
                section.is_loaded()
                    && !section.is_code()
                    && !section.name.starts_with(".got")
                    && !section.name.starts_with(".eh_frame")
            })
        };
        for (address, slot) in build.slots() {
            // Where the linker has left what was meant, that counts.
            if let Slot::Address(target) = slot
                && counts(*address)
                && build.relocations_in(*address, address.saturating_add(1)).is_empty()
            {
                self.address(*target, From::Data(*address), true);
            }
        }
        for relocation in build.relocations().iter().filter(|relocation| counts(relocation.address)) {
            let at = relocation.address;
            let Some(field) = fields::of_data(build, at, 8, true).into_iter().find(|field| field.offset == 0)
            else {
                continue;
            };
            self.field(&field, From::Data(at), true);
            // A distance counts from itself or from the beginning of its table.
            if matches!(relocation.kind, kind::PC32 | kind::PLT32) && field.symbol.is_none() {
                let from_table = field.address.wrapping_sub(at).wrapping_add(self.side.area(at).start);
                self.address(from_table, From::Data(at), true);
            }
        }
    }
}

/// Whether a piece of code lets the addresses out of its hands that these of its fields are, to memory or to other functions.
pub(crate) fn hands_on(side: &Side<'_, '_>, code: EntityId, fields: &[Field]) -> bool {
    let spot = |field: &Field| {
        let is_slot = field.form == Form::Relative && target::is_slot(side, field.address);
        (Spot { end: field.end, address: field.address, is_slot }, false)
    };
    escape::escapes(side, code, &fields.iter().map(spot).collect::<Vec<_>>(), Way::HandedOn)
}

/// Whether a function leaves addresses of places in the middle of itself in the process: labels that it jumps to when it is called again.
pub(crate) fn keeps_labels(side: &Side<'_, '_>, function: EntityId) -> bool {
    let spots: Vec<_> = escape::labels(side, function).into_iter().map(|spot| (spot, false)).collect();
    !spots.is_empty() && escape::escapes(side, function, &spots, Way::Stored)
}

/// Whether the linker gives the bounds of a section by its name, so that code goes through all that is in it.
fn is_listed(section: &Section<'_>) -> bool {
    !section.name.is_empty() && section.name.chars().all(|c| c == '_' || c.is_ascii_alphanumeric())
}
