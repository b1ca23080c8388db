//! What is not done, or not to its end: an act that can't be recorded is not begun, and one that is interrupted is told.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::json;

use crate::log::{Log, ended, subject};
use crate::office::open;
use crate::patch;
use crate::source::{C, bundle};

/// Every file below `directory`, with its content.
fn files(directory: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            let content = fs::read(&path).unwrap();
            found.insert(path, content);
        }
    }
    found
}

#[test]
fn an_act_that_can_not_be_recorded_is_not_begun() {
    let log = Log::begin(&open("govern-unrecorded"));
    patch::bundle(&log.here);
    let line = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    let run = |text: &str, key: &str| {
        let words = line(text);
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        log.suture(&words).env("SUTURE_AUDIT_KEY", key).output().unwrap()
    };
    for prepared in [
        "case new one --title t --program p --by ann",
        "channel init channel --root-key ann --targets-key ann --patches-key bot --snapshot-key bot --timestamp-key bot",
        "channel add channel --policy trust",
        "channel publish channel --key ann --key bot",
    ] {
        let output = run(prepared, "log.key");
        assert!(output.status.success(), "{prepared}: {}", String::from_utf8_lossy(&output.stderr));
    }
    let url = format!("file://{}/channel/public", log.here.display());
    let fetch = format!("fetch {url} --root channel/public/metadata/1.root.json --datastore seen --out got");
    let before = files(&log.here);
    for act in [
        "key new -o new --no-passphrase",
        "case new two --title t --program p",
        "case classify one --answer exposed=yes",
        "dossier new fix.delta -o new.toml",
        "bundle create fix.delta --dossier dossier.toml -o new.bundle",
        "sign --as author --key ann fix.bundle",
        "policy check fix.bundle --trust trust",
        "advisory new one --publisher P --namespace https://example.org",
        "advisory render one --format osv -o osv.json",
        "leak-check dossier.toml --term secret",
        "channel init new --root-key ann --targets-key ann --patches-key bot --snapshot-key bot --timestamp-key bot",
        "channel add channel --bundle fix.bundle",
        "channel reveal channel fix.bundle --early",
        "channel remove channel fix.bundle",
        "channel publish channel --key ann --key bot",
        "channel refresh channel --key bot",
        "channel rotate channel --timestamp-key rob.pub --key ann",
        &fetch,
        "apply fix.bundle --pid 2147483647 --deadline 0",
        "toggle abcdef off --pid 2147483647 --deadline 0",
        "revert abcdef --pid 2147483647 --deadline 0",
    ] {
        let output = run(act, "ann");
        let told = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{act}: {told}");
        assert!(
            told.contains("the audit log `log` can't be used") && output.stdout.is_empty(),
            "{act}: {told}"
        );
        assert!(files(&log.here) == before, "{act} has changed something");
    }
    // To look needs no log that can be written.
    assert!(run("case show one", "ann").status.success());
    assert!(run("statements fix.bundle", "ann").status.success());
}

/// Waits until the process waits for a lock that another has.
fn waits_for_a_lock(child: &Child) {
    let (begun, pid) = (Instant::now(), child.id().to_string());
    let waits = |line: &str| line.contains("-> FLOCK") && line.split_whitespace().any(|word| word == pid);
    while !fs::read_to_string("/proc/locks").unwrap().lines().any(waits) {
        assert!(begun.elapsed() < Duration::from_mins(1), "it does not wait");
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn signal(child: &Child, name: &str) {
    let sent = Command::new("kill").args(["-s", name, &child.id().to_string()]).status();
    assert!(sent.unwrap().success());
}

#[test]
fn an_interrupted_act_is_told() {
    let log = Log::begin(&open("govern-interrupted"));
    fs::write(log.here.join("fix.txt"), "a text\n").unwrap();
    let sign = ["sign", "--as", "author", "--key", "ann", "fix.txt"];
    // Whoever adds statements locks their directory.
    let lock = File::open(&log.here).unwrap();
    lock.lock().unwrap();
    for (name, number) in [("INT", 2), ("TERM", 15), ("HUP", 1)] {
        let mut child = log.suture(&sign).stdout(Stdio::null()).spawn().unwrap();
        waits_for_a_lock(&child);
        signal(&child, name);
        assert_eq!(child.wait().unwrap().signal(), Some(number));
        let entries = log.new_entries();
        assert_eq!(entries.len(), 1, "{entries:?}");
        assert_eq!(ended(&entries[0]), ["sign.authored", "failed", "interrupted"]);
        assert_eq!(subject(&entries[0], "file")["digest"], log.digest("fix.txt"));
        assert_eq!(entries[0]["actor"]["key"], log.fingerprint("ann"));
    }
    assert!(!log.here.join("fix.txt.intoto.jsonl").exists());

    // `nohup` has the program live on.
    let mut command = Command::new("sh");
    command.args(["-c", "trap '' HUP; exec \"$@\"", "sh", env!("CARGO_BIN_EXE_suture")]).args(sign);
    command.current_dir(&log.here).env("SUTURE_AUDIT_DIR", "log").stdout(Stdio::null());
    let mut child = command.spawn().unwrap();
    waits_for_a_lock(&child);
    signal(&child, "HUP");
    drop(lock);
    assert!(child.wait().unwrap().success());
    assert_eq!(ended(&log.new_entries()[0]), ["sign.authored", "done", ""]);
}

/// There is one answer, and it is not given before the act is in the log. What was done all the same is told with the next act.
#[test]
fn an_act_whose_record_fails_has_failed() {
    /// More than there are on the way.
    const OPERATIONS: usize = 60;
    let log = Log::begin(&open("govern-unwritten"));
    let new = ["case", "new", "one", "--title", "t", "--program", "p", "--json"];
    let (mut made, mut failed) = (0, 0);
    for number in 1..=OPERATIONS {
        let _ = fs::remove_dir_all(log.here.join("cases"));
        let fault = format!("fail:{number}");
        let output = log.suture(&new).env("SUTURE_TILES_FAULT", &fault).output().unwrap();
        let answer: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        made += usize::from(log.here.join("cases/one/case.toml").exists());
        if output.status.success() {
            assert_eq!(answer["case"]["id"], json!("one"));
        } else {
            assert!(answer["error"]["what"].as_str().unwrap().contains("audit log"), "{answer}");
            failed = number;
            log.run(&["leak-check", "ann.pub", "--term", "a secret"]);
        }
    }
    assert!(failed > 20 && failed < OPERATIONS, "the last that failed is {failed}");
    let entries = log.new_entries();
    let told = |late: bool| {
        let late = entries.iter().filter(|entry| entry["detail"]["ended"].is_string() == late);
        late.filter(|entry| ended(entry) == ["case.open", "done", ""]).count()
    };
    assert_eq!(told(true) + told(false), made);
    assert!(entries.iter().all(|entry| entry["outcome"]["result"] == "done"), "{entries:?}");
    assert!(told(true) > 10, "only {} were told late", told(true));
}

/// What builds ends by itself and leaves nothing behind, and that is told too.
#[test]
fn an_interrupted_reproduction_is_told_and_leaves_nothing() {
    let log = Log::begin(&open("govern-interrupted-build"));
    C.write(&log.here, "mine");
    C.build(&log.here, "mine", "fix", &[]);
    bundle(&log.here, &["fix"], &["fix.patch"]);
    let begun = log.here.join("begun");
    let makefile = format!("server: server.c\n\ttouch {}; sleep 600\n", begun.display());
    fs::write(log.here.join("mine/Makefile"), makefile).unwrap();
    let before = files(&log.here).into_keys().collect::<Vec<_>>();
    let reproduce = ["reproduce", "fix.bundle", "--source", "mine"];
    let mut child = log.suture(&reproduce).stdout(Stdio::null()).spawn().unwrap();
    let waited = Instant::now();
    while !begun.exists() {
        assert!(waited.elapsed() < Duration::from_mins(1), "it does not build");
        std::thread::sleep(Duration::from_millis(5));
    }
    signal(&child, "INT");
    assert_eq!(child.wait().unwrap().code(), Some(1));
    let entries = log.new_entries();
    assert_eq!(entries.len(), 1, "{entries:?}");
    assert_eq!(ended(&entries[0]), ["bundle.reproduce", "failed", "interrupted"]);
    assert_eq!(subject(&entries[0], "bundle")["digest"], log.digest("fix.bundle"));
    fs::remove_file(begun).unwrap();
    let in_log = log.here.join("log");
    let left = files(&log.here).into_keys().filter(|path| !path.starts_with(&in_log)).collect::<Vec<_>>();
    assert_eq!(left, before.into_iter().filter(|path| !path.starts_with(&in_log)).collect::<Vec<_>>());
}
