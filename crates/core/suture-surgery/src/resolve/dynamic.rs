//! The dynamic section of a module, and the tables for symbol lookup that it points to.

use super::{ResolveError, VERSION_NAMED_MIN};
use crate::memory::{Memory, MemoryError};
use crate::modules::Module;

/// Most entries of a dynamic section; real ones have about thirty.
const ENTRIES_MAX: usize = 1024;
/// Most symbol versions of one module; glibc has about fifty.
const VERSIONS_MAX: usize = 4096;
/// Length of an `Elf64_Rela`, in bytes.
pub(super) const RELOCATION_LEN: u64 = 24;
/// Longest name of a version, in bytes.
const VERSION_LEN_MAX: u64 = 1024;

const DT_HASH: u64 = 4;
const DT_STRTAB: u64 = 5;
const DT_SYMTAB: u64 = 6;
const DT_RELA: u64 = 7;
const DT_RELASZ: u64 = 8;
const DT_STRSZ: u64 = 10;
const DT_DEBUG: u64 = 21;
const DT_GNU_HASH: u64 = 0x6fff_fef5;
const DT_VERSYM: u64 = 0x6fff_fff0;
const DT_RELACOUNT: u64 = 0x6fff_fff9;
const DT_VERDEF: u64 = 0x6fff_fffc;
const DT_VERNEED: u64 = 0x6fff_fffe;

/// The entries of a dynamic section.
pub(super) struct Dynamic {
    entries: Vec<(u64, u64)>,
}

/// Where the tables of a module are, and its versions.
#[derive(Debug)]
pub(super) struct Tables {
    pub(super) bias: u64,
    pub(super) symbols: u64,
    pub(super) strings: u64,
    pub(super) strings_len: u64,
    pub(super) gnu_hash: Option<u64>,
    pub(super) hash: Option<u64>,
    /// The versions of the symbols, two bytes each.
    pub(super) symbol_versions: Option<u64>,
    /// Address and length in bytes of the relocations that name a symbol.
    pub(super) relocations: Option<(u64, u64)>,
    /// Number and name of each version that the module defines or needs.
    pub(super) versions: Vec<(u16, Vec<u8>)>,
}

impl Dynamic {
    /// Reads the dynamic section at `address`, up to its `DT_NULL`.
    pub(super) fn read(address: u64, memory: &dyn Memory) -> Result<Self, ResolveError> {
        let mut entries = Vec::new();
        for at in 0..ENTRIES_MAX as u64 {
            let mut entry = [0; 16];
            memory.read(address.wrapping_add(at * 16), &mut entry)?;
            let (key, value) = entry.split_at(8);
            match (number(key), number(value)) {
                (0, _) => return Ok(Self { entries }),
                entry => entries.push(entry),
            }
        }
        Err(ResolveError::Malformed { what: "its dynamic section has no end" })
    }

    fn get(&self, key: u64) -> Option<u64> {
        self.entries.iter().find(|(tag, _)| *tag == key).map(|(_, value)| *value)
    }

    /// Where the loader keeps its list for debuggers.
    pub(super) fn debug(&self) -> Option<u64> {
        self.get(DT_DEBUG).filter(|address| *address != 0)
    }
}

impl Tables {
    /// The tables of a module; `None` if it has no dynamic section or no symbols in it.
    pub(super) fn read(module: &Module, memory: &dyn Memory) -> Result<Option<Self>, ResolveError> {
        let Some(address) = module.dynamic else { return Ok(None) };
        let dynamic = Dynamic::read(address, memory)?;
        // glibc adds the bias to these entries where they stand, musl and the kernel do not.
        let place = |key| {
            let value = dynamic.get(key)?;
            let relocated = module.range.contains(value);
            Some(if relocated { value } else { value.wrapping_add(module.bias) })
        };
        let (Some(symbols), Some(strings)) = (place(DT_SYMTAB), place(DT_STRTAB)) else { return Ok(None) };
        let mut tables = Self {
            bias: module.bias,
            symbols,
            strings,
            strings_len: dynamic.get(DT_STRSZ).unwrap_or(0),
            gnu_hash: place(DT_GNU_HASH),
            hash: place(DT_HASH),
            symbol_versions: place(DT_VERSYM),
            relocations: place(DT_RELA).map(|at| {
                // Those without a symbol come first.
                let without = dynamic.get(DT_RELACOUNT).unwrap_or(0).saturating_mul(RELOCATION_LEN);
                let len = dynamic.get(DT_RELASZ).unwrap_or(0).saturating_sub(without);
                (at.wrapping_add(without), len)
            }),
            versions: Vec::new(),
        };
        if let Some(defined) = place(DT_VERDEF) {
            tables.read_defined(defined, memory)?;
        }
        if let Some(needed) = place(DT_VERNEED) {
            tables.read_needed(needed, memory)?;
        }
        Ok(Some(tables))
    }

    /// Walks `Elf64_Verdef` records; the first auxiliary record of each names the version.
    fn read_defined(&mut self, mut at: u64, memory: &dyn Memory) -> Result<(), ResolveError> {
        loop {
            let mut record = [0; 20];
            memory.read(at, &mut record)?;
            let (index, auxiliary, next) =
                (number(&record[4..6]), number(&record[12..16]), number(&record[16..]));
            let mut name = [0; 4];
            memory.read(at.wrapping_add(auxiliary), &mut name)?;
            self.add_version(index as u16, number(&name), memory)?;
            if next == 0 {
                return Ok(());
            }
            at = at.wrapping_add(next);
        }
    }

    /// Walks `Elf64_Verneed` records and the `Elf64_Vernaux` records of each.
    fn read_needed(&mut self, mut at: u64, memory: &dyn Memory) -> Result<(), ResolveError> {
        loop {
            let mut record = [0; 16];
            memory.read(at, &mut record)?;
            let (first, next_file) = (number(&record[8..12]), number(&record[12..]));
            let mut version_at = at.wrapping_add(first);
            loop {
                let mut version = [0; 16];
                memory.read(version_at, &mut version)?;
                let (index, name, next) =
                    (number(&version[6..8]), number(&version[8..12]), number(&version[12..]));
                self.add_version(index as u16 & !HIDDEN, name, memory)?;
                if next == 0 {
                    break;
                }
                version_at = version_at.wrapping_add(next);
            }
            if next_file == 0 {
                return Ok(());
            }
            at = at.wrapping_add(next_file);
        }
    }

    fn add_version(&mut self, index: u16, name: u64, memory: &dyn Memory) -> Result<(), ResolveError> {
        if self.versions.len() == VERSIONS_MAX {
            return Err(ResolveError::Malformed { what: "it has too many symbol versions" });
        }
        let name = memory.read_cstr(self.strings.wrapping_add(name), VERSION_LEN_MAX)?;
        self.versions.push((index, name));
        Ok(())
    }

    /// Whether the string at `offset` of the string table is `text`.
    pub(super) fn is_string(
        &self,
        offset: u64,
        text: &[u8],
        memory: &dyn Memory,
    ) -> Result<bool, MemoryError> {
        let len = text.len() as u64 + 1;
        if offset.checked_add(len).is_none_or(|end| end > self.strings_len) {
            return Ok(false);
        }
        let found = memory.read_vec(self.strings.wrapping_add(offset), len)?;
        Ok(found.strip_suffix(&[0]) == Some(text))
    }

    /// The name of the version that a symbol has or asks for.
    pub(super) fn version_name(&self, symbol: u32, memory: &dyn Memory) -> Result<Option<&str>, MemoryError> {
        let version = self.version_of(symbol, memory)?.map(|version| version & !HIDDEN);
        let version = version.filter(|version| *version >= VERSION_NAMED_MIN);
        let named = self.versions.iter().find(|(number, _)| Some(*number) == version);
        Ok(named.and_then(|(_, name)| std::str::from_utf8(name).ok()))
    }

    /// The version of a symbol: its number with [`HIDDEN`] set if it is not the default one of its name;
    /// `None` if the module has no versions.
    pub(super) fn version_of(&self, symbol: u32, memory: &dyn Memory) -> Result<Option<u16>, MemoryError> {
        let Some(table) = self.symbol_versions else { return Ok(None) };
        let mut version = [0; 2];
        memory.read(table.wrapping_add(u64::from(symbol) * 2), &mut version)?;
        Ok(Some(u16::from_le_bytes(version)))
    }
}

/// Bit of a symbol's version: only references that name the version may use it.
pub(super) const HIDDEN: u16 = 0x8000;

/// A little-endian number of at most eight bytes.
pub(super) fn number(bytes: &[u8]) -> u64 {
    bytes.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte))
}
