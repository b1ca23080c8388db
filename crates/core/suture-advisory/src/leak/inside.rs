//! What is in a file: archives are walked and what is packed is unpacked, to a depth and a size that are bounded.
//!
//! A file that is neither text, nor a program, nor one that is opened here is closed: texts in it may be compressed, encrypted or drawn,
//! so that to find nothing says nothing. The common ones are known by how they begin.

use std::io::Read;

use flate2::read::{MultiGzDecoder, ZlibDecoder};

use super::wide;

/// How many files may be in each other.
const DEPTH_MAX: usize = 16;
/// Most bytes that are unpacked of one file.
const UNPACKED_BYTES_MAX: u64 = 64 << 20;
/// A tar archive consists of blocks of this length.
const BLOCK: usize = 512;
/// One in so many characters may be a control character in a text.
const CONTROL_ONE_IN: usize = 16;
/// Of a text that is no UTF-8 so many in ten bytes are ASCII.
const ASCII_IN_TEN: usize = 7;

const GZIP: &[u8] = b"\x1f\x8b";
const NOT_TEXT: &str = "neither text nor a format that is looked into";

/// How a file begins that can't be looked into, and what it is.
const BEGINNINGS: [(&[u8], &str); 23] = [
    (GZIP, "compressed with gzip"),
    (b"\x1f\x9d", "compressed with compress"),
    (b"BZh", "compressed with bzip2"),
    (b"\xfd7zXZ\0", "compressed with xz"),
    (b"]\0\0", "compressed with lzma"),
    (b"LZIP", "compressed with lzip"),
    (b"\x28\xb5\x2f\xfd", "compressed with zstd"),
    (b"\x04\x22\x4d\x18", "compressed with lz4"),
    (b"PK\x03\x04", "a zip archive"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive"),
    (b"Rar!\x1a\x07", "a rar archive"),
    (b"MSCF\0\0\0\0", "a cabinet archive"),
    (b"!<arch>\ndebian-binary", "a Debian package"),
    (b"\xed\xab\xee\xdb", "an RPM package"),
    (b"hsqs", "a squashfs image"),
    (b"PACK\0\0\0", "a pack of git"),
    (b"%PDF-", "a PDF document"),
    (b"\x89PNG\r\n", "an image"),
    (b"\xff\xd8\xff", "an image"),
    (b"GIF8", "an image"),
    (b"age-encryption.org/", "encrypted with age"),
    (b"-----BEGIN AGE ENCRYPTED FILE-----", "encrypted with age"),
    (b"-----BEGIN PGP MESSAGE-----", "encrypted with OpenPGP"),
];

/// What is in a file, by the names of those that it is in; none for the file itself.
pub(super) enum Part<'a> {
    /// What was packed.
    Open(&'a [u8]),
    /// What it is that can't be looked into.
    Closed(&'static str),
}

/// Walks through a file, and shows what can't be read in it as it is.
pub(super) fn walk(bytes: &[u8], see: &mut dyn FnMut(&str, Part<'_>)) {
    Walk { see, left: UNPACKED_BYTES_MAX }.open(bytes, "", 0, true);
}

struct Walk<'a> {
    see: &'a mut dyn FnMut(&str, Part<'_>),
    /// So many bytes may still be unpacked.
    left: u64,
}

impl Walk<'_> {
    /// `was_read`: it was shown by itself, and not as a part of what it is in.
    fn open(&mut self, bytes: &[u8], path: &str, depth: usize, was_read: bool) {
        if depth > DEPTH_MAX {
            return (self.see)(path, Part::Closed("in too many others"));
        }
        if bytes.starts_with(GZIP)
            && let Some(unpacked) = self.unpack(MultiGzDecoder::new(bytes))
        {
            return self.unpacked(&unpacked, path, depth);
        }
        if let Some((_, kind)) = BEGINNINGS.iter().find(|(beginning, _)| bytes.starts_with(beginning)) {
            return (self.see)(path, Part::Closed(kind));
        }
        if is_header(bytes) {
            return self.members(bytes, path, depth);
        }
        if wide::decoded(bytes).is_some() {
            // In an archive its letters were seen in pieces.
            if !was_read {
                (self.see)(path, Part::Open(bytes));
            }
            return;
        }
        if let Some(is_plain) = has_plain_sections(bytes) {
            if !is_plain {
                (self.see)(path, Part::Closed("a program that is packed, or has compressed sections"));
            }
            return;
        }
        if is_text(bytes) {
            return;
        }
        match self.unzlib(bytes) {
            Some(unpacked) => self.unpacked(&unpacked, path, depth),
            None => (self.see)(path, Part::Closed(NOT_TEXT)),
        }
    }

    fn unpacked(&mut self, bytes: &[u8], path: &str, depth: usize) {
        (self.see)(path, Part::Open(bytes));
        self.open(bytes, path, depth + 1, true);
    }

    /// The files of a tar archive (POSIX.1 ustar), and what stands behind it.
    fn members(&mut self, archive: &[u8], path: &str, depth: usize) {
        let mut rest = archive;
        while let Some((name, content, after)) = member(rest) {
            let inner = if path.is_empty() { name } else { format!("{path}, {name}") };
            self.open(content, &inner, depth + 1, false);
            rest = after;
        }
        if rest.iter().any(|byte| *byte != 0) {
            // A header that can't be read looks like an archive as well.
            let kind =
                if is_header(rest) { "an archive that is damaged" } else { "something behind an archive" };
            (self.see)(path, Part::Closed(kind));
        }
    }

    /// A zlib stream, if it is one from its first byte to its last.
    fn unzlib(&mut self, bytes: &[u8]) -> Option<Vec<u8>> {
        let [method, flags, ..] = bytes else { return None };
        let is_one = method & 0x8f == 8 && u16::from_be_bytes([*method, *flags]) % 31 == 0;
        let mut decoder = is_one.then(|| ZlibDecoder::new(bytes))?;
        let unpacked = self.unpack(&mut decoder)?;
        (decoder.total_in() == bytes.len() as u64).then_some(unpacked)
    }

    /// Everything that comes out, unless it is damaged or too much.
    fn unpack(&mut self, packed: impl Read) -> Option<Vec<u8>> {
        let mut unpacked = Vec::new();
        packed.take(self.left + 1).read_to_end(&mut unpacked).ok()?;
        let left = self.left.checked_sub(unpacked.len() as u64);
        self.left = left.unwrap_or_default();
        left.map(|_| unpacked)
    }
}

/// Whether it is text that was read as it is: UTF-8, or another encoding in which most is ASCII.
fn is_text(bytes: &[u8]) -> bool {
    let is_odd = |c: char| {
        c.is_control() && !matches!(c, '\0' | '\t' | '\n' | '\r' | '\x08' | '\x0b' | '\x0c' | '\x1b')
    };
    if let Ok(text) = std::str::from_utf8(bytes) {
        let odd = text.chars().filter(|c| is_odd(*c)).count();
        return odd.saturating_mul(CONTROL_ONE_IN) <= text.chars().count();
    }
    let ascii = bytes.iter().filter(|byte| matches!(byte, b' '..=b'~' | b'\t' | b'\n' | b'\r')).count();
    let is_odd = |byte: &u8| byte.is_ascii() && (*byte == 0 || is_odd(char::from(*byte)));
    !bytes.iter().any(is_odd) && ascii.saturating_mul(10) >= bytes.len().saturating_mul(ASCII_IN_TEN)
}

/// Of an ELF file: whether it has sections and none of them is compressed. Its texts are read as they stand in it.
fn has_plain_sections(bytes: &[u8]) -> Option<bool> {
    const COMPRESSED: u64 = 0x800;
    let [0x7f, b'E', b'L', b'F', 2, 1, ..] = bytes else { return None };
    let number = |at: usize, length: usize| -> Option<u64> {
        let field = bytes.get(at..at.checked_add(length)?)?;
        Some(field.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte)))
    };
    let (table, size, count) = (number(0x28, 8)?, number(0x3a, 2)?, number(0x3c, 2)?);
    let flags = |index: u64| {
        let at = table.checked_add(size.checked_mul(index)?)?.checked_add(8)?;
        number(usize::try_from(at).ok()?, 8)
    };
    Some(count > 0 && (0..count).all(|index| flags(index).is_some_and(|flags| flags & COMPRESSED == 0)))
}

fn is_header(bytes: &[u8]) -> bool {
    bytes.get(257..262).is_some_and(|magic| magic == b"ustar")
}

/// The first file of a tar archive: its name, its content, and what follows.
fn member(archive: &[u8]) -> Option<(String, &[u8], &[u8])> {
    let (header, rest) = archive.split_at_checked(BLOCK)?;
    if !is_header(header) {
        return None;
    }
    let text = |bytes: &[u8]| {
        let text = bytes.split(|byte| *byte == 0).next().unwrap_or_default();
        String::from_utf8_lossy(text).trim().to_owned()
    };
    let length = usize::from_str_radix(&text(header.get(124..136)?), 8).ok()?;
    let content = rest.get(..length)?;
    let after = rest.get(length.checked_next_multiple_of(BLOCK)?..).unwrap_or_default();
    Some((text(header.get(..100)?), content, after))
}
