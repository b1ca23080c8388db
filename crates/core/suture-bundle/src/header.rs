//! The header of a member: POSIX.1-1988 `ustar` (IEEE Std 1003.1, pax, "ustar Interchange Format").
//!
//! Name and length are all that a header of a bundle says. A reader takes these two, makes the header that a bundle
//! has for them, and compares all 512 bytes.

use crate::BundleError;
use crate::error::{EntryKind, HeaderField};

/// Headers, and the room that contents take, are multiples of this.
pub(crate) const BLOCK: usize = 512;
/// Zero bytes at the end of an archive.
pub(crate) const END: [u8; 2 * BLOCK] = [0; 2 * BLOCK];

/// Fields of the header, each with where it begins.
const FIELDS: [(usize, HeaderField); 17] = [
    (0, HeaderField::Name),
    (100, HeaderField::Mode),
    (108, HeaderField::Owner),
    (116, HeaderField::Group),
    (124, HeaderField::Length),
    (136, HeaderField::Time),
    (148, HeaderField::Checksum),
    (156, HeaderField::Kind),
    (157, HeaderField::LinkName),
    (257, HeaderField::Magic),
    (263, HeaderField::Version),
    (265, HeaderField::OwnerName),
    (297, HeaderField::GroupName),
    (329, HeaderField::DeviceMajor),
    (337, HeaderField::DeviceMinor),
    (345, HeaderField::Prefix),
    (500, HeaderField::Padding),
];
const LENGTH_AT: usize = 124;
const LENGTH_DIGITS: usize = 11;
const KIND_AT: usize = 156;
const CHECKSUM_AT: usize = 148;
const CHECKSUM_LEN: usize = 8;
const MAGIC_AT: usize = 257;
const MAGIC: &[u8; 6] = b"ustar\0";

/// What a header says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Header<'a> {
    pub(crate) name: &'a str,
    pub(crate) len: u64,
}

/// Whether `block` is a `ustar` header of any kind.
pub(crate) fn is_header(block: &[u8; BLOCK]) -> bool {
    block[MAGIC_AT..].starts_with(MAGIC)
}

impl<'a> Header<'a> {
    /// Reads the header that stands at `offset` of the file.
    pub(crate) fn decode(block: &'a [u8; BLOCK], offset: usize) -> Result<Self, BundleError> {
        let bad = |field| BundleError::Header { offset, field };
        if !is_header(block) {
            return Err(bad(HeaderField::Magic));
        }
        if let Some(kind) = EntryKind::of(block[KIND_AT]) {
            return Err(BundleError::Entry { offset, kind });
        }
        let (name, _) = block.split_at(FIELDS[1].0);
        let name_len = name.iter().position(|byte| *byte == 0).unwrap_or(name.len());
        let name = str::from_utf8(&name[..name_len]).map_err(|_| bad(HeaderField::Name))?;
        let digits = &block[LENGTH_AT..LENGTH_AT + LENGTH_DIGITS];
        let len = octal(digits).ok_or_else(|| bad(HeaderField::Length))?;
        let header = Self { name, len };
        let expected = header.encode();
        let mut differs = (0..BLOCK).filter(|at| block[*at] != expected[*at]);
        // A wrong checksum is only told if nothing else is wrong.
        match differs.clone().find(|at| !is_checksum(*at)).or_else(|| differs.next()) {
            None => Ok(header),
            Some(at) => Err(bad(field_at(at))),
        }
    }

    /// The one spelling of this header.
    pub(crate) fn encode(self) -> [u8; BLOCK] {
        let mut block = [0; BLOCK];
        let mut put = |at: usize, bytes: &[u8]| {
            if let Some(place) = block.get_mut(at..at + bytes.len()) {
                place.copy_from_slice(bytes);
            }
        };
        put(0, self.name.as_bytes());
        put(100, b"0000644\0");
        put(108, b"0000000\0");
        put(116, b"0000000\0");
        put(LENGTH_AT, format!("{:011o}\0", self.len).as_bytes());
        put(136, b"00000000000\0");
        put(CHECKSUM_AT, &[b' '; CHECKSUM_LEN]);
        put(KIND_AT, b"0");
        put(MAGIC_AT, MAGIC);
        put(263, b"00");
        put(329, b"0000000\0");
        put(337, b"0000000\0");
        let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
        block[CHECKSUM_AT..CHECKSUM_AT + CHECKSUM_LEN].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        block
    }
}

fn is_checksum(at: usize) -> bool {
    (CHECKSUM_AT..CHECKSUM_AT + CHECKSUM_LEN).contains(&at)
}

fn field_at(at: usize) -> HeaderField {
    let field = FIELDS.iter().rev().find(|(begin, _)| *begin <= at);
    field.map_or(HeaderField::Padding, |(_, field)| *field)
}

fn octal(digits: &[u8]) -> Option<u64> {
    digits.iter().try_fold(0, |value, digit| match digit {
        b'0'..=b'7' => Some(value * 8 + u64::from(digit - b'0')),
        _ => None,
    })
}

/// Zero bytes behind a content of `len` bytes, up to the next block.
pub(crate) fn padding(len: usize) -> usize {
    len.next_multiple_of(BLOCK) - len
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_says_name_and_length() {
        let header = Header { name: "documents/a.txt", len: 0o1234 };
        assert_eq!(Header::decode(&header.encode(), 0), Ok(header));
    }

    /// Whatever byte is changed: the header means something else, or the field is named.
    #[test]
    fn every_byte_counts() {
        let header = Header { name: "documents/a.txt", len: 0o1234 };
        for at in 0..BLOCK {
            for flip in [1, 0x80] {
                let mut block = header.encode();
                block[at] ^= flip;
                assert!(Header::decode(&block, 0).is_err(), "byte {at}");
            }
        }
    }
}
