//! Changed bytes in packs and example cases: an error with its place, or something that can be used; never a panic.

use proptest::prelude::*;
use suture_policy::{DEFAULT_EXAMPLES, DEFAULT_PACK, Pack, Source, example};

/// Fragments that mean something to a parser.
const FRAGMENTS: [&str; 16] = [
    "(",
    ")",
    "{",
    "}",
    "\"",
    "@",
    ";",
    "//",
    "::",
    "?principal",
    "&&",
    "9223372036854775808",
    "\u{0}",
    "\u{202e}",
    "if",
    "[[",
];

/// A text with a few places cut out, doubled or overwritten.
fn mutated(text: &'static str) -> impl Strategy<Value = String> {
    let edit = (0..text.len(), 0usize..40, prop::sample::select(FRAGMENTS.to_vec()), 0u8..3);
    prop::collection::vec(edit, 1..4).prop_map(|edits| {
        let mut text = text.to_owned();
        for (at, len, fragment, how) in edits {
            let at = (0..=at.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
            let end =
                (at..=(at + len).min(text.len())).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(at);
            match how {
                0 => text.replace_range(at..end, ""),
                1 => text.insert_str(at, fragment),
                _ => text.replace_range(at..end, fragment),
            }
        }
        text
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(192))]

    #[test]
    fn packs(
        (name, text) in prop::sample::select(DEFAULT_PACK.to_vec())
            .prop_flat_map(|source| (Just(source.name), mutated(source.text)))
    ) {
        match Pack::load(&[Source { name, text: &text }]) {
            Ok(pack) => prop_assert!(!pack.rules().is_empty()),
            Err(error) => {
                prop_assert_eq!(&error.file, name);
                prop_assert!(error.line >= 1 && error.line <= text.lines().count() + 1, "{}", error);
                prop_assert!(!error.what.is_empty() && !error.help.is_empty());
                prop_assert!(!error.to_string().contains(char::is_control));
            }
        }
    }

    #[test]
    fn examples(
        text in prop::sample::select(DEFAULT_EXAMPLES.to_vec()).prop_flat_map(|source| mutated(source.text))
    ) {
        match example::parse(&text) {
            Ok(examples) => {
                for example in examples.iter().take(3) {
                    example.check(crate::sample::pack());
                }
            }
            Err(error) => {
                prop_assert!(error.line >= 1 && error.line <= text.lines().count() + 1, "{}", error);
                prop_assert!(!error.to_string().contains(char::is_control));
            }
        }
    }

    #[test]
    fn any_text(text in ".{0,200}") {
        let pack = Pack::load(&[Source { name: "any.cedar", text: &text }]);
        prop_assert!(pack.is_err());
        let _ = example::parse(&text);
        let _ = example::parse_one(&text);
    }
}
