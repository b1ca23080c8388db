//! Variables that are gone, and new ones that may be what they were: what has been counted is not left behind unasked.

use crate::choices::story;
use crate::statics::codes;
use crate::support::{Pair, Ran, root};

/// The program with both its files.
fn build(compiler: &str, more: &str) -> Pair {
    let unit = root().join("fixtures/c/moved_unit.c");
    Pair::build("c/moved.c", &format!("{compiler} {more} {}", unit.display()))
}

fn build_rust(more: &str, options: &str) -> Pair {
    Pair::build_rust("rust/moved.rs", &format!("--check-cfg cfg(moved,more,fewer) --cfg {more} {options}"))
}

const RUSTC: [&str; 3] = ["-C opt-level=0", "-C opt-level=2", "-C opt-level=2 -C symbol-mangling-version=v0"];

fn is_in_doubt(ran: &Ran, name: &str) {
    assert_eq!(ran.exit, Some(3), "{ran:?}");
    assert_eq!(codes(ran), [format!("unresolved-reference {name}")], "{ran:?}");
}

/// A function used it, and uses the only one of its name and type: it is the same.
#[test]
fn what_has_moved_out_of_its_function_goes_on() {
    for compiler in ["gcc -O2", "gcc -O0", "clang -O2", "g++ -x c++ -O2"] {
        let pair = build(compiler, "-DMOVED");
        let report = pair.diff();
        assert_eq!(report["data"].as_array().unwrap().len(), 0, "{compiler}: {report}");
        let mut total = 0;
        story(&pair, &mut pair.start(), |target, _| {
            total += 5;
            assert_eq!(target.ask("5"), format!("{total} {total} 10"), "{compiler}");
        });
        assert_eq!(report["changed"][0]["name"].as_str().unwrap().split('(').next(), Some("tell"));
    }
}

#[test]
fn what_has_moved_to_another_module_goes_on() {
    for options in RUSTC {
        let pair = build_rust("moved", options);
        let report = pair.diff();
        assert_eq!(report["data"].as_array().unwrap().len(), 0, "{options}: {report}");
        let mut booked = 0;
        story(&pair, &mut pair.start(), |target, is_new| {
            booked += if is_new { 1000 } else { 2001 };
            let answer = target.ask("2001");
            assert_eq!(answer.split(' ').next(), Some(booked.to_string().as_str()), "{options}");
        });
    }
}

/// Another name, or another file whose functions had nothing to do with it.
#[test]
fn what_may_be_another_is_not_guessed() {
    for compiler in ["gcc -O2", "clang -O2", "gcc -O2 -flto", "g++ -x c++ -O0"] {
        is_in_doubt(&build(compiler, "-DRENAMED").try_diff(&[]), "sum");
        is_in_doubt(&build(compiler, "-DELSEWHERE").try_diff(&[]), "count");
    }
    for options in RUSTC {
        is_in_doubt(&build_rust("more", options).try_diff(&[]), "fixture::work::COUNT");
        let ran = build_rust("fewer", options).try_diff(&[]);
        assert_eq!(ran.exit, Some(3), "{options}: {ran:?}");
        assert!(
            codes(&ran).iter().all(|told| told.starts_with("tls-changed fixture::in_thread::SEEN")),
            "{ran:?}"
        );
    }
}

/// The author knows whether it is the same.
#[test]
fn the_author_says_whether_a_variable_is_another() {
    for (choice, is_kept) in [("sum=keep", true), ("sum=overwrite", false)] {
        let pair = build("gcc -O2", "-DRENAMED");
        let ran = pair.try_diff(&["--data", choice]);
        assert_eq!(ran.exit, Some(0), "{choice}: {ran:?}");
        let (mut all, mut brought) = (0, 0);
        story(&pair, &mut pair.start(), |target, is_new| {
            all += 5;
            let is_own = is_new && !is_kept;
            brought += if is_own { 5 } else { 0 };
            let expected = match (is_own, is_kept) {
                (true, _) => brought,
                (false, true) => all,
                (false, false) => all - brought,
            };
            let answer = target.ask("5");
            assert_eq!(answer.split(' ').nth(1), Some(expected.to_string().as_str()), "{choice}: {answer}");
        });
    }
}

/// Of several of one name that all begin anew none has to be told from the others.
#[test]
fn the_author_says_that_all_begin_anew() {
    for options in RUSTC {
        let pair = build_rust("more", options);
        let ran = pair.try_diff(&["--data", "fixture::work::COUNT=overwrite"]);
        assert_eq!(ran.exit, Some(0), "{options}: {ran:?}");
        let mut counted = [0, 0];
        story(&pair, &mut pair.start(), |target, is_new| {
            counted[usize::from(is_new)] += 2;
            let answer = target.ask("2");
            let expected = counted[usize::from(is_new)].to_string();
            assert_eq!(answer.split(' ').nth(1), Some(expected.as_str()), "{options}: {answer}");
        });
    }
}

/// One more, or one less, alone is in no doubt.
#[test]
fn a_variable_that_is_only_new_or_only_gone_is_no_doubt() {
    for compiler in ["gcc -O2", "clang -O0"] {
        let pair = build(compiler, "-DADDED");
        pair.diff();
        story(&pair, &mut pair.start(), |target, is_new| {
            assert_eq!(target.ask("2000").split(' ').nth(1) == Some("-1"), is_new, "{compiler}");
        });
        build(compiler, "-DDROPPED").diff();
    }
}
