//! A file of statements that is damaged may hide a refusal: no command that lets a patch run goes by it.

use std::fs;
use std::path::Path;
use std::process::Command;

use suture_keys::FileKey;
use suture_trust::{Envelope, IN_TOTO, read_lines};

use crate::office::{Server, check, done, open, sign, sign_all};
use crate::patch::{self, json};

const STATEMENTS: &str = "fix.bundle.intoto.jsonl";

/// Everything that is asked is signed, and then the patch is refused; the refusal loses its last ten bytes.
fn cut_refusal(here: &Path) {
    sign(here, "fix.bundle", "cora", "commander", &["--refuse", "--reason", "it breaks the cache"]);
    let whole = fs::read(here.join(STATEMENTS)).unwrap();
    fs::write(here.join(STATEMENTS), &whole[..whole.len() - 10]).unwrap();
}

#[test]
fn a_refusal_that_is_cut_off_goes_on_stopping() {
    let here = open("doubt-cut");
    patch::bundle(&here);
    sign_all(&here, "fix.bundle");
    let server = Server::start(&here, "server");
    let apply = ["apply", "fix.bundle", "--trust", "trust"];
    server.operate(&here, 0, &apply);
    server.operate(&here, 0, &["toggle", "fix.bundle", "off"]);
    cut_refusal(&here);

    let toggle = ["toggle", "fix.bundle", "on", "--trust", "trust"];
    let asked = ["policy", "check", "fix.bundle", "--trust", "trust"];
    for told in [server.operate(&here, 5, &apply), server.operate(&here, 5, &toggle), json(&here, 5, &asked)]
    {
        let error = &told["error"];
        assert!(error["what"].as_str().unwrap().contains(STATEMENTS), "{told}");
        assert!(error["why"].as_str().unwrap().starts_with("line 4: it is no DSSE envelope"), "{told}");
        assert!(error["help"].as_str().unwrap().starts_with("get it again"), "{told}");
    }
    server.awaits("count");
    // What takes back needs nobody's permission.
    server.operate(&here, 0, &["revert", "fix.bundle"]);

    let verified = json(&here, 5, &["bundle", "verify", "fix.bundle", "--trust", "trust"]);
    let rows = verified["checks"].as_array().unwrap();
    let failed: Vec<_> = rows.iter().filter(|row| row["state"] == "fail").map(|row| &row["check"]).collect();
    assert_eq!(failed, ["statements", "policy"]);
}

/// Genuinely signed, and written so that it can't be read: it may be a refusal.
#[test]
fn a_refusal_that_can_not_be_read_stops() {
    let here = open("doubt-unread");
    patch::bundle(&here);
    sign_all(&here, "fix.bundle");
    let key = FileKey::read(&here.join("cora"), 1, &mut |_| unreachable!("it has no passphrase")).unwrap();
    let signed = fs::read_to_string(here.join(STATEMENTS)).unwrap();
    sign(&here, "fix.bundle", "cora", "commander", &["--refuse", "--reason", "it breaks the cache"]);
    let all = fs::read(here.join(STATEMENTS)).unwrap();
    let refusal = read_lines(&all).unwrap().envelopes.pop().unwrap().1;
    let twice = String::from_utf8(refusal.payload).unwrap().replacen('{', "{\"a\":1,\"a\":2,", 1);
    let unread = Envelope::sign(IN_TOTO, twice.into_bytes(), &key).unwrap();
    fs::write(here.join(STATEMENTS), format!("{signed}{}\n", unread.to_json())).unwrap();
    let server = Server::start(&here, "server");
    let told = server.operate(&here, 5, &["apply", "fix.bundle", "--trust", "trust"]);
    let why = told["error"]["why"].as_str().unwrap();
    assert!(why.starts_with("line 4: ") && why.contains("stands twice"), "{told}");
    json(&here, 5, &["policy", "check", "fix.bundle", "--trust", "trust"]);
    json(&here, 5, &["bundle", "verify", "fix.bundle", "--trust", "trust"]);
    server.awaits("count");
}

/// Strangers fill the file with more lines than are read: nothing runs, or it runs as without them; nothing is a mistake of the one
/// who asks.
#[test]
fn strangers_who_fill_the_file_decide_nothing() {
    let here = open("doubt-filled");
    patch::bundle(&here);
    done(&here, &["key", "new", "-o", "eve", "--no-passphrase"]);
    sign(&here, "fix.bundle", "eve", "commander", &[]);
    let stranger = fs::read_to_string(here.join(STATEMENTS)).unwrap();
    fs::write(here.join(STATEMENTS), stranger.repeat(1100)).unwrap();
    sign_all(&here, "fix.bundle");
    assert_eq!(check(&here, "fix.bundle", &[]), (Vec::new(), true));
    let told = json(&here, 0, &["policy", "check", "fix.bundle", "--trust", "trust"]);
    assert_eq!(told["left_out"], 1100, "{told}");
    json(&here, 0, &["bundle", "verify", "fix.bundle", "--trust", "trust"]);
    sign(&here, "fix.bundle", "cora", "commander", &["--refuse", "--reason", "it breaks the cache"]);
    assert_eq!(check(&here, "fix.bundle", &[]), (vec!["refusal-blocks".to_owned()], false));
    // As many that may be of somebody who is known are too many to say anything.
    let whole = fs::read_to_string(here.join(STATEMENTS)).unwrap();
    let key = String::from_utf8(
        Command::new("ssh-keygen").arg("-lf").arg(here.join("eve.pub")).output().unwrap().stdout,
    );
    fs::write(here.join(STATEMENTS), whole.replace(key.unwrap().split(' ').nth(1).unwrap(), "")).unwrap();
    let server = Server::start(&here, "server");
    let asked = [
        json(&here, 5, &["policy", "check", "fix.bundle", "--trust", "trust"]),
        json(&here, 5, &["bundle", "verify", "fix.bundle", "--trust", "trust"]),
        server.operate(&here, 5, &["apply", "fix.bundle", "--trust", "trust"]),
    ];
    for told in asked {
        assert!(told["error"]["why"].as_str().unwrap().contains("more than 1024"), "{told}");
        assert!(told["error"]["help"].as_str().unwrap().contains("--prune"), "{told}");
    }
    let pruned = json(&here, 5, &["statements", "fix.bundle", "--trust", "trust", "--prune"]);
    assert_eq!((&pruned["pruned"], &pruned["refused"]), (&1100.into(), &true.into()));
}

#[test]
fn nothing_is_published_with_a_refusal_that_is_cut_off() {
    let here = open("doubt-published");
    patch::bundle(&here);
    sign_all(&here, "fix.bundle");
    cut_refusal(&here);
    let keys =
        "--root-key cora --targets-key cora --patches-key cora --snapshot-key cora --timestamp-key cora";
    let init: Vec<&str> = ["channel", "init", "channel"].into_iter().chain(keys.split(' ')).collect();
    done(&here, &init);
    done(&here, &["channel", "add", "channel", "--policy", "trust"]);
    // Not put in, and not published when somebody has put it there by hand.
    let told = json(&here, 5, &["channel", "add", "channel", "--bundle", "fix.bundle"]);
    assert!(told["error"]["why"].as_str().unwrap().contains("line 4: "), "{told}");
    fs::copy(here.join("fix.bundle"), here.join("channel/content/bundle.fix.bundle")).unwrap();
    fs::copy(here.join(STATEMENTS), here.join("channel/content/bundle.fix.bundle.intoto.jsonl")).unwrap();
    let publish = ["channel", "publish", "channel", "--key", "cora", "--trust", "trust"];
    let told = json(&here, 5, &[&publish[..], &["--without-case", "answer to id"]].concat());
    assert!(told["error"]["why"].as_str().unwrap().contains("line 4: "), "{told}");
}

/// The signature of a refusal that no longer fits is damage as well: one letter of what was signed is another.
#[test]
fn a_refusal_whose_signature_no_longer_fits_goes_on_stopping() {
    let here = open("doubt-signature");
    patch::bundle(&here);
    sign_all(&here, "fix.bundle");
    sign(&here, "fix.bundle", "cora", "commander", &["--refuse", "--reason", "it breaks the cache"]);
    let whole = fs::read_to_string(here.join(STATEMENTS)).unwrap();
    let at = whole.rfind("\"payload\":\"").unwrap() + 20;
    let other = if &whole[at..=at] == "A" { "B" } else { "A" };
    fs::write(here.join(STATEMENTS), format!("{}{other}{}", &whole[..at], &whole[at + 1..])).unwrap();
    let told = json(&here, 5, &["policy", "check", "fix.bundle", "--trust", "trust"]);
    let why = told["error"]["why"].as_str().unwrap();
    assert!(why.starts_with("line 4: the signature does not fit"), "{told}");
    // Without that line all is as it was.
    let lines: Vec<&str> = whole.lines().take(3).collect();
    fs::write(here.join(STATEMENTS), lines.join("\n")).unwrap();
    assert_eq!(check(&here, "fix.bundle", &[]), (Vec::new(), true));
}
