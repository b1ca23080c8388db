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
