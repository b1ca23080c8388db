//! Whether two functions, two constants, two references are the same.
//!
//! "Same" is claimed only where it is shown; everything that can't be shown is a difference.

mod asked;
mod content;
mod extent;
mod start;

use std::cell::RefCell;
use std::collections::{BTreeSet, HashMap};

use iced_x86::{Decoder, DecoderOptions, Mnemonic};
use suture_elf::debug::DebugInfo;
use suture_elf::frames::Pointer;
use suture_elf::{Import, Slot};

use crate::bounds::{self, Reading, Types};
use crate::compare::Debug;
use crate::fields::{self, Field, Form};
use crate::names;
use crate::pair::Pairs;
use crate::side::{EntityId, EntityKind, Side};
use crate::target::{self, Meaning};

pub(crate) use extent::{extent, travelling};
pub(crate) use start::is_start_code;

/// Two builds, side by side.
pub(crate) struct Same<'a, 'b, 'd> {
    pub(crate) old: &'a Side<'b, 'd>,
    pub(crate) new: &'a Side<'b, 'd>,
    pub(crate) pairs: &'a Pairs,
    pub(crate) debug: Debug<'a, 'd>,
    /// Symbols that the user says to ignore.
    pub(crate) ignored: &'a dyn Fn(&str) -> bool,
    known: RefCell<HashMap<(u64, u64), bool>>,
    copies: RefCell<HashMap<(EntityId, EntityId), bool>>,
}

/// Longest constant without a name that is compared as a whole, bytes.
const CONTENT_LEN_MAX: u64 = 1 << 20;

impl<'a, 'b, 'd> Same<'a, 'b, 'd> {
    pub(crate) fn new(
        (old, new): (&'a Side<'b, 'd>, &'a Side<'b, 'd>),
        pairs: &'a Pairs,
        debug: Debug<'a, 'd>,
        ignored: &'a dyn Fn(&str) -> bool,
    ) -> Self {
        let (known, copies) = (RefCell::default(), RefCell::default());
        Self { old, new, pairs, debug, ignored, known, copies }
    }

    /// Why the code of two functions (each one piece) differs, or `None` if it does not.
    pub(crate) fn code_difference(&self, old: EntityId, new: EntityId) -> Option<&'static str> {
        let (Some(a), Some(b)) = (self.old.bytes(old), self.new.bytes(new)) else {
            return Some("code that is not in the file");
        };
        if a.len() != b.len() {
            return Some("code");
        }
        let (x, y) = (fields::of_code(self.old, old), fields::of_code(self.new, new));
        if !same_places(&x, &y) || !self.same_instructions(old, new, a, b, &x) {
            return Some("code");
        }
        let same =
            |a: &Field, b: &Field| self.same_field(a, b) || self.same_reading((old, &x, a), (new, &y, b));
        let Some(differing) = x.iter().zip(&y).find(|(a, b)| !same(a, b)) else {
            return (!self.same_unwind_rules(old, new)).then_some("unwind rules or exception table");
        };
        let content = |side: &Side<'_, '_>, field: &Field| {
            side.build.section_at(field.address).is_some_and(|section| !section.is_code())
        };
        Some(if content(self.new, differing.1) { "a constant it refers to" } else { "what it refers to" })
    }

    /// Whether two pieces of code are unwound, and catch exceptions, in the same way.
    fn same_unwind_rules(&self, old: EntityId, new: EntityId) -> bool {
        let identity = |side: &Side<'b, 'd>, id: EntityId| {
            let entity = side.entity(id);
            let frames = side.frames.as_ref().ok()?;
            frames.identity(side.build, entity.address, entity.address + entity.size).ok()
        };
        let (Some(a), Some(b)) = (identity(self.old, old), identity(self.new, new)) else {
            // Unreadable on both sides is no difference; the code itself was the same.
            return self.old.frames.is_err() && self.new.frames.is_err();
        };
        a.rules == b.rules
            && a.pointers.len() == b.pointers.len()
            && a.pointers.iter().zip(&b.pointers).all(|(a, b)| self.same_pointer(*a, *b))
    }

    fn same_pointer(&self, old: Pointer, new: Pointer) -> bool {
        match (old, new) {
            (Pointer::Direct(a), Pointer::Direct(b)) => {
                self.same_meaning(target::by_address(self.old, a), target::by_address(self.new, b), 0)
            }
            // The word may be a named object or a slot of the global offset table: what it will hold counts.
            (Pointer::Slot(a), Pointer::Slot(b)) => self.same_slot(a, b, 0),
            _ => false,
        }
    }

    /// Whether the bytes outside the fields are the same, but for line numbers: an immediate that is the number
    /// of one of the function's own lines in the old build, and the number of that line in the new one.
    ///
    /// The line of the very instruction is not asked for: a compiler moves the instruction that loads
    /// `__LINE__` to where it likes, and then gives it the line of its neighbours.
    fn same_instructions(&self, old: EntityId, new: EntityId, a: &[u8], b: &[u8], fields: &[Field]) -> bool {
        let mut differing = differences(a, b, fields).peekable();
        if differing.peek().is_none() {
            return true;
        }
        let y = self.new.entity(new).address;
        let moved_lines = self.moved_lines(old, new);
        let number = |bytes: &[u8]| bytes.iter().rev().fold(0_u64, |sum, byte| sum << 8 | u64::from(*byte));
        let mut decoder = Decoder::with_ip(64, b, y, DecoderOptions::NONE);
        while let Some(at) = differing.peek().copied() {
            if !decoder.can_decode() {
                return false;
            }
            let instruction = decoder.decode();
            let end = (instruction.next_ip() - y) as usize;
            if at >= end {
                continue;
            }
            let constants = decoder.get_constant_offsets(&instruction);
            let start = (instruction.ip() - y) as usize;
            let from = start + constants.immediate_offset();
            let immediate = from..from + constants.immediate_size();
            let here: Vec<usize> = std::iter::from_fn(|| differing.next_if(|at| *at < end)).collect();
            // What is compared with, or added, is no line that somebody is told.
            let explained = constants.has_immediate()
                && matches!(instruction.mnemonic(), Mnemonic::Mov | Mnemonic::Push)
                && here.iter().all(|at| immediate.contains(at))
                && is_moved_line(&moved_lines, number(&a[immediate.clone()]), number(&b[immediate]));
            if !explained {
                return false;
            }
        }
        true
    }

    /// Line numbers of two functions, old and new, of the same places in their code, ascending.
    fn moved_lines(&self, old: EntityId, new: EntityId) -> Vec<(u64, u64)> {
        let rows = |side: &Side<'_, '_>, debug: Option<&DebugInfo<'_>>, id| {
            let entity = side.entity(id);
            let rows = debug.map(|d| d.line_numbers_in(entity.address, entity.address + entity.size));
            let rows = rows.unwrap_or_default().into_iter();
            rows.map(|(address, line)| (address - entity.address, u64::from(line))).collect::<Vec<_>>()
        };
        let (x, y) = (rows(self.old, self.debug.old, old), rows(self.new, self.debug.new, new));
        let same_places = x.len() == y.len() && x.iter().zip(&y).all(|((a, _), (b, _))| a == b);
        if !same_places {
            return Vec::new();
        }
        let mut lines: Vec<_> = x.into_iter().zip(y).map(|((_, a), (_, b))| (a, b)).collect();
        lines.sort_unstable();
        lines.dedup();
        lines
    }

    /// Whether two fields at the same place mean the same.
    pub(crate) fn same_field(&self, old: &Field, new: &Field) -> bool {
        self.same_meaning(target::meaning(self.old, old), target::meaning(self.new, new), 0)
            && self.is_asked_alike(old.address, new.address)
    }

    /// Whether two fields of code mean the same by what the code does with them.
    fn same_reading(
        &self,
        (old, x, a): (EntityId, &[Field], &Field),
        (new, y, b): (EntityId, &[Field], &Field),
    ) -> bool {
        let old = bounds::reading(self.old, Types(self.debug.old), Some(old), x, a);
        let new = bounds::reading(self.new, Types(self.debug.new), Some(new), y, b);
        match (old, new) {
            (Reading::Certain(old), Reading::Certain(new)) => self.same_meaning(old, new, 0),
            _ => false,
        }
    }

    fn same_meaning(&self, old: Meaning<'d>, new: Meaning<'d>, depth: u32) -> bool {
        match (old, new) {
            (Meaning::Entity(a, x), Meaning::Entity(b, y)) => self.same_entity((a, x), (b, y), depth),
            (Meaning::Import(a, x), Meaning::Import(b, y)) => a.name == b.name && x == y,
            // A program that uses an object directly has a copy of it; one that only points to it has none.
            (Meaning::Entity(a, x), Meaning::Import(b, y)) => copy_of(self.old, a) == Some(b.name) && x == y,
            (Meaning::Import(a, x), Meaning::Entity(b, y)) => copy_of(self.new, b) == Some(a.name) && x == y,
            (Meaning::Slot(a), Meaning::Slot(b)) => self.same_slot(a, b, depth),
            (Meaning::Tls(a, x), Meaning::Tls(b, y)) => self.pairs.old_tls_of(b) == Some(a) && x == y,
            (Meaning::Label(a, x), Meaning::Label(b, y)) => a == b && x == y,
            (Meaning::SectionEnd(a), Meaning::SectionEnd(b)) => a == b,
            (Meaning::UnwindTable(a, x), Meaning::UnwindTable(b, y)) => a == b && x == y,
            (Meaning::After(a, x), Meaning::After(b, y)) => self.pairs.old_of(b) == Some(a) && x == y,
            (Meaning::Plain(a), Meaning::Plain(b)) => a == b,
            (Meaning::Chosen(a), Meaning::Chosen(b)) => {
                self.same_meaning(target::by_address(self.old, a), target::by_address(self.new, b), depth + 1)
            }
            (Meaning::Anonymous(a, x), Meaning::Anonymous(b, y)) => self.same_constant((a, x), (b, y), depth),
            (Meaning::Anonymous(a, x), Meaning::Entity(b, y)) if target::is_content(self.new, b) => {
                self.same_constant((a, x), (self.new.entity(b).address, y), depth)
            }
            (Meaning::Entity(a, x), Meaning::Anonymous(b, y)) if target::is_content(self.old, a) => {
                self.same_constant((self.old.entity(a).address, x), (b, y), depth)
            }
            _ => false,
        }
    }

    fn same_entity(&self, (a, x): (EntityId, i64), (b, y): (EntityId, i64), depth: u32) -> bool {
        if target::is_content(self.old, a) && target::is_content(self.new, b) {
            let (a, b) = (self.old.entity(a).address, self.new.entity(b).address);
            return self.same_constant((a, x), (b, y), depth);
        }
        x == y && (self.pairs.old_of(b) == Some(a) || self.same_copies(a, b))
    }

    /// Whether two constants without names are the same, given by where they begin and a distance from there. From that
    /// place the code may count on or back.
    fn same_constant(&self, (a, x): (u64, i64), (b, y): (u64, i64), depth: u32) -> bool {
        if x == y {
            return self.same_content(a, b, depth);
        }
        // The linker may have made one a part of another in one build alone.
        let inside = |side: &Side<'_, '_>, base: u64, distance: i64| {
            u64::try_from(distance).is_ok_and(|distance| distance < extent(side, base))
        };
        inside(self.old, a, x)
            && inside(self.new, b, y)
            && self.same_content(a.wrapping_add_signed(x), b.wrapping_add_signed(y), depth)
    }

    /// Whether two functions are copies of one instance of a Rust generic, do the same, and the old one goes on
    /// doing it: codegen units have copies of their own, and a caller may have got another.
    ///
    /// A copy that calls itself in a circle with others counts as different.
    fn same_copies(&self, a: EntityId, b: EntityId) -> bool {
        let (x, y) = (self.old.entity(a), self.new.entity(b));
        let is_copy = x.kind == EntityKind::Function
            && y.kind == EntityKind::Function
            && x.key == y.key
            && [x.name, y.name].into_iter().all(names::is_rust);
        if !is_copy {
            return false;
        }
        if let Some(known) = self.copies.borrow().get(&(a, b)) {
            return *known;
        }
        self.copies.borrow_mut().insert((a, b), false);
        let is_whole = self.old.with_fragments(a).count() == 1 && self.new.with_fragments(b).count() == 1;
        let stays = |new| self.code_difference(a, new).is_none();
        let same = is_whole && self.pairs.new_of(a).is_none_or(stays) && self.code_difference(a, b).is_none();
        self.copies.borrow_mut().insert((a, b), same);
        same
    }

    /// Whether two slots are filled with the same.
    pub(crate) fn same_slot(&self, old: u64, new: u64, depth: u32) -> bool {
        let (a, b) = (self.old.build, self.new.build);
        match (a.slot(old), b.slot(new)) {
            (Some(Slot::Import(a, x)), Some(Slot::Import(b, y))) => a.name == b.name && x == y,
            (Some(Slot::TlsOffset(a)), Some(Slot::TlsOffset(b)))
            | (Some(Slot::TlsDescriptor(a)), Some(Slot::TlsDescriptor(b))) => {
                self.asked_by_old(old) == self.asked_variable(new) && self.same_variable(a, b, depth)
            }
            // Offset 0 may mean the whole block, from which code counts on by itself.
            (Some(Slot::TlsPair(a)), Some(Slot::TlsPair(b))) => {
                (a == Ok(0)) == (b == Ok(0))
                    && self.asked_by_old(old) == self.asked_variable(new)
                    && self.same_variable(a, b, depth)
            }
            _ => {
                let (x, y) = (target::held(self.old, old), target::held(self.new, new));
                self.asked_by_old(old) == self.asked(new)
                    && x.zip(y).is_some_and(|(x, y)| self.same_meaning(x, y, depth + 1))
            }
        }
    }

    /// Whether two thread-local variables, by offset or as another module's, are the same.
    fn same_variable(&self, old: Result<u64, Import<'d>>, new: Result<u64, Import<'d>>, depth: u32) -> bool {
        match (old, new) {
            (Ok(a), Ok(b)) => self.same_meaning(
                target::tls_variable(self.old, a, None),
                target::tls_variable(self.new, b, None),
                depth,
            ),
            (Err(a), Err(b)) => a.name == b.name,
            _ => false,
        }
    }

    /// Why two objects differ in what they hold at start, or `None` if they do not.
    pub(crate) fn data_differs(&self, old: EntityId, new: EntityId) -> bool {
        let (x, y) = (self.old.entity(old), self.new.entity(new));
        if x.size != y.size {
            return true;
        }
        if y.names.iter().any(|name| (self.ignored)(name)) {
            return false;
        }
        let place = |entity: &crate::side::Entity<'_>| (entity.address, entity.writable);
        self.contents_differ((place(x), self.old.bytes(old)), (place(y), self.new.bytes(new)), y.size)
            || self.leads_into_changed(new)
    }

    /// Whether an object of the new build holds addresses of places in the middle of functions that change: they may be as far from the
    /// entry as they were, and are still in other code.
    fn leads_into_changed(&self, new: EntityId) -> bool {
        let entity = self.new.entity(new);
        let fields = fields::of_data(self.new.build, entity.address, entity.size, false);
        let into = fields.iter().filter_map(|field| match target::meaning(self.new, field) {
            Meaning::Entity(id, distance) if distance != 0 => Some(id),
            _ => None,
        });
        let functions: BTreeSet<EntityId> = into
            .filter(|id| self.new.entity(*id).kind == EntityKind::Function)
            .map(|id| self.new.whole(id))
            .collect();
        functions.into_iter().any(|function| self.is_changed(function))
    }

    /// Whether a function, with its parts, does something else than in the old build, or is new.
    fn is_changed(&self, new: EntityId) -> bool {
        let Some(old) = self.pairs.old_of(new) else { return true };
        let differs =
            |piece| self.pairs.old_of(piece).is_none_or(|old| self.code_difference(old, piece).is_some());
        self.new.with_fragments(new).any(differs)
            || self.old.with_fragments(old).any(|piece| self.pairs.new_of(piece).is_none())
    }

    /// Whether what stands at two places (address and whether it is writable) differs in its first `size`
    /// bytes; no bytes are zeros.
    pub(crate) fn contents_differ(
        &self,
        ((old, old_writable), a): ((u64, bool), Option<&[u8]>),
        ((new, new_writable), b): ((u64, bool), Option<&[u8]>),
        size: u64,
    ) -> bool {
        let fields_of = |side: &Side<'_, '_>, address: u64, writable: bool| {
            let mut fields = fields::of_data(side.build, address, size, false);
            fields.retain(|field| field.form != Form::Relative || !writable);
            fields
        };
        let f = if a.is_some() { fields_of(self.old, old, old_writable) } else { Vec::new() };
        let g = if b.is_some() { fields_of(self.new, new, new_writable) } else { Vec::new() };
        let is_zero = |bytes: Option<&[u8]>| bytes.is_none_or(|bytes| bytes.iter().all(|byte| *byte == 0));
        match (a, b) {
            (Some(a), Some(b)) => {
                !same_places(&f, &g)
                    || differences(a, b, &g).next().is_some()
                    || !f.iter().zip(&g).all(|(x, y)| self.same_field(x, y))
            }
            (a, b) => !(is_zero(a) && is_zero(b) && f.is_empty() && g.is_empty()),
        }
    }
}

/// Name of the other module's object of which an entity is the copy.
fn copy_of<'d>(side: &Side<'_, 'd>, id: EntityId) -> Option<&'d str> {
    let entity = side.entity(id);
    entity.imported.then(|| target::import_named(entity.name).name)
}

/// Whether line `a` has become line `b`: it has moved as far as the line that is nearest before it.
fn is_moved_line(lines: &[(u64, u64)], a: u64, b: u64) -> bool {
    /// A statement over several lines has code for its first only.
    const STATEMENT_LINES_MAX: u64 = 8;
    let next = lines.partition_point(|(line, _)| *line <= a);
    let nearest = next.checked_sub(1).and_then(|at| lines.get(at)).map_or(0, |(line, _)| *line);
    let of_nearest = lines[..next].iter().rev().take_while(|(line, _)| *line == nearest);
    let moved_alike = |(old, new): &(u64, u64)| old != new && b.wrapping_sub(a) == new.wrapping_sub(*old);
    nearest != 0 && a - nearest <= STATEMENT_LINES_MAX && of_nearest.copied().any(|pair| moved_alike(&pair))
}

/// Whether two lists of fields stand at the same places in the same form.
pub(crate) fn same_places(old: &[Field], new: &[Field]) -> bool {
    old.len() == new.len()
        && old.iter().zip(new).all(|(a, b)| a.offset == b.offset && a.len == b.len && a.form == b.form)
}

/// Offsets at which two equally long pieces differ outside the fields.
fn differences<'s>(a: &'s [u8], b: &'s [u8], fields: &'s [Field]) -> impl Iterator<Item = usize> + 's {
    let mut next = 0;
    a.iter()
        .zip(b)
        .enumerate()
        .filter(move |(at, (x, y))| {
            while fields.get(next).is_some_and(|field| field.offset as usize + field.len as usize <= *at) {
                next += 1;
            }
            x != y && fields.get(next).is_none_or(|field| *at < field.offset as usize)
        })
        .map(|(at, _)| at)
}
