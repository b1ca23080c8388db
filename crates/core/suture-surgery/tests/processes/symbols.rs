//! Symbols, against the dynamic linker's own answers.

use std::process::Command;

use suture_surgery::resolve::{Scope, lookup_in};

use crate::world::{Process, Program, compile, compile_to, source};

/// A program with two libraries that define the same symbols; only the second one has versions.
fn program(hash_style: &str, flags: &[&str]) -> Program {
    let directory = tempfile::tempdir().unwrap();
    let library = |name: &str| directory.path().join(name);
    let hash_style = format!("-Wl,--hash-style={hash_style}");
    let shared = ["-shared", "-fPIC", &hash_style];
    compile_to(&library("liba.so"), "library.c", &[&shared[..], &["-DVALUE=1"]].concat());
    let map = format!("-Wl,--version-script={}", source("library.map").display());
    compile_to(
        &library("libb.so"),
        "library.c",
        &[&shared[..], &["-DVALUE=2", "-DVERSIONED", &map]].concat(),
    );
    let search = format!("-L{0} -Wl,-rpath,{0}", directory.path().display());
    let link: Vec<_> = search.split(' ').chain(["-Wl,--no-as-needed", "-la", "-lb"]).collect();
    let path = directory.path().join("program");
    compile_to(&path, "symbols.c", &[flags, &link, &[&hash_style]].concat());
    Program { directory, path }
}

fn compare(process: &Process) {
    let scope = Scope::read(&process.modules(), &process.memory).unwrap();
    let find = |name: &str, version: Option<&str>| {
        let found = scope.find(name, version, &process.memory).unwrap();
        assert!(!found.is_some_and(|found| found.is_ifunc), "{name}");
        found.map_or(0, |found| found.address)
    };
    for (name, expected) in process.named("symbol") {
        assert_eq!(find(&name, None), expected, "{name}");
    }
    let versions = process.named("version");
    assert_eq!(versions.len(), 8);
    for (name, expected) in versions {
        let (name, version) = name.split_once('@').unwrap();
        assert_eq!(find(name, Some(version)), expected, "{name}@{version}");
    }
}

#[test]
fn the_gnu_hash_table() {
    let program = program("gnu", &["-O1"]);
    compare(&Process::start(&mut Command::new(&program.path)));
}

#[test]
fn the_old_hash_table() {
    let program = program("sysv", &["-O1"]);
    compare(&Process::start(&mut Command::new(&program.path)));
}

#[test]
fn a_program_at_fixed_addresses_that_copies_data() {
    let program = program("gnu", &["-O1", "-no-pie", "-fno-pie"]);
    compare(&Process::start(&mut Command::new(&program.path)));
}

#[test]
fn a_program_started_by_naming_the_dynamic_linker() {
    let program = program("gnu", &["-O1"]);
    let linker = Process::start(&mut Command::new(&program.path));
    let linker = linker.modules().into_iter().find(|module| module.is_interpreter).unwrap();
    compare(&Process::start(Command::new(linker.path).arg(&program.path)));
}

#[test]
fn indirect_functions_are_marked() {
    let program = program("gnu", &[]);
    let process = Process::start(&mut Command::new(&program.path));
    let modules = process.modules();
    let library = modules.iter().find(|module| module.name == "libc.so.6").unwrap();
    let found = lookup_in(library, "memcpy", None, &process.memory).unwrap().unwrap();
    assert!(found.is_ifunc && found.size > 0);
    assert!(library.text.iter().any(|range| range.contains(found.address)));
    assert_eq!(lookup_in(library, "first_wins", None, &process.memory), Ok(None));
}

#[test]
fn a_static_program_has_no_symbols_to_find() {
    let program = compile("stacks.c", &["-static"]);
    let process = Process::start(Command::new(&program.path).arg("deep"));
    let scope = Scope::read(&process.modules(), &process.memory).unwrap();
    assert_eq!(scope.find("printf", None, &process.memory), Ok(None));
}
