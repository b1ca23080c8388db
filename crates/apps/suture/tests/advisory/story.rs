//! From the first draft to the public, and what stands in the way.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::directory::{directory, document, name_package, run, transcript};

const NEW: &[&str] = &[
    "advisory",
    "new",
    "redis-24834",
    "--publisher",
    "Example Redis Team",
    "--namespace",
    "https://security.example.org",
    "--summary",
    "A script writes behind the end of a buffer.",
    "--cwe",
    "CWE-122",
    "--credit",
    "reporter=Dana Finder",
    "--reference",
    "https://example.org/?fix=1=The fix",
    "--by",
    "alice",
];

fn begun(name: &str) -> std::path::PathBuf {
    let here = directory(name);
    document(&here, NEW);
    here
}

fn update<'a>(rest: &[&'a str]) -> Vec<&'a str> {
    [&["advisory", "update", "redis-24834", "--by", "bob", "--note"], rest].concat()
}

fn rendered(here: &Path, format: &str) -> String {
    let output = run(here, &["advisory", "render", "redis-24834", "--format", format]);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn the_manual() {
    let here = directory("manual");
    for command in ["new", "update", "render", "show"] {
        insta::assert_snapshot!(
            format!("manual_{command}"),
            transcript(&here, &["advisory", command, "--help"])
        );
    }
    insta::assert_snapshot!("manual", transcript(&here, &["advisory", "--help"]));
    insta::assert_snapshot!("manual_leak_check", transcript(&here, &["leak-check", "--help"]));
}

#[test]
fn from_a_draft_to_the_public() {
    let here = directory("story");
    let mut told = vec![transcript(&here, NEW)];
    told.push(transcript(&here, &update(&["For those who build packages", "--stage", "embargoed"])));
    told.push(transcript(&here, &update(&["Published", "--stage", "published"])));
    let force = ["Published", "--stage", "published", "--force", "it is on a mailing list"];
    told.push(transcript(&here, &update(&force)));
    told.push(transcript(&here, &update(&["Fixed version", "--fixed", "7.0.12"])));
    told.push(transcript(&here, &update(&["Back", "--stage", "draft"])));
    insta::assert_snapshot!("story", told.join("\n"));
    let timeline = document(&here, &["case", "show", "redis-24834"])["timeline"].clone();
    let acts: Vec<&str> =
        timeline.as_array().unwrap().iter().map(|act| act["act"].as_str().unwrap()).collect();
    assert_eq!(acts, ["opened", "advised", "advised", "published", "published"]);
    assert!(timeline[3]["what"].as_str().unwrap().contains("because: it is on a mailing list"));
}

/// What a machine would take for not affected is not rendered for machines.
#[test]
fn osv_needs_a_package_for_a_range() {
    let here = directory("osv-range");
    document(&here, NEW);
    let refused = run(&here, &["advisory", "render", "redis-24834", "--format", "osv"]);
    assert_eq!((refused.status.code(), refused.stdout.len()), (Some(2), 0));
    let why = String::from_utf8(refused.stderr).unwrap();
    assert!(why.contains(">=7.0.0, <7.0.12") && why.contains("with the `package`"), "{why}");
    name_package(&here);
    let osv: Value = serde_json::from_str(&rendered(&here, "osv")).unwrap();
    assert_eq!(osv["affected"][0]["ranges"][0]["events"][1]["fixed"], "7.0.12");
}

#[test]
fn every_format_of_what_was_published() {
    let here = begun("formats");
    name_package(&here);
    document(&here, &update(&["Published", "--stage", "published", "--force", "test", "--fixed", "7.0.12"]));
    let csaf: Value = serde_json::from_str(&rendered(&here, "csaf")).unwrap();
    assert_eq!(csaf["document"]["tracking"]["version"], "1.0.0");
    assert_eq!(csaf["document"]["tracking"]["status"], "final");
    let osv: Value = serde_json::from_str(&rendered(&here, "osv")).unwrap();
    assert_eq!(osv["credits"][2]["type"], "REPORTER");
    let vex: Value = serde_json::from_str(&rendered(&here, "openvex")).unwrap();
    assert_eq!(vex["statements"][0]["status"], "affected");
    assert!(rendered(&here, "markdown").starts_with("# Heap overflow in cjson\n"));
    assert!(rendered(&here, "html").starts_with("<!doctype html>"));
    for again in ["csaf", "osv", "openvex", "markdown", "html"] {
        assert_eq!(rendered(&here, again), rendered(&here, again));
    }
    // The directory of the case and a copy of the file say the same, and -o writes it.
    fs::copy(here.join("cases/redis-24834/advisory.toml"), here.join("copy.toml")).unwrap();
    for named in ["cases/redis-24834", "./cases/redis-24834/", "copy.toml"] {
        document_written(&here, named);
        assert_eq!(fs::read_to_string(here.join("out.md")).unwrap(), rendered(&here, "markdown"));
    }
}

fn document_written(here: &Path, named: &str) {
    let _ = fs::remove_file(here.join("out.md"));
    let output = run(here, &["advisory", "render", named, "--format", "markdown", "-o", "out.md"]);
    assert!(output.status.success() && output.stdout.is_empty(), "{named}: {output:?}");
}

/// Edits by hand are the way to write; comments stay.
#[test]
fn edits_by_hand_become_versions() {
    let here = begun("by-hand");
    let path = here.join("cases/redis-24834/advisory.toml");
    let edit = |from: &str, to: &str| {
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.contains(from), "{from}: {text}");
        fs::write(&path, text.replacen(from, to, 1)).unwrap();
    };
    edit("cwe = \"CWE-122\"", "cwe = \"CWE-122\"   # or 787?\nimpact = \"Code runs.\"");
    assert_eq!(document(&here, &["advisory", "show", "redis-24834"])["edited"], true);
    let shown = document(&here, &update(&["Impact"]));
    assert_eq!((&shown["version"], &shown["edited"]), (&"0.2.0".into(), &false.into()));
    assert!(fs::read_to_string(&path).unwrap().contains("cwe = \"CWE-122\"   # or 787?\n"));
    document(&here, &update(&["Out", "--stage", "published", "--force", "test"]));
    edit("Code runs.", "Code is run.");
    let output = run(&here, &["advisory", "render", "redis-24834", "--format", "html"]);
    assert_eq!((output.status.code(), output.stdout.len()), (Some(2), 0));
    assert_eq!(document(&here, &update(&["Words", "--editorial"]))["version"], "1.0.1");
    // What the case comes to know is taken over when it is asked for.
    document(&here, &["case", "classify", "redis-24834", "--id", "GHSA-p8x2-9v9q-c838", "--by", "bob"]);
    assert_eq!(document(&here, &update(&["More ids", "--from-case"]))["version"], "1.1.0");
}

#[test]
fn mistakes() {
    let here = begun("mistakes");
    let case = "redis-24834";
    let lines: [&[&str]; 9] = [
        NEW,
        &["advisory", "new", "nothing", "--publisher", "x", "--namespace", "https://example.org"],
        &["advisory", "new", case, "--publisher", "x", "--namespace", "example.org"],
        &["advisory", "render", "nothing", "--format", "csaf"],
        &["advisory", "render", case, "--format", "pdf"],
        &["advisory", "update", case, "--note", "Nothing", "--by", "bob"],
        &["advisory", "update", case, "--note", "x", "--fixed", ">=7.0.0, <7.0.12", "--by", "bob"],
        &["advisory", "update", "cases/redis-24834/advisory.toml", "--note", "x"],
        &[
            "advisory",
            "update",
            case,
            "--note",
            "x",
            "--hot-patch",
            "cases/redis-24834/case.toml=7.0.11",
            "--by",
            "bob",
        ],
    ];
    let before = fs::read_to_string(here.join("cases/redis-24834/advisory.toml")).unwrap();
    let told: Vec<String> = lines.iter().map(|line| transcript(&here, line)).collect();
    insta::assert_snapshot!(told.join("\n"));
    assert_eq!(fs::read_to_string(here.join("cases/redis-24834/advisory.toml")).unwrap(), before);
}
