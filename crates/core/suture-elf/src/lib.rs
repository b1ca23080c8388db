//! A read-only view of one build: symbols, relocations, lines, types, unwind rules.
//!
//! One layer over the ELF file for everything above it. [`Build::parse`] reads the tables once, checks
//! them, and hands out plain values in ascending order; the bytes stay where the caller has them.
//! Pure: the file's bytes in, values out. A hostile file gets an error, never a panic, and no memory is
//! allocated for what a header merely claims.
#![forbid(unsafe_code)]

pub mod build;
pub mod debug;
pub mod error;
pub mod frames;
pub mod functions;
pub mod imports;
pub mod relocations;
pub mod symbols;

pub use build::{Build, BuildKind, Section, Segment};
pub use error::ElfError;
pub use imports::{Import, Slot};
pub use relocations::{DynamicRelocation, Relocation};
pub use symbols::{Symbol, SymbolKind};

/// Addresses, offsets and sizes are 64 bits wide throughout.
const _: () = assert!(usize::BITS == 64);
