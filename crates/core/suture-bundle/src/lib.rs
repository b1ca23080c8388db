//! The bundle: what is signed and shipped, as one file.
//!
//! ```text
//!  deltas, dossier, documents ─► Bundle ─► write ─► bytes ─► read ─► Bundle ─► Contents ─► facts, differences
//!                                           │                                     └ each delta read by `suture_delta`
//!                                           └ SHA-256 of all of it: the bundle's id
//! ```
//!
//! The file is a tar archive, so that a reviewer needs no tool of ours, in exactly one spelling: members in the order
//! of their names, nothing in a header but name and length, a manifest first that can be computed from the rest. A reader
//! computes every header and the manifest once more and refuses a file that differs in a single byte. So there is no
//! padding, link, owner, date or second member of a name in which something could hide, and two bundles hold the same
//! if and only if their ids are the same. `docs/formats/bundle.md` describes it field by field.
//!
//! What a bundle *says* about its deltas counts for nothing here: [`Contents`] reads them, and [`Facts`] tells what is in
//! them.
//!
//! Pure: bytes and values in, values out.
#![forbid(unsafe_code)]

mod contents;
mod difference;
mod error;
mod facts;
mod header;
mod manifest;
mod name;
mod read;
mod write;

pub use contents::{BundledDelta, Contents, ContentsError, DOSSIER, delta_name};
pub use difference::{
    Change, DeltaDifference, Difference, MemberDifference, PartDifference, PartKind, difference, parts,
};
pub use error::{BundleError, EntryKind, HeaderField};
pub use facts::{Facts, FunctionFact, HookFact, OverwriteFact};
pub use manifest::SCHEMA;
pub use name::{MemberName, NameRule, Role};
pub use read::begins_like_a_bundle;
pub use suture_trust::Digest;

/// Longest bundle file, in bytes.
pub const FILE_BYTES_MAX: u64 = 1 << 30;
/// Most members beside the manifest.
pub const MEMBERS_MAX: usize = 4096;
/// Most deltas.
pub const DELTAS_MAX: usize = 256;
/// Longest name of a member, in bytes: what the name field of a `ustar` header holds.
pub const NAME_BYTES_MAX: usize = 100;
/// Longest manifest, in bytes: that of [`MEMBERS_MAX`] members with the longest names is shorter.
pub const MANIFEST_BYTES_MAX: usize = 2 << 20;
/// Longest dossier, in bytes.
pub const DOSSIER_BYTES_MAX: usize = 1 << 20;
/// Longest document, in bytes.
pub const DOCUMENT_BYTES_MAX: usize = 64 << 20;

/// What is shipped together: members in the order of their names, each name once.
///
/// That the members are a patch, with deltas that can be used, is for [`Contents`] to say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bundle<'a> {
    members: Vec<Member<'a>>,
}

/// One file in a bundle.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member<'a> {
    /// Its path in the archive.
    pub name: MemberName,
    /// What is in it.
    pub content: &'a [u8],
}

impl<'a> Bundle<'a> {
    /// A bundle of `members`, in whatever order they come.
    ///
    /// # Errors
    /// Too many or too long members, or names that can't stand beside each other.
    pub fn new(mut members: Vec<Member<'a>>) -> Result<Self, BundleError> {
        members.sort_by(|a, b| a.name.cmp(&b.name));
        let bundle = Self { members };
        bundle.check()?;
        Ok(bundle)
    }

    /// The members, ascending by name; the manifest is not among them.
    pub fn members(&self) -> &[Member<'a>] {
        &self.members
    }

    /// The content of the member of that name.
    pub fn content(&self, name: &str) -> Option<&'a [u8]> {
        let at = self.members.binary_search_by(|member| member.name.as_str().cmp(name)).ok()?;
        self.members.get(at).map(|member| member.content)
    }

    fn check(&self) -> Result<(), BundleError> {
        if self.members.len() > MEMBERS_MAX {
            return Err(BundleError::TooMany { what: "members", limit: MEMBERS_MAX });
        }
        for member in &self.members {
            let limit = member.name.role().bytes_max();
            if member.content.len() > limit {
                let (name, bytes) = (member.name.to_string(), member.content.len() as u64);
                return Err(BundleError::MemberTooLong { name, bytes, limit });
            }
        }
        name::check_together(self.members.iter().map(|member| &member.name))
    }
}
