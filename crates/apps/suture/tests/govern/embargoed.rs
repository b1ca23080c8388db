//! An embargo that was declared holds until its time: whatever has become of the bundle in the channel, of what is known of it,
//! and of the time that was said first.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::log::{Log, subject};
use crate::office::{done, sign, sign_all};
use crate::patch::{self, json};
use crate::publishing::{LATER, add, prepared, public, publish};
use crate::transcript::run;

const PUBLISH: [&str; 9] =
    ["channel", "publish", "channel", "--key", "cora", "--key", "team", "--trust", "trust"];
const SEALED: [&str; 4] = ["--embargo-until", LATER, "--to-file", "node.pub"];
/// What both bundles of a test have in common, as they are of one program.
const KNOWN: [&str; 3] = ["check", "count", "check.c"];
const TITLE: &str = "The greeting reveals the moonstone.\n";

/// A channel with a bundle under embargo, published.
fn sealed(name: &str) -> PathBuf {
    let here = prepared(name, &[]);
    sign_all(&here, "fix.bundle");
    add(&here, &SEALED);
    publish(&here, "cora", &[]).unwrap();
    here
}

/// Puts `more.bundle` for a case of its own into the channel, with a document.
fn add_more(here: &Path, document: &str) {
    done(here, &["case", "new", "greet-2", "--title", "Counting was slow", "--program", "server"]);
    fs::write(here.join("notes"), document).unwrap();
    patch::delta(here, "other", "more", "more %d");
    patch::dossier_with(here, &["more.delta"], &["--case", "greet-2"]);
    let more = ["bundle", "create", "more.delta", "--dossier", "dossier.toml", "--document", "notes"];
    done(here, &[&more[..], &["-o", "more.bundle"]].concat());
    sign_all(here, "more.bundle");
    done(here, &["channel", "add", "channel", "--bundle", "more.bundle"]);
}

/// Publishes what must be refused, with these words.
fn refused(here: &Path, words: &str) -> String {
    let known: Vec<&str> = KNOWN.iter().flat_map(|word| ["--known", word]).collect();
    let told = json(here, 5, &[&PUBLISH[..], &known].concat());
    let told = told["error"].to_string();
    assert!(told.contains(words), "{told}");
    told
}

fn opaque(here: &Path) -> String {
    json(here, 0, &["channel", "show", "channel"])["embargo"][0]["opaque"].as_str().unwrap().to_owned()
}

/// Taken out of the channel it is as secret as in it.
#[test]
fn what_was_taken_out_stays_secret() {
    let here = sealed("held-removed");
    let removed = json(&here, 0, &["channel", "remove", "channel", "fix.bundle"]);
    assert_eq!((&removed["held"][0]["until"], &removed["ended"]), (&LATER.into(), &serde_json::json!([])));
    let clear = ["channel", "add", "channel", "--bundle", "fix.bundle"];
    let told = json(&here, 5, &clear);
    assert!(told["error"]["help"].as_str().unwrap().contains("suture channel reveal"), "{told}");
    publish(&here, "cora", &[]).unwrap();
    json(&here, 5, &clear);
    // Nor does it go out by hand.
    let by_hand = here.join("channel/content/bundle.fix.bundle");
    fs::copy(here.join("fix.bundle"), &by_hand).unwrap();
    fs::copy(here.join("fix.bundle.intoto.jsonl"), format!("{}.intoto.jsonl", by_hand.display())).unwrap();
    let told = json(&here, 5, &["channel", "publish", "channel", "--key", "cora", "--key", "team"]);
    assert!(
        told["error"]["why"].as_str().unwrap().contains("it was put into the channel under embargo"),
        "{told}"
    );
    fs::remove_file(&by_hand).unwrap();
    fs::remove_file(format!("{}.intoto.jsonl", by_hand.display())).unwrap();
    // Nothing else gives it away.
    add_more(&here, TITLE);
    let why = refused(&here, "gives away what is under embargo");
    assert!(why.contains("is in the title"), "{why}");
    // A reason ends that, and is on record.
    let log = Log::begin(&here);
    let ended = log.done(&["channel", "remove", "channel", "fix.bundle", "--early"]);
    assert_eq!(ended["detail"]["early"], true);
    assert!(subject(&ended, "ended")["id"].as_str().unwrap().starts_with("sealed."), "{ended}");
    publish(&here, "cora", &[]).unwrap();
    assert!(public(&here).iter().any(|name| name.ends_with(".bundle.more.bundle")));
}

/// A disclosure that is postponed is one in the case; the time that was said of the bundle first is not the end.
#[test]
fn a_disclosure_that_was_postponed_is_still_to_come() {
    let here = prepared("held-postponed", &["--embargo-until", LATER]);
    sign_all(&here, "fix.bundle");
    add(&here, &["--embargo-until", "2020-01-01T00:00:00Z", "--to-file", "node.pub"]);
    publish(&here, "cora", &[]).unwrap();
    fs::create_dir(here.join("trust/policy")).unwrap();
    let rule = "// The greeting reveals the moonstone.\n@id(\"all\")\n@says(\"All.\")\npermit (principal, action, resource);\n";
    fs::write(here.join("trust/policy/1.cedar"), rule).unwrap();
    done(&here, &["channel", "add", "channel", "--policy", "trust"]);
    refused(&here, "gives away what is under embargo");
    // Taken out as well, and as long as the case says so.
    done(&here, &["channel", "remove", "channel", "fix.bundle"]);
    refused(&here, "gives away what is under embargo");
    let over = ["case", "classify", "greet-1", "--embargo-until", "2020-01-02T00:00:00Z", "--by", "ann"];
    done(&here, &over);
    publish(&here, "cora", &[]).unwrap();
    let kept = fs::read_dir(here.join("channel/embargo")).unwrap().count();
    assert_eq!(kept, 0, "what is secret no more is kept no longer");
}

/// A bundle that is revealed in time is secret for as long as its case is, and so is what gives it away.
#[test]
fn what_was_revealed_while_its_case_is_secret_stays_secret() {
    let here = prepared("held-revealed", &["--embargo-until", LATER]);
    sign_all(&here, "fix.bundle");
    add(&here, &["--embargo-until", "2020-01-01T00:00:00Z", "--to-file", "node.pub"]);
    publish(&here, "cora", &[]).unwrap();
    done(&here, &["channel", "reveal", "channel", "fix.bundle"]);
    assert!(publish(&here, "cora", &[]).unwrap_err().contains("embargo-is-encrypted"));
    done(&here, &["channel", "remove", "channel", "fix.bundle"]);
    fs::create_dir(here.join("trust/policy")).unwrap();
    let rule = "// The greeting reveals the moonstone.\n@id(\"all\")\n@says(\"All.\")\npermit (principal, action, resource);\n";
    fs::write(here.join("trust/policy/1.cedar"), rule).unwrap();
    done(&here, &["channel", "add", "channel", "--policy", "trust"]);
    refused(&here, "gives away what is under embargo");
    // What ends the embargo of a bundle does not end that of its case.
    done(&here, &["channel", "add", "channel", "--bundle", "fix.bundle"]);
    done(&here, &["channel", "remove", "channel", "fix.bundle", "--early"]);
    refused(&here, "gives away what is under embargo");
}

/// What is under embargo and not known here stops what is new, but not refusals, and goes with a reason.
#[test]
fn nothing_new_is_published_beside_what_nobody_knows() {
    let here = prepared("held-lost", &[]);
    sign_all(&here, "fix.bundle");
    add_more(&here, "nothing of interest\n");
    publish(&here, "cora", &[]).unwrap();
    add(&here, &SEALED);
    publish(&here, "cora", &[]).unwrap();
    let name = opaque(&here);
    let record = here.join("channel/embargo").join(&name);
    fs::rename(&record, here.join("lost")).unwrap();
    let rule = "@id(\"all\")\n@says(\"All.\")\npermit (principal, action, resource);\n";
    fs::create_dir(here.join("trust/policy")).unwrap();
    fs::write(here.join("trust/policy/1.cedar"), rule).unwrap();
    done(&here, &["channel", "add", "channel", "--policy", "trust"]);
    let why = refused(&here, "nobody here can say what is under embargo");
    assert!(why.contains(&name) && why.contains("suture channel remove"), "{why}");
    let shown = json(&here, 0, &["channel", "show", "channel"]);
    assert_eq!(shown["unknown"][0]["opaque"], name.as_str());
    done(&here, &["channel", "remove", "channel", "--policy"]);
    sign(&here, "more.bundle", "ray", "reviewer", &["--refuse", "--reason", "it drops every packet"]);
    done(&here, &["channel", "add", "channel", "--bundle", "more.bundle"]);
    done(&here, &["channel", "publish", "channel", "--key", "team", "--trust", "trust"]);
    // With it all is as it was; and what it does not fit is not what was agreed to.
    fs::rename(here.join("lost"), &record).unwrap();
    let content = here.join("channel/content").join(format!("sealed.{name}"));
    let encrypted = fs::read(&content).unwrap();
    fs::write(&content, "something else").unwrap();
    let why = refused(&here, "nobody here can say what is under embargo");
    assert!(why.contains("not what was encrypted"), "{why}");
    fs::write(&content, encrypted).unwrap();
    publish(&here, "cora", &[]).unwrap();
    fs::write(record.join("record.json"), "{").unwrap();
    json(&here, 5, &["channel", "remove", "channel", &name]);
    done(&here, &["channel", "remove", "channel", &name, "--early"]);
    publish(&here, "cora", &[]).unwrap();
    assert!(!public(&here).iter().any(|file| file.contains(&name) && content.exists()));
}

#[test]
fn a_directory_is_no_record_of_a_case() {
    let here = prepared("held-no-case", &["--embargo-until", LATER]);
    sign_all(&here, "fix.bundle");
    add(&here, &[]);
    fs::create_dir_all(here.join("elsewhere/greet-1")).unwrap();
    let told = json(&here, 5, &[&PUBLISH[..], &["--cases", "elsewhere"]].concat());
    assert!(told["error"]["why"].as_str().unwrap().contains("is not in `elsewhere`"), "{told}");
}

/// An addition that fails takes nothing out.
#[test]
fn what_can_not_be_encrypted_stays_as_it_was() {
    let here = prepared("held-full", &[]);
    add(&here, &[]);
    let before = fs::read(here.join("channel/content/bundle.fix.bundle")).unwrap();
    // Encrypted it has more than 64 KiB.
    let limited = "trap '' XFSZ; ulimit -f 100; exec \"$0\" \"$@\"";
    let output = Command::new("sh")
        .args(["-c", limited, env!("CARGO_BIN_EXE_suture")])
        .args(["channel", "add", "channel", "--bundle", "fix.bundle"])
        .args(SEALED)
        .current_dir(&here)
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{told}");
    assert_eq!(fs::read(here.join("channel/content/bundle.fix.bundle")).unwrap(), before);
    assert_eq!(fs::read_dir(here.join("channel/embargo")).unwrap().count(), 0, "no embargo was declared");
    add(&here, &SEALED);
    assert!(!here.join("channel/content/bundle.fix.bundle").exists());
}

/// Words of a refusal can be words of another bundle's embargo: it is said what waits for that.
#[test]
fn a_refusal_that_gives_something_away_is_said_to_wait() {
    let here = prepared("held-refusal", &[]);
    sign_all(&here, "fix.bundle");
    add_more(&here, "nothing of interest\n");
    publish(&here, "cora", &[]).unwrap();
    add(&here, &SEALED);
    publish(&here, "cora", &[]).unwrap();
    sign(&here, "more.bundle", "ray", "reviewer", &["--refuse", "--reason", "it shows the moonstone"]);
    done(&here, &["channel", "add", "channel", "--bundle", "more.bundle"]);
    let why = refused(&here, "gives away what is under embargo");
    assert!(why.contains("`more.bundle` is public") && why.contains("nodes are not told"), "{why}");
    publish(&here, "cora", &["--known", "moonstone"]).unwrap();
    let output = run(&here, &["channel", "show", "channel"]);
    assert!(output.status.success());
}

/// A bundle like any other goes out while another is secret.
#[test]
fn what_gives_nothing_away_is_published_meanwhile() {
    let here = sealed("held-meanwhile");
    add_more(&here, "nothing of interest\n");
    let known: Vec<&str> = KNOWN.iter().flat_map(|word| ["--known", word]).collect();
    publish(&here, "cora", &known).unwrap();
    assert!(public(&here).iter().any(|name| name.ends_with(".bundle.more.bundle")));
}
