//! What is easily taken for something else, or for the same as before: static variables that compilers number, tables of methods and
//! variants of Rust, instances of one generic, a bound beside the numbers of lines, what code initialises.

use std::process::Command;

use crate::support::{Pair, Ran, Target, compilation, root, run};

/// What each variable holds.
#[derive(Default)]
struct Account([u64; 5]);

impl Account {
    fn ask(&mut self, target: &mut Target) {
        for (value, more) in self.0.iter_mut().zip([1, 100, 1, 2000, 1]) {
            *value += more;
        }
        let values: Vec<_> = self.0.iter().map(u64::to_string).collect();
        assert_eq!(target.ask("all"), values.join(" "), "each function goes on with its own variable");
    }
}

/// The second file of the program, compiled.
fn unit(directory: &std::path::Path, compiler: &str) -> String {
    let object = directory.join("unit.o");
    let source = root().join("fixtures/c/statics.c");
    let flags = ["-g", "-ffunction-sections", "-fdata-sections", "-DUNIT", "-c"];
    run(compilation(compiler, &object, &source).args(flags));
    object.to_string_lossy().into_owned()
}

fn each_keeps_its_own(compiler: &str) {
    let directory = tempfile::tempdir().unwrap();
    let pair = Pair::build("c/statics.c", &format!("{compiler} {}", unit(directory.path(), compiler)));
    let report = pair.diff();
    let names: Vec<_> = report["changed"].as_array().unwrap().iter().map(|f| f["name"].clone()).collect();
    let is_touched = |name: &&str| names.iter().any(|changed| changed == name);
    let others: Vec<_> =
        ["first", "second", "blocks", "of_unit", "tell"].into_iter().filter(is_touched).collect();
    assert!(others.is_empty(), "{others:?} changed: {report}");
    assert_eq!(report["data"].as_array().unwrap().len(), 2, "{report}");
    let (mut target, mut account) = (pair.start(), Account::default());
    for _ in 0..3 {
        account.ask(&mut target);
    }
    let mut brought = 0;
    for (verb, is_new) in
        [(&["apply"][..], true), (&["toggle", "off"], false), (&["toggle", "on"], true), (&["revert"], false)]
    {
        assert_eq!(pair.operate(verb, &target, &[]).outcome(), "done");
        account.ask(&mut target);
        brought += if is_new { 100_010 } else { 0 };
        assert_eq!(target.ask("1"), if is_new { brought.to_string() } else { "1".to_owned() });
    }
}

macro_rules! stories {
    ($($name:ident: $compiler:literal;)*) => {
        $(#[test] fn $name() { each_keeps_its_own($compiler); })*
    };
}

stories! {
    numbered_by_gcc: "gcc -O2";
    numbered_by_gcc_unoptimised: "gcc -O0";
    numbered_by_gcc_at_a_fixed_address: "gcc -O1 -no-pie -fno-pie";
    numbered_by_gcc_lto: "gcc -O2 -flto";
    numbered_by_clang: "clang -O2";
    numbered_by_clang_thin_lto: "clang -O2 -flto=thin -fuse-ld=lld";
    numbered_by_clang_lto: "clang -O1 -flto -fuse-ld=lld";
}

fn codes(ran: &Ran) -> Vec<String> {
    let told = |refusal: &serde_json::Value| {
        format!("{} {}", refusal["code"].as_str().unwrap(), refusal["symbol"].as_str().unwrap())
    };
    ran.json["refusals"].as_array().unwrap().iter().map(told).collect()
}

#[test]
fn which_of_three_was_one_of_two_is_not_guessed() {
    for compiler in ["gcc -O2 -DMORE", "clang -O2 -DMORE"] {
        let directory = tempfile::tempdir().unwrap();
        let pair = Pair::build("c/statics.c", &format!("gcc -O2 {}", unit(directory.path(), "gcc -O2")));
        let mut command = Command::new(compiler.split(' ').next().unwrap());
        command.args(compiler.split(' ').skip(1)).args(crate::support::FLAGS).arg("-DFIX");
        command.arg(directory.path().join("unit.o")).arg(root().join("fixtures/c/statics.c"));
        run(command.arg("-o").arg(&pair.new));
        if compiler.starts_with("clang") {
            let mut command = Command::new("clang");
            command.args(["-O2"]).args(crate::support::FLAGS).arg(directory.path().join("unit.o"));
            run(command.arg(root().join("fixtures/c/statics.c")).arg("-o").arg(&pair.old));
        }
        let ran = pair.try_diff(&[]);
        assert_eq!(ran.exit, Some(3), "{compiler}: {ran:?}");
        assert!(
            codes(&ran).contains(&"unresolved-reference blocks::calls".to_owned()),
            "{compiler}: {ran:?}"
        );
    }
}

fn methods(more: &str) -> Pair {
    Pair::build_rust(
        "rust/methods.rs",
        &format!("--check-cfg cfg(order,own,body,variants) -C codegen-units=4 --cfg {more}"),
    )
}

/// Live objects have the old table: what a changed caller finds there is another method.
#[test]
fn another_table_of_methods_is_refused() {
    for more in ["order", "own"] {
        for optimised in ["-C opt-level=0", "-C opt-level=3"] {
            let ran = methods(&format!("{more} {optimised}")).try_diff(&[]);
            assert_eq!(ran.exit, Some(3), "{more} {optimised}: {ran:?}");
            let table = "vtable-changed <fixture::Cat as fixture::Speak>::{vtable}".to_owned();
            assert!(codes(&ran).contains(&table), "{more} {optimised}: {ran:?}");
        }
    }
}

#[test]
fn another_method_in_the_same_table_is_called() {
    for optimised in ["-C opt-level=0", "-C opt-level=3"] {
        let pair = methods(&format!("body {optimised}"));
        pair.diff();
        let mut target = pair.start();
        assert_eq!((target.ask("1"), target.ask("2")), ("was 7 154 161".into(), "was 3 2000 2003".into()));
        assert_eq!(pair.operate(&["apply"], &target, &[]).outcome(), "done");
        assert_eq!((target.ask("1"), target.ask("2")), ("now 7 154 161".into(), "now 8 2000 2008".into()));
        assert_eq!(pair.operate(&["revert"], &target, &[]).outcome(), "done");
        assert_eq!((target.ask("1"), target.ask("2")), ("was 7 154 161".into(), "was 3 2000 2003".into()));
    }
}

/// Live values have the number of the other variant.
#[test]
fn another_order_of_variants_is_refused() {
    let ran = methods("variants -C opt-level=2").try_diff(&[]);
    assert_eq!(ran.exit, Some(3), "{ran:?}");
    assert_eq!(codes(&ran), ["type-layout-changed fixture::Mood"], "{ran:?}");
}

/// Live pointers to an instance call its new code, and not that of one that is as long as it was.
#[test]
fn instances_stay_what_they_are() {
    for options in ["-C opt-level=0", "-C opt-level=2", "-C opt-level=2 -C symbol-mangling-version=v0"] {
        let pair = Pair::build_rust("rust/instances.rs", options);
        pair.diff();
        let mut target = pair.start();
        let ask = |target: &mut Target, answers: [&str; 3]| {
            assert_eq!(["6", "5", "501"].map(|line| target.ask(line)), answers, "{options}");
        };
        let (old, new) =
            (["was add 7", "was mix 155", "apple 10 3"], ["now add 7", "now mix 155", "apple 25 3"]);
        ask(&mut target, old);
        for (verb, answers) in [("apply", new), ("revert", old)] {
            let ran = pair.operate(&[verb], &target, &[]);
            assert_eq!(ran.outcome(), "done", "{options}: {ran:?}");
            ask(&mut target, answers);
        }
    }
}

/// A bound is not taken for the number of a line that has moved as far, and what was a constant can be written to.
#[test]
fn a_bound_is_no_line_and_a_constant_becomes_a_variable() {
    for compiler in ["gcc -O2", "clang -O2", "gcc -O0"] {
        let pair = Pair::build("c/limits.c", compiler);
        pair.diff();
        let mut target = pair.start();
        assert_eq!((target.ask("long 16"), target.ask("1")), ("0".into(), "31".into()));
        assert_eq!(pair.operate(&["apply"], &target, &[]).outcome(), "done");
        assert_eq!((target.ask("long 16"), target.ask("long 15")), ("1".into(), "0".into()), "{compiler}");
        assert_eq!((target.ask("1"), target.ask("1")), ("32".into(), "33".into()), "{compiler}");
        assert_eq!(pair.operate(&["revert"], &target, &[]).outcome(), "done");
        assert_eq!((target.ask("long 16"), target.ask("1")), ("0".into(), "31".into()), "{compiler}");
    }
}

/// What is initialised by code, at start or when it is first used.
#[test]
fn what_code_initialises_is_not_initialised_again() {
    for compiler in ["g++ -O0", "g++ -O2", "clang++ -O0", "clang++ -O2"] {
        for (more, code) in [("", "init-changed"), ("-DGUARD", "initialiser-changed")] {
            let ran = Pair::build("cpp/first_use.cpp", &format!("{compiler} {more}")).try_diff(&[]);
            assert_eq!(ran.exit, Some(3), "{compiler} {more}: {ran:?}");
            let is_it = |told: &String| told.starts_with(code);
            assert!(codes(&ran).iter().any(is_it), "{compiler} {more}: {ran:?}");
        }
    }
}

/// Behind the first text of a list, and between numbers, all counts.
#[test]
fn lists_of_texts_and_tables_of_numbers_are_whole() {
    for compiler in ["gcc -O2", "clang -O2", "gcc -O0", "clang -O1 -fuse-ld=lld"] {
        let pair = Pair::build("c/lists.c", compiler);
        pair.diff();
        let mut target = pair.start();
        let old = ("1", "1", "0", "5 0 0 7 3 9 2 2");
        let new = ("1", "0", "1", "5 7 0 0 3 9 2 2");
        let check = |target: &mut Target, (get, put, say, prices): (&str, &str, &str, &str)| {
            let answers = ["get", "put", "say", "prices"].map(|line| target.ask(line));
            assert_eq!(answers, [get, put, say, prices], "{compiler}");
        };
        check(&mut target, old);
        assert_eq!(pair.operate(&["apply"], &target, &[]).outcome(), "done");
        check(&mut target, new);
        assert_eq!(pair.operate(&["revert"], &target, &[]).outcome(), "done");
        check(&mut target, old);
    }
}

#[test]
fn what_lives_and_would_be_another_thing_is_refused() {
    for (more, told) in [
        ("-DSET", "unresolved-reference c_drop"),
        ("-DTYPE", "type-layout-changed float"),
        ("-DLAYOUT -fdebug-types-section", "type-layout-changed state"),
        ("-DLAYOUT", "type-layout-changed state"),
    ] {
        let ran = Pair::build("c/lists.c", &format!("gcc -O2 {more}")).try_diff(&[]);
        assert_eq!((codes(&ran), ran.exit), (vec![told.to_owned()], Some(3)), "{more}: {ran:?}");
    }
}
