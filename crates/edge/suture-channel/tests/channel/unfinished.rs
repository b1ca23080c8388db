//! Publications and fetches that do not get to their end, and files that are damaged on their way.

use std::sync::OnceLock;

use proptest::prelude::*;
use suture_channel::{ChannelError, Delivery, Role, Scope, add_bundle, add_policy, plan};

use crate::rig::{OTHER_RULES, Rig, copy, file_url, tree};

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
