//! What a shared library exports and new code is the first to use: the process decides what its names mean.

use std::process::Command;

use crate::libraries::go_through;
use crate::support::{FLAGS, Pair, Target, compilation, root, run};

const HOST: &str = "c/own_names_host.c";

/// What `own_names.c` counts, and what the process has for its functions.
struct Names {
    count: i32,
    /// What `library_weight` adds.
    weight: i32,
}

impl Names {
    fn go_through(&mut self, pair: &Pair, target: &mut Target) {
        let report = pair.diff();
        let changed: Vec<_> =
            report["changed"].as_array().unwrap().iter().map(|f| f["name"].clone()).collect();
        assert_eq!(changed, ["library_answer"], "{report}");
        self.ask(target, false);
        go_through(pair, target, |target, _, is_new| self.ask(target, is_new));
    }

    fn ask(&mut self, target: &mut Target, is_new: bool) {
        for x in [3, 4, 8] {
            let answer = if is_new {
                self.count += x;
                let (weight, scale, limit) = (x + self.weight, x * 2, x % 3 + 1);
                let tabled = if x % 2 == 0 { weight } else { scale };
                format!(
                    "new count {} limit {limit} weight {weight} scale {scale} taken {weight} same 1 tabled {tabled}",
                    self.count
                )
            } else {
                format!("old {x} 1")
            };
            assert_eq!(target.ask(&x.to_string()), format!("{} {answer}", answer.len()));
            self.count += 10;
            assert_eq!(target.ask("count"), self.count.to_string(), "all use the same variable");
        }
    }
}

fn library(compiler: &str) -> Pair {
    Pair::build("c/own_names.c", &format!("{compiler} -shared -fPIC"))
}

/// A library that has a function, and a variable, of the same name.
fn decoy(pair: &Pair) -> String {
    let decoy = pair.directory().join("decoy.so");
    let source = root().join("fixtures").join(HOST);
    run(compilation("gcc -O2 -shared -fPIC -DDECOY", &decoy, &source).args(FLAGS));
    decoy.to_string_lossy().into_owned()
}

/// A program that opens libraries, each in its way.
fn opener(pair: &Pair, compiler: &str, opened: &[(&str, &str)]) -> Target {
    let host = pair.directory().join("opener");
    run(&mut compilation(&format!("{compiler} -DOPEN"), &host, &root().join("fixtures").join(HOST)));
    let mut command = Command::new(host);
    Target::start({
        command.args(opened.iter().flat_map(|(way, file)| [way, file]));
        command
    })
}

macro_rules! copies {
    ($($name:ident: $library:literal, $host:literal;)*) => {
        $(#[test] fn $name() {
            let pair = library($library);
            let mut target = pair.start_host(HOST, $host);
            Names { count: 100, weight: 1 }.go_through(&pair, &mut target);
        })*
    };
}

copies! {
    a_copy_of_the_program_is_used_gcc: "gcc -O2", "gcc -O2 -no-pie -fno-pie";
    a_copy_of_the_program_is_used_o0_lld: "gcc -O0 -fuse-ld=lld", "gcc -O2 -no-pie -fno-pie";
    a_copy_of_the_program_is_used_clang_without_plt: "clang -O2 -fno-plt", "gcc -O2 -fPIE -pie";
    a_copy_of_the_program_is_used_bound_at_once: "gcc -O2 -Wl,-z,now -fcf-protection=full", "gcc -O0 -no-pie -fno-pie";
    what_a_position_independent_program_has_not_copied: "gcc -O2", "gcc -O2 -fPIC -pie";
}

/// The fix makes a constant shorter, of which no types tell: else it would be refused.
fn shorter() -> Pair {
    let pair = library("gcc -O2 -DSHORTER");
    let report = pair.diff();
    let sizes = &report["data"][0];
    assert_eq!((&sizes["name"], &sizes["action"]), (&"library_sizes".into(), &"in-place".into()), "{report}");
    pair
}

#[test]
fn a_copy_of_a_constant_that_becomes_shorter_is_changed_too() {
    let pair = shorter();
    let mut target = pair.start_host(HOST, "gcc -O2 -no-pie -fno-pie");
    assert_eq!(target.ask("sizes"), "1 2 3");
    go_through(&pair, &mut target, |target, _, is_new| {
        assert_eq!(target.ask("sizes"), if is_new { "5 6 7" } else { "1 2 3" });
    });
}

/// A program that was linked when the library had less has no room in its copy for more.
#[test]
fn a_copy_that_is_too_short_is_not_written_over() {
    let pair = shorter();
    let (library, host) = (pair.directory().join("libfixture.so"), pair.directory().join("host"));
    let sources = root().join("fixtures");
    run(&mut compilation("gcc -shared -fPIC -DSMALL", &library, &sources.join("c/own_names.c")));
    run(compilation("gcc -O2 -no-pie -fno-pie", &host, &sources.join(HOST)).arg(&library));
    std::fs::copy(&pair.old, &library).unwrap();
    let mut target = Target::start(Command::new(host));
    assert!(target.ask("sizes").starts_with("1 2 "), "as much as fits was copied");
    let ran = pair.operate(&["apply"], &target, &[]);
    assert_eq!((ran.code(), ran.exit), ("unsupported", Some(4)), "{ran:?}");
    let why = ran.json["results"][0]["reason"].as_str().unwrap_or_default();
    assert!(why.contains("whose library_sizes had 8 bytes"), "{why}");
    assert!(target.ask("3").contains(" old 3 "));
}

#[test]
fn a_function_of_the_program_comes_before_the_library_s() {
    for (compiler, host) in
        [("gcc -O2", "gcc -O2"), ("clang -O2 -fno-plt -fuse-ld=lld", "gcc -O2 -no-pie -fno-pie")]
    {
        let pair = library(compiler);
        let mut target = pair.start_host(HOST, &format!("{host} -DINTERPOSE"));
        Names { count: 100, weight: 1000 }.go_through(&pair, &mut target);
    }
}

#[test]
fn a_function_that_is_loaded_before_comes_before_the_library_s() {
    let pair = library("gcc -O2");
    let decoy = decoy(&pair);
    drop(pair.start_host(HOST, "gcc -O2 -no-pie -fno-pie"));
    let mut command = Command::new(pair.directory().join("host"));
    let mut target = Target::start({
        command.env("LD_PRELOAD", decoy);
        command
    });
    // The copy was made of the variable that comes first, too.
    Names { count: 7000, weight: 2000 }.go_through(&pair, &mut target);
}

#[test]
fn the_library_s_own_names_are_its_own_where_it_is_bound_to_them() {
    let pair = library("gcc -O2 -Wl,-Bsymbolic-functions");
    let decoy = decoy(&pair);
    let file = pair.old.to_string_lossy().into_owned();
    let mut target = opener(&pair, "gcc -O2", &[("l", &decoy), ("l", &file)]);
    Names { count: 100, weight: 1 }.go_through(&pair, &mut target);
}

#[test]
fn who_is_opened_alone_does_not_see_others_that_are() {
    let pair = library("gcc -O2");
    let decoy = decoy(&pair);
    let file = pair.old.to_string_lossy().into_owned();
    let mut target = opener(&pair, "gcc -O2", &[("l", &decoy), ("l", &file)]);
    Names { count: 100, weight: 1 }.go_through(&pair, &mut target);
}

/// Everybody sees what is opened for everybody; who looks at himself first does not.
#[test]
fn what_is_opened_for_all_comes_first_unless_the_library_looks_at_itself_first() {
    let pair = library("clang -O2");
    let decoy = decoy(&pair);
    let file = pair.old.to_string_lossy().into_owned();
    for (way, count, weight) in [("l", 7000, 2000), ("d", 100, 1)] {
        let mut target = opener(&pair, "gcc -O2", &[("g", &decoy), (way, &file)]);
        Names { count, weight }.go_through(&pair, &mut target);
    }
}

/// What the loader would lead to is in a block of which the old build knows nothing.
#[test]
fn a_thread_local_variable_of_the_same_name_is_not_passed_over() {
    let pair = library("gcc -O2 -DTLS");
    pair.diff();
    let mut target = pair.start_host(HOST, "gcc -O2 -DTLS");
    let ran = pair.operate(&["apply"], &target, &[]);
    assert_eq!((ran.code(), ran.exit), ("unresolved-symbol", Some(4)), "{ran:?}");
    let why = ran.json["results"][0]["reason"].as_str().unwrap_or_default();
    assert!(why.contains("library_mine") && why.contains("host has it too"), "{why}");
    assert_eq!(target.ask("3"), "7 old 3 1");
    let mut target = pair.start_host(HOST, "gcc -O2");
    let mut mine = 50;
    go_through(&pair, &mut target, |target, _, is_new| {
        mine += i32::from(is_new);
        let answer = if is_new { format!("11 new mine {mine}") } else { "7 old 3 1".to_owned() };
        assert_eq!(target.ask("3"), answer);
    });
}

const CLASSES: &str = "cpp/own_names.cpp";

/// A program at fixed addresses has a copy of the class's table, and whose objects have it.
#[test]
fn objects_of_a_class_have_the_table_that_the_process_uses() {
    for (compiler, host) in
        [("g++ -O2", "g++ -O2 -no-pie -fno-pie"), ("clang++ -O1 -fuse-ld=lld", "g++ -O2 -fPIE -pie")]
    {
        let pair = Pair::build(CLASSES, &format!("{compiler} -shared -fPIC"));
        pair.diff();
        let mut target = pair.start_host(CLASSES, &format!("{host} -DHOST"));
        assert_eq!(target.ask("4"), "7 old 4 1");
        go_through(&pair, &mut target, |target, _, is_new| {
            assert_eq!(target.ask("4"), if is_new { "21 new 16 same 1 alike 1" } else { "7 old 4 1" });
        });
    }
}

/// There is one for all that have it; a second would not be noticed.
#[test]
fn a_variable_that_another_module_would_share_is_not_brought_again() {
    let pair = Pair::build(CLASSES, "g++ -O2 -shared -fPIC -DSETTINGS");
    pair.diff();
    let mut target = pair.start_host(CLASSES, "g++ -O2 -DHOST -rdynamic");
    let ran = pair.operate(&["apply"], &target, &[]);
    assert_eq!((ran.code(), ran.exit), ("unresolved-symbol", Some(4)), "{ran:?}");
    let why = ran.json["results"][0]["reason"].as_str().unwrap_or_default();
    assert!(why.contains("_ZZ8settingsvE5value"), "{why}");
    assert_eq!(target.ask("4"), "7 old 4 1");
    // A program that keeps its own to itself would not share it.
    let mut target = pair.start_host(CLASSES, "g++ -O2 -DHOST");
    let mut value = 5;
    go_through(&pair, &mut target, |target, verb, is_new| {
        if verb == "apply" {
            value = 5;
        }
        if is_new {
            value += 1;
            assert_eq!(target.ask("4"), format!("21 new {} same 1 alike 1", 16 + value));
        } else {
            assert_eq!(target.ask("4"), "7 old 4 1");
        }
    });
}
