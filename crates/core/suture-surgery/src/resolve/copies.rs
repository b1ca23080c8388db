//! Objects of libraries of which the program has a copy (`R_X86_64_COPY`).
//!
//! A program that is not position-independent throughout names such an object by an address of its own. The
//! loader copies the content there when it starts the program, and leads everybody to the copy, the library too.

use super::dynamic::{RELOCATION_LEN, Tables, number};
use super::{ResolveError, Scope, Symbol, find_in};
use crate::memory::Memory;

/// Most relocations with symbols of a program; a browser has some thousands.
const RELOCATIONS_MAX: u64 = 1 << 20;
/// Longest name of a symbol, in bytes.
const NAME_LEN_MAX: u64 = 1 << 16;
const R_X86_64_COPY: u64 = 5;

/// An object of a library and the program's copy of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Copied {
    /// Where it stands in the library.
    pub original: u64,
    /// Where the copy stands.
    pub copy: u64,
    /// How many bytes were copied.
    pub size: u64,
}

impl Scope {
    /// All of which the program has a copy.
    pub fn copies(&self, memory: &dyn Memory) -> Result<Vec<Copied>, ResolveError> {
        let mut found = Vec::new();
        let Some((program, libraries)) = self.objects.split_first() else { return Ok(found) };
        let Some((start, len)) = program.relocations else { return Ok(found) };
        let count = len / RELOCATION_LEN;
        if count > RELOCATIONS_MAX {
            return Err(ResolveError::Malformed { what: "it has too many relocations" });
        }
        for relocation in
            memory.read_vec(start, count * RELOCATION_LEN)?.chunks_exact(RELOCATION_LEN as usize)
        {
            let (place, kind, symbol) =
                (number(&relocation[..8]), number(&relocation[8..12]), number(&relocation[12..16]));
            if kind == R_X86_64_COPY {
                let copy = place.wrapping_add(program.bias);
                found.extend(copied(program, libraries, symbol as u32, copy, memory)?);
            }
        }
        Ok(found)
    }
}

fn copied(
    program: &Tables,
    libraries: &[Tables],
    symbol: u32,
    copy: u64,
    memory: &dyn Memory,
) -> Result<Option<Copied>, ResolveError> {
    let Symbol { name, size, .. } = Symbol::read(program, symbol, memory)?;
    let name = memory.read_cstr(program.strings.wrapping_add(name), NAME_LEN_MAX)?;
    let Ok(name) = String::from_utf8(name) else { return Ok(None) };
    for library in libraries {
        if let Some(found) = find_in(library, &name, None, memory)? {
            return Ok(Some(Copied { original: found.address, copy, size: size.min(found.size) }));
        }
    }
    Ok(None)
}
