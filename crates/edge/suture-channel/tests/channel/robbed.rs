//! Attacks with stolen keys: what a key can't do that it was not given for, and what a client that remembers does not accept
//! even from the right keys.

use serde_json::json;
use suture_channel::{Refusal, Role, add_bundle};

use crate::rig::{Client, Key, Rig, sha256};

/// A channel with two publications, seen by the client.
fn twice() -> (Rig, Client) {
    let mut rig = Rig::new();
    rig.wait(1);
    add_bundle(&rig.place, "second.bundle", b"more", None, None).unwrap();
    rig.publish();
    let client = rig.client();
    client.fetch(&rig.serve().url(), rig.now).unwrap();
    (rig, client)
}

fn key(rig: &Rig, role: Role) -> &Key {
    &rig.keys[&role][0]
}

/// Publishes a forged patches.json as version 3, as whoever holds the keys of the machines can.
fn list_anew(rig: &Rig, patches_version: u64, listed_as: &str) {
    let listed = rig.listed(listed_as, patches_version);
    rig.forge("2.snapshot.json", "3.snapshot.json", &[key(rig, Role::Snapshot)], |signed| {
        signed["version"] = 3.into();
        signed["meta"]["patches.json"] = listed;
    });
    let listed = rig.listed("3.snapshot.json", 3);
    rig.forge("timestamp.json", "timestamp.json", &[key(rig, Role::Timestamp)], |signed| {
        signed["version"] = 3.into();
        signed["meta"]["snapshot.json"] = listed;
    });
}

#[test]
fn the_key_of_timestamp_can_not_roll_back_the_snapshot() {
    let (rig, client) = twice();
    let listed = rig.listed("1.snapshot.json", 1);
    rig.forge("timestamp.json", "timestamp.json", &[key(&rig, Role::Timestamp)], |signed| {
        signed["version"] = 3.into();
        signed["meta"]["snapshot.json"] = listed;
    });
    let refusal = client.refusal(&rig.serve().url(), rig.now);
    assert_eq!(refusal, Refusal::Rollback { role: "snapshot".into(), offered: 1, known: 2 });
}

#[test]
fn the_keys_of_machines_can_not_roll_back_the_bundles() {
    let (rig, client) = twice();
    list_anew(&rig, 1, "1.patches.json");
    let refusal = client.refusal(&rig.serve().url(), rig.now);
    assert_eq!(refusal, Refusal::Rollback { role: "patches".into(), offered: 1, known: 2 });
}

#[test]
fn the_keys_of_machines_can_not_mix_versions() {
    let (rig, client) = twice();
    std::fs::copy(rig.metadata("1.patches.json"), rig.metadata("5.patches.json")).unwrap();
    list_anew(&rig, 5, "5.patches.json");
    let refusal = client.refusal(&rig.serve().url(), rig.now);
    assert!(matches!(refusal, Refusal::Mixed { offered: 1, expected: 5, .. }), "{refusal}");
}

#[test]
fn the_keys_of_machines_can_not_drop_a_role() {
    let (rig, client) = twice();
    rig.forge("2.snapshot.json", "3.snapshot.json", &[key(&rig, Role::Snapshot)], |signed| {
        signed["version"] = 3.into();
        signed["meta"].as_object_mut().unwrap().remove("patches.json");
    });
    let listed = rig.listed("3.snapshot.json", 3);
    rig.forge("timestamp.json", "timestamp.json", &[key(&rig, Role::Timestamp)], |signed| {
        signed["version"] = 3.into();
        signed["meta"]["snapshot.json"] = listed;
    });
    for client in [&client, &rig.client()] {
        assert_eq!(
            client.refusal(&rig.serve().url(), rig.now),
            Refusal::RoleDropped { role: "patches".into() }
        );
    }
}

#[test]
fn the_keys_of_machines_can_not_sign_bundles() {
    let (rig, client) = twice();
    rig.forge("2.patches.json", "3.patches.json", &[key(&rig, Role::Snapshot)], |signed| {
        signed["version"] = 3.into();
    });
    list_anew(&rig, 3, "3.patches.json");
    let refusal = client.refusal(&rig.serve().url(), rig.now);
    assert_eq!(refusal, Refusal::Threshold { role: "delegated targets".into(), valid: 0, threshold: 1 });
}

/// What the patch team's key lists in the channel, and what comes of it.
fn stolen_patches(name: &str, length: u64) -> Refusal {
    let (rig, client) = twice();
    let content = b"forbid nothing";
    let digest = sha256(content);
    std::fs::write(rig.place.public().join("targets").join(format!("{digest}.policy.root.toml")), content)
        .unwrap();
    rig.forge("2.patches.json", "3.patches.json", &[key(&rig, Role::Patches)], |signed| {
        signed["version"] = 3.into();
        signed["targets"][name] = json!({"length": length, "hashes": {"sha256": digest}});
    });
    list_anew(&rig, 3, "3.patches.json");
    client.refusal(&rig.serve().url(), rig.now)
}

#[test]
fn the_key_of_the_patch_team_is_good_for_bundles_and_nothing_else() {
    let refusal = stolen_patches("policy.extra.cedar", 14);
    assert_eq!(refusal, Refusal::OutsidePaths { name: "policy.extra.cedar".into() });
    assert!(refusal.to_string().contains("was not given for"), "{refusal}");
}

#[test]
fn a_policy_of_the_patch_team_does_not_count_beside_that_of_targets() {
    // The name is in targets too, which answers for it; the list of the patch team is not looked at.
    let (rig, client) = twice();
    rig.forge("2.patches.json", "3.patches.json", &[key(&rig, Role::Patches)], |signed| {
        signed["version"] = 3.into();
        signed["targets"]["policy.root.toml"] = json!({"length": 1, "hashes": {"sha256": sha256(b"x")}});
    });
    list_anew(&rig, 3, "3.patches.json");
    client.fetch(&rig.serve().url(), rig.now).unwrap();
    assert_eq!(client.read("trust/root.toml"), crate::rig::ROOT.as_bytes());
}

#[test]
fn names_that_lead_out_of_the_directory() {
    for name in ["bundle./../../x", "bundle.a/b", "bundle..hidden", "bundle.-rf", "sealed.readme"] {
        let code = stolen_patches(name, 14);
        assert!(matches!(code.code(), "unsafe-name" | "outside-delegation"), "{name}: {code}");
    }
}

#[test]
fn lengths_that_nobody_has_room_for() {
    for length in [(1 << 30) + 1, 10 << 30, u64::MAX / 2] {
        let refusal = stolen_patches("bundle.big", length);
        assert!(matches!(refusal, Refusal::TooMuch { .. }), "{refusal}");
    }
}
