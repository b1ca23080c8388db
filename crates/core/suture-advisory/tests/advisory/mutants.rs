//! Whatever is done to the text of an advisory, reading it gives an advisory or one error with a place.

use proptest::prelude::*;
use suture_advisory::{Advisory, Stage};

use crate::made::in_stage;

#[test]
fn mistakes_are_told_with_their_place() {
    let text = in_stage(Stage::Published).to_text().unwrap();
    let rows = [
        ("stage = \"published\"", "stage = \"draft\"", "it says draft and its last revision published"),
        ("tlp = \"clear\"", "tlp = \"red\"", "what is published is TLP:CLEAR"),
        ("tlp = \"clear\"", "tlp = \"clear\"\nembargo = 1", "unknown field `embargo`"),
        ("\"7.0.12\"", "\"6.2.12\"", "\"6.2.12\" can't be affected and fixed"),
        ("CWE-122", "CWE-0122", "\"CWE-0122\" is no weakness; write it as CWE-122"),
        ("https://security.example.org", "javascript:x", "is no web address"),
        ("9f3c2a7b", "9F3C2A7B", "not a build-id in lower-case"),
        ("number = \"2.0.0\"", "number = \"0.9.0\"", "revision 0.9.0 does not come after 1.0.0"),
        ("number = \"0.1.0\"", "number = \"0.01.0\"", "is no version"),
        ("schema = 1", "schema = 2", "version 2 of the format"),
    ];
    for (from, to, told) in rows {
        assert!(text.contains(from), "{from}: {text}");
        let error = Advisory::parse(&text.replacen(from, to, 1)).unwrap_err();
        assert!(error.what.contains(told), "{error}");
        assert!(error.line > 1 || from.starts_with("schema"), "{error}");
    }
    assert!(Advisory::parse(&"#".repeat(2 << 20)).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    #[test]
    fn mutated_texts_are_read_or_refused(at in any::<prop::sample::Index>(), bytes in prop::collection::vec(any::<u8>(), 0..6), cut in 0..6_usize) {
        let mut text = in_stage(Stage::Published).to_text().unwrap().into_bytes();
        let at = at.index(text.len());
        text.splice(at..(at + cut).min(text.len()), bytes);
        let text = String::from_utf8_lossy(&text);
        match Advisory::parse(&text) {
            Ok(advisory) => prop_assert!(Advisory::parse(&advisory.to_text().unwrap()).is_ok()),
            Err(error) => prop_assert!(error.line >= 1 && error.line <= text.lines().count() + 1 && !error.help.is_empty()),
        }
    }
}
