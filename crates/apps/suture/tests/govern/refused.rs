//! A refusal blocks until whoever refused takes it back: it reaches the nodes after the bundle, and nobody gets rid of it by
//! putting the bundle into the channel without it.

use std::fs;
use std::path::{Path, PathBuf};

use crate::office::{Server, check, done, open, sign, sign_all};
use crate::patch::{self, json};
use crate::publishing::{LATER, add, prepared, public, publish};
use crate::transcript::run;

const STATEMENTS: &str = "fix.bundle.intoto.jsonl";
const REASON: &str = "it drops every second packet";

/// A channel with a bundle that the policy lets run, published.
fn published(name: &str) -> PathBuf {
    let here = prepared(name, &[]);
    sign_all(&here, "fix.bundle");
    add(&here, &[]);
    publish(&here, "cora", &[]).unwrap();
    here
}

fn refuse(here: &Path) {
    sign(here, "fix.bundle", "ray", "reviewer", &["--refuse", "--reason", REASON]);
}

/// What a node that fetches has to say about the bundle: what is missing.
fn at_the_node(here: &Path, more: &[&str]) -> Vec<String> {
    let url = format!("file://{}/channel/public", here.display());
    let root = "channel/public/metadata/1.root.json";
    done(here, &[&["fetch", &url, "--root", root, "--datastore", "seen", "--out", "got"], more].concat());
    check(here, "got/bundles/fix.bundle", &[]).0
}

/// Ends with exit code 5 and the reason of the refusal.
fn is_refused(here: &Path, arguments: &[&str]) {
    let refused = json(here, 5, arguments);
    let why = refused["error"]["why"].as_str().unwrap();
    assert!(why.contains(REASON), "{arguments:?}: {refused}");
    assert!(refused["error"]["help"].as_str().unwrap().contains("--withdraw"), "{refused}");
}

/// Cuts the refusal out of a file of statements: the last line.
fn without_refusal(here: &Path) -> String {
    let text = fs::read_to_string(here.join(STATEMENTS)).unwrap();
    let (rest, _) = text.trim_end().rsplit_once('\n').unwrap();
    format!("{rest}\n")
}

/// An operator's own rules may know nothing of refusals: what is refused does not run, whoever is asked.
#[test]
fn a_pack_that_knows_no_refusals_lets_none_by() {
    let here = open("refused-own-pack");
    patch::bundle(&here);
    fs::create_dir(here.join("trust/policy")).unwrap();
    let rule = "@id(\"all\")\n@says(\"Everything may run.\")\npermit (principal, action, resource);\n";
    fs::write(here.join("trust/policy/own.cedar"), rule).unwrap();
    assert_eq!(check(&here, "fix.bundle", &[]), (Vec::new(), true));
    refuse(&here);
    let asked = ["policy", "check", "fix.bundle", "--trust", "trust"];
    let told = json(&here, 5, &asked);
    assert_eq!(
        (&told["allowed"], &told["refused_by"]),
        (&false.into(), &serde_json::json!(["ray"])),
        "{told}"
    );
    let text = String::from_utf8(run(&here, &asked).stdout).unwrap();
    assert!(
        text.contains("may not run") && text.contains("a refusal of ray (storage), which blocks"),
        "{text}"
    );
    json(&here, 5, &["bundle", "verify", "fix.bundle", "--trust", "trust"]);
    let server = Server::start(&here, "server");
    for (more, helped) in [(&[][..], "trust`"), (&["--dark"], "trust --dark`")] {
        let refused =
            server.operate(&here, 5, &[&["apply", "fix.bundle", "--trust", "trust"], more].concat());
        let why = refused["error"]["why"].as_str().unwrap();
        assert!(
            why.starts_with("refused by ray (storage) as reviewer: ") && why.contains(REASON),
            "{refused}"
        );
        let help = refused["error"]["help"].as_str().unwrap();
        assert!(help.contains(&format!("`suture policy check fix.bundle --trust {helped}")), "{refused}");
    }
    sign(&here, "fix.bundle", "ray", "reviewer", &["--withdraw"]);
    assert_eq!(check(&here, "fix.bundle", &[]), (Vec::new(), true));
}

/// The machines' keys are enough: nobody who may publish has to agree to a refusal, and no case has to be at hand.
#[test]
fn a_refusal_reaches_the_nodes_that_have_the_bundle() {
    let here = published("refused-later");
    assert!(at_the_node(&here, &[]).is_empty());
    refuse(&here);
    // Whatever else has been said meanwhile goes out with it.
    sign(&here, "fix.bundle", "art", "author", &["--comment", "looks good to me"]);
    add(&here, &[]);
    let line = ["channel", "publish", "channel", "--key", "team", "--trust", "trust", "--cases", "elsewhere"];
    let told = run(&here, &line);
    assert!(told.status.success(), "{}", String::from_utf8_lossy(&told.stderr));
    assert!(String::from_utf8_lossy(&told.stderr).contains("public and refused"));
    assert_eq!(at_the_node(&here, &[]), ["refusal-blocks"]);
    // Taken back it is asked about like any other.
    sign(&here, "fix.bundle", "ray", "reviewer", &["--withdraw"]);
    add(&here, &[]);
    assert_eq!(run(&here, &line).status.code(), Some(5));
    publish(&here, "cora", &[]).unwrap();
    assert!(at_the_node(&here, &[]).is_empty());
}

/// Strangers who fill the file of statements do not keep a refusal from the channel, nor from the nodes.
#[test]
fn a_refusal_reaches_the_nodes_through_lines_of_strangers() {
    let here = published("refused-filled");
    done(&here, &["key", "new", "-o", "eve", "--no-passphrase"]);
    let said = fs::read_to_string(here.join(STATEMENTS)).unwrap();
    sign(&here, "fix.bundle", "eve", "reviewer", &["--refuse", "--reason", "because"]);
    let all = fs::read_to_string(here.join(STATEMENTS)).unwrap();
    let stranger = &all[said.len()..];
    fs::write(here.join(STATEMENTS), format!("{said}{}", stranger.repeat(1100))).unwrap();
    refuse(&here);
    add(&here, &[]);
    done(&here, &["channel", "publish", "channel", "--key", "team", "--trust", "trust"]);
    assert_eq!(at_the_node(&here, &[]), ["refusal-blocks"]);
    // What is remembered of strangers' refusals can be read the next time.
    add(&here, &[]);
    fs::write(here.join("stripped.jsonl"), said).unwrap();
    let stripped = ["channel", "add", "channel", "--bundle", "fix.bundle", "--statements", "stripped.jsonl"];
    let refused = json(&here, 5, &stripped);
    assert!(refused["error"]["why"].as_str().unwrap().contains("was refused"), "{refused}");
}

/// Somebody who may not refuse stops nothing, and gets nothing past the policy either.
#[test]
fn a_refusal_that_does_not_count_opens_no_way_past_the_policy() {
    let here = published("refused-by-nobody");
    done(&here, &["key", "new", "-o", "eve", "--no-passphrase"]);
    sign(&here, "fix.bundle", "eve", "reviewer", &["--refuse", "--reason", REASON]);
    add(&here, &[]);
    let line = ["channel", "publish", "channel", "--key", "team", "--trust", "trust"];
    assert_eq!(run(&here, &line).status.code(), Some(5));
    publish(&here, "cora", &[]).unwrap();
    assert!(at_the_node(&here, &[]).is_empty());
}

#[test]
fn a_refusal_that_is_known_is_not_dropped() {
    let here = published("refused-dropped");
    refuse(&here);
    add(&here, &[]);
    let publish_line =
        ["channel", "publish", "channel", "--key", "cora", "--key", "team", "--trust", "trust"];
    let add_line = ["channel", "add", "channel", "--bundle"];
    fs::write(here.join("stripped.jsonl"), without_refusal(&here)).unwrap();
    let stripped = ["--statements", "stripped.jsonl"];
    fs::copy(here.join("fix.bundle"), here.join("other.bundle")).unwrap();
    // A signature that is none is not the refusal either.
    let text = fs::read_to_string(here.join(STATEMENTS)).unwrap();
    let (rest, last) = text.trim_end().rsplit_once('\n').unwrap();
    let mut spoilt: serde_json::Value = serde_json::from_str(last).unwrap();
    spoilt["signatures"][0]["sig"] = "AAAA".into();
    fs::write(here.join("spoilt.jsonl"), format!("{rest}\n{spoilt}\n")).unwrap();
    let rows: [&[&str]; 4] = [
        &[&["fix.bundle"], &stripped[..]].concat(),
        &["fix.bundle", "--statements", "spoilt.jsonl"],
        &["other.bundle"],
        &[&["fix.bundle"], &stripped[..], &["--embargo-until", LATER, "--to-file", "node.pub"]].concat(),
    ];
    let all_refused = || rows.iter().for_each(|row| is_refused(&here, &[&add_line[..], row].concat()));
    // Before it is published, when it is, when somebody has edited the channel by hand, and after all of it has gone.
    all_refused();
    publish(&here, "cora", &[]).unwrap();
    all_refused();
    let content = here.join("channel/content/bundle.fix.bundle.intoto.jsonl");
    fs::write(&content, without_refusal(&here)).unwrap();
    is_refused(&here, &publish_line);
    // What is public is remembered by itself.
    fs::remove_dir_all(here.join("channel/refusals")).unwrap();
    is_refused(&here, &publish_line);
    done(&here, &["channel", "remove", "channel", "fix.bundle"]);
    add(&here, &[]);
    done(&here, &["channel", "remove", "channel", "fix.bundle"]);
    publish(&here, "cora", &[]).unwrap();
    all_refused();
    // With it, it goes in; and out only when it is taken back.
    add(&here, &[]);
    assert!(publish(&here, "cora", &[]).unwrap_err().contains("refusal-blocks"));
    sign(&here, "fix.bundle", "ray", "reviewer", &["--withdraw"]);
    add(&here, &[]);
    publish(&here, "cora", &[]).unwrap();
}

/// What was refused before it was public is not published, and stops nothing else once it is taken out.
#[test]
fn what_was_refused_before_is_taken_out() {
    let here = prepared("refused-before", &[]);
    sign_all(&here, "fix.bundle");
    refuse(&here);
    add(&here, &[]);
    let why = publish(&here, "cora", &[]).unwrap_err();
    assert!(why.contains("refusal-blocks") && why.contains("suture channel remove"), "{why}");
    let removed = json(&here, 0, &["channel", "remove", "channel", "fix.bundle"]);
    assert_eq!(
        (&removed["removed"], &removed["public_until_published"]),
        (&serde_json::json!(["bundle.fix.bundle", "bundle.fix.bundle.intoto.jsonl"]), &serde_json::json!([]))
    );
    publish(&here, "cora", &[]).unwrap();
    assert!(public(&here).iter().all(|name| !name.contains(".bundle.")));
}

/// Under embargo the same holds for those who have it; whoever gets it first is asked about.
#[test]
fn a_refusal_reaches_the_recipients_of_an_embargo() {
    let here = prepared("refused-embargo", &["--embargo-until", LATER]);
    sign_all(&here, "fix.bundle");
    let sealed = ["--embargo-until", LATER, "--to-file", "node.pub"];
    add(&here, &sealed);
    publish(&here, "cora", &[]).unwrap();
    assert!(at_the_node(&here, &["--identity", "node"]).is_empty());
    refuse(&here);
    add(&here, &[&sealed[..], &["--to-file", "rob.pub"]].concat());
    let why = publish(&here, "cora", &[]).unwrap_err();
    assert!(why.contains("refusal-blocks"), "{why}");
    add(&here, &sealed);
    done(&here, &["channel", "publish", "channel", "--key", "team", "--trust", "trust"]);
    assert_eq!(at_the_node(&here, &["--identity", "node"]), ["refusal-blocks"]);
    let kept = fs::read_dir(here.join("channel/embargo")).unwrap().count();
    assert_eq!(kept, 1, "what was replaced and is public no more is kept no longer");
}

#[test]
fn what_is_taken_out_is_public_until_the_next_publication() {
    let here = published("removed");
    let shown = || json(&here, 0, &["channel", "show", "channel"])["targets"].to_string();
    let output = run(&here, &["channel", "remove", "channel", "bundle.fix.bundle"]);
    let told = String::from_utf8(output.stdout).unwrap();
    assert!(told.contains("public until the next `suture channel publish`"), "{told}");
    assert!(shown().contains("\"state\":\"goes\""), "{}", shown());
    assert!(at_the_node(&here, &[]).is_empty());
    publish(&here, "cora", &[]).unwrap();
    assert!(!shown().contains("fix.bundle"), "{}", shown());
    let url = format!("file://{}/channel/public", here.display());
    let root = "channel/public/metadata/1.root.json";
    done(&here, &["fetch", &url, "--root", root, "--datastore", "seen", "--out", "got"]);
    assert!(!here.join("got/bundles/fix.bundle").exists());
    let gone = json(&here, 2, &["channel", "remove", "channel", "fix.bundle"]);
    assert!(gone["error"]["why"].as_str().unwrap().contains("no bundle of that name"), "{gone}");
    json(&here, 2, &["channel", "remove", "channel"]);
}

/// A policy that was added by mistake is taken out; the one that nodes have stays.
#[test]
fn a_policy_that_waits_is_taken_out() {
    let here = prepared("removed-policy", &[]);
    json(&here, 0, &["channel", "remove", "channel", "--policy"]);
    json(&here, 2, &["channel", "remove", "channel", "--policy"]);
    done(&here, &["channel", "add", "channel", "--policy", "trust"]);
    publish(&here, "cora", &[]).unwrap();
    json(&here, 2, &["channel", "remove", "channel", "--policy"]);
    let root = fs::read(here.join("trust/root.toml")).unwrap();
    fs::create_dir(here.join("trust/policy")).unwrap();
    let rule = "@id(\"all\")\n@says(\"Everything may run.\")\npermit (principal, action, resource);\n";
    fs::write(here.join("trust/policy/1.cedar"), rule).unwrap();
    let (some, _) = root.split_at(root.len() / 2);
    let some = String::from_utf8_lossy(some);
    fs::write(here.join("trust/root.toml"), some.rsplit_once("[[principal]]").unwrap().0).unwrap();
    done(&here, &["channel", "add", "channel", "--policy", "trust"]);
    let removed = json(&here, 0, &["channel", "remove", "channel", "--policy"]);
    assert_eq!(removed["removed"], serde_json::json!(["policy.1.cedar", "policy.root.toml"]));
    assert_eq!(removed["public_until_published"], serde_json::json!(["policy.root.toml"]));
    // What nodes have is there again, and nothing else.
    let waits: serde_json::Value =
        serde_json::from_slice(&fs::read(here.join("channel/policy.json")).unwrap()).unwrap();
    let root = String::from_utf8(root).unwrap();
    assert_eq!(waits["files"], serde_json::json!({ "root.toml": root }));
}
