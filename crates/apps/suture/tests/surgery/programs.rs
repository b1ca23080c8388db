//! Programs that use what C alone does not have, or that make the surgery hard.

use std::path::Path;

use crate::support::{Pair, Target, compilation, root, run};

/// Applies, checks with `new`, reverts, checks with `old`, twice.
fn back_and_forth(pair: &Pair, target: &mut Target, old: impl Fn(&mut Target), new: impl Fn(&mut Target)) {
    old(target);
    for _ in 0..2 {
        let ran = pair.operate(&["apply"], target, &[]);
        assert_eq!(ran.outcome(), "done", "{ran:?}");
        new(target);
        let ran = pair.operate(&["revert"], target, &[]);
        assert_eq!(ran.outcome(), "done", "{ran:?}");
        old(target);
    }
}

fn exceptions(compiler: &str) {
    let pair = Pair::build("cpp/exceptions.cpp", compiler);
    pair.diff();
    let mut target = pair.start();
    let old = |target: &mut Target| {
        assert_eq!(target.ask("5"), "105");
        assert_eq!(target.ask("15"), "115");
        assert!(target.ask("25").starts_with("error old 25 unwound "));
        assert_eq!(target.hear(), "-2");
        assert_eq!(target.ask("area"), "25");
        assert_eq!(target.ask("depth"), "1");
    };
    let new = |target: &mut Target| {
        assert_eq!(target.ask("5"), "106");
        for _ in 0..50 {
            assert!(target.ask("15").starts_with("failure new 16 unwound "));
            assert_eq!(target.hear(), "-3", "it is caught in a patched frame, by its type");
        }
        assert_eq!(target.ask("area"), "26");
        assert_eq!(target.ask("depth"), "2");
    };
    back_and_forth(&pair, &mut target, old, new);
}

#[test]
fn exceptions_pass_through_patched_frames_gcc_o2() {
    exceptions("g++ -O2");
}

#[test]
fn exceptions_pass_through_patched_frames_gcc_o0() {
    exceptions("g++ -O0");
}

/// It leaves branches to behind its functions.
#[test]
fn exceptions_pass_through_patched_frames_clang_o0() {
    exceptions("clang++ -O0");
}

#[test]
fn exceptions_pass_through_patched_frames_clang_o2_lld() {
    exceptions("clang++ -O2 -fuse-ld=lld");
}

/// The linker tells the names of constructors and destructors in the order in which they are used.
#[test]
fn exceptions_pass_through_patched_frames_clang_o3_static_pie_lld() {
    exceptions("clang++ -O3 -static-pie -fPIE -fuse-ld=lld");
}

#[test]
fn exceptions_pass_through_patched_frames_gcc_o2_fixed_address() {
    exceptions("g++ -O2 -no-pie -fno-pie");
}

#[test]
fn exceptions_pass_through_patched_frames_gcc_o3_hardened() {
    exceptions("g++ -O3 -fcf-protection=full -fstack-protector-all -D_FORTIFY_SOURCE=2 -fno-plt");
}

#[test]
fn exceptions_pass_through_patched_frames_clang_o2_thin_lto() {
    exceptions("clang++ -O2 -flto=thin -fuse-ld=lld");
}

/// The unwinder of libgcc and the C library in the program itself.
#[test]
fn exceptions_pass_through_patched_frames_static() {
    exceptions("g++ -O2 -static");
}

#[test]
fn exceptions_pass_through_patched_frames_static_pie() {
    exceptions("g++ -O2 -static-pie -fPIE");
}

/// Two unwinders in one process, each of which does a part.
#[test]
fn exceptions_pass_through_patched_frames_static_libgcc() {
    exceptions("g++ -O2 -static-libgcc");
}

#[test]
fn exceptions_pass_through_patched_frames_static_libraries_of_the_compiler() {
    exceptions("g++ -O2 -static-libgcc -static-libstdc++ -Wl,--gc-sections");
}

/// Exceptions thrown by old and by new code, and lost ones.
fn thrown(target: &mut Target) -> [u64; 3] {
    let told = target.ask("count");
    let numbers: Vec<u64> = told.split(' ').map(|number| number.parse().unwrap()).collect();
    numbers.try_into().unwrap()
}

/// Threads that throw again and again meet the surgeon in the unwinder, above a patched frame and between the two.
fn exceptions_meanwhile(compiler: &str) {
    let pair = Pair::build("cpp/throwing.cpp", compiler);
    pair.diff();
    let mut target = pair.start();
    for _ in 0..20 {
        for (verb, which) in [("apply", 1), ("revert", 0)] {
            let ran = pair.operate(&[verb], &target, &["--deadline", "60s"]);
            assert_eq!(ran.outcome(), "done", "{ran:?}");
            let before = thrown(&mut target);
            // Whoever had thrown before has caught by now, and throws again.
            let mut now = before;
            while now[which] < before[which] + 100 {
                now = thrown(&mut target);
            }
            let other = thrown(&mut target)[1 - which];
            assert!(
                other - before[1 - which] <= 4,
                "{verb}: {before:?}, {now:?}, then {other} of the other side"
            );
            assert_eq!(now[2], 0, "{verb}");
        }
    }
}

#[test]
fn exceptions_are_thrown_while_patches_come_and_go() {
    exceptions_meanwhile("g++ -O2");
}

#[test]
fn exceptions_are_thrown_while_patches_come_and_go_static() {
    exceptions_meanwhile("g++ -O2 -static");
}

fn indirect(compiler: &str) {
    let pair = Pair::build("c/indirect.c", compiler);
    pair.diff();
    let mut target = pair.start();
    assert_eq!(target.hear(), "ready");
    let old = |target: &mut Target| {
        assert_eq!(target.ask("5"), "1005");
        assert_eq!(target.ask("k5"), "1005 1");
    };
    let new = |target: &mut Target| {
        assert_eq!(target.ask("k5"), "1005 1");
        assert_eq!(target.ask("1"), "new 5 1 2002");
    };
    back_and_forth(&pair, &mut target, old, new);
}

#[test]
fn functions_that_are_chosen_at_the_start_are_called_gcc_o2() {
    indirect("gcc -O2");
}

#[test]
fn functions_that_are_chosen_at_the_start_are_called_gcc_static() {
    indirect("gcc -O2 -static");
}

#[test]
fn functions_that_are_chosen_at_the_start_are_called_gcc_static_pie() {
    indirect("gcc -O1 -static-pie -fPIE");
}

#[test]
fn functions_that_are_chosen_at_the_start_are_called_clang_no_pie() {
    indirect("clang -O2 -no-pie -fuse-ld=lld");
}

#[test]
fn another_choice_is_refused() {
    let refused = Pair::build("c/indirect.c", "gcc -O2 -DCHOOSE").try_diff(&[]);
    assert_eq!(refused.exit, Some(3), "{refused:?}");
    assert_eq!(refused.json["refusals"][0]["code"], "init-changed", "{}", refused.json);
}

/// The rare part of a function, a helper that is inlined in its callers, a function shorter than a jump with room behind it.
fn split(compiler: &str) {
    let pair = Pair::build("c/split.c", compiler);
    let report = pair.diff();
    let mut changed: Vec<_> =
        report["changed"].as_array().unwrap().iter().map(|f| f["name"].as_str().unwrap()).collect();
    changed.sort_unstable();
    // With one caller and one text clang takes the text into it.
    changed.retain(|name| *name != "complain");
    assert_eq!(changed, ["identity", "left", "right", "split"], "{report}");
    let has_part = pair.inspect().to_string().contains("split.cold");
    assert_eq!(has_part, compiler.starts_with("gcc"), "what is split off travels");
    let mut target = pair.start();
    let old = |target: &mut Target| {
        assert_eq!(target.ask("s3"), "15");
        assert_eq!(target.ask("s101"), "too much: 101");
        assert_eq!(target.hear(), "-1");
        assert_eq!(target.ask("i2"), "21 -5");
        assert_eq!(target.ask("n4"), "4 12");
    };
    let new = |target: &mut Target| {
        assert_eq!(target.ask("s3"), "21");
        assert_eq!(target.ask("s101"), "far too much: 101");
        assert_eq!(target.hear(), "by 1");
        assert_eq!(target.hear(), "-1");
        assert_eq!(target.ask("i2"), "25 -7");
        assert_eq!(target.ask("n4"), "5 12");
    };
    back_and_forth(&pair, &mut target, old, new);
}

#[test]
fn rare_parts_inlined_helpers_and_short_functions_gcc_o2() {
    split("gcc -O2");
}

#[test]
fn rare_parts_inlined_helpers_and_short_functions_gcc_o3() {
    split("gcc -O3 -fcf-protection=none -no-pie -fno-pie");
}

#[test]
fn rare_parts_inlined_helpers_and_short_functions_clang_o2() {
    split("clang -O2");
}

/// Functions that the compiler has made of others: the rest of one that is inlined in part, one whose parameters were taken apart, one for
/// a constant.
fn made_of_others(compiler: &str) {
    let pair = Pair::build("c/made.c", compiler);
    let made = |build: &Path| {
        let bytes = std::fs::read(build).unwrap();
        let build = suture_elf::Build::parse(&bytes).unwrap();
        let names = build.symbols().iter().map(|symbol| symbol.name);
        let stems = ["rest.", "taken.", "scaled."];
        let is_it = |name: &&str| stems.iter().any(|stem| name.starts_with(stem));
        let mut made: Vec<_> = names.filter(is_it).map(str::to_owned).collect();
        made.sort();
        made
    };
    assert_eq!(made(&pair.old), ["rest.part.0", "scaled.constprop.0", "taken.isra.0"]);
    assert_eq!(made(&pair.new), made(&pair.old));
    let report = pair.diff();
    let mut changed: Vec<_> =
        report["changed"].as_array().unwrap().iter().map(|f| f["symbol"].as_str().unwrap()).collect();
    changed.sort_unstable();
    assert_eq!(changed, ["rest.part.0", "scaled.constprop.0", "taken.isra.0"], "{report}");
    let mut target = pair.start();
    let old = |target: &mut Target| {
        assert_eq!([target.ask("r-4"), target.ask("r5")], ["0 1", "svybe 9 vybehk 11"]);
        assert_eq!([target.ask("t5"), target.ask("c5")], ["22", "57 69"]);
    };
    let new = |target: &mut Target| {
        assert_eq!([target.ask("r-4"), target.ask("r5")], ["0 1", "qxels 13 xelszg 15"]);
        assert_eq!([target.ask("t5"), target.ask("c5")], ["42", "53 65"]);
    };
    back_and_forth(&pair, &mut target, old, new);
}

#[test]
fn functions_that_the_compiler_has_made_of_others_gcc_o2() {
    made_of_others("gcc -O2");
}

#[test]
fn functions_that_the_compiler_has_made_of_others_gcc_o2_fixed_address() {
    made_of_others("gcc -O2 -no-pie -fno-pie -fcf-protection=none");
}

fn panics(options: &str) {
    panics_go_through(&Pair::build_rust("rust/panics.rs", options));
}

fn panics_go_through(pair: &Pair) {
    let report = pair.diff();
    let changed = report["changed"].as_array().unwrap().len();
    assert!((1..=12).contains(&changed), "{report}");
    let mut target = pair.start();
    let old = |target: &mut Target| {
        assert_eq!(target.ask("15"), "31");
        assert_eq!(target.ask("25"), "panic: 25 is above 20");
        assert_eq!(target.ask("speak"), "dog 7");
        assert_eq!(target.ask("trace"), "old true");
    };
    let new = |target: &mut Target| {
        assert_eq!(target.ask("5"), "13");
        for _ in 0..50 {
            assert_eq!(target.ask("15"), "new panic: 15 is above 10", "it is caught in a patched frame");
        }
        assert_eq!(target.ask("speak"), "fixed dog 7");
        assert_eq!(target.ask("trace"), "new true");
    };
    back_and_forth(pair, &mut target, old, new);
    // 6 calls of the old code and 102 of the new, each of which ran two destructors.
    let calls: u32 = target.ask("calls").parse().unwrap();
    assert_eq!(calls, 201 * (6 + 102), "the static is the one that the process had before");
}

#[test]
fn panics_pass_through_patched_frames() {
    panics("-C opt-level=2 -C codegen-units=16");
}

#[test]
fn panics_pass_through_patched_frames_not_optimised() {
    panics("-C opt-level=0");
}

#[test]
fn panics_pass_through_patched_frames_fixed_address() {
    panics("-C opt-level=1 -C relocation-model=static");
}

#[test]
fn panics_pass_through_patched_frames_one_unit() {
    panics("-C opt-level=3 -C codegen-units=1");
}

#[test]
fn panics_pass_through_patched_frames_thin_lto() {
    panics("-C opt-level=2 -C lto=thin -C codegen-units=16");
}

#[test]
fn panics_pass_through_patched_frames_fat_lto() {
    panics("-C opt-level=2 -C lto=fat");
}

#[test]
fn panics_pass_through_patched_frames_static() {
    panics("-C opt-level=2 -C target-feature=+crt-static -C link-arg=-Wl,--undefined=__register_frame_info");
}

#[test]
fn panics_pass_through_patched_frames_lld() {
    let pair = Pair::build_rust("rust/panics.rs", "-C opt-level=2 -C link-arg=-fuse-ld=lld");
    assert!(is_linked_by_lld(&pair));
    panics_go_through(&pair);
}

/// The compiler asks for another linker by itself.
#[test]
fn panics_pass_through_patched_frames_gnu_ld() {
    for options in ["-C opt-level=2 -C codegen-units=16", "-C opt-level=3 -C relocation-model=static"] {
        let pair = Pair::build_rust("rust/panics.rs", &format!("{options} -C link-arg=-fuse-ld=bfd"));
        assert!(!is_linked_by_lld(&pair));
        panics_go_through(&pair);
    }
}

fn is_linked_by_lld(pair: &Pair) -> bool {
    const TELLS: &[u8] = b"Linker: LLD";
    std::fs::read(&pair.old).unwrap().windows(TELLS.len()).any(|bytes| bytes == TELLS)
}

#[test]
fn panics_pass_through_patched_frames_v0_names() {
    panics("-C opt-level=2 -C symbol-mangling-version=v0");
}

#[test]
fn hooks_run_and_can_say_no() {
    let pair = Pair::build("c/hooks.c", "gcc -O2");
    pair.diff();
    let mut target = pair.start();
    for (refused, verb, answer) in [("1", "apply", "5"), ("2", "apply", "5")] {
        target.ask(&format!("refuse {refused}"));
        let ran = pair.operate(&[verb], &target, &[]);
        assert_eq!((ran.outcome(), ran.code(), ran.exit), ("refused", "hook-refused", Some(4)), "{ran:?}");
        assert_eq!(target.ask("5"), answer);
        assert_eq!(pair.state(&target), "none");
    }
    target.ask("refuse 0");
    assert_eq!(pair.operate(&["apply"], &target, &[]).outcome(), "done");
    assert_eq!((target.ask("5"), target.ask("hooks")), ("1005".into(), "3".into()));
    for refused in ["4", "8"] {
        target.ask(&format!("refuse {refused}"));
        let ran = pair.operate(&["revert"], &target, &[]);
        assert_eq!(ran.code(), "hook-refused", "{ran:?}");
        assert_eq!((target.ask("5"), pair.state(&target)), ("1005".into(), "on".into()));
    }
    target.ask("refuse 0");
    assert_eq!(pair.operate(&["revert"], &target, &[]).outcome(), "done");
    assert_eq!((target.ask("5"), target.ask("hooks")), ("5".into(), "15".into()));
}

#[test]
fn threads_that_come_and_go_and_signals_are_no_hindrance() {
    let pair = Pair::build("c/churn.c", "gcc -O2");
    pair.diff();
    let mut target = pair.start();
    let before: i64 = target.ask("rounds").parse().unwrap();
    for _ in 0..40 {
        for (verb, answer) in [(&["apply"][..], "52"), (&["revert"], "51")] {
            let ran = pair.operate(verb, &target, &["--deadline", "60s"]);
            assert_eq!(ran.outcome(), "done", "{ran:?}");
            assert_eq!(target.ask("5"), answer);
        }
    }
    assert!(target.ask("rounds").parse::<i64>().unwrap() > before, "the program has stopped working");
}

/// As the refusal of a direct use tells to write it.
#[test]
fn objects_of_the_library_can_be_new_if_they_are_looked_for() {
    let directory = tempfile::tempdir().unwrap();
    let elsewhere = |compiler: &str| {
        let own = directory.path().join("own.o");
        let source = root().join("fixtures/c/objects.c");
        run(compilation(compiler, &own, &source).args(["-c", "-g", "-DOWN", "-fPIC", "-ffunction-sections"]));
        // What nobody calls in the old build is not in it.
        format!("{compiler} -no-pie -fno-pie -DELSEWHERE -Wl,--gc-sections {}", own.display())
    };
    for compiler in [
        "gcc -O2 -DWEAK".to_owned(),
        "gcc -O0 -DWEAK -Wl,-z,now".to_owned(),
        "clang -O2 -fPIE -pie -DWEAK -fuse-ld=lld".to_owned(),
        elsewhere("gcc -O2"),
        elsewhere("clang -O1"),
    ] {
        let pair = Pair::build("c/objects.c", &compiler);
        pair.diff();
        let mut target = pair.start();
        back_and_forth(
            &pair,
            &mut target,
            |target| assert_eq!(target.ask("5"), "5", "{compiler}"),
            |target| assert_eq!(target.ask("5"), "21005", "{compiler}"),
        );
    }
    for compiler in ["gcc -O2", "gcc -O2 -no-pie -fno-pie"] {
        let refused = Pair::build("c/objects.c", compiler).try_diff(&[]);
        let refusal = &refused.json["refusals"][0];
        assert_eq!((refused.exit, &refusal["code"]), (Some(3), &"unresolved-reference".into()), "{refusal}");
    }
}

#[test]
fn functions_that_the_library_chooses_at_run_time_can_be_new() {
    for compiler in
        ["gcc -O1 -fno-builtin", "gcc -O1 -fno-builtin -no-pie -fno-pie", "gcc -O1 -fno-builtin -fno-plt"]
    {
        let pair = Pair::build("c/imports.c", compiler);
        pair.diff();
        let mut target = pair.start();
        assert_eq!(target.ask("5"), "5");
        for _ in 0..3 {
            assert_eq!(pair.operate(&["apply"], &target, &[]).outcome(), "done");
            assert_eq!(target.ask("5"), "2016");
            assert_eq!(pair.operate(&["revert"], &target, &[]).outcome(), "done");
            assert_eq!(target.ask("5"), "5");
        }
    }
}
