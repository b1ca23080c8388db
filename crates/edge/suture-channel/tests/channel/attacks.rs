//! Attacks by whoever stands between the channel and its client, without any key: the list of the TUF specification (2.1.2).
//! Each tampers with a real repository behind a real server, after the client has seen an honest one.

use std::path::Path;

use suture_channel::{Lifetime, Lifetimes, Refusal, Role, add_bundle};

use crate::rig::{Client, Key, Rig, copy};
use crate::server::Server;

/// A channel with two publications; the client has seen the second one; `before` is the first.
fn second_publication() -> (Rig, Client, std::path::PathBuf) {
    let mut rig = Rig::new();
    let before = rig.copy("before");
    rig.wait(1);
    add_bundle(&rig.place, "second.bundle", b"more", None, None).unwrap();
    rig.publish();
    let client = rig.client();
    client.fetch(&rig.serve().url(), rig.now).unwrap();
    (rig, client, before)
}

#[test]
fn rollback_to_an_old_channel() {
    let (rig, client, before) = second_publication();
    let server = Server::start(before, None);
    let refusal = client.refusal(&server.url(), rig.now);
    assert_eq!(refusal, Refusal::Rollback { role: "timestamp".into(), offered: 1, known: 2 });
    // Someone who has never seen the newer one can't know; that is what expiry is for.
    rig.client().fetch(&server.url(), rig.now).unwrap();
}

#[test]
fn freeze() {
    let (mut rig, client, _) = second_publication();
    let server = rig.serve();
    rig.wait(25);
    let refusal = client.refusal(&server.url(), rig.now);
    assert!(matches!(&refusal, Refusal::Expired { role, .. } if role == "timestamp"), "{refusal}");
    rig.publish();
    client.fetch(&server.url(), rig.now).unwrap();
}

#[test]
fn expired_metadata_of_every_role() {
    for role in Role::ALL {
        let mut lifetimes = Lifetimes::default();
        for other in Role::ALL {
            lifetimes.set(other, Lifetime::parse("1000d").unwrap());
        }
        lifetimes.set(role, Lifetime::parse("1h").unwrap());
        let mut rig = Rig::with(lifetimes);
        let (server, client) = (rig.serve(), rig.client());
        client.fetch(&server.url(), rig.now).unwrap();
        rig.wait(2);
        let refusal = client.refusal(&server.url(), rig.now);
        assert!(
            matches!(&refusal, Refusal::Expired { role: expired, .. } if expired == role.name()),
            "{role}: {refusal}"
        );
    }
}

#[test]
fn a_clock_five_years_off() {
    let (rig, client, _) = second_publication();
    let server = rig.serve();
    let years = jiff::SignedDuration::from_hours(5 * 365 * 24);
    assert_eq!(client.refusal(&server.url(), rig.now + years).code(), "expired");
    assert_eq!(client.refusal(&server.url(), rig.now - years).code(), "clock-set-back");
    // A clock that was ahead and found everything expired has taught nothing.
    client.fetch(&server.url(), rig.now).unwrap();
}

#[test]
fn mix_and_match() {
    let (rig, client, before) = second_publication();
    let server = rig.serve();
    let honest = rig.copy("honest");
    for (old, new) in [("1.snapshot.json", "2.snapshot.json"), ("1.patches.json", "2.patches.json")] {
        std::fs::copy(before.join("metadata").join(old), rig.metadata(new)).unwrap();
        for client in [&client, &rig.client()] {
            let refusal = client.refusal(&server.url(), rig.now);
            assert_eq!(refusal.code(), "mix-and-match", "{refusal}");
            assert!(refusal.to_string().contains(new), "{refusal}");
        }
        copy(&honest, &rig.place.public());
    }
    client.fetch(&server.url(), rig.now).unwrap();
}

#[test]
fn metadata_signed_with_any_key() {
    let (rig, client, _) = second_publication();
    let server = rig.serve();
    let stranger = Key::new(99);
    rig.forge("timestamp.json", "timestamp.json", &[&stranger], |signed| signed["version"] = 9.into());
    let refusal = client.refusal(&server.url(), rig.now);
    assert_eq!(refusal, Refusal::Threshold { role: "timestamp".into(), valid: 0, threshold: 1 });
    rig.forge("1.root.json", "2.root.json", &[&stranger, &Key::new(98)], |signed| {
        signed["version"] = 2.into();
    });
    let refusal = client.refusal(&server.url(), rig.now);
    assert_eq!(refusal, Refusal::Threshold { role: "root".into(), valid: 0, threshold: 2 });
}

#[test]
fn a_threshold_that_is_not_met() {
    let (rig, client, _) = second_publication();
    let server = rig.serve();
    let one = &rig.keys[&Role::Root][0];
    rig.forge("1.root.json", "2.root.json", &[one], |signed| signed["version"] = 2.into());
    let refusal = client.refusal(&server.url(), rig.now);
    assert_eq!(refusal, Refusal::Threshold { role: "root".into(), valid: 1, threshold: 2 });
    assert!(
        refusal.to_string().contains("1 good signatures") && refusal.to_string().contains("2 are needed")
    );
    // The same key twice is one key.
    rig.forge("1.root.json", "2.root.json", &[one, one], |signed| signed["version"] = 2.into());
    assert!(!matches!(client.refusal(&server.url(), rig.now), Refusal::Threshold { valid: 2.., .. }));
}

#[test]
fn endless_data() {
    let (rig, client, _) = second_publication();
    for ending in
        ["timestamp.json", "2.root.json", "2.snapshot.json", "2.patches.json", "bundle.second.bundle"]
    {
        let server = Server::start(rig.place.public(), Some(ending));
        let refusal = client.refusal(&server.url(), rig.now);
        assert!(
            matches!(&refusal, Refusal::Endless { file, .. } if file.ends_with(ending)),
            "{ending}: {refusal}"
        );
    }
}

#[test]
fn a_file_that_was_changed() {
    let (rig, client, _) = second_publication();
    let server = rig.serve();
    let directory = rig.place.public().join("targets");
    let file = std::fs::read_dir(&directory).unwrap().flatten().map(|entry| entry.path());
    let file =
        file.into_iter().find(|path| path.to_string_lossy().ends_with("bundle.second.bundle")).unwrap();
    std::fs::write(&file, b"evil").unwrap();
    let refusal = client.refusal(&server.url(), rig.now);
    assert!(matches!(&refusal, Refusal::Tampered { .. }), "{refusal}");
    std::fs::write(&file, b"evil that is longer").unwrap();
    assert_eq!(client.refusal(&server.url(), rig.now).code(), "endless-data");
    std::fs::write(&file, b"").unwrap();
    assert_eq!(client.refusal(&server.url(), rig.now).code(), "tampered");
}

#[test]
fn metadata_that_is_none() {
    let (rig, client, _) = second_publication();
    let server = rig.serve();
    for text in ["", "{", "[]", "{\"signed\":{},\"signatures\":[]}", "\u{fffd}", &"[".repeat(10_000)] {
        std::fs::write(rig.metadata("timestamp.json"), text).unwrap();
        assert_eq!(
            client.refusal(&server.url(), rig.now).code(),
            "malformed",
            "{}",
            &text[..text.len().min(40)]
        );
    }
}

#[test]
fn a_pinned_root_that_does_not_hold() {
    let rig = Rig::new();
    let url = rig.serve();
    rig.forge("1.root.json", "forged.json", &[&Key::new(99)], |signed| signed["version"] = 1.into());
    let client = Client::new(std::fs::read(rig.metadata("forged.json")).unwrap());
    assert_eq!(client.refusal(&url.url(), rig.now).code(), "pinned-root");
    for text in ["", "{}", "null"] {
        let error = Client::new(text.into()).fetch(&url.url(), rig.now).unwrap_err();
        assert!(matches!(error, suture_channel::ChannelError::Input { .. }), "{text}: {error}");
    }
}

#[test]
fn a_server_that_is_not_there() {
    let rig = Rig::new();
    let missing = crate::rig::file_url(Path::new("/nonexistent"));
    let error = rig.client().fetch(&missing, rig.now).unwrap_err();
    assert!(matches!(error, suture_channel::ChannelError::Unreachable { .. }), "{error}");
}
