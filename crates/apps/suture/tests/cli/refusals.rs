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
    let file = Path::new(refusal["file"].as_str().unwrap());
    assert_eq!(file.file_stem().unwrap(), "work", "{refusal}");
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
    has_place(&refused("gcc", &source, ("int a;", "int a, b;"), "tls-changed", "b"), 1);
    let library = "gcc -shared -fPIC -ftls-model=initial-exec";
    has_place(&refused(library, &source, ("int a;", "long a;"), "tls-changed", "a"), 1);
}

#[test]
fn code_that_runs_at_start() {
    let source = format!(
        "int state;\n__attribute__((constructor)) void begin(void) {{ state += 3; }}\n\
         __attribute__((noinline)) int work(int x) {{ return x + state; }}\n{MAIN}"
    );
    has_place(&refused("gcc", &source, ("state += 3", "state -= 99"), "init-changed", "begin"), 2);
}

/// What only new code begins: in C, and what C++ computes for a variable before `main`.
#[test]
fn new_code_that_runs_at_start() {
    let work = "__attribute__((noinline)) int work(int x) { return x + state * 3; }\n";
    let source = format!("int getpid(void);\nint state;\n{work}{MAIN}");
    let begin = "int state;\n__attribute__((constructor)) static void begin(void) { state += getpid(); }\n";
    for compiler in ["gcc", "gcc -shared -fPIC", "gcc -flto", "clang -O0 -fuse-ld=lld"] {
        has_place(&refused(compiler, &source, ("int state;\n", begin), "init-changed", "begin"), 3);
    }
    let source = format!("#include <cstdlib>\nint state;\n{work}{MAIN}");
    let variable =
        "int state;\n\nstruct Table { int *p; Table() : p((int *)malloc(4)) { *p = 3; } };\nTable table;\n";
    let new = source.replace("int state;\n", variable).replace("state * 3", "*table.p");
    for compiler in ["g++", "g++ -O0", "g++ -shared -fPIC", "clang++ -fuse-ld=lld"] {
        let compiler = format!("{compiler} {FLAGS}");
        let (document, exit) = diff((&source, &compiler), (&new, &compiler), &[]);
        let refusals = document["refusals"].as_array().unwrap();
        let found = refusals.iter().find(|refusal| refusal["code"] == "init-changed");
        let found = found.unwrap_or_else(|| panic!("{compiler}: {document}"));
        assert_eq!(exit, 3, "{document}");
        has_place(found, 5);
    }
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
    has_place(&refused("g++", source, change, "vtable-changed", "{vtable(Shape)}"), 1);
}

/// What other modules may refer to can't move; what fits stays where it is, and what nobody else knows travels.
#[test]
fn a_constant_that_others_use_grows() {
    let source = "const int table[3] = {1, 2, 3};\nint work(int x) { return table[x % 3]; }\n";
    let change = ("table[3] = {1, 2, 3}", "table[4] = {1, 2, 3, 4}");
    let library = "gcc -shared -fPIC";
    has_place(&refused(library, source, change, "constant-grown", "table"), 1);
    let compiler = format!("{library} {FLAGS}");
    let action = |old: &str, new: &str| {
        let (document, exit) = diff((old, &compiler), (new, &compiler), &[]);
        assert_eq!(exit, 0, "{document}");
        document["data"][0]["action"].clone()
    };
    assert_eq!(action(&source.replace(change.0, change.1), source), "in-place");
    let own = source
        .replace("const int table", "static const int table")
        .replace("table[x % 3]", "*(&table[x % 3])");
    assert_eq!(action(&own, &own.replace(change.0, change.1)), "carried");
}

/// A program that is the first to use an object of a library would need a copy of it from the beginning.
#[test]
fn a_reference_that_has_no_meaning_in_the_old_build() {
    let source = format!(
        "#include <stdio.h>\n__attribute__((noipa)) int work(int x) {{ return puts(\"x\") + x; }}\n{MAIN}"
    );
    let change = ("puts(\"x\")", "fputs(\"x\", stderr)");
    let refusal = refused("gcc", &source, change, "unresolved-reference", "work");
    has_place(&refusal, 2);
    assert!(refusal["message"].as_str().unwrap().contains("stderr"), "{refusal}");
    let help = refusal["help"].as_str().unwrap();
    let (_, declaration) = help.split_once('`').unwrap();
    let (declaration, _) = declaration.split_once('`').unwrap();
    let as_told = source.replacen('\n', &format!("\n{declaration}\n"), 1);
    let compiler = format!("gcc {FLAGS}");
    let (document, exit) = diff((&source, &compiler), (&as_told.replace(change.0, change.1), &compiler), &[]);
    assert_eq!(exit, 0, "{document}");
}

/// The end of a table, or what stands behind it: nothing tells them apart where it is handed on, or where both may be meant.
#[test]
fn an_address_that_may_be_the_end_of_a_table_or_another_object() {
    let tables = "#define OWN __attribute__((noipa))\nstatic const int table[8] = {1, 2, 3, 4, 5, 6, 7, 8};\n\
         OWN int sum(int x, const int *p, const int *end) { while (p != end) x += *p++; return x; }\n\
         OWN const int *first(void) { return table; }\n";
    let other = "__attribute__((used)) static const int other[8] = {20, 30, 40, 50, 60, 70, 80, 90};\n";
    let handed_on = "OWN int work(int x) { return sum(x, first(), table + 8); }\n";
    let change = ("static const int table", &format!("{other}static const int table")[..]);
    for compiler in ["gcc", "gcc -O2", "gcc -no-pie -fno-pie"] {
        let source = format!("{tables}{handed_on}{MAIN}");
        let refusal = refused(compiler, &source, change, "unresolved-reference", "work");
        has_place(&refusal, 6);
        assert!(refusal["message"].as_str().unwrap().contains("the end of table"), "{refusal}");
    }
    let pair = "static const struct pair { const int *from, *to; } all = {table, table + 8};\n\
         OWN const struct pair *pick(const struct pair *p) { return p; }\n\
         OWN int work(int x) { return sum(x, pick(&all)->from, pick(&all)->to); }\n";
    let refusal = refused("gcc", &format!("{tables}{pair}{MAIN}"), change, "unresolved-reference", "all");
    assert!(refusal["message"].as_str().unwrap().contains("the end of table"), "{refusal}");
    // Of what has no elements nobody has a use for the end alone.
    let single = "#define OWN __attribute__((noipa))\nstatic long single = 1;\nOWN long bump(long *p) { return ++*p; }\n\
         OWN int work(int x) { return x + bump(&single); }\n";
    let fixed = single
        .replace("OWN long bump", "static long fresh = 2;\nOWN long bump")
        .replace("bump(&single)", "bump(&single) + bump(&fresh)");
    let compiler = format!("gcc {FLAGS}");
    let sources = [single, &fixed].map(|source| format!("{source}{MAIN}"));
    let (document, exit) = diff((&sources[0], &compiler), (&sources[1], &compiler), &[]);
    assert_eq!(exit, 0, "{document}");
    let either = "OWN int work(int x) {\n const int *end = x & 1 ? table + 8 : 0;\n\
         for (const int *p = x & 1 ? table : 0; p != end; p++) x += *p;\n return x; }\n";
    let both = either.replace("table : 0", "table : other").replace("table + 8 : 0", "table + 8 : other + 8");
    let source = format!("{tables}{either}{MAIN}");
    let change = (&source[..], &format!("{other}{tables}{both}{MAIN}")[..]);
    refused("gcc -O2", &source, change, "unresolved-reference", "work");
}

#[test]
fn an_entry_on_two_pages() {
    let source = format!(
        "asm(\".section .text.edge, \\\"ax\\\"\\n .balign 4096\\n .skip 4093, 0x90\\n .text\");\n\
         __attribute__((noipa, section(\".text.edge\"))) int work(int x) {{ return x * 1000; }}\n{MAIN}"
    );
    let compiler = "gcc -falign-functions=1 -fcf-protection=none";
    let refusal = refused(compiler, &source, ("x * 1000", "x * 1001 + 1"), "entry-straddles-page", "work");
    has_place(&refusal, 2);
}

/// Where instructions begin, and which of them come back, has to be known of both old and new code.
#[test]
fn code_that_can_not_be_read() {
    let naked = |code: &str| {
        let code = code.replace("; ", "\\n ");
        format!("__attribute__((naked)) int work(int x) {{ asm(\"{code}\"); }}\n{MAIN}")
    };
    for (old, new, message) in [
        (
            "jrcxz 1f; lea 1(%rdi), %eax; ret; 1: lea 2(%rdi), %eax; ret",
            "lea 3(%rdi), %eax; ret",
            "no long form",
        ),
        ("lea 1(%rdi), %rax; ret; .byte 0x06; ret", "lea 3(%rdi), %rax; ret", "decoded at offset 0x5"),
        ("lea 1(%rdi), %rax; ret", "lea 3(%rdi), %rax; ret; .byte 0x06; ret", "decoded at offset 0x5"),
    ] {
        let refusal = refused("gcc", &naked(old), (&naked(old), &naked(new)), "unreadable-code", "work");
        has_place(&refusal, 1);
        assert!(refusal["message"].as_str().unwrap().contains(message), "{refusal}");
    }
}

/// A symbol table that leads out of the build.
#[test]
fn tables_that_contradict_each_other() {
    let source =
        format!("static int count;\n__attribute__((noipa)) int work(int x) {{ return count += x; }}\n{MAIN}");
    let directory = tempfile::tempdir().unwrap();
    let build = |name: &str, source: &str| {
        let (path, output) = (directory.path().join("work.c"), directory.path().join(name));
        std::fs::write(&path, source).unwrap();
        let mut compiler = Command::new("gcc");
        compiler.args(FLAGS.split_whitespace()).arg(&path).arg("-o").arg(&output);
        assert!(compiler.status().unwrap().success());
        output
    };
    let (old, new) = (build("old", &source), build("new", &source.replace("+= x", "+= 2 * x")));
    let symbols = Command::new("nm").arg(&old).output().unwrap().stdout;
    let symbols = String::from_utf8(symbols).unwrap();
    let count = symbols.lines().find(|line| line.ends_with(" count")).unwrap();
    let address = u64::from_str_radix(count.split(' ').next().unwrap(), 16).unwrap();
    let entry = |address: u64| [address.to_le_bytes(), 4_u64.to_le_bytes()].concat();
    let mut file = std::fs::read(&old).unwrap();
    let at: Vec<usize> = (0..file.len() - 16).filter(|at| file[*at..at + 16] == entry(address)).collect();
    assert_eq!(at.len(), 1, "{address:#x}");
    file[at[0]..at[0] + 16].copy_from_slice(&entry(0x7fff_0000_0000));
    std::fs::write(&old, file).unwrap();
    let (document, exit) = compare(&old, &new, &[]);
    let refusal = &document["refusals"][0];
    assert_eq!(
        (exit, &refusal["code"], &refusal["symbol"]),
        (3, &"inconsistent-build".into(), &"count".into()),
        "{document}"
    );
    has_place(refusal, 1);
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
