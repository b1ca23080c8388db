//! What can be wrong with a build's file.

use thiserror::Error;

/// Why a file can't be read as a build.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ElfError {
    /// Not an ELF file at all, or truncated, or contradicting itself.
    #[error("not a readable ELF file: {0}")]
    Malformed(String),
    /// An ELF file of another machine.
    #[error("an ELF file for {0}; suture patches x86-64 Linux programs")]
    WrongArchitecture(String),
    /// An ELF file that is neither an executable nor a shared library.
    #[error("an ELF file of type {0}; a linked executable or shared library is needed")]
    NotLinked(u16),
    /// A table larger than any real build's.
    #[error("its {what} has {count} entries, more than the {limit} that are accepted")]
    TooLarge {
        /// Which table.
        what: &'static str,
        /// How many entries it claims.
        count: usize,
        /// How many are accepted.
        limit: usize,
    },
    /// A section that can't be decompressed.
    #[error("section {name} can't be decompressed: {why}")]
    Compressed {
        /// Its name.
        name: String,
        /// Why.
        why: String,
    },
}

impl From<object::read::Error> for ElfError {
    fn from(error: object::read::Error) -> Self {
        Self::Malformed(error.to_string())
    }
}
