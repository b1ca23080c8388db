//! Which refusals stay with a bundle: those that somebody has signed who is believed, in whatever form, and no others.

use std::fs;
use std::path::{Path, PathBuf};

use suture_keys::FileKey;
use suture_trust::{Envelope, IN_TOTO};

use crate::log::{Log, subject};
use crate::office::{done, sign, sign_all};
use crate::patch::json;
use crate::publishing::{add, prepared, public, publish};
use crate::transcript::run;

const STATEMENTS: &str = "fix.bundle.intoto.jsonl";
const ADD: [&str; 5] = ["channel", "add", "channel", "--bundle", "fix.bundle"];
const MACHINE: [&str; 5] = ["channel", "publish", "channel", "--key", "team"];

/// A channel with a bundle that everything is signed for, which is in it.
fn begun(name: &str) -> PathBuf {
    let here = prepared(name, &[]);
    sign_all(&here, "fix.bundle");
    add(&here, &[]);
    here
}

fn text(here: &Path) -> String {
    fs::read_to_string(here.join(STATEMENTS)).unwrap()
}

/// The statements and one more line.
fn append(here: &Path, line: &str) {
    fs::write(here.join(STATEMENTS), format!("{}{line}\n", text(here))).unwrap();
}

/// The last statement with another signature.
fn forged(here: &Path) -> String {
    let text = text(here);
    let mut line: serde_json::Value = serde_json::from_str(text.lines().next_back().unwrap()).unwrap();
    line["signatures"][0]["sig"] = "A".repeat(86).into();
    line["signatures"][0]["sig"] = format!("{}==", line["signatures"][0]["sig"].as_str().unwrap()).into();
    line.to_string()
}

/// A refusal that its signer writes in a form of their own.
fn refusal_of_another_version(here: &Path, key: &str) -> String {
    let bundle = suture_trust::Digest::of(&fs::read(here.join("fix.bundle")).unwrap()).to_string();
    let statement = serde_json::json!({
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{ "name": "fix.bundle", "digest": { "sha256": bundle } }],
        "predicateType": "urn:suture:statement:refused:v2",
        "predicate": { "because": "it drops every second packet" },
    });
    let key = FileKey::read(&here.join(key), 1, &mut |_| unreachable!("it has no passphrase")).unwrap();
    Envelope::sign(IN_TOTO, statement.to_string().into_bytes(), &key).unwrap().to_json()
}

/// Whoever writes a line in somebody's name ends nothing: it is refused before it is remembered.
#[test]
fn a_refusal_that_nobody_has_signed_is_not_remembered() {
    let here = begun("verdict-forged");
    let genuine = text(&here);
    sign(&here, "fix.bundle", "rob", "reviewer", &["--refuse", "--reason", "bad"]);
    let line = forged(&here);
    fs::write(here.join(STATEMENTS), &genuine).unwrap();
    append(&here, &line);
    for more in [&["--trust", "trust"][..], &[]] {
        let told = json(&here, 5, &[&ADD[..], more].concat());
        let why = told["error"]["why"].as_str().unwrap();
        assert!(why.contains("line 4: ") && why.contains("it names a key of rob"), "{told}");
    }
    assert!(!here.join("channel/refusals").exists());
    // Nor does it go out when somebody puts it there by hand, and nothing is remembered then either.
    let content = here.join("channel/content/bundle.fix.bundle.intoto.jsonl");
    fs::write(&content, text(&here)).unwrap();
    let told = publish(&here, "cora", &[]).unwrap_err();
    assert!(told.contains("line 4: "), "{told}");
    fs::write(here.join(STATEMENTS), &genuine).unwrap();
    add(&here, &[]);
    publish(&here, "cora", &[]).unwrap();
    assert!(public(&here).iter().any(|name| name.ends_with(".bundle.fix.bundle")));
}

/// What an earlier version has remembered all the same is forgotten when that is asked for, and what is genuine never.
#[test]
fn what_nobody_has_signed_is_forgotten_when_asked() {
    let here = begun("verdict-memory");
    let genuine = text(&here);
    sign(&here, "fix.bundle", "ray", "reviewer", &["--refuse", "--reason", "it drops packets"]);
    add(&here, &[]);
    let with_refusal = text(&here);
    sign(&here, "fix.bundle", "rob", "reviewer", &["--refuse", "--reason", "bad"]);
    let line = forged(&here);
    fs::write(here.join(STATEMENTS), &with_refusal).unwrap();
    let memory = fs::read_dir(here.join("channel/refusals")).unwrap().next().unwrap().unwrap().path();
    let remembered = fs::read_to_string(&memory).unwrap();
    fs::write(&memory, format!("{remembered}{line}\n")).unwrap();
    let told = json(&here, 5, &ADD);
    let help = told["error"]["help"].as_str().unwrap();
    assert!(help.contains("--drop-doubtful"), "{told}");
    let log = Log::begin(&here);
    let entry = log.done(&[&ADD[..], &["--drop-doubtful"]].concat());
    assert_eq!(entry["detail"]["dropped"], 1, "{entry}");
    assert!(subject(&entry, "dropped")["digest"].as_str().unwrap().starts_with("sha256:"), "{entry}");
    assert_eq!(fs::read_to_string(&memory).unwrap(), remembered);
    fs::write(here.join(STATEMENTS), genuine).unwrap();
    let told = json(&here, 5, &[&ADD[..], &["--drop-doubtful"]].concat());
    assert!(told["error"]["why"].as_str().unwrap().contains("was refused"), "{told}");
}

/// Nodes stop at a refusal that they can't read, so they are told of it, and it stays.
#[test]
fn a_refusal_in_another_form_reaches_the_nodes_and_stays() {
    let here = begun("verdict-form");
    publish(&here, "cora", &[]).unwrap();
    let genuine = text(&here);
    append(&here, &refusal_of_another_version(&here, "ray"));
    json(&here, 5, &["policy", "check", "fix.bundle", "--trust", "trust"]);
    add(&here, &[]);
    done(&here, &[&MACHINE[..], &["--trust", "trust"]].concat());
    let content = fs::read_to_string(here.join("channel/content/bundle.fix.bundle.intoto.jsonl")).unwrap();
    assert_eq!(content, text(&here));
    fs::write(here.join(STATEMENTS), genuine).unwrap();
    let told = json(&here, 5, &ADD);
    assert!(told["error"]["why"].as_str().unwrap().contains("was refused"), "{told}");
    fs::write(here.join("channel/content/bundle.fix.bundle.intoto.jsonl"), text(&here)).unwrap();
    let told = publish(&here, "cora", &[]).unwrap_err();
    assert!(told.contains("in a form that is not known here"), "{told}");
    // A stranger's is none.
    fs::write(here.join(STATEMENTS), content).unwrap();
    done(&here, &["key", "new", "-o", "eve", "--no-passphrase"]);
    append(&here, &refusal_of_another_version(&here, "eve"));
    add(&here, &[]);
}

/// What strangers say is not asked for again.
#[test]
fn a_refusal_of_a_stranger_does_not_stay() {
    let here = begun("verdict-stranger");
    let genuine = text(&here);
    done(&here, &["key", "new", "-o", "eve", "--no-passphrase"]);
    sign(&here, "fix.bundle", "eve", "reviewer", &["--refuse", "--reason", "bad"]);
    add(&here, &[]);
    publish(&here, "cora", &[]).unwrap();
    fs::write(here.join(STATEMENTS), genuine).unwrap();
    add(&here, &[]);
    publish(&here, "cora", &[]).unwrap();
}

/// Whom the nodes believe can stop them, whether the one who publishes has heard of them or not.
#[test]
fn a_refusal_counts_by_the_policy_that_nodes_have() {
    let here = begun("verdict-older-root");
    publish(&here, "cora", &[]).unwrap();
    let root = fs::read_to_string(here.join("trust/root.toml")).unwrap();
    let people: Vec<&str> =
        root.split("[[principal]]").filter(|person| !person.contains("\"ray\"")).collect();
    fs::create_dir(here.join("older")).unwrap();
    fs::write(here.join("older/root.toml"), people.join("[[principal]]")).unwrap();
    sign(&here, "fix.bundle", "ray", "reviewer", &["--refuse", "--reason", "it drops packets"]);
    done(&here, &[&ADD[..], &["--trust", "older"]].concat());
    let output = run(&here, &[&MACHINE[..], &["--trust", "older"]].concat());
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success() && told.contains("public and refused"), "{told}");
}
