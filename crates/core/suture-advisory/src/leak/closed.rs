//! What can't be looked into: texts in it are compressed or encrypted, so that to find nothing says nothing. It is known by how
//! its bytes begin; in a tar archive every file is looked at.

/// How a file begins that can't be looked into, and what it is.
const BEGINNINGS: [(&[u8], &str); 18] = [
    (b"\x1f\x8b", "compressed with gzip"),
    (b"\x1f\x9d", "compressed with compress"),
    (b"BZh", "compressed with bzip2"),
    (b"\xfd7zXZ\0", "compressed with xz"),
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
    (b"%PDF-", "a PDF document"),
    (b"age-encryption.org/", "encrypted with age"),
    (b"-----BEGIN AGE ENCRYPTED FILE-----", "encrypted with age"),
    (b"-----BEGIN PGP MESSAGE-----", "encrypted with OpenPGP"),
];
/// A tar archive consists of blocks of this length.
const BLOCK: usize = 512;

/// What can't be looked into: the file itself by an empty name, or the names of those in the archive that it is.
pub(super) fn closed(bytes: &[u8]) -> Vec<(String, &'static str)> {
    if let Some(kind) = kind(bytes) {
        return vec![(String::new(), kind)];
    }
    let mut found = Vec::new();
    let mut rest = bytes;
    while let Some((name, content, after)) = member(rest) {
        found.extend(kind(content).map(|kind| (name, kind)));
        rest = after;
    }
    found
}

fn kind(bytes: &[u8]) -> Option<&'static str> {
    BEGINNINGS.iter().find(|(beginning, _)| bytes.starts_with(beginning)).map(|(_, kind)| *kind)
}

/// The first file of a tar archive (POSIX.1 ustar): its name, its content, and what follows.
fn member(archive: &[u8]) -> Option<(String, &[u8], &[u8])> {
    let (header, rest) = archive.split_at_checked(BLOCK)?;
    if header.get(257..262)? != b"ustar" {
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
