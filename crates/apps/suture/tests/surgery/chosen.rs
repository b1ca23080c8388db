//! Functions that a program chooses when it starts (`STT_GNU_IFUNC`), of its own: by each compiler and linker, in each kind of
//! build, called and with their addresses taken, by old code and first by the fix.

use crate::support::{Pair, Target};

/// What the old code does with it.
const USES: [&str; 3] =
    ["-DCALLED=compute", "-DTAKEN=compute", "-DCALLED=compute -DTAKEN=compute -DLISTED=compute"];
/// What the fix does with it, and what the new code adds for 4 to what it is called with.
const FIXES: [(&str, u32); 4] = [
    ("-DFIX_CALLS", 7 + 1004),
    ("-DFIX_TAKES", 7 + 11_004),
    ("-DFIX_LISTS", 7 + 101_004),
    ("-DFIX_CALLS -DFIX_TAKES -DFIX_LISTS", 7 + 1004 + 11_004 + 101_004),
];

fn ask(target: &mut Target, work: u32) {
    assert_eq!(target.ask("4"), format!("2008 1004 1004 {work}"));
}

fn whole_story(compiler: &str, uses: &str, (fix, answer): (&str, u32)) {
    let pair = Pair::build("c/chosen.c", &format!("{compiler} {uses} {fix}"));
    let report = pair.diff();
    let changed: Vec<_> = report["changed"].as_array().unwrap().iter().map(|f| f["name"].clone()).collect();
    assert_eq!(changed, ["work"], "{compiler} {uses} {fix}: {report}");
    let mut target =
        if compiler.contains("-shared") { pair.start_host("c/chosen.c", "gcc -DHOST") } else { pair.start() };
    ask(&mut target, 12 + 1004);
    for (verb, is_new) in
        [(&["apply"][..], true), (&["toggle", "off"], false), (&["toggle", "on"], true), (&["revert"], false)]
    {
        let ran = pair.operate(verb, &target, &[]);
        assert_eq!(ran.outcome(), "done", "{compiler} {uses} {fix}: {ran:?}");
        ask(&mut target, if is_new { answer } else { 12 + 1004 });
    }
}

/// All that the fix may do, where the old code does all.
fn each_fix(compiler: &str) {
    for fix in FIXES {
        whole_story(compiler, USES[2], fix);
    }
}

/// The fix is the first to do what the old code does not.
fn each_use(compiler: &str) {
    for uses in USES {
        whole_story(compiler, uses, FIXES[3]);
    }
}

macro_rules! stories {
    ($($name:ident: $compiler:literal;)*) => {
        $(#[test] fn $name() {
            each_fix($compiler);
            each_use($compiler);
        })*
    };
}

stories! {
    gcc_o2: "gcc -O2";
    gcc_o0_fixed_address: "gcc -O0 -no-pie -fno-pie";
    gcc_static: "gcc -O1 -static";
    gcc_static_pie: "gcc -O2 -static-pie -fPIE";
    gcc_without_plt: "gcc -O2 -fno-plt -fcf-protection=full";
    gcc_lld: "gcc -O2 -fuse-ld=lld";
    gcc_static_lld: "gcc -O1 -static -fuse-ld=lld";
    gcc_fixed_address_lld: "gcc -O1 -no-pie -fno-pie -fuse-ld=lld";
    clang_o2: "clang -O2";
    clang_o0_lld: "clang -O0 -fuse-ld=lld";
    clang_fixed_address_lld: "clang -O2 -no-pie -fno-pie -fuse-ld=lld";
    clang_static_lld: "clang -O2 -static -fuse-ld=lld";
    clang_static_pie_lld: "clang -O2 -static-pie -fPIE -fuse-ld=lld";
    clang_without_plt_lld: "clang -O2 -fno-plt -fuse-ld=lld";
    gcc_lto: "gcc -O2 -flto";
}

/// Others may have another function of its name: the word that the loader fills is asked.
#[test]
fn in_a_library() {
    for compiler in
        ["gcc -O2 -shared -fPIC", "gcc -O2 -shared -fPIC -fno-plt", "clang -O2 -shared -fPIC -fuse-ld=lld"]
    {
        each_fix(compiler);
    }
}

/// Nobody has asked the resolver before: the surgery does.
#[test]
fn the_fix_is_the_first_to_use_it() {
    for compiler in
        ["gcc -O2", "gcc -O1 -static", "gcc -O2 -static-pie -fPIE", "clang -O2 -static -fuse-ld=lld"]
    {
        for fix in FIXES {
            whole_story(compiler, "", fix);
        }
    }
}

#[test]
fn the_fix_brings_it() {
    for compiler in [
        "gcc -O2",
        "gcc -O0 -no-pie -fno-pie",
        "gcc -O1 -static",
        "gcc -O2 -fno-plt -fcf-protection=full",
        "clang -O2 -fuse-ld=lld",
        "gcc -O2 -shared -fPIC",
    ] {
        for fix in FIXES {
            whole_story(compiler, "-DCOMES", fix);
        }
    }
}

/// Of the C library in a static program: the resolver and what it chooses among come with the fix.
#[test]
fn the_fix_is_the_first_to_use_one_of_the_c_library() {
    for compiler in
        ["gcc -O2 -static", "gcc -O1 -static-pie -fPIE", "clang -O2 -static -fuse-ld=lld", "gcc -O2"]
    {
        whole_story(compiler, USES[2], ("-DFIX_SPANS", 7 + 300));
    }
}

/// Nobody calls it by its name: the word that has it is one that stays as it is.
#[test]
fn it_is_only_in_a_table_before() {
    for compiler in ["gcc -O2", "gcc -O1 -static-pie -fPIE", "clang -O2 -static -fuse-ld=lld"] {
        whole_story(compiler, "-DLISTED=compute", FIXES[3]);
    }
}

#[test]
fn another_choice_is_refused_where_its_address_is_taken() {
    for compiler in ["gcc -O2 -static", "clang -O2 -static -fuse-ld=lld", "clang -O2 -fuse-ld=lld"] {
        let refused =
            Pair::build("c/chosen.c", &format!("{compiler} {} -DFIX_CHOOSES", USES[2])).try_diff(&[]);
        assert_eq!(refused.exit, Some(3), "{refused:?}");
        assert_eq!(refused.json["refusals"][0]["code"], "init-changed", "{compiler}: {}", refused.json);
    }
}
