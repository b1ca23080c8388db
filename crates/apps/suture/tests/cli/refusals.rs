//! Every way in which a change can't be hot: its code, what it is about, and where that is.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

const FLAGS: &str = "-O2 -g -ffunction-sections -fdata-sections -Wl,--emit-relocs";
const MAIN: &str = "int main(int argc, char **argv) { return work(argc); }\n";

/// Compares the builds of two C sources; gives the document and the exit code.
fn diff((old, old_compiler): (&str, &str), (new, new_compiler): (&str, &str), more: &[&str]) -> (Value, i32) {
    let directory = tempfile::tempdir().unwrap();
    let build = |name: &str, source: &str, compiler: &str| {
        let mut words = compiler.split_whitespace();
        let program = words.next().unwrap();
        let suffix = if program.ends_with("++") { "cpp" } else { "c" };
        // The same name in both, so that nothing differs but the text.
        let path = directory.path().join(format!("work.{suffix}"));
        std::fs::write(&path, source).unwrap();
        let output = directory.path().join(name);
        let status = Command::new(program).args(words).arg(&path).arg("-o").arg(&output).status().unwrap();
        assert!(status.success(), "{compiler}: {source}");
        output
    };
    let (old, new) = (build("old", old, old_compiler), build("new", new, new_compiler));
    compare(&old, &new, more)
}

fn compare(old: &Path, new: &Path, more: &[&str]) -> (Value, i32) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_suture"));
    command.args(["--json", "diff", "--old"]).arg(old).arg("--new").arg(new).args(more);
    let output = command.output().unwrap();
    (serde_json::from_slice(&output.stdout).unwrap(), output.status.code().unwrap())
}

/// Sources that differ in `from` and `to`, built alike, are refused with `code` about `symbol`.
fn refused(compiler: &str, source: &str, (from, to): (&str, &str), code: &str, symbol: &str) -> Value {
    assert!(source.contains(from), "{from}");
    let compiler = format!("{compiler} {FLAGS}");
    let new = source.replace(from, to);
    let (document, exit) = diff((source, &compiler), (&new, &compiler), &[]);
    assert_eq!((exit, &document["verdict"]), (3, &Value::from("full-update")), "{document}");
    let refusals = document["refusals"].as_array().unwrap();
    let found = refusals.iter().find(|refusal| refusal["code"] == code);
    let found = found.unwrap_or_else(|| panic!("no {code}: {document}"));
    assert_eq!(found["symbol"], symbol, "{found}");
    assert!(!found["help"].as_str().unwrap().is_empty(), "{found}");
    found.clone()
}

fn has_place(refusal: &Value, line: u64) {
    assert!(refusal["file"].as_str().unwrap().ends_with("work.c"), "{refusal}");
    assert_eq!(refusal["line"], line, "{refusal}");
}

#[test]
fn the_initial_value_of_a_variable() {
    let source = format!(
        "int limit = 5;\n__attribute__((noinline)) int work(int x) {{ return x + limit++; }}\n{MAIN}"
    );
    let refusal = refused("gcc", &source, ("limit = 5", "limit = 6"), "initialiser-changed", "limit");
    has_place(&refusal, 1);
    let new = source.replace("limit = 5", "limit = 6").replace("x + limit", "x - limit");
    let compiler = format!("gcc {FLAGS}");
    for action in ["keep", "overwrite"] {
        let choice = format!("limit={action}");
        let (document, exit) = diff((&source, &compiler), (&new, &compiler), &["--data", &choice]);
        assert_eq!((exit, &document["data"][0]["action"]), (0, &Value::from(action)), "{document}");
    }
}

#[test]
fn the_size_of_a_variable() {
    let source = format!(
        "int seen[8];\n__attribute__((noinline)) int work(int x) {{ return seen[x & 7]++; }}\n{MAIN}"
    );
    has_place(&refused("gcc", &source, ("seen[8]", "seen[16]"), "data-resized", "seen"), 1);
}

#[test]
fn a_new_variable_of_threads() {
    let source =
        format!("__thread int a;\n__attribute__((noinline)) int work(int x) {{ return x + a++; }}\n{MAIN}");
    refused("gcc", &source, ("int a;", "int a, b;"), "tls-changed", "b");
}

#[test]
fn code_that_runs_at_start() {
    let source = format!(
        "int state;\n__attribute__((constructor)) void begin(void) {{ state += 3; }}\n\
         __attribute__((noinline)) int work(int x) {{ return x + state; }}\n{MAIN}"
    );
    has_place(&refused("gcc", &source, ("state += 3", "state -= 99"), "init-changed", "begin"), 2);
}

#[test]
fn the_layout_of_a_type() {
    let source = format!(
        "#include <stdlib.h>\nstruct peer {{ int id; int port; }};\nstruct peer *peer;\n\
         __attribute__((noinline)) int work(int x) {{ if (!peer) peer = calloc(1, sizeof *peer); return peer->port += x; }}\n{MAIN}"
    );
    let change = ("int id; int port;", "int id; short flags; int port;");
    has_place(&refused("gcc", &source, change, "type-layout-changed", "peer"), 2);
}

#[test]
fn the_table_of_a_class() {
    let source = "struct Shape { virtual int area(); virtual int edges() { return 4; } };\n\
                  __attribute__((noinline)) int Shape::area() { return 1; }\n\
                  Shape *volatile shape = new Shape;\nint main() { return shape->area() + shape->edges(); }\n";
    let change = ("virtual int edges()", "virtual int corners() { return 5; } virtual int edges()");
    refused("g++", source, change, "vtable-changed", "{vtable(Shape)}");
}

#[test]
fn builds_that_are_not_as_they_must_be() {
    let source = format!("__attribute__((noinline)) int work(int x) {{ return x * 3; }}\n{MAIN}");
    let new = source.replace("x * 3", "x * 5 + 1");
    let whole = format!("gcc {FLAGS}");
    let cases = [
        ("gcc -O2 -g", "gcc -O2 -g", "no-relocations"),
        (whole.as_str(), "gcc -O2 -g -ffunction-sections -fdata-sections", "unlike-builds"),
        ("gcc -O2 -Wl,--emit-relocs", "gcc -O2 -Wl,--emit-relocs", "no-debug-info"),
        (&format!("{whole} -Wl,--build-id=none"), &format!("{whole} -Wl,--build-id=none"), "no-build-id"),
        (&format!("{whole} -no-pie -fno-pie"), whole.as_str(), "wrong-architecture"),
        (&format!("{whole} -O1"), whole.as_str(), "unlike-builds"),
    ];
    for (old_compiler, new_compiler, code) in cases {
        let (document, exit) = diff((&source, old_compiler), (&new, new_compiler), &[]);
        let codes: Vec<_> =
            document["refusals"].as_array().into_iter().flatten().map(|r| r["code"].clone()).collect();
        assert!(exit == 3 && codes.contains(&Value::from(code)), "{code}: {document}");
    }
}

#[test]
fn two_programs() {
    let compiler = format!("gcc {FLAGS}");
    let functions = |name: &str| {
        let one = |n| format!("__attribute__((noipa)) int {name}{n}(int x) {{ return x * {n}; }}");
        let all: Vec<String> = (0..40).map(one).collect();
        let calls: Vec<String> = (0..40).map(|n| format!("{name}{n}(argc)")).collect();
        format!("{}\nint main(int argc, char **argv) {{ return {}; }}\n", all.join("\n"), calls.join(" + "))
    };
    let (document, exit) = diff((&functions("read"), &compiler), (&functions("write"), &compiler), &[]);
    assert_eq!((exit, &document["refusals"][0]["code"]), (3, &"unrelated-builds".into()), "{document}");
}

/// Of the unwinder that is linked into a program nobody but us calls the function that is told of new code.
#[test]
fn an_unwinder_that_cannot_be_told() {
    let source = "__attribute__((noipa)) int work(int x) { if (x > 5) throw x; return x; }\n\
                  int main(int argc, char **) { try { return work(argc); } catch (int x) { return x; } }\n";
    let directory = tempfile::tempdir().unwrap();
    let build = |name: &str, source: &str| {
        let (path, output) = (directory.path().join("work.cpp"), directory.path().join(name));
        std::fs::write(&path, source).unwrap();
        let mut compiler = Command::new("g++");
        compiler.args(FLAGS.split_whitespace()).arg("-static-libgcc").arg(&path).arg("-o").arg(&output);
        let mut renamer = Command::new("objcopy");
        renamer.arg("--redefine-sym=__register_frame_info=gone").arg(&output);
        assert!(compiler.status().unwrap().success() && renamer.status().unwrap().success());
        output
    };
    let (old, new) = (build("old", source), build("new", &source.replace("x > 5", "x > 3")));
    let (document, exit) = compare(&old, &new, &[]);
    let refusal = &document["refusals"][0];
    assert_eq!((exit, &refusal["code"]), (3, &"unwinder-closed".into()), "{document}");
    assert!(refusal["help"].as_str().unwrap().contains("--undefined=__register_frame_info"), "{refusal}");
}

#[test]
fn a_function_without_room_for_a_jump() {
    let source = "__attribute__((noipa)) int work(int x) { return x; }\n\
                  __attribute__((noipa)) int next(int x) { return x * 7; }\n\
                  int main(int argc, char **argv) { return work(argc) + next(argc); }\n";
    let compiler = "gcc -Os -falign-functions=1 -g -Wl,--emit-relocs";
    let new = source.replacen("return x;", "return x + 1;", 1);
    let (document, exit) = diff((source, compiler), (&new, compiler), &[]);
    let refusal = &document["refusals"][0];
    assert_eq!(
        (exit, &refusal["code"], &refusal["symbol"]),
        (3, &"function-too-short".into(), &"work".into())
    );
    has_place(refusal, 1);
}

#[test]
fn a_stripped_build() {
    let directory = tempfile::tempdir().unwrap();
    let (source, program) = (directory.path().join("work.c"), directory.path().join("work"));
    std::fs::write(&source, MAIN.replace("work", "")).unwrap();
    let made = Command::new("gcc").args(["-s", "-o"]).args([&program, &source]).status().unwrap();
    assert!(made.success());
    let (document, exit) = compare(&program, &program, &[]);
    assert_eq!((exit, &document["refusals"][0]["code"]), (3, &Value::from("no-symbols")), "{document}");
}
