//! Entries have one spelling.

use std::collections::BTreeMap;

use proptest::prelude::*;
use suture_log::{Actor, Draft, ENTRY_BYTES_MAX, Entry, EntryError, Outcome, Subject, Value};

use crate::support::{draft, entry, time};

#[test]
fn an_entry_is_written_as_the_format_says() {
    let text = String::from_utf8(entry(7).encode().unwrap()).unwrap();
    let expected = format!(
        r#"{{"act":"bundle.create","actor":{{"key":"SHA256:{}","name":"Ada"}},"detail":{{"number":7}},"outcome":{{"result":"done"}},"subjects":[{{"digest":"sha256:{:064x}","kind":"bundle"}}],"v":1,"when":"2026-03-01T12:00:07.000Z"}}"#,
        "a".repeat(43),
        7
    );
    assert_eq!(text, expected);
}

#[test]
fn another_spelling_of_the_same_is_refused() {
    let text = String::from_utf8(entry(7).encode().unwrap()).unwrap();
    let rows = [
        (text.replacen(',', ", ", 1), "canonical"),
        (text.replace("\"Ada\"", "\"\\u0041da\""), "canonical"),
        (text.replace("\"number\":7", "\"number\":7,\"number\":7"), "canonical"),
        (
            text.replace("\"v\":1,", "").replace('{', "{\"v\":1,").replacen("{\"v\":1,", "{", 2),
            "unknown field",
        ),
        (text.replace("\"number\":7", "\"number\":7.0"), "data did not match"),
        (text.replace("\"number\":7", "\"number\":70e-1"), "data did not match"),
        (text.replace("\"number\":7", "\"number\":9007199254740993"), "2^53"),
        (text.replace("07.000Z", "07Z"), "2026-03-01T12:00:00.250Z"),
        (text.replace("\"v\":1", "\"v\":2"), "version 2"),
        (text.replace("\"v\":1", "\"v\":1,\"why\":\"\""), "unknown field"),
        (text.replace("\"detail\":{\"number\":7},", "\"detail\":{},"), "canonical"),
        (text.replace("bundle.create", "Bundle Create"), "no word"),
        (text.replace("\"name\":\"Ada\"", "\"name\":\"\\u001b[2J\""), "control"),
        (text.replace("sha256:00", "sha256:0G"), "64 hexadecimal"),
        (format!("{text}\n"), "canonical"),
        (format!("{text}{text}"), "trailing"),
        (text[..text.len() - 1].to_owned(), "EOF"),
        (String::new(), "EOF"),
        ("[".repeat(60_000), "invalid type"),
    ];
    for (wrong, why) in rows {
        let error = Entry::parse(wrong.as_bytes()).expect_err(&wrong).to_string();
        assert!(error.contains(why), "{error:?} does not say {why:?}: {wrong}");
    }
}

#[test]
fn what_a_bundle_can_not_hold_is_refused() {
    let mut large = draft(1);
    large.detail.insert("log".to_owned(), Value::Text("x".repeat(ENTRY_BYTES_MAX)));
    assert!(matches!(large.at(time(0)).encode(), Err(EntryError::TooLong(_))));
    assert!(matches!(Entry::parse(&vec![b' '; ENTRY_BYTES_MAX + 1]), Err(EntryError::TooLong(_))));
}

fn word() -> impl Strategy<Value = String> {
    "[a-z][a-z0-9_-]{0,20}"
}

fn any_draft() -> impl Strategy<Value = Draft> {
    let value = prop_oneof![
        any::<bool>().prop_map(Value::Flag),
        (-(1_i64 << 53) + 1..1 << 53).prop_map(Value::Number),
        any::<String>().prop_map(Value::Text),
    ];
    let subject = (word(), "[^\\p{Cc}]{1,40}").prop_map(|(kind, id)| Subject::id(&kind, id));
    let outcome = prop_oneof![Just(Outcome::done()), word().prop_map(|code| Outcome::refused(&code))];
    let act = prop::collection::vec(word(), 1..3).prop_map(|words| words.join("."));
    (
        act,
        "[^\\p{Cc}]{1,40}",
        prop::collection::vec(subject, 0..4),
        outcome,
        prop::collection::btree_map(word(), value, 0..6),
    )
        .prop_map(|(act, name, subjects, outcome, detail): (_, _, _, _, BTreeMap<_, _>)| Draft {
            act,
            actor: Actor { key: None, name },
            subjects,
            outcome,
            detail,
        })
}

proptest! {
    #[test]
    fn what_is_written_is_read_again(draft in any_draft(), unix_ms in -62_167_219_200_000_i64..253_402_300_000_000) {
        let entry = draft.at(time(unix_ms));
        let bytes = entry.encode().unwrap();
        prop_assert!(!bytes.contains(&b'\n'));
        prop_assert_eq!(Entry::parse(&bytes).unwrap(), entry);
    }

    /// Any change of a byte gives another entry or none, never the same one.
    #[test]
    fn no_two_spellings(at: prop::sample::Index, byte: u8) {
        let bytes = entry(3).encode().unwrap();
        let mut changed = bytes.clone();
        let place = at.index(bytes.len());
        changed[place] = byte;
        if let Ok(read) = Entry::parse(&changed) {
            prop_assert_eq!(read == entry(3), changed == bytes);
        }
    }
}
