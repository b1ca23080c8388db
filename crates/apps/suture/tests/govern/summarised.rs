//! "This bundle passed": a verification summary that can be published before the bundle is.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use crate::interop::foreign;
use crate::office::{done, open, sign_all};
use crate::patch::{self, json as answer};
use crate::transcript::{run, transcript};

const CHECK: [&str; 8] = ["policy", "check", "fix.bundle", "--trust", "trust", "--summary", "--key", "cora"];
const FILE: &str = "fix.bundle.vsa.intoto.jsonl";

/// The statement in the only line of a file.
fn payload(path: &Path) -> (String, Value) {
    let text = fs::read_to_string(path).unwrap();
    assert_eq!(text.lines().count(), 1);
    let envelope: Value = serde_json::from_str(&text).unwrap();
    let mut decode = Command::new("base64");
    let encoded = path.with_extension("b64");
    fs::write(&encoded, envelope["payload"].as_str().unwrap()).unwrap();
    let payload = decode.arg("-d").arg(encoded).output().unwrap().stdout;
    let statement = serde_json::from_slice(&payload).unwrap();
    (String::from_utf8(payload).unwrap(), statement)
}

#[test]
fn the_manual() {
    let here = crate::transcript::directory("summary-manual");
    insta::assert_snapshot!(transcript(&here, &["policy", "check", "--help"]));
}

/// It is signed when the policy says yes, others verify it, and whoever has only the digest of the bundle does too.
#[test]
fn a_summary_is_signed_published_and_verified_without_the_bundle() {
    let here = open("summary-story");
    let id = patch::bundle(&here);
    let refused = answer(&here, 5, &CHECK);
    assert_eq!(
        (&refused["allowed"], &refused["summary"], here.join(FILE).exists()),
        (&json!(false), &Value::Null, false)
    );

    sign_all(&here, "fix.bundle");
    let told = answer(&here, 0, &[&CHECK[..], &["--verifier", "urn:example:ops"]].concat());
    assert_eq!((&told["allowed"], &told["summary"]["file"]), (&json!(true), &json!(FILE)));
    let known = answer(&here, 0, &["statements", "fix.bundle", "--statements", FILE, "--trust", "trust"]);
    assert_eq!(known["statements"][0]["kind"], "passed");

    let (_, statement) = payload(&here.join(FILE));
    let predicate = &statement["predicate"];
    assert_eq!(predicate["verifier"]["id"], "urn:example:ops");
    assert_eq!(predicate["resourceUri"], format!("urn:suture:bundle:{id}"));
    let mut said: Vec<Value> = answer(&here, 0, &["statements", "fix.bundle"])["statements"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| json!({"digest": {"sha256": row["id"]}}))
        .collect();
    said.sort_by_key(Value::to_string);
    assert_eq!(predicate["inputAttestations"], Value::Array(said));

    let public = fs::read_to_string(here.join("cora.pub")).unwrap();
    let told = foreign(&here, FILE, public.trim());
    let [others] = &told[..] else { panic!("{told:?}") };
    assert_eq!(
        (&others["verified"], &others["typed"], &others["changed"]),
        (&json!(1), &json!(true), &json!("refused"))
    );
    assert_eq!(others["digest"], id);

    fs::remove_file(here.join("fix.bundle")).unwrap();
    let known = answer(&here, 0, &["statements", "--digest", &id, "--statements", FILE, "--trust", "trust"]);
    let row = &known["statements"][0];
    assert_eq!(
        (&row["counts"], &row["principal"], &row["kind"]),
        (&json!(true), &json!("cora"), &json!("passed"))
    );
    let other = "00".repeat(32);
    let known =
        answer(&here, 5, &["statements", "--digest", &other, "--statements", FILE, "--trust", "trust"]);
    assert_eq!(known["statements"][0]["code"], "another-subject");
}

/// The digest of the rules is what `sha256sum` computes, of the default pack as of an operator's own.
#[test]
fn the_policy_is_named_by_its_digest() {
    let here = open("summary-policy");
    patch::bundle(&here);
    sign_all(&here, "fix.bundle");
    let default = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../policies/default");
    let own = here.join("trust/policy");
    for (round, rules) in [&default, &own].into_iter().enumerate() {
        let file = format!("{round}.jsonl");
        answer(&here, 0, &[&CHECK[..], &["-o", &file]].concat());
        let mut sums = Command::new("sh");
        sums.args(["-c", "LC_ALL=C; export LC_ALL; sha256sum *.cedar | sha256sum"]);
        let sums = String::from_utf8(sums.current_dir(rules).output().unwrap().stdout).unwrap();
        let (_, statement) = payload(&here.join(&file));
        let policy = &statement["predicate"]["policy"];
        assert_eq!(policy["digest"]["sha256"], sums[..64]);
        assert_eq!(policy["uri"], format!("urn:suture:policy:{}", &sums[..64]));
        if !own.exists() {
            fs::create_dir(&own).unwrap();
            for entry in fs::read_dir(&default).unwrap().flatten() {
                if entry.path().extension().is_some_and(|ending| ending == "cedar") {
                    let text = fs::read_to_string(entry.path()).unwrap();
                    fs::write(own.join(entry.file_name()), format!("// ours\n{text}")).unwrap();
                }
            }
        }
    }
}

/// Nothing in the file tells what the fix is: no name, symbol, id or path.
#[test]
fn nothing_of_the_bundle_is_in_it() {
    let here = open("summary-secret");
    patch::bundle(&here);
    sign_all(&here, "fix.bundle");
    answer(&here, 0, &CHECK);
    let (text, statement) = payload(&here.join(FILE));
    assert_eq!(statement["subject"][0]["name"], "");
    let shown = answer(&here, 0, &["inspect", "fix.bundle"]);
    let mut secrets = vec!["fix".to_owned(), "server".to_owned(), here.display().to_string()];
    strings(&shown["members"], &mut secrets);
    strings(&shown["deltas"], &mut secrets);
    strings(&shown["dossier"], &mut secrets);
    strings(&shown["inspected"], &mut secrets);
    secrets.extend(["ann", "bot", "rob", "cora", "security", "cache-1", "canary"].map(str::to_owned));
    // Short words and values with a meaning of their own are in every statement.
    secrets.retain(|secret| secret.len() >= 3 && secret != "urn" && secret != "suture");
    assert!(secrets.len() > 50 && secrets.iter().any(|secret| secret == "check"), "{secrets:?}");
    for secret in secrets {
        assert!(!text.contains(&secret), "`{secret}` is in\n{text}");
    }
}

/// Every text in a document.
fn strings(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::String(text) => found.push(text.clone()),
        Value::Array(items) => items.iter().for_each(|item| strings(item, found)),
        Value::Object(fields) => fields.values().for_each(|value| strings(value, found)),
        _ => {}
    }
}

#[test]
fn mistakes() {
    let here = open("summary-mistakes");
    patch::bundle(&here);
    sign_all(&here, "fix.bundle");
    let base = ["policy", "check", "fix.bundle", "--trust", "trust"];
    for (more, said) in [
        (&["--summary"][..], "--key"),
        (&["--key", "cora"], "nothing to sign"),
        (&["--summary", "--key", "rob"], "would not count"),
        (&["--summary", "--key", "cora", "--dark"], "cannot be used with"),
        (&["--summary", "--key", "cora", "--verifier", "the ops team"], "is no URI"),
    ] {
        let output = run(&here, &[&base[..], more].concat());
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{more:?}: {stderr}");
        assert!(stderr.contains(said), "{stderr}");
    }
    assert!(!here.join(FILE).exists());
    done(&here, &base);
}
