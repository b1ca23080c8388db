//! A log that can't be written: what takes a patch back is done all the same, and what was done is answered, with the word that it is not
//! in the log.

use std::fs;
use std::io::Write as _;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::clock::{record, record_ahead, writer};
use crate::log::{Log, ended, subject};
use crate::office::{Server, open};
use crate::patch;
use crate::unrecorded::waits_for_a_lock;

fn document(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| {
        panic!("{error}: {}", String::from_utf8_lossy(&output.stdout));
    })
}

/// Switches off while the log can't be written, switches on again when it can, and gives the entry that tells of the first.
fn is_switched_off(log: &Log, server: &Server, run: impl FnOnce(&[&str]) -> Output) -> (Value, Vec<Value>) {
    let pid = server.pid();
    let output = run(&["toggle", "fix.delta", "off", "--pid", &pid, "--json"]);
    let answer = document(&output);
    assert_eq!(output.status.code(), Some(1), "{answer}");
    let what = answer["error"]["what"].as_str().unwrap();
    assert!(what.starts_with("the act was done, and is not in the audit log"), "{answer}");
    assert_eq!(answer["unrecorded"]["exit"], 0);
    assert_eq!(answer["unrecorded"]["answer"]["results"][0]["outcome"], "done", "{answer}");
    server.awaits("count");
    log.run(&["toggle", "fix.delta", "on", "--pid", &pid]);
    server.awaits("fixed");
    let mut entries = log.new_entries();
    assert_eq!(ended(&entries.pop().unwrap()), ["process.toggle", "done", ""]);
    (answer, entries)
}

#[test]
fn no_log_stands_in_the_way_back() {
    let log = Log::begin(&open("govern-way-back"));
    patch::delta(&log.here, "server", "fix", "fixed %d");
    let server = Server::start(&log.here, "server");
    log.done(&["apply", "fix.delta", "--pid", &server.pid()]);
    server.awaits("fixed");
    let is_told_late = |entries: &[Value]| {
        assert_eq!(entries.len(), 1, "{entries:?}");
        assert_eq!(ended(&entries[0]), ["process.toggle", "done", ""]);
        assert!(entries[0]["detail"]["ended"].is_string(), "{entries:?}");
        assert_eq!(
            (&entries[0]["detail"]["on"], subject(&entries[0], "delta")),
            (&json!(false), &json!({ "kind": "delta", "digest": log.digest("fix.delta") }))
        );
    };

    // Another process writes, and does not end.
    let (answer, entries) = is_switched_off(&log, &server, |act| {
        let _writer = writer(&log);
        log.run(act)
    });
    assert!(answer["error"]["why"].as_str().unwrap().contains("another process"), "{answer}");
    assert!(answer["error"]["help"].as_str().unwrap().contains("the next act adds it"), "{answer}");
    is_told_late(&entries);

    // The key is gone.
    let (answer, entries) = is_switched_off(&log, &server, |act| {
        log.suture(act).env("SUTURE_AUDIT_KEY", "missing").output().unwrap()
    });
    assert!(answer["error"]["why"].as_str().unwrap().contains("the key `missing`"), "{answer}");
    is_told_late(&entries);

    // Nothing says which log it is: nobody will tell of this.
    let settings = log.here.join("log/log.toml");
    let (answer, entries) = is_switched_off(&log, &server, |act| {
        let kept = fs::read(&settings).unwrap();
        fs::remove_file(&settings).unwrap();
        let output = log.run(act);
        fs::write(&settings, kept).unwrap();
        output
    });
    assert!(answer["error"]["help"].as_str().unwrap().contains("keep this answer"), "{answer}");
    assert_eq!(entries, [] as [Value; 0]);

    // Acts can't be noted.
    let pending = log.here.join("log/pending");
    fs::remove_dir(&pending).unwrap();
    fs::write(&pending, "").unwrap();
    let noted = log.run(&["key", "new", "-o", "dan", "--no-passphrase"]);
    assert!(!noted.status.success() && !log.here.join("dan").exists());
    let off = log.run(&["toggle", "fix.delta", "off", "--pid", &server.pid()]);
    let told = String::from_utf8_lossy(&off.stderr);
    assert!(off.status.success() && told.contains("the way back is open all the same"), "{told}");
    server.awaits("count");
    fs::remove_file(&pending).unwrap();
    log.run(&["toggle", "fix.delta", "on", "--pid", &server.pid()]);
    server.awaits("fixed");
    let entries = log.new_entries();
    assert_eq!(entries.iter().map(ended).collect::<Vec<_>>(), [["process.toggle", "done", ""]; 2]);

    // The clock stands before the last entry; and what can't be added to this log any more the one that follows it tells.
    record_ahead(&log, 24 * 3_600_000);
    log.new_entries();
    let reverted = log.run(&["revert", "fix.delta", "--pid", &server.pid(), "--json"]);
    let answer = document(&reverted);
    assert_eq!((reverted.status.code(), &answer["unrecorded"]["exit"]), (Some(1), &json!(0)), "{answer}");
    assert!(answer["error"]["why"].as_str().unwrap().contains("the clock says"), "{answer}");
    server.awaits("count");
    let next =
        ["audit", "init", "next", "--origin", "example.com/acts-2", "--key", "log.key", "--after", "log"];
    assert_eq!(patch::json(&log.here, 0, &next)["carried"], 1);
    let shown = patch::json(&log.here, 0, &["audit", "show", "--log", "next"]);
    let entry = &shown["entries"][1];
    assert_eq!(ended(entry), ["process.revert", "done", ""]);
    assert_eq!(entry["detail"]["log"], "example.com/acts");
}

/// Every operation on the log fails in turn, as on a full disk.
#[test]
fn the_way_back_is_open_on_a_full_disk() {
    let log = Log::begin(&open("govern-way-back-full"));
    patch::delta(&log.here, "server", "fix", "fixed %d");
    let server = Server::start(&log.here, "server");
    let pid = server.pid();
    log.done(&["apply", "fix.delta", "--pid", &pid]);
    let mut unrecorded = 0;
    for number in 1.. {
        let off = log.suture(&["toggle", "fix.delta", "off", "--pid", &pid, "--json"]);
        let off = { off }.env("SUTURE_TILES_FAULT", format!("fail:{number}")).output().unwrap();
        let answer = document(&off);
        let results = if off.status.success() { &answer } else { &answer["unrecorded"]["answer"] };
        assert_eq!(results["results"][0]["outcome"], "done", "{number}: {answer}");
        unrecorded += usize::from(!off.status.success());
        log.run(&["toggle", "fix.delta", "on", "--pid", &pid]);
        let entries = log.new_entries();
        assert_eq!(
            entries.iter().map(|entry| entry["detail"]["on"].clone()).collect::<Vec<_>>(),
            [false, true],
            "{number}"
        );
        if number > 40 {
            break;
        }
    }
    assert!(unrecorded > 10, "only {unrecorded}");
}

/// What was refused and what was done is told apart, though neither is in the log.
#[test]
fn an_act_that_can_not_be_recorded_answers_all_the_same() {
    let log = Log::begin(&open("govern-answers"));
    fs::write(log.here.join("fix.delta"), "no delta\n").unwrap();
    log.done(&["key", "new", "-o", "there", "--no-passphrase"]);
    fs::write(log.here.join("secret.txt"), "a secret\n").unwrap();
    // The last operation of each is the entry's.
    for (act, exit, is_answered) in [
        (&["leak-check", "ann.pub", "--term", "a secret"][..], 0, "\"findings\":[]"),
        (&["leak-check", "secret.txt", "--term", "a secret"], 5, "\"findings\":[{"),
        (&["key", "new", "-o", "there", "--no-passphrase"], 2, "\"what\":"),
    ] {
        let mut seen = 0;
        for number in (1..60).step_by(3) {
            let fault = format!("fail:{number}");
            let run = |more: &[&str]| {
                // What the one before has left is not in the way.
                log.run(&["leak-check", "ann.pub", "--term", "a secret"]);
                log.suture(&[act, more].concat()).env("SUTURE_TILES_FAULT", &fault).output().unwrap()
            };
            let output = run(&["--json"]);
            let answer = document(&output);
            if answer.get("unrecorded").is_none() {
                continue;
            }
            seen += 1;
            assert_eq!(output.status.code(), Some(1), "{answer}");
            assert_eq!(answer["error"]["exit"], 1);
            assert_eq!(answer["unrecorded"]["exit"], exit, "{answer}");
            assert!(answer["unrecorded"]["answer"].to_string().contains(is_answered), "{answer}");
            let text = run(&[]);
            let told = String::from_utf8_lossy(&text.stderr);
            assert!(told.contains("is not in the audit log"), "{told}");
            assert_eq!(text.stdout.is_empty(), exit == 2, "{told}");
            assert_eq!(told.matches("error:").count(), if exit == 2 { 2 } else { 1 }, "{told}");
        }
        assert!(seen > 3, "{act:?}: {seen}");
    }
}

/// Whoever waits for the log longer than a clock may be set back comes after what was written meanwhile.
#[test]
fn whoever_waits_for_the_log_is_not_dated_back() {
    /// More than a clock may be set back.
    const WAITED: Duration = Duration::from_millis(5_500);
    let log = Log::begin(&open("govern-waits"));
    fs::write(log.here.join("file"), "a file\n").unwrap();
    let statements = fs::File::open(&log.here).unwrap();
    statements.lock().unwrap();
    let mut sign = log.suture(&["sign", "--as", "author", "--key", "ann", "file"]).spawn().unwrap();
    waits_for_a_lock(&sign);
    let mut held = writer(&log);
    drop(statements);
    waits_for_a_lock(&sign);
    let waited = Instant::now();
    while waited.elapsed() < WAITED {
        std::thread::sleep(Duration::from_millis(50));
    }
    record(&mut held, &log, 0);
    drop(held);
    assert!(sign.wait().unwrap().success());
    assert_eq!(log.new_entries().len(), 2);
}

#[test]
fn many_acts_at_once_are_all_recorded() {
    const ACTS: usize = 30;
    let log = Log::begin(&open("govern-many"));
    let begun: Vec<Child> = (0..ACTS)
        .map(|_| {
            log.suture(&["leak-check", "ann.pub", "--term", "a secret"])
                .stdout(Stdio::null())
                .spawn()
                .unwrap()
        })
        .collect();
    for mut child in begun {
        assert!(child.wait().unwrap().success());
    }
    assert_eq!(log.new_entries().len(), ACTS);
}

/// Somebody else has locked the directory for good.
#[test]
fn statements_are_not_waited_for_for_ever() {
    let log = Log::begin(&open("govern-locked-statements"));
    fs::write(log.here.join("file"), "a file\n").unwrap();
    let lock = fs::File::open(&log.here).unwrap();
    lock.lock().unwrap();
    let output = log.run(&["sign", "--as", "author", "--key", "ann", "file"]);
    let told = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{told}");
    assert!(told.contains("the file of statements") && told.contains("locked for 10 s"), "{told}");
    assert!(!log.here.join("file.intoto.jsonl").exists());
    assert_eq!(ended(&log.new_entries()[0]), ["sign.authored", "failed", "unexpected"]);
}

/// What is left where acts are noted and is no note stops nothing, and whoever looks or acts is told.
#[test]
fn what_is_no_note_is_told() {
    let log = Log::begin(&open("govern-no-note"));
    log.done(&["leak-check", "ann.pub", "--term", "a secret"]);
    let path = log.here.join("log/pending/1");
    fs::File::create(&path).unwrap().write_all(b"{\"v\":99}\n").unwrap();
    let verify = ["audit", "verify", "log", "--key", log.vkey()];
    for look in [&verify[..], &["audit", "show"]] {
        let text = String::from_utf8(log.run(look).stdout).unwrap();
        assert!(text.contains("`log/pending/1` is no note") && text.contains("version 99"), "{text}");
        let seen = document(&log.run(&[look, &["--json"]].concat()));
        assert_eq!(seen["unusable"][0]["path"], "log/pending/1");
    }
    let output = log.run(&["leak-check", "ann.pub", "--term", "a secret"]);
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && told.contains("`log/pending/1` is no note"), "{told}");
    assert!(path.exists());
}

/// A signature of many files is told as a whole, wherever its program is killed.
#[test]
fn an_act_on_many_things_is_noted_as_a_whole() {
    const FILES: usize = 300;
    let log = Log::begin(&open("govern-many-things"));
    let names: Vec<String> = (0..FILES).map(|number| format!("file-{number}")).collect();
    for name in &names {
        fs::write(log.here.join(name), name).unwrap();
    }
    let mut sign = vec!["sign", "--as", "author", "--key", "ann"];
    sign.extend(names.iter().map(String::as_str));
    // Whoever adds statements locks their directory: by then everything is said.
    let lock = fs::File::open(&log.here).unwrap();
    lock.lock().unwrap();
    let mut child = log.suture(&sign).spawn().unwrap();
    waits_for_a_lock(&child);
    child.kill().unwrap();
    child.wait().unwrap();
    let noted = fs::metadata(log.here.join("log/pending/1")).unwrap().len();
    assert!(noted < 1_000 * FILES as u64, "{noted} bytes");
    drop(lock);
    log.run(&["leak-check", "ann.pub", "--term", "a secret"]);
    let mut entries = log.new_entries();
    entries.pop();
    let kinds = |kind: &str| {
        let subjects = entries.iter().flat_map(|entry| entry["subjects"].as_array().unwrap());
        subjects.filter(|subject| subject["kind"] == kind).count()
    };
    assert_eq!((kinds("file"), kinds("statement")), (FILES, FILES));
    assert!(entries.iter().all(|entry| entry["actor"]["key"] == log.fingerprint("ann")));
}

/// A log is made as a whole, whenever the one that makes it is ended: its first entry says what it is and what it follows.
#[test]
fn making_a_log_that_follows_another_can_be_repeated() {
    let log = Log::begin(&open("govern-init"));
    let search = ["leak-check", "ann.pub", "--term", "a secret"];
    let act = |directory: &str| {
        let act = log.suture(&search).env("SUTURE_AUDIT_DIR", directory).output().unwrap();
        act.status.success()
    };
    let killed = |arguments: &[&str], fault: &str| {
        log.suture(arguments).env("SUTURE_TILES_FAULT", fault).output().unwrap()
    };
    let init = |directory, origin| ["audit", "init", directory, "--origin", origin, "--key", "log.key"];
    let after = [&init("next", "example.com/acts-2")[..], &["--after", "log"]].concat();
    for (kind, begin, step) in [("kill-after", 1, 2), ("fail", 2, 5)] {
        for number in (begin..).step_by(step) {
            let what = format!("{kind}:{number}");
            let _ = (fs::remove_dir_all(log.here.join("log")), fs::remove_dir_all(log.here.join("next")));
            log.run(&init("log", "example.com/acts"));
            // Behind the file, its line and the syncs.
            killed(&search, "kill-after:8");
            let first = killed(&after, &what);
            // Whatever is done in between is in one of the logs, and never before the entry that says what the log is.
            let (old, new) = (act("log"), act("next"));
            assert!(!(old && new), "{what}: both go on");
            let again = log.run(&after);
            let told = String::from_utf8_lossy(&again.stderr);
            assert!(again.status.success() || told.contains("has a log already"), "{what}: {told}");
            assert!(act("next") && !act("log"), "{what}");
            let entries = |directory: &str| {
                let shown = patch::json(&log.here, 0, &["audit", "show", "--log", directory]);
                shown["entries"].as_array().unwrap().clone()
            };
            let (before, after) = (entries("log"), entries("next"));
            assert_eq!(ended(&after[0]), ["log.init", "done", ""], "{what}");
            assert_eq!(after[0]["detail"]["predecessor_size"], before.len(), "{what}");
            let late = before.iter().chain(&after).filter(|entry| entry["detail"]["begun"].is_string());
            assert_eq!(late.count(), 1, "{what}: {before:?} {after:?}");
            if first.status.success() && number > 20 {
                break;
            }
            assert!(number < 100, "it always fails");
        }
    }
}

/// Of several who open one case at once all but one are told that it is there.
#[test]
fn of_several_who_open_a_case_one_does() {
    let here = open("govern-one-case");
    for round in 0..5 {
        let id = format!("case-{round}");
        let new = ["case", "new", &id, "--title", "t", "--program", "p"];
        let begun: Vec<Child> = (0..8)
            .map(|_| {
                let mut command: Command = crate::transcript::suture(&here, &new);
                command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap()
            })
            .collect();
        let mut made = 0;
        for child in begun {
            let output = child.wait_with_output().unwrap();
            let told = String::from_utf8_lossy(&output.stderr);
            match output.status.code() {
                Some(0) => made += 1,
                code => assert!(code == Some(2) && told.contains("is there already"), "{code:?}: {told}"),
            }
        }
        assert_eq!(made, 1);
    }
}
