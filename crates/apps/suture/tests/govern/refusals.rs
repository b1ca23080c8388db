//! Bad input, one test each: what somebody hands over who means harm, or is careless, is refused with exit code 5 and the
//! reason, and nothing is put into the process that waits for the patch.
//!
//! | what | test |
//! |---|---|
//! | a path that leads out of the directory | `zip_slip` |
//! | a name that stands twice | `duplicate_names` |
//! | a version that nobody knows, of the bundle and of a statement | `unknown_versions` |
//! | a key of the wrong type | `wrong_key_type` |
//! | the right signature on the wrong digest | `right_signature_on_wrong_digest` |
//! | a statement about another bundle | `replayed_statement` |
//! | a key that has expired | `expired_key` |
//! | a key that is revoked | `revoked_key` |
//! | a clock that is five years off, the signer's or the machine's | `clock_five_years_off` |

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use jiff::{Timestamp, ToSpan as _};
use serde_json::Value;
use suture_keys::FileKey;
use suture_trust::{Digest, Envelope, IN_TOTO};

use crate::forge::{BLOCK, header, seal};
use crate::office::{Server, check, done, open, sign, sign_all};
use crate::other_clock::clocked;
use crate::patch;

const BUNDLE: &str = "fix.bundle";
const STATEMENTS: &str = "fix.bundle.intoto.jsonl";
const APPLY: [&str; 4] = ["apply", BUNDLE, "--trust", "trust"];

/// A bundle that may run, and a process that waits for it.
struct Ready {
    here: PathBuf,
    server: Server,
}

impl Ready {
    fn new(name: &str) -> Self {
        let here = open(name);
        patch::bundle(&here);
        sign_all(&here, BUNDLE);
        assert_eq!(check(&here, BUNDLE, &[]), (Vec::new(), true), "it may run as it is");
        let server = Server::start(&here, "server");
        Self { here, server }
    }

    fn change(&self, name: &str, change: impl FnOnce(&mut Vec<u8>)) {
        let mut bytes = fs::read(self.here.join(name)).unwrap();
        change(&mut bytes);
        fs::write(self.here.join(name), bytes).unwrap();
    }

    fn change_text(&self, name: &str, from: &str, to: &str) {
        self.change(name, |bytes| {
            let text = String::from_utf8(std::mem::take(bytes)).unwrap();
            assert!(text.contains(from), "{from}: {text}");
            *bytes = text.replace(from, to).into_bytes();
        });
    }

    /// Takes rob's review out, so that it is missing, and gives its statement.
    fn take_review(&self) -> Envelope {
        let mut envelopes = envelopes(&self.here);
        let review = envelopes.pop().unwrap();
        self.write(&envelopes);
        review
    }

    /// Adds a statement that somebody has made with tools of their own.
    fn add(&self, envelope: Envelope) {
        let mut all = envelopes(&self.here);
        all.push(envelope);
        self.write(&all);
    }

    fn write(&self, envelopes: &[Envelope]) {
        let lines: String = envelopes.iter().map(|envelope| envelope.to_json() + "\n").collect();
        fs::write(self.here.join(STATEMENTS), lines).unwrap();
    }

    /// The patch is refused for this reason, on this machine whose clock is so far off, and is not in the process.
    fn refuses_at(&self, years: i64, reason: &str) {
        let pid = self.server.pid();
        let arguments = [&APPLY[..], &["--pid", &pid, "--json"]].concat();
        let output = clocked(&self.here, years, &arguments).output().unwrap();
        let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(output.status.code(), Some(5), "{answer}");
        let why = answer["error"]["why"].as_str().unwrap();
        assert!(why.contains(reason), "{reason}: {why}");
        assert!(!answer["error"]["help"].as_str().unwrap().is_empty());
        let processes = patch::json(&self.here, 0, &["ps", "--pid", &pid]);
        let patches = &processes["processes"][0]["patches"];
        assert!(patches.as_array().is_none_or(Vec::is_empty), "{patches}");
    }

    fn refuses(&self, reason: &str) {
        self.refuses_at(0, reason);
    }

    /// The same, and `suture statements` says so too.
    fn refuses_statement(&self, code: &str, reason: &str) {
        self.refuses(reason);
        let told = patch::json(&self.here, 5, &["statements", BUNDLE, "--trust", "trust"]);
        let rows = told["statements"].as_array().unwrap();
        assert!(rows.iter().any(|row| row["code"] == code && row["counts"] == false), "{code}: {told}");
    }
}

fn envelopes(here: &Path) -> Vec<Envelope> {
    let bytes = fs::read(here.join(STATEMENTS)).unwrap();
    suture_trust::read_lines(&bytes).unwrap().envelopes.into_iter().map(|(_, envelope)| envelope).collect()
}

fn signed_by(here: &Path, name: &str, payload: Vec<u8>) -> Envelope {
    let key = FileKey::read(&here.join(name), 1, &mut |_| unreachable!("it has no passphrase")).unwrap();
    Envelope::sign(IN_TOTO, payload, &key).unwrap()
}

#[test]
fn zip_slip() {
    let ready = Ready::new("refused-slip");
    ready.change(BUNDLE, |bytes| {
        let at = header(bytes, "dossier.toml");
        bytes[at..at + 100].fill(0);
        bytes[at..at + 18].copy_from_slice(b"../../etc/cron.d/x");
        seal(bytes, at);
    });
    ready.refuses("the bundle's member `../../etc/cron.d/x` has a name that no member may have");
}

#[test]
fn duplicate_names() {
    let ready = Ready::new("refused-twice");
    ready.change(BUNDLE, |bytes| {
        let at = header(bytes, "dossier.toml");
        let end = bytes.len() - 2 * BLOCK;
        let copy = bytes[at..end].to_vec();
        bytes.splice(end..end, copy);
    });
    ready.refuses("the bundle has two members with the name `dossier.toml`");
}

#[test]
fn unknown_versions() {
    let ready = Ready::new("refused-version");
    let review = ready.take_review();
    let newer = String::from_utf8(review.payload)
        .unwrap()
        .replace("urn:suture:statement:reviewed:v1", "urn:suture:statement:reviewed:v9");
    ready.add(signed_by(&ready.here, "rob", newer.into_bytes()));
    ready.refuses_statement("unknown-version", "reviewed:v9");
    ready.change(BUNDLE, |bytes| {
        let at = bytes.windows(10).position(|window| window == b"\"schema\":1").unwrap();
        bytes[at + 9] = b'9';
    });
    ready.refuses("the bundle has format 9, this suture reads format 1");
}

/// Rob signs with an RSA key, and says that it is his.
#[test]
fn wrong_key_type() {
    let ready = Ready::new("refused-rsa");
    let mut review = ready.take_review();
    fs::write(ready.here.join("pae"), review.pae()).unwrap();
    let openssl = |arguments: &[&str]| {
        let output = Command::new("openssl").args(arguments).current_dir(&ready.here).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        output.stdout
    };
    openssl(&["genrsa", "-out", "rsa", "2048"]);
    review.signatures[0].signature = openssl(&["dgst", "-sha256", "-sign", "rsa", "pae"]);
    ready.add(review);
    ready.refuses_statement(
        "wrong-key-type",
        "its signature has 256 bytes, one of Ed25519 has 64: the key is of a wrong type",
    );
}

/// A bundle that is sound, but not the one that was signed; then the statements are made to name it.
#[test]
fn right_signature_on_wrong_digest() {
    let ready = Ready::new("refused-digest");
    let signed = Digest::of(&fs::read(ready.here.join(BUNDLE)).unwrap());
    fs::write(ready.here.join("note.txt"), "a note\n").unwrap();
    let documents = ["--document", "note.txt", "-o", "other.bundle"];
    done(
        &ready.here,
        &[&["bundle", "create", "fix.delta", "--dossier", "dossier.toml"], &documents[..]].concat(),
    );
    fs::rename(ready.here.join("other.bundle"), ready.here.join(BUNDLE)).unwrap();
    done(&ready.here, &["bundle", "verify", BUNDLE]);
    ready.refuses_statement("another-subject", &format!("it is about something else: sha256 {signed}"));

    let changed = Digest::of(&fs::read(ready.here.join(BUNDLE)).unwrap()).to_string();
    let renamed = envelopes(&ready.here).into_iter().map(|envelope| {
        let payload = String::from_utf8(envelope.payload.clone()).unwrap();
        Envelope { payload: payload.replace(&signed.to_string(), &changed).into_bytes(), ..envelope }
    });
    ready.write(&renamed.collect::<Vec<_>>());
    ready
        .refuses_statement("bad-signature", "the signature does not fit: it was changed after it was signed");
}

#[test]
fn replayed_statement() {
    let ready = Ready::new("refused-replay");
    ready.take_review();
    patch::delta(&ready.here, "another", "other", "other %d");
    patch::dossier(&ready.here, &["other.delta"]);
    done(
        &ready.here,
        &["bundle", "create", "other.delta", "--dossier", "dossier.toml", "-o", "other.bundle"],
    );
    sign(&ready.here, "other.bundle", "rob", "reviewer", &[]);
    let review = fs::read(ready.here.join("other.bundle.intoto.jsonl")).unwrap();
    ready.change(STATEMENTS, |bytes| bytes.extend(review));
    let other = Digest::of(&fs::read(ready.here.join("other.bundle")).unwrap());
    ready.refuses_statement(
        "another-subject",
        &format!("a statement of rob doesn't count: it is about something else: sha256 {other}"),
    );
}

#[test]
fn expired_key() {
    let ready = Ready::new("refused-expired");
    ready.change_text("trust/root.toml", "2099-01-01T00:00:00Z", "2021-01-01T00:00:00Z");
    ready.refuses_statement(
        "key-expired",
        "a statement of rob doesn't count: its key has expired: it held until 2021-01-01T00:00:00Z",
    );
}

#[test]
fn revoked_key() {
    let ready = Ready::new("refused-revoked");
    let revoked = "valid_until = 2099-01-01T00:00:00Z\nrevoked = { at = 2021-01-01T00:00:00Z, reason = \"laptop stolen\" }";
    ready.change_text("trust/root.toml", "valid_until = 2099-01-01T00:00:00Z", revoked);
    ready.refuses_statement("key-revoked", "its key is revoked since 2021-01-01T00:00:00Z: laptop stolen");
}

#[test]
fn clock_five_years_off() {
    let ready = Ready::new("refused-clock");
    // The machine's: for one that is behind, everything was signed in the future; for one that is ahead, keys have expired.
    ready.refuses_at(-5, "it says that it was signed at");
    let until = (Timestamp::now() + (2 * 8766).hours()).to_string();
    ready.change_text("trust/root.toml", "2099-01-01T00:00:00Z", &until);
    assert_eq!(check(&ready.here, BUNDLE, &[]), (Vec::new(), true), "the right clock has nothing against it");
    ready.refuses_at(5, "its key has expired");

    // The signer's.
    ready.take_review();
    let review = ["sign", "--as", "reviewer", "--key", "rob", BUNDLE];
    assert!(clocked(&ready.here, 5, &review).status().unwrap().success());
    ready.refuses_statement(
        "from-the-future",
        "a statement of rob doesn't count: it says that it was signed at",
    );
    ready.take_review();
    ready.change_text(
        "trust/root.toml",
        "valid_from = 2020-01-01T00:00:00Z",
        &format!("valid_from = {}", Timestamp::now() - 8766.hours()),
    );
    assert!(clocked(&ready.here, -5, &review).status().unwrap().success());
    ready.refuses_statement("key-not-yet-valid", "a statement of rob doesn't count: its key holds from");
}
