//! What must not be told is found in what is public; a delta brings its own names.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::directory::{directory, document, name_package, run, transcript};

const FIX: &str = "--- a/src/strbuf.c\n+++ b/src/strbuf.c\n@@ -1 +1,2 @@\n+    if (reqsize > STRBUF_MAX_SIZE) die(\"too big\");\n";

#[test]
fn findings_have_their_place_and_the_exit_code_of_a_refusal() {
    let here = directory("leaks");
    fs::create_dir(here.join("public")).unwrap();
    fs::write(here.join("fix.patch"), FIX).unwrap();
    fs::write(here.join("public/NEWS"), "7.0.12\n\n- fixes a problem of redis-server with big requests\n")
        .unwrap();
    let line =
        ["leak-check", "public", "--case", "redis-24834", "--fix", "fix.patch", "--term", "Blue Teapot"];
    let mut told = vec![transcript(&here, &line)];
    fs::write(
        here.join("public/NEWS"),
        "- no more heap overflow in cjson (CVE-2022-24834)\n- see strbuf.c\n",
    )
    .unwrap();
    fs::write(here.join("public/blue-teapot.txt"), "").unwrap();
    told.push(transcript(&here, &line));
    told.push(transcript(&here, &["leak-check", "public"]));
    told.push(transcript(&here, &["leak-check", "nothing", "--term", "x-ray"]));
    insta::assert_snapshot!(told.join("\n"));
    let output = run(&here, &[&line[..], &["--json"]].concat());
    let found: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((output.status.code(), &found["count"]), (Some(5), &5.into()), "{found}");
}

/// What is compressed or encrypted may have it all: that nothing is found there says nothing.
#[test]
fn what_can_not_be_looked_into_is_named_and_is_no_success() {
    let here = directory("closed");
    fs::write(here.join("notes"), "the moonstone\n").unwrap();
    let made = |program: &str, arguments: &[&str]| {
        assert!(Command::new(program).args(arguments).current_dir(&here).status().unwrap().success());
    };
    made("gzip", &["-k", "notes"]);
    made("tar", &["-czf", "notes.tgz", "notes"]);
    made("tar", &["-cf", "inner.tar", "notes.gz"]);
    fs::write(here.join("plain"), "nothing of interest\n").unwrap();
    made("tar", &["-cf", "plain.tar", "plain"]);
    made("bzip2", &["-k", "notes"]);
    made("tar", &["-cf", "closed.tar", "notes.bz2"]);
    made("tar", &["-cf", "outer.tar", "closed.tar"]);
    for (file, place) in [
        ("notes.bz2", "notes.bz2: compressed with bzip2"),
        ("closed.tar", "closed.tar (notes.bz2 in it): compressed with bzip2"),
        ("outer.tar", "outer.tar (closed.tar, notes.bz2 in it): compressed with bzip2"),
    ] {
        let output = run(&here, &["leak-check", file, "--term", "moonstone"]);
        let told = String::from_utf8(output.stdout).unwrap();
        assert_eq!(output.status.code(), Some(5), "{told}");
        assert!(told.contains(place) && told.contains("nothing found in what can be looked into"), "{told}");
    }
    let output = run(&here, &["leak-check", "notes.bz2", "--term", "moonstone", "--json"]);
    let found: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&found["count"], &found["closed"][0]["file"]), (&0.into(), &"notes.bz2".into()), "{found}");
    // What gzip has packed is unpacked.
    for (file, place) in [
        ("notes.gz", "notes.gz:1: `moonstone`"),
        ("notes.tgz", "notes.tgz:"),
        ("inner.tar", "inner.tar (notes.gz in it):1: `moonstone`"),
    ] {
        let output = run(&here, &["leak-check", file, "--term", "moonstone"]);
        let told = String::from_utf8(output.stdout).unwrap();
        assert_eq!(output.status.code(), Some(5), "{told}");
        assert!(told.contains(place), "{file}: {told}");
    }
    assert_eq!(document(&here, &["leak-check", "plain.tar", "plain", "--term", "moonstone"])["count"], 0);
    // What a tar archive has in the clear is found as it is.
    made("tar", &["-cf", "notes.tar", "notes"]);
    let output = run(&here, &["leak-check", "notes.tar", "--term", "moonstone"]);
    assert!(String::from_utf8(output.stdout).unwrap().contains("1 finding"));
}

/// A link is a name like another, and what it leads to is looked through where it is, or not at all.
#[test]
fn links_are_no_files() {
    let here = directory("links");
    let term = ["--term", "moonstone"];
    let check = |more: &[&str]| run(&here, &[&["leak-check"], more, &term[..]].concat());
    fs::create_dir(here.join("public")).unwrap();
    fs::write(here.join("secret"), "the moonstone\n").unwrap();
    std::os::unix::fs::symlink("../nowhere", here.join("public/one")).unwrap();
    let nothing = check(&["public"]);
    assert_eq!(nothing.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&nothing.stderr).contains("nothing to look through"), "{nothing:?}");
    fs::write(here.join("public/plain"), "nothing of interest\n").unwrap();
    std::os::unix::fs::symlink("plain", here.join("public/two")).unwrap();
    assert_eq!(check(&["public"]).status.code(), Some(0));
    std::os::unix::fs::symlink("../secret", here.join("public/three")).unwrap();
    let out = check(&["public"]);
    assert_eq!(out.status.code(), Some(5));
    assert!(
        String::from_utf8_lossy(&out.stdout).contains("public/three: a link to something else"),
        "{out:?}"
    );
    fs::remove_file(here.join("public/three")).unwrap();
    std::os::unix::fs::symlink("moonstone", here.join("public/four")).unwrap();
    let found = check(&["public"]);
    assert!(String::from_utf8_lossy(&found.stdout).contains("public/four:1: `moonstone`"), "{found:?}");
}

/// The objects of git are packed; what is in them is found, and the others are named.
#[test]
fn a_repository_is_looked_into() {
    let here = directory("objects");
    let git = |arguments: &[&str]| {
        let who = ["-c", "user.name=x", "-c", "user.email=x@example.org", "-c", "init.defaultBranch=main"];
        let done = Command::new("git").args(who).args(arguments).current_dir(&here).output().unwrap();
        assert!(done.status.success(), "{done:?}");
    };
    git(&["init", "-q", "repository"]);
    fs::write(here.join("repository/notes"), "the moonstone\n").unwrap();
    git(&["-C", "repository", "add", "notes"]);
    git(&["-C", "repository", "commit", "-qm", "notes"]);
    fs::remove_file(here.join("repository/notes")).unwrap();
    let found = document_of_refusal(&here, &["leak-check", "repository", "--term", "moonstone"]);
    let findings = found["findings"].as_array().unwrap();
    assert!(
        findings.iter().any(|finding| finding["file"].as_str().unwrap().contains("/objects/")),
        "{found}"
    );
    let nothing = document_of_refusal(&here, &["leak-check", "repository", "--term", "sunstone"]);
    assert_eq!(nothing["count"], 0);
    assert!(!nothing["closed"].as_array().unwrap().is_empty(), "{nothing}");
}

fn document_of_refusal(here: &Path, arguments: &[&str]) -> serde_json::Value {
    let output = run(here, &[arguments, &["--json"]].concat());
    assert_eq!(output.status.code(), Some(5), "{output:?}");
    serde_json::from_slice(&output.stdout).unwrap()
}

/// The names that a delta changes are secrets, and it is named in an advisory by its ids alone.
#[test]
fn a_delta_is_named_by_its_ids_and_not_by_what_it_changes() {
    let here = directory("delta");
    for (name, limit) in [("old", "64"), ("new", "32")] {
        let code = format!(
            "#include <stdio.h>\n__attribute__((noinline)) int clamp_request(int n) {{ return n > {limit} ? {limit} : n; }}\n\
             int main(int argc, char **argv) {{ printf(\"%d\\n\", clamp_request(argc)); return 0; }}\n"
        );
        fs::write(here.join("frobnicate.c"), code).unwrap();
        compile(&here, name);
    }
    let diff = document(&here, &["diff", "--old", "old", "--new", "new", "-o", "fix.delta"]);
    let id = diff["id"].as_str().unwrap();
    let new = [
        "advisory",
        "new",
        "redis-24834",
        "--publisher",
        "Example",
        "--namespace",
        "https://example.org",
        "--hot-patch",
        "fix.delta=7.0.11",
        "--by",
        "alice",
    ];
    let shown = document(&here, &new);
    let patch = &shown["advisory"]["hot_patch"][0];
    assert_eq!((&patch["patch"], &patch["version"]), (&id.into(), &"7.0.11".into()));
    name_package(&here);
    for format in ["csaf", "osv", "openvex", "markdown", "html"] {
        let file = format!("draft.{format}");
        let render = ["advisory", "render", "redis-24834", "--format", format, "-o", &file];
        assert!(run(&here, &render).status.success());
        assert_eq!(document(&here, &["leak-check", &file, "--delta", "fix.delta"])["count"], 0);
        assert!(fs::read_to_string(here.join(&file)).unwrap().contains(id));
    }
    fs::write(here.join("notes"), "ClampRequest of frobnicate.c is stricter\n").unwrap();
    let output = run(&here, &["leak-check", "notes", "fix.delta", "--delta", "fix.delta", "--json"]);
    let found: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let findings = found["findings"].as_array().unwrap();
    let has = |file: &str, why: &str| {
        findings.iter().any(|finding| finding["file"] == file && finding["why"] == why)
    };
    assert!(has("notes", "symbol") && has("notes", "path") && has("fix.delta", "symbol"), "{found}");
}

fn compile(here: &Path, name: &str) {
    let flags =
        ["-O2", "-g", "-ffunction-sections", "-fdata-sections", "-Wl,--emit-relocs", "-Wl,--build-id"];
    let done = Command::new("gcc")
        .args(flags)
        .args(["frobnicate.c", "-o", name])
        .current_dir(here)
        .status()
        .unwrap();
    assert!(done.success());
}
