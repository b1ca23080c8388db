//! Looking up symbols in a process as its dynamic linker would.
//!
//! A patch may call a function that the old build never imported. The dynamic linker is asked for nothing:
//! its list of loaded objects and their symbol tables are in the memory of the process. The rules are those
//! of glibc's `do_lookup_x` (elf/dl-lookup.c): the first definition in load order wins, weak or not, and the
//! versions of a symbol are told apart.
//!
//! Not everybody is shown the same: who was opened with `RTLD_LOCAL` is seen by those that came with it alone. The order in which
//! the linker searches for one module is read from its own lists ([`Order`]). Two things differ from the linker itself: what it
//! does not find for a module is looked for in all other objects too, in load order, so that a fix may use a library that is there
//! for somebody else; and other namespaces (`dlmopen`) are not looked at.

mod copies;
mod dynamic;
mod hash;
mod held;
mod order;

use std::collections::HashSet;

use thiserror::Error;

use crate::memory::{Memory, MemoryError};
use crate::modules::Module;

pub use copies::Copied;
use dynamic::{Dynamic, HIDDEN, Tables, number};
pub use order::Order;

/// Most objects of a link map.
const OBJECTS_MAX: usize = 1 << 14;

/// Offset of `r_map` in `struct r_debug`, and of `l_ld` and `l_next` in `struct link_map`: what debuggers may rely on.
const R_MAP_OFFSET: u64 = 8;
const L_LD_OFFSET: u64 = 16;
const L_NEXT_OFFSET: u64 = 24;
/// Symbol of the dynamic linker's `struct r_debug`.
const R_DEBUG: &str = "_r_debug";

/// Length of an `Elf64_Sym`, in bytes.
const SYMBOL_LEN: u64 = 24;
const SHN_UNDEF: u64 = 0;
const SHN_ABS: u64 = 0xfff1;
const STB_GLOBAL: u8 = 1;
const STB_WEAK: u8 = 2;
const STB_GNU_UNIQUE: u8 = 10;
const STV_INTERNAL: u8 = 1;
const STV_HIDDEN: u8 = 2;
const STT_FUNC: u8 = 2;
const STT_TLS: u8 = 6;
const STT_GNU_IFUNC: u8 = 10;

/// Numbers of versions from here on have names; 0 and 1 mean local and unversioned.
const VERSION_NAMED_MIN: u16 = 2;

/// The objects of a process, in the order in which they were loaded.
#[derive(Debug)]
pub struct Scope {
    objects: Vec<Object>,
    /// The `struct link_map` of every object, with symbols or without.
    maps: Vec<u64>,
}

/// An object with symbols.
#[derive(Debug)]
struct Object {
    /// Address of its `struct link_map`; 0 in a static program.
    map: u64,
    /// Address of its dynamic section.
    dynamic: u64,
    tables: Tables,
}

/// A symbol's definition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Found {
    /// Its address in the process.
    pub address: u64,
    /// Whether the address is that of a resolver, a function that gives the address of the one to call.
    pub is_ifunc: bool,
    /// Its size in bytes, 0 if unknown.
    pub size: u64,
    /// Whether a process uses one of all definitions, whoever looks for it (`STB_GNU_UNIQUE`).
    pub is_unique: bool,
}

/// Why symbols can't be looked up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum ResolveError {
    /// A table is where nothing can be read.
    #[error("a symbol table of the process can't be read")]
    Unreadable(#[from] MemoryError),
    /// More than one module defines it, and which the linker chooses can't be known.
    #[error("several modules have it, and whose this process means can't be told")]
    Ambiguous,
    /// A table has not the form that the System V ABI describes.
    #[error("a module of the process is damaged: {what}")]
    Malformed {
        /// What does not fit.
        what: &'static str,
    },
}

impl Scope {
    /// Reads the link map of the process with these modules. A static program has none; then its own
    /// dynamic symbols, if any, are the scope.
    pub fn read(modules: &[Module], memory: &dyn Memory) -> Result<Self, ResolveError> {
        let (mut objects, mut maps) = (Vec::new(), Vec::new());
        match r_debug(modules, memory)? {
            Some(debug) => {
                for (map, dynamic) in link_map(debug, memory)? {
                    maps.push(map);
                    let module = modules.iter().find(|module| module.dynamic == Some(dynamic));
                    // The linker lists the kernel's object but does not search it.
                    if let Some(module) = module.filter(|module| !module.is_vdso()) {
                        let tables = Tables::read(module, memory)?;
                        objects.extend(tables.map(|tables| Object { map, dynamic, tables }));
                    }
                }
            }
            None => {
                for module in modules.iter().filter(|module| module.is_executable) {
                    let (tables, dynamic) = (Tables::read(module, memory)?, module.dynamic.unwrap_or(0));
                    objects.extend(tables.map(|tables| Object { map: 0, dynamic, tables }));
                }
            }
        }
        Ok(Self { objects, maps })
    }

    /// The first definition of `symbol` with this version, or with its default version, in load order.
    pub fn find(
        &self,
        symbol: &str,
        version: Option<&str>,
        memory: &dyn Memory,
    ) -> Result<Option<Found>, ResolveError> {
        self.find_among(0..self.objects.len(), symbol, version, memory)
    }

    fn find_among(
        &self,
        objects: impl IntoIterator<Item = usize>,
        symbol: &str,
        version: Option<&str>,
        memory: &dyn Memory,
    ) -> Result<Option<Found>, ResolveError> {
        for object in objects.into_iter().filter_map(|index| self.objects.get(index)) {
            if let Some(found) = find_in(&object.tables, symbol, version, memory)? {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }
}

/// The definition of `symbol` in one module, with this version, or with its default version.
pub fn lookup_in(
    module: &Module,
    symbol: &str,
    version: Option<&str>,
    memory: &dyn Memory,
) -> Result<Option<Found>, ResolveError> {
    match Tables::read(module, memory)? {
        Some(tables) => find_in(&tables, symbol, version, memory),
        None => Ok(None),
    }
}

/// Of these names those that a module defines, each with its default version.
pub fn lookup_all_in<'n>(
    module: &Module,
    names: &[&'n str],
    memory: &dyn Memory,
) -> Result<Vec<(&'n str, Found)>, ResolveError> {
    let Some(tables) = Tables::read(module, memory)? else { return Ok(Vec::new()) };
    let mut all = Vec::new();
    for name in names {
        all.extend(find_in(&tables, name, None, memory)?.map(|found| (*name, found)));
    }
    Ok(all)
}

/// Address of the linker's `struct r_debug`: the executable's `DT_DEBUG`, or, where the linker itself was
/// run as the program, its own symbol.
fn r_debug(modules: &[Module], memory: &dyn Memory) -> Result<Option<u64>, ResolveError> {
    for module in modules.iter().filter(|module| module.is_executable) {
        let Some(address) = module.dynamic else { continue };
        if let Some(debug) = Dynamic::read(address, memory)?.debug() {
            return Ok(Some(debug));
        }
        if let Some(found) = lookup_in(module, R_DEBUG, None, memory)? {
            return Ok(Some(found.address));
        }
    }
    Ok(None)
}

/// Of each loaded object the `struct link_map` and the dynamic section, in load order.
fn link_map(debug: u64, memory: &dyn Memory) -> Result<Vec<(u64, u64)>, ResolveError> {
    let mut sections = Vec::new();
    let mut seen = HashSet::new();
    let mut object = memory.read_u64(debug.wrapping_add(R_MAP_OFFSET))?;
    while object != 0 {
        if !seen.insert(object) || sections.len() == OBJECTS_MAX {
            return Err(ResolveError::Malformed { what: "its list of loaded objects has no end" });
        }
        sections.push((object, memory.read_u64(object.wrapping_add(L_LD_OFFSET))?));
        object = memory.read_u64(object.wrapping_add(L_NEXT_OFFSET))?;
    }
    Ok(sections)
}

fn find_in(
    tables: &Tables,
    name: &str,
    version: Option<&str>,
    memory: &dyn Memory,
) -> Result<Option<Found>, ResolveError> {
    Ok(definitions(tables, name, version, memory)?.first().map(|(_, found)| *found))
}

/// All symbols of a module with this name and version that have an address, with their numbers.
fn definitions(
    tables: &Tables,
    name: &str,
    version: Option<&str>,
    memory: &dyn Memory,
) -> Result<Vec<(u32, Found)>, ResolveError> {
    let mut found = named(tables, name, version, memory)?;
    found.retain(|(_, symbol)| symbol.kind != STT_TLS);
    Ok(found.into_iter().map(|(number, symbol)| (number, symbol.found(tables.bias))).collect())
}

/// All symbols of a module with this name and version that it defines, thread-local variables too.
fn named(
    tables: &Tables,
    name: &str,
    version: Option<&str>,
    memory: &dyn Memory,
) -> Result<Vec<(u32, Symbol)>, ResolveError> {
    let mut found = Vec::new();
    for number in hash::candidates(tables, name.as_bytes(), memory)? {
        let symbol = Symbol::read(tables, number, memory)?;
        let fits = symbol.is_definition()
            && tables.is_string(symbol.name, name.as_bytes(), memory)?
            && has_version(tables, number, version, memory)?;
        if fits {
            found.push((number, symbol));
        }
    }
    Ok(found)
}

/// Whether a reference to `version` may use a symbol. A module without versions satisfies any reference,
/// as does an unversioned symbol.
fn has_version(
    tables: &Tables,
    symbol: u32,
    version: Option<&str>,
    memory: &dyn Memory,
) -> Result<bool, ResolveError> {
    let Some(found) = tables.version_of(symbol, memory)? else { return Ok(true) };
    let (index, is_hidden) = (found & !HIDDEN, found & HIDDEN != 0);
    let unversioned = index < VERSION_NAMED_MIN && !is_hidden;
    Ok(match version {
        None => !is_hidden,
        Some(wanted) => {
            let named = |(number, name): &(u16, Vec<u8>)| *number == index && name == wanted.as_bytes();
            unversioned || tables.versions.iter().any(named)
        }
    })
}

/// What is used of an `Elf64_Sym`.
struct Symbol {
    name: u64,
    kind: u8,
    binding: u8,
    visibility: u8,
    section: u64,
    value: u64,
    size: u64,
}

impl Symbol {
    fn read(tables: &Tables, index: u32, memory: &dyn Memory) -> Result<Self, MemoryError> {
        let mut bytes = [0; SYMBOL_LEN as usize];
        memory.read(tables.symbols.wrapping_add(u64::from(index) * SYMBOL_LEN), &mut bytes)?;
        Ok(Self {
            name: number(&bytes[..4]),
            kind: bytes[4] & 15,
            binding: bytes[4] >> 4,
            visibility: bytes[5] & 3,
            section: number(&bytes[6..8]),
            value: number(&bytes[8..16]),
            size: number(&bytes[16..]),
        })
    }

    /// Where a definition of a module with this bias stands.
    fn found(&self, bias: u64) -> Found {
        let bias = if self.section == SHN_ABS { 0 } else { bias };
        Found {
            address: self.value.wrapping_add(bias),
            is_ifunc: self.kind == STT_GNU_IFUNC,
            size: self.size,
            is_unique: self.binding == STB_GNU_UNIQUE,
        }
    }

    /// Whether the symbol has an address, or a place in a thread-local block, that other modules may use. One that is undefined but has a value
    /// has, too: the procedure linkage stub that a program with fixed addresses uses as the function's
    /// address, so that all compare it equal.
    fn is_definition(&self) -> bool {
        let has_address = match self.section {
            SHN_ABS => true,
            SHN_UNDEF => self.value != 0 && self.kind == STT_FUNC,
            _ => self.value != 0 || self.kind == STT_TLS,
        };
        has_address
            && matches!(self.binding, STB_GLOBAL | STB_WEAK | STB_GNU_UNIQUE)
            && !matches!(self.visibility, STV_INTERNAL | STV_HIDDEN)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::Snapshot;

    #[test]
    fn a_circular_list_of_objects_is_refused() {
        let words = |words: &[u64]| words.iter().flat_map(|word| word.to_le_bytes()).collect::<Vec<u8>>();
        let mut memory = Snapshot::default();
        memory.insert(0x1000, words(&[1, 0x2000]));
        memory.insert(0x2000, words(&[0, 0, 0xaaaa, 0x3000, 0]));
        memory.insert(0x3000, words(&[0, 0, 0xbbbb, 0, 0x2000]));
        assert_eq!(link_map(0x1000, &memory).unwrap(), [(0x2000, 0xaaaa), (0x3000, 0xbbbb)]);
        memory.insert(0x4000, words(&[1, 0x5000]));
        memory.insert(0x5000, words(&[0, 0, 0xcccc, 0x5000, 0]));
        assert!(matches!(link_map(0x4000, &memory), Err(ResolveError::Malformed { .. })));
    }
}
