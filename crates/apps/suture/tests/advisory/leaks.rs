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
    for (file, place) in [
        ("notes.gz", "notes.gz: compressed with gzip"),
        ("notes.tgz", "notes.tgz: compressed with gzip"),
        ("inner.tar", "inner.tar (notes.gz in it): compressed with gzip"),
    ] {
        let output = run(&here, &["leak-check", file, "--term", "moonstone"]);
        let told = String::from_utf8(output.stdout).unwrap();
        assert_eq!(output.status.code(), Some(5), "{told}");
        assert!(told.contains(place) && told.contains("nothing found in what can be looked into"), "{told}");
    }
    let output = run(&here, &["leak-check", "notes.gz", "--term", "moonstone", "--json"]);
    let found: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&found["count"], &found["closed"][0]["file"]), (&0.into(), &"notes.gz".into()), "{found}");
    assert_eq!(document(&here, &["leak-check", "plain.tar", "plain", "--term", "moonstone"])["count"], 0);
    // What a tar archive has in the clear is found as it is.
    made("tar", &["-cf", "notes.tar", "notes"]);
    let output = run(&here, &["leak-check", "notes.tar", "--term", "moonstone"]);
    assert!(String::from_utf8(output.stdout).unwrap().contains("1 finding"));
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
