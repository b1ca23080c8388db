//! What a change touches of what is marked: through data, inlined copies, clones and hooks.

use suture_delta::critical::Marks;
use suture_delta::report::{CriticalPath, Report, Way};
use suture_delta::{Comparison, DataAction, Debug, Options, compare};
use suture_elf::Build;
use suture_elf::debug::{DebugInfo, DebugSections};

use crate::program::{Program, compile, compile_all};

const OPTIONS: [&str; 5] = ["-g", "-O2", "-fPIE", "-Wl,--emit-relocs", "-Wl,--build-id"];
const HEAD: &str = "#include <stdio.h>\n#define KEEP __attribute__((noinline, noclone))\n";
/// `validate` is marked; `hello` is not, and has nothing to do with it.
const MAIN: &str = "KEEP int hello(int c) { printf(\"hello %d\\n\", c); return c; }\n\
    int main(int c, char **v) { (void)v; return hello(c) + validate(c); }\n";

fn compared(old: &Program, new: &Program, marks: &str, data: &[(&str, DataAction)]) -> Comparison {
    let builds = [old, new].map(|program| Build::parse(&program.bytes).unwrap());
    let sections = builds.each_ref().map(|build| DebugSections::load(build).unwrap());
    let [before, after] = sections.each_ref().map(|sections| DebugInfo::new(sections).unwrap());
    let has = |debug: &DebugInfo<'_>| !debug.is_empty();
    let debug = Debug { old: Some(&before).filter(|d| has(d)), new: Some(&after).filter(|d| has(d)) };
    let options = Options {
        marks: Marks::parse(marks).unwrap(),
        data: data.iter().map(|(name, action)| ((*name).to_owned(), *action)).collect(),
        names: ("p".to_owned(), "p".to_owned()),
        ..Options::default()
    };
    compare(&builds[0], &builds[1], debug, &options)
}

/// The report of a delta that makes `after` of `before`, with `validate` marked; `rest` is in both.
fn report(options: &[&str], before: &str, after: &str, rest: &str) -> Report {
    let program = |code: &str| compile("gcc", options, ("p.c", &format!("{HEAD}{code}{rest}")));
    let marks = "[critical]\nfunctions = [\"validate\"]\n";
    let found = compared(&program(before), &program(after), marks, &[("limits", DataAction::Overwrite)]);
    assert!(found.delta.is_some(), "{:?} of {before}", found.report.reasons);
    found.report
}

/// Function, marked function, path, object.
fn paths(report: &Report) -> Vec<(&str, &str, String, Option<&str>)> {
    let row = |path: &CriticalPath| path.path.join(" ");
    let paths = report.critical.iter();
    paths
        .map(|path| (path.function.as_str(), path.marked.as_str(), row(path), path.reads.as_deref()))
        .collect()
}

/// The object's users, and whether they are all.
fn readers(report: &Report) -> Vec<(&str, String, bool)> {
    let row = |readers: &suture_delta::report::Readers| readers.functions.join(" ");
    let readers = report.readers.iter();
    readers.map(|readers| (readers.object.as_str(), row(readers), readers.complete)).collect()
}

const VALIDATE: &str = "KEEP int validate(int x) { return x < limits[x & 3]; }\n";

#[test]
fn who_refers_to_data_that_changes_counts_as_changed() {
    let rows = [
        ("const int limits[4] = {1, 2, 3, 4};\n", "const int limits[4] = {1, 2, 3, 9};\n"),
        ("static const int limits[4] = {1, 2, 3, 4};\n", "static const int limits[4] = {1, 2, 3, 9};\n"),
        ("int limits[4] = {1, 2, 3, 4};\n", "int limits[4] = {1, 2, 3, 9};\n"),
        ("static int limits[4] = {1, 2, 3, 4};\n", "static int limits[4] = {1, 2, 3, 9};\n"),
    ];
    let static_program = [&OPTIONS[..], &["-no-pie", "-fno-pie"]].concat();
    for options in [&OPTIONS[..], &static_program] {
        for (before, after) in rows {
            let rest =
                format!("{VALIDATE}int set(int n) {{ {} return n; }}\n{MAIN}", write_if_writable(before));
            let report = report(options, before, after, &rest);
            assert!(report.changed.is_empty(), "{:?}", report.changed);
            let users = if before.contains("const") { "validate" } else { "set validate" };
            assert_eq!(readers(&report), [("limits", users.to_owned(), true)], "{before}");
            assert_eq!(paths(&report), [("validate", "validate", "validate".to_owned(), Some("limits"))]);
            assert_eq!(report.followed, [Way::Calls, Way::New, Way::Data, Way::Inlined]);
            assert_eq!((report.schema(), report.unseen()), (4, Vec::<String>::new()));
        }
    }
}

fn write_if_writable(object: &str) -> &'static str {
    if object.contains("const") { "" } else { "limits[0] = n;" }
}

#[test]
fn data_is_followed_through_data() {
    let rest = "struct rule { const char *name; const int *of; };\n\
        static const struct rule rules[2] = {{\"a\", limits}, {\"b\", 0}};\n\
        const struct rule *const first = rules;\n\
        const struct rule *const *door = &first;\n\
        KEEP int judge(int x) { return (*door)->of[x & 3]; }\n\
        KEEP int validate(int x) { __asm__ volatile(\"\"); return judge(x) + 1; }\n";
    let rest = format!("{rest}{MAIN}");
    let report = report(
        &OPTIONS,
        "const int limits[4] = {1, 2, 3, 4};\n",
        "const int limits[4] = {1, 2, 3, 9};\n",
        &rest,
    );
    let [(object, users, complete)] = &readers(&report)[..] else { panic!("{:?}", report.readers) };
    assert_eq!((*object, *complete), ("limits", true));
    assert!(users.contains("judge") || users.contains("validate"), "{users}");
    let validate = paths(&report).into_iter().find(|path| path.1 == "validate");
    assert!(validate.is_some(), "{:?}", report.critical);
}

#[test]
fn a_table_of_functions_is_data() {
    let before = "KEEP int one(int x) { return x + 1; } KEEP int two(int x) { return x + 2; }\n\
        int (*const table[2])(int) = {one, one};\n";
    let rest = format!("KEEP int validate(int x) {{ return table[x & 1](x); }}\n{MAIN}");
    let report = report(&OPTIONS, before, &before.replace("{one, one}", "{one, two}"), &rest);
    assert_eq!(readers(&report), [("table", "validate".to_owned(), true)]);
    assert_eq!(paths(&report), [("validate", "validate", "validate".to_owned(), Some("table"))]);
    assert_eq!(report.impact.iter().map(|impact| impact.function.as_str()).collect::<Vec<_>>(), ["validate"]);
}

/// A table that points to a constant which no longer fits where it stood has to point to the new one.
#[test]
fn what_points_to_a_constant_that_grew_changes() {
    let before = "static const int limits[2] = {1, 2};\nconst int *const table[2] = {limits, limits};\n";
    let rest = format!("KEEP int validate(int x) {{ return table[x & 1][1]; }}\n{MAIN}");
    let report =
        report(&OPTIONS, before, &before.replace("limits[2] = {1, 2}", "limits[3] = {1, 5, 3}"), &rest);
    let data: Vec<_> = report.data.iter().map(|data| (data.name.as_str(), data.action.as_str())).collect();
    assert_eq!(data, [("limits", "carried"), ("table", "in-place")]);
    assert_eq!(paths(&report), [("validate", "validate", "validate".to_owned(), Some("table"))]);
}

/// Who has the address can't be found: then not all users are known.
#[test]
fn an_address_that_is_let_out_leaves_users_unknown() {
    let keeps = [
        // To a variable, to a function, to the caller, on the stack; and only looked at.
        ("const int *kept; KEEP void keep(void) { kept = limits; }", false),
        (
            "KEEP int sum(const int *p) { __asm__ volatile(\"\"); return *p; } KEEP int keep(void) { return sum(limits); }",
            false,
        ),
        ("KEEP const int *keep(int n) { return limits + n; }", false),
        ("KEEP int keep(int n) { const int *volatile p = limits + n; return *p; }", false),
        (
            "const int *kept; KEEP void keep(int n) { const int *p = n > 7 ? limits : kept; puts(\"x\"); kept = p; }",
            false,
        ),
        (
            "KEEP int keep(int n) { int s = 0; for (int i = 0; i < n; i++) s += limits[i] * i; return s; }",
            true,
        ),
        (
            "KEEP int keep(int n, int m) { if (n == 7) { puts(\"x\"); return 7; } return n > 9 ? limits[m] : -limits[n]; }",
            true,
        ),
        ("KEEP int keep(int n) { return limits[1] + limits[n]; }", true),
    ];
    let static_program = [&OPTIONS[..], &["-no-pie", "-fno-pie"]].concat();
    for options in [&OPTIONS[..], &static_program] {
        for (keep, expected) in keeps {
            let before = "const int limits[4] = {1, 2, 3, 4};\n";
            let rest = format!("{keep}\nKEEP int validate(int x) {{ return x; }}\n{MAIN}");
            let report = report(options, before, &before.replace("3, 4}", "3, 9}"), &rest);
            let [(_, users, complete)] = &readers(&report)[..] else { panic!("{:?}", report.readers) };
            assert_eq!((users.as_str(), *complete), ("keep", expected), "{keep} {options:?}");
            assert_eq!(report.unseen().is_empty(), expected);
        }
    }
}

/// A text behind a table begins where the table ends, and is not meant by it.
#[test]
fn a_text_behind_an_object_is_not_the_object() {
    let before = "static const int limits[4] = {1, 2, 3, 4};\n";
    let rest = format!("{VALIDATE}{MAIN}");
    for optimised in ["-O0", "-O2"] {
        let options = [&OPTIONS[..], &[optimised]].concat();
        let report = report(&options, before, &before.replace("3, 4}", "3, 9}"), &rest);
        assert_eq!(readers(&report), [("limits", "validate".to_owned(), true)], "{optimised}");
    }
}

/// For `limits[n - 1]` the address before the table is taken, which is another object's.
#[test]
fn an_address_beside_the_object_may_mean_it() {
    let before = "static const int early[4] = {5, 6, 7, 8};\nstatic const int limits[4] = {1, 2, 3, 4};\n";
    let rest = format!(
        "KEEP int use(int x) {{ return early[x & 3]; }}\n\
        KEEP int validate(int x) {{ int r; __asm__ volatile(\"leaq limits-4(%%rip), %%rax\\n movl (%%rax,%1,4), %0\" \
        : \"=r\"(r) : \"r\"((long)(x & 3) + 1) : \"rax\"); return r + limits[x & 1]; }}\n\
        int other(int x) {{ return use(x); }}\n{MAIN}"
    );
    let report = report(&OPTIONS, before, &before.replace("3, 4}", "3, 9}"), &rest);
    let users: Vec<&str> = report.readers[0].functions.iter().map(String::as_str).collect();
    assert!(users.contains(&"validate") && !users.contains(&"use") && !users.contains(&"hello"), "{users:?}");
}

#[test]
fn data_whose_users_are_unknown_is_told() {
    let before = "__attribute__((used)) const int limits[4] = {1, 2, 3, 4};\n";
    let rest = format!("KEEP int validate(int x) {{ return x; }}\n{MAIN}");
    let unused = report(&OPTIONS, before, &before.replace("3, 4}", "3, 9}"), &rest);
    assert_eq!(readers(&unused), [("limits", String::new(), false)]);
    assert_eq!(unused.unseen(), ["limits changes where it stands, and who uses it can't be computed"]);

    // All that stands in a section with a name like this is gone through by its bounds.
    let before = "struct entry { int n; };\n#define ENTRY __attribute__((used, section(\"entries\"))) static const struct entry\n\
        ENTRY first = {1}; ENTRY limits = {2};\n";
    let rest = format!(
        "extern const struct entry __start_entries[], __stop_entries[];\n\
        KEEP int validate(int x) {{ for (const struct entry *e = __start_entries; e < __stop_entries; e++) x += e->n; return x; }}\n{MAIN}"
    );
    let listed = report(&OPTIONS, before, &before.replace("limits = {2}", "limits = {3}"), &rest);
    assert_eq!(readers(&listed), [("limits", "validate".to_owned(), true)]);
}

/// A text that only the changed function uses is nobody else's, and an ordinary fix touches nothing.
#[test]
fn an_ordinary_fix_touches_what_it_did() {
    let before = "const int limits[4] = {1, 2, 3, 4}; static const char *const names[2] = {\"one\", \"two\"};\n\
        KEEP int name(int n) { return puts(names[n & 1]); }\n\
        KEEP int fixed(int c) { puts(\"wellcome\"); return name(c) + limits[c & 1]; }\n";
    let rest = format!("{VALIDATE}int other(int c) {{ return fixed(c); }}\n{MAIN}");
    for after in [before.replace("wellcome", "welcome"), before.replace("limits[c & 1]", "limits[c & 2]")] {
        let report = report(&OPTIONS, before, &after, &rest);
        assert_eq!(report.changed.iter().map(|changed| changed.name.as_str()).collect::<Vec<_>>(), ["fixed"]);
        assert_eq!((paths(&report), readers(&report)), (vec![], vec![]));
        assert!(report.unseen().is_empty());
    }
}

#[test]
fn code_of_a_marked_function_that_is_inlined_is_part_of_the_change() {
    let rest = "int main(int c, char **v) { (void)v; return hello(c); }\n";
    let hello = "int limit = 5; int validate(int x) { return x < limit; }\n\
        KEEP int hello(int c) { int r = validate(c); printf(\"hello %d\\n\", r); return c; }\n";
    let one = report(&OPTIONS, hello, &hello.replace("validate(c)", "validate(c + 1)"), rest);
    assert_eq!(paths(&one), [("hello", "validate", "hello validate".to_owned(), None)]);
    assert!(one.critical[0].inlined && one.unmatched.is_empty(), "{one:?}");

    // Without a copy of its own a marked function is found too.
    let hello = hello.replace("int validate", "static inline int validate");
    let inline = report(&OPTIONS, &hello, &hello.replace("validate(c)", "validate(c + 1)"), rest);
    assert!(inline.critical[0].inlined && inline.unmatched.is_empty(), "{inline:?}");
}

#[test]
fn other_compilers_say_what_they_inline_too() {
    let hello = "int limit = 5; int validate(int x) { return x < limit; }\n\
        KEEP int hello(int c) { int r = validate(c); printf(\"hello %d\\n\", r); return c; }\n";
    let rest = "int main(int c, char **v) { (void)v; return hello(c); }\n";
    let program = |code: &str| {
        let code = format!("#include <stdio.h>\n#define KEEP __attribute__((noinline))\n{code}{rest}");
        compile("clang", &OPTIONS, ("p.c", &code))
    };
    let marks = "[critical]\nfunctions = [\"validate\"]\n";
    let new = hello.replace("validate(c)", "validate(c + 1)");
    let clang = compared(&program(hello), &program(&new), marks, &[]).report;
    assert_eq!(paths(&clang), [("hello", "validate", "hello validate".to_owned(), None)]);

    let hello = "mod rules { #[inline(always)] pub fn validate(x: usize) -> bool { x % 3 < 2 } }\n\
        #[inline(never)] fn hello(c: usize) -> usize { if rules::validate(c) { std::hint::black_box(c) } else { 7 } }\n\
        fn main() { std::process::exit(hello(std::env::args().count()) as i32) }\n";
    let options = ["-g", "-O", "-Clink-arg=-Wl,--emit-relocs", "-Clink-arg=-Wl,--build-id"];
    let program = |code: &str| compile("rustc", &options, ("p.rs", code));
    let marks = "[critical]\nfunctions = [\"p::rules::*\"]\n";
    let of_rustc =
        compared(&program(hello), &program(&hello.replace("else { 7 }", "else { 8 }")), marks, &[]).report;
    let validate = ("p::hello", "p::rules::validate", "p::hello p::rules::validate".to_owned(), None);
    assert_eq!(paths(&of_rustc), [validate]);
    assert!(of_rustc.critical[0].inlined && of_rustc.unmatched.is_empty());
}

/// `deep` is called by the copy of `validate`, `shallow` by what it is in.
#[test]
fn calls_out_of_an_inlined_copy_are_its_calls() {
    let before = "KEEP int deep(int n) { puts(\"deep\"); return n; } KEEP int shallow(int n) { puts(\"shallow\"); return n; }\n\
        static inline int step(int n) { return deep(n) + 1; }\n\
        __attribute__((always_inline)) static inline int validate(int x) { return step(x) * 2; }\n\
        KEEP int hello(int c) { return shallow(c) + validate(c); }\n";
    let rest = "int main(int c, char **v) { (void)v; return hello(c); }\n";
    let deep = report(&OPTIONS, before, &before.replace("\"deep\"", "\"depth\""), rest);
    assert_eq!(paths(&deep), [("deep", "validate", "validate deep".to_owned(), None)]);
    assert_eq!(deep.impact[0].callers, ["hello"], "a copy is no function by itself");
    let shallow = report(&OPTIONS, before, &before.replace("\"shallow\"", "\"level\""), rest);
    assert_eq!(paths(&shallow), []);
    // What calls a function with a copy calls the copy.
    let outer = format!("{before}KEEP int outer(int n) {{ puts(\"out\"); return hello(n) + 1; }}\n");
    let rest = rest.replace("hello", "outer");
    let outer = report(&OPTIONS, &outer, &outer.replace("\"out\"", "\"outer\""), &rest);
    assert_eq!(paths(&outer), [("outer", "validate", "outer hello validate".to_owned(), None)]);
}

#[test]
fn a_clone_is_what_it_was_made_from() {
    let before = "static __attribute__((noinline)) int validate(int *p, int k) { __asm__ volatile(\"\"); return *p + k; }\n\
        KEEP int hello(int c) { puts(\"x\"); return validate(&c, 3); }\n";
    let rest = "int main(int c, char **v) { (void)v; return hello(c); }\n";
    let found = report(&OPTIONS, before, &before.replace("\"x\"", "\"y\""), rest);
    assert!(found.critical[0].marked.starts_with("validate."), "no clone was made: {found:?}");
    assert!(found.unmatched.is_empty());
}

#[test]
fn hooks_and_new_functions_begin_paths_too() {
    let before =
        "KEEP int validate(int x) { return x < 10; }\nKEEP int greet(int c) { puts(\"hello\"); return c; }\n";
    let hook = "static KEEP int between(int n) { __asm__ volatile(\"\"); return validate(n) + 1; }\n\
        int suture_post_apply(void) { return between(3) > 5; }\n";
    let after = format!("{}{hook}", before.replace("\"hello\"", "\"hi\""));
    let rest = "int main(int c, char **v) { (void)v; return greet(c) + validate(c); }\n";
    let found = report(&OPTIONS, before, &after, rest);
    let between = ("between", "validate", "between validate".to_owned(), None);
    let hook = ("suture_post_apply", "validate", "suture_post_apply between validate".to_owned(), None);
    assert_eq!(paths(&found), [between, hook]);
}

/// Marks by file find a function by where it is written, wherever it was inlined.
#[test]
fn a_file_marks_what_is_written_in_it() {
    let program = |number: &str| {
        let rules = "static inline int decide(int n) { return n * 3 > 7; }\n";
        let main = format!(
            "#include <stdio.h>\n#include \"consensus/rules.h\"\n\
            __attribute__((noinline)) int hello(int c) {{ return puts(decide(c + {number}) ? \"a\" : \"b\"); }}\n\
            int main(int c, char **v) {{ (void)v; return hello(c); }}\n"
        );
        compile_all("gcc", &OPTIONS, &[("consensus/rules.h", rules), ("main.c", &main)])
    };
    let marks = "[critical]\nfiles = [\"consensus/*\"]\n";
    let report = compared(&program("1"), &program("2"), marks, &[]).report;
    assert_eq!(paths(&report), [("hello", "decide", "hello decide".to_owned(), None)]);
    assert!(report.unmatched.is_empty());
}

/// Where debug information is missing nobody can say what is inlined into the users of the data.
#[test]
fn what_is_inlined_is_unknown_without_debug_information() {
    let options: Vec<&str> = OPTIONS.into_iter().filter(|option| *option != "-g").collect();
    let before = "const int limits[4] = {1, 2, 3, 4};\n";
    let rest = format!("{VALIDATE}{MAIN}");
    let found = report(&options, before, &before.replace("3, 4}", "3, 9}"), &rest);
    assert_eq!(found.followed, [Way::Calls, Way::New, Way::Data]);
    assert_eq!(found.unseen().len(), 1);
    assert!(found.unseen()[0].starts_with("debug information is missing"), "{:?}", found.unseen());
}
