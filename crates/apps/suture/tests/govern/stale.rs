//! What was fetched is good for a time: whoever goes by it afterwards could run what was refused meanwhile.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::office::{Server, done, sign_all};
use crate::patch::json;
use crate::publishing::{add, prepared, publish};

/// Fetches the channel into `got`, as it was at another time if `change` says so.
fn fetch(here: &Path, change: &[(&str, &str)]) {
    let url = format!("file://{}/channel/public", here.display());
    let root = "channel/public/metadata/1.root.json";
    done(here, &["fetch", &url, "--root", root, "--datastore", "seen", "--out", "got"]);
    let summary = here.join("got/channel.json");
    let mut document: Value = serde_json::from_slice(&fs::read(&summary).unwrap()).unwrap();
    for (field, time) in change {
        assert!(document[*field].is_string());
        document[*field] = (*time).into();
    }
    fs::write(summary, document.to_string()).unwrap();
}

/// The acts that need a permission, with the bundle in one place and the trust directory in another.
fn forward<'a>(bundle: &'a str, trust: &'a str) -> [Vec<&'a str>; 3] {
    [vec!["apply", bundle], vec!["toggle", bundle, "on"], vec!["policy", "check", bundle]]
        .map(|line| [&line[..], &["--trust", trust]].concat())
}

#[test]
fn what_was_fetched_is_not_gone_by_for_ever() {
    let here = prepared("stale", &[]);
    sign_all(&here, "fix.bundle");
    add(&here, &[]);
    publish(&here, "cora", &[]).unwrap();
    fetch(&here, &[]);
    let server = Server::start(&here, "server");
    let bundle = "got/bundles/fix.bundle";
    assert_eq!(
        server.operate(&here, 0, &["apply", bundle, "--trust", "got/trust"])["results"][0]["outcome"],
        "done"
    );
    server.awaits("fixed");
    std::os::unix::fs::symlink("got/trust", here.join("linked")).unwrap();
    for (change, words) in [
        (
            &[("fetched_at", "2020-01-01T00:00:00Z"), ("good_until", "2020-01-02T00:00:00Z")][..],
            "was good until 2020-01-02T00:00:00Z",
        ),
        (
            &[("fetched_at", "2999-01-01T00:00:00Z"), ("good_until", "2999-01-02T00:00:00Z")],
            "it was set back",
        ),
    ] {
        fetch(&here, change);
        // A trust directory of one's own does not know of refusals that go with the bundle either.
        for (bundle, trust) in [(bundle, "got/trust"), ("fix.bundle", "linked"), (bundle, "trust")] {
            for line in forward(bundle, trust) {
                let refused =
                    if line[0] == "policy" { json(&here, 5, &line) } else { server.operate(&here, 5, &line) };
                let why = refused["error"]["why"].as_str().unwrap_or_else(|| panic!("{line:?}: {refused}"));
                assert!(why.contains(words), "{line:?}: {refused}");
            }
        }
        let verified = json(&here, 5, &["bundle", "verify", bundle, "--trust", "got/trust"]).to_string();
        assert!(verified.contains(words), "{verified}");
        // What is nobody's but the operator's does not expire.
        json(&here, 0, &["policy", "check", "fix.bundle", "--trust", "trust"]);
    }
    // The way back is open.
    server.operate(&here, 0, &["toggle", bundle, "off"]);
    server.awaits("count");
    server.operate(&here, 0, &["revert", bundle]);
    fs::write(here.join("got/channel.json"), "{}").unwrap();
    json(&here, 2, &["policy", "check", bundle, "--trust", "got/trust"]);
    // As docs/operate/channel.md says of a channel that is gone for good.
    done(&here, &["policy", "check", "fix.bundle", "--trust", "trust"]);
    fs::rename(here.join("got/trust"), here.join("ours")).unwrap();
    done(&here, &["policy", "check", "fix.bundle", "--trust", "ours"]);
}
