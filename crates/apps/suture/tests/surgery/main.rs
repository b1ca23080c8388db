//! The surgery on real processes, through the command line: behaviour before, after apply, after toggle, after
//! revert; what is refused; and what a killed surgeon leaves behind.

mod across;
mod all;
mod asleep;
mod busy;
mod choices;
mod chosen;
mod constants;
mod ends;
mod inside;
mod kept;
mod kernel;
mod killed;
mod lent;
mod libraries;
mod moved;
mod numbered;
mod own_names;
mod permission;
mod programs;
mod shadows;
mod shown;
mod stacked;
mod statics;
mod support;
mod surgeons;
mod surroundings;
mod texts;
mod tls;
mod tools;

use support::{Pair, Target};

/// What `answers.c` says to 3: the new code prints a line before it.
fn asks_three(target: &mut Target) -> bool {
    match target.ask("3").as_str() {
        "44" => false,
        line => {
            assert!(line.starts_with("new zero "), "{line}");
            assert_eq!(target.hear(), "1013");
            true
        }
    }
}

/// What `answers.c` has counted.
struct Account {
    /// How often it was asked, which old and new code count in one variable.
    calls: u32,
    /// The thread-local variable of both.
    per_thread: u32,
    /// How often new code was asked, which its own variables count.
    new_calls: u32,
}

impl Account {
    /// Asks everything that there is to ask, and checks each value in each answer.
    fn ask_all(&mut self, target: &mut Target, is_new: bool) {
        for (question, answer) in [("0", "5"), ("1", "7"), ("5", "495"), ("6", "3")] {
            self.calls += 1;
            assert_eq!(target.ask(question), answer);
        }
        self.calls += 1;
        assert_eq!(target.ask("2"), self.calls.to_string());
        self.calls += 1;
        assert_eq!(target.ask("4"), self.per_thread.to_string());
        self.per_thread += 1;
        for question in ["3", "indirect"] {
            self.calls += 1;
            let line = target.ask(question);
            if !is_new {
                assert_eq!(line, "44");
                continue;
            }
            self.per_thread += 1;
            self.new_calls += 1;
            let Self { calls, per_thread, new_calls } = self;
            let extra = 3 + (5 + *new_calls) + (100 + *new_calls);
            assert_eq!(line, format!("new zero {extra} 7.5 tls {per_thread} calls {calls} answer"));
            assert_eq!(target.hear(), "1013");
        }
        assert_eq!(target.ask("pointer"), "1", "the address of a function is its old one");
    }
}

fn whole_story(pair: &Pair) {
    let report = pair.diff();
    let changed: Vec<_> = report["changed"].as_array().unwrap().iter().map(|f| f["name"].clone()).collect();
    assert_eq!(changed, ["answer"], "{report}");
    let mut target = pair.start();
    let mut account = Account { calls: 0, per_thread: 40, new_calls: 0 };
    account.ask_all(&mut target, false);
    for (verb, outcome, new_code, state) in [
        (&["apply"][..], "done", true, "on"),
        (&["apply"], "already", true, "on"),
        (&["toggle", "off"], "done", false, "off"),
        (&["toggle", "off"], "already", false, "off"),
        (&["toggle", "on"], "done", true, "on"),
        (&["revert"], "done", false, "none"),
        (&["revert"], "already", false, "none"),
        (&["apply", "--dark"], "done", false, "dark"),
        (&["toggle", "on"], "done", true, "on"),
        (&["revert"], "done", false, "none"),
    ] {
        let ran = pair.operate(verb, &target, &[]);
        assert_eq!((ran.outcome(), ran.exit), (outcome, Some(0)), "{verb:?}: {ran:?}");
        if verb[0] == "apply" && outcome == "done" {
            // What a patch brings begins anew.
            account.new_calls = 0;
        }
        account.ask_all(&mut target, new_code);
        assert_eq!(pair.state(&target), state, "{verb:?}");
    }
}

macro_rules! stories {
    ($($name:ident: $compiler:literal;)*) => {
        $(#[test] fn $name() { whole_story(&Pair::build("c/answers.c", $compiler)); })*
    };
}

stories! {
    gcc_o0_pie: "gcc -O0";
    gcc_o1_pie: "gcc -O1 -fPIE -pie";
    gcc_o2_pie: "gcc -O2";
    gcc_o3_pie: "gcc -O3";
    gcc_o2_fixed_address: "gcc -O2 -no-pie -fno-pie";
    gcc_o2_static: "gcc -O2 -static";
    gcc_o2_static_pie: "gcc -O2 -static-pie";
    gcc_o2_marked_for_cet: "gcc -O2 -fcf-protection=full";
    gcc_o2_without_plt: "gcc -O2 -fno-plt";
    gcc_o2_hardened: "gcc -O2 -fstack-protector-all -D_FORTIFY_SOURCE=2 -Wl,-z,now";
    gcc_o2_lld: "gcc -O2 -fuse-ld=lld";
    clang_o0: "clang -O0";
    clang_o2: "clang -O2";
    clang_o2_lld: "clang -O2 -fuse-ld=lld";
    gcc_o2_lto: "gcc -O2 -flto";
    clang_o2_fat_lto: "clang -O2 -flto -fuse-ld=lld";
    clang_o2_thin_lto: "clang -O2 -flto=thin -fuse-ld=lld";
    clang_o3_fixed_address: "clang -O3 -no-pie -fno-pie";
    clang_o1_fixed_address_lld: "clang -O1 -no-pie -fno-pie -fuse-ld=lld";
    gcc_o2_static_lld: "gcc -O2 -static -fuse-ld=lld";
    clang_o2_static_pie_lld: "clang -O2 -static-pie -fPIE -fuse-ld=lld";
    gcc_o3_fat_lto_static: "gcc -O3 -flto -ffat-lto-objects -static";
}

/// System calls that threads of `eintr.c` wait in: number on x86-64, and on how many threads.
const WAITS: [(&str, &str, usize); 12] = [
    ("epoll_wait", "232", 2),
    ("nanosleep", "35", 1),
    ("clock_nanosleep", "230", 1),
    ("futex", "202", 2),
    ("poll", "7", 1),
    ("select", "23", 1),
    ("pselect6", "270", 1),
    ("semop", "65", 1),
    ("semtimedop", "220", 1),
    ("rt_sigtimedwait", "128", 1),
    ("recvfrom", "45", 1),
    // One of them is the thread that is asked.
    ("read", "0", 2),
];

/// Waits until every call that is meant to be interrupted is waited in.
fn wait_for_waits(target: &Target) {
    let tasks = format!("/proc/{}/task", target.pid());
    for (name, number, count) in WAITS {
        surroundings::until(name, || {
            let calls = std::fs::read_dir(&tasks).unwrap().map(|thread| thread.unwrap().path());
            let calls = calls.map(|thread| std::fs::read_to_string(thread.join("syscall")).unwrap());
            calls.filter(|call| call.split(' ').next() == Some(number)).count() == count
        });
    }
}

fn interrupt(cycles: usize, verbs: &[(&[&str], &str)], options: &[&str]) {
    let pair = Pair::build("c/eintr.c", "gcc -O2");
    pair.diff();
    let mut target = pair.start();
    wait_for_waits(&target);
    for _ in 0..cycles {
        for (verb, answer) in verbs {
            let ran = pair.operate(verb, &target, options);
            assert_eq!(ran.outcome(), "done", "{verb:?}: {ran:?}");
            assert_eq!(target.ask("5"), *answer, "{verb:?}");
        }
    }
}

/// With every thread stopped; otherwise those that wait would be left alone.
#[test]
fn no_interruption_reaches_the_program() {
    interrupt(1000, &[(&["apply"], "52"), (&["revert"], "51")], &["--deadline", "30s", "--stop-all"]);
}

#[test]
fn no_interruption_reaches_a_program_that_is_left_asleep() {
    let verbs: [(&[&str], &str); 4] =
        [(&["apply"], "52"), (&["toggle", "off"], "51"), (&["toggle", "on"], "52"), (&["revert"], "51")];
    interrupt(100, &verbs, &["--deadline", "30s"]);
}

#[test]
fn a_delta_for_another_build_is_refused_with_both_build_ids() {
    let (pair, other) = (Pair::build("c/answers.c", "gcc -O2"), Pair::build("c/busy.c", "gcc -O2"));
    pair.diff();
    let target = other.start();
    let ran = pair.operate(&["apply"], &target, &[]);
    assert_eq!((ran.code(), ran.exit), ("wrong-build", Some(4)), "{ran:?}");
    let reason = ran.json["results"][0]["reason"].as_str().unwrap().to_owned();
    let build = other.ps(&target)["builds"][0]["build_id"].as_str().unwrap().to_owned();
    let wanted = pair.inspect()["meta"]["old"]["build_id"].as_str().unwrap().to_owned();
    for build in [build, wanted] {
        assert!(reason.contains(&build), "{reason} does not name {build}");
    }
}

#[test]
fn the_process_itself_says_what_was_done_to_it() {
    let pair = Pair::build("c/answers.c", "gcc -O2");
    pair.diff();
    let mut target = pair.start();
    let before = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    assert_eq!(pair.operate(&["apply"], &target, &[]).outcome(), "done");
    let told = pair.ps(&target)["patches"][0].clone();
    std::fs::remove_dir_all(pair.directory().join("state")).unwrap();
    assert_eq!(pair.ps(&target)["patches"][0], told, "without the journal");
    assert_eq!((told["state"].as_str(), told["id"].as_str().map(str::len)), (Some("on"), Some(64)), "{told}");
    assert!(told["changed_at"].as_u64().is_some_and(|at| at >= before), "{told}");
    let user = nix::unistd::User::from_uid(nix::unistd::geteuid()).unwrap().unwrap().name;
    assert_eq!(told["by"], user, "{told}");
    assert_eq!(pair.operate(&["revert"], &target, &[]).outcome(), "done");
    assert!(!asks_three(&mut target));
}

#[test]
fn a_process_that_is_gone_is_refused() {
    let pair = Pair::build("c/answers.c", "gcc -O2");
    pair.diff();
    let target = pair.start();
    let pid = target.pid().to_string();
    drop(target);
    let mut command = pair.suture();
    let ran = support::finish(command.args(["--json", "apply"]).arg(&pair.delta).args(["--pid", &pid]));
    assert_eq!((ran.code(), ran.exit), ("gone", Some(4)), "{ran:?}");
}

#[test]
fn the_file_on_disk_is_never_written() {
    let pair = Pair::build("c/answers.c", "gcc -O2");
    pair.diff();
    let state = || {
        let modified = std::fs::metadata(&pair.old).unwrap().modified().unwrap();
        (modified, std::fs::read(&pair.old).unwrap())
    };
    let before = state();
    let (mut target, mut other) = (pair.start(), pair.start());
    assert_eq!(pair.operate(&["apply"], &target, &[]).outcome(), "done");
    assert!(asks_three(&mut target));
    assert!(!asks_three(&mut other), "a process that maps the same file keeps its code");
    assert!(!asks_three(&mut pair.start()), "so does one that starts now");
    assert_eq!(pair.operate(&["revert"], &target, &[]).outcome(), "done");
    assert!(before == state());
}

/// What counts is the build in memory, under the name that another has now.
#[test]
fn the_file_on_disk_may_be_another_build() {
    let pair = Pair::build("c/answers.c", "gcc -O2");
    pair.diff();
    let back = pair.directory().join("back.delta");
    let mut diff = pair.suture();
    diff.args(["diff", "--json", "--old"]).arg(&pair.new).arg("--new").arg(&pair.old).arg("-o").arg(&back);
    assert_eq!(support::finish(&mut diff).exit, Some(0));
    let meta = pair.inspect()["meta"].clone();
    let build_id = |which: &str| meta[which]["build_id"].as_str().unwrap().to_owned();
    let (in_memory, on_disk) = (build_id("old"), build_id("new"));
    let mut target = pair.start();
    assert!(!asks_three(&mut target));
    std::fs::rename(&pair.new, &pair.old).unwrap();
    let mut other = pair.start();
    assert!(asks_three(&mut other), "who starts now runs the other build");

    let apply_back = |target: &Target| {
        let mut command = pair.suture();
        command.args(["--json", "apply"]).arg(&back).args(["--pid", &target.pid().to_string()]);
        support::finish(&mut command)
    };
    let is_refused = |ran: &support::Ran, wanted: &str, found: &str| {
        let reason = format!("no module of the process is build {wanted}; its ");
        let found = format!(" is build {found}");
        surroundings::refused(ran, "wrong-build", &[&reason, &found]);
    };
    for (verb, new_code, state) in [
        (&["apply"][..], true, "on"),
        (&["toggle", "off"], false, "off"),
        (&["toggle", "on"], true, "on"),
        (&["revert"], false, "none"),
    ] {
        is_refused(&apply_back(&target), &on_disk, &in_memory);
        is_refused(&pair.operate(&["apply"], &other, &[]), &in_memory, &on_disk);
        let ran = pair.operate(verb, &target, &[]);
        assert_eq!(ran.outcome(), "done", "{verb:?}: {ran:?}");
        assert_eq!((asks_three(&mut target), asks_three(&mut other)), (new_code, true), "{verb:?}");
        assert_eq!(pair.state(&target), state, "{verb:?}");
        assert_eq!(pair.ps(&target)["builds"][0]["build_id"], *in_memory);
        assert_eq!(pair.ps(&other)["builds"][0]["build_id"], *on_disk);
        assert_eq!(pair.state(&other), "none");
    }
    assert_eq!(apply_back(&other).outcome(), "done");
    assert_eq!((asks_three(&mut target), asks_three(&mut other)), (false, false));
}

#[test]
fn the_file_on_disk_may_be_gone() {
    let pair = Pair::build("c/answers.c", "gcc -O2");
    pair.diff();
    let mut target = pair.start();
    std::fs::remove_file(&pair.old).unwrap();
    assert_eq!(pair.operate(&["apply"], &target, &[]).outcome(), "done");
    assert!(asks_three(&mut target));
}
