//! The consensus class is what call graph and data show, and not what the author says: not without marks, not with marks that mark
//! nothing, and not with a report that was changed, where somebody has to have built the patch again.

use std::fs;
use std::path::Path;

use serde_json::Value;
use suture_delta::format;
use suture_delta::report::Way;

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
    let rows = ["# nothing", "[critical]\nfunctions = [\"no_such_function\"]\n"];
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

/// What looks like marks and is none.
#[test]
fn a_file_that_marks_nothing_by_a_slip_is_refused_with_the_place() {
    let here = open("marks-slips");
    patch::bundle(&here);
    let rows = [
        ("[Critical]\nfunctions = [\"check\"]\n", "line 1, column 2: unknown 'Critical'"),
        ("[critical]\nfunctions = []\n", "line 1, column 1: it marks nothing as consensus"),
    ];
    for (marks, why) in rows {
        fs::write(here.join("suture.toml"), marks).unwrap();
        let told = json(&here, 2, &["diff", "--old", "server", "--new", "new"]);
        assert!(told["error"]["why"].as_str().unwrap().starts_with(why), "{told}");
    }
}

/// `validate` reads a table, of which one element changes: its code stays, and what it answers does not.
const TABLE: &str = "#include <stdio.h>\n#include <unistd.h>\nconst int block_limit[4] = {10, 20, 30, 40};\n\
    __attribute__((noinline)) int validate(int x) { return x < block_limit[x & 3]; }\n\
    __attribute__((noinline)) int hello(int c) { printf(\"valid %d\\n\", c); return c; }\n\
    int main(void) { for (;;) { hello(validate(35)); fflush(stdout); usleep(20000); } }\n";

/// A bundle of the delta between two sources, with all that a local patch needs, and `validate` marked.
fn of_sources(name: &str, old: &str, new: &str) -> std::path::PathBuf {
    let here = open(name);
    fs::write(here.join("suture.toml"), "[critical]\nfunctions = [\"validate\"]\n").unwrap();
    patch::compile(&here, "server", old);
    patch::compile(&here, "new", new);
    json(&here, 0, &["diff", "--old", "server", "--new", "new", "-o", "fix.delta"]);
    patch::dossier(&here, &["fix.delta"]);
    patch::bundle_of_fix(&here);
    sign_all(&here, "fix.bundle");
    here
}

#[test]
fn data_that_marked_code_reads_is_its_change() {
    let here = of_sources("marks-data", TABLE, &TABLE.replace("30, 40", "30, 20"));
    let asked = ["policy", "check", "fix.bundle", "--trust", "trust"];
    let told = json(&here, 5, &asked);
    assert_eq!(told["class"], "replicated");
    let because = told["class_because"][0].as_str().unwrap();
    let text = String::from_utf8(run(&here, &asked).stdout).unwrap();
    let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(words(&text).contains(&words(because)), "{because}\n{text}");
    let (missing, allowed) = check(&here, "fix.bundle", &[]);
    assert!(!allowed && missing.iter().any(|rule| rule == "laxer-class-is-accepted"), "{missing:?}");
    let text = String::from_utf8(run(&here, &["inspect", "fix.delta"]).stdout).unwrap();
    for said in ["who refers to data that changes", "used by validate", "validate refers to block_limit"] {
        assert!(text.contains(said), "`{said}` is not in\n{text}");
    }
}

/// A hook runs once in every process that is patched.
#[test]
fn a_hook_that_calls_marked_code_is_no_local_change() {
    let hook = "int suture_post_apply(void *c) { (void)c; return validate(3) > 5; }\n";
    let here = of_sources("marks-hook", TABLE, &format!("{}{hook}", TABLE.replace("valid %d", "value %d")));
    assert_eq!(json(&here, 5, &["policy", "check", "fix.bundle", "--trust", "trust"])["class"], "wire");
    let here = of_sources("marks-no-hook", TABLE, &TABLE.replace("valid %d", "value %d"));
    assert_eq!(check(&here, "fix.bundle", &[]), (Vec::new(), true), "an ordinary fix is local");
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
    assert_eq!(delta.meta.schema, 4, "what was followed is told");
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

/// A report that says that less was looked at differs too: `reproduce` compares what was followed.
#[test]
fn what_was_followed_is_compared() {
    let here = open("marks-followed");
    C.write(&here, "author");
    C.build(&here, "author", "fix", &[]);
    let mut delta = format::read(&fs::read(here.join("fix.delta")).unwrap()).unwrap();
    assert_eq!(delta.unseen(), Vec::<String>::new());
    delta.meta.report.followed.retain(|way| *way != Way::Inlined);
    let edited = format::write(&delta).unwrap();
    let mut record: Value = serde_json::from_slice(&fs::read(here.join("fix.delta.json")).unwrap()).unwrap();
    record["id"] = format::id(&edited).to_string().into();
    fs::write(here.join("fix.delta"), edited).unwrap();
    fs::write(here.join("fix.delta.json"), record.to_string()).unwrap();
    bundle(&here, &["fix"], &["fix.patch"]);
    let told = reproduce(&here, 5, "author", &[]);
    let differences = told["deltas"][0]["differences"].as_array().unwrap();
    let row = differences.iter().find(|row| row["what"] == "what was not followed to the marks");
    let row = row.unwrap_or_else(|| panic!("{told}"));
    assert!(row["recorded"].as_str().unwrap().contains("inlined"), "{told}");
    assert_eq!(row["here"], "-");
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
