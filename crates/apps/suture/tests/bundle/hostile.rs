//! Bundles by someone who means harm: made with tools that are not ours, refused with exit code 5 and the reason.

use std::fs;
use std::path::Path;

use crate::forge::{BLOCK, header, seal};
use crate::patch;
use crate::transcript::{directory, run, transcript};

/// Where something is depends on the compiler that made the delta before it.
fn without_offset(text: &str) -> String {
    let Some((before, rest)) = text.split_once("0x") else { return text.to_owned() };
    format!("{before}0x…{}", rest.trim_start_matches(|c: char| c.is_ascii_hexdigit()))
}

fn changed(here: &Path, change: impl Fn(&mut Vec<u8>)) -> String {
    let mut bytes = fs::read(here.join("fix.bundle")).unwrap();
    change(&mut bytes);
    fs::write(here.join("bad.bundle"), bytes).unwrap();
    for command in [
        vec!["bundle", "show"],
        vec!["inspect"],
        vec!["dossier", "lint"],
        vec!["bundle", "diff", "fix.bundle"],
    ] {
        let output = run(here, &[command.as_slice(), &["bad.bundle"]].concat());
        assert_eq!(output.status.code(), Some(5), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
        assert!(output.stdout.is_empty());
    }
    without_offset(&transcript(here, &["bundle", "verify", "bad.bundle"]))
}

#[test]
fn each_is_refused_with_its_reason() {
    let here = directory("bundle-hostile");
    patch::bundle(&here);
    let rename = |to: &'static [u8]| {
        move |bytes: &mut Vec<u8>| {
            let at = header(bytes, "dossier.toml");
            bytes[at..at + 100].fill(0);
            bytes[at..at + to.len()].copy_from_slice(to);
            seal(bytes, at);
        }
    };
    insta::assert_snapshot!("slip", changed(&here, rename(b"../../etc/cron.d/x")));
    insta::assert_snapshot!("absolute", changed(&here, rename(b"/etc/passwd")));
    insta::assert_snapshot!("odd_name", changed(&here, rename(b"documents/\x1b]0;x\x07")));
    insta::assert_snapshot!(
        "link",
        changed(&here, |bytes| {
            let at = header(bytes, "dossier.toml");
            bytes[at + 156] = b'2';
            seal(bytes, at);
        })
    );
    insta::assert_snapshot!(
        "twice",
        changed(&here, |bytes| {
            let at = header(bytes, "dossier.toml");
            let end = bytes.len() - 2 * BLOCK;
            let copy = bytes[at..end].to_vec();
            bytes.splice(end..end, copy);
        })
    );
    insta::assert_snapshot!(
        "another_version",
        changed(&here, |bytes| {
            let at = bytes.windows(10).position(|window| window == b"\"schema\":1").unwrap();
            bytes[at + 9] = b'9';
        })
    );
    insta::assert_snapshot!(
        "ten_gigabytes",
        changed(&here, |bytes| {
            let at = header(bytes, "dossier.toml");
            bytes[at + 124..at + 136].copy_from_slice(b"77777777777\0");
            seal(bytes, at);
        })
    );
    insta::assert_snapshot!(
        "changed",
        changed(&here, |bytes| {
            let at = header(bytes, "dossier.toml") + BLOCK;
            bytes[at] ^= 1;
        })
    );
    insta::assert_snapshot!("trailing", changed(&here, |bytes| bytes.push(0)));
}

#[test]
fn another_kind_of_file_is_a_mistake() {
    let here = directory("bundle-foreign");
    fs::write(here.join("notes.txt"), "no bundle\n").unwrap();
    insta::assert_snapshot!(transcript(&here, &["bundle", "verify", "notes.txt"]));
    insta::assert_snapshot!(transcript(&here, &["bundle", "show", "missing.bundle"]));
    let sparse = fs::File::create(here.join("sparse.bundle")).unwrap();
    sparse.set_len(10 << 30).unwrap();
    insta::assert_snapshot!(transcript(&here, &["bundle", "verify", "sparse.bundle"]));
}

/// A dossier that speaks of other deltas can't be smuggled into a bundle by hand: `verify` compares.
#[test]
fn a_dossier_with_gaps_does_not_verify_and_is_not_signed() {
    let here = directory("bundle-gaps");
    patch::bundle(&here);
    crate::forge::with_dossier(&here, |text| text.replace("answer to traces", "?? "));
    let found = patch::json(&here, 5, &["bundle", "verify", "bad.bundle"]);
    assert_eq!(found["ok"], false, "{found}");
    assert!(found["checks"][3]["what"].as_str().unwrap().contains("data.traces"), "{found}");

    // Nor is it signed, but by somebody who says that it must not run; what is no bundle any more is not either.
    let mut damaged = fs::read(here.join("fix.bundle")).unwrap();
    let at = damaged.windows(9).position(|window| window == b"answer to").unwrap();
    damaged[at] ^= 1;
    fs::write(here.join("damaged.bundle"), damaged).unwrap();
    patch::json(&here, 0, &["key", "new", "-o", "ann", "--no-passphrase"]);
    for (bundle, why) in [("bad.bundle", "data.traces"), ("damaged.bundle", "SHA-256")] {
        patch::json(&here, 5, &["bundle", "verify", bundle]);
        let told = patch::json(&here, 5, &["sign", "--as", "author", "--key", "ann", bundle]);
        assert!(told["error"]["why"].as_str().unwrap().contains(why), "{told}");
        assert!(!here.join(format!("{bundle}.intoto.jsonl")).exists(), "nothing was signed");
        let refuse =
            ["sign", "--as", "author", "--key", "ann", "--refuse", "--reason", "it is damaged", bundle];
        patch::json(&here, 0, &refuse);
    }
}
