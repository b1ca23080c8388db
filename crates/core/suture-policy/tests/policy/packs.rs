//! Packs that can't be used: each says where, what, and how to mend it.

use std::fmt::Write as _;

use suture_policy::limits::{FILE_BYTES_MAX, FILES_MAX, NESTING_MAX, RULE_BYTES_MAX, RULES_MAX};
use suture_policy::{Pack, PackError, Source};

/// A rule that is as it should be but for what stands in its condition.
fn rule(condition: &str) -> String {
    format!(
        "@id(\"it\")\n@says(\"It.\")\n@needs(\"it\")\nforbid (principal, action == Action::\"run\", resource)\nwhen {{ {condition} }};\n"
    )
}

fn load(text: &str) -> Result<Pack, PackError> {
    Pack::load(&[Source { name: "own.cedar", text }])
}

fn refused(text: &str) -> PackError {
    load(text).expect_err(text)
}

#[test]
fn mistakes_and_their_cures() {
    let head = "@id(\"it\") @says(\"It.\") ";
    let rows: [(&str, String); 20] = [
        ("no rule at all", "// nothing\n".to_owned()),
        ("a bracket too many", rule("true }")),
        ("no semicolon", rule("true").replace(';', "")),
        ("no Cedar", "allow everything".to_owned()),
        ("an action that is none", rule("true").replace("\"run\"", "\"rum\"")),
        ("a field that is none", rule("context.patch.functoins > 3")),
        ("a value that is none", rule("context.patch.class == Class::\"global\"")),
        ("a field that may be absent", rule("context.emergency.ends < context.now")),
        ("text and number", rule("context.patch.functions > \"3\"")),
        ("a rule that can never speak", rule("context.patch.hooks && !true")),
        ("letters that look like others", rule("principal.labels.contains(\"v\u{430}lidator\")")),
        ("text that turns around", rule("principal.labels.contains(\"a\u{202e}b\")")),
        ("no id", rule("true").replace("@id(\"it\")", "")),
        ("an id that is none", rule("true").replace("@id(\"it\")", "@id(\"It is\")")),
        ("no sentence", rule("true").replace("@says(\"It.\")", "")),
        ("no need", rule("true").replace("@needs(\"it\")", "")),
        ("an annotation that is none", format!("@need(\"x\") {}", rule("true"))),
        ("a cure that is none", format!("@cure(\"pray\") {}", rule("true"))),
        ("a time that is none", format!("{head}@within(\"soon\") permit (principal, action, resource);")),
        ("a template", format!("{head}permit (principal == ?principal, action, resource);")),
    ];
    let mut text = String::new();
    for (name, pack) in rows {
        let error = refused(&pack);
        writeln!(text, "# {name}\n{error}\n  help: {}", error.help).unwrap();
    }
    insta::assert_snapshot!(text);
}

#[test]
fn the_same_name_twice_is_named_with_both_places() {
    let one = rule("context.patch.hooks");
    let sources = [Source { name: "a.cedar", text: &one }, Source { name: "b.cedar", text: &one }];
    let error = Pack::load(&sources).unwrap_err();
    assert_eq!(error.to_string(), "b.cedar:1:1: rule `it` stands at a.cedar:1 already");
}

#[test]
fn a_place_is_counted_in_the_right_file() {
    let good = rule("context.patch.hooks");
    let bad = format!("// é\n\n{}", rule("context.patch.nothing > 1").replace("\"it\"", "\"that\""));
    let sources = [Source { name: "a.cedar", text: &good }, Source { name: "b.cedar", text: &bad }];
    let error = Pack::load(&sources).unwrap_err();
    assert_eq!((error.file.as_str(), error.line, error.column), ("b.cedar", 7, 8), "{error}");
}

#[test]
fn sizes_are_bounded_before_anything_is_parsed() {
    let many = "// \n".repeat(FILE_BYTES_MAX / 4 + 1);
    assert!(refused(&many).what.contains("256 KiB"));
    let deep = rule(&format!("{}true{}", "(".repeat(NESTING_MAX), ")".repeat(NESTING_MAX)));
    assert!(refused(&deep).what.contains("deep"));
    let long = rule(&format!("true{}", " && true".repeat(RULE_BYTES_MAX / 8)));
    assert!(refused(&long).what.contains("8 KiB"));
    let files = vec![Source { name: "a.cedar", text: "" }; FILES_MAX + 1];
    assert!(Pack::load(&files).unwrap_err().what.contains("64 files"));
    let mut rules = String::new();
    for number in 0..=RULES_MAX {
        writeln!(rules, "@id(\"r{number}\") @says(\"It.\") permit (principal, action, resource);").unwrap();
    }
    assert!(refused(&rules).what.contains("1000 rules"));
}

/// The longest and deepest rules that the bounds let through do not exhaust the stack of a thread.
#[test]
fn what_is_just_within_the_bounds_ends() {
    let room = RULE_BYTES_MAX - 200;
    let fill = |unit: &str| unit.repeat(room / unit.len());
    let conditions = [
        format!("true{}", fill(" && true")),
        format!("true{}", fill("||true")),
        format!("1{} > 0", fill("+1")),
        format!("1{} > 0", fill("*1")),
        format!("{}true", fill("!")),
        format!("{}1 > 0", fill("-")),
        format!("context{}", fill(".a")),
        format!("context has a{}", fill(".a")),
        format!("context{}", fill("[\"a\"]")),
        format!("{}true{}", fill("if true then "), fill(" else true")),
        format!("true{}", fill(" else true")),
        format!("[{}1].contains(1)", fill("1,")),
        format!("{{{}\"b\": 1}}.b == 1", fill("\"a\": 1,")),
        format!("principal in {}", fill("a::")),
        format!("\"{}\" like \"{}\"", fill("*").split_at(room / 2).0, fill("*").split_at(room / 2).0),
        format!("principal is {}", fill("A::")),
        format!("if true then true else {}", "if true then true else ".repeat(room / 24) + "true"),
    ];
    for condition in conditions {
        match load(&rule(&condition)) {
            Ok(pack) => assert_eq!(pack.rules().len(), 1),
            Err(error) => assert!(!error.what.is_empty() && !error.what.contains(char::is_control)),
        }
    }
}

#[test]
fn errors_show_no_control_characters_of_the_text() {
    for text in [
        rule("context.\u{1b}[31m"),
        "\u{0}".to_owned(),
        rule("\"\u{202e}\" == 1"),
        format!("@id(\"{}\")", "x".repeat(5_000)),
    ] {
        let error = refused(&text);
        let shown = format!("{error}{}", error.help);
        assert!(!shown.contains(|c: char| c.is_control() || c == '\u{202e}'), "{shown:?}");
        assert!(shown.len() < 4_000);
    }
}
