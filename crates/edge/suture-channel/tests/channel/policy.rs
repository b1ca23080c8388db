//! A trust policy that nodes can't use stops all of them: it is neither added nor published, and does not replace one.

use serde_json::json;
use suture_channel::{ChannelError, Refusal, Role, Scope, add_policy, plan};

use crate::rig::{Client, OTHER_RULES, RULES, Rig, sha256, tree};

/// A file of a trust policy, its content, and what is said about it.
const BROKEN: [(&str, &[u8], &str); 5] = [
    ("policy/1-rules.cedar", b"permit (principal, action", "1-rules.cedar"),
    ("policy/1-rules.cedar", b"permit (principal, action, resource);\n", "1-rules.cedar"),
    ("root.toml", b"schema = ", "root.toml"),
    ("root.toml", b"schema = 1\n[[principal]]\nname = \"ann\"\n", "root.toml"),
    ("root.toml", b"\xff\xfe", "root.toml: it is no text"),
];

/// What is wrong with the input, in words.
fn input<T: std::fmt::Debug>(result: Result<T, ChannelError>) -> String {
    match result {
        Err(error @ ChannelError::Input { .. }) => error.to_string(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_nodes_can_not_use_is_not_added() {
    let rig = Rig::new();
    for (file, content, words) in BROKEN {
        let policy = rig.policy(RULES);
        std::fs::write(policy.join(file), content).unwrap();
        let before = tree(&rig.room.path().join("channel/content"));
        let why = input(add_policy(&rig.place, &policy));
        assert!(why.contains(words), "{why}");
        assert_eq!(tree(&rig.room.path().join("channel/content")), before, "{file}");
    }
    let policy = rig.policy(RULES);
    std::fs::remove_file(policy.join("policy/1-rules.cedar")).unwrap();
    let why = input(add_policy(&rig.place, &policy));
    assert!(why.contains("has no rules in it"), "{why}");
}

/// Somebody has edited the channel's content by hand.
#[test]
fn what_nodes_can_not_use_is_not_published() {
    let rig = Rig::new();
    let content = rig.room.path().join("channel/content");
    let published = || input(plan(&rig.place, Scope::Content, &rig.signers(&Role::ALL), rig.now));
    for (file, broken, words) in BROKEN {
        add_policy(&rig.place, &rig.policy(RULES)).unwrap();
        let name = file.rsplit('/').next().unwrap();
        std::fs::write(content.join(format!("policy.{name}")), broken).unwrap();
        let why = published();
        assert!(why.contains(words) && why.contains("trust policy"), "{why}");
    }
    std::fs::remove_file(content.join("policy.root.toml")).unwrap();
    let why = published();
    assert!(why.contains("there is no root.toml"), "{why}");
    // Nor is the whole of it taken from nodes that have it.
    std::fs::remove_file(content.join("policy.1-rules.cedar")).unwrap();
    published();
    add_policy(&rig.place, &rig.policy(OTHER_RULES)).unwrap();
    rig.publish();
}

/// Publishes a list of policy files with the keys of the channel and no questions.
fn force(rig: &Rig, files: &[(&str, &[u8])]) {
    let [targets, snapshot, timestamp] =
        [Role::Targets, Role::Snapshot, Role::Timestamp].map(|role| &rig.keys[&role][0]);
    let mut listed = serde_json::Map::new();
    for (name, content) in files {
        let digest = sha256(content);
        let path = rig.place.public().join("targets").join(format!("{digest}.{name}"));
        std::fs::write(path, content).unwrap();
        listed.insert((*name).to_owned(), json!({"length": content.len(), "hashes": {"sha256": digest}}));
    }
    rig.forge("1.targets.json", "2.targets.json", &[targets], |signed| {
        signed["version"] = 2.into();
        signed["targets"] = listed.into();
    });
    let targets = rig.listed("2.targets.json", 2);
    rig.forge("1.snapshot.json", "2.snapshot.json", &[snapshot], |signed| {
        signed["version"] = 2.into();
        signed["meta"]["targets.json"] = targets;
    });
    let snapshot = rig.listed("2.snapshot.json", 2);
    rig.forge("timestamp.json", "timestamp.json", &[timestamp], |signed| {
        signed["version"] = 2.into();
        signed["meta"]["snapshot.json"] = snapshot;
    });
}

fn refused(rig: &Rig, client: &Client) -> String {
    let refusal = client.refusal(&rig.serve().url(), rig.now);
    assert!(matches!(refusal, Refusal::TrustPolicy(_)), "{refusal}");
    assert_eq!(refusal.code(), "trust-policy");
    refusal.to_string()
}

/// Whoever holds the keys publishes it all the same, with another program or an older one: nodes keep what they have.
#[test]
fn what_a_node_can_not_use_does_not_replace_what_it_has() {
    const ROOT: (&str, &[u8]) = ("policy.root.toml", b"schema = 1\n");
    for (files, words) in [
        (&[ROOT, ("policy.1-rules.cedar", b"permit (")][..], "1-rules.cedar"),
        (&[("policy.root.toml", b"schema = 7\n")], "root.toml"),
        (&[("policy.1-rules.cedar", RULES.as_bytes())], "there is no root.toml"),
        (&[], "there is no root.toml"),
    ] {
        let rig = Rig::new();
        let client = rig.client();
        client.fetch(&rig.serve().url(), rig.now).unwrap();
        force(&rig, files);
        let why = refused(&rig, &client);
        assert!(why.contains(words), "{why}");
        assert_eq!(client.read("trust/policy/1-rules.cedar"), RULES.as_bytes());
        // Whoever had none has none, unless there is none to be had.
        let other = rig.client();
        if files.is_empty() {
            other.fetch(&rig.serve().url(), rig.now).unwrap();
        } else {
            refused(&rig, &other);
        }
    }
}

/// What can't be a policy is not downloaded.
#[test]
fn a_policy_has_limits() {
    let rig = Rig::new();
    let long = vec![b'#'; (1 << 20) + 1];
    force(&rig, &[("policy.root.toml", &long)]);
    assert_eq!(rig.client().refusal(&rig.serve().url(), rig.now).code(), "too-much");
    let rig = Rig::new();
    let names: Vec<String> = (0..257).map(|number| format!("policy.{number}.cedar")).collect();
    force(&rig, &names.iter().map(|name| (name.as_str(), RULES.as_bytes())).collect::<Vec<_>>());
    assert_eq!(rig.client().refusal(&rig.serve().url(), rig.now).code(), "too-much");
}
