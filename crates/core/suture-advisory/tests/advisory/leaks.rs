//! What gives a hole away is found, and what every change log says is not.

use proptest::prelude::*;
use suture_advisory::leak::{Finding, Findings, Secrets, Watch, Why};

const FIX: &str = "--- a/deps/lua/src/strbuf.c\n+++ b/deps/lua/src/strbuf.c\n@@ -176,7 +176,9 @@\n-    if (s->increment < 0)\n\
+    if (reqsize > STRBUF_MAX_SIZE) die(\"size overflow\");\n+    return NULL;\n     /* context stays */\n";

fn secrets() -> Secrets {
    let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
    Secrets {
        symbols: texts(&[
            "strbuf_resize",
            "_ZN5redis3sds9grow_heapE17h0123456789abcdefE",
            "redis::sds::growHeap",
            "update_state",
            "connect",
            "main",
            "luaD_growstack.constprop.0",
        ]),
        paths: texts(&["deps/lua/src/strbuf.c", "src/server.c"]),
        ids: texts(&["CVE-2022-24834", "GHSA-p8x2-9v9q-c838"]),
        titles: texts(&["Heap overflow in cjson of redis-server"]),
        weaknesses: texts(&["CWE-122"]),
        fixes: texts(&[FIX]),
        more: texts(&["Operation Blue Teapot"]),
        known: texts(&["redis", "redis-server"]),
    }
}

fn look(file: &str, text: &str) -> Vec<Finding> {
    let mut found = Findings::default();
    Watch::new(&secrets()).unwrap().look(file, text.as_bytes(), &mut found);
    assert_eq!(found.count, found.findings.len());
    found.findings
}

#[test]
fn what_gives_it_away_is_found() {
    let rows = [
        ("Fixed a bug in strbuf_resize.", Why::Symbol),
        ("See StrbufResize for more.", Why::Symbol),
        ("the strbuf resize path", Why::Symbol),
        ("the strbuf\n * resize path", Why::Symbol),
        ("str\u{200b}buf_resize", Why::Symbol),
        ("STRBUF-RESIZE", Why::Symbol),
        ("calls sds::growHeap", Why::Symbol),
        ("calls luaD_growstack", Why::Symbol),
        ("we now call update_state first", Why::Symbol),
        ("we now call updateState first", Why::Symbol),
        ("`connect` checks more", Why::Symbol),
        ("connect() checks more", Why::Symbol),
        ("touches strbuf.c", Why::Path),
        ("touches lua/src/strbuf.c", Why::Path),
        ("touches src/server.c", Why::Path),
        ("fixes cve-2022-24834", Why::Id),
        ("fixes CVE 2022 24834", Why::Id),
        ("see GHSA-P8X2-9V9Q-C838", Why::Id),
        ("a problem in cjson", Why::Title),
        ("a heap overflow", Why::Title),
        ("a Heap-based Buffer Overflow", Why::Weakness),
        ("memory corruption is gone", Why::Weakness),
        ("CWE-122", Why::Weakness),
        ("if (reqsize > STRBUF_MAX_SIZE) die", Why::Fix),
        ("operation blue-teapot", Why::Named),
        ("c3RyYnVmX3Jlc2l6ZQ==", Why::Symbol),
        ("xxc3RyYnVmX3Jlc2l6ZQ", Why::Symbol),
        ("id=7374726275665f726573697a65", Why::Symbol),
    ];
    for (text, why) in rows {
        let found = look("NEWS.md", text);
        assert!(found.iter().any(|finding| finding.why == why && finding.line == 1), "{text}: {found:?}");
    }
}

#[test]
fn what_every_change_log_says_is_not() {
    let texts = [
        "redis-server 7.0.12 fixes a security problem. Update as soon as you can.",
        "We update state before we connect, in main and elsewhere; the server has a new buffer size.",
        "## Changed\n- server.c and other files were cleaned up\n- connect is retried (main loop)\n- a heap profile can be written",
        "Improve performance of replication; reduce memory use; fix a crash when the cluster is resized.",
        "return NULL; if (ret == -1) return -1; for (i = 0; i < len; i++)",
        "sha256 9f3c2a7be41d5560c8f0a1b2c3d4e5f60718293a9f3c2a7be41d5560c8f0a1b2",
        "The fix allows no more than the maximum size. An integer option overflows its column in the report.",
        "CVE-2021-12345 and CWE-79 were fixed last year.",
        "",
    ];
    for text in texts {
        assert_eq!(look("CHANGELOG.md", text), [], "{text}");
    }
}

#[test]
fn names_of_files_tell_too() {
    let found = look("patches/fix-strbuf-resize.diff", "nothing here");
    assert_eq!((found.len(), found[0].line, found[0].why), (1, 0, Why::Symbol));
    assert_eq!(look("patches/0001.diff", "nothing here"), []);
}

#[test]
fn a_finding_says_where() {
    let found = look("NEWS", "one\n\n  two strbuf_resize three\n");
    let finding = &found[0];
    assert_eq!((finding.line, finding.term.as_str(), finding.encoded), (3, "strbuf_resize", false));
    assert_eq!(finding.excerpt, "two strbuf_resize three");
    let found = look("NEWS", "one\nc3RyYnVmX3Jlc2l6ZQ==\n");
    assert_eq!((found[0].line, found[0].encoded), (2, true));
}

#[test]
fn programs_are_looked_through_for_their_names() {
    let mut found = Findings::default();
    let watch = Watch::new(&secrets()).unwrap();
    watch.look("x.delta", b"\x7fELF\x02\x01\0\0\xff\xfe\0strbuf_resize\0\xc3", &mut found);
    assert_eq!(found.count, 1, "{found:?}");
}

/// An advisory that is published tells everything; its draft for the public must not.
#[test]
fn an_advisory_gives_itself_away() {
    let advisory = crate::made::in_stage(suture_advisory::Stage::Published);
    let found = look("advisory.md", &suture_advisory::markdown::markdown(&advisory));
    assert!(found.len() > 5, "{found:?}");
}

proptest! {
    #[test]
    fn no_bytes_bring_it_down(name in "\\PC{0,20}", bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let mut found = Findings::default();
        Watch::new(&secrets()).unwrap().look(&name, &bytes, &mut found);
        prop_assert!(found.findings.len() <= found.count);
    }

    /// Wherever it stands, in whatever spelling.
    #[test]
    fn a_name_is_found_anywhere(before in "[a-z .\\n]{0,40}", after in "[a-z .\\n]{0,40}", spelling in 0..4_usize) {
        let name = ["strbuf_resize", "strbufResize", "StrbufResize", "strbuf-resize"][spelling];
        let text = format!("{before} {name} {after}");
        prop_assert!(look("x", &text).iter().any(|finding| finding.why == Why::Symbol), "{text}");
    }
}

fn found_in(bytes: &[u8]) -> Findings {
    let mut found = Findings::default();
    Watch::new(&secrets()).unwrap().look("file", bytes, &mut found);
    found
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    std::io::Write::write_all(&mut packer, bytes).unwrap();
    packer.finish().unwrap()
}

fn zlib(bytes: &[u8]) -> Vec<u8> {
    let mut packer = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::default());
    std::io::Write::write_all(&mut packer, bytes).unwrap();
    packer.finish().unwrap()
}

/// A tar archive with one file.
fn tar(name: &str, content: &[u8]) -> Vec<u8> {
    let mut header = [0_u8; 512];
    header[..name.len()].copy_from_slice(name.as_bytes());
    header[124..135].copy_from_slice(format!("{:011o}", content.len()).as_bytes());
    header[257..262].copy_from_slice(b"ustar");
    let mut archive = [&header[..], content].concat();
    archive.resize(archive.len().next_multiple_of(512) + 1024, 0);
    archive
}

fn wide(text: &str, letter: impl Fn(u16) -> Vec<u8>) -> Vec<u8> {
    text.encode_utf16().flat_map(letter).collect()
}

#[test]
fn letters_of_several_bytes_are_read() {
    let text = "one\ntwo strbuf_resize\n";
    let little = wide(text, |letter| letter.to_le_bytes().to_vec());
    let big = wide(text, |letter| letter.to_be_bytes().to_vec());
    let four = wide(text, |letter| u32::from(letter).to_le_bytes().to_vec());
    let marked = |mark: &[u8], text: &[u8]| [mark, text].concat();
    for (bytes, why) in [
        (little.clone(), "little"),
        (big.clone(), "big"),
        (marked(&[0xff, 0xfe], &little), "little, marked"),
        (marked(&[0xfe, 0xff], &big), "big, marked"),
        (four.clone(), "four"),
        (marked(&[0xff, 0xfe, 0, 0], &four), "four, marked"),
        (marked(b"x", &little), "odd"),
        (marked(b"Some text before: ", &little), "after something else"),
    ] {
        let found = found_in(&bytes);
        assert!(found.count > 0, "{why}: {found:?}");
    }
    assert_eq!(found_in(&little).findings[0].line, 2);
    // Letters that are no ASCII as well, where the file says how it is encoded.
    let cyrillic = wide("\u{feff}операция blue teapot. strbuf_resize — да", |letter| {
        letter.to_le_bytes().to_vec()
    });
    assert!(found_in(&cyrillic).count >= 1);
    assert!(found_in(&tar("notes", &cyrillic)).count >= 1);
    // What is read is not closed.
    assert_eq!(
        found_in(&wide("nothing of interest\n", |letter| letter.to_le_bytes().to_vec())),
        Findings::default()
    );
}

#[test]
fn escapes_are_read() {
    for text in [
        "https://x.org/?q=strbuf%5Fresize",
        "%73trbuf%5fresize",
        "%22strbuf_resize%22",
        "strbuf%255Fresize",
        "<b>strbuf&#95;resize</b>",
        "strbuf&#x5F;resize",
        "strbuf&lowbar;resize",
        "str&shy;buf_resize",
        "str%E2%80%8Bbuf_resize",
        r#"{"note": "\u0073trbuf_resize"}"#,
        r#""\x73trbuf_resize""#,
    ] {
        let found = look("page.html", &format!("one\n{text}\n"));
        assert!(
            found.iter().any(|finding| finding.why == Why::Symbol && finding.line == 2),
            "{text}: {found:?}"
        );
    }
    // What was found without is not found twice.
    let found = look("page.html", "Tom &amp; Jerry, 100% of strbuf_resize, and more");
    assert_eq!((found.len(), found[0].encoded), (1, false));
    for text in ["100% sure & certain; 5 %zz", "%", "&", "\\", "&#x110000;", "&#99999999999;", "\\u12", "%e4"]
    {
        assert_eq!(look("page.html", text), [], "{text}");
    }
}

#[test]
fn what_is_packed_is_unpacked() {
    let note = b"one\ntwo strbuf_resize\n";
    for (bytes, file) in [
        (gzip(note), "file"),
        (zlib(note), "file"),
        (gzip(&gzip(note)), "file"),
        (gzip(&tar("notes", note)), "file"),
        (tar("notes.gz", &gzip(note)), "file (notes.gz in it)"),
        (tar("inner.tar", &tar("notes.gz", &gzip(note))), "file (inner.tar, notes.gz in it)"),
        (tar("object", &zlib(b"blob 22\0strbuf_resize")), "file (object in it)"),
    ] {
        let found = found_in(&bytes);
        assert!(found.findings.iter().any(|finding| finding.file == file), "{file}: {found:?}");
        assert_eq!(found.closed, [], "{file}");
    }
    let found = found_in(&gzip(b"nothing of interest\n"));
    assert_eq!(found, Findings::default());
}

/// To find nothing in what nobody can read says nothing.
#[test]
fn what_is_no_text_is_closed() {
    let noise: Vec<u8> = (0..200_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    let cut = |bytes: Vec<u8>| bytes[..bytes.len() - 9].to_vec();
    let mut deep = gzip(b"nothing");
    for _ in 0..20 {
        deep = gzip(&deep);
    }
    let bomb = gzip(&vec![0; 65 << 20]);
    let mut compressed_elf = b"\x7fELF\x02\x01\x01".to_vec();
    compressed_elf.resize(64 + 64, 0);
    compressed_elf[0x28] = 64;
    compressed_elf[0x3a] = 64;
    compressed_elf[0x3c] = 1;
    let plain_elf = compressed_elf.clone();
    compressed_elf[64 + 9] = 8;
    let cases: Vec<(Vec<u8>, &str)> = vec![
        (noise.clone(), "neither text"),
        (b"]\0\0\x80\0\xff\xff\xff\xff".to_vec(), "lzma"),
        (b"\x89PNG\r\n\x1a\nzTXtstrange".to_vec(), "an image"),
        (cut(gzip(b"nothing of interest to anybody")), "gzip"),
        (cut(zlib(b"nothing of interest to anybody")), "neither text"),
        ([zlib(b"nothing"), noise.clone()].concat(), "neither text"),
        (tar("inner.tar", &tar("notes.xz", b"\xfd7zXZ\0\0")), "xz"),
        ([tar("notes", b"nothing"), noise.clone()].concat(), "behind an archive"),
        (deep, "too many others"),
        (bomb, "gzip"),
        (compressed_elf, "compressed sections"),
        (b"\x7fELF\x02\x01\x01 packed".to_vec(), "neither text"),
    ];
    for (bytes, words) in cases {
        let found = found_in(&bytes);
        assert!(found.closed.iter().any(|closed| closed.kind.contains(words)), "{words}: {found:?}");
    }
    let latin = "Gr\u{fc}\u{df}e aus M\u{fc}nchen\n".chars().map(|c| c as u8).collect::<Vec<u8>>();
    for plain in [&b""[..], b"text\n", b"one\0two\0", "\u{fc}ber\n".as_bytes(), &latin, &plain_elf] {
        assert_eq!(found_in(plain).closed, [], "{plain:?}");
    }
}
