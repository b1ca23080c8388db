//! The symbols of a build, with the source file that each local one comes from.

use object::elf;
use object::read::elf::{Sym, SymbolTable};

use crate::build::ADDRESSES_END;
use crate::error::ElfError;

/// Most symbols that are read.
pub const SYMBOLS_MAX: usize = 1 << 24;

/// One symbol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Symbol<'d> {
    /// Linkage name; lossless UTF-8 or empty.
    pub name: &'d str,
    /// Virtual address; for a thread-local variable the offset in the TLS segment.
    pub address: u64,
    /// Size in bytes, 0 if the table does not say.
    pub size: u64,
    /// What it names.
    pub kind: SymbolKind,
    /// Not visible to other source files.
    pub local: bool,
    /// Other modules may have it as well, and all use one: weak, or `STB_GNU_UNIQUE`.
    pub vague: bool,
    /// References of its own build always mean it, whatever other modules define (`STV_PROTECTED`, hidden).
    pub bound: bool,
    /// Index of its section; `None` if undefined or absolute.
    pub section: Option<u32>,
    /// Source file of a local symbol as the compiler named it, if the table says.
    pub file: Option<&'d str>,
}

/// What a symbol names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SymbolKind {
    /// Code.
    Function,
    /// A function that chooses another at start.
    IndirectFunction,
    /// Data.
    Object,
    /// Thread-local data.
    Tls,
    /// A section's beginning.
    Section,
    /// A source file.
    File,
    /// Not said: labels of hand-written code, linker-made symbols.
    Untyped,
}

type Header = elf::FileHeader64<object::LittleEndian>;

/// All symbols of a table, in its order, so that relocations can speak of them by index.
pub(crate) fn read<'d>(table: &SymbolTable<'d, Header>) -> Result<Vec<Symbol<'d>>, ElfError> {
    let endian = object::LittleEndian;
    if table.len() > SYMBOLS_MAX {
        return Err(ElfError::TooLarge { what: "symbol table", count: table.len(), limit: SYMBOLS_MAX });
    }
    let mut file = None;
    let mut symbols = Vec::with_capacity(table.len());
    for (index, raw) in table.symbols().iter().enumerate() {
        let name = table.symbol_name(endian, raw).ok().and_then(|name| std::str::from_utf8(name).ok());
        let name = name.unwrap_or_default();
        let kind = kind(raw.st_type());
        let local = raw.st_bind() == elf::STB_LOCAL;
        if kind == SymbolKind::File {
            file = Some(name).filter(|name| !name.is_empty());
        }
        let section = table.symbol_section(endian, raw, object::SymbolIndex(index)).ok().flatten();
        symbols.push(Symbol {
            name,
            address: raw.st_value(endian),
            // A size that leads out of all addresses says nothing.
            size: raw.st_size(endian).min(ADDRESSES_END.saturating_sub(raw.st_value(endian))),
            kind,
            local,
            vague: matches!(raw.st_bind(), elf::STB_WEAK | elf::STB_GNU_UNIQUE),
            bound: raw.st_visibility() != elf::STV_DEFAULT,
            section: section.map(|section| section.0 as u32),
            file: file.filter(|_| local),
        });
    }
    Ok(symbols)
}

fn kind(raw: elf::SymbolType) -> SymbolKind {
    match raw {
        elf::STT_FUNC => SymbolKind::Function,
        elf::STT_GNU_IFUNC => SymbolKind::IndirectFunction,
        elf::STT_OBJECT | elf::STT_COMMON => SymbolKind::Object,
        elf::STT_TLS => SymbolKind::Tls,
        elf::STT_SECTION => SymbolKind::Section,
        elf::STT_FILE => SymbolKind::File,
        _ => SymbolKind::Untyped,
    }
}
