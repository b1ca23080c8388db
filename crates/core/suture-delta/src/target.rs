//! What a field means: the same in both builds, wherever the linker has put things.

use suture_elf::{BuildKind, Import, Slot, SymbolKind};

use crate::fields::{Field, Form};
use crate::side::{EntityId, EntityKind, Side};

/// What a field refers to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Meaning<'d> {
    /// A function or object, and the distance from its beginning.
    Entity(EntityId, i64),
    /// A symbol of another module, reached through a linkage stub or by its address; and a distance.
    Import(Import<'d>, i64),
    /// A slot that the loader fills.
    Slot(u64),
    /// A thread-local variable of this build (index into `Side::tls`), and the distance from its beginning.
    Tls(usize, i64),
    /// A label that the linker defines, such as `_end`, and a distance.
    Label(&'d str, i64),
    /// The end of the section of that name.
    SectionEnd(&'d str),
    /// A place in the unwind table of that name.
    UnwindTable(&'d str, u64),
    /// The function that the resolver at this address of the build chooses when the program starts (`STT_GNU_IFUNC`).
    Chosen(u64),
    /// A constant without a name that begins at this address, and the distance from its beginning.
    Anonymous(u64, i64),
    /// A place in writable memory without a name: the entity before it and the distance from its end.
    After(EntityId, i64),
    /// A number, or an address outside the build.
    Plain(u64),
}

/// Sections in which an address is a position and no content: start-up code hands them to the unwinder.
const UNWIND_TABLES: [&str; 2] = [".eh_frame", ".eh_frame_hdr"];

/// What `field` of `side` refers to.
pub(crate) fn meaning<'d>(side: &Side<'_, 'd>, field: &Field) -> Meaning<'d> {
    let build = side.build;
    let symbol = field.symbol.and_then(|index| Some((index, build.symbols().get(index as usize)?)));
    if field.form == Form::TlsOffset {
        return tls(side, field);
    }
    if let Some(meaning) = through_stub(side, field.address) {
        return meaning;
    }
    let is_direct =
        symbol.is_some_and(|(_, found)| found.section.is_some() && found.address == field.address);
    if let Some(end) = section_end(side, field) {
        return end;
    }
    if matches!(field.form, Form::Relative) && !is_direct && is_slot(side, field.address) {
        return Meaning::Slot(field.address);
    }
    match symbol {
        Some((index, found)) if found.section.is_some() => match side.of_symbol(index) {
            Some(_) if is_direct && found.kind == SymbolKind::IndirectFunction => {
                Meaning::Chosen(found.address)
            }
            Some(id) => Meaning::Entity(id, field.address.wrapping_sub(found.address) as i64),
            None if found.kind == SymbolKind::Tls => tls(side, field),
            None => Meaning::Label(found.name, field.address.wrapping_sub(found.address) as i64),
        },
        Some((_, found)) if field.form == Form::Absolute => {
            Meaning::Import(import_named(found.name), field.address as i64)
        }
        // A stub of what nobody has (a weak symbol in a static program): the loader fills no slot for it.
        Some((_, found)) if side.build.stub(field.address).is_some() => {
            Meaning::Import(import_named(found.name), 0)
        }
        _ => by_label(side, field).unwrap_or_else(|| by_address(side, field.address)),
    }
}

/// A constant that is known by its content, where the relocation says where it begins.
fn by_label<'d>(side: &Side<'_, 'd>, field: &Field) -> Option<Meaning<'d>> {
    let label = field.label?;
    let distance = field.address.wrapping_sub(label) as i64;
    match by_address(side, label) {
        Meaning::Entity(id, inside) if is_content(side, id) => {
            Some(Meaning::Entity(id, inside.wrapping_add(distance)))
        }
        Meaning::Anonymous(base, _) => Some(Meaning::Anonymous(base, distance)),
        _ => None,
    }
}

/// An undefined symbol of `.symtab`: linkers write the version behind the name there.
pub(crate) fn import_named(name: &str) -> Import<'_> {
    let (name, version) = match name.split_once('@') {
        Some((name, version)) => (name, Some(version.trim_start_matches('@'))),
        None => (name, None),
    };
    Import { name, version }
}

/// The end of a section is the beginning of the next, but only one of the two is meant.
fn section_end<'d>(side: &Side<'_, 'd>, field: &Field) -> Option<Meaning<'d>> {
    let section = side.build.sections().get(field.section? as usize)?;
    (field.address == section.address + section.size).then_some(Meaning::SectionEnd(section.name))
}

/// What a stub of the procedure linkage table leads to, if there is one at the address.
fn through_stub<'d>(side: &Side<'_, 'd>, address: u64) -> Option<Meaning<'d>> {
    let slot = side.build.stub(address).and_then(|slot| side.build.slot(slot))?;
    Some(match slot {
        Slot::Import(import, addend) => Meaning::Import(import, addend),
        Slot::Resolver(address) => Meaning::Chosen(address),
        Slot::Address(address) => by_address(side, address),
        Slot::TlsOffset(_) | Slot::TlsPair(_) | Slot::TlsDescriptor(_) | Slot::Other(_) => {
            Meaning::Plain(address)
        }
    })
}

/// What an address of the build is, where no relocation says so.
pub(crate) fn by_address<'d>(side: &Side<'_, 'd>, address: u64) -> Meaning<'d> {
    if let Some(meaning) = through_stub(side, address) {
        return meaning;
    }
    if let Some(id) = side.at(address) {
        return Meaning::Entity(id, (address - side.entity(id).address) as i64);
    }
    let Some(section) = side.build.section_at(address) else { return Meaning::Plain(address) };
    if UNWIND_TABLES.contains(&section.name) {
        return Meaning::UnwindTable(section.name, address - section.address);
    }
    if !side.is_writable(address) && !section.is_code() {
        return Meaning::Anonymous(address, 0);
    }
    match side.before(address) {
        Some(id) => {
            let before = side.entity(id);
            Meaning::After(id, address.wrapping_sub(before.address + before.size) as i64)
        }
        None => Meaning::Plain(address),
    }
}

/// What a slot holds of this build, put there by the loader or by the linker for good: an address, or the offset of a
/// thread-local variable from the thread pointer.
///
/// Where a program takes the address of an indirect function, lld has the address of its stub in the slot.
pub(crate) fn held<'d>(side: &Side<'_, 'd>, slot: u64) -> Option<Meaning<'d>> {
    match side.build.slot(slot) {
        Some(Slot::Address(address)) => Some(by_address(side, address)),
        Some(Slot::Resolver(resolver)) => Some(Meaning::Chosen(resolver)),
        Some(_) => None,
        None => {
            let value = side.build.read_u64(slot)?;
            if (value as i64) < 0 {
                let offset = value.wrapping_add(tls_block_size(side)?);
                return Some(tls_variable(side, offset, None));
            }
            Some(by_address(side, value))
        }
    }
}

/// Whether a word at `address` is a slot of the global offset table.
pub(crate) fn is_slot(side: &Side<'_, '_>, address: u64) -> bool {
    side.build.section_at(address).is_some_and(|section| section.name.starts_with(".got"))
}

fn tls<'d>(side: &Side<'_, 'd>, field: &Field) -> Meaning<'d> {
    let symbol = field.symbol.and_then(|index| side.build.symbols().get(index as usize));
    // Nobody has it, and code that looks for it first does without; the linker leaves some number here.
    if let Some(nobodys) = symbol.filter(|found| found.section.is_none() && !found.name.is_empty()) {
        return Meaning::Import(import_named(nobodys.name), 0);
    }
    let Some(block) = tls_block_size(side) else { return Meaning::Plain(field.address) };
    let offset = field.address.wrapping_add(block);
    tls_variable(side, offset, field.symbol)
}

/// The thread-local variable at an offset in the TLS segment.
pub(crate) fn tls_variable<'d>(side: &Side<'_, 'd>, offset: u64, symbol: Option<u32>) -> Meaning<'d> {
    let name = symbol.and_then(|index| side.build.symbols().get(index as usize)).map(|symbol| symbol.name);
    let by_name =
        side.tls.iter().position(|variable| Some(variable.name) == name && !variable.name.is_empty());
    let covers = |v: &crate::side::TlsVariable<'_>| offset.wrapping_sub(v.offset) < v.size.max(1);
    let found = by_name.or_else(|| side.tls.iter().position(covers));
    match found {
        Some(index) => Meaning::Tls(index, offset.wrapping_sub(side.tls[index].offset) as i64),
        None => Meaning::Plain(offset),
    }
}

/// Distance from the beginning of the TLS block to where offsets count from: in an executable the thread pointer
/// at its end (psABI: variant II), in a library the beginning itself.
pub(crate) fn tls_block_size(side: &Side<'_, '_>) -> Option<u64> {
    if side.build.kind() == BuildKind::SharedLibrary {
        return Some(0);
    }
    let segment = side.build.tls_segment()?;
    segment.size.checked_next_multiple_of(segment.align.max(1))
}

/// Whether an entity is a constant that is known by its content and not by its name.
pub(crate) fn is_content(side: &Side<'_, '_>, id: EntityId) -> bool {
    let entity = side.entity(id);
    entity.kind == EntityKind::Object
        && !entity.writable
        && !entity.imported
        && entity.names.iter().all(|name| crate::names::is_content(name))
}
