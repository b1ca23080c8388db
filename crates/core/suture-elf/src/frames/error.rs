//! What can be wrong with unwind rules and exception tables.

use thiserror::Error;

/// Why the unwind rules of a build, or the exception table of one function, can't be read.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum FrameError {
    /// An entry that ends too early or contradicts itself.
    #[error(".eh_frame at offset {offset:#x}: {what}")]
    Entry {
        /// Offset of the entry in the section.
        offset: u64,
        /// What is wrong.
        what: String,
    },
    /// An augmentation of which the meaning is not known.
    #[error(".eh_frame at offset {offset:#x}: unknown augmentation {augmentation:?}")]
    Augmentation {
        /// Offset of the entry in the section.
        offset: u64,
        /// The augmentation as it stands there.
        augmentation: String,
    },
    /// An exception table that ends too early or contradicts itself.
    #[error("exception table at {address:#x}: {what}")]
    Table {
        /// Virtual address of the table.
        address: u64,
        /// What is wrong.
        what: String,
    },
}

/// What is wrong within one entry or table, before it is known which one that is.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(super) enum Flaw {
    /// The bytes end too early or hold an impossible number.
    #[error("{0}")]
    Read(#[from] gimli::Error),
    /// A pointer encoding that no compiler for this machine uses there.
    #[error("pointer encoding {0:#04x} is not supported")]
    Encoding(u8),
    /// An augmentation of which the meaning is not known.
    #[error("unknown augmentation {0:?}")]
    Augmentation(String),
    /// Anything else, in words.
    #[error("{0}")]
    Said(&'static str),
    /// An unwind instruction that is not known.
    #[error("unknown unwind instruction {0:#04x}")]
    Instruction(u8),
}

impl Flaw {
    /// The error for the `.eh_frame` entry at `offset`.
    pub(super) fn in_entry(self, offset: usize) -> FrameError {
        let offset = offset as u64;
        match self {
            Self::Augmentation(augmentation) => FrameError::Augmentation { offset, augmentation },
            other => FrameError::Entry { offset, what: other.to_string() },
        }
    }

    /// The error for the exception table at `address`.
    pub(super) fn in_table(self, address: u64) -> FrameError {
        FrameError::Table { address, what: self.to_string() }
    }
}
