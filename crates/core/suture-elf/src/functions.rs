//! Names of functions by address, and nothing else: for stacks that people read.
//!
//! [`Build::parse`](crate::Build::parse) reads all tables and insists on them; here a stripped library is as
//! welcome as a whole build, and its exported functions are what it has.

use object::read::elf::ElfFile64;
use object::{Object as _, ObjectSymbol as _, SymbolKind};

use crate::error::ElfError;

/// The functions of one build, ascending by address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FunctionNames<'d> {
    build_id: Option<&'d [u8]>,
    functions: Vec<Function<'d>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Function<'d> {
    address: u64,
    size: u64,
    name: &'d str,
}

impl<'d> FunctionNames<'d> {
    /// Reads the symbol table of an ELF file, or the dynamic one if it has no other.
    ///
    /// # Errors
    /// It is no 64-bit ELF file, or its headers contradict its length.
    pub fn read(data: &'d [u8]) -> Result<Self, ElfError> {
        let file = ElfFile64::<object::LittleEndian>::parse(data)?;
        let mut functions: Vec<Function<'d>> = file
            .symbols()
            .chain(file.dynamic_symbols())
            .filter(|symbol| symbol.kind() == SymbolKind::Text && symbol.is_definition())
            .filter_map(|symbol| {
                let name = symbol.name().ok()?;
                Some(Function { address: symbol.address(), size: symbol.size(), name })
            })
            .collect();
        functions.sort_unstable();
        functions.dedup_by_key(|function| function.address);
        Ok(Self { build_id: file.build_id().ok().flatten(), functions })
    }

    /// GNU build-id.
    pub fn build_id(&self) -> Option<&'d [u8]> {
        self.build_id
    }

    /// Linkage name of the function that `address` (of the link) lies in, and how far from its entry.
    pub fn at(&self, address: u64) -> Option<(&'d str, u64)> {
        let behind = self.functions.partition_point(|function| function.address <= address);
        let function = self.functions.get(behind.checked_sub(1)?)?;
        let distance = address - function.address;
        (distance < function.size).then_some((function.name, distance))
    }
}
