//! Thread-local variables in all four models, and with descriptors: the new code counts on where the old one was, in
//! each thread.

use crate::support::{Pair, Target, finish, root};

/// What one thread has counted, as `tls.c` does.
struct Thread {
    letter: char,
    counted: i64,
    rare: i64,
}

impl Thread {
    fn new(letter: char) -> Self {
        Self { letter, counted: 0, rare: 8 }
    }

    fn work(&mut self, target: &mut Target, is_fixed: bool) {
        self.counted += 1;
        let mut expected = (10 + self.counted) * 1_000_000 + 2 * self.counted * 10_000 + 1000 - self.counted;
        if is_fixed {
            self.rare += 1;
            expected += 1_000_000_000 + self.rare;
        }
        assert_eq!(target.ask(&format!("{}w", self.letter)), expected.to_string(), "fixed: {is_fixed}");
    }

    fn rare(&mut self, target: &mut Target) {
        self.rare += 100;
        assert_eq!(target.ask(&format!("{}r", self.letter)), self.rare.to_string());
    }
}

fn counts_on(pair: &Pair, mut target: Target) {
    let report = pair.diff();
    assert_eq!(report["changed"][0]["name"], "tls_work", "{report}");
    let mut threads = [Thread::new('m'), Thread::new('o')];
    for (verb, is_fixed) in [("", false), ("apply", true), ("revert", false), ("apply", true)] {
        if !verb.is_empty() {
            let ran = pair.operate(&[verb], &target, &[]);
            assert_eq!(ran.outcome(), "done", "{ran:?}");
        }
        for thread in [0, 1, 1, 0, 1] {
            threads[thread].work(&mut target, is_fixed);
            threads[thread].rare(&mut target);
        }
    }
}

const HOST: (&str, &str) = ("c/tls_host.c", "gcc -O2 -pthread");

fn in_a_library(compiler: &str) {
    let pair = Pair::build("c/tls.c", &format!("{compiler} -shared -fPIC"));
    let target = pair.start_host(HOST.0, HOST.1);
    counts_on(&pair, target);
}

fn in_a_program(compiler: &str) {
    let host = root().join("fixtures/c/tls_host.c");
    let pair = Pair::build("c/tls.c", &format!("{compiler} {}", host.display()));
    let target = pair.start();
    counts_on(&pair, target);
}

#[test]
fn global_dynamic() {
    in_a_library("gcc -O2 -ftls-model=global-dynamic");
}

#[test]
fn local_dynamic() {
    in_a_library("gcc -O2 -ftls-model=local-dynamic");
}

#[test]
fn initial_exec() {
    in_a_library("gcc -O2 -ftls-model=initial-exec");
}

#[test]
fn descriptors() {
    in_a_library("gcc -O2 -mtls-dialect=gnu2");
}

#[test]
fn clang_and_lld() {
    in_a_library("clang -O2 -fuse-ld=lld");
}

#[test]
fn local_exec() {
    in_a_program("gcc -O2");
}

#[test]
fn local_exec_at_fixed_addresses() {
    in_a_program("gcc -O2 -static");
}

#[test]
fn relaxed_to_local_exec() {
    in_a_program("gcc -O2 -fPIC -ftls-model=global-dynamic");
}

#[test]
fn a_fix_counts_from_the_beginning_of_the_block_first() {
    let pair = Pair::build("c/tls_first.c", "gcc -O2 -shared -fPIC");
    let mut target = pair.start_host(HOST.0, HOST.1);
    pair.diff();
    let mut ask = |words: [&str; 3], answers: [&str; 3]| {
        for thread in ["m", "o"] {
            let heard = words.map(|word| target.ask(&format!("{thread}{word}")));
            assert_eq!(heard, answers.map(str::to_owned), "{thread}");
        }
        target.pid()
    };
    let operate = |verb: &str, pid: i32| {
        let mut command = pair.suture();
        let ran = finish(command.args(["--json", verb]).arg(&pair.delta).args(["--pid", &pid.to_string()]));
        assert_eq!(ran.outcome(), "done", "{ran:?}");
    };
    let pid = ask(["w", "r", "w"], ["5", "2007", "6"]);
    operate("apply", pid);
    ask(["w", "r", "w"], ["1000708", "4009", "1000810"]);
    operate("revert", pid);
    ask(["w", "r", "w"], ["9", "6011", "10"]);
}
