//! `diff` and `inspect` on a real pair of builds.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::transcript::{directory, run, transcript};

const SOURCE: &str = r#"
#include <stdio.h>
static int count;
__attribute__((noinline)) int check(int n) {
#ifdef FIX
    if (n > 100) return -1;
#endif
    count += n;
    return printf("%d\n", count);
}
int main(int argc, char **argv) { (void)argv; return check(argc) < 0; }
"#;

/// Builds `old` and `new`, which differ in one function.
pub(crate) fn pair(directory: &Path) {
    std::fs::write(directory.join("check.c"), SOURCE).unwrap();
    build(directory, "old", &[]);
    build(directory, "new", &["-DFIX"]);
}

/// The delta of that pair.
pub(crate) fn delta(directory: &Path) -> String {
    pair(directory);
    let output = run(directory, &["diff", "--old", "old", "--new", "new", "-o", "fix.delta"]);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    "fix.delta".to_owned()
}

fn build(directory: &Path, name: &str, options: &[&str]) {
    let flags =
        ["-O2", "-g", "-ffunction-sections", "-fdata-sections", "-Wl,--emit-relocs", "-Wl,--build-id"];
    let command = Command::new("gcc")
        .args(flags)
        .args(options)
        .args(["-o", name, "check.c"])
        .current_dir(directory)
        .status();
    assert!(command.unwrap().success());
}

fn json(directory: &Path, arguments: &[&str]) -> (Value, Option<i32>) {
    let output = run(directory, arguments);
    (serde_json::from_slice(&output.stdout).unwrap(), output.status.code())
}

#[test]
fn a_fix_becomes_a_delta() {
    let here = directory("fix");
    pair(&here);
    let (document, exit) =
        json(&here, &["diff", "--old", "old", "--new", "new", "-o", "fix.delta", "--json"]);
    assert_eq!((exit, &document["verdict"]), (Some(0), &"hot".into()));
    assert_eq!(document["changed"][0]["name"], "check");
    assert_eq!(document["changed"].as_array().map(Vec::len), Some(1));
    for key in ["schema", "id", "reasons", "new", "removed", "data", "critical", "refusals"] {
        assert!(!document[key].is_null(), "{key}");
    }

    let (inspected, exit) = json(&here, &["inspect", "fix.delta", "--json"]);
    assert_eq!((exit, &inspected["id"]), (Some(0), &document["id"]));
    let digest = Command::new("sha256sum").arg(here.join("fix.delta")).output().unwrap();
    assert!(String::from_utf8_lossy(&digest.stdout).starts_with(document["id"].as_str().unwrap()));
}

/// A fix moves every line behind it; a line number in an instruction is then no change.
#[test]
fn a_moved_line_number_is_no_change() {
    const SOURCE: &str = r#"
#include <stdio.h>
__attribute__((noinline)) int check(int n) {
#ifdef FIX
    if (n > 100)
        return -1;
#endif
    return printf("%d\n", n);
}
__attribute__((noinline)) void trace(void) { printf("line %d\n", __LINE__); }
int main(int argc, char **argv) { (void)argv; trace(); return check(argc) < 0; }
"#;
    let here = directory("moved-line");
    let fixed = SOURCE.replace("#ifdef FIX\n", "").replace("#endif\n", "");
    let vulnerable =
        SOURCE.replace("    if (n > 100)\n        return -1;\n", "").replace("#ifdef FIX\n#endif\n", "");
    for (name, source) in [("old", vulnerable), ("new", fixed)] {
        std::fs::write(here.join("check.c"), source).unwrap();
        build(&here, name, &[]);
    }
    let (document, exit) = json(&here, &["diff", "--old", "old", "--new", "new", "--json"]);
    let changed: Vec<_> =
        document["changed"].as_array().unwrap().iter().filter_map(|f| f["name"].as_str()).collect();
    assert_eq!((exit, changed), (Some(0), vec!["check"]));
}

/// The linker lets `": %d\\n"` be the end of a longer text. The longer one is still one text: a change in its end is
/// a change, and it travels as a whole.
#[test]
fn a_text_whose_end_is_another_text_is_one_text() {
    const SOURCE: &str = r#"
#include <stdio.h>
__attribute__((noinline)) int check(int n) {
#ifdef FIX
    return printf("the value is: %x\n", n);
#else
    return printf("the value is: %d\n", n);
#endif
}
__attribute__((noinline)) int ends(int n) { return printf(": %x\n", n) + printf(": %d\n", n); }
int main(int argc, char **argv) { (void)argv; return check(argc) + ends(argc); }
"#;
    let here = directory("shared-text");
    std::fs::write(here.join("check.c"), SOURCE).unwrap();
    build(&here, "old", &["-fno-builtin"]);
    build(&here, "new", &["-fno-builtin", "-DFIX"]);
    let arguments = ["diff", "--old", "old", "--new", "new", "-o", "fix.delta", "--json"];
    let (document, exit) = json(&here, &arguments);
    let changed: Vec<_> =
        document["changed"].as_array().unwrap().iter().filter_map(|f| f["name"].as_str()).collect();
    assert_eq!((exit, changed), (Some(0), vec!["check"]));
    let code = run(&here, &["inspect", "fix.delta", "--disasm"]).stdout;
    let code = String::from_utf8(code).unwrap();
    assert!(code.contains(r#"; "the value is: %x\n""#), "{code}");
}

#[test]
fn the_same_builds_give_the_same_file() {
    let here = directory("same-file");
    pair(&here);
    for name in ["1.delta", "2.delta"] {
        run(&here, &["diff", "--old", "old", "--new", "new", "-o", name]);
    }
    assert_eq!(std::fs::read(here.join("1.delta")).unwrap(), std::fs::read(here.join("2.delta")).unwrap());
}

#[test]
fn old_and_new_code_stand_side_by_side() {
    let here = directory("side-by-side");
    let delta = delta(&here);
    let (document, exit) = json(&here, &["inspect", &delta, "--disasm", "check", "--old", "old", "--json"]);
    assert_eq!(exit, Some(0));
    let lines = document["functions"][0]["lines"].as_array().unwrap();
    let count = |change: &str| lines.iter().filter(|line| line["change"] == change).count();
    assert!(count("same") > 0 && count("added") > 0, "{document}");

    let text =
        String::from_utf8(run(&here, &["inspect", &delta, "--disasm", "check", "--old", "old"]).stdout)
            .unwrap();
    assert!(text.lines().any(|line| line.contains("> ") && line.contains("0x64")), "{text}");
    let other = run(&here, &["inspect", &delta, "--disasm", "check", "--old", "new"]);
    assert_eq!(other.status.code(), Some(2));
}

#[test]
fn no_difference_is_refused() {
    let here = directory("no-difference");
    pair(&here);
    insta::assert_snapshot!(transcript(&here, &["diff", "--old", "old", "--new", "old", "-o", "none.delta"]));
    assert!(!here.join("none.delta").exists());
}

/// Bytes of another machine are an answer, with the code that scripts look for.
#[test]
fn another_architecture_is_refused() {
    const EM_AARCH64: u8 = 183;
    let here = directory("architecture");
    pair(&here);
    let mut file = std::fs::read(here.join("new")).unwrap();
    file[18] = EM_AARCH64;
    std::fs::write(here.join("arm"), file).unwrap();
    let (document, exit) = json(&here, &["diff", "--old", "old", "--new", "arm", "--json"]);
    assert_eq!((exit, &document["refusals"][0]["code"]), (Some(3), &"wrong-architecture".into()));
}
