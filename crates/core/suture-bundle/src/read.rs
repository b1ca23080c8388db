//! Bytes as a bundle, or one clear error.
//!
//! Nothing is copied and nothing is allocated from a length that the file claims: contents are slices of the file, and
//! a header that claims ten gigabytes claims more than is there.

use crate::header::{self, BLOCK, END, Header, padding};
use crate::manifest;
use crate::name::{self, MemberName};
use crate::{Bundle, BundleError, FILE_BYTES_MAX, MANIFEST_BYTES_MAX, MEMBERS_MAX, Member};

impl<'a> Bundle<'a> {
    /// The bundle whose file has the content `bytes`.
    ///
    /// # Errors
    /// What is wrong with the file, and where; see [`BundleError`].
    pub fn read(bytes: &'a [u8]) -> Result<Self, BundleError> {
        if bytes.len() as u64 > FILE_BYTES_MAX {
            return Err(BundleError::TooLong(bytes.len() as u64));
        }
        let mut archive = Archive { bytes, at: 0 };
        let manifest = archive.manifest()?;
        manifest::check_schema(manifest)?;
        let mut members: Vec<Member<'a>> = Vec::new();
        while let Some(member) = archive.member()? {
            if members.len() == MEMBERS_MAX {
                return Err(BundleError::TooMany { what: "members", limit: MEMBERS_MAX });
            }
            members.push(member);
        }
        name::check_together(members.iter().map(|member| &member.name))?;
        let bundle = Self { members };
        manifest::check(manifest, &bundle)?;
        Ok(bundle)
    }
}

/// Whether `bytes` begin like a bundle: for commands that take several kinds of files.
pub fn begins_like_a_bundle(bytes: &[u8]) -> bool {
    let header = bytes.first_chunk::<BLOCK>();
    header.is_some_and(|header| {
        let rest = header.strip_prefix(manifest::NAME.as_bytes());
        header::is_header(header) && rest.is_some_and(|rest| rest.first() == Some(&0))
    })
}

/// A file that is read from front to end.
struct Archive<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Archive<'a> {
    /// The first member.
    fn manifest(&mut self) -> Result<&'a [u8], BundleError> {
        if !begins_like_a_bundle(self.bytes) {
            return Err(BundleError::NotABundle(
                if self.bytes.first_chunk().is_some_and(header::is_header) {
                    "it is a tar archive, but the first file in it is not manifest.json"
                } else {
                    "it does not begin like a tar archive"
                },
            ));
        }
        let header = self.header()?.ok_or(BundleError::NotABundle("it is empty"))?;
        if header.len > MANIFEST_BYTES_MAX as u64 {
            return Err(too_long(&header, MANIFEST_BYTES_MAX));
        }
        self.content(&header)
    }

    /// The next member; `None` at the end of the archive, which is the end of the file.
    fn member(&mut self) -> Result<Option<Member<'a>>, BundleError> {
        let Some(header) = self.header()? else { return Ok(None) };
        if header.name == manifest::NAME {
            return Err(BundleError::Duplicate { name: manifest::NAME.to_owned() });
        }
        let name = MemberName::new(header.name)
            .map_err(|rule| BundleError::Name { name: header.name.to_owned(), rule })?;
        let limit = name.role().bytes_max();
        if header.len > limit as u64 {
            return Err(too_long(&header, limit));
        }
        let content = self.content(&header)?;
        Ok(Some(Member { name, content }))
    }

    /// The next header; `None` at the end.
    fn header(&mut self) -> Result<Option<Header<'a>>, BundleError> {
        let rest = &self.bytes[self.at..];
        let Some((block, _)) = rest.split_first_chunk::<BLOCK>() else {
            return Err(BundleError::CutOff { place: format!("the block at offset {:#x}", self.at) });
        };
        if block.iter().all(|byte| *byte == 0) {
            return self.end().map(|()| None);
        }
        let header = Header::decode(block, self.at)?;
        self.at += BLOCK;
        Ok(Some(header))
    }

    fn end(&self) -> Result<(), BundleError> {
        let rest = &self.bytes[self.at..];
        let Some(trailing) = rest.strip_prefix(&END) else {
            let zeros = rest.iter().take_while(|byte| **byte == 0).count();
            return Err(if zeros == rest.len() {
                BundleError::CutOff { place: "the end mark".to_owned() }
            } else {
                BundleError::Hidden { offset: self.at + zeros }
            });
        };
        if trailing.is_empty() { Ok(()) } else { Err(BundleError::Trailing { offset: self.at + END.len() }) }
    }

    fn content(&mut self, header: &Header<'a>) -> Result<&'a [u8], BundleError> {
        let cut_off = || BundleError::CutOff { place: format!("`{}`", header.name) };
        let rest = &self.bytes[self.at..];
        let len = usize::try_from(header.len).map_err(|_| cut_off())?;
        let (content, behind) = rest.split_at_checked(len).ok_or_else(cut_off)?;
        let room = behind.get(..padding(len)).ok_or_else(cut_off)?;
        if let Some(at) = room.iter().position(|byte| *byte != 0) {
            return Err(BundleError::Hidden { offset: self.at + len + at });
        }
        self.at += len + room.len();
        Ok(content)
    }
}

fn too_long(header: &Header<'_>, limit: usize) -> BundleError {
    BundleError::MemberTooLong { name: header.name.to_owned(), bytes: header.len, limit }
}
