//! Transcripts of `suture policy`: what is typed, what comes out where, and with which code.

mod transcript;

use std::path::Path;

use transcript::{directory, run, transcript};

/// A question about a patch that touches consensus in an emergency: something is there, missing, owed and set aside.
const QUESTION: &str = r#"
ask = "run"
now = 2026-03-01T12:00:00Z
node = { name = "store-1" }
emergency = { started = 2026-03-01T06:00:00Z, ends = 2026-03-04T06:00:00Z }
statements = [
  { by = "ann", kind = "authored" },
  { by = "ann", kind = "reviewed" },
  { by = "bot", kind = "rehearsed" },
  { by = "cora", kind = "declared-emergency" },
  { by = "eve", kind = "approved", at = 2026-03-01T11:00:00Z },
]
people = [
  { name = "ann", team = "core", roles = ["author", "reviewer"] },
  { name = "rob", team = "security", roles = ["reviewer"] },
  { name = "cora", team = "ops", roles = ["commander"] },
  { name = "bot", team = "build", roles = ["builder"] },
]

[patch]
digest = "6a1c"
verdict = "hot"
computed = "wire"
declared = "wire"
bytes = 9000
functions = 2
data = 0
types = 3
critical = 1
layouts = 0
hooks = false
"#;

const CASE: &str = r#"
[case]
id = "SUT-2026-001"
owner = "core"
severity = "critical"
score = 9.8
exploited = false
exposed = true
impact = { consensus = "none", state = "indirect", client = "direct" }
toggle = false
opened = 2026-03-01T08:00:00Z
"#;

fn write(directory: &Path, name: &str, text: &str) {
    let path = directory.join(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
}

/// A small pack of an operator's own, with its cases.
fn own_pack(directory: &Path) {
    let rules = "@id(\"all\")\n@says(\"Everything may run.\")\npermit (principal is Node, action == Action::\"run\", resource);\n\n\
         @id(\"validators-by-operator\")\n@says(\"On validators an operator approves.\")\n@needs(\"an approval by an operator\")\n@cure(\"approve\")\n\
         forbid (principal is Node, action == Action::\"run\", resource)\nwhen { principal.labels.contains(\"validator\") }\n\
         unless { context.signed.approve.roles.contains(Role::\"operator\") };\n";
    write(directory, "own/rules.cedar", rules);
}

fn own_cases(expect: &str) -> String {
    let patch = QUESTION.split("[patch]").nth(1).unwrap();
    format!(
        "[base]\nask = \"run\"\nnow = 2026-03-01T12:00:00Z\nnode = {{ name = \"v1\", labels = [\"validator\"] }}\n\n[base.patch]{patch}\n\
         [[cases]]\nname = \"a validator\"\nexpect = \"{expect}\"\nrules = [\"validators-by-operator\"]\n\n\
         [[cases]]\nname = \"no validator\"\nnode = {{ labels = [] }}\nexpect = \"allow\"\n"
    )
}

#[test]
fn the_manual() {
    let here = directory("policy-manual");
    for command in [&["policy", "--help"][..], &["policy", "try", "--help"], &["policy", "test", "--help"]] {
        insta::assert_snapshot!(transcript(&here, command));
    }
}

#[test]
fn the_default_pack_shown_and_tested() {
    let here = directory("policy-default");
    insta::assert_snapshot!(transcript(&here, &["policy", "show"]));
    insta::assert_snapshot!(transcript(&here, &["policy", "show", "--rule", "independent-review"]));
    insta::assert_snapshot!(transcript(&here, &["policy", "show", "--rule", "no-such-rule"]));
    insta::assert_snapshot!(transcript(&here, &["policy", "test", "--strict"]));
    let from_source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../policies/default");
    let output = run(&here, &["policy", "test", "--json", from_source.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(0));
    let document: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&document["schema"], &document["failed"]), (&1.into(), &0.into()));
    assert!(document["passed"].as_u64().unwrap() >= 25);
}

#[test]
fn a_question_about_a_patch() {
    let here = directory("policy-try");
    write(&here, "question.toml", QUESTION);
    insta::assert_snapshot!(transcript(&here, &["policy", "try", "question.toml"]));
    let output = run(&here, &["policy", "try", "question.toml", "--json"]);
    assert_eq!(output.status.code(), Some(5));
    let document: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    insta::assert_snapshot!(serde_json::to_string_pretty(&document).unwrap());
    let approved = QUESTION.replace("{ by = \"eve\"", "{ by = \"rob\"");
    write(&here, "approved.toml", &approved);
    insta::assert_snapshot!(transcript(&here, &["policy", "try", "approved.toml"]));
}

#[test]
fn the_route_of_a_case() {
    let here = directory("policy-route");
    let before = QUESTION.split("[patch]").next().unwrap().replace("emergency =", "# emergency =");
    write(&here, "before.toml", &format!("{before}{CASE}"));
    insta::assert_snapshot!(transcript(&here, &["policy", "route", "--facts", "before.toml"]));
    let with_delta = QUESTION.replace("verdict = \"hot\"", "verdict = \"full-update\"");
    write(&here, "with-delta.toml", &format!("{with_delta}{CASE}"));
    insta::assert_snapshot!(transcript(&here, &["policy", "route", "--facts", "with-delta.toml"]));
    let output = run(&here, &["policy", "route", "--facts", "with-delta.toml", "--json"]);
    let document: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&document["schema"], &document["route"]), (&1.into(), &"full-update".into()));
}

#[test]
fn an_operators_own_pack() {
    let here = directory("policy-own");
    own_pack(&here);
    write(&here, "own/tests/cases.toml", &own_cases("deny"));
    insta::assert_snapshot!(transcript(&here, &["policy", "test", "own"]));
    write(
        &here,
        "own/tests/cases.toml",
        &own_cases("deny").replace("expect = \"allow\"", "expect = \"deny\"\nrules = [\"all\"]"),
    );
    insta::assert_snapshot!(transcript(&here, &["policy", "test", "own"]));
    write(&here, "question.toml", QUESTION);
    insta::assert_snapshot!(transcript(&here, &["policy", "try", "question.toml", "--policy", "own"]));
    // A pack that has no rule for routes leaves none open.
    write(&here, "case.toml", &format!("{QUESTION}{CASE}"));
    insta::assert_snapshot!(transcript(
        &here,
        &["policy", "route", "--facts", "case.toml", "--policy", "own"]
    ));
}

#[test]
fn files_that_can_not_be_used() {
    let here = directory("policy-bad");
    own_pack(&here);
    write(&here, "empty/readme.md", "nothing\n");
    write(
        &here,
        "bad/rules.cedar",
        "@id(\"x\")\n@says(\"X.\")\npermit (principal, action, resource)\nwhen { context.nothing };\n",
    );
    write(&here, "own/tests/cases.toml", "[[cases]]\nname = \"x\"\nask = \"run\"\n");
    write(&here, "question.toml", &QUESTION.replace("digest = \"6a1c\"", "digest = \"6a1c\"\nfunctoins = 2"));
    write(&here, "unknown.toml", &QUESTION.replace("ask = \"run\"", "ask = \"publish\"\nby = \"eve\""));
    let rows: [&[&str]; 7] = [
        &["policy", "show", "missing"],
        &["policy", "show", "empty"],
        &["policy", "show", "bad"],
        &["policy", "test", "own"],
        &["policy", "try", "question.toml"],
        &["policy", "try", "unknown.toml"],
        &["policy", "try", "missing.toml"],
    ];
    let all: String = rows.iter().map(|arguments| transcript(&here, arguments)).collect();
    insta::assert_snapshot!(all);
}
