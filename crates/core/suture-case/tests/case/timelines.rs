//! A timeline only grows, and says who owned what.

use std::collections::BTreeMap;

use proptest::prelude::*;
use suture_case::names::Role;
use suture_case::timeline::{Entry, Timeline};
use suture_case::values::{Digest, Moment};

fn entry(at: i64, act: &str, roles: &[(Role, Option<&str>)]) -> Entry {
    Entry {
        at: Moment::from_unix_s(at).unwrap(),
        by: "carol".parse().unwrap(),
        act: act.parse().unwrap(),
        what: format!("{act} it").parse().unwrap(),
        roles: roles
            .iter()
            .map(|(role, person)| (*role, person.map(|person| person.parse().unwrap())))
            .collect(),
        case: Digest::of(act.as_bytes()),
    }
}

/// A timeline of three acts, at 100, 200 and 300 seconds.
pub(crate) fn sample() -> Timeline {
    let mut timeline = Timeline::default();
    timeline.append(entry(100, "opened", &[(Role::Commander, Some("alice:ops"))])).unwrap();
    timeline.append(entry(200, "classified", &[(Role::Author, Some("bob:core"))])).unwrap();
    timeline
        .append(entry(300, "assigned", &[(Role::Commander, Some("dora")), (Role::Author, None)]))
        .unwrap();
    timeline
}

#[test]
fn what_is_appended_is_read_again() {
    let timeline = sample();
    assert_eq!(Timeline::parse(timeline.text()).unwrap(), timeline);
    assert_eq!(Timeline::parse("").unwrap(), Timeline::default());
}

#[test]
fn owners_are_known_at_each_moment() {
    let timeline = sample();
    let owners = |at| -> BTreeMap<Role, String> {
        let owners = timeline.owners_at(Moment::from_unix_s(at).unwrap());
        owners.into_iter().map(|(role, person)| (role, person.to_string())).collect()
    };
    let map = |pairs: &[(Role, &str)]| pairs.iter().map(|(role, who)| (*role, (*who).to_owned())).collect();
    assert_eq!(owners(99), map(&[]));
    assert_eq!(owners(100), map(&[(Role::Commander, "alice (ops)")]));
    assert_eq!(owners(299), map(&[(Role::Commander, "alice (ops)"), (Role::Author, "bob (core)")]));
    assert_eq!(owners(300), map(&[(Role::Commander, "dora")]));
}

#[test]
fn a_clock_that_went_back_does_not_turn_the_order() {
    let mut timeline = sample();
    timeline.append(entry(50, "noted", &[])).unwrap();
    assert_eq!(timeline.acts()[3].at.unix_s(), 300);
    assert!(Timeline::parse(timeline.text()).is_ok());
}

#[test]
fn what_was_done_to_a_line_is_named() {
    let text = sample().text().to_owned();
    let lines: Vec<&str> = text.lines().collect();
    let join = |lines: &[&str]| lines.join("\n") + "\n";
    let changed = lines[1].replace("bob", "bot");
    let rows = [
        (join(&[lines[0], &changed, lines[2]]), 3, "the line before was changed"),
        (join(&[lines[0], lines[2]]), 2, "act 3 stands where act 2 should"),
        (join(&[lines[1], lines[2]]), 1, "act 2 stands where act 1 should"),
        (join(&[lines[0], lines[2], lines[1]]), 2, "act 3 stands where act 2 should"),
        (join(&[lines[0], lines[0]]), 2, "act 1 stands where act 2 should"),
        (join(&[lines[0], "", lines[1]]), 2, "EOF"),
        (join(&[lines[0], "{}"]), 2, "missing field"),
        (text.replace("\"by\"", "\"who\""), 1, "unknown field `who`"),
        (text.trim_end().to_owned(), 3, "the last line is cut off"),
        (text[..text.len() - 20].to_owned(), 3, "EOF"),
    ];
    for (text, line, expected) in rows {
        let error = Timeline::parse(&text).unwrap_err();
        assert_eq!(error.line, line, "{error}");
        assert!(error.what.contains(expected), "{error}");
    }
}

proptest! {
    /// Whatever byte of any line but the last is changed is found; in the last line a change that still reads as an act is for the
    /// audit log to find.
    #[test]
    fn a_changed_byte_is_found(at in 0_usize..10_000, to in any::<u8>()) {
        let text = sample().text().to_owned();
        let end = text.trim_end().rfind('\n').unwrap();
        let mut bytes = text.clone().into_bytes();
        let at = at % (end + 1);
        prop_assume!(bytes[at] != to);
        bytes[at] = to;
        if let Ok(changed) = String::from_utf8(bytes) {
            prop_assert!(Timeline::parse(&changed).is_err());
        }
    }
}
