//! The route of a case: before there is a delta, with one, and where the analysis makes none.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::delta::{MARKS, prepared};
use crate::directory::{directory, document, run};

const GRAVE: [&str; 4] =
    ["--cvss-v3", "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H", "--answer", "exposed=yes"];
const HARMLESS: [&str; 4] =
    ["--cvss-v3", "CVSS:3.1/AV:L/AC:H/PR:H/UI:R/S:U/C:L/I:N/A:N", "--answer", "exposed=no"];
const NEUTRAL: [&str; 8] = [
    "--axis",
    "consensus=none:r",
    "--axis",
    "state=none:r",
    "--axis",
    "client=none:r",
    "--answer",
    "exploitation=none",
];

fn classify(here: &Path, rest: &[&[&str]]) -> Value {
    let line: Vec<&str> = ["case", "classify", "one", "--by", "bob"]
        .into_iter()
        .chain(rest.iter().copied().flatten().copied())
        .collect();
    document(here, &line)
}

fn opened(name: &str, rest: &[&[&str]]) -> std::path::PathBuf {
    let here = directory(name);
    let line = ["case", "new", "one", "--title", "t", "--program", "p", "--by", "alice"];
    document(&here, &line.into_iter().chain(rest.iter().copied().flatten().copied()).collect::<Vec<_>>());
    here
}

fn rules_against<'a>(route: &'a Value, name: &str) -> Vec<&'a str> {
    let verdict =
        route["routes"].as_array().unwrap().iter().find(|verdict| verdict["route"] == name).unwrap();
    let against = verdict["rules"].as_array().unwrap().iter().filter(|rule| rule["forbids"] == true);
    against.map(|rule| rule["rule"].as_str().unwrap()).collect()
}

#[test]
fn what_is_grave_and_reachable_goes_hot() {
    let here = opened("hot", &[&GRAVE, &NEUTRAL]);
    let shown = document(&here, &["case", "show", "one"]);
    let route = &shown["route"];
    assert_eq!((&route["route"], &route["with_delta"]), (&"hot-patch".into(), &false.into()));
    assert_eq!(route["assumed"], Value::Array(Vec::new()));
    let roles: Vec<&str> =
        route["roles"].as_array().unwrap().iter().map(|role| role["role"].as_str().unwrap()).collect();
    assert_eq!(roles, ["commander", "author", "reviewer", "operator"]);
    assert!(
        shown["timeline"][0]["what"].as_str().unwrap().contains("route hot-patch"),
        "{}",
        shown["timeline"]
    );
    // The same question, written down and asked again.
    let facts = run(&here, &["case", "show", "one", "--facts"]);
    fs::write(here.join("facts.toml"), &facts.stdout).unwrap();
    let asked = document(&here, &["policy", "route", "--facts", "facts.toml"]);
    assert_eq!((&asked["route"], &asked["due"]), (&route["route"], &route["due"]));
    let named = document(&here, &["policy", "route", "one"]);
    assert_eq!(named["routes"], asked["routes"]);
}

#[test]
fn what_nobody_is_in_a_hurry_about_is_a_full_update() {
    let here = opened(
        "calm",
        &[
            &HARMLESS,
            &NEUTRAL,
            &[
                "--answer",
                "automatable=no",
                "--answer",
                "technical-impact=partial",
                "--answer",
                "mission-wellbeing=low",
                "--answer",
                "system-exposure=small",
                "--answer",
                "human-impact=low",
            ],
        ],
    );
    let route = &document(&here, &["case", "show", "one"])["route"];
    // KEV was not looked at: the due day is the worst that is possible, and still more than two weeks away.
    assert_eq!(route["route"], "full-update", "{route}");
}

/// What nobody has said is taken for the worst and named; that it is exploited has to be said.
#[test]
fn open_answers_are_named() {
    let here = opened("open-answers", &[]);
    let route = &document(&here, &["case", "show", "one"])["route"];
    let assumed: Vec<&str> =
        route["assumed"].as_array().unwrap().iter().map(|words| words.as_str().unwrap()).collect();
    assert_eq!(
        assumed,
        [
            "its severity is critical",
            "it is not exploited",
            "attackers can reach it",
            "the fix changes what nodes agree on",
            "the fix changes what is stored",
            "the fix changes what clients see",
        ]
    );
    assert_eq!(rules_against(route, "hot-patch"), ["replicated-only-if-exploited"]);
}

#[test]
fn a_switch_comes_before_a_delta_that_does_not_exist_yet() {
    let exploited = ["--answer", "exploitation=active"];
    let here = opened("switch", &[&GRAVE, &NEUTRAL[..6], &exploited, &["--toggle", "CONFIG SET lua off"]]);
    let route = &document(&here, &["case", "show", "one"])["route"];
    assert_eq!(route["route"], "mitigate-by-toggle");
    assert_eq!(rules_against(route, "hot-patch"), ["toggle-until-there-is-a-delta"]);
    let without = classify(&here, &[&["--no-toggle"]]);
    assert_eq!(without["route"]["route"], "hot-patch");
    let what = without["timeline"][1]["what"].as_str().unwrap();
    assert_eq!(what, "no switch turns it off; route hot-patch instead of mitigate-by-toggle");
}

/// The call graph shows that consensus depends on it: what was a hot patch is none once the delta is there.
#[test]
fn a_delta_changes_the_route() {
    let here = prepared("route-replicated", "-DFIX_CHECK", Some(MARKS));
    let before = classify(&here, &[&GRAVE, &NEUTRAL]);
    assert_eq!(before["route"]["route"], "hot-patch");
    let after = classify(&here, &[&["--delta", "fix.delta", "--class", "replicated:check decides validity"]]);
    assert_eq!(
        (&after["route"]["route"], &after["route"]["with_delta"]),
        (&"full-update".into(), &true.into())
    );
    assert_eq!(rules_against(&after["route"], "hot-patch"), ["replicated-only-if-exploited"]);
    assert_eq!(after["case"]["delta"]["functions"], 1);
    let length = fs::metadata(here.join("fix.delta")).unwrap().len();
    assert_eq!(after["case"]["delta"]["bytes"], length);
    let local = prepared("route-local", "-DFIX_ALONE", Some(MARKS));
    let hot =
        classify(&local, &[&GRAVE, &NEUTRAL, &["--delta", "fix.delta", "--class", "local:a bounds check"]]);
    assert_eq!((&hot["route"]["route"], &hot["route"]["with_delta"]), (&"hot-patch".into(), &true.into()));
}

/// A delta that was made without marks counts as the strictest, whatever its author declares.
#[test]
fn an_unmarked_delta_is_not_taken_for_harmless() {
    let here = prepared("route-unmarked", "-DFIX_ALONE", None);
    let undeclared = classify(&here, &[&GRAVE, &NEUTRAL, &["--delta", "fix.delta"]]);
    assert_eq!(undeclared["route"]["route"], "full-update");
    let declared = classify(&here, &[&["--class", "local:a bounds check"]]);
    assert_eq!(declared["route"]["route"], "full-update");
    assert_eq!(rules_against(&declared["route"], "hot-patch"), ["replicated-only-if-exploited"]);
}

#[test]
fn an_analysis_that_makes_no_delta_leads_to_the_full_update() {
    let here = prepared("route-refused", "-DFIX_ALONE", Some(MARKS));
    classify(&here, &[&GRAVE, &NEUTRAL]);
    let hot = run(&here, &["diff", "--json", "--old", "old", "--new", "new"]);
    fs::write(here.join("hot.json"), &hot.stdout).unwrap();
    let refused = run(&here, &["diff", "--json", "--old", "old", "--new", "old"]);
    fs::write(here.join("refused.json"), &refused.stdout).unwrap();
    let wrong = run(&here, &["case", "classify", "one", "--analysis", "hot.json", "--by", "bob"]);
    assert_eq!(wrong.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&wrong.stderr).contains("give its delta with --delta"));
    let found = classify(&here, &[&["--analysis", "refused.json", "--class", "local:a bounds check"]]);
    assert_eq!(found["route"]["route"], "full-update");
    assert_eq!(rules_against(&found["route"], "hot-patch"), ["analysis-says-full-update"]);
    assert!(found["case"]["full_update"]["reasons"][0].as_str().is_some_and(|why| !why.is_empty()));
    // A delta that is made after all takes its place.
    let later = classify(&here, &[&["--delta", "fix.delta"]]);
    assert!(later["case"]["full_update"].is_null());
}

/// The rules of a trust directory decide, and its people are those who could fill the roles.
#[test]
fn rules_and_people_are_those_of_the_trust_directory() {
    let here = opened("own-rules", &[&GRAVE, &NEUTRAL]);
    fs::create_dir_all(here.join("trust/policy")).unwrap();
    fs::write(here.join("trust/root.toml"), "schema = 1\n").unwrap();
    let rule = "@id(\"never-hot\")\n@says(\"We restart.\")\n@roles(\"operator\")\n\
                permit (principal, action == Action::\"full-update\", resource);\n";
    fs::write(here.join("trust/policy/own.cedar"), rule).unwrap();
    let route = &document(&here, &["case", "show", "one", "--trust", "trust"])["route"];
    assert_eq!(
        (&route["route"], &route["rules_of"]),
        (&"full-update".into(), &"the rules of `trust`".into())
    );
    assert_eq!(route["roles"][0]["could"], Value::Array(Vec::new()));
}
