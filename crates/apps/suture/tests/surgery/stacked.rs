//! Patches on patches: the second uses what the first has brought, and nobody takes the first away under it.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

use crate::support::{FLAGS, Ran, Target, finish, root, run};

/// The builds of a program with 0, 1, … fixes, and the deltas between them, each on top of those before.
struct Stack {
    directory: TempDir,
    builds: Vec<PathBuf>,
    deltas: Vec<PathBuf>,
    reports: Vec<Value>,
}

impl Stack {
    fn build(compiler: &str, steps: usize) -> Self {
        Self::build_of("fixtures/c/stack.c", compiler, steps)
    }

    fn build_of(source: &str, compiler: &str, steps: usize) -> Self {
        let directory = TempDir::new().expect("a directory");
        let mut builds = Vec::new();
        for step in 0..=steps {
            let output = directory.path().join(format!("stack.{step}"));
            let mut words = compiler.split_whitespace();
            let mut command = Command::new(words.next().expect("a compiler"));
            command.args(words).args(FLAGS).arg(format!("-DSTEP={step}")).arg("-o").arg(&output);
            run(command.arg(root().join(source)));
            builds.push(output);
        }
        let mut stack = Self { directory, builds, deltas: Vec::new(), reports: Vec::new() };
        for step in 1..=steps {
            let on: Vec<PathBuf> = stack.deltas.clone();
            let delta = stack.directory.path().join(format!("{step}.delta"));
            let ran = stack.diff(step, &on, &delta);
            assert_eq!(ran.exit, Some(0), "{} {}", ran.json, ran.stderr);
            stack.reports.push(ran.json);
            stack.deltas.push(delta);
        }
        stack
    }

    fn diff(&self, step: usize, on: &[PathBuf], output: &Path) -> Ran {
        let mut command = self.suture();
        command.args(["diff", "--json", "--old"]).arg(&self.builds[0]).arg("--new").arg(&self.builds[step]);
        for delta in on {
            command.arg("--on").arg(delta);
        }
        finish(command.arg("-o").arg(output))
    }

    fn suture(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_suture"));
        command.env("SUTURE_STATE_DIR", self.directory.path().join("state"));
        command
    }

    fn command(&self, verb: &[&str], step: usize, target: &Target) -> Command {
        let mut command = self.suture();
        command.arg("--json").arg(verb[0]).arg(&self.deltas[step - 1]).args(&verb[1..]);
        command.args(["--pid", &target.pid().to_string()]);
        command
    }

    fn operate(&self, verb: &[&str], step: usize, target: &Target) -> Ran {
        finish(&mut self.command(verb, step, target))
    }

    fn id(&self, step: usize) -> &str {
        self.reports[step - 1]["id"].as_str().expect("an id")
    }

    fn names(&self, step: usize, list: &str) -> Vec<&str> {
        let list = self.reports[step - 1][list].as_array().expect("a list");
        let mut names: Vec<_> = list.iter().filter_map(|entry| entry["name"].as_str()).collect();
        names.sort_unstable();
        names
    }
}

/// What the program is asked, and how it answers with `steps` fixes when it has been asked `seen` times since
/// the first one.
fn check(target: &mut Target, steps: i32, seen: &mut i32) {
    *seen += i32::from(steps > 0);
    let expected = if steps == 0 { 500 } else { 1000 * steps + *seen };
    assert_eq!(target.ask("500"), expected.to_string(), "with {steps} fixes");
    assert_eq!(target.ask("late"), if steps >= 2 { "2" } else { "0" });
    let factors = ["2 3", "2 300", "20 300", "20 300"][steps as usize];
    assert_eq!(target.ask("factor"), factors, "with {steps} fixes");
}

fn story(compiler: &str) {
    let stack = Stack::build(compiler, 3);
    assert_eq!(stack.names(1, "changed"), ["answer", "limit", "top"]);
    assert_eq!(stack.names(1, "new"), ["largest_seen", "remember"]);
    assert_eq!(stack.names(2, "changed"), ["answer", "late"], "{}", stack.reports[1]);
    assert_eq!(stack.names(2, "new"), ["remember"]);
    assert_eq!(stack.names(2, "data"), ["factors"]);
    assert_eq!(stack.names(3, "changed"), ["answer"]);
    assert_eq!(stack.names(3, "new"), [""; 0]);
    let mut target = Target::start(Command::new(&stack.builds[0]));
    let mut seen = 0;
    check(&mut target, 0, &mut seen);
    for step in 1..=3 {
        let ran = stack.operate(&["apply"], step, &target);
        assert_eq!(ran.outcome(), "done", "{ran:?}");
        check(&mut target, step as i32, &mut seen);
    }
    assert_eq!(target.ask("top"), "101", "the first fix had 101, and the variable is still that one");
    for step in [1, 2] {
        for verb in [&["revert"][..], &["toggle", "off"]] {
            let ran = stack.operate(verb, step, &target);
            assert_eq!((ran.outcome(), ran.code(), ran.exit), ("refused", "order", Some(4)), "{ran:?}");
            let reason = ran.json["results"][0]["reason"].as_str().unwrap();
            let later = (step + 1..=3).rev().map(|step| reason.find(stack.id(step)));
            let places: Vec<_> = later.map(|place| place.expect("it names those above")).collect();
            assert!(places.is_sorted(), "newest first: {reason}");
            check(&mut target, 3, &mut seen);
        }
    }
    assert_eq!(stack.operate(&["toggle", "off"], 3, &target).outcome(), "done");
    check(&mut target, 2, &mut seen);
    assert_eq!(stack.operate(&["toggle", "on"], 3, &target).outcome(), "done");
    check(&mut target, 3, &mut seen);
    for step in (1..=3).rev() {
        assert_eq!(stack.operate(&["revert"], step, &target).outcome(), "done");
        check(&mut target, step as i32 - 1, &mut seen);
    }
    assert_eq!(target.ask("top"), "-1");
}

#[test]
fn patches_stand_on_patches_gcc_o2() {
    story("gcc -O2");
}

#[test]
fn patches_stand_on_patches_gcc_o0_fixed_address() {
    story("gcc -O0 -no-pie -fno-pie");
}

#[test]
fn patches_stand_on_patches_clang_lld() {
    story("clang -O2 -fuse-ld=lld");
}

/// What `neighbours.c` answers when it has been asked so many times before with the first fix.
fn neighbours(x: i32, steps: usize, asked: i32) -> String {
    if steps == 0 {
        return format!("{} {}", x + 1, x + 2);
    }
    let (limit, step) = (100 * (x + 1) + 100 * ((x + 1) % 8 + 1), 1000 * (x + 1) + 1000 * ((x + 1) % 8 + 1));
    let (odd, even) = (10 + 2 * asked, 20 + 4 * asked);
    let work = limit + step + (odd + 1) + (even + 2) + (odd + 2) + (even + 4) + 1;
    let (odd, even) = (odd + 2, even + 4);
    let other = if steps == 1 { 2 } else { 100 * (x + 1) + 8000 + 2 * odd + 2 * even };
    format!("{work} {}", x + other)
}

#[test]
fn neighbours_that_a_patch_has_brought_are_used_by_the_next() {
    for compiler in ["gcc -O0", "gcc -O2", "clang -O0", "clang -O2", "gcc -O1 -no-pie -fno-pie"] {
        let stack = Stack::build_of("fixtures/c/neighbours.c", compiler, 2);
        let mut target = Target::start(Command::new(&stack.builds[0]));
        let mut asked = 0;
        let mut ask = |target: &mut Target, steps: usize| {
            for x in 0..8 {
                assert_eq!(target.ask(&x.to_string()), neighbours(x, steps, asked), "{compiler}: {x}");
                asked += i32::from(steps > 0);
            }
        };
        ask(&mut target, 0);
        for step in 1..=2 {
            let ran = stack.operate(&["apply"], step, &target);
            assert_eq!(ran.outcome(), "done", "{compiler}: {ran:?}");
            ask(&mut target, step);
        }
        for step in [2, 1] {
            let ran = stack.operate(&["revert"], step, &target);
            assert_eq!(ran.outcome(), "done", "{compiler}: {ran:?}");
            ask(&mut target, step - 1);
        }
    }
}

#[test]
fn a_patch_is_not_applied_without_the_ones_below_it() {
    let stack = Stack::build("gcc -O2", 2);
    let mut target = Target::start(Command::new(&stack.builds[0]));
    let refused = |ran: &Ran, why: &str| {
        assert_eq!((ran.outcome(), ran.code(), ran.exit), ("refused", "order", Some(4)), "{ran:?}");
        assert!(ran.json["results"][0]["reason"].as_str().unwrap().contains(why), "{ran:?}");
    };
    refused(&stack.operate(&["apply"], 2, &target), "not applied");
    assert_eq!(stack.operate(&["apply"], 1, &target).outcome(), "done");
    assert_eq!(stack.operate(&["toggle", "off"], 1, &target).outcome(), "done");
    refused(&stack.operate(&["apply"], 2, &target), "switched off");
    check(&mut target, 0, &mut 0);
    assert_eq!(stack.operate(&["toggle", "on"], 1, &target).outcome(), "done");
    let alone = stack.directory.path().join("alone.delta");
    assert_eq!(stack.diff(2, &[], &alone).exit, Some(0));
    let mut command = stack.suture();
    command.args(["--json", "apply"]).arg(&alone).args(["--pid", &target.pid().to_string()]);
    let ran = finish(&mut command);
    refused(&ran, "not made on top of");
    refused(&ran, stack.id(1));
    check(&mut target, 1, &mut 0);
}

#[test]
fn what_can_not_stand_on_a_patch_is_refused() {
    let stack = Stack::build("gcc -O2", 2);
    let output = stack.directory.path().join("refused.delta");
    let codes = |ran: &Ran| -> Vec<String> {
        let refusals = ran.json["refusals"].as_array().unwrap();
        refusals
            .iter()
            .map(|refusal| {
                format!("{} {}", refusal["code"].as_str().unwrap(), refusal["symbol"].as_str().unwrap())
            })
            .collect()
    };
    let ran = stack.diff(1, &stack.deltas[..1], &output);
    assert_eq!((codes(&ran), ran.exit), (vec!["no-difference ".to_owned()], Some(3)));
    let ran = stack.diff(1, &stack.deltas, &output);
    assert_eq!((codes(&ran), ran.exit), (vec!["stack-mismatch late".to_owned()], Some(3)));
    let ran = stack.diff(2, &stack.deltas[1..], &output);
    assert_eq!((codes(&ran), ran.exit), (vec!["stack-mismatch ".to_owned()], Some(3)));
    assert!(!output.exists());

    let other = stack.directory.path().join("stack.other");
    let mut command = Command::new("gcc");
    command.args(["-O2", "-DSTEP=2", "-DOTHER"]).args(FLAGS).arg("-o").arg(&other);
    run(command.arg(root().join("fixtures/c/stack.c")));
    let mut command = stack.suture();
    command.args(["diff", "--json", "--old"]).arg(&stack.builds[0]).arg("--new").arg(&other);
    let ran = finish(command.arg("--on").arg(&stack.deltas[0]));
    assert_eq!((codes(&ran), ran.exit), (vec!["stack-mismatch seen".to_owned()], Some(3)));
}

/// Kills the surgeon behind each of its system calls in turn while it puts a patch on a patch or takes it off.
#[test]
fn a_surgeon_killed_on_a_stack_leaves_the_patch_below() {
    let stack = Stack::build("gcc -O2", 2);
    let mut target = Target::start(Command::new(&stack.builds[0]));
    assert_eq!(stack.operate(&["apply"], 1, &target).outcome(), "done");
    let mut seen = 0;
    for (prepare, verb) in [("revert", "apply"), ("apply", "revert")] {
        for number in 1.. {
            assert_eq!(stack.operate(&[prepare], 2, &target).exit, Some(0));
            let mut command = stack.command(&[verb], 2, &target);
            let killed = command.env("SUTURE_FAULT", format!("kill-after:{number}"));
            let finished = killed.output().expect("suture runs").status.code().is_some();
            seen += 1;
            let answer = target.ask("500").parse::<i32>().unwrap() - seen;
            assert!([1000, 2000].contains(&answer), "behind call {number} of {verb}: {answer}");
            for (verb, steps) in [("apply", 2), ("revert", 1)] {
                let ran = stack.operate(&[verb], 2, &target);
                assert_eq!(ran.exit, Some(0), "{verb} after a kill behind call {number}: {ran:?}");
                check(&mut target, steps, &mut seen);
            }
            if finished {
                assert!(number > 20, "{verb} made only {number} calls");
                break;
            }
        }
    }
}
