//! A delta as the bytes of its file. The order of the parts is fixed, so the same delta gives the same bytes.
//!
//! ```text
//!  header · sections of the delta · .suture.refs · .suture.meta · .rela… · .symtab · .strtab · .shstrtab · section table
//! ```

use object::elf;

use super::{
    FILE_BYTES_MAX, META_BYTES_MAX, META_SECTION, REFS_SECTION, SHN_OLD_BUILD,
    elf::{
        self as record, HEADER_LEN, Header, RELA_LEN, RelaRecord, SYMBOL_LEN, SectionRecord, SymbolRecord,
    },
    error::FormatError,
    refs,
};
use crate::model::{Delta, Relocation, RelocationKind, Resolution, Section, SectionKind, SymbolKind, Target};

/// The file of `delta`.
///
/// # Errors
/// [`FormatError::Invalid`] if the delta breaks a rule that every reader relies on, and
/// [`FormatError::TooLong`] or [`FormatError::TooMany`] if it goes beyond what readers accept.
pub fn write(delta: &Delta) -> Result<Vec<u8>, FormatError> {
    delta.validate()?;
    let bytes = encode(delta)?;
    if bytes.len() > FILE_BYTES_MAX {
        return Err(FormatError::TooLong(bytes.len()));
    }
    Ok(bytes)
}

/// The file of a valid delta.
pub(super) fn encode(delta: &Delta) -> Result<Vec<u8>, FormatError> {
    let meta = serde_json::to_vec(&delta.meta).expect("metadata is plain data with text keys");
    if meta.len() > META_BYTES_MAX {
        return Err(FormatError::TooMany { what: "bytes of metadata", limit: META_BYTES_MAX });
    }
    let mut file = File::new();
    for section in &delta.sections {
        file.push_section(section);
    }
    let text = SectionRecord { kind: record::PROGBITS, align: 1, ..SectionRecord::default() };
    file.push(REFS_SECTION, text, &refs::encode(&delta.references));
    file.push(META_SECTION, text, &meta);

    let relocated =
        || delta.sections.iter().zip(1_u32..).filter(|(section, _)| !section.relocations.is_empty());
    let symbol_table = file.next_index() + relocated().count() as u32;
    for (section, index) in relocated() {
        file.push_relocations(delta, section, index, symbol_table);
    }
    file.push_symbols(delta);
    Ok(file.finish())
}

/// Section type and flags with which tools show a section of this kind as what it is.
pub(super) fn kind_and_flags(kind: SectionKind) -> (u32, u64) {
    match kind {
        SectionKind::Text => (record::PROGBITS, record::ALLOC | record::EXECUTE),
        SectionKind::ReadOnly => (record::PROGBITS, record::ALLOC),
        SectionKind::Frames => (record::UNWIND, record::ALLOC),
        SectionKind::Data => (record::PROGBITS, record::ALLOC | record::WRITE),
        SectionKind::Bss => (record::NOBITS, record::ALLOC | record::WRITE),
        SectionKind::Template => (record::PROGBITS, 0),
    }
}

/// The relocation type of the psABI that means what the model means.
pub(super) fn relocation_type(kind: RelocationKind) -> u32 {
    match kind {
        RelocationKind::Abs64 => elf::R_X86_64_64.0,
        RelocationKind::Abs32 => elf::R_X86_64_32.0,
        RelocationKind::Abs32Signed => elf::R_X86_64_32S.0,
        RelocationKind::Pc32 => elf::R_X86_64_PC32.0,
        RelocationKind::Pc64 => elf::R_X86_64_PC64.0,
    }
}

/// `st_info` of a symbol of the delta: local, because its name need not be unique.
pub(super) fn symbol_info(kind: SymbolKind) -> u8 {
    let kind = match kind {
        SymbolKind::Function => elf::STT_FUNC,
        SymbolKind::Object => elf::STT_OBJECT,
    };
    elf::STB_LOCAL.0 << 4 | kind.0
}

/// `st_info` of a reference: global, of no type.
pub(super) fn reference_info() -> u8 {
    elf::STB_GLOBAL.0 << 4 | elf::STT_NOTYPE.0
}

/// Index in the symbol table: the null symbol first, then the delta's symbols, then its references.
fn symbol_index(delta: &Delta, target: Target) -> u32 {
    match target {
        Target::Symbol(index) => 1 + index,
        Target::Reference(index) => 1 + delta.symbols.len() as u32 + index,
    }
}

/// A file under construction: the parts so far, and the table that describes them.
struct File {
    bytes: Vec<u8>,
    table: Vec<SectionRecord>,
    names: Vec<u8>,
}

impl File {
    fn new() -> Self {
        Self { bytes: vec![0; HEADER_LEN], table: vec![SectionRecord::default()], names: vec![0] }
    }

    fn next_index(&self) -> u32 {
        self.table.len() as u32
    }

    /// Appends a section; `record` says everything but where it is.
    fn push(&mut self, name: &str, record: SectionRecord, content: &[u8]) {
        let offset = self.bytes.len().next_multiple_of(record.align as usize);
        self.bytes.resize(offset, 0);
        self.bytes.extend_from_slice(content);
        let size = content.len() as u64;
        self.table.push(SectionRecord {
            name: append_name(&mut self.names, name),
            offset: offset as u64,
            size,
            ..record
        });
    }

    fn push_section(&mut self, section: &Section) {
        let (kind, flags) = kind_and_flags(section.kind);
        let record = SectionRecord { kind, flags, align: section.align, ..SectionRecord::default() };
        if section.kind == SectionKind::Bss {
            let name = append_name(&mut self.names, &section.name);
            let offset = self.bytes.len() as u64;
            self.table.push(SectionRecord { name, offset, size: section.size, ..record });
        } else {
            self.push(&section.name, record, &section.data);
        }
    }

    fn push_relocations(&mut self, delta: &Delta, section: &Section, index: u32, symbol_table: u32) {
        let mut content = Vec::with_capacity(section.relocations.len() * RELA_LEN);
        for Relocation { offset, kind, target, addend } in &section.relocations {
            let record = RelaRecord {
                offset: *offset,
                kind: relocation_type(*kind),
                symbol: symbol_index(delta, *target),
                addend: *addend,
            };
            content.extend_from_slice(&record.encode());
        }
        let record = SectionRecord {
            kind: record::RELA,
            flags: record::INFO_LINK,
            link: symbol_table,
            info: index,
            align: 8,
            entry_size: RELA_LEN as u64,
            ..SectionRecord::default()
        };
        self.push(&format!(".rela{}", section.name), record, &content);
    }

    fn push_symbols(&mut self, delta: &Delta) {
        let count = 1 + delta.symbols.len() + delta.references.len();
        let mut names = vec![0];
        let mut content = Vec::with_capacity(count * SYMBOL_LEN);
        content.extend_from_slice(&SymbolRecord::default().encode());
        for symbol in &delta.symbols {
            let record = SymbolRecord {
                name: append_name(&mut names, &symbol.name),
                info: symbol_info(symbol.kind),
                section: 1 + symbol.section as u16,
                value: symbol.offset,
                size: symbol.size,
            };
            content.extend_from_slice(&record.encode());
        }
        for reference in &delta.references {
            let value = match reference.resolution {
                Resolution::Image { address } => address,
                _ => 0,
            };
            let name = append_name(&mut names, &reference.name);
            let record =
                SymbolRecord { name, info: reference_info(), section: SHN_OLD_BUILD, value, size: 0 };
            content.extend_from_slice(&record.encode());
        }
        let symbols = SectionRecord {
            kind: record::SYMTAB,
            link: self.next_index() + 1,
            info: 1 + delta.symbols.len() as u32,
            align: 8,
            entry_size: SYMBOL_LEN as u64,
            ..SectionRecord::default()
        };
        self.push(".symtab", symbols, &content);
        let strings = SectionRecord { kind: record::STRTAB, align: 1, ..SectionRecord::default() };
        self.push(".strtab", strings, &names);
    }

    /// Adds the names of the sections, their table and the header.
    fn finish(mut self) -> Vec<u8> {
        let name = append_name(&mut self.names, ".shstrtab");
        let names_index = self.table.len() as u16;
        let (offset, size) = (self.bytes.len() as u64, self.names.len() as u64);
        let strings = SectionRecord { kind: record::STRTAB, align: 1, ..SectionRecord::default() };
        self.table.push(SectionRecord { name, offset, size, ..strings });
        self.bytes.append(&mut self.names);

        let table_offset = self.bytes.len().next_multiple_of(8);
        self.bytes.resize(table_offset, 0);
        for record in &self.table {
            self.bytes.extend_from_slice(&record.encode());
        }
        let entry_count = self.table.len() as u16;
        let header = Header { table_offset: table_offset as u64, entry_count, names_index };
        self.bytes[..HEADER_LEN].copy_from_slice(&header.encode());
        self.bytes
    }
}

/// Names stand one after the other in the order of what they name, each on its own: a reader that follows
/// them never reads more than the table holds.
fn append_name(names: &mut Vec<u8>, name: &str) -> u32 {
    let offset = names.len() as u32;
    names.extend_from_slice(name.as_bytes());
    names.push(0);
    offset
}
