//! The bytes of a file as a delta, or one clear error.
//!
//! Nothing is allocated from a size that the file claims before it is known to be there: parts are
//! slices of the file, they follow one another, and names are read in the order of the table. What
//! is accepted is then written again and compared, so this file only has to find its way, not to
//! think of every field.

use super::{
    FILE_BYTES_MAX, META_BYTES_MAX, META_SECTION, REFERENCES_MAX, REFS_SECTION, SECTIONS_MAX, SYMBOLS_MAX,
    elf::{
        self, HEADER_LEN, Header, RELA_LEN, RelaRecord, SECTION_LEN, SYMBOL_LEN, SectionRecord, SymbolRecord,
    },
    error::{FormatError, json_fault, shown},
    refs, write,
};
use crate::model::{
    Delta, Meta, Reference, Relocation, RelocationKind, SCHEMA, SCHEMA_NEWEST, Section, SectionKind, Symbol,
    SymbolKind, Target,
};

/// The delta whose file has the content `bytes`.
///
/// # Errors
/// What is wrong with the file, and where; see [`FormatError`].
pub fn read(bytes: &[u8]) -> Result<Delta, FormatError> {
    if bytes.len() > FILE_BYTES_MAX {
        return Err(FormatError::TooLong(bytes.len()));
    }
    let table = section_table(bytes)?;
    let parts = Parts::find(&table)?;
    let meta = read_meta(parts.meta)?;
    let references = refs::decode(parts.refs)?;
    let symbols = read_symbols(parts.symbols, parts.strings, &references)?;
    let sections = read_sections(&parts, symbols.len(), references.len())?;
    let delta = Delta { meta, sections, symbols, references };
    delta.validate()?;
    compare(bytes, &write::encode(&delta)?)?;
    Ok(delta)
}

/// One line of the section table with what it speaks of.
struct Entry<'a> {
    record: SectionRecord,
    name: &'a str,
    content: &'a [u8],
}

/// The file cut into what it is made of.
struct Parts<'t, 'a> {
    sections: &'t [Entry<'a>],
    refs: &'a [u8],
    meta: &'a [u8],
    relocations: &'t [Entry<'a>],
    symbols: &'a [u8],
    strings: &'a [u8],
}

impl<'t, 'a> Parts<'t, 'a> {
    fn find(table: &'t [Entry<'a>]) -> Result<Self, FormatError> {
        let (sections, rest) = split_at_name(table, REFS_SECTION)?;
        if sections.len() > SECTIONS_MAX {
            return Err(FormatError::TooMany { what: "sections", limit: SECTIONS_MAX });
        }
        let [refs, meta, rest @ ..] = rest else { return Err(FormatError::Missing(META_SECTION)) };
        if meta.name != META_SECTION {
            return Err(FormatError::Missing(META_SECTION));
        }
        let (relocations, rest) = split_at_name(rest, ".symtab")?;
        let [symbols, strings, _section_names] = rest else { return Err(FormatError::Missing(".strtab")) };
        Ok(Self {
            sections,
            refs: refs.content,
            meta: meta.content,
            relocations,
            symbols: symbols.content,
            strings: strings.content,
        })
    }
}

fn split_at_name<'t, 'a>(
    table: &'t [Entry<'a>],
    name: &'static str,
) -> Result<(&'t [Entry<'a>], &'t [Entry<'a>]), FormatError> {
    let at = table.iter().position(|entry| entry.name == name).ok_or(FormatError::Missing(name))?;
    Ok(table.split_at(at))
}

/// The sections of the file but for the null section, with their names and contents.
fn section_table(bytes: &[u8]) -> Result<Vec<Entry<'_>>, FormatError> {
    let header = header(bytes)?;
    let len = usize::from(header.entry_count) * SECTION_LEN;
    let table = slice(bytes, header.table_offset, len as u64).ok_or_else(|| cut_off("the section table"))?;
    let records: Vec<_> = table.as_chunks().0.iter().map(SectionRecord::decode).collect();
    let names = records.get(usize::from(header.names_index));
    let names = names.ok_or(FormatError::Missing(".shstrtab"))?;
    let names = slice(bytes, names.offset, names.size).ok_or_else(|| cut_off("section .shstrtab"))?;

    let mut names = Names::new(names);
    let mut free_from = HEADER_LEN as u64;
    let mut entries = Vec::with_capacity(records.len());
    for (index, record) in records.into_iter().enumerate().skip(1) {
        let place = || format!("section {index}");
        let name = names.next(record.name).map_err(|what| damaged(place(), what))?;
        let size = if record.kind == elf::NOBITS { 0 } else { record.size };
        if record.offset < free_from {
            return Err(damaged(section(name), "it overlaps the part before it"));
        }
        let content = slice(bytes, record.offset, size).ok_or_else(|| cut_off(&section(name)))?;
        free_from = record.offset + size;
        entries.push(Entry { record, name, content });
    }
    Ok(entries)
}

fn header(bytes: &[u8]) -> Result<Header, FormatError> {
    if !bytes.starts_with(&object::elf::ELFMAG) {
        return Err(FormatError::NotElf);
    }
    let header = bytes.first_chunk::<HEADER_LEN>().ok_or_else(|| cut_off("the header"))?;
    let kind = object::elf::FileType(u16::from_le_bytes([header[16], header[17]]));
    match kind {
        object::elf::ET_REL => {}
        object::elf::ET_EXEC => return Err(FormatError::NotADelta("a program")),
        object::elf::ET_DYN => return Err(FormatError::NotADelta("a program or a shared library")),
        object::elf::ET_CORE => return Err(FormatError::NotADelta("a core dump")),
        _ => return Err(FormatError::NotADelta("an ELF file of an unknown type")),
    }
    Header::decode(header).ok_or(FormatError::NotADelta("an object file of another kind"))
}

/// A string table whose names are read in the order in which they stand, so that a small file can't
/// claim the same long name a million times.
struct Names<'a> {
    table: &'a [u8],
    at: usize,
}

impl<'a> Names<'a> {
    fn new(table: &'a [u8]) -> Self {
        Self { table, at: 1 }
    }

    fn next(&mut self, offset: u32) -> Result<&'a str, &'static str> {
        if offset as usize != self.at {
            return Err("its name is not the next in the table of names");
        }
        let rest = self.table.get(self.at..).ok_or("its name is behind the table of names")?;
        let len = rest.iter().position(|byte| *byte == 0).ok_or("its name does not end")?;
        self.at += len + 1;
        str::from_utf8(&rest[..len]).map_err(|_| "its name is not UTF-8")
    }
}

fn read_meta(text: &[u8]) -> Result<Meta, FormatError> {
    #[derive(serde::Deserialize)]
    struct Version {
        schema: u64,
    }
    if text.len() > META_BYTES_MAX {
        return Err(FormatError::TooMany { what: "bytes of metadata", limit: META_BYTES_MAX });
    }
    let damaged = |error: serde_json::Error| FormatError::Text {
        section: META_SECTION,
        line: error.line(),
        column: error.column(),
        what: json_fault(&error),
    };
    let Version { schema } = serde_json::from_slice(text).map_err(damaged)?;
    if !(u64::from(SCHEMA)..=u64::from(SCHEMA_NEWEST)).contains(&schema) {
        return Err(FormatError::UnknownSchema { found: schema });
    }
    serde_json::from_slice(text).map_err(damaged)
}

/// The delta's own symbols. Behind them in the table stand its references, and nothing else.
fn read_symbols(table: &[u8], strings: &[u8], references: &[Reference]) -> Result<Vec<Symbol>, FormatError> {
    let (records, _) = table.as_chunks::<SYMBOL_LEN>();
    if records.len() > 1 + SYMBOLS_MAX + REFERENCES_MAX {
        return Err(FormatError::TooMany { what: "symbols", limit: SYMBOLS_MAX });
    }
    let mut records = records.iter().map(SymbolRecord::decode).enumerate().skip(1);
    let Some(own) = records.len().checked_sub(references.len()) else {
        return Err(damaged(".symtab".to_owned(), "it has fewer symbols than .suture.refs has lines"));
    };
    let mut names = Names::new(strings);
    let mut symbols = Vec::with_capacity(own);
    for (index, record) in records.by_ref().take(own) {
        let bad = |what| damaged(format!("symbol {index}"), what);
        symbols.push(read_symbol(record, names.next(record.name).map_err(bad)?).map_err(bad)?);
    }
    for ((index, record), reference) in records.zip(references) {
        let bad = |what| damaged(format!("symbol {index}"), what);
        if names.next(record.name).map_err(bad)? != reference.name {
            return Err(bad("its name is not the one in .suture.refs"));
        }
    }
    Ok(symbols)
}

fn read_symbol(record: SymbolRecord, name: &str) -> Result<Symbol, &'static str> {
    let kinds = [SymbolKind::Function, SymbolKind::Object];
    let kind = kinds.into_iter().find(|kind| write::symbol_info(*kind) == record.info);
    Ok(Symbol {
        name: name.to_owned(),
        section: record.section.checked_sub(1).ok_or("it is in no section")?.into(),
        offset: record.value,
        size: record.size,
        kind: kind.ok_or("it is neither a local function nor a local object")?,
    })
}

fn read_sections(
    parts: &Parts<'_, '_>,
    symbols: usize,
    references: usize,
) -> Result<Vec<Section>, FormatError> {
    let mut sections = Vec::with_capacity(parts.sections.len());
    for entry in parts.sections {
        let kind = kind_of(&entry.record)
            .ok_or_else(|| damaged(section(entry.name), "its type and flags are none that a delta has"))?;
        sections.push(Section {
            name: entry.name.to_owned(),
            kind,
            align: entry.record.align,
            data: entry.content.to_vec(),
            size: entry.record.size,
            relocations: Vec::new(),
        });
    }
    for entry in parts.relocations {
        let bad = |what| damaged(section(entry.name), what);
        let index = (entry.record.info as usize).checked_sub(1);
        let section = index.and_then(|index| sections.get_mut(index));
        let section = section.ok_or_else(|| bad("it relocates none of the delta's sections"))?;
        if !section.relocations.is_empty() {
            return Err(bad("a section is relocated twice"));
        }
        let records = entry.content.as_chunks::<RELA_LEN>().0.iter().map(RelaRecord::decode);
        let read = |record| read_relocation(record, symbols, references).map_err(bad);
        section.relocations = records.map(read).collect::<Result<_, _>>()?;
    }
    Ok(sections)
}

fn read_relocation(
    record: RelaRecord,
    symbols: usize,
    references: usize,
) -> Result<Relocation, &'static str> {
    let kinds = [
        RelocationKind::Abs64,
        RelocationKind::Abs32,
        RelocationKind::Abs32Signed,
        RelocationKind::Pc32,
        RelocationKind::Pc64,
    ];
    let kind = kinds.into_iter().find(|kind| write::relocation_type(*kind) == record.kind);
    let index = (record.symbol as usize).checked_sub(1).ok_or("a relocation has no symbol")?;
    let target = if index < symbols {
        Target::Symbol(index as u32)
    } else if index - symbols < references {
        Target::Reference((index - symbols) as u32)
    } else {
        return Err("a relocation speaks of a symbol that is not in the table");
    };
    let kind = kind.ok_or("a relocation has a type that a delta does not use")?;
    Ok(Relocation { offset: record.offset, kind, target, addend: record.addend })
}

fn kind_of(record: &SectionRecord) -> Option<SectionKind> {
    let kinds = [
        SectionKind::Text,
        SectionKind::ReadOnly,
        SectionKind::Frames,
        SectionKind::Data,
        SectionKind::Bss,
        SectionKind::Template,
    ];
    kinds.into_iter().find(|kind| write::kind_and_flags(*kind) == (record.kind, record.flags))
}

/// There is one way to write a delta down: what was read must be what was written.
fn compare(found: &[u8], written: &[u8]) -> Result<(), FormatError> {
    if found == written {
        return Ok(());
    }
    let same = found.iter().zip(written).take_while(|(a, b)| a == b).count();
    Err(FormatError::NotCanonical { offset: same })
}

fn slice(bytes: &[u8], offset: u64, size: u64) -> Option<&[u8]> {
    let start = usize::try_from(offset).ok()?;
    let end = start.checked_add(usize::try_from(size).ok()?)?;
    bytes.get(start..end)
}

fn section(name: &str) -> String {
    format!("section `{}`", shown(name))
}

fn cut_off(part: &str) -> FormatError {
    FormatError::CutOff(part.to_owned())
}

fn damaged(place: String, what: &'static str) -> FormatError {
    FormatError::Damaged { place, what }
}
