//! Ten gigabytes, said a header: what bundles, deltas and builds claim costs no memory.

use std::fs;
use std::path::Path;

use crate::forge::{header, seal};
use crate::little_memory::{TEN_GIGABYTES, in_little_memory, refused_in_little_memory, sparse};
use crate::patch;
use crate::transcript::directory;

#[test]
fn members_of_a_bundle() {
    let here = directory("claims-bundle");
    patch::bundle(&here);
    let bytes = fs::read(here.join("fix.bundle")).unwrap();
    for name in ["dossier.toml", "deltas/", "manifest.json"] {
        let mut bytes = bytes.clone();
        let at = header(&bytes, name);
        // Eight gigabytes, the most that the field holds, and ten in the binary form of GNU tar.
        for size in [*b"77777777777\0", [0x80, 0, 0, 0, 0, 0, 0, 2, 0x80, 0, 0, 0]] {
            bytes[at + 124..at + 136].copy_from_slice(&size);
            seal(&mut bytes, at);
            fs::write(here.join("claim.bundle"), &bytes).unwrap();
            refused_in_little_memory(&here, 5, &["bundle", "verify", "claim.bundle"]);
        }
    }
    sparse(&here.join("sparse.bundle"));
    refused_in_little_memory(&here, 2, &["bundle", "verify", "sparse.bundle"]);
    assert!(in_little_memory(&here, &["bundle", "verify", "fix.bundle"]).status.success());
}

/// Where the table of sections is, and how many there are.
fn sections(bytes: &[u8]) -> (usize, usize) {
    let table = u64::from_le_bytes(bytes[0x28..0x30].try_into().unwrap());
    (usize::try_from(table).unwrap(), u16::from_le_bytes([bytes[0x3c], bytes[0x3d]]).into())
}

/// `file` once for each claim of each section: its place and its length; and for the length of one that takes no room in the
/// file but in the process.
fn with_claims(here: &Path, file: &str, mut found: impl FnMut(&str)) {
    const NOBITS: u32 = 8;
    let (kind, place, length) = (0x04, 0x18, 0x20);
    let bytes = fs::read(here.join(file)).unwrap();
    let (table, count) = sections(&bytes);
    for section in (0..count).map(|section| table + 64 * section) {
        for (field, is_empty) in [(place, false), (length, false), (length, true)] {
            let mut bytes = bytes.clone();
            bytes[section + field..section + field + 8].copy_from_slice(&TEN_GIGABYTES.to_le_bytes());
            if is_empty {
                bytes[section + kind..section + kind + 4].copy_from_slice(&NOBITS.to_le_bytes());
            }
            fs::write(here.join("claim"), bytes).unwrap();
            found("claim");
        }
    }
}

#[test]
fn sections_of_a_delta() {
    let here = directory("claims-delta");
    patch::delta(&here, "server", "fix", "fixed %d");
    let mut count = 0;
    with_claims(&here, "fix.delta", |claim| {
        refused_in_little_memory(&here, 2, &["inspect", claim]);
        count += 1;
    });
    assert!(count > 30, "{count}");
    let mut bytes = fs::read(here.join("fix.delta")).unwrap();
    bytes[0x3c..0x3e].copy_from_slice(&u16::MAX.to_le_bytes());
    fs::write(here.join("claim"), bytes).unwrap();
    refused_in_little_memory(&here, 2, &["inspect", "claim"]);
    sparse(&here.join("sparse.delta"));
    refused_in_little_memory(&here, 2, &["inspect", "sparse.delta"]);
    assert!(in_little_memory(&here, &["inspect", "fix.delta"]).status.success());
}

/// What is not looked at in a build may be wrong in it; what is looked at is refused. Nothing else happens.
#[test]
fn sections_of_a_build() {
    let here = directory("claims-build");
    patch::delta(&here, "server", "fix", "fixed %d");
    let mut refused = 0;
    with_claims(&here, "server", |claim| {
        let output = in_little_memory(&here, &["diff", "--old", claim, "--new", "new"]);
        let code = output.status.code();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(matches!(code, Some(0 | 2 | 3)), "{code:?}: {said}");
        refused += usize::from(code == Some(2));
    });
    assert!(refused > 10, "{refused}");
    assert!(in_little_memory(&here, &["diff", "--old", "server", "--new", "new"]).status.success());
}
