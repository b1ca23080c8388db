//! Tables whose ends are taken, and beside which others have come: what the process does with them.

use crate::support::{Pair, Target};

const LAST: [i32; 8] = [100, 200, 300, 400, 500, 600, 700, 800];
const GROWN: [i32; 16] = [9, 8, 7, 6, 5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 1];

/// What `ends.c` answers to a number.
fn answer(x: i32, is_new: bool) -> String {
    let index = (x & 7) as usize;
    let up = x + 36 + if is_new { LAST[0] } else { 0 };
    let grown = GROWN[..if is_new { 16 } else { 8 }].iter().fold(x, |sum, n| 2 * sum + n);
    let mut back = (0..=x & 3).fold(x, |sum, n| 2 * sum + 8 - n);
    back += i32::from(is_new);
    let behind = LAST[(index + usize::from(is_new)) % 8];
    let work = if is_new {
        // A table of the fix counts how often it was asked for: here once for each number.
        let beside = (1..=8).rev().fold(x, |sum, n| 3 * sum + 1000 * n);
        (x + 360) + beside + (x + x + 1)
    } else {
        x * 3 + LAST[index]
    };
    let factors = if is_new { [1, 10, 100, 1000] } else { [1, 100, 1, 100] };
    let listed = factors.get(index).unwrap_or(&100) * (x % 8 + 1);
    format!("{} {up} {grown} {back} {behind} {listed} {work} 14", x + 36)
}

fn ask(target: &mut Target, is_new: bool) {
    for x in 0..8 {
        assert_eq!(target.ask(&x.to_string()), answer(x, is_new), "{x}");
    }
}

fn story(compiler: &str) {
    let pair = Pair::build("c/ends.c", compiler);
    let report = pair.diff();
    let changed: Vec<_> = report["changed"]
        .as_array()
        .unwrap()
        .iter()
        .map(|f| f["name"].as_str().unwrap().to_owned())
        .collect();
    for name in ["up", "up_grown", "back", "behind", "work"] {
        assert!(changed.iter().any(|other| other == name), "{name}: {report}");
    }
    assert!(!changed.iter().any(|name| name.starts_with("unchanged")), "{report}");
    let mut target = pair.start();
    ask(&mut target, false);
    for (verb, is_new) in
        [(&["apply"][..], true), (&["toggle", "off"], false), (&["revert"], false), (&["apply"], true)]
    {
        let ran = pair.operate(verb, &target, &[]);
        assert_eq!((ran.outcome(), ran.exit), ("done", Some(0)), "{verb:?}: {ran:?}");
        ask(&mut target, is_new);
    }
}

macro_rules! stories {
    ($($name:ident: $compiler:literal;)*) => {
        $(#[test] fn $name() { story($compiler); })*
    };
}

stories! {
    ends_gcc_o0: "gcc -O0";
    ends_gcc_o1: "gcc -O1";
    ends_gcc_o2: "gcc -O2";
    ends_gcc_o3: "gcc -O3";
    ends_gcc_o0_fixed_address: "gcc -O0 -no-pie -fno-pie";
    ends_gcc_o2_fixed_address: "gcc -O2 -no-pie -fno-pie";
    ends_gcc_o2_lto: "gcc -O2 -flto";
    ends_gcc_os_static: "gcc -Os -static";
    ends_clang_o0: "clang -O0";
    ends_clang_o2: "clang -O2";
    ends_clang_o2_fixed_address: "clang -O2 -no-pie -fno-pie";
    ends_clang_o2_lld: "clang -O2 -fuse-ld=lld";
}

/// What `tables.c` answers to a number from 0 to 7.
fn read(x: usize, is_new: bool) -> String {
    let (end, index) = (18 - x, x + 21);
    let names = [5, 4, 5, 4][x & 3];
    if is_new {
        let (last, limit, road) = (108 - x, 101 + x, [2, 4][x & 1]);
        format!("{} {} {} 312", last * 1000 + end, limit * 1000 + index, names * 1000 + road)
    } else {
        format!("{end} {index} {names} 312")
    }
}

/// Whoever only reads finds both neighbours, whichever of them was meant.
fn reading_story(compiler: &str) {
    let pair = Pair::build("c/tables.c", compiler);
    let report = pair.diff();
    let is_changed = |name: &str| report["changed"].as_array().unwrap().iter().any(|f| f["name"] == name);
    assert!(["from_end", "from_beginning", "named"].into_iter().all(is_changed), "{report}");
    assert!(!is_changed("sum"), "{report}");
    let mut target = pair.start();
    let ask = |target: &mut Target, is_new: bool| {
        for x in 0..8 {
            assert_eq!(target.ask(&x.to_string()), read(x, is_new), "{compiler}: {x}");
        }
    };
    ask(&mut target, false);
    for (verb, is_new) in
        [(&["apply"][..], true), (&["toggle", "off"], false), (&["revert"], false), (&["apply"], true)]
    {
        let ran = pair.operate(verb, &target, &[]);
        assert_eq!((ran.outcome(), ran.exit), ("done", Some(0)), "{verb:?}: {ran:?}");
        ask(&mut target, is_new);
    }
}

macro_rules! reading_stories {
    ($($name:ident: $compiler:literal;)*) => {
        $(#[test] fn $name() {
            for entry in ["short", "int", "char", "long"] {
                reading_story(&format!("{} -DENTRY={entry}", $compiler));
            }
        })*
    };
}

reading_stories! {
    tables_gcc_o0: "gcc -O0";
    tables_gcc_o2: "gcc -O2";
    tables_gcc_o2_fixed_address: "gcc -O2 -no-pie -fno-pie";
    tables_clang_o0: "clang -O0";
    tables_clang_o2: "clang -O2";
    tables_clang_o1_fixed_address: "clang -O1 -no-pie -fno-pie";
    tables_clang_o2_static: "clang -O2 -static";
}
