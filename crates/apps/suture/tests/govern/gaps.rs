//! A bundle whose dossier has gaps, made by hand and signed by everybody: whoever is asked about it says the same.

use std::fs;

use crate::forge;
use crate::office::{Server, done, open, sign_all};
use crate::patch::{self, json};

#[test]
fn a_bundle_with_gaps_runs_nowhere_and_is_not_published() {
    let here = open("gaps");
    patch::bundle(&here);
    // Signed before it is known what is missing: another tool signs everything, and so statements are those of the whole bundle.
    forge::with_dossier(&here, |text| text.replace("answer to traces", "?? somebody will know"));
    fs::rename(here.join("bad.bundle"), here.join("bad")).unwrap();
    let signer = |name: &str, role: &str, more: &[&str]| {
        let refused = json(&here, 5, &[&["sign", "--as", role, "--key", name, "bad"], more].concat());
        assert!(refused["error"]["why"].as_str().unwrap().contains("1 gap, first data.traces"), "{refused}");
    };
    signer("ann", "author", &[]);
    let server = Server::start(&here, "server");
    let (pid, trust) = (server.pid(), ["--trust", "trust"]);
    let rows = [
        [&["policy", "check", "bad"][..], &trust].concat(),
        [&["apply", "bad", "--pid", &pid][..], &trust].concat(),
        vec!["apply", "bad", "--pid", "1"],
        [&["toggle", "bad", "on", "--pid", "1"][..], &trust].concat(),
    ];
    for row in rows {
        let told = json(&here, 5, &row);
        let why = told["error"]["why"].as_str().unwrap();
        assert!(why.starts_with("its dossier has 1 gap, first data.traces: "), "{row:?}: {told}");
    }
    server.awaits("count");
    let verified = json(&here, 5, &[&["bundle", "verify", "bad"][..], &trust].concat());
    let failed = verified["checks"].as_array().unwrap().iter().filter(|row| row["state"] == "fail");
    assert_eq!(failed.map(|row| row["check"].as_str().unwrap()).collect::<Vec<_>>(), ["dossier", "policy"]);

    let keys =
        "--root-key cora --targets-key cora --patches-key cora --snapshot-key cora --timestamp-key cora";
    done(&here, &["channel", "init", "channel"].into_iter().chain(keys.split(' ')).collect::<Vec<_>>());
    fs::rename(here.join("bad"), here.join("bad.bundle")).unwrap();
    let told = json(&here, 5, &["channel", "add", "channel", "--bundle", "bad.bundle"]);
    assert!(told["error"]["why"].as_str().unwrap().contains("data.traces"), "{told}");
    // One that somebody has put there by hand is not published, with a trust root or without.
    done(&here, &["channel", "add", "channel", "--bundle", "fix.bundle"]);
    sign_all(&here, "fix.bundle");
    fs::copy(here.join("bad.bundle"), here.join("channel/content/bundle.fix.bundle")).unwrap();
    let publish = ["channel", "publish", "channel", "--key", "cora", "--without-case", "answer to id"];
    for more in [&trust[..], &[]] {
        let told = json(&here, 5, &[&publish[..], more].concat());
        assert!(told["error"]["why"].as_str().unwrap().contains("data.traces"), "{told}");
    }
}

/// The way back is open whatever a dossier says.
#[test]
fn a_bundle_with_gaps_is_taken_back() {
    let here = open("gaps-back");
    patch::bundle(&here);
    forge::with_dossier(&here, |text| text.replace("answer to traces", "?? somebody will know"));
    let server = Server::start(&here, "server");
    server.operate(&here, 0, &["apply", "fix.bundle"]);
    server.awaits("fixed");
    server.operate(&here, 0, &["toggle", "bad.bundle", "off"]);
    server.awaits("count");
    server.operate(&here, 5, &["toggle", "bad.bundle", "on"]);
    server.operate(&here, 0, &["revert", "bad.bundle"]);
}
