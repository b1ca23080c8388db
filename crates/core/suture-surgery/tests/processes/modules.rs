//! Modules, against the files they were loaded from.

use std::fs;
use std::process::Command;

use suture_surgery::modules::entry_point;

use crate::world::{Process, compile};

/// What `readelf` says about a file: the number or text behind `label`.
fn readelf(path: &str, option: &str, label: &str) -> String {
    let output = Command::new("readelf").args([option, "-W", path]).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let line = text.lines().find(|line| line.contains(label)).unwrap();
    line.split_once(label).unwrap().1.trim().to_owned()
}

fn number(text: &str) -> u64 {
    u64::from_str_radix(text.trim_start_matches("0x"), 16).unwrap()
}

#[test]
fn every_file_that_is_loaded_is_found() {
    let program = compile("stacks.c", &["-O2"]);
    let process = Process::start(Command::new(&program.path).arg("deep"));
    let modules = process.modules();
    let mut names: Vec<_> = modules.iter().map(|module| module.name.as_str()).collect();
    names.sort_unstable();
    // libgcc_s is loaded by the unwinder of the C library.
    assert_eq!(names, ["[vdso]", "ld-linux-x86-64.so.2", "libc.so.6", "libgcc_s.so.1", "program"]);
    let count = |is: fn(&suture_surgery::modules::Module) -> bool| modules.iter().filter(|m| is(m)).count();
    assert_eq!(count(|module| module.is_executable), 1);
    assert_eq!(count(|module| module.is_interpreter), 1);
    assert_eq!(count(|module| module.tls.is_some()), 1, "libc has errno");
    for module in modules.iter().filter(|module| !module.is_vdso()) {
        let build_id = readelf(&module.path, "-n", "Build ID: ");
        assert_eq!(module.build_id.as_deref(), Some(build_id.as_str()));
        let entry = number(&readelf(&module.path, "-h", "Entry point address:"));
        assert_eq!(module.entry, entry + module.bias);
    }
}

#[test]
fn bias_is_what_was_added_to_the_symbols() {
    for flags in [&["-O2"][..], &["-no-pie"], &["-static"], &["-static-pie"], &["-O2", "-fuse-ld=lld"]] {
        let program = compile("stacks.c", flags);
        let process = Process::start(Command::new(&program.path).arg("deep"));
        let module = process.executable();
        let symbols = Command::new("nm").arg(&program.path).output().unwrap();
        let symbols = String::from_utf8(symbols.stdout).unwrap();
        let line = symbols.lines().find(|line| line.ends_with(" T descend")).unwrap();
        let linked = number(line.split(' ').next().unwrap());
        let loaded = process.named("function")["descend"];
        assert_eq!(module.bias, loaded - linked, "{flags:?}");
        assert!(module.text.iter().any(|range| range.contains(loaded)));
        assert_eq!(entry_point(&process.auxv()), Some(module.entry));
    }
}

#[test]
fn the_file_may_be_gone_or_be_another() {
    let program = compile("stacks.c", &["-O2"]);
    let process = Process::start(Command::new(&program.path).arg("deep"));
    let before = process.executable();
    fs::remove_file(&program.path).unwrap();
    fs::write(&program.path, "another file").unwrap();
    let after = process.executable();
    assert_eq!((after.base, after.build_id.clone()), (before.base, before.build_id));
    assert_eq!(after.name, "program");
    fs::remove_dir_all(program.directory.path()).unwrap();
    assert_eq!(process.executable(), after);
}
