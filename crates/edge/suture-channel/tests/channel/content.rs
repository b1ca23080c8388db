//! What is put in comes out.

use suture_channel::limits::Limits;
use suture_channel::{
    ChannelError, Refusal, Role, Rotation, Scope, add_bundle, add_policy, plan, publish, rotate, show,
};

use crate::rig::{BUNDLE, OTHER_RULES, RULES, Rig, STATEMENTS, file_url};

#[test]
fn what_is_published_is_fetched() {
    let rig = Rig::new();
    let (server, client) = (rig.serve(), rig.client());
    let delivery = client.fetch(&server.url(), rig.now).unwrap();
    assert_eq!(client.read("bundles/demo.bundle"), BUNDLE);
    assert_eq!(client.read("bundles/demo.bundle.intoto.jsonl"), STATEMENTS);
    assert_eq!(client.read("trust/root.toml"), crate::rig::ROOT.as_bytes());
    assert_eq!(client.read("trust/policy/1-rules.cedar"), RULES.as_bytes());
    assert_eq!(delivery.files.len(), 4);
    assert!(delivery.versions.values().all(|version| *version == 1), "{:?}", delivery.versions);
    assert_eq!(delivery.good_until.to_string(), "2026-01-02T00:00:00Z");
    // And again: nothing is new, nothing is refused.
    assert_eq!(client.fetch(&server.url(), rig.now).unwrap(), delivery);
    assert_eq!(client.fetch(&file_url(&rig.place.public()), rig.now).unwrap(), delivery);
}

#[test]
fn only_what_has_changed_is_signed_anew() {
    let mut rig = Rig::new();
    let client = rig.client();
    rig.wait(1);
    add_bundle(&rig.place, "demo.bundle", b"better", None, None).unwrap();
    add_bundle(&rig.place, "second.bundle", b"more", None, None).unwrap();
    // The patch team has no need of the policy's key.
    let signers = rig.signers(&[Role::Patches, Role::Snapshot, Role::Timestamp]);
    let publication = publish(&rig.place, Scope::Content, &signers, rig.now).unwrap();
    assert_eq!(publication.added, ["bundle.demo.bundle", "bundle.second.bundle"]);
    assert_eq!(publication.removed, ["bundle.demo.bundle.intoto.jsonl"], "they were about another bundle");
    let versions: Vec<u64> = publication.roles.values().map(|(version, _)| *version).collect();
    assert_eq!(versions, [1, 1, 2, 2, 2], "root, targets, snapshot, timestamp, patches");
    client.fetch(&rig.serve().url(), rig.now).unwrap();
    assert_eq!(client.read("bundles/demo.bundle"), b"better");
    assert!(!client.out().join("bundles/demo.bundle.intoto.jsonl").exists());

    add_policy(&rig.place, &rig.policy(OTHER_RULES)).unwrap();
    let error = plan(&rig.place, Scope::Content, &signers, rig.now).unwrap_err();
    assert!(matches!(
        error,
        ChannelError::Refused(Refusal::KeysMissing { role: Role::Targets, missing: 1, .. })
    ));
}

#[test]
fn a_refresh_needs_no_more_than_the_keys_of_machines() {
    let mut rig = Rig::new();
    let (server, client) = (rig.serve(), rig.client());
    let machines = rig.signers(&[Role::Snapshot, Role::Timestamp]).len();
    assert_eq!(machines, 2);
    for day in 0..29 {
        rig.wait(24);
        let signers = rig.signers(&[Role::Snapshot, Role::Timestamp]);
        publish(&rig.place, Scope::Refresh, &signers, rig.now).unwrap();
        client.fetch(&server.url(), rig.now).unwrap_or_else(|error| panic!("day {day}: {error}"));
    }
    rig.wait(24);
    let signers = rig.signers(&[Role::Snapshot, Role::Timestamp]);
    let error = publish(&rig.place, Scope::Refresh, &signers, rig.now).unwrap_err();
    assert!(error.to_string().contains("patches"), "{error}");
}

/// Nodes would refuse whatever comes with it.
#[test]
fn nothing_is_signed_under_a_root_that_has_expired() {
    let mut rig = Rig::new();
    rig.wait(365 * 24);
    for scope in [Scope::Refresh, Scope::Content] {
        let error = publish(&rig.place, scope, &rig.signers(&Role::ALL), rig.now).unwrap_err();
        let ChannelError::Input { what, help, .. } = &error else { panic!("{error}") };
        assert!(what.contains("root") && help.contains("channel rotate --renew"), "{error}: {help}");
    }
    let rotation = Rotation { renew: true, ..Rotation::default() };
    rotate(&rig.place, &rotation, &rig.signers(&[Role::Root]), rig.now).unwrap();
    rig.publish();
    rig.client().fetch(&rig.serve().url(), rig.now).unwrap();
}

#[test]
fn what_is_about_to_expire_is_signed_anew_if_the_keys_are_there() {
    let mut rig = Rig::new();
    rig.wait(20 * 24);
    let machines = rig.signers(&[Role::Snapshot, Role::Timestamp]);
    assert_eq!(publish(&rig.place, Scope::Content, &machines, rig.now).unwrap().roles[&Role::Patches].0, 1);
    let publication = rig.publish();
    assert_eq!((publication.roles[&Role::Patches].0, publication.roles[&Role::Targets].0), (2, 1));
}

#[test]
fn limits_come_before_downloads() {
    let rig = Rig::new();
    let url = file_url(&rig.place.public());
    let mut client = rig.client();
    let limits = Limits::default();
    for lowered in [
        Limits { files_max: 3, ..limits },
        Limits { file_len_max: 21, ..limits },
        Limits { fetch_len_max: 40, ..limits },
    ] {
        client.limits = lowered;
        assert_eq!(client.refusal(&url, rig.now).code(), "too-much", "{lowered:?}");
    }
}

#[test]
fn a_directory_of_others_is_left_alone() {
    let rig = Rig::new();
    let client = rig.client();
    std::fs::create_dir_all(client.out()).unwrap();
    std::fs::write(client.out().join("thesis.txt"), "years of work").unwrap();
    let error = client.fetch(&file_url(&rig.place.public()), rig.now).unwrap_err();
    assert!(matches!(error, ChannelError::Input { .. }), "{error}");
    assert_eq!(client.read("thesis.txt"), b"years of work");
}

#[test]
fn an_overview_tells_what_is_and_what_will_be() {
    let mut rig = Rig::new();
    add_bundle(&rig.place, "second.bundle", b"more", None, None).unwrap();
    rig.wait(48);
    let overview = show(&rig.place, rig.now).unwrap();
    let expired: Vec<Role> =
        overview.roles.iter().filter(|role| role.expired).map(|role| role.role).collect();
    assert_eq!(expired, [Role::Timestamp]);
    let new: Vec<&str> = overview
        .targets
        .iter()
        .filter(|target| target.published.is_none())
        .map(|target| target.name.as_str())
        .collect();
    assert_eq!(new, ["bundle.second.bundle"]);
    assert_eq!((overview.roles[0].threshold, overview.roles[0].keys.len()), (2, 3));
}

#[test]
fn what_is_no_policy_and_no_bundle() {
    let rig = Rig::new();
    let policy = rig.policy(RULES);
    std::fs::write(policy.join("run.sh"), "rm").unwrap();
    assert!(add_policy(&rig.place, &policy).unwrap_err().to_string().contains("run.sh"));
    std::fs::remove_file(policy.join("run.sh")).unwrap();
    std::fs::remove_file(policy.join("root.toml")).unwrap();
    assert!(add_policy(&rig.place, &policy).unwrap_err().to_string().contains("root.toml"));
    for name in ["", "a/b", "../x", "x y", "x.intoto.jsonl"] {
        assert!(
            matches!(add_bundle(&rig.place, name, b"", None, None), Err(ChannelError::Input { .. })),
            "{name}"
        );
    }
}
