//! What becomes public: only what the policy lets somebody publish whose key is at hand, and nothing that gives away what is
//! under embargo.

use std::fs;
use std::path::{Path, PathBuf};

use crate::office::{done, open, sign_all};
use crate::patch::{self, json};
use crate::transcript::run;

pub(crate) const LATER: &str = "2999-01-01T00:00:00Z";

/// Everybody, a channel that nothing is in yet, and a bundle for the case `greet-1`.
pub(crate) fn prepared(name: &str, case: &[&str]) -> PathBuf {
    let here = open(name);
    for key in ["team", "node"] {
        done(&here, &["key", "new", "-o", key, "--no-passphrase", "--comment", key]);
    }
    let new = ["case", "new", "greet-1", "--title", "Greeting reveals the moonstone", "--program", "server"];
    done(&here, &[&new, case].concat());
    patch::delta(&here, "server", "fix", "fixed %d");
    patch::dossier_with(&here, &["fix.delta"], &["--case", "greet-1"]);
    patch::bundle_of_fix(&here);
    let keys =
        "--root-key cora --targets-key cora --patches-key team --snapshot-key team --timestamp-key team";
    let init: Vec<&str> = ["channel", "init", "channel"].into_iter().chain(keys.split(' ')).collect();
    done(&here, &init);
    done(&here, &["channel", "add", "channel", "--policy", "trust"]);
    here
}

/// Publishes with the keys of the channel, as the person whose key is given as well; what is wrong, if it is refused.
pub(crate) fn publish(here: &Path, person: &str, more: &[&str]) -> Result<(), String> {
    let line = ["channel", "publish", "channel", "--key", "cora", "--key", "team", "--trust", "trust"];
    // The commander's key signs for targets; as another person's it must not count as the commander's word.
    let line = [&line[..], &["--key", person], more].concat();
    let output = run(here, &line);
    match output.status.code() {
        Some(0) => Ok(()),
        Some(5) => Err(String::from_utf8(output.stderr).unwrap()),
        code => panic!("{code:?}: {}", String::from_utf8_lossy(&output.stderr)),
    }
}

/// Names of the public files of the channel.
pub(crate) fn public(here: &Path) -> Vec<String> {
    let entries = fs::read_dir(here.join("channel/public/targets")).unwrap();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

pub(crate) fn add(here: &Path, more: &[&str]) {
    done(here, &[&["channel", "add", "channel", "--bundle", "fix.bundle"], more].concat());
}

/// Takes the bundle out of the channel again.
fn take_out(here: &Path) {
    done(here, &["channel", "remove", "channel", "fix.bundle"]);
}

#[test]
fn the_policy_is_asked_before_a_bundle_is_public() {
    let here = prepared("publish-policy", &[]);
    add(&here, &[]);
    let why = publish(&here, "cora", &[]).unwrap_err();
    for rule in ["patch-has-author", "independent-review", "rehearsal-passed"] {
        assert!(why.contains(rule), "{why}");
    }
    assert!(why.contains("published by cora"), "{why}");
    // Who could mend it is said here: to run it is another question than to publish it.
    assert!(
        why.contains("independent-review could be given by art, rob, ray") && !why.contains("policy check"),
        "{why}"
    );
    assert_eq!(public(&here), Vec::<String>::new());
    sign_all(&here, "fix.bundle");
    add(&here, &[]);
    publish(&here, "cora", &[]).unwrap();
    assert!(public(&here).iter().any(|name| name.ends_with(".bundle.fix.bundle")));
    // What is public is not asked about again: another policy does not keep a channel from being refreshed.
    fs::remove_file(here.join("fix.bundle.intoto.jsonl")).unwrap();
    publish(&here, "cora", &[]).unwrap();
}

#[test]
fn who_publishes_is_whose_key_is_at_hand() {
    let here = prepared("publish-who", &[]);
    sign_all(&here, "fix.bundle");
    add(&here, &[]);
    // A machine's key is nobody's.
    let keys = ["channel", "rotate", "channel", "--targets-key", "team", "--key", "cora"];
    done(&here, &keys);
    let output = run(&here, &["channel", "publish", "channel", "--key", "team", "--trust", "trust"]);
    assert_eq!(output.status.code(), Some(5));
    assert!(String::from_utf8_lossy(&output.stderr).contains("belongs to anybody in the trust root"));
    // A reviewer may not publish, an author may.
    let line = ["channel", "publish", "channel", "--key", "team", "--trust", "trust", "--key"];
    let output = run(&here, &[&line[..], &["rob"]].concat());
    assert_eq!(output.status.code(), Some(5));
    let why = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(why.contains("published by rob") && why.contains("no rule permits it"), "{why}");
    assert_eq!(public(&here), Vec::<String>::new());
    done(&here, &[&line[..], &["ann"]].concat());
}

/// The case says until when it is secret; a bundle for it goes out encrypted, or not at all.
#[test]
fn what_is_under_embargo_is_encrypted() {
    let here = prepared("publish-embargo", &["--embargo-until", LATER]);
    sign_all(&here, "fix.bundle");
    add(&here, &[]);
    let why = publish(&here, "cora", &[]).unwrap_err();
    assert!(why.contains("embargo-is-encrypted"), "{why}");
    // Nobody has seen it: it is encrypted in its place.
    add(&here, &["--embargo-until", LATER, "--to-file", "node.pub"]);
    publish(&here, "cora", &[]).unwrap();
    assert!(public(&here).iter().any(|name| name.contains(".sealed.")));
    // What is told too early is told against the policy.
    done(&here, &["channel", "reveal", "channel", "fix.bundle", "--early"]);
    let why = publish(&here, "cora", &[]).unwrap_err();
    assert!(why.contains("embargo-is-encrypted"), "{why}");
}

/// A case that is not at hand may be under embargo: that nobody knows is no reason to publish.
#[test]
fn a_case_that_is_not_at_hand_is_asked_for() {
    let here = prepared("publish-no-case", &["--embargo-until", LATER]);
    sign_all(&here, "fix.bundle");
    add(&here, &[]);
    let why = publish(&here, "cora", &["--cases", "elsewhere"]).unwrap_err();
    assert!(why.contains("`greet-1`") && why.contains("not in `elsewhere`"), "{why}");
    assert!(why.contains("--cases") && why.contains("--without-case"), "{why}");
    // The case of another bundle is no word about this one.
    publish(&here, "cora", &["--cases", "elsewhere", "--without-case", "greet-2"]).unwrap_err();
    // A record that is at hand holds, whatever is said.
    let why = publish(&here, "cora", &["--without-case", "greet-1"]).unwrap_err();
    assert!(why.contains("embargo-is-encrypted"), "{why}");
    // Encrypted it can be published; what would give it away is known from its case alone.
    take_out(&here);
    add(&here, &["--embargo-until", LATER, "--to-file", "node.pub"]);
    publish(&here, "cora", &["--cases", "elsewhere"]).unwrap_err();
    assert_eq!(public(&here), Vec::<String>::new());
    publish(&here, "cora", &["--cases", "elsewhere", "--without-case", "greet-1"]).unwrap();
}

/// Without a trust root nobody asks the policy; the embargo of a case and the search for leaks hold.
#[test]
fn an_embargo_holds_without_a_trust_root() {
    let here = prepared("publish-no-trust", &["--embargo-until", LATER]);
    add(&here, &[]);
    let line = ["channel", "publish", "channel", "--key", "cora", "--key", "team"];
    let refused = json(&here, 5, &line);
    let why = refused["error"]["why"].as_str().unwrap();
    assert!(why.contains("case is under embargo until") && why.contains(LATER), "{refused}");
    let missing = json(&here, 5, &[&line[..], &["--cases", "elsewhere"]].concat());
    assert!(missing["error"]["why"].as_str().unwrap().contains("not in `elsewhere`"), "{missing}");
    assert_eq!(public(&here), Vec::<String>::new());
    take_out(&here);
    add(&here, &["--embargo-until", LATER, "--to-file", "node.pub"]);
    done(&here, &line);
    fs::create_dir(here.join("trust/policy")).unwrap();
    let rule = "// The greeting reveals the moonstone.\n\
                @id(\"all\")\n@says(\"Everything may run.\")\npermit (principal, action, resource);\n";
    fs::write(here.join("trust/policy/1.cedar"), rule).unwrap();
    done(&here, &["channel", "add", "channel", "--policy", "trust"]);
    let leaking = json(&here, 5, &line);
    assert!(leaking["error"]["what"].as_str().unwrap().contains("gives away"), "{leaking}");
    assert!(!public(&here).iter().any(|name| name.ends_with("policy.1.cedar")));
}

/// Rules that let everything be published end no embargo: the record of the case does.
#[test]
fn an_embargo_holds_whatever_the_rules_say() {
    let here = prepared("publish-lax", &["--embargo-until", LATER]);
    fs::create_dir(here.join("trust/policy")).unwrap();
    let rule = "@id(\"all\")\n@says(\"Everything may run.\")\npermit (principal, action, resource);\n";
    fs::write(here.join("trust/policy/1.cedar"), rule).unwrap();
    add(&here, &[]);
    let why = publish(&here, "cora", &[]).unwrap_err();
    assert!(why.contains("before its time") && why.contains(LATER), "{why}");
    assert_eq!(public(&here), Vec::<String>::new());
}

/// What nobody here can read nobody can agree to.
#[test]
fn an_encrypted_bundle_that_is_not_known_is_not_published() {
    let here = prepared("publish-unknown", &[]);
    fs::write(here.join("channel/content").join(format!("sealed.{}", "0".repeat(32))), "age").unwrap();
    let line = ["channel", "publish", "channel", "--key", "cora", "--key", "team", "--trust", "trust"];
    let refused = json(&here, 5, &line);
    assert!(refused["error"]["why"].as_str().unwrap().contains("is not in `embargo`"), "{refused}");
    assert_eq!(public(&here), Vec::<String>::new());
}

/// What somebody has put into the channel's content by hand is named by where it is, and a link is not followed.
#[test]
fn what_is_in_the_content_by_hand_is_named_by_its_place() {
    let here = prepared("publish-junk", &[]);
    let content = here.join("channel/content");
    let line = ["channel", "publish", "channel", "--key", "cora", "--key", "team", "--trust", "trust"];
    fs::write(content.join("bundle.junk"), "junk").unwrap();
    let refused = json(&here, 2, &line);
    assert!(refused["error"]["what"].as_str().unwrap().contains("`content/bundle.junk`"), "{refused}");
    fs::remove_file(content.join("bundle.junk")).unwrap();
    sign_all(&here, "fix.bundle");
    add(&here, &[]);
    for name in ["bundle.fix.bundle", "policy.root.toml", "bundle.passwd"] {
        let held = fs::read(content.join(name)).ok();
        let _ = fs::remove_file(content.join(name));
        std::os::unix::fs::symlink(here.join("fix.bundle"), content.join(name)).unwrap();
        let refused = json(&here, 2, &line).to_string();
        assert!(
            refused.contains(&format!("content/{name}")) && refused.contains("it is a link"),
            "{refused}"
        );
        fs::remove_file(content.join(name)).unwrap();
        if let Some(held) = held {
            fs::write(content.join(name), held).unwrap();
        }
    }
    assert_eq!(public(&here), Vec::<String>::new());
    publish(&here, "cora", &[]).unwrap();
}

/// While something is secret, nothing goes out that nobody can look into: a document that is compressed, for example.
#[test]
fn what_can_not_be_looked_into_waits_for_the_end_of_an_embargo() {
    let here = prepared("publish-closed", &[]);
    sign_all(&here, "fix.bundle");
    fs::write(here.join("notes.gz"), b"\x1f\x8b\x08\0").unwrap();
    patch::delta(&here, "other", "more", "more %d");
    patch::dossier_with(&here, &["more.delta"], &["--case", "greet-1"]);
    let more = ["bundle", "create", "more.delta", "--dossier", "dossier.toml", "--document", "notes.gz"];
    done(&here, &[&more[..], &["-o", "more.bundle"]].concat());
    sign_all(&here, "more.bundle");
    add(&here, &["--embargo-until", LATER, "--to-file", "node.pub"]);
    publish(&here, "cora", &[]).unwrap();
    done(&here, &["channel", "add", "channel", "--bundle", "more.bundle"]);
    let words = ["greeting", "reveals", "moonstone", "check", "count", "greet-1", "check.c"];
    let known: Vec<&str> = words.iter().flat_map(|word| ["--known", word]).collect();
    let why = publish(&here, "cora", &known).unwrap_err();
    assert!(why.contains("notes.gz in it") && why.contains("compressed with gzip"), "{why}");
    assert!(!public(&here).iter().any(|name| name.contains("more.bundle")));
}

/// The title of the case, the name of the bundle and the names of what it changes are looked for in everything that is new.
#[test]
fn nothing_gives_away_what_is_under_embargo() {
    let here = prepared("publish-leak", &[]);
    sign_all(&here, "fix.bundle");
    add(&here, &["--embargo-until", LATER, "--to-file", "node.pub"]);
    publish(&here, "cora", &[]).unwrap();
    fs::create_dir(here.join("trust/policy")).unwrap();
    let rule = "// While the greeting reveals the moonstone, two people look at it.\n\
                @id(\"all\")\n@says(\"Everything may run.\")\npermit (principal, action, resource);\n";
    fs::write(here.join("trust/policy/1.cedar"), rule).unwrap();
    done(&here, &["channel", "add", "channel", "--policy", "trust"]);
    let why = publish(&here, "cora", &[]).unwrap_err();
    assert!(why.contains("gives away what is under embargo"), "{why}");
    assert!(why.contains("policy.1.cedar:1") && why.contains("is in the title"), "{why}");
    assert!(!public(&here).iter().any(|name| name.ends_with("policy.1.cedar")));
    // The machines go on refreshing what is public.
    done(&here, &["channel", "refresh", "channel", "--key", "team"]);
    let known = ["greeting", "reveals", "moonstone"].iter().flat_map(|word| ["--known", word]);
    publish(&here, "cora", &known.collect::<Vec<_>>()).unwrap();
    assert!(public(&here).iter().any(|name| name.ends_with("policy.1.cedar")));
}

/// A case whose bundle is not in the channel yet is kept secret if it is named.
#[test]
fn a_case_that_is_named_is_not_given_away_either() {
    let here = prepared("publish-secret", &["--id", "CVE-2026-12345"]);
    fs::create_dir(here.join("trust/policy")).unwrap();
    let rule = "// CVE-2026-12345\n@id(\"all\")\n@says(\"Everything may run.\")\npermit (principal, action, resource);\n";
    fs::write(here.join("trust/policy/1.cedar"), rule).unwrap();
    done(&here, &["channel", "add", "channel", "--policy", "trust"]);
    let why = publish(&here, "cora", &["--secret", "greet-1"]).unwrap_err();
    assert!(why.contains("policy.1.cedar:1: `CVE-2026-12345`"), "{why}");
    let document = json(
        &here,
        5,
        &[
            "channel", "publish", "channel", "--key", "cora", "--key", "team", "--trust", "trust",
            "--secret", "greet-1",
        ],
    );
    assert_eq!(document["error"]["exit"], 5);
    publish(&here, "cora", &[]).unwrap();
}
