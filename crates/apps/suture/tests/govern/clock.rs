//! A clock that stands before the last entry of the log: nothing is begun, and a log that nothing can follow any more is followed by
//! another that vouches for it.

use suture_keys::FileKey;
use suture_log::{Actor, Draft, Outcome, SignError, Signer, Subject, Time};
use suture_trust::Signer as _;

use crate::log::{Log, ended, subject};
use crate::office::{Server, open};
use crate::patch;

/// The log's key, as the program uses it.
struct LogKey(FileKey);

impl Signer for LogKey {
    fn name(&self) -> &'static str {
        "example.com/acts"
    }

    fn public_key(&self) -> [u8; 32] {
        *self.0.public_key().as_bytes()
    }

    fn sign(&self, message: &[u8]) -> Result<[u8; 64], SignError> {
        Ok(self.0.sign(message).unwrap())
    }
}

fn key(log: &Log) -> LogKey {
    LogKey(FileKey::read(&log.here.join("log.key"), 1, &mut |_| panic!("it has no passphrase")).unwrap())
}

/// The log, which nobody else writes as long as this is held.
pub(crate) fn writer(log: &Log) -> suture_tiles::Log {
    suture_tiles::Log::open(&log.here.join("log"), &key(log)).unwrap()
}

/// Records an act as it would be with a clock that is set ahead by so much.
pub(crate) fn record_ahead(log: &Log, ahead_ms: i64) {
    record(&mut writer(log), log, ahead_ms);
}

/// The same with a log that is open.
pub(crate) fn record(opened: &mut suture_tiles::Log, log: &Log, ahead_ms: i64) {
    let later = Time::from_unix_ms(jiff::Timestamp::now().as_millisecond() + ahead_ms).unwrap();
    let draft = Draft {
        act: "key.new".to_owned(),
        actor: Actor { key: None, name: "root".to_owned() },
        subjects: vec![Subject::id("key", "a key")],
        outcome: Outcome::done(),
        detail: std::collections::BTreeMap::new(),
    };
    opened.append(later, &[draft], &key(log)).unwrap();
}

/// By a day.
fn record_tomorrow(log: &Log) {
    record_ahead(log, 24 * 3_600_000);
}

#[test]
fn a_clock_behind_the_log_lets_nothing_begin() {
    let log = Log::begin(&open("govern-clock"));
    patch::delta(&log.here, "server", "fix", "fixed %d");
    let server = Server::start(&log.here, "server");
    let pid = server.pid();
    record_tomorrow(&log);
    for act in [
        &["apply", "fix.delta", "--pid", &pid][..],
        &["key", "new", "-o", "dan", "--no-passphrase"],
        &["case", "new", "two", "--title", "t", "--program", "p"],
        &["sign", "--as", "author", "--key", "ann", "fix.delta"],
    ] {
        let output = log.run(act);
        let told = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{act:?}: {told}");
        assert!(told.contains("the audit log `log` can't be used"), "{told}");
        assert!(
            told.contains("the clock says") && told.contains("the last entry of the log is of"),
            "{told}"
        );
    }
    server.awaits("count");
    let seen = patch::json(&log.here, 0, &["ps", "--pid", &pid]);
    let patches = seen["processes"][0]["patches"].as_array().map_or(0, Vec::len);
    assert_eq!(patches, 0, "nothing was put into the process: {seen}");
    for made in ["dan", "cases/two", "fix.delta.intoto.jsonl"] {
        assert!(!log.here.join(made).exists(), "{made}");
    }
}

#[test]
fn a_log_that_takes_no_more_entries_is_followed_by_another() {
    let log = Log::begin(&open("govern-clock-after"));
    record_tomorrow(&log);
    let init = |origin| ["audit", "init", "next", "--origin", origin, "--key", "log.key", "--after", "log"];
    let same = log.run(&init("example.com/acts"));
    let told = String::from_utf8_lossy(&same.stderr);
    assert_eq!(same.status.code(), Some(2), "{told}");
    assert!(told.contains("it has the same name") && !log.here.join("next").exists(), "{told}");

    let made = patch::json(&log.here, 0, &init("example.com/acts-2"));
    let verified = patch::json(&log.here, 0, &["audit", "verify", "log", "--key", log.vkey()]);
    let act = ["key", "new", "-o", "new", "--no-passphrase"];
    assert!(log.suture(&act).env("SUTURE_AUDIT_DIR", "next").status().unwrap().success());
    let vkey = made["vkey"].as_str().unwrap();
    patch::json(&log.here, 0, &["audit", "verify", "next", "--key", vkey]);
    let shown = patch::json(&log.here, 0, &["audit", "show", "--log", "next"]);
    let entries = shown["entries"].as_array().unwrap();
    assert_eq!(ended(&entries[1]), ["key.new", "done", ""]);
    let old = subject(&entries[0], "predecessor");
    assert_eq!(
        (&old["id"], &entries[0]["detail"]["predecessor_size"]),
        (&verified["origin"], &verified["size"])
    );
    // The root as base64 and as hexadecimal digits is the same.
    let decoded = std::process::Command::new("sh")
        .args(["-c", "printf %s \"$1\" | base64 -d | od -An -v -tx1 | tr -d ' \\n'", "sh"])
        .arg(verified["root"].as_str().unwrap())
        .output()
        .unwrap();
    assert_eq!(old["digest"], format!("sha256:{}", String::from_utf8(decoded.stdout).unwrap()));
}
