//! What the source of a fix gets from `hooks/`: fields that a structure lacks, for many threads at once, and in Rust the hooks.

use crate::support::{Pair, Target, compilation, root, run};

/// How often the peer that all threads of a storm ask for was asked for in it.
const STORM: u32 = 8 * 2000;

#[test]
fn a_structure_gets_a_shadow_variable() {
    for compiler in ["gcc -O2 -fno-inline-small-functions", "clang -O2", "gcc -O0"] {
        let pair = Pair::build("c/shadow.c", compiler);
        pair.diff();
        let mut target = pair.start();
        assert_eq!((target.ask("0"), target.ask("storm")), ("7".into(), "wrong 0".into()));
        assert_eq!(pair.operate(&["apply"], &target, &[]).outcome(), "done");
        assert_eq!(
            (target.ask("0"), target.ask("0"), target.ask("1")),
            ("701".into(), "702".into(), "801".into())
        );
        assert_eq!(target.ask("storm"), "wrong 0");
        assert_eq!(target.ask("0"), (703 + STORM).to_string());
        assert_eq!((target.ask("forget 0"), target.ask("0")), ("forgotten 7".into(), "701".into()));
        assert_eq!(pair.operate(&["revert"], &target, &[]).outcome(), "done");
        assert_eq!(target.ask("0"), "7");
        target.ask("break");
        let ran = pair.operate(&["apply"], &target, &[]);
        assert_eq!((ran.code(), pair.state(&target)), ("hook-refused", "none".into()), "{ran:?}");
    }
}

/// Projects that take every warning for an error can include it.
#[test]
fn the_header_compiles_without_warnings() {
    let directory = tempfile::tempdir().unwrap();
    let header = root().join("hooks/include/suture.h");
    let text = format!(
        "#include \"{}\"\nint suture_pre_apply(void) {{ return suture_shadow_get(\"\", 1, 2, 0) == NULL; }}\n",
        header.display()
    );
    for (compiler, name) in [
        ("gcc -std=c99", "fix.c"),
        ("gcc -std=c17", "fix.c"),
        ("clang", "fix.c"),
        ("g++", "fix.cc"),
        ("clang++", "fix.cc"),
    ] {
        let source = directory.path().join(name);
        std::fs::write(&source, &text).unwrap();
        let mut command = compilation(compiler, &directory.path().join("fix.o"), &source);
        run(command.args(["-c", "-O2", "-Wall", "-Wextra", "-Wpedantic", "-Werror"]));
    }
}

/// A program with the delta of a fix that has all four hooks.
fn hooked() -> (Pair, Target) {
    let hooks = ["pre_apply", "post_apply", "pre_revert", "post_revert"];
    let keep = hooks.map(|hook| format!("-C link-arg=-Wl,-u,suture_{hook}")).join(" ");
    let pair = Pair::build_rust("rust/hooked.rs", &format!("-C opt-level=2 {keep}"));
    pair.diff();
    let named = pair.inspect()["meta"]["hooks"].clone();
    assert!(hooks.iter().all(|hook| named[hook].is_u64()), "{named}");
    let mut target = pair.start();
    assert_eq!((target.ask("0"), target.ask("steps")), ("7".into(), "0".into()));
    (pair, target)
}

/// That the hook of this number stops an operation with this result, when these have run; and that all is as it was.
fn says_no(pair: &Pair, target: &mut Target, (hook, verb): (&str, &str), result: &str, steps: &str) {
    let state = pair.state(target);
    assert_eq!(target.ask(&format!("refuse {hook}")), hook);
    let ran = pair.operate(&[verb], target, &[]);
    assert_eq!((ran.outcome(), ran.code(), ran.exit), ("refused", "hook-refused", Some(4)), "{ran:?}");
    let reason = ran.json["results"][0]["reason"].as_str().unwrap();
    assert!(reason.ends_with(&format!(" returned {result}")), "{reason}");
    assert_eq!((target.ask("steps"), pair.state(target)), (steps.to_owned(), state), "{ran:?}");
    assert_eq!(target.ask("refuse 0"), "0");
}

/// Each hook notes its number and the version of the code that it meets.
#[test]
fn the_hooks_of_a_rust_fix_run_in_their_order_and_can_say_no() {
    let (pair, mut target) = hooked();
    says_no(&pair, &mut target, ("1", "apply"), "1", "11");
    says_no(&pair, &mut target, ("5", "apply"), "-1", "11");
    says_no(&pair, &mut target, ("2", "apply"), "2", "1122");
    assert_eq!(target.ask("0"), "7");
    assert_eq!(pair.operate(&["apply"], &target, &[]).outcome(), "done");
    assert_eq!((target.ask("steps"), target.ask("0")), ("1122".into(), "701".into()));
    assert_eq!(pair.operate(&["toggle", "off"], &target, &[]).outcome(), "done");
    assert_eq!(pair.operate(&["toggle", "on"], &target, &[]).outcome(), "done");
    assert_eq!((target.ask("steps"), target.ask("0")), ("0".into(), "702".into()));
    says_no(&pair, &mut target, ("3", "revert"), "3", "32");
    assert_eq!(target.ask("0"), "703");
    says_no(&pair, &mut target, ("4", "revert"), "4", "3241");
    assert_eq!(target.ask("0"), "704");
    assert_eq!(pair.operate(&["revert"], &target, &[]).outcome(), "done");
    assert_eq!((target.ask("steps"), target.ask("0")), ("3241".into(), "7".into()));
}

#[test]
fn threads_of_a_rust_program_make_and_free_shadow_variables_at_once() {
    let (pair, mut target) = hooked();
    assert_eq!(target.ask("storm"), "7 7");
    assert_eq!(pair.operate(&["apply"], &target, &[]).outcome(), "done");
    assert_eq!(
        (target.ask("0"), target.ask("1"), target.ask("live")),
        ("701".into(), "801".into(), "2".into())
    );
    assert_eq!((target.ask("storm"), target.ask("live")), ("701 701".into(), "2".into()));
    assert_eq!(target.ask("0"), (702 + STORM).to_string());
    assert_eq!((target.ask("forget 0"), target.ask("live")), ("forgotten 7".into(), "1".into()));
    assert_eq!((target.ask("forget 0"), target.ask("0")), ("forgotten 7".into(), "701".into()));
    assert_eq!(pair.operate(&["revert"], &target, &[]).outcome(), "done");
    assert_eq!((target.ask("0"), target.ask("storm")), ("7".into(), "7 7".into()));
}
