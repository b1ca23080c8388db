//! What the audit log is told of a channel: digests, the keys that signed, and names once everybody sees them. Before something
//! is published it has none but the random one under which it is encrypted: publishing may still be refused for what a name tells.

use std::fs;
use std::path::Path;

use suture_channel::name::Kind;
use suture_channel::{Place, Removed};
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
    root(act, &place.pending_root());
}

/// A root.
pub(super) fn root(act: &Act, path: &Path) {
    if let Ok(bytes) = fs::read(path) {
        act.on(content("root", &bytes));
    }
}

/// Files that are public with the next publication, and those that go with it.
pub(super) fn waiting(act: &Act, place: &Place, added: &[String], removed: &[String]) {
    let added = added.iter().map(|name| {
        let target = target(place, name);
        if is_sealed(name) { target } else { Subject { id: None, ..target } }
    });
    act.on_each(added.filter(|target| target.id.is_some() || target.digest.is_some()));
    act.on_each(removed.iter().filter(|name| is_sealed(name)).map(|name| Subject::id("removed", name)));
}

/// Files that were taken out: by their names only if those are public.
pub(super) fn taken_out(act: &Act, files: &[Removed]) {
    for Removed { name, sha256, is_public, is_served } in files {
        let id = (*is_public || *is_served || is_sealed(name)).then(|| name.clone());
        let digest = sha256.as_ref().map(|hex| format!("sha256:{hex}"));
        if id.is_some() || digest.is_some() {
            act.on(Subject { id, digest, ..Subject::id("removed", name) });
        }
    }
}

/// Embargoes that ended, by the random names that the world saw.
pub(super) fn ended(act: &Act, opaque: &[String]) {
    act.on_each(opaque.iter().map(|opaque| Subject::id("ended", Kind::Sealed(opaque.clone()).target())));
}

/// Files that became public, and those that went.
pub(super) fn published(act: &Act, place: &Place, added: &[String], removed: &[String]) {
    act.on_each(added.iter().map(|name| target(place, name)));
    act.on_each(removed.iter().map(|name| Subject::id("removed", name)));
}

/// The keys that have signed.
pub(super) fn keys(act: &Act, signers: &Signers) {
    signers.that_signed().for_each(|key| act.by(&key));
}

/// What can't be read any more is told by its name alone: the act is done.
fn target(place: &Place, name: &str) -> Subject {
    let digest = place.content_sha256(name).ok().flatten();
    Subject { digest: digest.map(|hex| format!("sha256:{hex}")), ..Subject::id("target", name) }
}

fn is_sealed(name: &str) -> bool {
    matches!(Kind::parse(name), Ok(Kind::Sealed(_)))
}

fn metadata(act: &Act, place: &Place, kind: &str, file: &str) {
    if let Ok(bytes) = fs::read(place.public().join("metadata").join(file)) {
        act.on(content(kind, &bytes));
    }
}
