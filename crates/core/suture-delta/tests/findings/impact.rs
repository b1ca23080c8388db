//! Who calls whom, and what is critical.

use suture_delta::classify::classify;
use suture_delta::critical::{Marked, Marks, Start, critical_paths, unmatched};
use suture_delta::impact::CallGraph;
use suture_delta::refusal::{Refusal, RefusalCode};
use suture_delta::report::{ChangedFunction, CriticalPath, Impact, Report, Verdict};
use suture_elf::Build;
use suture_elf::debug::{DebugInfo, DebugSections, Inlined};

use crate::program::{Program, compile, compile_all};

const CALLS: &str = r#"
#define KEEP __attribute__((noinline, noclone))
KEEP int leaf(int n) { __asm__ volatile(""); return n + 1; }
KEEP int middle(int n) { return leaf(n) * 2; }
KEEP int tail(int n) { __asm__ volatile(""); return leaf(n + 3); }
KEEP int even(int n);
KEEP int odd(int n) { __asm__ volatile(""); return n == 0 ? 0 : even(n - 1) + 1; }
KEEP int even(int n) { __asm__ volatile(""); return n == 0 ? 1 : odd(n - 1) + 2; }
KEEP int in_table(int n) { return leaf(n) - 1; }
KEEP int as_argument(int n) { __asm__ volatile(""); return n - 1; }
KEEP int both(int n) { return as_argument(n) + 1; }
KEEP int apply(int (*f)(int), int n) { return f(n); }
int (*const table[2])(int) = { in_table, both };
int main(int argc, char **argv) {
    (void)argv;
    return middle(argc) + tail(argc) + table[argc & 1](argc) + apply(as_argument, argc) + both(argc) + odd(argc);
}
"#;

fn programs() -> Vec<Program> {
    [
        ("gcc", &["-O2", "-Wl,--emit-relocs"][..]),
        ("gcc", &["-O0"]),
        ("gcc", &["-O2", "-no-pie", "-Wl,--emit-relocs"]),
        ("clang", &["-O2", "-fuse-ld=lld"]),
        ("clang", &["-O1", "-no-pie", "-Wl,--emit-relocs"]),
        ("gcc", &["-O2", "-shared", "-fPIC"]),
        ("gcc", &["-O2", "-shared", "-fPIC", "-fno-plt"]),
        ("gcc", &["-O2", "-static", "-Wl,--emit-relocs"]),
    ]
    .iter()
    .map(|(compiler, arguments)| compile(compiler, arguments, ("calls.c", CALLS)))
    .collect()
}

fn address(build: &Build<'_>, name: &str) -> u64 {
    build.symbols().iter().find(|symbol| symbol.name == name && symbol.section.is_some()).unwrap().address
}

fn impact(program: &Program, name: &str) -> Impact {
    let build = Build::parse(&program.bytes).unwrap();
    CallGraph::new(&build).impact(address(&build, name)).unwrap()
}

#[test]
fn callers_are_exact() {
    for program in programs() {
        let leaf = impact(&program, "leaf");
        assert_eq!(leaf.callers, ["in_table", "middle", "tail"], "{}", program.name);
        assert_eq!(impact(&program, "middle").callers, ["main"], "{}", program.name);
        assert_eq!(impact(&program, "both").callers, ["main"]);
        assert_eq!(impact(&program, "even").callers, ["odd"]);
        assert_eq!(impact(&program, "odd").callers, ["even", "main"]);
    }
}

#[test]
fn roots_are_where_nothing_calls() {
    for program in programs() {
        let leaf = impact(&program, "leaf");
        assert!(leaf.roots.contains(&"in_table".to_owned()), "{}: {leaf:?}", program.name);
        assert!(leaf.roots.iter().any(|root| root == "main" || root.contains("start")), "{leaf:?}");
        assert!(leaf.reached_from >= 4);
        assert_eq!(impact(&program, "main").function, "main");
    }
}

#[test]
fn pointers_are_told_apart() {
    for program in programs() {
        let flags = |name: &str| {
            let impact = impact(&program, name);
            (impact.address_taken, impact.only_by_pointer)
        };
        assert_eq!(flags("in_table"), (true, true), "{}", program.name);
        assert_eq!(flags("both"), (true, false), "{}", program.name);
        assert_eq!(flags("as_argument"), (true, false), "{}", program.name);
        assert_eq!(flags("middle"), (false, false), "{}", program.name);
        assert_eq!(flags("leaf"), (false, false), "{}", program.name);
    }
}

/// What a split-off part calls, its function calls.
#[test]
fn parts_belong_to_their_function() {
    let source = r#"
        __attribute__((cold, noinline)) void fail(int n) { __asm__ volatile("" :: "r"(n)); }
        __attribute__((noinline)) int check(int n) { if (n > 5) { fail(n); fail(n + 1); return -1; } return n; }
        int main(int argc, char **argv) { (void)argv; return check(argc); }
    "#;
    let program = compile("gcc", &["-O2"], ("cold.c", source));
    let build = Build::parse(&program.bytes).unwrap();
    assert!(build.symbols().iter().any(|symbol| symbol.name == "check.cold"), "nothing was split off");
    assert_eq!(impact(&program, "fail").callers, ["check"]);
    assert_eq!(impact(&program, "check").callers, ["main"]);
    let graph = CallGraph::new(&build);
    assert_eq!(graph.impact(address(&build, "check.cold")).unwrap().function, "check");
}

#[test]
fn rust_names_are_shown_as_written() {
    let source = "#[inline(never)] fn leaf(n: usize) -> usize { std::hint::black_box(n) + 1 }\n\
        trait Run { fn run(&self) -> usize; } struct Runner(usize);\n\
        impl Run for Runner { #[inline(never)] fn run(&self) -> usize { leaf(self.0) } }\n\
        fn main() { let n = std::env::args().count(); let all: [Box<dyn Run>; 1] = [Box::new(Runner(n))];\n\
        println!(\"{}\", std::hint::black_box(&all)[0].run()); }";
    let program = compile("rustc", &["-g"], ("calls.rs", source));
    let build = Build::parse(&program.bytes).unwrap();
    let leaf = build.symbols().iter().find(|symbol| symbol.name.contains("calls4leaf")).unwrap();
    let impact = CallGraph::new(&build).impact(leaf.address).unwrap();
    assert_eq!(impact.function, "calls::leaf");
    assert_eq!(impact.callers, ["<calls::Runner as calls::Run>::run"]);
    let run =
        build.symbols().iter().find(|symbol| symbol.name.contains("Runner") && symbol.name.contains("3run"));
    let run = CallGraph::new(&build).impact(run.unwrap().address).unwrap();
    assert!(run.only_by_pointer, "{run:?}");
}

const MARKS: &str = r#"
[critical]
functions = ["raft_*"]
files = ["consensus/*.c"]

[critical.serialisation]
functions = ["encode"]
"#;

fn paths(changed: &[&str]) -> Vec<(String, String, String, Vec<String>)> {
    let consensus = "int raft_apply(int n) { __asm__ volatile(\"\"); return n + 1; }\n\
        int vote(int n) { __asm__ volatile(\"\"); return n * 2; }\n";
    let rest = "int raft_apply(int); int vote(int);\n\
        #define KEEP __attribute__((noinline))\n\
        KEEP int helper(int n) { __asm__ volatile(\"\"); return n; }\n\
        KEEP int encode(int n) { __asm__ volatile(\"\"); return helper(n); }\n\
        KEEP int handle(int n) { __asm__ volatile(\"\"); return raft_apply(n) + encode(n); }\n\
        KEEP int outer(int n) { __asm__ volatile(\"\"); return handle(n) + vote(n); }\n\
        KEEP int apart(int n) { __asm__ volatile(\"\"); return n; }\n\
        int main(int c, char **v) { (void)v; return outer(c) + apart(c); }\n";
    let files = [("consensus/vote.c", consensus), ("rest.c", rest)];
    let program = compile_all("gcc", &["-g", "-O1", "-fno-optimize-sibling-calls"], &files);
    let build = Build::parse(&program.bytes).unwrap();
    let sections = DebugSections::load(&build).unwrap();
    let debug = DebugInfo::new(&sections).unwrap();
    let files_of = |address| debug.line_at(address).map(|line| line.file).into_iter().collect();
    let start = |name: &&str| Start { address: address(&build, name), reads: None };
    let changed: Vec<Start> = changed.iter().map(start).collect();
    let marks = Marks::parse(MARKS).unwrap();
    let graph = CallGraph::new(&build);
    let marked = Marked::find(&graph, &Inlined::default(), &marks, &files_of);
    let found = critical_paths(&graph, &marked, &changed);
    found.into_iter().map(|path| (path.marked, path.mark, path.pattern, path.path)).collect()
}

fn path(marked: &str, mark: &str, pattern: &str, way: &[&str]) -> (String, String, String, Vec<String>) {
    let way = way.iter().map(ToString::to_string).collect();
    (marked.to_owned(), mark.to_owned(), pattern.to_owned(), way)
}

#[test]
fn paths_to_marked_functions_are_the_shortest() {
    assert_eq!(
        paths(&["outer"]),
        [
            path("raft_apply", "consensus", "raft_*", &["outer", "handle", "raft_apply"]),
            path("vote", "consensus", "consensus/*.c", &["outer", "vote"]),
            path("encode", "serialisation", "encode", &["outer", "handle", "encode"]),
        ]
    );
    assert_eq!(paths(&["helper"]), [path("encode", "serialisation", "encode", &["encode", "helper"])]);
    assert_eq!(paths(&["encode"]), [path("encode", "serialisation", "encode", &["encode"])]);
    assert_eq!(paths(&["apart"]), []);
}

#[test]
fn faults_in_the_marks_have_a_place() {
    let fault = |text: &str| Marks::parse(text).unwrap_err().to_string();
    assert_eq!(fault("[critical]\nfunctions = [1]\n"), "line 2, column 14: a pattern must be a string");
    assert_eq!(fault("[critical]\nfiles = 'a'\n"), "line 2, column 9: 'files' is no list of patterns");
    assert_eq!(
        fault("[critical]\n\nfunktions = []\n"),
        "line 3, column 1: unknown key 'funktions'; known are 'functions' and 'files'"
    );
    assert!(fault("[critical]\nfunctions = [\"a[\"]\n").starts_with("line 2, column 14: not a pattern: "));
    assert!(fault("[critical\n").starts_with("line 1, "));
    assert_eq!(fault("critical = 3\n"), "line 1, column 12: 'critical' is no table");
    assert!(fault("[critical.group.deeper]\nfunctions = []\n").contains("unknown key 'deeper'"));
    assert!(Marks::parse("").unwrap().is_empty());
    assert!(Marks::parse("# nothing\n").unwrap().is_empty());
    for (text, at, name) in [
        ("[Critical]\nfunctions = [\"f\"]\n", "line 1, column 2", "Critical"),
        ("[critical]\nfunctions = [\"f\"]\n\n[criticals.wire]\n", "line 4, column 2", "criticals"),
        ("functions = [\"f\"]\n", "line 1, column 1", "functions"),
    ] {
        assert_eq!(fault(text), format!("{at}: unknown '{name}'; the only table is 'critical'"));
    }
}

/// A list without patterns looks like marks, and marks nothing.
#[test]
fn a_group_that_marks_nothing_is_a_fault() {
    let fault = |text: &str| Marks::parse(text).unwrap_err().to_string();
    let nothing =
        |group: &str| format!("it marks nothing as {group}: give patterns as 'functions' or 'files'");
    for text in ["[critical]\nfunctions = []\n", "[critical]\n", "[critical]\nfiles = []\nfunctions = []\n"] {
        assert!(
            fault(text).starts_with(&format!("line 1, column 1: {}", nothing("consensus"))),
            "{}",
            fault(text)
        );
    }
    let text = "[critical]\nfunctions = [\"f\"]\n[critical.protocol]\nfiles = []\n";
    assert!(
        fault(text).starts_with(&format!("line 3, column 1: {}", nothing("protocol"))),
        "{}",
        fault(text)
    );
    assert!(fault(text).contains("'none = \"why\"' under [critical]"));
    let wire = Marks::parse("[critical.wire]\nfiles = [\"net.c\"]\nfunctions = []\n").unwrap();
    assert_eq!(wire.groups(), ["wire"]);
}

#[test]
fn the_judgement_names_its_reasons() {
    let changed = ChangedFunction {
        name: "handle".into(),
        symbol: "handle".into(),
        file: "a.c".into(),
        line: 3,
        old_size: 10,
        new_size: 12,
        why: "code".into(),
    };
    let critical = |way: &[&str]| CriticalPath {
        function: "handle".into(),
        marked: "raft_apply".into(),
        mark: "consensus".into(),
        pattern: "raft_*".into(),
        path: way.iter().map(ToString::to_string).collect(),
        reads: None,
        inlined: false,
    };
    let mut report = Report {
        changed: vec![changed],
        critical: vec![critical(&["handle", "step", "raft_apply"]), critical(&["handle", "raft_apply"])],
        ..Report::default()
    };
    let (verdict, reasons) = classify(&report);
    assert_eq!(verdict, Verdict::Hot);
    assert_eq!(
        reasons,
        [
            "1 function is replaced, 0 new; no layout, no thread-local variable and no start code changes",
            "touches consensus: handle -> raft_apply, and 1 more",
        ]
    );
    report.refusals.push(Refusal {
        code: RefusalCode::TypeLayoutChanged,
        symbol: "client".into(),
        file: String::new(),
        line: 0,
        message: "member 'x' is new".into(),
        help: String::new(),
    });
    let (verdict, reasons) = classify(&report);
    assert_eq!(
        (verdict, reasons),
        (Verdict::FullUpdate, vec!["type-layout-changed: client: member 'x' is new".into()])
    );
}

/// In one build or in the other: what is in neither has marked nothing.
#[test]
fn patterns_that_match_nothing_in_either_build_are_told() {
    let build = |name: &str| {
        let source = format!(
            "int {name}(int n) {{ return n; }} int main(int c, char **v) {{ (void)v; return {name}(c); }}"
        );
        compile("gcc", &["-O0"], ("one.c", &source))
    };
    let programs = [build("before"), build("after")];
    let builds = programs.each_ref().map(|program| Build::parse(&program.bytes).unwrap());
    let text = "[critical]\nfunctions = [\"before\",\n\"gone_*\"]\n\n[critical.protocol]\nfiles = [\"*.rs\"]\nfunctions = [\"af*\"]\n";
    let marks = Marks::parse(text).unwrap();
    let nothing = Inlined::default();
    let found = builds
        .each_ref()
        .map(|build| Marked::find(&CallGraph::new(build), &nothing, &marks, &|_| Vec::new()));
    let lost: Vec<_> =
        unmatched(&found).into_iter().map(|lost| (lost.mark, lost.pattern, lost.line)).collect();
    let row = |mark: &str, pattern: &str, line| (mark.to_owned(), pattern.to_owned(), line);
    assert_eq!(lost, [row("consensus", "gone_*", 3), row("protocol", "*.rs", 6)]);
    assert_eq!(unmatched(&found[..1]).len(), 3);
}

#[test]
fn that_nothing_is_critical_is_said_with_a_reason_or_not_at_all() {
    let marks = Marks::parse("[critical]\nnone = \" a single server \"\n").unwrap();
    assert_eq!((marks.none(), marks.is_empty()), (Some("a single server"), true));
    let fault = |text: &str| Marks::parse(text).unwrap_err().to_string();
    for reason in ["true", "\"\"", "\" \"", "[]"] {
        let text = fault(&format!("[critical]\nnone = {reason}\n"));
        assert!(text.starts_with("line 2, column 8: 'none' is no reason"), "{text}");
    }
    assert!(fault("[critical]\nnone = \"a\\nb\"\n").contains("no line"));
    assert!(fault("[critical]\nnone = \"x\"\nfunctions = [\"f\"]\n").contains("and there are patterns"));
    assert!(fault("[critical.protocol]\nnone = \"x\"\n").contains("unknown key 'none'"));
}
