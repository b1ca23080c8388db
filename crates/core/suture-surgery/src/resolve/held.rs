//! What modules hold that have looked for a symbol: the words that the linker has filled with its address.

use super::dynamic::{RELOCATION_LEN, Tables, number};
use super::{Found, ResolveError, definitions};
use crate::memory::Memory;

/// Most relocations with symbols of a module; a browser has some thousands.
pub(super) const RELOCATIONS_MAX: u64 = 1 << 20;
const R_X86_64_64: u64 = 1;
const R_X86_64_GLOB_DAT: u64 = 6;

/// A relocation that names a symbol, `Elf64_Rela`.
pub(super) struct Named {
    pub(super) place: u64,
    pub(super) kind: u64,
    pub(super) symbol: u32,
    addend: u64,
}

/// All of a module.
pub(super) fn relocations(tables: &Tables, memory: &dyn Memory) -> Result<Vec<Named>, ResolveError> {
    let Some((start, len)) = tables.relocations else { return Ok(Vec::new()) };
    let count = len / RELOCATION_LEN;
    if count > RELOCATIONS_MAX {
        return Err(ResolveError::Malformed { what: "it has too many relocations" });
    }
    let bytes = memory.read_vec(start, count * RELOCATION_LEN)?;
    let named = |entry: &[u8]| Named {
        place: number(&entry[..8]).wrapping_add(tables.bias),
        kind: number(&entry[8..12]),
        symbol: number(&entry[12..16]) as u32,
        addend: number(&entry[16..24]),
    };
    Ok(bytes.chunks_exact(RELOCATION_LEN as usize).map(named).collect())
}

/// What a module that defines the symbol holds as its address, if it has looked for it.
pub(super) fn held_by(
    tables: &Tables,
    name: &str,
    version: Option<&str>,
    memory: &dyn Memory,
) -> Result<Option<Found>, ResolveError> {
    let defined = definitions(tables, name, version, memory)?;
    if defined.is_empty() {
        return Ok(None);
    }
    for relocation in relocations(tables, memory)? {
        let is_address = matches!(relocation.kind, R_X86_64_64 | R_X86_64_GLOB_DAT);
        let defined = defined.iter().find(|(number, _)| *number == relocation.symbol);
        if let Some((_, found)) = defined.filter(|_| is_address) {
            let address = memory.read_u64(relocation.place)?.wrapping_sub(relocation.addend);
            return Ok(Some(Found { address, ..*found }));
        }
    }
    Ok(None)
}
