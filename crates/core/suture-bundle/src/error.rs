//! Why a file can't be read as a bundle, or members can't be written as one: what, where, and how to go on.

use std::fmt;

use suture_delta::page::clean;
use thiserror::Error;

use crate::manifest::SCHEMA;
use crate::{FILE_BYTES_MAX, NameRule};

/// Why a file is no bundle, or members can't be one.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum BundleError {
    /// A file of another kind.
    #[error("this is no bundle: {0}")]
    NotABundle(&'static str),
    /// Longer than any bundle.
    #[error("the bundle has {0} bytes, more than the {FILE_BYTES_MAX} allowed")]
    TooLong(u64),
    /// More of something than any bundle has.
    #[error("the bundle has more than {limit} {what}")]
    TooMany {
        /// Of what.
        what: &'static str,
        /// The limit.
        limit: usize,
    },
    /// A member is longer than members of its role are.
    #[error("the bundle's member `{}` has {bytes} bytes, more than the {limit} allowed", clean(name))]
    MemberTooLong {
        /// Its name.
        name: String,
        /// The length that it has or claims.
        bytes: u64,
        /// The limit.
        limit: usize,
    },
    /// A part ends behind the end of the file.
    #[error("the bundle is cut off: {place} ends behind the end of the file")]
    CutOff {
        /// Which part.
        place: String,
    },
    /// A header says something that headers of bundles don't say.
    #[error(
        "the bundle is damaged: the {field} in the header at offset {offset:#x} is not what a bundle has there"
    )]
    Header {
        /// Offset of the header in the file.
        offset: usize,
        /// The field.
        field: HeaderField,
    },
    /// An entry that is no plain file.
    #[error("the bundle has {kind} at offset {offset:#x}; members are plain files")]
    Entry {
        /// Offset of its header in the file.
        offset: usize,
        /// What it is.
        kind: EntryKind,
    },
    /// A name that could be unpacked to another place, or that means nothing.
    #[error("the bundle's member `{}` has a name that no member may have: {rule}", clean(name))]
    Name {
        /// The name.
        name: String,
        /// The rule that it breaks.
        rule: NameRule,
    },
    /// Two members of one name.
    #[error("the bundle has two members with the name `{name}`")]
    Duplicate {
        /// The name.
        name: String,
    },
    /// Two members that can't both be unpacked: one is the folder of the other, or only capitals tell them apart.
    #[error("the bundle's members `{name}` and `{other}` can't stand beside each other on every file system")]
    Clash {
        /// The one.
        name: String,
        /// The other.
        other: String,
    },
    /// Members that are not in the order of their names.
    #[error(
        "the bundle's member `{name}` stands behind `{before}`, but members are in the order of their names"
    )]
    Order {
        /// The member that is too late.
        name: String,
        /// The one before it.
        before: String,
    },
    /// Bytes between or behind the members that are not 0.
    #[error("the bundle has bytes that mean nothing at offset {offset:#x}")]
    Hidden {
        /// Offset of the first of them.
        offset: usize,
    },
    /// Something behind the end of the archive.
    #[error("the bundle ends at offset {offset:#x}, but the file goes on")]
    Trailing {
        /// Where the bundle ends.
        offset: usize,
    },
    /// Written by another version.
    #[error("the bundle has format {found}, this suture reads format {SCHEMA}")]
    UnknownSchema {
        /// The format of the file.
        found: u64,
    },
    /// The manifest is no manifest.
    #[error("the bundle's manifest.json can't be read: line {line} column {column}: {what}")]
    Manifest {
        /// Line, from 1.
        line: usize,
        /// Column, from 1.
        column: usize,
        /// What is wrong.
        what: String,
    },
    /// A member is not what the manifest says.
    #[error("the bundle's member `{}` is not what manifest.json says: {what}", clean(name))]
    NotAsListed {
        /// Its name.
        name: String,
        /// What differs.
        what: &'static str,
    },
    /// The manifest says the same as the manifest of these members does, but not in the same bytes.
    #[error("the bundle's manifest.json is not in its one spelling, first at byte {offset}")]
    ManifestSpelling {
        /// First byte that differs.
        offset: usize,
    },
}

impl BundleError {
    /// How to go on, one sentence.
    pub fn help(&self) -> &'static str {
        match self {
            Self::NotABundle(_) => "name the file that `suture bundle create -o FILE` wrote",
            Self::TooLong(_) | Self::TooMany { .. } | Self::MemberTooLong { .. } => {
                "a patch is small: leave out what its readers can find elsewhere"
            }
            Self::UnknownSchema { .. } => {
                "use the suture that made it, or ask its author to make it again with this one"
            }
            Self::Name { .. } | Self::Duplicate { .. } | Self::Clash { .. } => {
                "don't unpack it with other tools; if it is yours, give the document another name"
            }
            Self::Entry { .. } => "don't unpack it with other tools; ask its author how it came about",
            Self::CutOff { .. }
            | Self::Header { .. }
            | Self::Order { .. }
            | Self::Hidden { .. }
            | Self::Trailing { .. }
            | Self::Manifest { .. }
            | Self::NotAsListed { .. }
            | Self::ManifestSpelling { .. } => {
                "fetch it again and compare its SHA-256 with the one that was signed; use nothing of it"
            }
        }
    }

    /// Whether the file is of another kind altogether, and not a bundle that is refused.
    pub fn is_foreign(&self) -> bool {
        matches!(self, Self::NotABundle(_))
    }
}

/// A field of a member's header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "they are the fields of the ustar header, by name")]
pub enum HeaderField {
    Name,
    Mode,
    Owner,
    Group,
    Length,
    Time,
    Checksum,
    Kind,
    LinkName,
    Magic,
    Version,
    OwnerName,
    GroupName,
    DeviceMajor,
    DeviceMinor,
    Prefix,
    Padding,
}

impl fmt::Display for HeaderField {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Name => "name",
            Self::Mode => "mode",
            Self::Owner => "owner",
            Self::Group => "group",
            Self::Length => "length",
            Self::Time => "time",
            Self::Checksum => "checksum",
            Self::Kind => "kind",
            Self::LinkName => "name of a link",
            Self::Magic => "magic",
            Self::Version => "version",
            Self::OwnerName => "name of the owner",
            Self::GroupName => "name of the group",
            Self::DeviceMajor => "major device number",
            Self::DeviceMinor => "minor device number",
            Self::Prefix => "prefix of the name",
            Self::Padding => "padding",
        })
    }
}

/// An entry of a tar archive that is no plain file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "they are the kinds of entries, by name")]
pub enum EntryKind {
    HardLink,
    SymbolicLink,
    Device,
    Directory,
    Pipe,
    Extension,
    Unknown,
}

impl EntryKind {
    /// The kind that a type flag means; `None` for a plain file.
    pub(crate) fn of(flag: u8) -> Option<Self> {
        Some(match flag {
            b'0' => return None,
            b'1' => Self::HardLink,
            b'2' => Self::SymbolicLink,
            b'3' | b'4' => Self::Device,
            b'5' => Self::Directory,
            b'6' => Self::Pipe,
            b'g' | b'x' | b'L' | b'K' | b'S' | b'M' | b'N' | b'V' => Self::Extension,
            _ => Self::Unknown,
        })
    }
}

impl fmt::Display for EntryKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::HardLink => "a hard link",
            Self::SymbolicLink => "a symbolic link",
            Self::Device => "a device",
            Self::Directory => "a directory",
            Self::Pipe => "a named pipe",
            Self::Extension => "an extended header",
            Self::Unknown => "an entry of an unknown kind",
        })
    }
}
