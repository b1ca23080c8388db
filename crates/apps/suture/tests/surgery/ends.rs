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
