//! What the old code has left in the process and the new would take for something else: pointers into constants and functions, values
//! under another form. Each is refused; what nobody has kept a pointer to is not.

use crate::statics::codes;
use crate::support::{Pair, Target};

#[test]
fn what_is_kept_and_would_be_another_thing_is_refused() {
    for (options, told) in [
        ("gcc -O2 -DGROWN", "constant-grown prices"),
        ("clang -O1 -DGROWN", "constant-grown prices"),
        ("gcc -O0 -DGROWN", "constant-grown prices"),
        ("gcc -O2 -DMOVED", "initialiser-changed commands"),
        ("clang -O2 -DMOVED", "initialiser-changed commands"),
        ("gcc -O2 -DLABELS", "unresolved-reference coroutine"),
        ("gcc -O1 -no-pie -DLABELS", "unresolved-reference coroutine"),
        ("gcc -O2 -DNUMBERS", "type-layout-changed enum { IDLE, … }"),
        ("clang -O2 -DNUMBERS", "type-layout-changed enum { IDLE, … }"),
        ("gcc -O2 -DTHREAD", "type-layout-changed float"),
        ("clang -O2 -DSHRUNK", "type-layout-changed mode"),
        ("clang -O2 -fuse-ld=lld -Wl,--icf=all -DFOLDED", "unresolved-reference doubled"),
        ("gcc -O2 -DRENAMED", "unresolved-reference on_message"),
    ] {
        let ran = Pair::build("c/kept.c", options).try_diff(&[]);
        assert_eq!((codes(&ran), ran.exit), (vec![told.to_owned()], Some(3)), "{options}: {ran:?}");
    }
}

#[test]
fn a_variable_that_would_have_to_stand_elsewhere_is_refused() {
    let ran = Pair::build("c/kept.c", "clang -O1 -DALIGNED").try_diff(&[]);
    let told = codes(&ran);
    assert_eq!(ran.exit, Some(3), "{ran:?}");
    assert!(
        !told.is_empty() && told.iter().all(|one| one.starts_with("unresolved-reference sums")),
        "{told:?}"
    );
}

/// A table that code only reads grows, a limit is raised, and a function with a table of its own labels changes.
fn what_nobody_keeps_changes(compiler: &str) {
    let pair = Pair::build("c/kept.c", &format!("{compiler} -DREAD -DRAISED -DJUMPS"));
    pair.diff();
    let mut target = pair.start();
    let ask = |target: &mut Target, word: &str| {
        let answer = target.ask(word);
        let values: Vec<i64> = answer.split(' ').map(|value| value.parse().unwrap()).collect();
        // The limit, the price, the jump.
        [values[1], values[2], values[4]]
    };
    let old = |target: &mut Target| {
        assert_eq!([ask(target, "4"), ask(target, "11")], [[4, -1, 8], [9, -1, 33]]);
    };
    let new = |target: &mut Target| {
        assert_eq!([ask(target, "4"), ask(target, "11")], [[4, 50, 108], [11, -1, 133]]);
    };
    old(&mut target);
    for (verb, is_new) in
        [(&["apply"][..], true), (&["toggle", "off"], false), (&["toggle", "on"], true), (&["revert"], false)]
    {
        assert_eq!(pair.operate(verb, &target, &[]).outcome(), "done");
        if is_new { new(&mut target) } else { old(&mut target) }
    }
}

#[test]
fn what_nobody_keeps_a_pointer_to_changes() {
    what_nobody_keeps_changes("gcc -O2");
}

#[test]
fn what_nobody_keeps_a_pointer_to_changes_not_optimised() {
    what_nobody_keeps_changes("clang -O0");
}
