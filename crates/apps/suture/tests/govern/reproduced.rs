//! `suture reproduce`: a second party builds the delta again, elsewhere, and its word counts.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use serde_json::Value;

use crate::office::{check, open, sign};
use crate::patch::json;
use crate::source::{C, RUST, bundle, reproduce, states};
use crate::transcript::{run, suture, transcript};

/// Rules of an operator who runs what somebody has built again.
const RULES: &str = "\
@id(\"everybody-signs\")
@says(\"Everybody may say everything.\")
permit (principal, action in Action::\"sign\", resource);

@id(\"nodes-run\")
@says(\"Nodes run patches.\")
permit (principal, action in Action::\"use\", resource);

@id(\"somebody-reproduces\")
@says(\"Somebody has built it again.\")
@needs(\"that somebody else builds it again\")
@cure(\"reproduce\")
forbid (principal, action in Action::\"use\", resource)
unless { context.signed.reproduce.count >= 1 };
";

/// A directory with people, the rule above, and a bundle of the C project, whose author's tree is gone.
fn office(name: &str) -> std::path::PathBuf {
    let here = open(name);
    operator(&here);
    C.write(&here, "author");
    C.build(&here, "author", "fix", &[]);
    bundle(&here, &["fix"], &["fix.patch"]);
    fs::remove_dir_all(here.join("author")).unwrap();
    C.write(&here, "mine/deep/tree");
    here
}

/// Makes the rule above hold.
fn operator(here: &Path) {
    fs::create_dir(here.join("trust/policy")).unwrap();
    fs::write(here.join("trust/policy/rules.cedar"), RULES).unwrap();
}

fn statements(here: &Path) -> Option<String> {
    fs::read_to_string(here.join("fix.bundle.intoto.jsonl")).ok()
}

#[test]
fn the_manual() {
    let here = crate::transcript::directory("reproduce-manual");
    insta::assert_snapshot!(transcript(&here, &["reproduce", "--help"]));
}

/// In another directory, with other times and modes, and with a choice and marks that only the record knows.
#[test]
fn a_c_project_comes_out_the_same_elsewhere_and_the_statement_counts() {
    let here = office("reproduce-c");
    let tree = "mine/deep/tree";
    fs::set_permissions(here.join(tree).join("server.c"), fs::Permissions::from_mode(0o600)).unwrap();
    assert_eq!(check(&here, "fix.bundle", &[]), (vec!["somebody-reproduces".to_owned()], false));
    let told = reproduce(&here, 0, tree, &[]);
    assert_eq!((states(&told), &told["deltas"][0]["differences"]), (vec!["same"], &Value::Array(vec![])));
    assert_eq!(
        (told["schema"].as_u64(), &told["signed"], statements(&here)),
        (Some(1), &Value::Array(vec![]), None)
    );

    let told = reproduce(&here, 0, tree, &["--key", "rob", "--as", "reviewer"]);
    assert_eq!(states(&told), ["same"]);
    assert!(!here.join("author").exists(), "the author's path is nowhere but in the namespace");
    let known = json(&here, 0, &["statements", "fix.bundle", "--trust", "trust"]);
    let row = &known["statements"][0];
    assert_eq!((row["kind"].as_str(), row["principal"].as_str()), (Some("reproduced"), Some("rob")));
    assert_eq!(row["id"], told["signed"][0]["id"]);
    assert_eq!(check(&here, "fix.bundle", &[]), (Vec::new(), true));
}

/// The author's path is there as well, with something else in it.
#[test]
fn a_rust_project_comes_out_the_same_elsewhere() {
    let here = open("reproduce-rust");
    RUST.write(&here, "author");
    RUST.build(&here, "author", "fix", &[]);
    bundle(&here, &["fix"], &[]);
    RUST.write(&here, "mine/deep/tree");
    fs::write(here.join("author/src/main.rs"), "fn main() { unused }\n").unwrap();
    let told = reproduce(&here, 0, "mine/deep/tree", &["--patch", "fix.patch"]);
    assert_eq!(states(&told), ["same"], "{told}");
}

#[test]
fn another_source_is_told_and_nothing_is_signed() {
    let here = office("reproduce-source");
    let file = here.join("mine/deep/tree/server.c");
    let text = fs::read_to_string(&file).unwrap();
    fs::write(&file, text.replace("x * 3", "x * 5").replace("x * 7", "x * 9")).unwrap();
    // The line that the fix changes is another: it does not apply.
    reproduce(&here, 2, "mine/deep/tree", &["--key", "rob", "--as", "reviewer"]);
    fs::write(&file, text.replace("x * 7", "x * 9")).unwrap();
    let told = reproduce(&here, 5, "mine/deep/tree", &["--key", "rob", "--as", "reviewer"]);
    assert_eq!(states(&told), ["different"]);
    assert_eq!(told["deltas"][0]["differences"][0]["what"], "source tree");
    assert!(told["deltas"][0]["conclusion"].as_str().unwrap().contains("check out"), "{told}");
    assert_eq!((&told["signed"], statements(&here)), (&Value::Array(vec![]), None));
}

/// A compiler that says that it is another, and makes another function.
#[test]
fn other_tools_are_told_with_what_differs() {
    let here = office("reproduce-tools");
    fs::create_dir(here.join("tools")).unwrap();
    let compiler = "#!/bin/sh\n[ \"$1\" != --version ] || { echo another compiler 1.0; exit 0; }\n\
                    exec /usr/bin/cc \"$@\" -O0\n";
    fs::write(here.join("tools/cc"), compiler).unwrap();
    fs::set_permissions(here.join("tools/cc"), fs::Permissions::from_mode(0o755)).unwrap();
    let path = format!("{}:{}", here.join("tools").display(), std::env::var("PATH").unwrap());
    let arguments = ["reproduce", "fix.bundle", "--source", "mine/deep/tree"];
    let output = suture(&here, &arguments).env("PATH", path).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(5), "{text}");
    for said in ["DIFFERENT", "another compiler 1.0", "differ: limit", "the tools are others"] {
        assert!(text.contains(said), "`{said}` is not in\n{text}");
    }
    assert!(
        String::from_utf8_lossy(&output.stderr).contains("running `make` twice"),
        "what is run is told before"
    );
}

#[test]
fn another_fix_is_refused_before_anything_is_built() {
    let here = office("reproduce-fix");
    let fix = fs::read_to_string(here.join("fix.patch")).unwrap();
    fs::write(here.join("other.patch"), fix.replace("50", "60")).unwrap();
    let marker = here.join("mine/deep/tree/server.c");
    fs::write(&marker, "#error this is never compiled\n").unwrap();
    let told = reproduce(&here, 5, "mine/deep/tree", &["--patch", "other.patch"]);
    assert!(told["error"]["what"].as_str().unwrap().contains("is not the fix"), "{told}");
    bundle_again_without_fix(&here);
    let told = reproduce(&here, 5, "mine/deep/tree", &["--patch", "other.patch"]);
    assert!(told["error"]["what"].as_str().unwrap().contains("is not the fix"), "{told}");
    let told = reproduce(&here, 2, "mine/deep/tree", &[]);
    assert!(told["error"]["help"].as_str().unwrap().contains("--patch"), "{told}");
}

fn bundle_again_without_fix(here: &Path) {
    let arguments = ["bundle", "create", "fix.delta", "--dossier", "dossier.toml", "-o", "fix.bundle"];
    json(here, 0, &arguments);
}

#[test]
fn mistakes_are_told_before_anything_is_built() {
    let here = office("reproduce-mistakes");
    let base = ["reproduce", "fix.bundle", "--source", "mine/deep/tree"];
    let ends = |exit: i32, more: &[&str], said: &str| {
        let output = run(&here, &[&base[..], more].concat());
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(exit), "{stderr}");
        assert!(stderr.contains(said) && !stderr.contains("running"), "{stderr}");
    };
    ends(2, &["--key", "cora", "--as", "commander"], "can't be said as commander");
    ends(2, &["--key", "missing"], "can't be used");
    ends(2, &["--delta", "other"], "is no delta of the bundle");
    let mut bytes = fs::read(here.join("fix.bundle")).unwrap();
    let at = bytes.windows(7).position(|window| window == b"command").unwrap();
    bytes[at + 11] ^= 1;
    fs::write(here.join("fix.bundle"), bytes).unwrap();
    ends(5, &[], "is refused");
}

/// A second fix stands on the first, which it finds in the bundle or where the command line says.
#[test]
fn patches_on_patches_come_out_the_same() {
    let here = open("reproduce-stack");
    C.write(&here, "author");
    C.build(&here, "author", "fix", &[]);
    let first = fs::read_to_string(here.join("fix.patch")).unwrap();
    fs::write(here.join("both.patch"), first.replace("x > 50 ? 50 : x * 3", "x > 40 ? 40 : x * 2")).unwrap();
    C.build_on(&here, "author", "second", &["--patch", "both.patch", "--on", "fix.delta"], &[]);
    bundle(&here, &["fix", "second"], &["fix.patch", "both.patch"]);
    C.write(&here, "mine");
    assert_eq!(states(&reproduce(&here, 0, "mine", &[])), ["same", "same"]);

    fs::remove_file(here.join("dossier.toml")).unwrap();
    bundle(&here, &["second"], &["both.patch"]);
    let told = reproduce(&here, 2, "mine", &[]);
    assert!(told["error"]["help"].as_str().unwrap().contains("--on"), "{told}");
    assert_eq!(states(&reproduce(&here, 0, "mine", &["--on", "fix.delta"])), ["same"]);
}

/// Marks that are not in the tree have to be named, and be those that the author used.
#[test]
fn critical_marks_from_elsewhere() {
    let here = open("reproduce-marks");
    C.write(&here, "author");
    fs::write(here.join("marks.toml"), "[critical]\nfunctions = [\"limit\"]\n").unwrap();
    C.build_on(&here, "author", "fix", &["--patch", "fix.patch", "--critical", "marks.toml"], &[]);
    bundle(&here, &["fix"], &["fix.patch"]);
    let told = reproduce(&here, 5, "author", &[]);
    assert!(told["error"]["what"].as_str().unwrap().contains("critical marks"), "{told}");
    let output = run(&here, &["reproduce", "fix.bundle", "--source", "author"]);
    assert!(!String::from_utf8_lossy(&output.stderr).contains("running"), "nothing was built for that");
    assert_eq!(states(&reproduce(&here, 0, "author", &["--critical", "marks.toml"])), ["same"]);
}

/// One bundle for two platforms: who builds on one of them says so of that one.
#[test]
fn a_delta_for_another_platform_is_left_out_unless_it_is_asked_for() {
    let here = open("reproduce-platforms");
    operator(&here);
    C.write(&here, "author");
    C.build(&here, "author", "fix", &[]);
    let record = fs::read_to_string(here.join("fix.delta.json")).unwrap();
    // What is recorded of the second is not how it was built, as if its compiler were not here.
    C.build(&here, "author", "other", &[("CFLAGS", "-O1")]);
    let of_other: Value = serde_json::from_slice(&fs::read(here.join("other.delta.json")).unwrap()).unwrap();
    let mut told: Value = serde_json::from_str(&record).unwrap();
    told["id"] = of_other["id"].clone();
    fs::write(here.join("other.delta.json"), told.to_string()).unwrap();
    bundle(&here, &["fix", "other"], &["fix.patch"]);
    let told = reproduce(&here, 0, "author", &["--key", "rob", "--as", "reviewer"]);
    let mut found = states(&told);
    found.sort_unstable();
    assert_eq!(found, ["another-build", "same"]);
    let line = statements(&here).unwrap();
    assert_eq!(line.lines().count(), 1, "both are of one build");
    let other = of_other["id"].as_str().unwrap();
    let told = reproduce(&here, 5, "author", &["--delta", &other[..12]]);
    assert_eq!(states(&told), ["different"]);

    // A node of the other platform would run what nobody has built again.
    let missing = vec!["somebody-reproduces".to_owned()];
    assert_eq!(check(&here, "fix.bundle", &[]), (missing.clone(), false));
    let predicate = |id: &str| {
        let product = serde_json::json!({"name": "other", "digest": {"sha256": id}});
        let definition = serde_json::json!({"buildType": "urn:example:build"});
        let said = serde_json::json!({"buildDefinition": definition, "products": [product]});
        fs::write(here.join("said.json"), said.to_string()).unwrap();
        ["--says", "reproduced", "--predicate", "said.json"]
    };
    // Somebody else has built the other one alone; then the same who has built the first.
    sign(&here, "fix.bundle", "ray", "reviewer", &predicate(other));
    assert_eq!(check(&here, "fix.bundle", &[]), (missing, false));
    sign(&here, "fix.bundle", "rob", "reviewer", &predicate(other));
    assert_eq!(check(&here, "fix.bundle", &[]), (Vec::new(), true));
}
