//! `case.toml`: read, written, edited, and refused with its place.

use suture_case::model::{Axis, Impact, Judged};
use suture_case::names::Role;
use suture_case::{Case, inputs::Input};

/// A case with everything in it.
pub(crate) const FULL: &str = r#"# Keep this comment.
schema = 1
id = "redis-2023-24834"
title = "Heap overflow in cjson"
ids = ["CVE-2022-24834", "GHSA-p8x2-9v9q-c838"]
opened = "2023-07-10T08:00:00Z"
detected = "2023-07-09T22:00:00Z"   # by the pager
tlp = "amber+strict"
embargo_until = "2023-07-20T12:00:00Z"
notes = """
Reported by mail.
Reproduced on 7.0.11."""

[program]
name = "redis-server"
affected = [">=7.0.0, <7.0.12"]
fixed = ["7.0.12"]

[severity]
cvss_v3 = "CVSS:3.1/AV:N/AC:L/PR:L/UI:N/S:U/C:H/I:H/A:H"
cvss_v4 = "CVSS:4.0/AV:N/AC:L/AT:N/PR:L/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N"

[inputs]
exposed = "no"
automatable = "yes"
technical_impact = "total"
exploitation = "public-poc"
mission_wellbeing = "medium"
system_exposure = "controlled"
human_impact = "very-high"

[axes.consensus]
impact = "none"
reason = "Lua runs on one node; what is replicated is the effect."

[axes.state]
impact = "indirect"
reason = "A corrupted heap may be written to disk."

[axes.client]
impact = "direct"
reason = "Scripts with huge strings get an error."

[class]
declared = "local"
reason = "A bounds check that changes no valid output."

[people.commander]
name = "alice@example.org"
team = "response"

[people.author]
name = "bob@example.org"
team = "core"

[people.reviewer]
name = "carol@example.org"
team = "security"

[people.operator]
name = "dave@example.org"

[kev]
catalog = "2026.10.30"
released = "2026-10-30T17:02:45.3665Z"
asked = ["CVE-2022-24834"]

[[kev.listed]]
cve = "CVE-2022-24834"
added = "2023-08-01"
due = "2023-08-22"
ransomware = false

[epss]
model = "v2025.03.14"
date = "2026-10-30T12:55:00Z"

[[epss.scores]]
cve = "CVE-2022-24834"
epss = "0.73123"
percentile = "0.98001"

[delta]
id = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
program = "redis-server"
build_id = "deadbeef"
bytes = 9600
functions = 1
data = 0
layouts = 0
hooks = false
paths = 1
groups = ["consensus", "protocol"]
by_pointer = ["json_encode"]

[[delta.touches]]
group = "protocol"
function = "json_encode"
relation = "called-by"
marked = "processCommand"

[x.tracker]
ticket = 42
"#;
/// The least that a case says.
pub(crate) const LEAST: &str = "schema = 1\nid = \"a\"\ntitle = \"b\"\nopened = \"2026-01-01T00:00:00Z\"\n\
detected = \"2026-01-01T00:00:00Z\"\ntlp = \"red\"\n[program]\nname = \"c\"\n";

#[test]
fn a_case_is_written_as_it_was_read() {
    for text in [FULL, LEAST] {
        let case = Case::parse(text).unwrap();
        let written = case.to_text().unwrap();
        let again = Case::parse(&written).unwrap();
        assert_eq!(again, case);
        assert_eq!(again.to_text().unwrap(), written);
        assert!(!written.contains("score ="), "scores are computed:\n{written}");
    }
}

#[test]
fn an_edit_changes_what_changed_and_nothing_else() {
    let case = Case::parse(FULL).unwrap();
    assert_eq!(case.edit(FULL).unwrap(), FULL);

    let mut changed = case.clone();
    changed.title = "Heap overflow in cjson, twice".parse().unwrap();
    changed.inputs.set(Input::Exposed, "yes").unwrap();
    changed.people.set(Role::Operator, None);
    changed.detected = "2023-07-08T22:00:00Z".parse().unwrap();
    let text = changed.edit(FULL).unwrap();
    let expected = FULL
        .replace("in cjson\"", "in cjson, twice\"")
        .replace("exposed = \"no\"", "exposed = \"yes\"")
        .replace("\"2023-07-09T22:00:00Z\"   # by", "\"2023-07-08T22:00:00Z\"   # by")
        .replace("[people.operator]\nname = \"dave@example.org\"\n\n", "");
    assert_eq!(text, expected);
    assert_eq!(Case::parse(&text).unwrap(), changed);
}

#[test]
fn what_is_new_stands_behind_what_was_there() {
    let mut case = Case::parse(LEAST).unwrap();
    let judged = Judged { impact: Impact::None, reason: "no \"path\"".parse().unwrap() };
    case.axes.set(Axis::State, judged);
    case.people.set(Role::Author, Some("bob:core".parse().unwrap()));
    case.embargo_until = Some("2026-02-01T00:00:00Z".parse().unwrap());
    let text = case.edit(LEAST).unwrap();
    assert_eq!(Case::parse(&text).unwrap(), case);
    assert!(text.starts_with("schema = 1\nid = \"a\"\n"), "{text}");
    assert!(text.find("embargo_until").unwrap() < text.find("[program]").unwrap(), "{text}");
    assert!(text.find("[program]").unwrap() < text.find("[axes.state]").unwrap(), "{text}");
}

/// Keys of one's own stand under `[x]`; all others are known.
#[test]
fn what_is_wrong_is_told_with_its_place() {
    let rows = [
        (
            LEAST.replace("tlp", "embargo_untill = \"2026-01-01T00:00:00Z\"\ntlp"),
            6,
            1,
            "unknown field `embargo_untill`",
        ),
        (LEAST.replace("schema = 1", "schema = 2"), 1, 10, "this is version 2"),
        (LEAST.replace("\"a\"", "\"../a\""), 2, 6, "is no id of a case"),
        (LEAST.replace("\"b\"", "\"\""), 3, 9, "an empty text"),
        (LEAST.replace("\"b\"", "\"\\u001b[2J\""), 3, 9, "can't be shown"),
        (LEAST.replace("\"red\"", "\"orange\""), 6, 7, "\"orange\" is no TLP label"),
        (
            LEAST.replace("detected = \"2026-01-01T00:00:00Z\"", "detected = \"today\""),
            5,
            12,
            "\"today\" is no time",
        ),
        (LEAST.replace("title = \"b\"", "title = \"b\"\ntitle = \"c\""), 4, 1, "duplicate key"),
        (LEAST.replace("[program]\nname = \"c\"\n", ""), 1, 1, "missing field `program`"),
        (LEAST.replace("tlp", "ids = [\"CVE-12\"]\ntlp"), 6, 7, "\"CVE-12\" is no id of a vulnerability"),
        (format!("{LEAST}[severity]\nscore = 9.8\n"), 10, 1, "unknown field `score`"),
        (format!("{LEAST}[severity]\ncvss_v3 = \"9.8\"\n"), 10, 11, "is no CVSS v3.1 vector"),
        (format!("{LEAST}[inputs]\nexposed = true\n"), 10, 11, "expected a string"),
        (format!("{LEAST}[inputs]\nin_kev = \"yes\"\n"), 10, 1, "unknown field `in_kev`"),
        (format!("{LEAST}[axes.state]\nimpact = \"none\"\n"), 9, 1, "missing field `reason`"),
        (format!("{LEAST}[class]\ndeclared = \"local\"\nreason = \"\"\n"), 11, 10, "an empty text"),
        (format!("{LEAST}due = \"2026-01-01\"\n"), 9, 1, "unknown field `due`"),
        (format!("{LEAST}x = 1"), 9, 1, "unknown field `x`"),
        ("title =".to_owned(), 1, 8, ""),
        (format!("# {}\n{LEAST}", "x".repeat(1 << 20)), 1, 1, "where at most 1048576 may be"),
        (
            LEAST.replace("tlp", &format!("ids = [{}]\ntlp", "\"CVE-2026-1234\",".repeat(65))),
            6,
            7,
            "at most 64",
        ),
    ];
    for (text, line, column, expected) in rows {
        let error = Case::parse(&text).unwrap_err();
        assert!(error.what.contains(expected), "{expected}: {error}");
        assert_eq!((error.line, error.column), (line, column), "{error}");
        assert!(!error.help.is_empty());
    }
}
