//! A log from its making to its audit.

use crate::support::{ORIGIN, Place};

#[test]
fn acts_are_recorded_shown_exported_and_verified() {
    let place = Place::with_log("story");
    place.acts(3);
    insta::assert_snapshot!(place.transcript(&["audit", "export", "-o", "log.export"]));
    let elsewhere = Place::empty("story-elsewhere");
    std::fs::copy(place.path("log.export"), elsewhere.path("log.export")).unwrap();
    // The auditor has the file and the public key, and nothing else.
    let verified = elsewhere.json(&["audit", "verify", "log.export", "--key", &place.vkey, "--json"]);
    assert_eq!(
        (&verified["verified"], &verified["size"], &verified["origin"]),
        (&true.into(), &4.into(), &ORIGIN.into())
    );
    insta::assert_snapshot!(place.transcript(&["audit", "verify", "--key", &place.vkey]));

    let shown = place.json(&["audit", "show", "--json"]);
    let acts: Vec<_> =
        shown["entries"].as_array().unwrap().iter().map(|entry| entry["act"].clone()).collect();
    assert_eq!(acts, ["log.init", "process.revert", "process.revert", "process.revert"]);
    let refused = &shown["entries"][2];
    assert_eq!(refused["outcome"]["result"], "refused");
    assert_eq!(refused["subjects"][1]["id"], "abcdef");
    assert_eq!(refused["detail"]["pid"], 2_147_483_647);
    let narrowed = place.json(&["audit", "show", "--act", "log", "--json"]);
    assert_eq!(narrowed["entries"].as_array().unwrap().len(), 1);
    assert!(place.done(&["audit", "show", "1..3"]).contains("2 of 4 entries"));
}

#[test]
fn an_entry_is_proved_by_a_file() {
    let place = Place::with_log("prove");
    place.acts(4);
    place.done(&["audit", "prove", "2", "-o", "two.tlog-proof"]);
    insta::assert_snapshot!(place.transcript(&["audit", "verify", "two.tlog-proof", "--key", &place.vkey]));
    let proof = place.read("two.tlog-proof");
    assert_eq!(place.done(&["audit", "prove", "2"]), proof);
    place.write("three.tlog-proof", &proof.replace("index 2", "index 3"));
    let output = place.run(&["audit", "verify", "three.tlog-proof", "--key", &place.vkey]);
    assert_eq!(output.status.code(), Some(5));
    assert!(
        String::from_utf8_lossy(&output.stderr)
            .contains("entry 3: the hashes of the proof do not lead to the root")
    );
}

#[test]
fn a_log_goes_on_from_what_was_kept() {
    let place = Place::with_log("consistency");
    place.acts(2);
    std::fs::copy(place.path("log/public/checkpoint"), place.path("kept")).unwrap();
    place.acts(3);
    let document = place.json(&["audit", "consistency", "kept", "--json", "-o", "on.proof"]);
    assert_eq!((&document["old"]["size"], &document["new"]["size"]), (&3.into(), &6.into()));
    insta::assert_snapshot!(place.transcript(&["audit", "consistency", "2", "5"]));
    place.done(&["audit", "verify", "on.proof", "--key", &place.vkey, "--since", "kept"]);
    place.done(&["audit", "verify", "--key", &place.vkey, "--since", "kept"]);
    // Another log with the same key has another history.
    place.done(&["audit", "init", "other", "--origin", ORIGIN, "--key", "log.key"]);
    for _ in 0..4 {
        place
            .suture(&["revert", "abcdef", "--pid", "2147483647", "--deadline", "0"])
            .env("SUTURE_AUDIT_DIR", "other")
            .output()
            .unwrap();
    }
    insta::assert_snapshot!(place.transcript(&["audit", "consistency", "kept", "--log", "other"]));
    insta::assert_snapshot!(place.transcript(&[
        "audit",
        "verify",
        "other",
        "--key",
        &place.vkey,
        "--since",
        "kept"
    ]));
}

#[test]
fn witnesses_sign_what_goes_on() {
    let place = Place::with_log("witness");
    let mut policy = format!("log {}\n", place.vkey);
    for witness in ["w1", "w2", "w3"] {
        place.make_key(witness);
    }
    let sign = |witness: &str| {
        let (name, state) = (format!("witness.example/{witness}"), format!("{witness}.state"));
        place.run(&[
            "audit",
            "witness",
            "--json",
            "--log-key",
            &place.vkey,
            "--key",
            witness,
            "--name",
            &name,
            "--state",
            &state,
        ])
    };
    for witness in ["w1", "w2", "w3"] {
        let document: serde_json::Value = serde_json::from_slice(&sign(witness).stdout).unwrap();
        policy += ["witness ", witness, " ", document["vkey"].as_str().unwrap(), "\n"].concat().as_str();
    }
    place.write("policy", &format!("{policy}group two 2 w1 w2 w3\nquorum two\n"));
    place.done(&["audit", "verify", "--policy", "policy"]);
    // What has come since is not witnessed yet.
    place.acts(2);
    insta::assert_snapshot!(place.transcript(&["audit", "verify", "--policy", "policy"]));
    assert_eq!(sign("w1").status.code(), Some(0));
    let output = place.run(&["audit", "verify", "--policy", "policy"]);
    assert!(
        String::from_utf8_lossy(&output.stderr).contains("has only witness.example/w1 of the quorum `two`")
    );
    assert_eq!(sign("w3").status.code(), Some(0));
    place.done(&["audit", "export", "-o", "log.export"]);
    let verified = place.json(&["audit", "verify", "log.export", "--policy", "policy", "--json"]);
    assert_eq!(verified["witnesses"].as_array().unwrap().len(), 2);
    // Both states with their cosignatures are in the export.
    assert_eq!(place.read("log.export").matches("— witness.example/w1 ").count(), 2);

    // A log that was made anew under the same name gets no signature.
    std::fs::rename(place.path("log"), place.path("first")).unwrap();
    place.done(&["audit", "init", "log", "--origin", ORIGIN, "--key", "log.key"]);
    let output = sign("w1");
    assert_eq!(output.status.code(), Some(5));
    place.acts(6);
    let output = sign("w1");
    assert_eq!(output.status.code(), Some(5));
    assert!(
        String::from_utf8_lossy(&output.stderr)
            .contains("does not go on from the 3 entries that were witnessed")
    );
}

/// A witness elsewhere has a copy of what is served and its own key, and nothing of the log's.
#[test]
fn a_witness_elsewhere_needs_no_key_of_the_log() {
    let place = Place::with_log("far-witness");
    place.acts(1);
    let far = Place::empty("far-witness-elsewhere");
    let copied = std::process::Command::new("cp")
        .arg("-r")
        .arg(place.path("log/public"))
        .arg(far.path("copy"))
        .status();
    assert!(copied.unwrap().success());
    far.make_key("w");
    let witness = ["audit", "witness", "--json", "--log", "copy", "--log-key", &place.vkey, "--key", "w"];
    let more = ["--name", "witness.example/w", "--state", "state", "-o", "signed"];
    let document = far.json(&[&witness[..], &more].concat());
    std::fs::copy(far.path("signed"), place.path("signed")).unwrap();
    let witness = document["vkey"].as_str().unwrap();
    place.write("policy", &format!("log {}\nwitness W {witness}\nquorum W\n", place.vkey));
    insta::assert_snapshot!(place.transcript(&["audit", "receive", "signed", "--policy", "policy"]));
    place.done(&["audit", "verify", "--policy", "policy"]);
    // One that is forged, and one that comes too late, are not taken.
    let (head, line) =
        far.read("signed").trim_end().rsplit_once('\n').map(|(a, b)| (a.to_owned(), b.to_owned())).unwrap();
    let (name, base64) = line.rsplit_once(' ').unwrap();
    let flipped = if base64.ends_with("A=") { "E=" } else { "A=" };
    place.write("forged", &format!("{head}\n{name} {}{flipped}\n", &base64[..base64.len() - 2]));
    assert_eq!(place.run(&["audit", "receive", "forged", "--policy", "policy"]).status.code(), Some(5));
    place.acts(1);
    insta::assert_snapshot!(place.transcript(&["audit", "receive", "signed", "--policy", "policy"]));
}

/// Several programs at once, as on a machine where several people work.
#[test]
fn acts_of_many_programs_are_all_recorded() {
    let place = Place::with_log("many");
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| place.acts(4));
        }
    });
    let verified = place.json(&["audit", "verify", "--key", &place.vkey, "--json"]);
    assert_eq!(verified["size"], 17);
}

/// Killed behind any operation on the log, the program has recorded its act, or the next one records it before its own.
#[test]
fn a_program_that_is_killed_leaves_the_log_whole() {
    let place = Place::with_log("killed");
    let mut size = 1;
    for number in 1.. {
        let mut command = place.suture(&["leak-check", "log.key.pub", "--term", "a secret"]);
        let status =
            command.env("SUTURE_TILES_FAULT", format!("kill-after:{number}")).output().unwrap().status;
        let verified = place.json(&["audit", "verify", "--key", &place.vkey, "--json"]);
        let now = verified["size"].as_u64().unwrap();
        assert!((size..=size + 2).contains(&now), "{number}");
        size = now;
        if status.success() {
            assert!(number > 10, "only {number} operations");
            break;
        }
    }
    place.acts(1);
    assert_eq!(place.json(&["audit", "verify", "--key", &place.vkey, "--json"])["size"], size + 1);
}
