//! A reviewer reads a delta with binutils.

use std::path::Path;
use std::process::Command;

use crate::sample;
use suture_delta::format::write;

fn shown_by(tool: &str, options: &[&str]) -> String {
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{tool}{}.delta", options.concat()));
    std::fs::write(&file, write(&sample::everything()).unwrap()).unwrap();
    let output = Command::new(tool).args(options).arg(&file).output().unwrap();
    let talk = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && talk.is_empty(), "{tool}: {talk}");
    String::from_utf8(output.stdout).unwrap()
}

fn assert_line(text: &str, words: &[&str]) {
    let found = text.lines().any(|line| words.iter().all(|word| line.contains(word)));
    assert!(found, "no line with {words:?} in\n{text}");
}

#[test]
fn readelf_shows_sections_symbols_and_references() {
    let text = shown_by("readelf", &["-a", "-W"]);
    assert_line(&text, &["REL (Relocatable file)"]);
    assert_line(&text, &[".text.parse", "PROGBITS", "AX"]);
    assert_line(&text, &[".rodata.parse", "PROGBITS", " A "]);
    assert_line(&text, &[".eh_frame", "X86_64_UNWIND", " A "]);
    assert_line(&text, &[".data.count", "PROGBITS", "WA"]);
    assert_line(&text, &[".bss.buffer", "NOBITS", "WA"]);
    assert_line(&text, &["FUNC", "LOCAL", "parse.stub"]);
    assert_line(&text, &["0000000000401020", "GLOBAL", "OS [0xff35]", "memcpy@plt"]);
    assert_line(&text, &["R_X86_64_PC32", "memcpy@plt - 4"]);
    assert_line(&text, &["R_X86_64_32S", "getentropy + 1"]);
}

#[test]
fn readelf_shows_where_references_are() {
    let text = shown_by("readelf", &["-W", "-p.suture.refs"]);
    assert_line(&text, &[r#"{"name":"memcpy@plt","kind":"image","address":4198432}"#]);
    assert_line(&text, &[r#"{"name":"suture.switch","kind":"switch"}"#]);
}

#[test]
fn objdump_shows_code_with_what_it_refers_to() {
    let text = shown_by("objdump", &["-dr"]);
    assert_line(&text, &["<parse.stub>:"]);
    assert_line(&text, &["R_X86_64_PC32", "suture.switch-0x5"]);
}

#[test]
fn nm_shows_old_addresses() {
    let text = shown_by("nm", &["-a"]);
    assert_line(&text, &["0000000000401020", "memcpy@plt"]);
    assert_line(&text, &[" t parse"]);
}
