//! Two channels and one memory: what was seen of a channel is not forgotten for another one, and what was fetched from it
//! does not give way to it.

use std::collections::BTreeMap;

use suture_channel::{Lifetimes, Role, Rotation, rotate};

use crate::rig::{Key, Rig, copy, file_url};

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
