//! What the author of a patch decides, and what stands in tables alone, in a process.

use crate::support::{Pair, Target};

/// Goes through `apply`, `toggle off`, `toggle on`, `revert`; `ask` is told whether new code is on.
pub(crate) fn story(pair: &Pair, target: &mut Target, mut ask: impl FnMut(&mut Target, bool)) {
    ask(target, false);
    for (verb, is_new) in
        [(&["apply"][..], true), (&["toggle", "off"], false), (&["toggle", "on"], true), (&["revert"], false)]
    {
        let ran = pair.operate(verb, target, &[]);
        assert_eq!(ran.outcome(), "done", "{verb:?}: {ran:?}");
        ask(target, is_new);
    }
}

fn choices() -> Pair {
    let pair = Pair::build("c/choices.c", "gcc -O2");
    let refused = pair.try_diff(&["--ignore-symbol", "built"]);
    let codes: Vec<_> =
        refused.json["refusals"].as_array().unwrap().iter().map(|r| r["code"].clone()).collect();
    assert_eq!((codes, refused.exit), (vec!["initialiser-changed".into()], Some(3)), "{refused:?}");
    pair
}

/// The name says a date of the build, which is not looked at and stays what it is.
#[test]
fn a_live_value_is_kept_if_the_author_says_so() {
    let pair = choices();
    let ran = pair.try_diff(&["--ignore-symbol", "built", "--data", "limit=keep"]);
    assert_eq!(ran.exit, Some(0), "{ran:?}");
    assert_eq!(ran.json["data"][0]["action"], "keep", "{ran:?}");
    let mut target = pair.start();
    assert_eq!(target.ask("set 11"), "11");
    story(&pair, &mut target, |target, is_new| {
        assert_eq!(target.ask("1"), if is_new { "1101" } else { "12" });
        assert_eq!(target.ask("when"), "on monday");
    });
}

/// The live value comes back with the old code.
#[test]
fn a_live_value_is_overwritten_if_the_author_says_so() {
    let pair = choices();
    let ran = pair.try_diff(&["--ignore-symbol", "built", "--data", "limit=overwrite"]);
    assert_eq!(ran.exit, Some(0), "{ran:?}");
    let mut target = pair.start();
    assert_eq!(target.ask("set 11"), "11");
    story(&pair, &mut target, |target, is_new| {
        assert_eq!(target.ask("1"), if is_new { "2001" } else { "12" });
        assert_eq!(target.ask("when"), "on monday");
    });
}

/// A function whose code is the same catches something else: its exception table alone says so.
#[test]
fn what_a_function_catches_may_change_alone() {
    for compiler in ["g++ -O2", "g++ -O0 -no-pie -fno-pie", "clang++ -O2", "clang++ -O1 -fuse-ld=lld"] {
        let pair = Pair::build("cpp/catching.cpp", compiler);
        let report = pair.diff();
        let names: Vec<_> = report["changed"].as_array().unwrap().iter().map(|f| f["name"].clone()).collect();
        assert_eq!(names, ["inner(int)"], "{compiler}: {report}");
        let mut target = pair.start();
        story(&pair, &mut target, |target, is_new| {
            let answers = (target.ask("1"), target.ask("2"));
            let expected = if is_new { ("-1", "102") } else { ("101", "-1") };
            assert_eq!(answers, (expected.0.to_owned(), expected.1.to_owned()), "{compiler}");
        });
    }
}

/// A larger type is refused, unless the fix has a hook that makes room and its author says that it does.
#[test]
fn what_lives_is_converted_by_a_hook_if_the_author_says_so() {
    let pair = Pair::build("c/converted.c", "gcc -O2");
    let unhooked = Pair::build("c/converted.c", "gcc -O2 -DUNHOOKED");
    for (pair, choice) in
        [(&pair, &[][..]), (&pair, &["--type", "other=hooks"]), (&unhooked, &["--type", "peer=hooks"])]
    {
        let refused = pair.try_diff(choice);
        let refusals = refused.json["refusals"].as_array().unwrap();
        let told: Vec<_> = refusals.iter().map(|r| (&r["code"], &r["symbol"], &r["line"])).collect();
        let layout = (&"type-layout-changed".into(), &"peer".into(), &9.into());
        assert_eq!((told, refused.exit), (vec![layout], Some(3)), "{choice:?}: {refused:?}");
        let help = refusals[0]["help"].as_str().unwrap();
        assert!(help.contains("--type 'peer=hooks'") && help.contains("suture_pre_apply"), "{help}");
    }
    let ran = pair.try_diff(&["--type", "peer=hooks"]);
    assert_eq!(ran.exit, Some(0), "{ran:?}");
    assert!(ran.json["notes"].to_string().contains("type peer"), "{ran:?}");
    let (mut target, mut asked) = (pair.start(), 0);
    story(&pair, &mut target, |target, is_new| {
        if is_new {
            asked += 1;
        }
        for id in 0..2 {
            let port = 7000 + id;
            let answer = if is_new { port + 10_000 * asked } else { port };
            assert_eq!(target.ask(&format!("?{id}")), answer.to_string());
        }
        // The third is made anew by new code only: no hook runs again when the patch is switched on.
        if is_new {
            assert_eq!([target.ask("+5"), target.ask("?5"), target.ask("+2")], ["17005", "27005", "17002"]);
        } else {
            assert_eq!(target.ask("?2"), "7002");
        }
    });
}
