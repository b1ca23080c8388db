//! What can be wrong with a delta: with its file ([`FormatError`]) and with its content ([`Invalid`]).

use std::fmt;

use thiserror::Error;

use super::{ALIGN_MAX, FILE_BYTES_MAX, HOME_BYTES_MAX, NAME_BYTES_MAX};
use crate::model::{JUMP_LEN, SCHEMA, SCHEMA_NEWEST};
use crate::page::clean;

/// Why a file can't be read as a delta, or a delta can't be written as a file.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum FormatError {
    /// Not an ELF file.
    #[error("this is no delta: it does not begin like an ELF file")]
    NotElf,
    /// An ELF file, but of another kind.
    #[error("this is no delta but {0}")]
    NotADelta(&'static str),
    /// Longer than any delta.
    #[error("the delta has {0} bytes, more than the {FILE_BYTES_MAX} allowed")]
    TooLong(usize),
    /// More of something than any delta has.
    #[error("the delta has more than {limit} {what}")]
    TooMany {
        /// Of what.
        what: &'static str,
        /// The limit.
        limit: usize,
    },
    /// A part ends behind the end of the file.
    #[error("the delta is cut off: {0} ends behind the end of the file")]
    CutOff(String),
    /// A part that each delta has is not there.
    #[error("the delta has no {0} section")]
    Missing(&'static str),
    /// A part is not as this version writes it.
    #[error("the delta is damaged: {place}: {what}")]
    Damaged {
        /// Which part.
        place: String,
        /// What is wrong with it.
        what: &'static str,
    },
    /// A section of text can't be read.
    #[error("the delta is damaged: {section} line {line} column {column}: {what}")]
    Text {
        /// Which section.
        section: &'static str,
        /// Line, from 1.
        line: usize,
        /// Byte in the line, from 1; 0 for the line as a whole.
        column: usize,
        /// What is wrong.
        what: String,
    },
    /// Written by another version.
    #[error("the delta has format {found}, this suture reads formats {SCHEMA} to {SCHEMA_NEWEST}")]
    UnknownSchema {
        /// The format of the file.
        found: u64,
    },
    /// The file says the same as a delta would, but not in the same bytes.
    #[error("the delta has bytes that mean nothing, first at offset {offset:#x}")]
    NotCanonical {
        /// Offset of the first such byte.
        offset: usize,
    },
    /// The file could be read, but what it says can't be.
    #[error("the delta is not valid: {0}")]
    Invalid(#[from] Invalid),
}

impl FormatError {
    /// How to go on, one sentence.
    pub fn help(&self) -> &'static str {
        match self {
            Self::NotElf => "name the file that `suture diff -o FILE.delta` wrote",
            Self::NotADelta(_) => {
                "`suture diff --old FILE --new FILE -o FILE.delta` makes a delta of two linked builds"
            }
            Self::UnknownSchema { .. } => {
                "use the suture that made it, or make the delta again with this one"
            }
            Self::TooLong(_) | Self::TooMany { .. } => "a change of this size needs a full update",
            Self::Invalid(invalid) => invalid.help(),
            Self::CutOff(_)
            | Self::Missing(_)
            | Self::Damaged { .. }
            | Self::Text { .. }
            | Self::NotCanonical { .. } => {
                "fetch the file again and compare its SHA-256, or make the delta again"
            }
        }
    }
}

/// A rule that a delta breaks, and where.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{place}: {rule}")]
pub struct Invalid {
    /// Where.
    pub place: Place,
    /// Which rule.
    pub rule: Rule,
}

impl Invalid {
    /// How to go on, one sentence.
    pub fn help(&self) -> &'static str {
        match self.rule {
            Rule::NotHot => "a change with this verdict needs a full update",
            Rule::TooMany { .. } | Rule::HomeTooLarge(_) => "a change of this size needs a full update",
            Rule::Schema(_) => "use the suture that made it, or make the delta again with this one",
            _ => "do not apply it; make the delta again from the two builds",
        }
    }
}

/// The part of a delta that breaks a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// The delta as a whole.
    Delta,
    /// A field of the metadata.
    Meta(&'static str),
    /// A redirected function.
    Site {
        /// Index into `meta.sites`.
        index: usize,
        /// Its name.
        name: String,
    },
    /// An object changed in place.
    Overwrite {
        /// Index into `meta.overwrites`.
        index: usize,
        /// Its name.
        name: String,
    },
    /// A hook.
    Hook(&'static str),
    /// A section.
    Section {
        /// Index into `sections`.
        index: usize,
        /// Its name.
        name: String,
    },
    /// A relocation.
    Relocation {
        /// Name of its section.
        section: String,
        /// Index into the section's relocations.
        index: usize,
    },
    /// A symbol.
    Symbol {
        /// Index into `symbols`.
        index: usize,
        /// Its name.
        name: String,
    },
    /// A reference to something outside.
    Reference {
        /// Index into `references`.
        index: usize,
        /// Its name.
        name: String,
    },
}

impl Place {
    /// Name of the function or object of the builds that is concerned.
    pub fn name(&self) -> Option<&str> {
        match self {
            Self::Site { name, .. }
            | Self::Overwrite { name, .. }
            | Self::Symbol { name, .. }
            | Self::Reference { name, .. } => Some(name),
            Self::Delta | Self::Meta(_) | Self::Hook(_) | Self::Section { .. } | Self::Relocation { .. } => {
                None
            }
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Delta => f.write_str("the delta"),
            Self::Meta(field) => write!(f, "`{field}` in the metadata"),
            Self::Site { index, name } => write!(f, "site {index} ({})", shown(name)),
            Self::Overwrite { index, name } => write!(f, "overwrite {index} ({})", shown(name)),
            Self::Hook(name) => write!(f, "hook suture_{name}"),
            Self::Section { index, name } => write!(f, "section {index} ({})", shown(name)),
            Self::Relocation { section, index } => write!(f, "relocation {index} of {}", shown(section)),
            Self::Symbol { index, name } => write!(f, "symbol {index} ({})", shown(name)),
            Self::Reference { index, name } => write!(f, "reference {index} ({})", shown(name)),
        }
    }
}

/// What is wrong in a line of JSON, without the place, of which only the caller knows the line.
pub(super) fn json_fault(error: &serde_json::Error) -> String {
    let place = format!(" at line {} column {}", error.line(), error.column());
    let text = error.to_string();
    shown(text.strip_suffix(&place).unwrap_or(&text))
}

/// A foreign text as an error message may show it: no control characters, no endless line.
pub(super) fn shown(text: &str) -> String {
    const CHARS_MAX: usize = 160;
    let mut shown = clean(&text.chars().take(CHARS_MAX).collect::<String>());
    if text.chars().nth(CHARS_MAX).is_some() {
        shown.push('…');
    }
    shown
}

/// What holds for every delta.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Rule {
    /// The version of the metadata is the one that this crate knows.
    #[error("its version is {0}, which is not the one for what it says")]
    Schema(u32),
    /// Only a change that can be hot has a delta.
    #[error("the verdict on the change is not `hot`")]
    NotHot,
    /// Named limits.
    #[error("there are {count} {what}, more than the {limit} allowed")]
    TooMany {
        /// Of what.
        what: &'static str,
        /// How many.
        count: usize,
        /// The limit.
        limit: usize,
    },
    /// Names are text that tools can show.
    #[error("the name is empty, longer than {NAME_BYTES_MAX} bytes, or has control characters")]
    Name,
    /// Some section names have a meaning.
    #[error("a section of this kind can't have this name")]
    SectionName,
    /// Build-ids are hex.
    #[error("a build-id is 1 to 64 bytes in lower-case hex")]
    BuildId,
    /// Delta ids are SHA-256 in hex.
    #[error("the id of a delta is 64 lower-case hex digits")]
    DeltaId,
    /// A delta does not stand twice on the same other one.
    #[error("the same delta is named twice")]
    DeltaIdTwice,
    /// A range has bytes in it.
    #[error("the range is empty")]
    EmptyRange,
    /// What is in the old build lies in its image.
    #[error("{0:#x} is outside the old build")]
    OutsideImage(u64),
    /// Jumps are written at the entry or behind an `endbr64`.
    #[error("the jump is neither at the entry nor 4 bytes behind it")]
    JumpAddress,
    /// There are as many bytes to compare as are written.
    #[error("the expected bytes are not lower-case hex of {JUMP_LEN} to 64 bytes")]
    Expected,
    /// The surgery looks for threads wherever it writes.
    #[error("the jump is not wholly inside the ranges of the old function")]
    JumpNotCovered,
    /// Two things are written to the same place.
    #[error("it changes bytes at {0:#x} that something else in this delta changes too")]
    Overlap(u64),
    /// Indices point to something.
    #[error("there is no section {0}")]
    NoSection(u32),
    /// Indices point to something.
    #[error("there is no symbol {0}")]
    NoSymbol(u32),
    /// Indices point to something.
    #[error("there is no reference {0}")]
    NoReference(u32),
    /// Functions are in sections of code.
    #[error("it is no function in a section of code")]
    NotCode,
    /// Contents for the old build's objects are in templates.
    #[error("its content is not in a section of kind template")]
    NotTemplate,
    /// Templates are not mapped, so nothing can point to them.
    #[error("it refers to a template, which the process never has")]
    RefersToTemplate,
    /// The content of an overwrite is as long as what it overwrites.
    #[error("its size differs from the size of its content, or is 0")]
    ContentSize,
    /// Each object has a content of its own.
    #[error("its content is that of something else too")]
    ContentTwice,
    /// What a constant holds is known from the old build alone.
    #[error(
        "what it is expected to hold does not follow from the old build alone, or is open where nothing is"
    )]
    Unexpectable,
    /// Alignments are powers of two.
    #[error("the alignment is not a power of two up to {ALIGN_MAX}")]
    Align,
    /// Zero-initialised sections have no bytes, all others have all of theirs.
    #[error("the size does not agree with the content")]
    Size,
    /// All sections fit into the home of a patch.
    #[error("the sections take {0} bytes in a process, more than the {HOME_BYTES_MAX} allowed")]
    HomeTooLarge(u64),
    /// One unwind table.
    #[error("there is a second section of unwind information")]
    FramesTwice,
    /// The unwinder finds an end.
    #[error("the unwind information does not end with four zero bytes")]
    FramesEnd,
    /// Relocations are sorted and apart.
    #[error("it does not lie behind the relocation before it")]
    RelocationOrder,
    /// A thing lies in its section.
    #[error("it reaches over the end of its section")]
    OutsideSection,
    /// Zero-initialised memory is zero.
    #[error("a zero-initialised section can't be relocated")]
    RelocatedBss,
    /// A reference into another delta names one that this delta stands on.
    #[error("the delta that it refers to is not among those that this one stands on")]
    NotOnThatDelta,
}
