//! The delta as a file: an ELF relocatable object that ordinary tools read.
//!
//! `readelf -a`, `nm` and `objdump -dr` show a reviewer everything that the surgery will do, and
//! nothing else can be in the file: a delta has exactly one spelling. [`read()`] writes what it has
//! understood once more and refuses a file that differs in a single byte, so there is no padding,
//! no spare header field and no second copy of a fact in which something could hide, and the
//! [`id`] of a file is the id of its meaning.
//!
//! ```text
//!  Delta ─► validate ─► write ─► bytes ─► read ─► Delta ─► validate ─► write ─► the same bytes
//! ```
//!
//! `docs/formats/delta.md` describes the layout field by field.

mod elf;
mod error;
mod read;
mod refs;
mod validate;
mod write;

use std::fmt;

use sha2::{Digest, Sha256};

pub use error::{FormatError, Invalid, Place, Rule};
pub use read::read;
pub use write::write;

/// Longest delta file, in bytes.
pub const FILE_BYTES_MAX: usize = 256 << 20;
/// Longest `.suture.meta`, in bytes: a list of empty names takes eight times as much memory as its text.
pub const META_BYTES_MAX: usize = 16 << 20;
/// Most sections of new code and data.
pub const SECTIONS_MAX: usize = 1 << 14;
/// Most symbols.
pub const SYMBOLS_MAX: usize = 1 << 20;
/// Most references to places outside the delta.
pub const REFERENCES_MAX: usize = 1 << 20;
/// Most deltas that one delta may stand on.
pub const STACK_MAX: usize = 256;
/// Largest alignment of a section, in bytes: the home of a patch is placed page by page.
pub const ALIGN_MAX: u64 = 4096;
/// Most memory that the sections of one delta may take in a process, in bytes: it must fit within
/// reach of 32-bit displacements, together with the module that it patches.
pub const HOME_BYTES_MAX: u64 = 512 << 20;
/// Longest name of a section, symbol or reference, in bytes.
pub const NAME_BYTES_MAX: usize = 64 << 10;

/// The section index of references to the old build, in the range that the ELF specification leaves to
/// operating systems (`SHN_LOOS..=SHN_HIOS`). The Linux kernel's own live patches do the same with
/// `SHN_LIVEPATCH`, 0xff20. The symbol's value is the link-time address in the old build where there is
/// one, so that `nm` and `readelf -s` show it.
pub const SHN_OLD_BUILD: u16 = 0xff35;
/// The section with one line of JSON for each reference.
pub const REFS_SECTION: &str = ".suture.refs";
/// The section with the metadata.
pub const META_SECTION: &str = ".suture.meta";
/// Beginning of the names of sections of kind [`SectionKind::Template`](crate::model::SectionKind::Template).
pub const TEMPLATE_PREFIX: &str = ".suture.template.";
/// Name of the section of kind [`SectionKind::Frames`](crate::model::SectionKind::Frames).
pub const FRAMES_SECTION: &str = ".eh_frame";

/// The SHA-256 of a delta's file: its name wherever a patch is spoken of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DeltaId([u8; 32]);

/// The id of the delta whose file has the content `bytes`.
pub fn id(bytes: &[u8]) -> DeltaId {
    DeltaId(Sha256::digest(bytes).into())
}

impl fmt::Display for DeltaId {
    /// 64 lower-case hex digits, as in JSON and on the command line.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex(&self.0))
    }
}

/// `bytes` in lower-case hex: build-ids, ids of deltas, expected code.
pub(crate) fn hex(bytes: &[u8]) -> String {
    let digit = |nibble: u8| char::from(b"0123456789abcdef"[usize::from(nibble & 0xf)]);
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(*byte)]).collect()
}
