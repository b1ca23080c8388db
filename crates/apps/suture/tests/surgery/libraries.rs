//! Shared libraries in C, C++ and Rust, in programs that are linked with them or open them.

use std::process::Command;

use crate::support::{Pair, Target};

/// What is done in turn, and whether new code runs then.
const ACTS: [(&[&str], bool); 6] = [
    (&["apply"], true),
    (&["toggle", "off"], false),
    (&["toggle", "on"], true),
    (&["revert"], false),
    (&["apply"], true),
    (&["revert"], false),
];

/// Does all of it, and asks the target after each act.
pub(crate) fn go_through(pair: &Pair, target: &mut Target, mut ask: impl FnMut(&mut Target, &str, bool)) {
    for (verb, is_new) in ACTS {
        let ran = pair.operate(verb, target, &[]);
        assert_eq!((ran.outcome(), ran.exit), ("done", Some(0)), "{verb:?}: {ran:?}");
        ask(target, verb[0], is_new);
    }
}

/// What `library.c` has counted.
struct Account {
    calls: u32,
    /// What the program may have a copy of, and counts as well.
    total: u32,
    /// Calls of what the fix has brought.
    new_calls: u32,
}

impl Account {
    fn go_through(&mut self, pair: &Pair, target: &mut Target) {
        go_through(pair, target, |target, verb, is_new| {
            if verb == "apply" {
                self.new_calls = 0;
            }
            self.ask_all(target, is_new);
        });
    }

    fn ask_all(&mut self, target: &mut Target, is_new: bool) {
        for x in [3_u32, 10, 5] {
            self.calls += 1;
            self.total += 1;
            let names = &["zero", "one", "two", "three"][..if is_new { 4 } else { 3 }];
            let (calls, name) = (self.calls, names[x as usize % names.len()]);
            let (local, mine, shared) = (7 + calls, 3 + calls, 3 + calls);
            let answer = if is_new {
                self.new_calls += 1;
                let scaled = format!("{:.1}", f64::from(x) * 2.5);
                let number = calls as usize + scaled.find('.').unwrap() + 21_000;
                let fixed = x + (5 + self.new_calls) + (100 + self.new_calls);
                format!("{number} new {name} {scaled} {fixed} tls {mine} {shared} local {local}")
            } else {
                let length = x.to_string().len() as u32 + mine;
                format!("{} old {name} {length} local {local}", calls + 20_000)
            };
            assert_eq!(target.ask(&x.to_string()), answer);
        }
        self.total += 10;
        assert_eq!(target.ask("total"), self.total.to_string());
        assert_eq!(target.ask("limits"), if is_new { "10 21" } else { "10 20" });
        assert_eq!(target.ask("itself"), "1", "the address of a function is its old one");
    }
}

fn whole_story(pair: &Pair, mut target: Target) {
    let report = pair.diff();
    let changed: Vec<_> = report["changed"].as_array().unwrap().iter().map(|f| f["name"].clone()).collect();
    assert_eq!(changed, ["library_work"], "{report}");
    let mut account = Account { calls: 0, total: 100, new_calls: 0 };
    account.ask_all(&mut target, false);
    account.go_through(pair, &mut target);
}

const C_HOST: &str = "c/library_host.c";

macro_rules! stories {
    ($($name:ident: $start:ident, $compiler:literal;)*) => {
        $(#[test] fn $name() {
            let pair = Pair::build("c/library.c", concat!($compiler, " -shared -fPIC"));
            let target = pair.$start(C_HOST, "gcc -O2");
            whole_story(&pair, target);
        })*
    };
}

stories! {
    gcc_o2: start_host, "gcc -O2";
    gcc_o0: start_host, "gcc -O0";
    gcc_without_plt_marked_for_cet_opened: start_opener, "gcc -O2 -fno-plt -fcf-protection=full";
    gcc_o3_hardened_lld: start_host,
        "gcc -O3 -fuse-ld=lld -fstack-protector-all -D_FORTIFY_SOURCE=2 -Wl,-z,now";
    gcc_fat_lto_opened: start_opener, "gcc -O2 -flto -Wl,-z,relro";
    clang_o2: start_host, "clang -O2";
    clang_o0_lld_opened: start_opener, "clang -O0 -fuse-ld=lld";
    clang_without_plt_lld: start_host, "clang -O2 -fno-plt -fcf-protection=full -fuse-ld=lld";
    clang_thin_lto: start_host, "clang -O2 -flto=thin -fuse-ld=lld";
}

/// An upgrade puts another build under the library's name; what is mapped counts.
#[test]
fn a_library_of_which_another_build_has_the_name_on_disk() {
    let pair = Pair::build("c/library.c", "gcc -O2 -shared -fPIC");
    pair.diff();
    let mut target = pair.start_host(C_HOST, "gcc -O2");
    let mut account = Account { calls: 0, total: 100, new_calls: 0 };
    account.ask_all(&mut target, false);
    let (upgrade, library) = (pair.directory().join("upgrade"), pair.directory().join("libfixture.so"));
    std::fs::copy(&pair.new, &upgrade).unwrap();
    std::fs::rename(&upgrade, &library).unwrap();
    account.go_through(&pair, &mut target);
    let upgraded = Target::start(Command::new(pair.directory().join("host")));
    let ran = pair.operate(&["apply"], &upgraded, &[]);
    assert_eq!((ran.code(), ran.exit), ("wrong-build", Some(4)), "{ran:?}");
}

fn cpp(compiler: &str) {
    let pair = Pair::build("cpp/library.cpp", &format!("{compiler} -shared -fPIC"));
    pair.diff();
    let mut target = pair.start_host("cpp/library_host.cpp", "g++ -O2");
    let mut last = "none";
    let mut ask = |target: &mut Target, is_new: bool| {
        let mut last_kind = |text: &'static str| std::mem::replace(&mut last, text);
        if is_new {
            assert_eq!(target.ask("d5"), "fixed square 26, circle 75");
            assert_eq!(target.ask("k0"), format!("new 6Square after {}", last_kind("6Square")));
            assert_eq!(target.ask("k1"), format!("new round after {} circle 12", last_kind("round")));
            for _ in 0..20 {
                assert_eq!(target.ask("r12"), "the host caught old 12", "thrown by new code");
                assert_eq!(target.ask("r17"), "the host caught denied 17", "by a class that is new");
                assert!(target.ask("s18").starts_with("caught denied 17 unwound "), "and in new code");
            }
            assert_eq!(target.ask("s12"), "error old 12");
        } else {
            assert_eq!(target.ask("d5"), "square 25, circle 75");
            assert_eq!(target.ask("k0"), format!("square after {}", last_kind("square")));
            assert_eq!(target.ask("k1"), format!("other after {}", last_kind("other")));
            assert_eq!(target.ask("r17"), "the host caught old 17");
            assert_eq!(target.ask("s17"), "error old 17");
        }
        assert_eq!((target.ask("r7"), target.ask("s7")), ("7".into(), "7".into()));
    };
    ask(&mut target, false);
    go_through(&pair, &mut target, |target, _, is_new| ask(target, is_new));
}

#[test]
fn classes_and_exceptions_of_a_library_gcc_o2() {
    cpp("g++ -O2");
}

/// The compiler takes the end of a text and counts back to its beginning.
#[test]
fn classes_and_exceptions_of_a_library_gcc_o1() {
    cpp("g++ -O1 -fvisibility-inlines-hidden -Wl,-z,now");
}

#[test]
fn classes_and_exceptions_of_a_library_gcc_o0_without_plt() {
    cpp("g++ -O0 -fno-plt");
}

#[test]
fn classes_and_exceptions_of_a_library_clang_o2_lld() {
    cpp("clang++ -O2 -fuse-ld=lld");
}

fn rust(options: &str, start: impl Fn(&Pair) -> Target) {
    let pair = Pair::build_rust("rust/library.rs", &format!("--crate-type cdylib {options}"));
    pair.diff();
    let mut target = start(&pair);
    let (mut seen, mut total) = (Vec::new(), 100);
    let mut ask = |target: &mut Target, is_new: bool| {
        let limit = if is_new { 21_000 } else { 20_000 };
        for x in [5, 15, 25] {
            let panics = x > if is_new { 10 } else { 20 };
            let new = if is_new { "new " } else { "" };
            let answer = if panics {
                format!("{new}panic: {x} is above {}", if is_new { 10 } else { 20 })
            } else {
                seen.push(format!("{x:>3}"));
                if is_new { format!("new Some(\"{x:>3}\")") } else { format!("old {}", seen.join(",")) }
            };
            assert_eq!(target.ask(&x.to_string()), format!("{} {answer}", limit + seen.len()));
            total += 1;
        }
        total += 10;
        assert_eq!(target.ask("total"), total.to_string());
        assert_eq!(target.ask("limits"), if is_new { "10 21" } else { "10 20" });
        assert_eq!(target.ask("itself"), "1");
    };
    ask(&mut target, false);
    go_through(&pair, &mut target, |target, _, is_new| ask(target, is_new));
}

#[test]
fn a_library_of_rust_is_patched_in_a_program_of_c() {
    rust("-C opt-level=2", |pair| pair.start_host(C_HOST, "gcc -O2"));
}

#[test]
fn a_library_of_rust_that_is_opened_lld() {
    let options = "-C opt-level=1 -C codegen-units=16 -C link-arg=-fuse-ld=lld";
    rust(options, |pair| pair.start_opener(C_HOST, "gcc -O2"));
}
