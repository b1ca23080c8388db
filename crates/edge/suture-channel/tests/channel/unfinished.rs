//! Publications and fetches that do not get to their end, and files that are damaged on their way.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::OnceLock;

use proptest::prelude::*;
use suture_channel::{
    ChannelError, Delivery, Publication, Role, Rotation, Scope, add_bundle, add_policy, plan, publish_if,
    remove, rotate,
};

use crate::rig::{BUNDLE, Key, OTHER_RULES, Rig, copy, file_url, public, tree};

/// Killed after any write: clients see the old channel or the new one, and the next publication goes through.
#[test]
fn a_publication_that_is_cut_short_leaves_the_old_channel() {
    let count = {
        let rig = changed();
        plan(&rig.place, Scope::Content, &rig.signers(&Role::ALL), rig.now).unwrap().writes.len()
    };
    assert!(count >= 6, "{count} writes");
    for done in 0..=count {
        let rig = changed();
        let client = rig.client();
        let plan = plan(&rig.place, Scope::Content, &rig.signers(&Role::ALL), rig.now).unwrap();
        plan.writes.iter().take(done).for_each(|write| write.carry_out().unwrap());
        let url = file_url(&rig.place.public());
        client.fetch(&url, rig.now).unwrap();
        let (bundle, rules) = (client.read("bundles/demo.bundle"), client.read("trust/policy/1-rules.cedar"));
        let is_new = done == count;
        assert_eq!(bundle == b"better", is_new, "{done} of {count}");
        assert_eq!(rules == OTHER_RULES.as_bytes(), is_new, "{done} of {count}");
        rig.publish();
        client.fetch(&url, rig.now).unwrap();
        assert_eq!(client.read("bundles/demo.bundle"), b"better");
    }
}

fn changed() -> Rig {
    let mut rig = Rig::new();
    rig.wait(1);
    add_bundle(&rig.place, "demo.bundle", b"better", None, None).unwrap();
    add_policy(&rig.place, &rig.policy(OTHER_RULES)).unwrap();
    rig
}

#[test]
fn content_that_changes_under_the_hands_of_the_publisher_is_not_published() {
    let rig = changed();
    let plan = plan(&rig.place, Scope::Content, &rig.signers(&Role::ALL), rig.now).unwrap();
    let content = rig.room.path().join("channel/content/bundle.demo.bundle");
    std::fs::write(content, "something else").unwrap();
    let outcome: Result<Vec<()>, _> = plan.writes.iter().map(suture_channel::Write::carry_out).collect();
    assert!(matches!(outcome, Err(ChannelError::Input { .. })));
    rig.client().fetch(&file_url(&rig.place.public()), rig.now).unwrap();
}

/// Those who have to agree are shown what is signed and nothing else, though somebody puts it there for a moment.
#[test]
fn nobody_agrees_to_what_is_not_published() {
    let rig = changed();
    let content = rig.room.path().join("channel/content/bundle.demo.bundle");
    let published = publish_if(&rig.place, Scope::Content, &rig.signers(&Role::ALL), rig.now, |news| {
        let signed = std::fs::read(&content).unwrap();
        assert_eq!(news.content("bundle.demo.bundle").unwrap(), signed);
        assert_eq!(news.content("policy.1-rules.cedar").unwrap(), OTHER_RULES.as_bytes());
        std::fs::write(&content, "harmless").unwrap();
        let shown = news.content("bundle.demo.bundle");
        let listed = news.bundles()?.collect::<Result<Vec<_>, _>>();
        std::fs::write(&content, signed).unwrap();
        // Statements that are not listed are not there either.
        let statements = content.with_file_name("bundle.demo.bundle.intoto.jsonl");
        std::fs::write(&statements, "harmless").unwrap();
        let stated = news.bundles()?.collect::<Result<Vec<_>, _>>();
        std::fs::remove_file(statements).unwrap();
        for refused in [shown.map(drop), listed.map(drop), stated.map(drop)] {
            assert!(
                matches!(&refused, Err(error) if error.to_string().contains("has changed")),
                "{refused:?}"
            );
        }
        Ok::<(), ChannelError>(())
    });
    published.unwrap();
}

/// A publication that is stopped by `in_the_way` when it is signed.
fn stopped(rig: &Rig, in_the_way: impl FnOnce()) -> Result<Publication, ChannelError> {
    publish_if(&rig.place, Scope::Content, &rig.signers(&Role::ALL), rig.now, |_| {
        in_the_way();
        Ok(())
    })
}

/// What has failed is served to nobody, and its versions are not given to anything else.
#[test]
fn a_publication_that_fails_takes_back_what_it_has_written() {
    let rig = changed();
    let public = rig.place.public();
    let before = tree(&public);
    let snapshot = rig.metadata("2.snapshot.json");
    let failed = stopped(&rig, || std::fs::create_dir_all(snapshot.join("in-the-way")).unwrap());
    assert!(matches!(failed, Err(ChannelError::Failed { .. })), "{failed:?}");
    std::fs::remove_dir_all(&snapshot).unwrap();
    let after: BTreeMap<_, _> =
        tree(&public).into_iter().filter(|(_, content)| !content.is_empty()).collect();
    assert_eq!(after, before);
    assert_eq!(std::fs::read(rig.metadata("2.patches.json")).unwrap(), b"", "its version is taken");
    let removed = remove(&rig.place, "demo.bundle", false).unwrap();
    assert!(removed.files.iter().all(|file| !file.is_served), "{removed:?}");
    add_bundle(&rig.place, "demo.bundle", b"better", None, None).unwrap();
    assert_eq!(rig.publish().roles[&Role::Patches].0, 3);
    let client = rig.client();
    client.fetch(&rig.serve().url(), rig.now).unwrap();
    assert_eq!(client.read("bundles/demo.bundle"), b"better");
}

/// Whoever is killed can't; the next command does. What was public is left alone.
#[test]
fn what_the_killed_have_left_is_taken_away_by_the_next() {
    let rig = changed();
    let channel = rig.room.path().join("channel");
    let (old, file) = (tree(&rig.place.public()), channel.join("pending/publication.json"));
    let plan = plan(&rig.place, Scope::Content, &rig.signers(&Role::ALL), rig.now).unwrap();
    let failed = stopped(&rig, || std::fs::create_dir_all(file.join("in-the-way")).unwrap());
    assert!(failed.is_err(), "what can't be noted is not begun");
    assert_eq!(tree(&rig.place.public()), old);
    std::fs::remove_dir_all(&file).unwrap();
    let name = |path: &Path| path.file_name().unwrap().to_string_lossy().into_owned();
    let noted = |part: &str| -> Vec<String> {
        let files = plan.writes.iter().filter(|write| !write.path.ends_with("timestamp.json"));
        let files = files.filter(|write| write.path.parent().unwrap().ends_with(part));
        files.map(|write| name(&write.path)).collect()
    };
    let note = serde_json::json!({"schema": 1, "metadata": noted("metadata"), "targets": noted("targets")});
    std::fs::write(&file, note.to_string()).unwrap();
    for write in plan.writes.iter().take(plan.writes.len() - 1) {
        write.carry_out().unwrap();
    }
    for directory in ["", "content", "pending", "public/metadata", "public/targets"] {
        std::fs::write(channel.join(directory).join(".new-abcdef"), "half of a fi").unwrap();
    }
    remove(&rig.place, "demo.bundle", false).unwrap();
    let after: BTreeMap<_, _> =
        tree(&rig.place.public()).into_iter().filter(|(_, content)| !content.is_empty()).collect();
    assert_eq!(after, old);
    let left = tree(&channel).into_keys().filter(|path| name(path).starts_with(".new-")).count();
    assert_eq!((left, file.exists()), (0, false));
}

/// What is public is so, though something after it fails.
#[test]
fn what_fails_after_it_is_public_is_told_beside() {
    let rig = changed();
    // What an `add` that was killed has left is swept away, if it can be.
    let embargo = rig.room.path().join("channel/embargo/.new-0123456789abcdef0123456789abcdef");
    let published = stopped(&rig, || std::fs::write(&embargo, "no directory").unwrap()).unwrap();
    assert!(matches!(&published.left[..], [left] if left.contains("0123456789abcdef")), "{published:?}");
    let client = rig.client();
    client.fetch(&rig.serve().url(), rig.now).unwrap();
    assert_eq!(client.read("bundles/demo.bundle"), b"better");
    std::fs::remove_file(&embargo).unwrap();
    assert!(rig.publish().left.is_empty());
}

/// With a new root whose keys the old ones did not sign for, that is public first: it stays, and that is said.
#[test]
fn a_root_that_is_public_stays() {
    let mut rig = changed();
    let keys = vec![Key::new(50)];
    let rotation =
        Rotation { keys: [(Role::Timestamp, public(Role::Timestamp, &keys, 1))].into(), renew: false };
    rotate(&rig.place, &rotation, &rig.signers(&[Role::Root]), rig.now).unwrap();
    rig.keys.insert(Role::Timestamp, keys);
    let timestamp = rig.metadata("timestamp.json");
    let old = std::fs::read(&timestamp).unwrap();
    let failed = stopped(&rig, || {
        std::fs::remove_file(&timestamp).unwrap();
        std::fs::create_dir_all(timestamp.join("in-the-way")).unwrap();
    });
    assert!(
        matches!(&failed, Err(ChannelError::HalfPublished { root, .. }) if root.ends_with("2.root.json")),
        "{failed:?}"
    );
    std::fs::remove_dir_all(&timestamp).unwrap();
    std::fs::write(&timestamp, old).unwrap();
    assert!(rig.metadata("2.root.json").exists());
    rig.publish();
    rig.client().fetch(&rig.serve().url(), rig.now).unwrap();
}

/// What was public once and is served still is told as that.
#[test]
fn what_is_served_still_is_told_when_it_is_taken_out_again() {
    let rig = Rig::new();
    remove(&rig.place, "demo.bundle", false).unwrap();
    rig.publish();
    add_bundle(&rig.place, "demo.bundle", BUNDLE, None, None).unwrap();
    let removed = remove(&rig.place, "demo.bundle", false).unwrap();
    let told: Vec<_> = removed.files.iter().map(|file| (file.is_public, file.is_served)).collect();
    assert_eq!(told, [(false, true)]);
}

/// A channel that nobody changes, and what is fetched from it.
static HONEST: OnceLock<(Rig, Delivery)> = OnceLock::new();

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Any damage to any public file is refused or makes no difference; nothing panics.
    #[test]
    fn damaged_files(file in any::<prop::sample::Index>(), at in any::<prop::sample::Index>(), byte in any::<u8>(), cut in any::<bool>()) {
        let (rig, honest) = HONEST.get_or_init(|| {
            let rig = Rig::new();
            let honest = rig.client().fetch(&file_url(&rig.place.public()), rig.now).unwrap();
            (rig, honest)
        });
        let room = tempfile::tempdir().unwrap();
        copy(&rig.place.public(), room.path());
        let files: Vec<_> = tree(room.path()).into_iter().collect();
        let (path, mut content) = files[file.index(files.len())].clone();
        let at = at.index(content.len());
        if cut { content.truncate(at) } else { content[at] = byte }
        std::fs::write(path, content).unwrap();
        match rig.client().fetch(&file_url(room.path()), rig.now) {
            Ok(delivery) => prop_assert_eq!(&delivery.files, &honest.files),
            Err(ChannelError::Refused(_) | ChannelError::Input { .. }) => {}
            Err(other) => prop_assert!(false, "{other}"),
        }
    }
}
