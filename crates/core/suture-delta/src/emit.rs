//! From changed functions to sections, symbols, relocations and references: what a linker's input looks like.
//!
//! New code is taken from the new build as it was linked; each field in it becomes a relocation again.
//! What exists in the old build is referred to there: functions by their *old* entry, replaced or not, so
//! that a function's address stays what it was and one switch decides for all; objects where their live
//! state is. Only what the old build does not have travels.

mod adjacent;
mod asked;
mod ends;
mod refusals;
mod slots;

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};

use suture_elf::frames::Pointer;

use crate::fields::{self, Field, Form};
use crate::frames::{Origin, Outside, Piece, Rules};
use crate::model::{
    Range, Reference, Relocation, RelocationKind, Resolution, Section, SectionKind, Symbol, SymbolKind,
    Target,
};
use crate::refusal::{Refusal, RefusalCode};
use crate::same::{Same, extent, travelling};
use crate::side::{EntityId, EntityKind};
use crate::stack::{Provided, Standing};
use crate::target::{self, Meaning};

use adjacent::Member;
use ends::Sure;

/// Sections under construction.
pub(crate) struct Emitter<'s, 'a, 'b, 'd> {
    pub(crate) same: &'s Same<'a, 'b, 'd>,
    /// Functions of the new build that replace old ones, fragments included.
    pub(crate) replaced: BTreeSet<EntityId>,
    pub(crate) sections: Vec<Section>,
    pub(crate) symbols: Vec<Symbol>,
    pub(crate) references: Vec<Reference>,
    pub(crate) refusals: Vec<Refusal>,
    /// What the process has already.
    pub(crate) standing: &'s Standing,
    reference_ids: BTreeMap<(String, String), u32>,
    carried: BTreeMap<EntityId, u32>,
    contents: BTreeMap<u64, u32>,
    made: BTreeMap<String, u32>,
    queue: VecDeque<Work>,
    /// Objects that travel, each with what begins where it ends.
    side_by_side: BTreeSet<(Member, Member)>,
    /// Copies of constants that the process has already, with their symbols.
    doubled: BTreeMap<EntityId, u32>,
    /// How often the new build refers to each address; nothing until somebody asks.
    uses: Option<HashMap<u64, u32>>,
    /// Copies of old functions: which, and their symbols.
    pub(crate) copies: Vec<(EntityId, u32)>,
}

/// What is still to be filled: a symbol has been promised.
#[derive(Debug, Clone, Copy)]
enum Work {
    Entity(EntityId, u32),
    Content(u64, u32),
}

/// Where a value comes from: a target and a distance from it.
type Place = (Target, i64);

impl<'s, 'a, 'b, 'd> Emitter<'s, 'a, 'b, 'd> {
    pub(crate) fn new(
        same: &'s Same<'a, 'b, 'd>,
        replaced: BTreeSet<EntityId>,
        standing: &'s Standing,
    ) -> Self {
        Self {
            same,
            replaced,
            standing,
            sections: Vec::new(),
            symbols: Vec::new(),
            references: Vec::new(),
            refusals: Vec::new(),
            reference_ids: BTreeMap::new(),
            carried: BTreeMap::new(),
            contents: BTreeMap::new(),
            made: BTreeMap::new(),
            queue: VecDeque::new(),
            side_by_side: BTreeSet::new(),
            doubled: BTreeMap::new(),
            uses: None,
            copies: Vec::new(),
        }
    }

    /// Emits all that has been asked for, and what that refers to in turn.
    pub(crate) fn finish_queue(&mut self) {
        while let Some(work) = self.queue.pop_front() {
            match work {
                Work::Entity(id, symbol) => self.fill_entity(id, symbol),
                Work::Content(address, symbol) => self.fill_content(address, symbol),
            }
        }
    }

    /// The symbol in the delta of a function or object of the new build, which will travel.
    pub(crate) fn carry(&mut self, id: EntityId) -> u32 {
        if let Some(symbol) = self.carried.get(&id) {
            return *symbol;
        }
        let entity = self.same.new.entity(id);
        let (prefix, section_kind, symbol_kind) = match entity.kind {
            EntityKind::Function | EntityKind::Resolver => (".text", SectionKind::Text, SymbolKind::Function),
            EntityKind::Object if !entity.writable => (".rodata", SectionKind::ReadOnly, SymbolKind::Object),
            EntityKind::Object if self.same.new.bytes(id).is_some() => {
                (".data", SectionKind::Data, SymbolKind::Object)
            }
            EntityKind::Object => (".bss", SectionKind::Bss, SymbolKind::Object),
        };
        let align = self.alignment(entity.address);
        let name = entity.name.to_owned();
        let size = entity.size;
        let symbol = self.promise(&format!("{prefix}.{name}"), &name, section_kind, symbol_kind, size, align);
        self.carried.insert(id, symbol);
        self.queue.push_back(Work::Entity(id, symbol));
        symbol
    }

    /// The symbol in the delta of a constant without a name.
    fn carry_content(&mut self, address: u64) -> u32 {
        if let Some(symbol) = self.contents.get(&address) {
            return *symbol;
        }
        let number = self.contents.len();
        let size = travelling(self.same.new, address, extent(self.same.new, address));
        let align = self.alignment(address);
        let name = format!(".Lconstant.{number}");
        let section = format!(".rodata.suture.{number}");
        let symbol = self.promise(&section, &name, SectionKind::ReadOnly, SymbolKind::Object, size, align);
        self.contents.insert(address, symbol);
        self.queue.push_back(Work::Content(address, symbol));
        symbol
    }

    /// A section of its own, to be filled, and its symbol.
    pub(crate) fn promise(
        &mut self,
        section: &str,
        name: &str,
        kind: SectionKind,
        symbol_kind: SymbolKind,
        size: u64,
        align: u64,
    ) -> u32 {
        let index = self.sections.len() as u32;
        self.sections.push(Section {
            name: section.to_owned(),
            kind,
            align,
            data: Vec::new(),
            size,
            relocations: Vec::new(),
        });
        self.symbols.push(Symbol {
            name: name.to_owned(),
            section: index,
            offset: 0,
            size,
            kind: symbol_kind,
        });
        self.symbols.len() as u32 - 1
    }

    /// Fills the section of a promised symbol.
    pub(crate) fn fill(&mut self, symbol: u32, data: Vec<u8>, mut relocations: Vec<Relocation>) {
        relocations.sort_by_key(|relocation| relocation.offset);
        let index = self.symbols[symbol as usize].section as usize;
        let section = &mut self.sections[index];
        section.size = data.len() as u64;
        section.data = data;
        section.relocations = relocations;
        self.symbols[symbol as usize].size = self.sections[index].size;
    }

    fn fill_entity(&mut self, id: EntityId, symbol: u32) {
        let entity = self.same.new.entity(id);
        if entity.kind != EntityKind::Object
            && let Some(why) = fields::unreadable(self.same.new, id)
        {
            return self.refuse_code(RefusalCode::UnreadableCode, entity.name, &why);
        }
        let Some(bytes) = self.same.new.bytes(id) else { return };
        let fields = fields::of_entity(self.same.new, id);
        self.fill_with_fields(symbol, (entity.name, entity.address), bytes, &fields, Some(id));
    }

    /// Fills a promised symbol with what an object of the new build holds at start.
    pub(crate) fn fill_object(&mut self, id: EntityId, symbol: u32) {
        self.fill_entity(id, symbol);
    }

    fn fill_content(&mut self, address: u64, symbol: u32) {
        let size = self.symbols[symbol as usize].size;
        let Some(bytes) = self.same.new.build.read(address, size) else { return };
        let fields = fields::of_data(self.same.new.build, address, size, true);
        self.fill_with_fields(symbol, ("a constant", address), bytes, &fields, None);
    }

    /// The bytes of what has this name and stands at this address of the new build; `owner` is the function or object whose they
    /// are, if it has one.
    fn fill_with_fields(
        &mut self,
        symbol: u32,
        (name, address): (&str, u64),
        bytes: &[u8],
        fields: &[Field],
        owner: Option<EntityId>,
    ) {
        let mut data = bytes.to_vec();
        let mut relocations = Vec::with_capacity(fields.len());
        for field in fields {
            let range = field.offset as usize..field.offset as usize + usize::from(field.len);
            let Some(room) = data.get_mut(range) else { continue };
            let word = address.wrapping_add(u64::from(field.offset));
            let value = match self.certain_meaning(field, fields, owner) {
                Ok(Sure::Means(meaning)) => self.value(field, word, meaning),
                Ok(Sure::Copied(symbol)) => Ok(Value::Place((Target::Symbol(symbol), 0))),
                Err(why) => Err(why),
            };
            match value {
                Ok(Value::Place((target, distance))) => {
                    room.fill(0);
                    relocations.push(relocation(field, target, distance));
                }
                Ok(Value::Number(number)) => {
                    room.copy_from_slice(&number.to_le_bytes()[..usize::from(field.len)]);
                }
                Err(why) => self.refuse(name, field, &why),
            }
        }
        self.fill(symbol, data, relocations);
    }

    /// What the field at the address `word` of the new build gets, which means this by itself.
    fn value(&mut self, field: &Field, word: u64, meaning: Meaning<'d>) -> Result<Value, String> {
        if matches!(field.form, Form::Relative | Form::Branch) && field.len != 4 {
            return Err("a short branch leaves the function".to_owned());
        }
        if let Some(place) = self.asked(field, word) {
            return Ok(Value::Place(place));
        }
        if field.form == Form::TlsOffset {
            return self.tls_offset(meaning).map(Value::Number);
        }
        match meaning {
            Meaning::Plain(number) if !matches!(field.form, Form::Relative | Form::Branch) => {
                Ok(Value::Number(number))
            }
            meaning => self.place(meaning, field.form).map(Value::Place),
        }
    }

    fn place(&mut self, meaning: Meaning<'d>, form: Form) -> Result<Place, String> {
        match meaning {
            Meaning::Entity(id, distance) => self.entity_place(id, distance),
            Meaning::Import(import, distance) => Ok((self.import(import, form), distance)),
            Meaning::Slot(address) => Ok((self.slot(address)?, 0)),
            Meaning::Label(name, distance) => self.label(name).map(|target| (target, distance)),
            Meaning::SectionEnd(name) => {
                let section = self.same.old.build.section(name);
                let end = section.map(|section| section.address + section.size);
                let end = end.ok_or_else(|| format!("the old build has no section {name}"))?;
                Ok((self.image(&format!("end of {name}"), end), 0))
            }
            Meaning::UnwindTable(name, _) => Err(format!("a place in {name}")),
            Meaning::Chosen(resolver) => Ok((self.chosen(resolver)?, 0)),
            Meaning::Anonymous(address, distance) => {
                Ok((Target::Symbol(self.carry_content(address)), distance))
            }
            Meaning::After(id, distance) => self.after(id, distance),
            Meaning::Plain(address) => Ok((self.image("absolute", address), 0)),
            Meaning::Tls(..) => Err("the address of a thread-local variable".to_owned()),
        }
    }

    fn entity_place(&mut self, id: EntityId, distance: i64) -> Result<Place, String> {
        let entity = self.same.new.entity(id);
        let is_code = entity.kind != EntityKind::Object;
        if is_code && self.replaced.contains(&id) {
            // The entry of a replaced function is its old one; a place inside it is in the new code.
            return match self.same.pairs.old_of(id).filter(|_| distance == 0 && entity.parent.is_none()) {
                Some(old) => Ok((self.old_entity(old), 0)),
                None => Ok((self.new_entity(id), distance)),
            };
        }
        if target::is_content(self.same.new, id) {
            return Ok((Target::Symbol(self.carry_content(entity.address)), distance));
        }
        match self.same.pairs.old_of(id) {
            Some(old) => Ok((self.old_entity(old), distance)),
            None if entity.imported => {
                Err(format!("{} is another module's object, and the old build has no copy", entity.name))
            }
            None => Ok((self.new_entity(id), distance)),
        }
    }

    /// What the old build does not have: it travels, unless an earlier patch has brought it.
    fn new_entity(&mut self, id: EntityId) -> Target {
        match self.standing.provided(id) {
            Some(provided) => self.provided(self.same.new.entity(id).name, provided),
            None => Target::Symbol(self.carry(id)),
        }
    }

    /// A place in the home of an earlier patch.
    pub(crate) fn provided(&mut self, name: &str, provided: &Provided) -> Target {
        let Provided { id, symbol } = provided.clone();
        self.reference(name, Resolution::Patch { id, symbol })
    }

    /// Which functions and objects of the new build travel, with their symbols.
    pub(crate) fn carried(&self) -> BTreeMap<EntityId, u32> {
        self.carried.clone()
    }

    fn after(&mut self, id: EntityId, distance: i64) -> Result<Place, String> {
        let (name, size) = (self.same.new.entity(id).name, self.same.new.entity(id).size);
        let is_code = self.same.new.entity(id).kind != EntityKind::Object;
        if let Some(symbol) = self.carried.get(&id).filter(|_| is_code && distance == 0) {
            // Compilers that do not optimise leave branches to behind a function that nothing ever takes.
            return Ok((Target::Symbol(*symbol), size as i64));
        }
        let old = self.same.pairs.old_of(id).ok_or_else(|| format!("memory without a name behind {name}"))?;
        let end = self.same.old.entity(old).address + self.same.old.entity(old).size;
        let place = end.wrapping_add_signed(distance);
        let same_gap =
            matches!(target::by_address(self.same.old, place), Meaning::After(found, _) if found == old);
        if !same_gap {
            return Err(format!(
                "memory without a name behind {name}, where the old build has something else"
            ));
        }
        Ok((self.image(&format!("{name}+end"), place), 0))
    }

    pub(crate) fn old_entity(&mut self, old: EntityId) -> Target {
        let entity = self.same.old.entity(old);
        self.image(entity.name, entity.address)
    }

    /// A place of the old build.
    pub(crate) fn image(&mut self, name: &str, address: u64) -> Target {
        self.reference(name, Resolution::Image { address })
    }

    pub(crate) fn reference(&mut self, name: &str, resolution: Resolution) -> Target {
        let key = (name.to_owned(), format!("{resolution:?}"));
        let next = self.references.len() as u32;
        let id = *self.reference_ids.entry(key).or_insert(next);
        if id == next {
            self.references.push(Reference { name: name.to_owned(), resolution });
        }
        Target::Reference(id)
    }

    fn label(&mut self, name: &str) -> Result<Target, String> {
        let symbols = self.same.old.build.symbols();
        let found = symbols.iter().find(|symbol| symbol.name == name && symbol.section.is_some());
        let address =
            found.map(|symbol| symbol.address).ok_or_else(|| format!("the old build has no label {name}"))?;
        Ok(self.image(name, address))
    }

    /// Adds the unwind rules and exception tables of all code that travels.
    pub(crate) fn add_frames(&mut self) {
        let same = self.same;
        let frames = match &same.new.frames {
            Ok(frames) => frames,
            Err(error) => return self.refuse_code(RefusalCode::UnresolvedReference, "", &error.to_string()),
        };
        let origin = Origin { build: same.new.build, frames };
        let mut rules = Rules::default();
        let code: Vec<(EntityId, u32)> = self.carried.iter().map(|(id, symbol)| (*id, *symbol)).collect();
        for (id, symbol) in code {
            let entity = same.new.entity(id);
            if entity.kind == EntityKind::Object {
                continue;
            }
            let range = Range { start: entity.address, end: entity.address + entity.size };
            if let Err(error) = rules.add(origin, &Piece { name: entity.name, range, code: symbol }, self) {
                self.refuse_code(RefusalCode::UnresolvedReference, entity.name, &error.to_string());
            }
        }
        self.add_frames_of_copies(&mut rules);
        self.finish_queue();
        self.sections.extend(rules.finish());
    }

    /// The same for copies of old functions.
    fn add_frames_of_copies(&mut self, rules: &mut Rules<'d>) {
        let same = self.same;
        let Ok(frames) = &same.old.frames else { return };
        let origin = Origin { build: same.old.build, frames };
        for (id, symbol) in std::mem::take(&mut self.copies) {
            let entity = same.old.entity(id);
            let range = Range { start: entity.address, end: entity.address + entity.size };
            let piece = Piece { name: &format!("suture_old.{}", entity.name), range, code: symbol };
            if let Err(error) = rules.add(origin, &piece, &mut OldOutside { emitter: self, piece: &piece }) {
                self.refuse_code(RefusalCode::UnresolvedReference, entity.name, &error.to_string());
            }
        }
    }

    /// The alignment that an address of the new build shows: its section's, as far as the address has it.
    fn alignment(&self, address: u64) -> u64 {
        let section = self.same.new.build.section_at(address).map_or(1, |section| section.align.max(1));
        let own = 1 << address.trailing_zeros().min(12);
        section.min(own).next_power_of_two()
    }
}

impl Outside for Emitter<'_, '_, '_, '_> {
    fn resolve(&mut self, pointer: Pointer) -> Result<Place, String> {
        match pointer {
            // A word that holds an address, in a table of such words or, as clang has it, among the data without a name.
            Pointer::Slot(address)
                if target::is_slot(self.same.new, address) || self.same.new.at(address).is_none() =>
            {
                Ok((self.slot(address)?, 0))
            }
            Pointer::Slot(address) | Pointer::Direct(address) => {
                self.place(target::by_address(self.same.new, address), Form::Absolute)
            }
        }
    }

    fn code(&mut self, address: u64) -> Result<Place, String> {
        let id = self.same.new.at(address).ok_or_else(|| "no function is there".to_owned())?;
        let distance = (address - self.same.new.entity(id).address) as i64;
        let symbol = self.carried.get(&id).ok_or_else(|| "that function does not travel".to_owned())?;
        Ok((Target::Symbol(*symbol), distance))
    }

    fn place_table(&mut self, name: &str, table: Section) -> Target {
        let (section, size) = (self.sections.len() as u32, table.size);
        self.sections.push(table);
        let name = format!("exceptions.{name}");
        self.symbols.push(Symbol { name, section, offset: 0, size, kind: SymbolKind::Object });
        Target::Symbol(self.symbols.len() as u32 - 1)
    }
}

/// What the unwind rules of a copy of an old function refer to: the old build as it is.
struct OldOutside<'e, 'p, 's, 'a, 'b, 'd> {
    emitter: &'e mut Emitter<'s, 'a, 'b, 'd>,
    piece: &'p Piece<'p>,
}

impl Outside for OldOutside<'_, '_, '_, '_, '_, '_> {
    fn resolve(&mut self, pointer: Pointer) -> Result<Place, String> {
        let address = pointer.address();
        Ok((self.emitter.image(&format!("{address:#x}"), address), 0))
    }

    fn code(&mut self, address: u64) -> Result<Place, String> {
        let range = self.piece.range;
        let inside = (range.start..range.end).contains(&address);
        let distance = (address.wrapping_sub(range.start)) as i64;
        inside
            .then_some((Target::Symbol(self.piece.code), distance))
            .ok_or_else(|| "it is not in the copy".to_owned())
    }

    fn place_table(&mut self, name: &str, table: Section) -> Target {
        self.emitter.place_table(name, table)
    }
}

/// What a field gets.
enum Value {
    Place(Place),
    Number(u64),
}

/// The relocation that makes a field mean `target` plus `distance`.
fn relocation(field: &Field, target: Target, distance: i64) -> Relocation {
    let (kind, addend) = match field.form {
        Form::Relative | Form::Branch if field.end == 0 => (RelocationKind::Pc32, distance),
        Form::Relative | Form::Branch => {
            (RelocationKind::Pc32, distance - i64::from(field.end - field.offset))
        }
        Form::Absolute => (RelocationKind::Abs64, distance),
        Form::Absolute32 => (RelocationKind::Abs32, distance),
        Form::Absolute32Signed | Form::TlsOffset => (RelocationKind::Abs32Signed, distance),
        Form::TableRelative => (RelocationKind::Pc32, distance + i64::from(field.offset)),
    };
    Relocation { offset: u64::from(field.offset), kind, target, addend }
}
