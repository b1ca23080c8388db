//! An embargo that was declared holds until its time, whatever becomes of its bundle and of what is known of it.

use std::fs;

use jiff::{SignedDuration, Timestamp};
use suture_channel::{
    ChannelError, Embargo, Recipients, Refusal, Scope, add_bundle, publish, remove, reveal, show,
};

use crate::rig::{Rig, STATEMENTS};

const SECRET: &[u8] = b"heap overflow in parseHeader, CVE-2026-12345";
const NAME: &str = "cve-2026-12345.bundle";
const SOMEBODY: &str = "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p";

/// Puts it in under embargo for so many hours.
fn seal(rig: &Rig, name: &str, content: &[u8], hours: i64, early: bool) -> Result<Timestamp, ChannelError> {
    let recipients = Recipients::parse(SOMEBODY).unwrap();
    let until = rig.now + SignedDuration::from_hours(hours);
    let embargo = Embargo { until, recipients: &recipients, early };
    add_bundle(&rig.place, name, content, Some(STATEMENTS), Some(&embargo)).map(|_| until)
}

/// A channel with a bundle under embargo for a day, published, and its opaque name.
fn sealed() -> (Rig, String) {
    let rig = Rig::new();
    seal(&rig, NAME, SECRET, 24, false).unwrap();
    rig.publish();
    let opaque = show(&rig.place, rig.now).unwrap().sealed[0].opaque.clone();
    (rig, opaque)
}

fn refusal<T: std::fmt::Debug>(result: Result<T, ChannelError>) -> Refusal {
    match result {
        Err(ChannelError::Refused(refusal)) => refusal,
        other => panic!("{other:?}"),
    }
}

/// What happens to what is known of the bundle with this opaque name.
type Damage = fn(&Rig, &str);

/// The files of its record.
fn record(rig: &Rig, opaque: &str, file: &str) -> std::path::PathBuf {
    rig.room.path().join("channel/embargo").join(opaque).join(file)
}

#[test]
fn what_was_taken_out_is_not_put_in_in_the_clear() {
    let (rig, opaque) = sealed();
    let taken = remove(&rig.place, NAME, false).unwrap();
    assert_eq!((taken.held[0].opaque.as_str(), taken.ended.len()), (opaque.as_str(), 0));
    // Before it is gone from what is public, and after.
    for _ in 0..2 {
        for name in [NAME, "harmless.bundle"] {
            let refused = refusal(add_bundle(&rig.place, name, SECRET, None, None));
            assert!(matches!(&refused, Refusal::UnderEmbargo { name, .. } if name == NAME), "{refused}");
            assert!(refused.help().contains("suture channel reveal"), "{refused}");
        }
        rig.publish();
        let shown = show(&rig.place, rig.now).unwrap();
        assert!(shown.sealed.len() == 1 && !shown.sealed[0].in_content, "{:?}", shown.sealed);
        assert!(record(&rig, &opaque, NAME).exists());
    }
    assert!(matches!(remove(&rig.place, NAME, false), Err(ChannelError::Input { .. })));
    assert!(matches!(refusal(reveal(&rig.place, NAME, false, rig.now)), Refusal::Embargoed { .. }));
    assert_eq!(remove(&rig.place, NAME, true).unwrap().ended, [opaque]);
    add_bundle(&rig.place, NAME, SECRET, None, None).unwrap();
    assert!(rig.publish().added.contains(&format!("bundle.{NAME}")));
}

/// The same embargo, declared again for bytes that were taken out, replaces the first one.
#[test]
fn what_was_taken_out_is_put_in_again_under_embargo() {
    let (mut rig, opaque) = sealed();
    remove(&rig.place, NAME, false).unwrap();
    seal(&rig, "other.bundle", SECRET, 24, false).unwrap();
    rig.publish();
    let shown = show(&rig.place, rig.now).unwrap().sealed;
    let names: Vec<(&str, bool)> =
        shown.iter().map(|sealed| (sealed.name.as_str(), sealed.in_content)).collect();
    // The name that it had is as secret as before.
    assert!(
        names.len() == 2 && names.contains(&(NAME, false)) && names.contains(&("other.bundle", true)),
        "{names:?}"
    );
    seal(&rig, NAME, SECRET, 24, false).unwrap();
    rig.publish();
    let shown = show(&rig.place, rig.now).unwrap().sealed;
    assert!(!shown.iter().any(|sealed| sealed.opaque == opaque), "{shown:?}");
    rig.wait(25);
    reveal(&rig.place, NAME, false, rig.now).unwrap();
    assert!(rig.publish().added.contains(&format!("bundle.{NAME}")));
    assert!(show(&rig.place, rig.now).unwrap().sealed.is_empty());
}

#[test]
fn an_embargo_is_not_shortened_unasked() {
    let (rig, _) = sealed();
    for name in [NAME, "other.bundle"] {
        for hours in [23, -1] {
            assert!(matches!(refusal(seal(&rig, name, SECRET, hours, false)), Refusal::Shortened { .. }));
        }
    }
    let longer = seal(&rig, NAME, SECRET, 48, false).unwrap();
    assert_eq!(show(&rig.place, rig.now).unwrap().sealed[0].until, longer);
    let shorter = seal(&rig, NAME, SECRET, 1, true).unwrap();
    rig.publish();
    let shown = show(&rig.place, rig.now).unwrap().sealed;
    assert_eq!((shown.len(), shown[0].until), (1, shorter));
}

/// Recipients would get it twice, and refuse both.
#[test]
fn what_is_encrypted_is_not_added_beside_that_in_the_clear() {
    let (mut rig, _) = sealed();
    rig.wait(25);
    for content in [SECRET, b"a better one"] {
        let refused = refusal(add_bundle(&rig.place, NAME, content, None, None));
        assert!(matches!(refused, Refusal::UnderEmbargo { .. }), "{refused}");
    }
    // By hand, or by whoever was stopped in between.
    let clear = rig.room.path().join("channel/content").join(format!("bundle.{NAME}"));
    fs::write(&clear, SECRET).unwrap();
    let all = suture_channel::Role::ALL;
    let refused = refusal(publish(&rig.place, Scope::Content, &rig.signers(&all), rig.now));
    assert!(matches!(refused, Refusal::Twice { .. }), "{refused}");
    reveal(&rig.place, NAME, false, rig.now).unwrap();
    rig.publish();
    assert!(show(&rig.place, rig.now).unwrap().sealed.is_empty());
}

/// Another bundle of its name takes its place in the channel, and ends no embargo.
#[test]
fn another_bundle_of_the_name_ends_no_embargo() {
    let (rig, opaque) = sealed();
    seal(&rig, NAME, b"a better one", 1, false).unwrap();
    rig.publish();
    let shown = show(&rig.place, rig.now).unwrap().sealed;
    assert_eq!(
        shown.iter().find(|sealed| sealed.opaque == opaque).map(|sealed| sealed.in_content),
        Some(false)
    );
    assert!(matches!(
        refusal(add_bundle(&rig.place, "x.bundle", SECRET, None, None)),
        Refusal::UnderEmbargo { .. }
    ));
    // It is told with it.
    reveal(&rig.place, NAME, true, rig.now).unwrap();
    rig.publish();
    assert!(show(&rig.place, rig.now).unwrap().sealed.is_empty());
}

/// A record that can't be read closes nothing but what needs it, and goes by its opaque name, with a reason.
#[test]
fn what_nobody_knows_goes_with_a_reason_alone() {
    let damages: [(&str, Damage); 4] = [
        ("can't be read", |rig, opaque| fs::write(record(rig, opaque, "record.json"), "{").unwrap()),
        ("is not in `embargo`", |rig, opaque| fs::remove_file(record(rig, opaque, "record.json")).unwrap()),
        ("is gone", |rig, opaque| fs::remove_file(record(rig, opaque, NAME)).unwrap()),
        ("is not what was put in", |rig, opaque| fs::write(record(rig, opaque, NAME), "x").unwrap()),
    ];
    for (words, damage) in damages {
        let (rig, opaque) = sealed();
        damage(&rig, &opaque);
        let shown = show(&rig.place, rig.now).unwrap();
        assert_eq!(shown.unknown.len(), 1, "{words}");
        assert!(shown.unknown[0].0 == opaque && shown.unknown[0].1.contains(words), "{:?}", shown.unknown);
        assert!(reveal(&rig.place, &opaque, true, rig.now).is_err());
        // What is known of its end goes by that.
        if shown.sealed.is_empty() {
            let refused = refusal(remove(&rig.place, &opaque, false));
            assert!(matches!(refused, Refusal::EmbargoUnknown { .. }), "{refused}");
        }
        assert_eq!(remove(&rig.place, &opaque, true).unwrap().ended, [opaque]);
        rig.publish();
        let shown = show(&rig.place, rig.now).unwrap();
        assert!(shown.unknown.is_empty() && shown.sealed.is_empty(), "{words}");
    }
}

#[test]
fn statements_go_with_their_bundle() {
    let rig = Rig::new();
    for name in ["demo.bundle.intoto.jsonl", "bundle.demo.bundle.intoto.jsonl"] {
        let refused = remove(&rig.place, name, false).unwrap_err();
        assert!(refused.to_string().contains("statements about `demo.bundle`"), "{refused}");
    }
    assert_eq!(remove(&rig.place, "demo.bundle", false).unwrap().files.len(), 2);
}
