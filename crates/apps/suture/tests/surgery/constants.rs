//! Constants that are changed where they stand: only if they are what the build has there.

use std::fs::File;
use std::os::unix::fs::FileExt as _;

use crate::libraries::go_through;
use crate::support::{Pair, Target};

fn ask(target: &mut Target, is_new: bool) {
    assert_eq!(target.ask("0"), "10 zero 7");
    let last = target.ask("3");
    if is_new {
        assert_eq!(last, "7", "it is said by what the table has now");
        assert_eq!(target.hear(), "41 four 2");
    } else {
        assert_eq!(last, "40 three 7");
    }
}

/// The memory of the target, and where its constants stand that the fix changes.
struct Constants {
    memory: File,
    places: Vec<u64>,
}

impl Constants {
    fn of(target: &mut Target) -> Self {
        let path = format!("/proc/{}/mem", target.pid());
        let memory = File::options().read(true).write(true).open(path).unwrap();
        let places = target.ask("where");
        let place = |text: &str| u64::from_str_radix(text.trim_start_matches("0x"), 16).unwrap();
        Self { memory, places: places.split(' ').map(place).collect() }
    }

    /// Changes each in turn, lets `check` look, and puts back what was there.
    fn each_changed(&self, mut check: impl FnMut()) {
        for place in &self.places {
            let mut byte = [0];
            self.memory.read_exact_at(&mut byte, *place).unwrap();
            self.memory.write_all_at(&[byte[0] ^ 0x40], *place).unwrap();
            check();
            self.memory.write_all_at(&byte, *place).unwrap();
        }
    }
}

fn whole_story(compiler: &str) {
    let pair = Pair::build("c/constants.c", compiler);
    let report = pair.diff();
    let mut target = pair.start();
    ask(&mut target, false);
    go_through(&pair, &mut target, |target, _, is_new| ask(target, is_new));
    assert_eq!(report["data"].as_array().unwrap().len(), 3, "{report}");
    let constants = Constants::of(&mut target);
    let refuse = |verb: &[&str]| {
        constants.each_changed(|| {
            let ran = pair.operate(verb, &target, &[]);
            assert_eq!((ran.code(), ran.exit), ("foreign-data", Some(4)), "{verb:?}: {ran:?}");
        });
    };
    refuse(&["apply"]);
    assert_eq!(pair.operate(&["apply", "--dark"], &target, &[]).outcome(), "done");
    refuse(&["toggle", "on"]);
    assert_eq!(pair.operate(&["toggle", "on"], &target, &[]).outcome(), "done");
    refuse(&["toggle", "off"]);
    refuse(&["revert"]);
    ask(&mut target, true);
    assert_eq!(pair.operate(&["revert"], &target, &[]).outcome(), "done");
    ask(&mut target, false);
}

macro_rules! stories {
    ($($name:ident: $compiler:literal;)*) => {
        $(#[test] fn $name() { whole_story($compiler); })*
    };
}

stories! {
    of_a_position_independent_program: "gcc -O2";
    of_a_program_at_a_fixed_address: "gcc -O2 -no-pie -fno-pie";
    of_a_static_program: "gcc -O2 -static";
    of_a_program_without_plt_lld: "clang -O2 -fPIE -pie -fno-plt -fuse-ld=lld";
    whose_addresses_the_loader_is_told_of_in_few_words: "clang -O2 -fPIE -pie -fuse-ld=lld -Wl,-z,pack-relative-relocs";
}

/// Which of the three constants are new.
fn which_are_new(target: &mut Target) -> [bool; 3] {
    let mut last = target.ask("3");
    let is_new = last == "7";
    if is_new {
        last = target.hear();
    }
    let words: Vec<&str> = last.split(' ').collect();
    assert!(["40", "41"].contains(&words[0]) && ["three", "four"].contains(&words[1]), "{last}");
    [words[0] == "41", words[1] == "four", is_new]
}

/// What is written in the process is not one write. A surgeon that is killed in between leaves constants of both sides, and the
/// process says so until the next has finished or undone it.
#[test]
fn a_surgeon_killed_among_constants_is_seen_and_followed() {
    /// How many of the last calls are tried: all that are made with the process stopped are among them.
    const LAST: usize = 60;
    let pair = Pair::build("c/constants.c", "gcc -O2");
    pair.diff();
    let mut mixed = 0;
    for (verb, next) in
        [("apply", [("apply", true), ("revert", false)]), ("revert", [("revert", false), ("apply", true)])]
    {
        let mut target = pair.start();
        let prepare = || pair.operate(&[next[1].0], &target, &[]);
        prepare();
        let is_enough = |number: &usize| {
            let is_enough = pair.operate_killed(&[verb], &target, *number);
            prepare();
            is_enough
        };
        let calls = (LAST..).step_by(20).find(is_enough).unwrap();
        for number in calls - LAST + 1..=calls {
            pair.operate_killed(&[verb], &target, number);
            let patch = pair.ps(&target)["patches"][0].clone();
            let new = which_are_new(&mut target);
            if patch["unfinished"] != true {
                assert_eq!(new, [patch["state"] == "on"; 3], "{verb} killed behind call {number}: {patch}");
            } else if new != [new[0]; 3] {
                mixed += 1;
            }
            for (verb, is_new) in next {
                let ran = pair.operate(&[verb], &target, &[]);
                assert_eq!(ran.exit, Some(0), "{verb} after a kill behind call {number}: {ran:?}");
                assert_ne!(pair.ps(&target)["patches"][0]["unfinished"], true);
                ask(&mut target, is_new);
            }
        }
    }
    assert!(mixed > 0, "the surgeon was never killed among the constants");
}
