//! "It was built so": provenance that nobody writes by hand, from what the dossier has on record.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use crate::interop::foreign;
use crate::office::{open, sign};
use crate::patch;
use crate::transcript::run;

const STATEMENTS: &str = "fix.bundle.intoto.jsonl";
const BUILT: [&str; 2] = ["--says", "built"];

/// A bundle of two deltas, in whose dossier `edit` is made.
fn bundle(here: &Path, edit: impl Fn(&str) -> String) {
    patch::delta(here, "server", "fix", "fixed %d");
    patch::delta(here, "server-two", "two", "fixed %d");
    patch::dossier(here, &["fix.delta", "two.delta"]);
    let dossier = fs::read_to_string(here.join("dossier.toml")).unwrap();
    fs::write(here.join("dossier.toml"), edit(&dossier)).unwrap();
    let create = ["bundle", "create", "fix.delta", "two.delta", "--dossier", "dossier.toml"];
    patch::json(here, 0, &[&create[..], &["-o", "fix.bundle"]].concat());
}

/// The statements in a file.
fn statements(path: &Path) -> Vec<Value> {
    let text = fs::read_to_string(path).unwrap();
    let payload = |line: &str| {
        let envelope: Value = serde_json::from_str(line).unwrap();
        let encoded = path.with_extension("b64");
        fs::write(&encoded, envelope["payload"].as_str().unwrap()).unwrap();
        let decoded = Command::new("base64").arg("-d").arg(encoded).output().unwrap().stdout;
        serde_json::from_slice(&decoded).unwrap()
    };
    text.lines().map(payload).collect()
}

/// Names and digests in a list of resources.
fn resources(list: &Value) -> Vec<(&str, &str)> {
    let resources = list.as_array().unwrap().iter();
    let pair = resources.map(|one| (one["name"].as_str(), one["digest"]["sha256"].as_str()));
    pair.map(|(name, digest)| (name.unwrap(), digest.unwrap())).collect()
}

#[test]
fn a_bundle_says_itself_how_it_was_built() {
    let here = open("built-bundle");
    bundle(&here, str::to_owned);
    sign(&here, "fix.bundle", "ann", "author", &BUILT);
    let said = statements(&here.join(STATEMENTS));
    assert_eq!(said.len(), 1, "one build, and two deltas of it: {said:?}");
    let (statement, predicate) = (&said[0], &said[0]["predicate"]);
    assert_eq!(statement["predicateType"], "https://slsa.dev/provenance/v1");
    assert_eq!(statement["subject"][0]["name"], "fix.bundle");
    let definition = &predicate["buildDefinition"];
    assert_eq!(definition["buildType"], "urn:suture:build:v1");
    assert_eq!(definition["externalParameters"]["run"], "make");
    let (source, fix) = ("11".repeat(32), "22".repeat(32));
    assert_eq!(
        resources(&definition["resolvedDependencies"]),
        [("source", source.as_str()), ("patch", fix.as_str())]
    );
    assert_eq!(predicate["runDetails"]["builder"], json!({ "id": patch::BUILDER }));
    let shown = patch::json(&here, 0, &["bundle", "show", "fix.bundle"]);
    let mut made: Vec<&str> =
        resources(&predicate["runDetails"]["byproducts"]).iter().map(|(_, id)| *id).collect();
    made.sort_unstable();
    let mut deltas: Vec<&str> =
        shown["deltas"].as_array().unwrap().iter().map(|delta| delta["id"].as_str().unwrap()).collect();
    deltas.sort_unstable();
    assert_eq!(made, deltas);

    // Others read it as theirs, and here it counts.
    let public = fs::read_to_string(here.join("ann.pub")).unwrap();
    let told = foreign(&here, STATEMENTS, public.trim());
    assert_eq!((&told[0]["verified"], &told[0]["typed"]), (&json!(1), &json!(true)));
    let counted = patch::json(&here, 0, &["statements", "fix.bundle", "--trust", "trust"]);
    assert_eq!(
        (&counted["statements"][0]["kind"], &counted["statements"][0]["principal"]),
        (&json!("built"), &json!("ann"))
    );
}

#[test]
fn builds_that_differ_are_told_apart() {
    let here = open("built-two");
    bundle(&here, |dossier| dossier.replacen("command = \"make\"", "command = \"make -j2\"", 1));
    sign(&here, "fix.bundle", "ann", "author", &BUILT);
    let said = statements(&here.join(STATEMENTS));
    let mut commands: Vec<&str> = said
        .iter()
        .map(|said| said["predicate"]["buildDefinition"]["externalParameters"]["run"].as_str().unwrap())
        .collect();
    commands.sort_unstable();
    assert_eq!(commands, ["make", "make -j2"]);
    for said in &said {
        assert_eq!(resources(&said["predicate"]["runDetails"]["byproducts"]).len(), 1);
    }
}

#[test]
fn what_does_not_say_how_it_was_built_needs_a_predicate() {
    let here = open("built-refused");
    bundle(&here, str::to_owned);
    let output = run(&here, &[&["sign", "--as", "author", "--key", "ann", "fix.delta"], &BUILT[..]].concat());
    let told = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{told}");
    assert!(told.contains("`built` needs --predicate"), "{told}");
    assert!(!here.join("fix.delta.intoto.jsonl").exists());
}

/// A builder that is no URI is a gap: nobody finds out when all have signed.
#[test]
fn no_bundle_is_made_whose_builder_is_no_uri() {
    let here = open("built-by-ann");
    patch::delta(&here, "server", "fix", "fixed %d");
    patch::dossier(&here, &["fix.delta"]);
    let dossier = fs::read_to_string(here.join("dossier.toml")).unwrap();
    fs::write(here.join("dossier.toml"), dossier.replace(patch::BUILDER, "ann")).unwrap();
    let create = ["bundle", "create", "fix.delta", "--dossier", "dossier.toml", "-o", "fix.bundle"];
    let told = patch::json(&here, 5, &create);
    assert_eq!(told["gaps"][0]["id"], "delta.0.origin.builder", "{told}");
    assert!(told["gaps"][0]["asks"].as_str().unwrap().contains("`ann` is none"), "{told}");
}
