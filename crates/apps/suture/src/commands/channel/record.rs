//! What the audit log is told of a channel: names and digests that everybody sees or will see, and the keys that signed. Of what
//! is under embargo that is a random name, and the digest of what was encrypted.

use std::fs;

use suture_channel::Place;
use suture_log::Subject;

use super::keys::Signers;
use crate::act::{Act, content};

/// Which channel: the one that began with this root.
pub(super) fn channel(act: &Act, place: &Place) {
    metadata(act, place, "channel", "1.root.json");
}

/// The newest state of it.
pub(super) fn newest(act: &Act, place: &Place) {
    metadata(act, place, "timestamp", "timestamp.json");
}

/// The root that waits, if one does.
pub(super) fn pending_root(act: &Act, place: &Place) {
    if let Ok(bytes) = fs::read(place.pending_root()) {
        act.on(content("root", &bytes));
    }
}

/// Files that came into the channel, and those that went.
pub(super) fn targets(act: &Act, place: &Place, added: &[String], removed: &[String]) {
    for name in added {
        // What can't be read any more is told by its name alone: the act is done.
        let digest = place.content_sha256(name).ok().flatten();
        act.on(Subject { digest: digest.map(|hex| format!("sha256:{hex}")), ..Subject::id("target", name) });
    }
    for name in removed {
        act.on(Subject::id("removed", name));
    }
}

/// The keys that have signed.
pub(super) fn keys(act: &Act, signers: &Signers) {
    signers.that_signed().for_each(|key| act.by(&key));
}

fn metadata(act: &Act, place: &Place, kind: &str, file: &str) {
    if let Ok(bytes) = fs::read(place.public().join("metadata").join(file)) {
        act.on(content(kind, &bytes));
    }
}
