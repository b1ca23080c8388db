//! What follows from a case, and the documents that say it.

use suture_case::consensus::Class;
use suture_case::inputs::{Exploitation, Input};
use suture_case::names::Role;
use suture_case::plan::{Stage, StepKind};
use suture_case::selection::selection_list;
use suture_case::severity::Rating;
use suture_case::table::built_in;
use suture_case::values::List;
use suture_case::{Case, Classification, classify, kev};

use crate::cases::{FULL, LEAST};
use crate::foreign;
use crate::sources::{KEV, ids};

fn classified(case: &Case) -> Classification {
    classify(case, &built_in().unwrap())
}

fn full() -> Case {
    Case::parse(FULL).unwrap()
}

#[test]
fn a_full_case_is_decided() {
    let found = classified(&full());
    assert_eq!(found.severity.rating, Some(Rating::High));
    assert_eq!(found.severity.v3.as_ref().unwrap().score(), "8.8");
    let rows: Vec<_> =
        found.urgency.iter().map(|u| (u.table.as_str(), u.row, u.key.as_str(), u.decided)).collect();
    // In KEV, not exposed, automatable, total; exploited because it is listed.
    let expected = [
        ("cisa-bod-26-04", 13, "3DF", true),
        ("ssvc-coordinator", 34, "AC", true),
        ("ssvc-deployer", 63, "O", true),
    ];
    assert_eq!(rows, expected);
    assert_eq!(found.exploitation, Some(Exploitation::Active));
    let due = found.due.unwrap();
    // Detected before it was listed: the earlier day counts.
    assert_eq!(
        (due.from.to_string().as_str(), due.since, due.day.to_string().as_str()),
        ("2023-07-09", "detected", "2023-07-12")
    );
    assert_eq!(due.ends_unix_s, 1_689_206_400);
    assert_eq!((found.class.counts, found.class.is_laxer), (Some(Class::Wire), true));
    assert!(found.missing.is_empty() && found.reviewer_not_independent.is_none());
    let steps: Vec<_> = found.steps.iter().map(|step| (step.kind.clone(), step.before)).collect();
    assert_eq!(
        steps,
        [(StepKind::ApproveLaxerClass, Stage::Approval), (StepKind::CaptureEvidence, Stage::Patch)]
    );
}

#[test]
fn days_count_from_the_listing_if_that_was_earlier() {
    let mut case = full();
    case.detected = "2023-09-01T00:00:00Z".parse().unwrap();
    let due = classified(&case).due.unwrap();
    assert_eq!((due.since, due.day.to_string().as_str()), ("listed in KEV", "2023-08-04"));
}

/// Severity changes no urgency, and so no deadline.
#[test]
fn cvss_alone_never_sets_a_deadline() {
    for text in [FULL, LEAST] {
        let mut case = Case::parse(text).unwrap();
        let vectors = [
            None,
            Some("CVSS:3.1/AV:P/AC:H/PR:H/UI:R/S:U/C:N/I:N/A:N"),
            Some("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:C/C:H/I:H/A:H"),
        ];
        let mut found = vectors.map(|vector| {
            case.severity.cvss_v3 = vector.map(|vector| vector.parse().unwrap());
            let found = classified(&case);
            (found.urgency, found.due, found.steps)
        });
        found.rotate_left(1);
        assert!(found[0] == found[1] && found[1] == found[2]);
    }
}

#[test]
fn a_case_with_nothing_in_it_is_as_bad_as_can_be() {
    let found = classified(&Case::parse(LEAST).unwrap());
    assert_eq!(found.missing, Role::ALL);
    assert_eq!((found.class.counts, found.in_kev, found.severity.rating), (None, None, None));
    let due = found.due.unwrap();
    assert_eq!((due.decided, due.day.to_string().as_str()), (false, "2026-01-04"));
    let asked: Vec<Input> = found
        .steps
        .iter()
        .filter_map(|step| match step.kind {
            StepKind::Answer { input } => Some(input),
            _ => None,
        })
        .collect();
    assert_eq!(asked, Input::ALL);
    let stages: Vec<Stage> = found.steps.iter().map(|step| step.before).collect();
    assert!(stages.is_sorted(), "steps stand in the order in which they have to happen");
    assert!(found.steps.iter().any(|step| step.kind == StepKind::DeclareClass));
}

#[test]
fn an_answer_that_can_not_matter_is_not_asked_for() {
    let mut case = full();
    case.kev = Some(
        kev::look_up(&KEV.replace("CVE-2022-24834", "CVE-2022-99999"), &ids(&["CVE-2022-24834"])).unwrap(),
    );
    case.inputs.set(Input::Automatable, "no").unwrap();
    case.inputs.technical_impact = None;
    let bod = classified(&case).urgency.remove(0);
    // Not in KEV, not exposed, not automatable: at the next upgrade, whatever the impact.
    assert_eq!((bod.key.as_str(), bod.decided, bod.open.len(), bod.due), ("FSU", true, 0, None));
    case.inputs.automatable = None;
    case.inputs.set(Input::TechnicalImpact, "total").unwrap();
    let bod = classified(&case).urgency.remove(0);
    assert_eq!((bod.key.as_str(), bod.decided, bod.open), ("60D", false, vec![Input::Automatable]));
}

/// What was looked up counts for the ids that it was looked up for.
#[test]
fn an_id_that_came_later_was_not_looked_up() {
    let mut case = full();
    case.kev = Some(kev::look_up(KEV, &ids(&["CVE-2022-24834"])).unwrap());
    assert_eq!(case.in_kev(), Some(true));
    case.ids = List::new(ids(&["CVE-2026-99999"])).unwrap();
    assert_eq!((case.in_kev(), case.listed().count()), (None, 0));
    let found = classified(&case);
    assert!(found.urgency[0].open.contains(&Input::InKev));
    assert!(found.notes.iter().any(|note| note.starts_with("an id has come")), "{:?}", found.notes);
    case.kev = Some(kev::look_up(KEV, &ids(&["CVE-2026-99999"])).unwrap());
    assert_eq!(case.in_kev(), Some(false));
    case.ids = List::default();
    assert_eq!(case.in_kev(), Some(false), "KEV lists nothing that has no CVE id");
}

#[test]
fn exploited_but_not_listed_is_told() {
    let mut case = full();
    case.kev = Some(
        kev::look_up(&KEV.replace("CVE-2022-24834", "CVE-2022-99999"), &ids(&["CVE-2022-24834"])).unwrap(),
    );
    case.inputs.set(Input::Exploitation, "active").unwrap();
    let found = classified(&case);
    assert_eq!(found.urgency[0].key, "60D");
    assert!(
        found.notes.iter().any(|note| note.contains("act as if it were") && note.contains("row 13")),
        "{:?}",
        found.notes
    );
}

#[test]
fn independence_is_of_another_team() {
    let rows = [
        ("bob:core", "carol:security", None),
        ("bob:core", "carol:core", Some("both of core")),
        ("bob:core", "bob:security", Some("is the author")),
        ("bob:core", "carol", Some("not both known")),
        ("bob", "carol", Some("not both known")),
    ];
    for (author, reviewer, expected) in rows {
        let mut case = full();
        case.people.set(Role::Author, Some(author.parse().unwrap()));
        case.people.set(Role::Reviewer, Some(reviewer.parse().unwrap()));
        let found = classified(&case);
        match (&found.reviewer_not_independent, expected) {
            (Some(why), Some(expected)) => assert!(why.contains(expected), "{why}"),
            (why, expected) => {
                assert_eq!((why.is_some(), expected.is_some()), (false, false), "{author} {reviewer}");
            }
        }
    }
}

/// The selection list is what CERT/CC's own schema says, for full and for empty cases.
#[test]
fn selections_are_valid_by_the_published_schema() {
    let tables = built_in().unwrap();
    let schema = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/schema/SelectionList_2_0_0.schema.json");
    let check = foreign::place("pypi", &["check-jsonschema==0.39.0"]).join("bin/check-jsonschema");
    let directory = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("selections");
    std::fs::create_dir_all(&directory).unwrap();
    let mut lists = Vec::new();
    for (name, text) in [("full", FULL), ("least", LEAST)] {
        let case = Case::parse(text).unwrap();
        let found = classify(&case, &tables);
        let list = selection_list(&case, &tables, &found.urgency, case.opened);
        let path = directory.join(format!("{name}.json"));
        std::fs::write(&path, serde_json::to_vec(&list).unwrap()).unwrap();
        let output =
            std::process::Command::new(&check).args(["--schemafile", schema]).arg(&path).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
        lists.push(serde_json::to_value(&list).unwrap());
    }
    let keys = |list: &serde_json::Value, key: &str| -> Vec<String> {
        let selections = list["selections"].as_array().unwrap();
        let found: Vec<_> = selections.iter().filter(|selection| selection["key"] == key).collect();
        assert_eq!(found.len(), 1, "{key} is selected once");
        found[0]["values"]
            .as_array()
            .unwrap()
            .iter()
            .map(|value| value["key"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(
        (keys(&lists[0], "KEV"), keys(&lists[0], "A"), keys(&lists[0], "BOD2604")),
        (vec!["Y".into()], vec!["Y".into()], vec!["3DF".into()])
    );
    assert_eq!(keys(&lists[1], "E"), ["N", "P", "A"]);
    assert_eq!(keys(&lists[1], "CISA"), ["T", "T*", "AT", "AC"]);
}
