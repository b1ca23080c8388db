//! A refusal stands until who refused lifts it, whatever becomes of the key that signed it.

use std::fs;
use std::path::Path;

use crate::office::{Server, check, done, open, sign, sign_all};
use crate::patch::{self, json};
use crate::transcript::run;

const TRUST: [&str; 2] = ["--trust", "trust"];

/// Cora's key is revoked, since long before she refused.
fn revoke_cora(here: &Path) {
    let root = fs::read_to_string(here.join("trust/root.toml")).unwrap();
    let public = fs::read_to_string(here.join("cora.pub")).unwrap();
    let (before, after) = root.split_once(public.trim()).unwrap();
    let revoked = "\"\nrevoked = { at = 2021-01-01T00:00:00Z, reason = \"laptop stolen\" }";
    let after = after.strip_prefix('"').unwrap();
    fs::write(here.join("trust/root.toml"), format!("{before}{}{revoked}{after}", public.trim())).unwrap();
}

/// She gets another.
fn new_key_of_cora(here: &Path) {
    done(here, &["key", "new", "-o", "cora2", "--no-passphrase", "--comment", "cora2"]);
    let root = fs::read_to_string(here.join("trust/root.toml")).unwrap();
    let public = fs::read_to_string(here.join("cora2.pub")).unwrap();
    let key = format!(
        "[[principal.key]]\npublic = \"{}\"\nvalid_from = 2020-01-01T00:00:00Z\nvalid_until = 2099-01-01T00:00:00Z\n",
        public.trim()
    );
    // Hers is the last principal of the file.
    fs::write(here.join("trust/root.toml"), root + &key).unwrap();
}

#[test]
fn a_refusal_outlives_the_key_that_signed_it() {
    let here = open("refused-revoked");
    patch::bundle(&here);
    sign_all(&here, "fix.bundle");
    sign(&here, "fix.bundle", "cora", "commander", &["--refuse", "--reason", "it breaks the cache"]);
    revoke_cora(&here);
    let server = Server::start(&here, "server");
    let apply = [&["apply", "fix.bundle"][..], &TRUST].concat();
    let told = server.operate(&here, 5, &apply);
    let why = told["error"]["why"].as_str().unwrap();
    assert!(why.contains("refused by cora (ops) as commander: it breaks the cache"), "{why}");
    assert!(why.contains("no key of cora holds now"), "{why}");
    server.awaits("count");
    assert_eq!(check(&here, "fix.bundle", &[]), (vec!["refusal-blocks".to_owned()], false));
    // What the key signs now lifts nothing.
    let before = fs::read(here.join("fix.bundle.intoto.jsonl")).unwrap();
    sign(&here, "fix.bundle", "cora", "commander", &["--withdraw"]);
    assert_eq!(check(&here, "fix.bundle", &[]), (vec!["refusal-blocks".to_owned()], false));
    fs::write(here.join("fix.bundle.intoto.jsonl"), before).unwrap();

    new_key_of_cora(&here);
    let asked = [&["policy", "check", "fix.bundle"][..], &TRUST].concat();
    let text = String::from_utf8(run(&here, &asked).stdout).unwrap();
    assert!(text.contains("Refused by") && text.contains("cora lifts it, with any key of theirs"), "{text}");
    let refusal = json(&here, 5, &asked)["refusals"][0].clone();
    assert_eq!((&refusal["by"], &refusal["can_withdraw"]), (&"cora".into(), &true.into()));
    let named = format!("--withdraw={}", refusal["statement"].as_str().unwrap());
    sign(&here, "fix.bundle", "cora2", "commander", &[&named]);
    assert_eq!(check(&here, "fix.bundle", &[]), (Vec::new(), true));
    server.operate(&here, 0, &apply);
    server.awaits("fixed");
}

/// The owners of the trust root have the last word: whom they take out has refused nothing.
#[test]
fn who_is_no_longer_in_the_trust_root_has_refused_nothing() {
    let here = open("refused-gone");
    patch::bundle(&here);
    sign_all(&here, "fix.bundle");
    sign(&here, "fix.bundle", "cora", "commander", &["--refuse", "--reason", "it breaks the cache"]);
    let root = fs::read_to_string(here.join("trust/root.toml")).unwrap();
    let (before, _) = root.split_once("[[principal]]\nname = \"cora\"").unwrap();
    fs::write(here.join("trust/root.toml"), before).unwrap();
    assert_eq!(check(&here, "fix.bundle", &[]), (Vec::new(), true));
}
