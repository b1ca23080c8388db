//! Objects of libraries of which the program has a copy (`R_X86_64_COPY`).
//!
//! A program that is not position-independent throughout names such an object by an address of its own. The
//! loader copies the content there when it starts the program, and leads everybody to the copy, the library too.

use super::dynamic::Tables;
use super::held::{self, Named};
use super::{Object, ResolveError, Scope, Symbol, find_in};
use crate::memory::Memory;

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
    /// How many bytes the program has for it: as many as the library had when the program was linked.
    pub room: u64,
}

impl Scope {
    /// All of which the program has a copy.
    pub fn copies(&self, memory: &dyn Memory) -> Result<Vec<Copied>, ResolveError> {
        let mut found = Vec::new();
        let Some((program, libraries)) = self.objects.split_first() else { return Ok(found) };
        for relocation in held::relocations(&program.tables, memory)? {
            if relocation.kind == R_X86_64_COPY {
                found.extend(copied(&program.tables, libraries, &relocation, memory)?);
            }
        }
        Ok(found)
    }
}

fn copied(
    program: &Tables,
    libraries: &[Object],
    relocation: &Named,
    memory: &dyn Memory,
) -> Result<Option<Copied>, ResolveError> {
    let Symbol { name, size, .. } = Symbol::read(program, relocation.symbol, memory)?;
    let name = memory.read_cstr(program.strings.wrapping_add(name), NAME_LEN_MAX)?;
    let Ok(name) = String::from_utf8(name) else { return Ok(None) };
    let version = program.version_name(relocation.symbol, memory)?;
    for library in libraries {
        if let Some(found) = find_in(&library.tables, &name, version, memory)? {
            return Ok(Some(Copied { original: found.address, copy: relocation.place, room: size }));
        }
    }
    Ok(None)
}
