//! Broken texts get an error or a case, never a panic; what is read can be written and read again.

use proptest::prelude::*;
use suture_case::table::Table;
use suture_case::timeline::Timeline;
use suture_case::{Case, classify, epss, kev};

use crate::cases::FULL;
use crate::sources::{EPSS, KEV, ids};
use crate::timelines;

/// What is done to a text.
#[derive(Debug, Clone)]
enum Damage {
    Set(usize, char),
    Insert(usize, String),
    Cut(usize, usize),
    Copy(usize, usize, usize),
}

fn damage() -> impl Strategy<Value = Damage> {
    let odd = prop_oneof![
        Just('"'),
        Just('['),
        Just(']'),
        Just('\n'),
        Just('='),
        Just('{'),
        Just('\u{0}'),
        any::<char>()
    ];
    let piece = prop_oneof![
        Just("[x]\n".to_owned()),
        Just("\"\"\"".to_owned()),
        Just("99999999999999999999".to_owned()),
        Just("[[".repeat(200)),
        Just("{\"a\":".repeat(200)),
        "[a-z=\"\\[\\] ]{0,12}",
    ];
    prop_oneof![
        (any::<usize>(), odd).prop_map(|(at, to)| Damage::Set(at, to)),
        (any::<usize>(), piece).prop_map(|(at, piece)| Damage::Insert(at, piece)),
        (any::<usize>(), 0_usize..200).prop_map(|(at, length)| Damage::Cut(at, length)),
        (any::<usize>(), any::<usize>(), 0_usize..200)
            .prop_map(|(from, to, length)| Damage::Copy(from, to, length)),
    ]
}

fn damaged(text: &str, damages: &[Damage]) -> String {
    let mut chars: Vec<char> = text.chars().collect();
    for damage in damages {
        let len = chars.len().max(1);
        match damage {
            Damage::Set(at, to) => {
                if let Some(place) = chars.get_mut(at % len) {
                    *place = *to;
                }
            }
            Damage::Insert(at, piece) => {
                let at = (at % len).min(chars.len());
                chars.splice(at..at, piece.chars());
            }
            Damage::Cut(at, length) => {
                let at = (at % len).min(chars.len());
                let end = (at + length).min(chars.len());
                chars.drain(at..end);
            }
            Damage::Copy(from, to, length) => {
                let from = (from % len).min(chars.len());
                let end = (from + length).min(chars.len());
                let piece = chars[from..end].to_vec();
                let to = (to % len).min(chars.len());
                chars.splice(to..to, piece);
            }
        }
    }
    chars.into_iter().collect()
}

/// The full case with some of its parts left out.
fn thinned(parts: u16) -> Case {
    let mut case = Case::parse(FULL).unwrap();
    let has = |part: u32| parts & (1 << part) != 0;
    let keep = |part, value: Option<_>| value.filter(|_| has(part));
    case.kev = case.kev.filter(|_| has(0));
    case.epss = case.epss.filter(|_| has(1));
    case.delta = case.delta.filter(|_| has(2));
    case.class = case.class.filter(|_| has(3));
    case.axes.state = keep(4, case.axes.state);
    case.axes.client = keep(5, case.axes.client);
    case.people.author = case.people.author.filter(|_| has(6));
    case.people.operator = case.people.operator.filter(|_| has(7));
    case.notes = case.notes.filter(|_| has(8));
    case.embargo_until = case.embargo_until.filter(|_| has(9));
    if let (true, Some(kev)) = (has(10), case.kev.as_mut()) {
        kev.listed = suture_case::values::List::default();
    }
    if has(11) {
        case.inputs = suture_case::inputs::Inputs::default();
    }
    if has(12) {
        case.title = "Another title".parse().unwrap();
        case.program.fixed = suture_case::values::List::default();
    }
    if has(13) {
        case.x = toml::Table::default();
    }
    case
}

/// The same text with each table in braces, as somebody may write it by hand.
fn toml_in_one_line(text: &str) -> String {
    let table: toml::Table = toml::from_str(text).unwrap();
    table.iter().fold(String::new(), |text, (key, value)| text + &format!("{key} = {value}\n"))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1500, ..ProptestConfig::default() })]

    #[test]
    fn a_broken_case(damages in proptest::collection::vec(damage(), 1..4)) {
        let text = damaged(FULL, &damages);
        match Case::parse(&text) {
            Ok(case) => {
                let written = case.to_text().unwrap();
                prop_assert_eq!(&Case::parse(&written).unwrap(), &case);
                prop_assert_eq!(&Case::parse(&case.edit(&text).unwrap()).unwrap(), &case);
                let _ = classify(&case, &suture_case::table::built_in().unwrap());
            }
            Err(error) => prop_assert!(error.line >= 1 && error.line <= text.matches('\n').count() + 1 && !error.what.is_empty()),
        }
    }

    /// Any case can be edited into any other, however its file is spelled.
    #[test]
    fn a_case_is_edited_into_another(from in any::<u16>(), to in any::<u16>(), inline in any::<bool>()) {
        let (from, to) = (thinned(from), thinned(to));
        let mut text = from.to_text().unwrap();
        if inline {
            text = toml_in_one_line(&text);
            prop_assert_eq!(&Case::parse(&text).unwrap(), &from);
        }
        let edited = to.edit(&text).unwrap();
        prop_assert_eq!(&Case::parse(&edited).unwrap(), &to, "{}", edited);
        prop_assert_eq!(to.edit(&edited).unwrap(), edited);
    }

    #[test]
    fn a_broken_catalogue(damages in proptest::collection::vec(damage(), 1..4)) {
        let _ = kev::look_up(&damaged(KEV, &damages), &ids(&["CVE-2022-24834", "CVE-2026-11111"]));
    }

    #[test]
    fn broken_scores(damages in proptest::collection::vec(damage(), 1..4)) {
        let _ = epss::look_up(&damaged(EPSS, &damages), &ids(&["CVE-2022-24834", "CVE-2026-11111"]));
    }

    #[test]
    fn a_broken_timeline(damages in proptest::collection::vec(damage(), 1..4)) {
        let text = damaged(timelines::sample().text(), &damages);
        if let Ok(timeline) = Timeline::parse(&text) {
            prop_assert_eq!(timeline.text(), text);
        }
    }

    #[test]
    fn a_broken_table(damages in proptest::collection::vec(damage(), 1..4)) {
        let _ = Table::parse(&damaged(include_str!("../../tables/cisa-bod-26-04.toml"), &damages));
    }
}

/// Depth costs stack, and is refused before it does.
#[test]
fn texts_that_are_deep() {
    const DEPTH: usize = 100_000;
    let deep = |open: &str, close: &str| open.repeat(DEPTH) + "1" + &close.repeat(DEPTH);
    let texts = [
        format!("x.y = {}", deep("[", "]")),
        format!("x.y = {}", deep("{a=", "}")),
        format!("x.{}b = 1", "a.".repeat(DEPTH)),
        format!("[x.{}b]\nc = 1", "a.".repeat(DEPTH)),
        format!("[[x.{}b]]\nc = 1", "a.".repeat(DEPTH)),
        format!("{{\"a\": {}}}", deep("[", "]")),
        deep("{\"a\":", "}"),
    ];
    for text in texts {
        let case = format!("{}{text}\n", crate::cases::LEAST.split("[program]").next().unwrap());
        let _ = Case::parse(&case).map(|case| case.to_text());
        let whole = format!("{}{text}\n", crate::cases::LEAST);
        let _ = Case::parse(&whole).map(|case| (case.to_text(), case.edit(&whole)));
        let _ = Table::parse(&text);
        assert!(
            Timeline::parse(&text).is_err()
                && kev::look_up(&text, &[]).is_err()
                && epss::look_up(&text, &[]).is_err()
        );
    }
}

/// What a reader quotes from a text does not act on a terminal.
#[test]
fn an_error_can_be_shown() {
    let text = crate::cases::LEAST.replace("tlp", "\"\\u001b[2J\\u202e\" = 1\ntlp");
    let error = Case::parse(&text).unwrap_err();
    assert!(error.what.contains("\\u{1b}[2J\\u{202e}"), "{error}");
}
