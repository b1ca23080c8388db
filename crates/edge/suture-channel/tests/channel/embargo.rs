//! What is under embargo: who can read it, who can't, and what everybody sees.

use std::os::unix::fs::PermissionsExt as _;

use age::secrecy::ExposeSecret as _;
use jiff::{SignedDuration, Timestamp};
use suture_channel::{
    ChannelError, Embargo, Identities, Recipients, Refusal, add_bundle, remove, reveal, show,
};

use crate::rig::{BUNDLE, Rig, STATEMENTS, tree};

const SECRET: &[u8] = b"heap overflow in parseHeader, CVE-2026-12345";
const NAME: &str = "cve-2026-12345.bundle";

fn identity() -> (String, Identities) {
    let identity = age::x25519::Identity::generate();
    let mut identities = Identities::default();
    identities.add(identity.to_string().expose_secret().as_bytes(), "test", None).unwrap();
    (identity.to_public().to_string(), identities)
}

/// A channel with a bundle under embargo for a day, and who can open it.
fn sealed() -> (Rig, Identities, Timestamp) {
    let rig = Rig::new();
    let (recipient, identities) = identity();
    let until = rig.now + SignedDuration::from_mins(24 * 60 + 17);
    let recipients = Recipients::parse(&recipient).unwrap();
    let embargo = Embargo { until, recipients: &recipients, early: false };
    add_bundle(&rig.place, NAME, SECRET, Some(STATEMENTS), Some(&embargo)).unwrap();
    rig.publish();
    (rig, identities, until)
}

#[test]
fn the_world_sees_a_name_that_says_nothing_and_a_size_class() {
    let (rig, _, _) = sealed();
    let mut opaque = None;
    for (path, content) in tree(&rig.place.public()) {
        let seen = [path.to_string_lossy().as_bytes(), &content].concat();
        for word in [&b"12345"[..], b"parseHeader, CVE", b"00:17:00", NAME.as_bytes()] {
            assert!(!seen.windows(word.len()).any(|window| window == word), "{}", path.display());
        }
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        opaque = opaque.or(name.split_once(".sealed.").map(|(_, opaque)| opaque.to_owned()));
    }
    let opaque = opaque.unwrap();
    let patches = std::fs::read_to_string(rig.metadata("2.patches.json")).unwrap();
    let patches: serde_json::Value = serde_json::from_str(&patches).unwrap();
    let custom = &patches["signed"]["targets"][format!("sealed.{opaque}")]["custom"];
    assert_eq!(*custom, serde_json::json!({"size_class": "64 KiB"}));
    // The same once more has another name and another content.
    let (again, _, _) = sealed();
    assert_ne!(show(&again.place, again.now).unwrap().sealed[0].opaque, opaque);
}

#[test]
fn lengths_do_not_tell_bundles_apart() {
    let rig = Rig::new();
    let (recipient, _) = identity();
    let recipients = Recipients::parse(&recipient).unwrap();
    let embargo = Embargo { until: rig.now, recipients: &recipients, early: false };
    for (name, length) in [("a", 1), ("b", 30_000), ("c", 60_000)] {
        add_bundle(&rig.place, name, &vec![7; length], None, Some(&embargo)).unwrap();
    }
    rig.publish();
    let lengths =
        show(&rig.place, rig.now).unwrap().targets.into_iter().filter(|t| t.name.starts_with("sealed."));
    let lengths: Vec<u64> = lengths.map(|target| target.published.unwrap().0).collect();
    // Their order is that of random names, and age adds some bytes of its own, at random.
    assert_eq!(lengths.len(), 3);
    assert!(lengths.iter().all(|length| (65_536..66_560).contains(length)), "{lengths:?}");
}

#[test]
fn recipients_read_it_and_others_see_that_there_is_something() {
    let (rig, identities, _) = sealed();
    let server = rig.serve();
    let mut client = rig.client();
    for others in [Identities::default(), identity().1] {
        client.identities = others;
        let delivery = client.fetch(&server.url(), rig.now).unwrap();
        assert_eq!(delivery.not_for_us.len(), 1);
        assert_eq!(delivery.not_for_us[0].size_class, "64 KiB");
        assert!(!client.out().join("bundles").join(NAME).exists());
    }
    client.identities = identities;
    let delivery = client.fetch(&server.url(), rig.now).unwrap();
    assert_eq!(client.read(&format!("bundles/{NAME}")), SECRET);
    assert_eq!(client.read(&format!("bundles/{NAME}.intoto.jsonl")), STATEMENTS);
    assert!(delivery.not_for_us.is_empty());
    assert_eq!(std::fs::metadata(client.out()).unwrap().permissions().mode() & 0o077, 0);
}

#[test]
fn it_is_revealed_when_its_time_has_come() {
    let (mut rig, _, until) = sealed();
    let error = reveal(&rig.place, NAME, false, rig.now).unwrap_err();
    assert!(matches!(error, ChannelError::Refused(Refusal::Embargoed { .. })), "{error}");
    rig.wait(25);
    assert!(rig.now > until && show(&rig.place, rig.now).unwrap().sealed[0].due);
    let revealed = reveal(&rig.place, NAME, false, rig.now).unwrap();
    assert_eq!(revealed.names, [format!("bundle.{NAME}"), format!("bundle.{NAME}.intoto.jsonl")]);
    let publication = rig.publish();
    assert_eq!(publication.removed, [format!("sealed.{}", revealed.opaque)]);
    let client = rig.client();
    client.fetch(&rig.serve().url(), rig.now).unwrap();
    assert_eq!(client.read(&format!("bundles/{NAME}")), SECRET);
    assert!(show(&rig.place, rig.now).unwrap().sealed.is_empty());
    assert!(matches!(reveal(&rig.place, NAME, false, rig.now), Err(ChannelError::Input { .. })));
}

#[test]
fn it_can_become_known_early() {
    let (rig, _, _) = sealed();
    let opaque = show(&rig.place, rig.now).unwrap().sealed[0].opaque.clone();
    reveal(&rig.place, &opaque, true, rig.now).unwrap();
    assert!(rig.publish().added.contains(&format!("bundle.{NAME}")));
}

#[test]
fn what_is_public_can_not_be_made_secret() {
    let rig = Rig::new();
    let recipients = Recipients::parse(&identity().0).unwrap();
    let embargo = Embargo { until: rig.now, recipients: &recipients, early: false };
    // By its name, by its bytes, and by what was once served.
    for (name, content, words) in [
        ("demo.bundle", &b"x"[..], "another bundle of that name is public"),
        ("demo.bundle", BUNDLE, "it is public, as `demo.bundle`"),
        ("other.bundle", BUNDLE, "it is public, as `demo.bundle`"),
    ] {
        let error = add_bundle(&rig.place, name, content, None, Some(&embargo)).unwrap_err();
        assert!(matches!(error, ChannelError::Input { .. }) && error.to_string().contains(words), "{error}");
    }
    remove(&rig.place, "demo.bundle", false).unwrap();
    rig.publish();
    let error = add_bundle(&rig.place, "other.bundle", BUNDLE, None, Some(&embargo)).unwrap_err();
    assert!(error.to_string().contains("it is public"), "{error}");
}

/// What was put in by mistake and nobody has seen is encrypted in its place.
#[test]
fn what_waits_in_the_clear_can_be_made_secret() {
    let rig = Rig::new();
    add_bundle(&rig.place, NAME, SECRET, Some(STATEMENTS), None).unwrap();
    let (recipient, identities) = identity();
    let recipients = Recipients::parse(&recipient).unwrap();
    let embargo =
        Embargo { until: rig.now + SignedDuration::from_hours(1), recipients: &recipients, early: false };
    let added = add_bundle(&rig.place, NAME, SECRET, None, Some(&embargo)).unwrap();
    assert_eq!(added.replaced, [format!("bundle.{NAME}"), format!("bundle.{NAME}.intoto.jsonl")]);
    rig.publish();
    let is_told = |path: &std::path::PathBuf| path.to_string_lossy().contains(NAME);
    assert!(!tree(&rig.place.public()).keys().any(is_told));
    let mut client = rig.client();
    client.identities = identities;
    client.fetch(&rig.serve().url(), rig.now).unwrap();
    assert_eq!(client.read(&format!("bundles/{NAME}")), SECRET);
}

#[test]
fn other_recipients_replace_the_first_ones() {
    let (rig, first, until) = sealed();
    let (recipient, second) = identity();
    let recipients = Recipients::parse(&recipient).unwrap();
    let added = add_bundle(
        &rig.place,
        NAME,
        SECRET,
        None,
        Some(&Embargo { until, recipients: &recipients, early: false }),
    )
    .unwrap();
    assert_eq!(added.replaced.len(), 1);
    rig.publish();
    let mut client = rig.client();
    client.identities = first;
    assert_eq!(client.fetch(&rig.serve().url(), rig.now).unwrap().not_for_us.len(), 1);
    client.identities = second;
    client.fetch(&rig.serve().url(), rig.now).unwrap();
    assert_eq!(client.read(&format!("bundles/{NAME}")), SECRET);
}
