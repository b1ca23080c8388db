//! The advisory of a bundle: what the bundle proves is in it, and whoever has signed for it is thanked.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::foreign;
use crate::office::{done, open, sign};
use crate::patch;
use crate::transcript::{run, suture};

const FORMATS: [&str; 5] = ["csaf", "osv", "openvex", "markdown", "html"];

/// People with keys, a case with an advisory, and a bundle for it.
fn advised(name: &str) -> PathBuf {
    let here = open(name);
    let case = ["--title", "Counts too far", "--program", "server", "--by", "ann"];
    done(&here, &[&["case", "new", "count-1"], &case[..]].concat());
    let advisory =
        ["--publisher", "Counters", "--namespace", "https://example.org", "--summary", "It counts too far."];
    let known =
        ["--affected", "1.0", "--credit", "reporter=Dana Finder", "--credit", "reviewer=ROB", "--by", "ann"];
    done(&here, &[&["advisory", "new", "count-1"], &advisory[..], &known].concat());
    patch::delta(&here, "server", "fix", "fixed %d");
    patch::dossier(&here, &["fix.delta"]);
    let dossier = fs::read_to_string(here.join("dossier.toml")).unwrap();
    fs::write(here.join("dossier.toml"), dossier.replace("\"answer to id\"", "\"count-1\"")).unwrap();
    done(&here, &["bundle", "create", "fix.delta", "--dossier", "dossier.toml", "-o", "fix.bundle"]);
    here
}

/// What is printed, and what is said beside it.
fn rendered(here: &Path, format: &str, more: &[&str]) -> (String, String) {
    let output = run(here, &[&["advisory", "render", "fix.bundle", "--format", format], more].concat());
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(0), "{said}");
    (String::from_utf8(output.stdout).unwrap(), said)
}

/// Type and name of each credit.
fn credits(here: &Path, more: &[&str]) -> Vec<String> {
    let osv: Value = serde_json::from_str(&rendered(here, "osv", more).0).unwrap();
    let said = |credit: &Value| format!("{} {}", credit["type"], credit["name"]).replace('"', "");
    osv["credits"].as_array().unwrap().iter().map(said).collect()
}

const BY_HAND: [&str; 2] = ["REPORTER Dana Finder", "REMEDIATION_REVIEWER ROB"];
const TRUST: [&str; 2] = ["--trust", "trust"];

#[test]
fn signers_are_thanked_for_what_they_have_signed() {
    let here = advised("thanks-all");
    let product = json!([{ "name": "fix.delta", "digest": { "sha256": "11".repeat(32) } }]);
    let how = json!({ "buildType": "urn:suture:build:v1", "externalParameters": {} });
    let built =
        json!({ "buildDefinition": how, "runDetails": { "builder": { "id": "https://ci.example.org" } } });
    let reproduced = json!({ "buildDefinition": how, "products": product });
    fs::write(here.join("built.json"), built.to_string()).unwrap();
    fs::write(here.join("reproduced.json"), reproduced.to_string()).unwrap();
    sign(&here, "fix.bundle", "ann", "author", &[]);
    sign(&here, "fix.bundle", "ann", "author", &["--says", "built", "--predicate", "built.json"]);
    sign(&here, "fix.bundle", "ray", "reviewer", &["--says", "reproduced", "--predicate", "reproduced.json"]);
    sign(&here, "fix.bundle", "bot", "rehearser", &["--predicate", "passed.json"]);
    sign(&here, "fix.bundle", "rob", "reviewer", &[]);
    sign(&here, "fix.bundle", "cora", "commander", &[]);
    done(&here, &["key", "new", "-o", "eve", "--no-passphrase", "--comment", "eve"]);
    sign(&here, "fix.bundle", "eve", "reviewer", &[]);

    let signers = [
        "REMEDIATION_DEVELOPER ann",
        "REMEDIATION_REVIEWER cora",
        "REMEDIATION_VERIFIER bot",
        "REMEDIATION_VERIFIER ray",
    ];
    assert_eq!(credits(&here, &TRUST), [&BY_HAND[..], &signers].concat(), "rob is there by hand");
    let (markdown, said) = rendered(&here, "markdown", &TRUST);
    assert!(said.contains("1 of the statements don't count"), "{said}");
    assert!(markdown.contains("**cora** (ops) reviewed the fix"), "{markdown}");
    let (csaf, _) = rendered(&here, "csaf", &TRUST);
    let csaf_document: Value = serde_json::from_str(&csaf).unwrap();
    let thanked = csaf_document["document"]["acknowledgments"].as_array().unwrap();
    assert_eq!(
        (thanked.len(), &thanked[2]["names"][0], &thanked[2]["organization"]),
        (6, &"ann".into(), &"core".into())
    );

    // The environment names the trust directory as well.
    let arguments = ["advisory", "render", "fix.bundle", "--format", "csaf"];
    let output = suture(&here, &arguments).env("SUTURE_TRUST_DIR", here.join("trust")).output().unwrap();
    assert_eq!(String::from_utf8(output.stdout).unwrap(), csaf);

    for none in [&["--no-credits"][..], &[]] {
        assert_eq!(credits(&here, none), BY_HAND);
        let (_, said) = rendered(&here, "html", none);
        assert_eq!(said.contains("nothing was verified"), none.is_empty(), "{said}");
    }
}

/// Every format has what the bundle proves, and is valid for those who read it.
#[test]
fn what_a_bundle_proves_is_in_every_format() {
    let here = advised("thanks-proven");
    sign(&here, "fix.bundle", "ann", "author", &[]);
    let delta = patch::json(&here, 0, &["inspect", "fix.delta"])["id"].as_str().unwrap().to_owned();
    let shown = patch::json(&here, 0, &["bundle", "show", "fix.bundle"]);
    let bundle = shown["id"].as_str().unwrap();
    let osv: Value = serde_json::from_str(&rendered(&here, "osv", &TRUST).0).unwrap();
    let proven = &osv["database_specific"]["hot_patches"];
    assert_eq!((proven.as_array().unwrap().len(), &proven[0]["bundle"]), (1, &bundle.into()));
    let build_id = proven[0]["build_id"].as_str().unwrap();
    assert!(shown.to_string().contains(build_id), "{build_id}");

    // A version that was written by hand for this build is known of the patch in the bundle too.
    let update = ["advisory", "update", "count-1", "--by", "ann", "--note"];
    done(&here, &[&update[..], &["The build", "--hot-patch", "fix.delta=1.9"]].concat());
    let texts = |is_published: bool| {
        let texts = FORMATS.map(|format| rendered(&here, format, &TRUST));
        for ((text, said), format) in texts.iter().zip(FORMATS) {
            for proven in [build_id, &delta, "1.9"] {
                assert!(text.contains(proven), "{format}: {proven}: {text}");
            }
            let is_noted = said.contains("version 1.0.0 did not say all of this");
            assert_eq!(is_noted, is_published, "{format}: {said}");
        }
        texts.map(|(text, _)| text.replace('\n', " "))
    };
    texts(false);
    done(&here, &[&update[..], &["Out", "--stage", "published"]].concat());
    let [csaf, osv, vex, ..] = texts(true);
    assert_eq!(foreign::csaf_errors(&csaf), "1 documents, all tests\n");
    foreign::check_schema("osv", std::slice::from_ref(&osv));
    foreign::check_schema("openvex", std::slice::from_ref(&vex));
    assert_eq!(foreign::vexipy(&vex).trim(), "affected affected not_affected");
    // The file says no more than before.
    let file = fs::read_to_string(here.join("cases/count-1/advisory.toml")).unwrap();
    assert!(!file.contains("role = \"author\"") && !file.contains(bundle), "{file}");
}

#[test]
fn whoever_refuses_or_has_failed_is_not_thanked() {
    let here = advised("thanks-refused");
    let failed = r#"{ "result": "FAILED", "configuration": [], "failedTests": ["load"] }"#;
    fs::write(here.join("failed.json"), failed).unwrap();
    sign(&here, "fix.bundle", "bot", "rehearser", &["--predicate", "failed.json"]);
    sign(&here, "fix.bundle", "ray", "reviewer", &[]);
    sign(&here, "fix.bundle", "ray", "reviewer", &["--refuse", "--reason", "it counts too far back"]);
    assert_eq!(credits(&here, &TRUST), BY_HAND);
    sign(&here, "fix.bundle", "ray", "reviewer", &["--withdraw"]);
    assert_eq!(credits(&here, &TRUST), [&BY_HAND[..], &["REMEDIATION_REVIEWER ray"]].concat());

    // What was said of another bundle, or by a key that is revoked, is no reason for thanks.
    let root = fs::read_to_string(here.join("trust/root.toml")).unwrap();
    let revoked =
        "valid_until = 2099-01-01T00:00:00Z\nrevoked = { at = 2021-01-01T00:00:00Z, reason = \"lost\" }\n";
    fs::write(here.join("trust/root.toml"), root.replace("valid_until = 2099-01-01T00:00:00Z\n", revoked))
        .unwrap();
    assert_eq!(credits(&here, &TRUST), BY_HAND);
    fs::write(here.join("trust/root.toml"), root).unwrap();
    let beside = here.join("fix.bundle.intoto.jsonl");
    let statements = fs::read(&beside).unwrap();
    fs::remove_file(&beside).unwrap();
    fs::write(here.join("note.txt"), "a note\n").unwrap();
    let documents = ["--dossier", "dossier.toml", "--document", "note.txt"];
    done(&here, &[&["bundle", "create", "fix.delta"], &documents[..], &["-o", "fix.bundle"]].concat());
    fs::write(&beside, statements).unwrap();
    assert_eq!(credits(&here, &TRUST), BY_HAND);
}

#[test]
fn the_advisory_is_found_or_it_is_said_where_it_was_looked_for() {
    let here = advised("thanks-found");
    let render = ["advisory", "render", "fix.bundle", "--format", "markdown"];
    let told = |exit: i32, more: &[&str]| {
        let output = run(&here, &[&render[..], more].concat());
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(exit), "{said}");
        assert_eq!(output.stdout.is_empty(), exit != 0);
        said
    };
    told(0, &[]);
    fs::rename(here.join("cases"), here.join("elsewhere")).unwrap();
    told(0, &["--cases", "elsewhere"]);
    let missing = told(2, &[]);
    assert!(
        missing.contains("cases/count-1/advisory.toml") && missing.contains("fix.bundle.advisory.toml"),
        "{missing}"
    );
    fs::copy(here.join("elsewhere/count-1/advisory.toml"), here.join("fix.bundle.advisory.toml")).unwrap();
    told(0, &[]);

    let text = fs::read_to_string(here.join("fix.bundle.advisory.toml")).unwrap();
    fs::write(here.join("other.toml"), text.replace("id = \"count-1\"", "id = \"count-2\"")).unwrap();
    let other = told(2, &["--advisory", "other.toml"]);
    assert!(other.contains("about the case count-2, and the bundle is for \"count-1\""), "{other}");

    let none = run(&here, &["advisory", "render", "other.toml", "--format", "osv", "--no-credits"]);
    assert_eq!(none.status.code(), Some(2));
    assert!(String::from_utf8(none.stderr).unwrap().contains("--no-credits is about a bundle"));

    let mut bytes = fs::read(here.join("fix.bundle")).unwrap();
    let at = bytes.len() / 2;
    bytes[at] ^= 1;
    fs::write(here.join("fix.bundle"), bytes).unwrap();
    told(5, &[]);
}
