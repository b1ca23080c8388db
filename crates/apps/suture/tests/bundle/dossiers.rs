//! `dossier new`, `lint`, `render`.

use std::fs;

use crate::patch::{self, json};
use crate::transcript::{directory, run, transcript};

#[test]
fn the_manual() {
    let here = directory("dossier-manual");
    for command in [
        vec!["dossier", "--help"],
        vec!["dossier", "new", "--help"],
        vec!["dossier", "lint", "--help"],
        vec!["dossier", "render", "--help"],
    ] {
        insta::assert_snapshot!(command[..command.len() - 1].join("_"), transcript(&here, &command));
    }
}

#[test]
fn gaps_are_listed_and_block() {
    let here = directory("dossier-gaps");
    patch::delta(&here, "server", "fix", "fixed %d");
    assert_eq!(json(&here, 0, &["dossier", "new", "fix.delta"])["path"], "dossier.toml");
    insta::assert_snapshot!(transcript(&here, &["dossier", "lint", "dossier.toml", "fix.delta"]));
    let gaps = json(&here, 5, &["dossier", "lint", "dossier.toml"])["gaps"].as_array().unwrap().clone();
    assert!(gaps.iter().all(|gap| gap["line"].as_u64() > Some(0)), "{gaps:?}");

    let create = ["bundle", "create", "fix.delta", "--dossier", "dossier.toml", "-o", "fix.bundle"];
    let refused = json(&here, 5, &create);
    assert_eq!(refused["gaps"].as_array(), Some(&gaps));
    assert!(refused["id"].is_null() && !here.join("fix.bundle").exists());
}

#[test]
fn answers_are_not_lost() {
    let here = directory("dossier-answers");
    patch::bundle(&here);
    let before = fs::read_to_string(here.join("dossier.toml")).unwrap();
    insta::assert_snapshot!(transcript(&here, &["dossier", "new", "fix.delta"]));
    assert_eq!(fs::read_to_string(here.join("dossier.toml")).unwrap(), before);

    // The fix is made again: the dossier no longer speaks of it, until its computed part is computed again.
    patch::delta(&here, "server", "fix", "fixed again %d");
    let stale = json(&here, 5, &["dossier", "lint", "dossier.toml", "fix.delta"]);
    assert_eq!(stale["gaps"].as_array().unwrap().len(), 2, "{stale}");
    json(&here, 0, &["dossier", "new", "fix.delta", "--from", "dossier.toml", "-o", "dossier.toml"]);
    let open = json(&here, 5, &["dossier", "lint", "dossier.toml", "fix.delta"]);
    assert_eq!(open["gaps"][0]["id"], "delta.0.origin", "{open}");
    assert_eq!(open["gaps"].as_array().unwrap().len(), 1, "{open}");
}

#[test]
fn files_that_are_none() {
    let here = directory("dossier-files");
    fs::write(here.join("typo.toml"), "schema = 1\n\n[change]\nsumary = \"x\"\n").unwrap();
    fs::write(here.join("later.toml"), "schema = 7\n").unwrap();
    fs::write(here.join("binary.toml"), [0xff, 0xfe]).unwrap();
    for name in ["typo.toml", "later.toml", "binary.toml", "missing.toml"] {
        insta::assert_snapshot!(transcript(&here, &["dossier", "lint", name]));
    }
    fs::write(here.join("open.toml"), "schema = 1\n").unwrap();
    insta::assert_snapshot!(transcript(&here, &["dossier", "render", "open.toml"]));
}

#[test]
fn a_record_of_another_build_is_refused() {
    let here = directory("dossier-record");
    patch::delta(&here, "server", "fix", "fixed %d");
    fs::write(here.join("none.json"), "{}").unwrap();
    let new = |file: &str| run(&here, &["dossier", "new", "fix.delta", "--provenance", file]);
    assert_eq!(new("none.json").status.code(), Some(2));
    assert_eq!(new("check.c").status.code(), Some(2));
    patch::dossier(&here, &["fix.delta"]);
    let record = fs::read_to_string(here.join("fix.delta.json")).unwrap();
    let at = record.find("\"id\":\"").unwrap() + 6;
    fs::write(here.join("other.json"), record.replace(&record[at..at + 64], &"0".repeat(64))).unwrap();
    fs::remove_file(here.join("dossier.toml")).unwrap();
    let output = new("other.json");
    assert_eq!(output.status.code(), Some(2), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(!here.join("dossier.toml").exists());
}

/// What `suture build` says of its builds is taken over as it is.
#[test]
fn the_record_of_a_real_build_is_taken_over() {
    let here = directory("dossier-build");
    let project = here.join("project");
    fs::create_dir(&project).unwrap();
    let source = "#include <stdio.h>\n__attribute__((noinline)) int f(int n) {\n\treturn printf(\"%d\\n\", n);\n}\n\
                  int main(int c, char **v) { (void)v; return f(c); }\n";
    fs::write(project.join("f.c"), source).unwrap();
    fs::write(project.join("Makefile"), "f: f.c\n\tcc -O2 -o f f.c\n").unwrap();
    let fix = "--- a/f.c\n+++ b/f.c\n@@ -2,3 +2,3 @@\n __attribute__((noinline)) int f(int n) {\n\
               -\treturn printf(\"%d\\n\", n);\n+\treturn printf(\"%x\\n\", n);\n }\n";
    fs::write(here.join("fix.patch"), fix).unwrap();
    let arguments = [
        "build",
        "--source",
        "project",
        "--patch",
        "fix.patch",
        "--run",
        "make",
        "--artifact",
        "f",
        "-o",
        "f.delta",
    ];
    let built = json(&here, 0, &arguments);
    fs::write(here.join("build.json"), built.to_string()).unwrap();
    json(&here, 0, &["dossier", "new", "f.delta", "--provenance", "build.json"]);
    let text = fs::read_to_string(here.join("dossier.toml")).unwrap();
    for key in ["source_sha256", "patch_sha256", "old_sha256", "new_sha256", "command", "artifact"] {
        let line = format!("{key} = {}\n", built["provenance"][key]);
        assert!(text.contains(&line), "{line}{text}");
    }
    patch::answer(&here.join("dossier.toml"));
    let create = [
        "bundle",
        "create",
        "f.delta",
        "--dossier",
        "dossier.toml",
        "--document",
        "fix.patch",
        "-o",
        "f.bundle",
    ];
    json(&here, 0, &create);
}

#[test]
fn papers_are_written_or_printed() {
    let here = directory("dossier-papers");
    let id = patch::bundle(&here);
    let written = json(&here, 0, &["dossier", "render", "fix.bundle", "-o", "out"]);
    assert_eq!(written["files"].as_array().unwrap().len(), 4, "{written}");
    for name in ["dossier.md", "dossier.html", "runbook.md", "runbook.html"] {
        let text = fs::read_to_string(here.join("out").join(name)).unwrap();
        assert!(text.contains(&id), "{name}");
    }
    let arguments = ["dossier", "render", "fix.bundle", "--paper", "runbook", "--format", "markdown"];
    let printed = run(&here, &arguments).stdout;
    assert_eq!(printed, fs::read(here.join("out/runbook.md")).unwrap());
}
