//! Each way in which a file is no bundle, made on purpose.

use suture_bundle::{
    Bundle, BundleError, EntryKind, HeaderField, MANIFEST_BYTES_MAX, MEMBERS_MAX, Member, NameRule,
};

use crate::sample;

const BLOCK: usize = 512;

/// A tar header as any tool might make it, checksum included.
fn header(name: &[u8], length: &[u8], kind: u8) -> Vec<u8> {
    let mut block = vec![0; BLOCK];
    let mut put = |at: usize, bytes: &[u8]| block[at..at + bytes.len()].copy_from_slice(bytes);
    put(0, name);
    put(100, b"0000644\0");
    put(108, b"0000000\0");
    put(116, b"0000000\0");
    put(124, length);
    put(136, b"00000000000\0");
    put(156, &[kind]);
    put(257, b"ustar\x0000");
    put(329, b"0000000\0");
    put(337, b"0000000\0");
    seal(&mut block);
    block
}

/// Puts in the checksum.
fn seal(block: &mut [u8]) {
    block[148..156].fill(b' ');
    let sum: u32 = block[..BLOCK].iter().map(|byte| u32::from(*byte)).sum();
    block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
}

fn entry(name: &str, content: &[u8]) -> Vec<u8> {
    let mut entry = header(name.as_bytes(), format!("{:011o}\0", content.len()).as_bytes(), b'0');
    entry.extend_from_slice(content);
    entry.resize(entry.len().next_multiple_of(BLOCK), 0);
    entry
}

/// A manifest that lists these documents, and these entries.
fn archive(manifest: &[u8], entries: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = entry("manifest.json", manifest);
    bytes.extend(entries.concat());
    bytes.extend([0; 2 * BLOCK]);
    bytes
}

const EMPTY: &[u8] = br#"{"members":[],"schema":1,"type":"suture-bundle"}"#;

fn refused(entries: &[Vec<u8>]) -> BundleError {
    Bundle::read(&archive(EMPTY, entries)).unwrap_err()
}

#[test]
fn an_empty_one_is_read() {
    assert_eq!(Bundle::read(&archive(EMPTY, &[])).unwrap().members(), []);
}

#[test]
fn files_of_other_kinds() {
    let foreign = |bytes: &[u8]| Bundle::read(bytes).unwrap_err();
    assert!(foreign(b"").is_foreign());
    assert!(foreign(b"\x7fELF").is_foreign());
    assert!(foreign(&[0; 4096]).is_foreign());
    assert!(foreign(&entry("readme", b"")).is_foreign());
    assert!(foreign(&entry("manifest.json.bak", EMPTY)).is_foreign());
    assert!(foreign(&entry("./manifest.json", EMPTY)).is_foreign());
}

#[test]
fn names_that_lead_elsewhere() {
    let rows = [
        ("../../etc/cron.d/x", NameRule::Dot),
        ("documents/../../x", NameRule::Dot),
        ("/etc/passwd", NameRule::Absolute),
        ("documents/.ssh/authorized_keys", NameRule::Dot),
        ("documents/a\\..\\b", NameRule::Character),
        ("documents/\u{202e}txt", NameRule::Character),
        ("documents/\x1b[2J", NameRule::Character),
        ("documents/--checkpoint-action=exec=sh", NameRule::Character),
        ("documents/-rf", NameRule::Dash),
        ("documents//x", NameRule::EmptyPart),
        ("elsewhere/x", NameRule::Place),
        ("", NameRule::Empty),
    ];
    for (name, rule) in rows {
        let error = refused(&[entry(name, b"x")]);
        assert_eq!(error, BundleError::Name { name: name.to_owned(), rule }, "{name}");
        assert!(!error.to_string().contains(char::is_control));
    }
    let not_text = header(b"documents/\xff", b"00000000000\0", b'0');
    let field = HeaderField::Name;
    assert_eq!(refused(&[not_text]), BundleError::Header { offset: 1024, field });
}

#[test]
fn two_members_of_one_name() {
    let twice = entry("documents/a", b"x");
    let name = "documents/a".to_owned();
    assert_eq!(refused(&[twice.clone(), twice]), BundleError::Duplicate { name });
    let name = "manifest.json".to_owned();
    assert_eq!(refused(&[entry("manifest.json", EMPTY)]), BundleError::Duplicate { name });
    let member = || Member { name: sample::name("documents/a"), content: b"" };
    let name = "documents/a".to_owned();
    assert_eq!(Bundle::new(vec![member(), member()]), Err(BundleError::Duplicate { name }));
}

#[test]
fn members_that_can_not_be_unpacked_together() {
    for pair in
        [["documents/A", "documents/a"], ["documents/a", "documents/a/b"], ["documents/A", "documents/a/b"]]
    {
        let entries = pair.map(|name| entry(name, b""));
        assert!(matches!(refused(&entries), BundleError::Clash { .. }), "{pair:?}");
    }
}

#[test]
fn members_in_another_order() {
    let error = refused(&[entry("documents/b", b""), entry("documents/a", b"")]);
    assert_eq!(
        error,
        BundleError::Order { name: "documents/a".to_owned(), before: "documents/b".to_owned() }
    );
}

#[test]
fn entries_that_are_no_files() {
    let rows = [
        (b'1', EntryKind::HardLink),
        (b'2', EntryKind::SymbolicLink),
        (b'3', EntryKind::Device),
        (b'4', EntryKind::Device),
        (b'5', EntryKind::Directory),
        (b'6', EntryKind::Pipe),
        (b'x', EntryKind::Extension),
        (b'g', EntryKind::Extension),
        (b'L', EntryKind::Extension),
        (b'S', EntryKind::Extension),
        (b'7', EntryKind::Unknown),
        (0, EntryKind::Unknown),
    ];
    for (flag, kind) in rows {
        let error = refused(&[header(b"documents/a", b"00000000000\0", flag)]);
        assert_eq!(error, BundleError::Entry { offset: 1024, kind }, "{flag}");
    }
}

#[test]
fn headers_that_say_more_than_name_and_length() {
    let rows: [(usize, &[u8], HeaderField); 12] = [
        (50, b"x", HeaderField::Name),
        (100, b"0004755\0", HeaderField::Mode),
        (108, b"0001750\0", HeaderField::Owner),
        (116, b"0001750\0", HeaderField::Group),
        (124, b"      00000\0", HeaderField::Length),
        (136, b"14371573151\0", HeaderField::Time),
        (157, b"/etc/passwd", HeaderField::LinkName),
        (263, b"  ", HeaderField::Version),
        (265, b"root", HeaderField::OwnerName),
        (297, b"root", HeaderField::GroupName),
        (345, b"../..", HeaderField::Prefix),
        (511, b"x", HeaderField::Padding),
    ];
    for (at, bytes, field) in rows {
        let mut block = header(b"documents/a", b"00000000000\0", b'0');
        block[at..at + bytes.len()].copy_from_slice(bytes);
        seal(&mut block);
        assert_eq!(refused(&[block]), BundleError::Header { offset: 1024, field }, "{at}");
    }
    let mut block = header(b"documents/a", b"00000000000\0", b'0');
    block[148] ^= 1;
    let field = HeaderField::Checksum;
    assert_eq!(refused(&[block]), BundleError::Header { offset: 1024, field });
}

/// A length is only believed if the bytes are there; one that does not fit the field is spelled in base 256 by others.
#[test]
fn ten_gigabytes_that_are_not_there() {
    let claim = |name: &[u8], length: &[u8]| refused(&[header(name, length, b'0')]);
    let name = "documents/a".to_owned();
    let too_long = |bytes, limit| BundleError::MemberTooLong { name: name.clone(), bytes, limit };
    assert_eq!(claim(b"documents/a", b"77777777777\0"), too_long((8 << 30) - 1, 64 << 20));
    let base_256 = [0x80, 0, 0, 0, 0, 0, 0, 2, 0x54, 0x0b, 0xe4, 0];
    let field = HeaderField::Length;
    assert_eq!(claim(b"documents/a", &base_256), BundleError::Header { offset: 1024, field });
    let place = "`documents/a`".to_owned();
    assert_eq!(claim(b"documents/a", b"00400000000\0"), BundleError::CutOff { place });
    let place = "`deltas/a.delta`".to_owned();
    assert_eq!(claim(b"deltas/a.delta", b"01777777777\0"), BundleError::CutOff { place });

    let mut manifest = header(b"manifest.json", b"77777777777\0", b'0');
    manifest.resize(4096, b' ');
    let (name, bytes, limit) = ("manifest.json".to_owned(), (8 << 30) - 1, MANIFEST_BYTES_MAX);
    assert_eq!(Bundle::read(&manifest), Err(BundleError::MemberTooLong { name, bytes, limit }));
}

#[test]
fn more_members_than_a_bundle_has() {
    let entries: Vec<_> =
        (0..=MEMBERS_MAX).map(|index| entry(&format!("documents/{index:04}"), b"")).collect();
    let limit = MEMBERS_MAX;
    assert_eq!(refused(&entries), BundleError::TooMany { what: "members", limit });
    let members: Vec<_> = (0..=MEMBERS_MAX)
        .map(|index| Member { name: sample::name(&format!("documents/{index}")), content: &b""[..] })
        .collect();
    assert_eq!(Bundle::new(members), Err(BundleError::TooMany { what: "members", limit }));
}

#[test]
fn bytes_between_and_behind_the_members() {
    let whole = archive(EMPTY, &[]);
    let changed = |at: usize| {
        let mut bytes = whole.clone();
        bytes[at] = 1;
        Bundle::read(&bytes).unwrap_err()
    };
    assert_eq!(changed(1023), BundleError::Hidden { offset: 1023 });
    assert_eq!(changed(whole.len() - 1), BundleError::Hidden { offset: whole.len() - 1 });
    assert!(matches!(Bundle::read(&whole[..whole.len() - 1]), Err(BundleError::CutOff { .. })));
    let blocks_of_gnu_tar = [whole.clone(), vec![0; 8192]].concat();
    assert_eq!(Bundle::read(&blocks_of_gnu_tar), Err(BundleError::Trailing { offset: whole.len() }));
}

#[test]
fn manifests_that_are_not_those_of_the_members() {
    let document = entry("documents/a", b"abc");
    let line = |name: &str, sha256: &str, bytes: u32| {
        let media_type = "application/octet-stream";
        format!(
            r#"{{"bytes":{bytes},"media_type":"{media_type}","name":"{name}","role":"document","sha256":"{sha256}"}}"#
        )
    };
    let manifest = |lines: &[String]| {
        format!(r#"{{"members":[{}],"schema":1,"type":"suture-bundle"}}"#, lines.join(","))
    };
    // FIPS 180-2, appendix B.1
    let digest = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    let right = line("documents/a", digest, 3);
    let read = |text: &str| {
        let bytes = archive(text.as_bytes(), std::slice::from_ref(&document));
        Bundle::read(&bytes).map(|bundle| bundle.members().len())
    };
    assert_eq!(read(&manifest(std::slice::from_ref(&right))), Ok(1));

    let other = "0".repeat(64);
    let rows = [
        (vec![], "it is not listed"),
        (vec![line("documents/b", digest, 3)], "another one is listed in its place"),
        (vec![line("documents/a", digest, 4)], "its length differs"),
        (vec![line("documents/a", &other, 3)], "its SHA-256 differs"),
        (vec![right.replace("document\"", "dossier\"")], "its role differs"),
        (vec![right.replace("application/", "text/")], "its media type differs"),
    ];
    for (lines, what) in rows {
        let name = "documents/a".to_owned();
        assert_eq!(read(&manifest(&lines)), Err(BundleError::NotAsListed { name, what }), "{what}");
    }
    let (name, what) = ("documents/b".to_owned(), "it is listed, but not there");
    let more = manifest(&[right.clone(), line("documents/b", digest, 3)]);
    assert_eq!(read(&more), Err(BundleError::NotAsListed { name, what }));

    let spaced = manifest(std::slice::from_ref(&right)).replace(",\"schema\"", ", \"schema\"");
    assert!(matches!(read(&spaced), Err(BundleError::ManifestSpelling { .. })));
    let unknown = manifest(std::slice::from_ref(&right)).replace("\"schema\":1", "\"schema\":1,\"x\":1");
    assert!(matches!(read(&unknown), Err(BundleError::Manifest { line: 1, .. })));
    assert!(matches!(read("not JSON"), Err(BundleError::Manifest { line: 1, .. })));
    assert!(matches!(read(&"[".repeat(100_000)), Err(BundleError::Manifest { .. })));
}

/// Of another version nothing is believed, not even that its members are laid out like this.
#[test]
fn another_version() {
    let error = Bundle::read(&archive(br#"{"schema":2,"parts":{}}"#, &[entry("x/y", b"")])).unwrap_err();
    assert_eq!(error, BundleError::UnknownSchema { found: 2 });
    assert!(error.to_string().contains("format 2, this suture reads format 1"));
    assert!(error.help().contains("use the suture that made it"));
}
