//! Keys that change: by several people, one after the other, without a client noticing.

use suture_channel::{
    ChannelError, Place, Refusal, Role, RoleSigner, Rotation, Scope, plan, publish, rotate,
};

use crate::rig::{Key, Rig, copy, file_url, public, tree};

/// New keys for these roles, and the state of the root that waits, signed by all old and new ones.
fn replace(rig: &mut Rig, roles: &[(Role, Vec<Key>, u64)]) -> Vec<Key> {
    let keys = roles.iter().map(|(role, keys, threshold)| (*role, public(*role, keys, *threshold))).collect();
    let rotation = Rotation { keys, renew: false };
    let mut all = rig.keys[&Role::Root].clone();
    all.extend(roles.iter().flat_map(|(_, keys, _)| keys.clone()));
    let signers: Vec<&dyn RoleSigner> = all.iter().map(|key| -> &dyn RoleSigner { key }).collect();
    let state = rotate(&rig.place, &rotation, &signers, rig.now).unwrap();
    assert!(state.is_complete(), "{state:?}");
    let mut old = Vec::new();
    for (role, keys, _) in roles {
        old.extend(rig.keys.insert(*role, keys.clone()).unwrap());
    }
    old
}

#[test]
fn clients_follow_root_from_the_one_that_they_have_pinned() {
    let mut rig = Rig::new();
    let (server, client) = (rig.serve(), rig.client());
    client.fetch(&server.url(), rig.now).unwrap();
    for round in 0..4_u8 {
        let base = 50 + 10 * round;
        replace(
            &mut rig,
            &[
                (Role::Root, vec![Key::new(base), Key::new(base + 1)], 2),
                (Role::Targets, vec![Key::new(base + 2)], 1),
                (Role::Snapshot, vec![Key::new(base + 3)], 1),
                (Role::Timestamp, vec![Key::new(base + 4)], 1),
                (Role::Patches, vec![Key::new(base + 5)], 1),
            ],
        );
        let publication = rig.publish();
        assert_eq!(publication.roles[&Role::Root].0, u64::from(round) + 2);
        // The one that has seen the last, and one that knows only the first.
        client.fetch(&server.url(), rig.now).unwrap();
        rig.client().fetch(&server.url(), rig.now).unwrap();
    }
}

#[test]
fn a_key_that_was_taken_away_signs_nothing() {
    let mut rig = Rig::new();
    let (server, client) = (rig.serve(), rig.client());
    client.fetch(&server.url(), rig.now).unwrap();
    let before = rig.copy("before");
    let old = replace(&mut rig, &[(Role::Timestamp, vec![Key::new(50)], 1)]);
    rig.publish();
    client.fetch(&server.url(), rig.now).unwrap();
    rig.forge("timestamp.json", "timestamp.json", &[&old[0]], |signed| signed["version"] = 7.into());
    let refusal = client.refusal(&server.url(), rig.now);
    assert_eq!(refusal, Refusal::Threshold { role: "timestamp".into(), valid: 0, threshold: 1 });
    // Nor does hiding the new root bring the old key back.
    let refusal = client.refusal(&file_url(&before), rig.now);
    assert_eq!(refusal, Refusal::Threshold { role: "timestamp".into(), valid: 0, threshold: 1 });
}

#[test]
fn a_newer_root_is_remembered_even_if_the_rest_is_refused() {
    let mut rig = Rig::new();
    let client = rig.client();
    client.fetch(&rig.serve().url(), rig.now).unwrap();
    let before = rig.copy("before");
    replace(&mut rig, &[(Role::Timestamp, vec![Key::new(50)], 1)]);
    rig.publish();
    std::fs::write(rig.metadata("timestamp.json"), "{}").unwrap();
    assert_eq!(client.refusal(&rig.serve().url(), rig.now).code(), "malformed");
    // The channel from before the rotation, which its old key has signed.
    assert_eq!(client.refusal(&file_url(&before), rig.now).code(), "threshold");
}

#[test]
fn an_older_root_is_refused_with_another_pinned_one_too() {
    let mut rig = Rig::new();
    let mut client = rig.client();
    let before = rig.copy("before");
    for byte in [50, 60] {
        replace(&mut rig, &[(Role::Targets, vec![Key::new(byte)], 1)]);
        rig.publish();
    }
    client.fetch(&rig.serve().url(), rig.now).unwrap();
    client.pin(std::fs::read(rig.metadata("2.root.json")).unwrap());
    client.fetch(&rig.serve().url(), rig.now).unwrap();
    client.pin(std::fs::read(rig.metadata("1.root.json")).unwrap());
    let old = crate::server::Server::start(before, None);
    assert_eq!(client.refusal(&old.url(), rig.now).code(), "rollback");
}

#[test]
fn several_people_sign_one_after_the_other() {
    let rig = Rig::new();
    let new = [Key::new(50), Key::new(51)];
    let keys = [(Role::Root, public(Role::Root, &new, 2))].into();
    let state = rotate(&rig.place, &Rotation { keys, renew: false }, &[&new[0]], rig.now).unwrap();
    assert_eq!((state.version, state.missing[0].0, state.missing[1].0), (2, 1, 2));
    let old = &rig.keys[&Role::Root];
    for (signer, missing) in [(&old[0], 1), (&new[1], 0), (&old[0], 0)] {
        let state = rotate(&rig.place, &Rotation::default(), &[signer], rig.now).unwrap();
        assert_eq!(state.missing[0].0, missing.min(1), "{state:?}");
        assert!(!state.is_complete());
    }
    let all = rig.signers(&Role::ALL);
    let error = plan(&rig.place, Scope::Content, &all, rig.now).unwrap_err();
    assert!(
        matches!(error, ChannelError::Refused(Refusal::KeysMissing { role: Role::Root, missing: 1, .. })),
        "{error}"
    );
    assert!(rotate(&rig.place, &Rotation::default(), &[&old[2]], rig.now).unwrap().is_complete());
    publish(&rig.place, Scope::Content, &all, rig.now).unwrap();
    rig.client().fetch(&rig.serve().url(), rig.now).unwrap();
    let error = rotate(&rig.place, &Rotation::default(), &[&old[2]], rig.now).unwrap_err();
    assert!(matches!(error, ChannelError::Input { .. }), "{error}");
}

#[test]
fn root_is_renewed_before_it_expires() {
    let mut rig = Rig::new();
    rig.wait(300 * 24);
    let signers = rig.signers(&[Role::Root]);
    rotate(&rig.place, &Rotation { renew: true, ..Rotation::default() }, &signers, rig.now).unwrap();
    let expires = rig.publish().roles[&Role::Root].1;
    assert!(expires > rig.now + jiff::SignedDuration::from_hours(364 * 24));
}

/// Whatever is written of a publication with new keys: a client can use the channel, if the old keys are there to sign too.
#[test]
fn no_client_is_refused_while_keys_change() {
    let mut rig = Rig::new();
    let first = rig.copy("first");
    let mut signers: Vec<Key> = rig.keys.values().flatten().cloned().collect();
    replace(
        &mut rig,
        &[
            (Role::Timestamp, vec![Key::new(50)], 1),
            (Role::Snapshot, vec![Key::new(51)], 1),
            (Role::Targets, vec![Key::new(52)], 1),
        ],
    );
    signers.extend(rig.keys.values().flatten().cloned());
    let signers: Vec<&dyn RoleSigner> = signers.iter().map(|key| -> &dyn RoleSigner { key }).collect();
    let plan = plan(&rig.place, Scope::Content, &signers, rig.now).unwrap();
    let client = rig.client();
    for write in &plan.writes {
        client.fetch(&file_url(&rig.place.public()), rig.now).unwrap();
        write.carry_out().unwrap();
    }
    assert_eq!(client.fetch(&file_url(&rig.place.public()), rig.now).unwrap().versions["root"], 2);
    assert_ne!(tree(&first).len(), tree(&rig.place.public()).len());
    // The next one is not confused by what is left of it.
    rig.publish();
    client.fetch(&file_url(&rig.place.public()), rig.now).unwrap();
    let elsewhere = rig.room.path().join("elsewhere");
    copy(&rig.place.public(), &elsewhere.join("public"));
    assert!(plan_in(&elsewhere).is_err(), "what is public is not enough to publish");
}

fn plan_in(directory: &std::path::Path) -> Result<(), ChannelError> {
    plan(&Place::new(directory), Scope::Content, &[], "2026-01-01T00:00:00Z".parse().unwrap()).map(drop)
}
