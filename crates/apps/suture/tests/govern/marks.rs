//! The consensus class is what the call graph shows, never what the author says: not without marks, not with marks that mark
//! nothing, and not with a report that was changed, where somebody has to have built the patch again.

use std::fs;
use std::path::Path;

use serde_json::Value;
use suture_delta::format;

use crate::office::{check, open, sign, sign_all};
use crate::patch::{self, json};
use crate::source::{C, bundle, reproduce, states};
use crate::transcript::run;

/// The rule of `docs/operate/classification.md` as a file of the policy, beside the default pack.
fn documented_rule(here: &Path) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../..");
    let text = fs::read_to_string(root.join("docs/operate/classification.md")).unwrap();
    let (_, rest) = text.split_once("```cedar\n").unwrap();
    let (rule, _) = rest.split_once("```").unwrap();
    let policy = here.join("trust/policy");
    fs::create_dir(&policy).unwrap();
    for entry in fs::read_dir(root.join("policies/default")).unwrap().map(Result::unwrap) {
        if entry.path().extension().is_some_and(|ending| ending == "cedar") {
            fs::copy(entry.path(), policy.join(entry.file_name())).unwrap();
        }
    }
    fs::write(policy.join("own.cedar"), rule).unwrap();
}

/// A bundle that its author declares to be local, made with this `suture.toml`, with all that such a patch needs.
fn declared_local(name: &str, marks: &str) -> std::path::PathBuf {
    let here = open(name);
    fs::write(here.join("suture.toml"), marks).unwrap();
    patch::bundle(&here);
    sign_all(&here, "fix.bundle");
    here
}

#[test]
fn a_class_that_nobody_has_computed_is_not_the_author_s_to_choose() {
    let rows =
        ["# nothing", "[critical]\nfunctions = []\n", "[critical]\nfunctions = [\"no_such_function\"]\n"];
    for (number, marks) in rows.into_iter().enumerate() {
        let here = declared_local(&format!("marks-{number}"), marks);
        let asked = ["policy", "check", "fix.bundle", "--trust", "trust"];
        assert_eq!(json(&here, 5, &asked)["class"], "replicated", "{marks}");
        let (missing, _) = check(&here, "fix.bundle", &[]);
        for rule in ["laxer-class-is-accepted", "replicated-goes-dark"] {
            assert!(missing.iter().any(|missing| missing == rule), "{missing:?}");
        }
        // Somebody of another team says with a reason that it is so.
        let laxer = ["--says", "laxer", "--reason", "it only changes what is printed"];
        sign(&here, "fix.bundle", "rob", "reviewer", &laxer);
        // That is no approval, and two teams are asked for what nobody has computed.
        let (missing, _) = check(&here, "fix.bundle", &[]);
        assert_eq!(missing, ["consensus-is-approved", "consensus-by-two-teams"]);
        sign(&here, "fix.bundle", "rob", "reviewer", &["--says", "approved"]);
        sign(&here, "fix.bundle", "cora", "commander", &[]);
        assert_eq!(check(&here, "fix.bundle", &[]), (Vec::new(), true));
        // What only another class asks for is not there, and not needed.
        let told = json(&here, 0, &asked);
        let dark = told["requirements"].as_array().unwrap().iter();
        let dark: Vec<_> = dark.filter(|row| row["rule"] == "replicated-goes-dark").collect();
        assert_eq!((&dark[0]["state"], dark.len()), (&"not-needed".into(), 1), "{told}");
        let text = String::from_utf8(run(&here, &asked).stdout).unwrap();
        assert!(
            text.lines().any(|line| line.trim_start().starts_with("not needed") && line.contains("--dark")),
            "{text}"
        );
    }
    let here = declared_local("marks-none", "[critical]\nnone = \"a single server\"\n");
    assert_eq!(check(&here, "fix.bundle", &[]), (Vec::new(), true));
}

#[test]
fn a_pattern_that_marks_nothing_is_told_with_its_place_and_its_cure() {
    let here = declared_local("marks-told", "[critical]\nfunctions = [\n\"check\",\n\"no_such_function\"]\n");
    let diff = ["diff", "--old", "server", "--new", "new"];
    let lost = &json(&here, 0, &diff)["unmatched"];
    let expected = serde_json::json!([{"mark": "consensus", "pattern": "no_such_function", "line": 4}]);
    assert_eq!(*lost, expected);
    for shown in [run(&here, &diff), run(&here, &["inspect", "fix.delta"])] {
        let text = String::from_utf8(shown.stdout).unwrap();
        for said in
            ["pattern-unmatched", "no_such_function", "suture.toml:4", "correct the pattern or take it out"]
        {
            assert!(text.contains(said), "`{said}` is not in\n{text}");
        }
    }
}

/// The call paths are taken out of the report, the code stays: the class is laxer, and only a second build tells.
#[test]
fn a_report_that_was_changed_is_found_by_who_builds_it_again() {
    let here = open("marks-edited");
    C.write(&here, "author");
    C.build(&here, "author", "fix", &[]);
    let mut delta = format::read(&fs::read(here.join("fix.delta")).unwrap()).unwrap();
    assert!(!delta.meta.report.critical.is_empty());
    delta.meta.report.critical.clear();
    let edited = format::write(&delta).unwrap();
    let mut record: Value = serde_json::from_slice(&fs::read(here.join("fix.delta.json")).unwrap()).unwrap();
    record["id"] = format::id(&edited).to_string().into();
    fs::write(here.join("fix.delta"), edited).unwrap();
    fs::write(here.join("fix.delta.json"), record.to_string()).unwrap();
    bundle(&here, &["fix"], &["fix.patch"]);
    sign_all(&here, "fix.bundle");
    assert_eq!(check(&here, "fix.bundle", &[]), (Vec::new(), true), "nobody has built it again");

    documented_rule(&here);
    assert_eq!(check(&here, "fix.bundle", &[]), (Vec::new(), true), "a canary may run it");
    fs::write(here.join("trust/node.toml"), "name = \"node-1\"\nlabels = [\"validator\"]\n").unwrap();
    assert_eq!(check(&here, "fix.bundle", &[]), (vec!["class-is-reproduced".to_owned()], false));
    let told = reproduce(&here, 5, "author", &["--key", "rob", "--as", "reviewer"]);
    assert_eq!(states(&told), ["different"]);
    let differences = told["deltas"][0]["differences"].as_array().unwrap();
    let row = differences
        .iter()
        .find(|row| row["what"] == "critical call paths")
        .unwrap_or_else(|| panic!("{told}"));
    assert_eq!(row["recorded"], "-");
    assert!(row["here"].as_str().unwrap().contains("main"), "{told}");
    assert_eq!(check(&here, "fix.bundle", &[]), (vec!["class-is-reproduced".to_owned()], false));
}

/// The same patch as it was made: what a second build confirms counts on a validator too.
#[test]
fn a_class_that_was_computed_twice_counts() {
    let here = open("marks-twice");
    C.write(&here, "author");
    fs::write(here.join("author/suture.toml"), "[critical]\nfunctions = [\"other\"]\n").unwrap();
    C.build(&here, "author", "fix", &[]);
    bundle(&here, &["fix"], &["fix.patch"]);
    sign_all(&here, "fix.bundle");
    documented_rule(&here);
    fs::write(here.join("trust/node.toml"), "name = \"node-1\"\nlabels = [\"validator\"]\n").unwrap();
    assert_eq!(check(&here, "fix.bundle", &[]), (vec!["class-is-reproduced".to_owned()], false));
    assert_eq!(states(&reproduce(&here, 0, "author", &["--key", "rob", "--as", "reviewer"])), ["same"]);
    assert_eq!(check(&here, "fix.bundle", &[]), (Vec::new(), true));
}
