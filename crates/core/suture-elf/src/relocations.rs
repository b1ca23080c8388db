//! The relocations that the linker left in the file with `--emit-relocs`, and those for the dynamic loader.

/// Most relocations that are read, of either kind.
pub const RELOCATIONS_MAX: usize = 1 << 27;

/// A place that the linker has computed, and from what (`--emit-relocs`).
///
/// After relaxation the type may no longer fit the instruction: the decoded instruction is right about
/// *where*, the relocation about *what*.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Relocation {
    /// Virtual address of the place.
    pub address: u64,
    /// ELF type, `R_X86_64_*`.
    pub kind: u32,
    /// Index into [`Build::symbols`](crate::Build::symbols).
    pub symbol: u32,
    /// Added to the symbol.
    pub addend: i64,
}

/// A place that the dynamic loader computes at start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DynamicRelocation {
    /// Virtual address of the place.
    pub address: u64,
    /// ELF type, `R_X86_64_*`.
    pub kind: u32,
    /// Index into [`Build::dynamic_symbols`](crate::Build::dynamic_symbols); 0 for none.
    pub symbol: u32,
    /// Added to the symbol, or the value itself.
    pub addend: i64,
}

/// ELF relocation types of x86-64 (psABI, table 4.9).
#[expect(missing_docs, reason = "the names are the psABI's own")]
pub mod kind {
    pub const ABS64: u32 = 1;
    pub const PC32: u32 = 2;
    pub const PLT32: u32 = 4;
    pub const COPY: u32 = 5;
    pub const GLOB_DAT: u32 = 6;
    pub const JUMP_SLOT: u32 = 7;
    pub const RELATIVE: u32 = 8;
    pub const GOTPCREL: u32 = 9;
    pub const ABS32: u32 = 10;
    pub const ABS32S: u32 = 11;
    pub const DTPMOD64: u32 = 16;
    pub const DTPOFF64: u32 = 17;
    pub const TPOFF64: u32 = 18;
    pub const TLSGD: u32 = 19;
    pub const TLSLD: u32 = 20;
    pub const DTPOFF32: u32 = 21;
    pub const GOTTPOFF: u32 = 22;
    pub const TPOFF32: u32 = 23;
    pub const PC64: u32 = 24;
    pub const GOTPC32_TLSDESC: u32 = 34;
    pub const TLSDESC: u32 = 36;
    pub const IRELATIVE: u32 = 37;
    pub const GOTPCRELX: u32 = 41;
    pub const REX_GOTPCRELX: u32 = 42;
}
