//! All processes of a build at once: each has its own end.

use crate::busy::{INSIDE, OUTSIDE, server};
use crate::support::{LONG, Pair, Ran, Surgeon, Target, finish};
use crate::surroundings::{answers, assert_new, assert_old, own_build, until};

#[test]
fn every_process_of_a_build_is_patched_at_once() {
    let pair = own_build("c/answers.c");
    let mut stranger = answers().start();
    assert_old(&mut stranger);
    let mut targets: Vec<Target> = (0..6).map(|_| pair.start()).collect();
    for target in &mut targets {
        assert_old(target);
    }
    for (verb, check) in [("apply", assert_new as fn(&mut Target)), ("revert", assert_old)] {
        let ran = finish(pair.suture().args(["--json", verb]).arg(&pair.delta).arg("--all"));
        assert_eq!(ran.exit, Some(0), "{ran:?}");
        let rows = ran.json["results"].as_array().unwrap();
        for target in &mut targets {
            let row = rows.iter().find(|row| row["pid"] == target.pid()).expect("a row for each");
            assert_eq!(row["outcome"], "done", "{row}");
            check(target);
        }
        assert_eq!(rows.len(), targets.len());
        assert_old(&mut stranger);
    }
}

/// `suture VERB PATCH MORE --all`.
fn all(pair: &Pair, verb: &str, patch: &str, more: &[&str]) -> Ran {
    finish(pair.suture().args(["--json", verb, patch]).args(more).arg("--all"))
}

/// What became of each of the targets, and that nothing became of any other.
fn ends<const N: usize>(ran: &Ran, targets: [&Target; N]) -> [String; N] {
    let rows = ran.json["results"].as_array().unwrap();
    let of = |target: &Target| rows.iter().find(|row| row["pid"] == target.pid());
    assert_eq!(rows.len(), targets.iter().filter(|target| of(target).is_some()).count(), "{ran:?}");
    targets.map(|target| {
        let Some(row) = of(target) else { return "none".to_owned() };
        let word = |key: &str| row[key].as_str().map(str::to_owned);
        word("code").or_else(|| word("outcome")).expect("an outcome")
    })
}

#[test]
fn some_may_be_refused_while_others_are_done() {
    let pair = own_build("c/busy.c");
    let id = pair.inspect()["id"].as_str().expect("an id").to_owned();
    let (delta, beginning) = (pair.delta.to_str().unwrap(), &id[..8]);
    let (mut free, mut busy) = (pair.start(), pair.start());
    server(&busy, INSIDE);
    assert_eq!((free.ask("leave"), free.ask("5")), ("left".to_owned(), "6".to_owned()));
    server(&free, OUTSIDE);
    let both = |ran: &Ran, free: &Target, busy: &Target| (ends(ran, [free, busy]), ran.exit);
    let end = |free: &str, busy: &str, exit| ([free.to_owned(), busy.to_owned()], Some(exit));

    let ran = all(&pair, "apply", delta, &["--deadline", "0"]);
    assert_eq!(both(&ran, &free, &busy), end("done", "busy", 4), "{ran:?}");
    assert_eq!((free.ask("5"), pair.state(&busy)), ("1006".to_owned(), "none".to_owned()));
    // By its id a patch is looked for where it is, by its file where it could be.
    let ran = all(&pair, "toggle", beginning, &["off"]);
    assert_eq!(both(&ran, &free, &busy), end("done", "none", 0), "{ran:?}");
    assert_eq!(free.ask("5"), "6");
    let ran = all(&pair, "toggle", delta, &["on"]);
    assert_eq!(both(&ran, &free, &busy), end("done", "not-applied", 4), "{ran:?}");
    assert_eq!(free.ask("5"), "1006");

    assert_eq!(busy.ask("leave"), "left");
    let ran = all(&pair, "apply", delta, &[]);
    assert_eq!(both(&ran, &free, &busy), end("already", "done", 0), "{ran:?}");
    for (switch, answer) in [("off", "6"), ("on", "1006")] {
        let ran = all(&pair, "toggle", beginning, &[switch]);
        assert_eq!(both(&ran, &free, &busy), end("done", "done", 0), "{ran:?}");
        assert_eq!((free.ask("5"), busy.ask("5")), (answer.to_owned(), answer.to_owned()));
    }
    let ran = all(&pair, "revert", beginning, &[]);
    assert_eq!(both(&ran, &free, &busy), end("done", "done", 0), "{ran:?}");
    assert_eq!((free.ask("5"), busy.ask("5")), ("6".to_owned(), "6".to_owned()));
    let ran = all(&pair, "revert", beginning, &[]);
    // Where not even root may look into everybody, as in some containers, it may be with one of those.
    let exit = if ran.json["unexamined"] == 0 { 0 } else { 4 };
    assert_eq!(both(&ran, &free, &busy), end("none", "none", exit), "{ran:?}");
}

/// One that has to be waited for keeps no other waiting, neither one that was started before it nor one after.
#[test]
fn who_is_waited_for_keeps_nobody_waiting() {
    let pair = own_build("c/busy.c");
    let (mut before, mut busy, mut after) = (pair.start(), pair.start(), pair.start());
    for free in [&mut before, &mut after] {
        assert_eq!(free.ask("leave"), "left");
        server(free, OUTSIDE);
    }
    server(&busy, INSIDE);
    let mut command = pair.suture();
    command.args(["--json", "apply"]).arg(&pair.delta).arg("--all").args(LONG);
    let surgeon = Surgeon::start(&command);
    for free in [&mut before, &mut after] {
        until("the new code", || free.ask("5") == "1006");
        assert_eq!(pair.state(free), "on");
    }
    // The surgeon has not gone by it: it is still there to be let in.
    assert_ne!(pair.state(&busy), "on");
    assert_eq!(busy.ask("leave"), "left");
    assert_eq!(surgeon.outcome(), "done");
    assert_eq!(busy.ask("5"), "1006");
}
