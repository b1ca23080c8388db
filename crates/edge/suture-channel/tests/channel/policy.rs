//! A trust policy that nodes can't use stops all of them: it is neither added nor published, and does not replace one.

use std::fs;
use std::path::PathBuf;
use std::str;

use serde_json::{Value, json};
use suture_channel::{ChannelError, Refusal, Role, Scope, add_policy, plan, remove_policy};

use crate::rig::{Client, OTHER_RULES, ROOT, RULES, Rig, sha256, tree};

/// A file of a trust policy, its content, and what is said about it.
const BROKEN: [(&str, &[u8], &str); 6] = [
    ("policy/1-rules.cedar", b"permit (principal, action", "1-rules.cedar"),
    ("policy/1-rules.cedar", b"permit (principal, action, resource);\n", "1-rules.cedar"),
    ("root.toml", b"schema = ", "root.toml"),
    ("root.toml", b"schema = 1\n[[principal]]\nname = \"ann\"\n", "root.toml"),
    ("root.toml", b"\xff\xfe", "root.toml: it is no text"),
    ("root.toml", b"schema = 1\n", "root.toml: there is nobody in it"),
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
        fs::write(policy.join(file), content).unwrap();
        let before = tree(&rig.room.path().join("channel"));
        let why = input(add_policy(&rig.place, &policy));
        assert!(why.contains(words), "{why}");
        assert_eq!(tree(&rig.room.path().join("channel")), before, "{file}");
    }
    let policy = rig.policy(RULES);
    fs::remove_file(policy.join("policy/1-rules.cedar")).unwrap();
    let why = input(add_policy(&rig.place, &policy));
    assert!(why.contains("has no rules in it"), "{why}");
}

/// What waits to be published.
fn waiting(rig: &Rig) -> Value {
    serde_json::from_slice(&fs::read(kept(rig)).unwrap()).unwrap()
}

fn kept(rig: &Rig) -> PathBuf {
    rig.room.path().join("channel/policy.json")
}

/// Somebody has edited the channel's directory by hand.
#[test]
fn what_nodes_can_not_use_is_not_published() {
    let rig = Rig::new();
    let published = || input(plan(&rig.place, Scope::Content, &rig.signers(&Role::ALL), rig.now));
    for (file, broken, words) in BROKEN {
        let Ok(broken) = str::from_utf8(broken) else { continue };
        add_policy(&rig.place, &rig.policy(RULES)).unwrap();
        let mut document = waiting(&rig);
        document["files"][file.rsplit('/').next().unwrap()] = broken.into();
        fs::write(kept(&rig), document.to_string()).unwrap();
        let why = published();
        assert!(why.contains(words) && why.contains("trust policy"), "{why}");
    }
    add_policy(&rig.place, &rig.policy(RULES)).unwrap();
    let mut document = waiting(&rig);
    document["files"].as_object_mut().unwrap().remove("root.toml");
    fs::write(kept(&rig), document.to_string()).unwrap();
    let why = published();
    assert!(why.contains("there is no root.toml"), "{why}");
    for damaged in ["", "{", "{\"schema\":2,\"files\":{}}", "{\"schema\":1,\"files\":{\"../x\":\"\"}}"] {
        fs::write(kept(&rig), damaged).unwrap();
        let why = published();
        assert!(why.contains("policy.json"), "{why}");
    }
    // Nor is the whole of it taken from nodes that have it.
    fs::remove_file(kept(&rig)).unwrap();
    published();
    add_policy(&rig.place, &rig.policy(OTHER_RULES)).unwrap();
    rig.publish();
}

/// Whoever puts a policy in and dies, or has no room left, leaves the one that was there, and no mix of two.
#[test]
fn a_policy_is_replaced_as_a_whole_or_not_at_all() {
    let rig = Rig::new();
    let before = fs::read(kept(&rig)).unwrap();
    let policy = rig.policy(OTHER_RULES);
    fs::write(policy.join("policy/2-more.cedar"), OTHER_RULES.replace("some", "more")).unwrap();
    // No file can take the place of a directory that is not empty.
    fs::remove_file(kept(&rig)).unwrap();
    fs::create_dir_all(kept(&rig).join("in-the-way")).unwrap();
    add_policy(&rig.place, &policy).unwrap_err();
    fs::remove_dir_all(kept(&rig)).unwrap();
    assert!(
        !fs::read_dir(rig.room.path().join("channel/content"))
            .unwrap()
            .flatten()
            .any(|entry| { entry.file_name().to_string_lossy().starts_with("policy.") })
    );
    fs::write(kept(&rig), &before).unwrap();
    let client = rig.client();
    rig.publish();
    client.fetch(&rig.serve().url(), rig.now).unwrap();
    assert_eq!(client.read("trust/policy/1-rules.cedar"), RULES.as_bytes());
    let added = add_policy(&rig.place, &policy).unwrap();
    assert_eq!(added.names, ["policy.1-rules.cedar", "policy.2-more.cedar", "policy.root.toml"]);
    assert!(added.replaced.is_empty(), "{added:?}");
    assert_eq!(add_policy(&rig.place, &rig.policy(RULES)).unwrap().replaced, Vec::<String>::new());
    fs::remove_file(policy.join("policy/2-more.cedar")).unwrap();
    assert_eq!(add_policy(&rig.place, &policy).unwrap().replaced, ["policy.2-more.cedar"]);
}

/// One that waits is taken out as a whole too: where the public one is not to be had nothing is changed.
#[test]
fn a_policy_is_taken_out_as_a_whole_or_not_at_all() {
    let rig = Rig::new();
    assert!(input(remove_policy(&rig.place)).contains("no trust policy waits"));
    let before = fs::read(kept(&rig)).unwrap();
    add_policy(&rig.place, &rig.policy(OTHER_RULES)).unwrap();
    let waits = fs::read(kept(&rig)).unwrap();
    let copy = rig.place.public().join(format!("targets/{}.policy.1-rules.cedar", sha256(RULES.as_bytes())));
    fs::remove_file(&copy).unwrap();
    let why = input(remove_policy(&rig.place));
    assert!(why.contains("it is not what was published"), "{why}");
    assert_eq!(fs::read(kept(&rig)).unwrap(), waits);
    fs::write(&copy, RULES).unwrap();
    let removed = remove_policy(&rig.place).unwrap();
    let removed: Vec<&str> = removed.iter().map(|file| file.name.as_str()).collect();
    assert_eq!(removed, ["policy.1-rules.cedar"]);
    assert_eq!(fs::read(kept(&rig)).unwrap(), before);
    // What is lost comes again too.
    fs::remove_file(kept(&rig)).unwrap();
    assert!(remove_policy(&rig.place).unwrap().is_empty());
    assert_eq!(fs::read(kept(&rig)).unwrap(), before);
}

/// A channel of a program before this one has the files one by one, perhaps not all of them.
#[test]
fn files_of_a_policy_that_nobody_answers_for_are_not_published() {
    let rig = Rig::new();
    let content = rig.room.path().join("channel/content");
    for take_out in [true, false] {
        fs::remove_file(kept(&rig)).unwrap();
        fs::write(content.join("policy.root.toml"), ROOT).unwrap();
        let why = input(plan(&rig.place, Scope::Content, &rig.signers(&Role::ALL), rig.now));
        assert!(why.contains("trust policy") && why.contains("all of it"), "{why}");
        if take_out {
            remove_policy(&rig.place).unwrap();
        } else {
            add_policy(&rig.place, &rig.policy(OTHER_RULES)).unwrap();
        }
        assert!(!content.join("policy.root.toml").exists());
        rig.publish();
    }
}

/// Publishes a list of policy files with the keys of the channel and no questions.
fn force(rig: &Rig, files: &[(&str, &[u8])]) {
    force_with(rig, files, None);
}

/// The same, with what is said of the whole.
fn force_with(rig: &Rig, files: &[(&str, &[u8])], whole: Option<&str>) {
    let [targets, snapshot, timestamp] =
        [Role::Targets, Role::Snapshot, Role::Timestamp].map(|role| &rig.keys[&role][0]);
    let mut listed = serde_json::Map::new();
    for (name, content) in files {
        let digest = sha256(content);
        let path = rig.place.public().join("targets").join(format!("{digest}.{name}"));
        fs::write(path, content).unwrap();
        let mut target = json!({"length": content.len(), "hashes": {"sha256": digest}});
        if let Some(whole) = whole.filter(|_| *name == "policy.root.toml") {
            target["custom"] = json!({ "policy_sha256": whole });
        }
        listed.insert((*name).to_owned(), target);
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
    const OWN: (&str, &[u8]) = ("policy.root.toml", ROOT.as_bytes());
    for (files, words) in [
        (&[OWN, ("policy.1-rules.cedar", b"permit (")][..], "1-rules.cedar"),
        (&[("policy.root.toml", b"schema = 7\n"), ("policy.1-rules.cedar", RULES.as_bytes())], "root.toml"),
        (
            &[("policy.root.toml", b"schema = 1\n"), ("policy.1-rules.cedar", RULES.as_bytes())],
            "there is nobody",
        ),
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

/// What was put in together comes together: a list that lacks a file, or has one of another policy, is refused although a node could
/// use what is in it.
#[test]
fn a_policy_that_is_not_complete_does_not_replace_what_a_node_has() {
    let files = [("policy.1-rules.cedar", RULES.as_bytes()), ("policy.root.toml", ROOT.as_bytes())];
    let line =
        |(name, content): &(&str, &[u8])| format!("{}  {}\n", sha256(content), &name["policy.".len()..]);
    let whole = sha256(files.iter().map(line).collect::<String>().as_bytes());
    for (listed, is_whole) in [(&files[..], true), (&files[1..], false)] {
        let rig = Rig::new();
        let client = rig.client();
        force_with(&rig, listed, Some(&whole));
        if is_whole {
            client.fetch(&rig.serve().url(), rig.now).unwrap();
        } else {
            let why = refused(&rig, &client);
            assert!(why.contains("not those that were put in together"), "{why}");
        }
    }
    // Programs that say nothing of the whole: rules don't go by themselves, and whoever had none gets none.
    let rig = Rig::new();
    let client = rig.client();
    client.fetch(&rig.serve().url(), rig.now).unwrap();
    force(&rig, &files[1..]);
    let why = refused(&rig, &client);
    assert!(why.contains("it has no rules any more"), "{why}");
    rig.client().fetch(&rig.serve().url(), rig.now).unwrap();
}

/// As many people as a trust root may have, and rules can be asked about all of them.
#[test]
fn a_policy_may_have_as_many_people_as_the_format_allows() {
    let rig = Rig::new();
    let policy = rig.policy(RULES);
    let person =
        |number| format!("[[principal]]\nname = \"p{number}\"\nteam = \"core\"\nroles = [\"author\"]\n");
    let root = |count: usize| format!("schema = 1\n{}", (0..count).map(person).collect::<String>());
    fs::write(policy.join("root.toml"), root(1024)).unwrap();
    add_policy(&rig.place, &policy).unwrap();
    fs::write(policy.join("root.toml"), root(1025)).unwrap();
    assert!(input(add_policy(&rig.place, &policy)).contains("more than 1024 principals"));
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
