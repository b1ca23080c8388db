//! The program is killed at many points: whatever it has done by then is told by the log once another act is recorded, and only once.

use std::os::unix::process::ExitStatusExt as _;

use serde_json::{Value, json};

use crate::log::{Log, ended, subject};
use crate::office::{Server, open};
use crate::patch;

/// Runs a command that a fault ends; whether it was killed.
fn is_killed(log: &Log, arguments: &[&str], (variable, fault): (&str, &str)) -> bool {
    const SIGKILL: i32 = 9;
    let output = log.suture(arguments).env(variable, fault).output().unwrap();
    let killed = output.status.signal() == Some(SIGKILL);
    assert!(killed || output.status.success(), "{fault}: {}", String::from_utf8_lossy(&output.stderr));
    killed
}

/// Records another act, and gives the entries before its own that are new.
fn settled(log: &Log) -> Vec<Value> {
    let looked = log.run(&["leak-check", "ann.pub", "--term", "a secret"]);
    assert!(looked.status.success(), "{}", String::from_utf8_lossy(&looked.stderr));
    let mut entries = log.new_entries();
    assert_eq!(ended(&entries.pop().unwrap()), ["leak-check", "done", ""]);
    entries
}

#[test]
fn a_key_is_told_whenever_its_maker_is_killed() {
    let log = Log::begin(&open("govern-killed-key"));
    let mut seen = [false; 4];
    for number in 1.. {
        let name = format!("key-{number}");
        let line = ["key", "new", "-o", &name, "--no-passphrase"];
        let killed = is_killed(&log, &line, ("SUTURE_TILES_FAULT", &format!("kill-after:{number}")));
        let entries = settled(&log);
        let is_made = log.here.join(&name).exists();
        assert!(entries.len() == 1 || !is_made && entries.is_empty(), "{number}: {entries:?}");
        let Some(entry) = entries.first() else {
            seen[0] = true;
            continue;
        };
        let is_late = entry["detail"]["begun"].is_string();
        match ended(entry) {
            ["key.new", "failed", "interrupted"] => {
                assert!(is_late && entry["detail"]["end"] == "unseen", "{entry}");
                seen[1] = true;
            }
            ["key.new", "done", ""] => {
                assert_eq!(is_late, entry["detail"]["ended"].is_string(), "{entry}");
                seen[if is_late { 2 } else { 3 }] = true;
            }
            other => panic!("{other:?}"),
        }
        if is_made {
            assert_eq!(subject(entry, "key")["id"], log.fingerprint(&name), "{number}");
            assert_eq!(entry["detail"]["encrypted"], false);
        }
        if !killed {
            assert!(number > 15, "only {number}");
            break;
        }
    }
    assert_eq!(seen, [true; 4], "not begun, not ended, not appended, not removed");
}

/// In the process there is no journal to look into later: the entry says of which process, and which patch.
#[test]
fn a_patch_is_told_whenever_the_surgeon_is_killed() {
    let log = Log::begin(&open("govern-killed-surgeon"));
    patch::delta(&log.here, "server", "fix", "fixed %d");
    let server = Server::start(&log.here, "server");
    let pid = server.pid();
    let apply = ["apply", "fix.delta", "--pid", &pid];
    // Behind the first call it knows the name of the process.
    for number in (2..).step_by(9) {
        let killed = is_killed(&log, &apply, ("SUTURE_FAULT", &format!("kill-after:{number}")));
        if !killed {
            assert!(number > 50, "only {number}");
            break;
        }
        let entries = settled(&log);
        assert_eq!(entries.len(), 1, "{number}: {entries:?}");
        let entry = &entries[0];
        assert_eq!(ended(entry), ["process.apply", "failed", "interrupted"]);
        assert_eq!((&entry["detail"]["end"], &entry["detail"]["dark"]), (&json!("unseen"), &json!(false)));
        assert_eq!(subject(entry, "process")["id"], format!("server[{pid}]"));
        assert_eq!(subject(entry, "delta")["digest"], log.digest("fix.delta"));
        // The next begins with a process without the patch.
        log.act(0, &apply);
        log.done(&["revert", "fix.delta", "--pid", &pid]);
    }
}

#[test]
fn whoever_looks_at_the_log_is_told_of_what_is_not_in_it_yet() {
    let log = Log::begin(&open("govern-killed-seen"));
    let verify = ["audit", "verify", "log", "--key", log.vkey(), "--json"];
    let document = |arguments: &[&str]| -> Value {
        let output = log.run(arguments);
        assert!(output.status.success());
        serde_json::from_slice(&output.stdout).unwrap()
    };
    assert_eq!(document(&verify).get("unrecorded"), None);
    let new = ["key", "new", "-o", "key", "--no-passphrase"];
    // Behind the file, its line, the two syncs and what more is known.
    assert!(is_killed(&log, &new, ("SUTURE_TILES_FAULT", "kill-after:10")));
    for look in [&verify[..], &["audit", "show", "--json"]] {
        let seen = document(look);
        let unrecorded = seen["unrecorded"].as_array().unwrap();
        assert_eq!((unrecorded.len(), &unrecorded[0]["act"]), (1, &json!("key.new")), "{seen}");
    }
    for look in [&verify[..5], &["audit", "show"]] {
        let text = String::from_utf8(log.run(look).stdout).unwrap();
        assert!(text.contains("not in the log yet: key.new by "), "{text}");
    }
    assert_eq!(settled(&log).len(), 1);
    assert_eq!(document(&verify).get("unrecorded"), None);
}
