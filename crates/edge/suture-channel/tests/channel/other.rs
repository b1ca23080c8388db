//! Two channels and one memory: what was seen of a channel is not forgotten for another one, and what was fetched from it
//! does not give way to it.

use std::collections::BTreeMap;

use suture_channel::{Lifetimes, Role, Rotation, rotate};

use crate::rig::{Client, Key, Rig, copy, file_url};

/// Another channel of the same people, with the same keys.
fn another() -> Rig {
    Rig::at(Lifetimes::default(), "2026-01-01T00:17:00Z".parse().unwrap())
}

fn root(rig: &Rig, version: u64) -> Vec<u8> {
    std::fs::read(rig.metadata(&format!("{version}.root.json"))).unwrap()
}

/// A new root with the same keys, published.
fn renew(rig: &Rig) {
    let rotation = Rotation { keys: BTreeMap::new(), renew: true };
    assert!(rotate(&rig.place, &rotation, &rig.signers(&[Role::Root]), rig.now).unwrap().is_complete());
    rig.publish();
}

#[test]
fn a_datastore_is_for_one_channel() {
    let (mut ours, other) = (Rig::new(), another());
    let mut client = ours.client();
    let before = file_url(&ours.copy("before"));
    ours.wait(1);
    ours.publish();
    let now = ours.now;
    client.fetch(&ours.serve().url(), now).unwrap();
    assert_eq!(client.refusal(&before, now).code(), "rollback");
    client.pin(root(&other, 1));
    let refusal = client.refusal(&other.serve().url(), now);
    assert_eq!(refusal.code(), "other-channel");
    assert!(refusal.to_string().contains("datastore") && refusal.help().contains("--datastore"), "{refusal}");
    // Neither does it matter who serves it, nor is anything forgotten.
    assert_eq!(client.refusal(&ours.serve().url(), now).code(), "other-channel");
    client.pin(root(&ours, 1));
    assert_eq!(client.refusal(&before, now).code(), "rollback");
    client.fetch(&ours.serve().url(), now).unwrap();
}

/// Newer and older roots of the channel may be pinned, those of before the first that was seen too.
#[test]
fn any_root_of_the_channel_may_be_pinned() {
    let rig = Rig::new();
    (0..2).for_each(|_| renew(&rig));
    let server = rig.serve();
    let mut client = rig.client();
    client.pin(root(&rig, 2));
    client.fetch(&server.url(), rig.now).unwrap();
    (0..2).for_each(|_| renew(&rig));
    for version in [5, 1, 4, 3, 2] {
        client.pin(root(&rig, version));
        client.fetch(&server.url(), rig.now).unwrap();
    }
}

/// A root that bears the right version, and that the root before it has not signed.
#[test]
fn a_root_that_does_not_follow_is_of_another_channel() {
    let rig = Rig::new();
    let mut client = rig.client();
    client.fetch(&rig.serve().url(), rig.now).unwrap();
    let thieves = [70, 71].map(Key::new);
    rig.forge("1.root.json", "2.root.json", &[&thieves[0], &thieves[1]], |signed| {
        signed["version"] = 2.into();
    });
    client.pin(root(&rig, 2));
    assert_eq!(client.refusal(&rig.serve().url(), rig.now).code(), "other-channel");
}

#[test]
fn a_directory_is_for_one_channel() {
    let (ours, other) = (Rig::new(), another());
    let client = ours.client();
    client.fetch(&ours.serve().url(), ours.now).unwrap();
    let stranger = other.client();
    copy(&client.out(), &stranger.out());
    let refusal = stranger.refusal(&other.serve().url(), other.now);
    assert_eq!(refusal.code(), "other-channel");
    assert!(refusal.to_string().contains("out`") && refusal.help().contains("--out"), "{refusal}");
    // A datastore that is lost makes no other channel of it, though keys have changed since.
    renew(&ours);
    let forgetful = ours.client();
    copy(&client.out(), &forgetful.out());
    forgetful.fetch(&ours.serve().url(), ours.now).unwrap();
}

/// With the same keys everything of the other channel is rightly signed, and newer than what is known.
#[test]
fn what_was_signed_for_another_channel_is_refused() {
    let (ours, mut other) = (Rig::new(), another());
    let client = ours.client();
    client.fetch(&ours.serve().url(), ours.now).unwrap();
    let seen = client.seen();
    let refused = |other: &Rig, client: &Client| {
        let refusal = client.refusal(&other.serve().url(), other.now);
        assert_eq!(refusal.code(), "other-channel", "{refusal}");
        assert!(refusal.to_string().contains("signed for one that began with another root"), "{refusal}");
    };
    other.wait(1);
    other.publish();
    refused(&other, &client);
    assert_eq!(client.seen(), seen);
    // Whoever has seen nothing yet knows the root that is pinned.
    refused(&other, &ours.client());
    // A newer root of it is signed by the keys of ours.
    renew(&other);
    refused(&other, &client);
    assert_eq!(client.seen(), seen);
    // And is not remembered either when it comes with what is not even good.
    other.wait(48);
    assert_eq!(client.refusal(&other.serve().url(), other.now).code(), "other-channel");
    let other = another();
    renew(&other);
    std::fs::write(other.metadata("timestamp.json"), "{}").unwrap();
    assert_eq!(client.refusal(&other.serve().url(), other.now).code(), "malformed");
    assert_eq!(client.seen(), seen);
}

/// A later root that is pinned names the channel; one of a program that did not say so is led to by the first.
#[test]
fn a_channel_is_known_by_its_first_root() {
    let (ours, other) = (Rig::new(), another());
    for rig in [&ours, &other] {
        renew(rig);
    }
    let mut client = ours.client();
    client.pin(root(&ours, 2));
    client.fetch(&ours.serve().url(), ours.now).unwrap();
    let mut client = ours.client();
    client.pin(root(&ours, 2));
    assert_eq!(client.refusal(&other.serve().url(), other.now).code(), "other-channel");

    let rig = Rig::new();
    let [a, b] = [&rig.keys[&Role::Root][0], &rig.keys[&Role::Root][1]];
    rig.forge("1.root.json", "2.root.json", &[a, b], |signed| signed["version"] = 2.into());
    let mut client = rig.client();
    client.pin(root(&rig, 2));
    client.fetch(&rig.serve().url(), rig.now).unwrap();
    // Served without its beginning nobody can say which channel it is.
    std::fs::remove_file(rig.metadata("1.root.json")).unwrap();
    client.fetch(&rig.serve().url(), rig.now).unwrap();
    let mut client = Client::new(root(&rig, 2));
    assert_eq!(client.refusal(&rig.serve().url(), rig.now).code(), "other-channel");
    client.pin(root(&other, 1));
    assert_eq!(client.refusal(&rig.serve().url(), rig.now).code(), "other-channel");
}

/// What programs before this one have signed is fetched, and bound to its channel as soon as the key of targets is there.
#[test]
fn a_channel_that_does_not_say_which_it_is() {
    let rig = Rig::new();
    let [targets, snapshot, timestamp] =
        [Role::Targets, Role::Snapshot, Role::Timestamp].map(|role| &rig.keys[&role][0]);
    let named = |signed: &serde_json::Value| signed["channel_sha256"].is_string();
    rig.forge("1.targets.json", "1.targets.json", &[targets], |signed| {
        assert!(named(signed));
        signed.as_object_mut().unwrap().remove("channel_sha256");
        signed["targets"]["policy.root.toml"].as_object_mut().unwrap().remove("custom");
    });
    let listed = rig.listed("1.targets.json", 1);
    rig.forge("1.snapshot.json", "1.snapshot.json", &[snapshot], |signed| {
        signed["meta"]["targets.json"] = listed;
    });
    let listed = rig.listed("1.snapshot.json", 1);
    rig.forge("timestamp.json", "timestamp.json", &[timestamp], |signed| {
        signed["meta"]["snapshot.json"] = listed;
    });
    rig.client().fetch(&rig.serve().url(), rig.now).unwrap();
    let machines = rig.signers(&[Role::Snapshot, Role::Timestamp]);
    let published =
        suture_channel::publish(&rig.place, suture_channel::Scope::Content, &machines, rig.now).unwrap();
    assert_eq!(published.roles[&Role::Targets].0, 1);
    assert_eq!(rig.publish().roles[&Role::Targets].0, 2);
    rig.client().fetch(&rig.serve().url(), rig.now).unwrap();
    let text = std::fs::read(rig.metadata("2.targets.json")).unwrap();
    assert!(named(&serde_json::from_slice::<serde_json::Value>(&text).unwrap()["signed"]));
}

/// Far behind is not of another channel, and says so.
#[test]
fn roots_that_are_too_many_to_follow() {
    let rig = Rig::new();
    let mut client = rig.client();
    client.fetch(&rig.serve().url(), rig.now).unwrap();
    let [a, b] = [&rig.keys[&Role::Root][0], &rig.keys[&Role::Root][1]];
    rig.forge("1.root.json", "300.root.json", &[a, b], |signed| signed["version"] = 300.into());
    client.pin(root(&rig, 300));
    assert_eq!(client.refusal(&rig.serve().url(), rig.now).code(), "too-much");
}
