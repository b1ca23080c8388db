//! Disassembly of a delta, alone and beside the build that it is for: assembled and linked by the system's tools, so
//! that the bytes are real and always the same.

use std::path::Path;
use std::process::Command;

use suture_delta::inspect::{Change, DisassemblyError, code, disassemble};
use suture_delta::model::{
    Delta, Hooks, Overwrite, Range, Reference, Relocation, RelocationKind, Resolution, Section, SectionKind,
    Site, Symbol, SymbolKind, Target,
};
use suture_delta::page::Look;
use suture_elf::Build;

use crate::sample;

const BUILD_ID: &str = "00112233445566778899aabbccddeeff00112233";

/// `check(limit)`: says no below 16, and logs it.
const OLD: &str = r#"
        .intel_syntax noprefix
        .globl _start, check, log
        .text
_start: call check
        ret
        .type check, @function
check:  endbr64
        cmp edi, 16
        jb 1f
        xor eax, eax
        ret
1:      lea rdi, [rip + message]
        call log
        mov eax, dword ptr [rip + refused]
        ret
        .size check, . - check
        .type log, @function
log:    ret
        .size log, . - log
        .section .rodata
message: .string "too small"
        .align 4
refused: .long -13
"#;

fn old_file(name: &str) -> Vec<u8> {
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let (source, program) = (directory.join(format!("{name}.s")), directory.join(name));
    std::fs::write(&source, OLD).unwrap();
    let build_id = format!("-Wl,--build-id=0x{BUILD_ID},--emit-relocs,-Ttext=0x401000,-z,noseparate-code");
    let status = Command::new("gcc")
        .args(["-nostdlib", "-static", &build_id, "-o"])
        .args([&program, &source])
        .status()
        .unwrap();
    assert!(status.success());
    std::fs::read(program).unwrap()
}

/// The same with another limit and the same message in the delta's own constants.
fn delta(build: &Build<'_>) -> Delta {
    let address = |name: &str| build.symbols().iter().find(|symbol| symbol.name == name).unwrap().address;
    let symbol =
        |name: &str, section, offset, size, kind| Symbol { name: name.into(), section, offset, size, kind };
    let pc32 = |offset, target, addend| Relocation { offset, kind: RelocationKind::Pc32, target, addend };
    let code = [
        &[0xf3, 0x0f, 0x1e, 0xfa][..],   // endbr64
        &[0x83, 0xff, 0x20],             // cmp edi, 32
        &[0x72, 0x03],                   // jb +3
        &[0x31, 0xc0, 0xc3],             // xor eax, eax; ret
        &[0x48, 0x8d, 0x3d, 0, 0, 0, 0], // lea rdi, [rip + message]
        &[0xe8, 0, 0, 0, 0],             // call log
        &[0x8b, 0x05, 0, 0, 0, 0],       // mov eax, [rip + refused]
        &[0xc3],                         // ret
        &[0x0f, 0x1f, 0x40, 0x00],       // padding
    ]
    .concat();
    let (check, start) = (address("check"), address("_start"));
    let mut delta = sample::everything();
    delta.meta.old.build_id = BUILD_ID.into();
    delta.meta.sites = vec![Site {
        name: "check".into(),
        symbol: "check".into(),
        address: check,
        jump_address: check + 4,
        expected: "83ff107203".into(),
        ranges: vec![Range { start: check, end: check + 31 }],
        below: Vec::new(),
        code: 0,
        stub: 0,
    }];
    delta.meta.old.image = Range { start: 0x40_0000, end: start + 0x10_0000 };
    delta.meta.overwrites = Vec::<Overwrite>::new();
    delta.meta.hooks = Hooks::default();
    delta.symbols = vec![
        symbol("check", 0, 0, code.len() as u64, SymbolKind::Function),
        symbol(".rodata.check", 1, 0, 10, SymbolKind::Object),
    ];
    delta.references = vec![
        Reference { name: "log".into(), resolution: Resolution::Image { address: address("log") } },
        Reference { name: "refused".into(), resolution: Resolution::Image { address: address("refused") } },
    ];
    let relocations = vec![
        pc32(15, Target::Symbol(1), -4),
        pc32(20, Target::Reference(0), -4),
        pc32(26, Target::Reference(1), -4),
    ];
    let section = |name: &str, kind, data: &[u8], relocations| Section {
        name: name.into(),
        kind,
        align: 1,
        data: data.to_vec(),
        size: data.len() as u64,
        relocations,
    };
    delta.sections = vec![
        section(".text.check", SectionKind::Text, &code, relocations),
        section(".rodata.check", SectionKind::ReadOnly, b"too small\0", vec![]),
    ];
    delta.validate().unwrap();
    delta
}

#[test]
fn new_code_alone() {
    let file = old_file("new_code_alone");
    let delta = delta(&Build::parse(&file).unwrap());
    let functions = disassemble(&delta, "", None).unwrap();
    insta::assert_snapshot!(code(&functions, &Look::default()));
}

#[test]
fn old_and_new_code_side_by_side() {
    let file = old_file("side_by_side");
    let build = Build::parse(&file).unwrap();
    let delta = delta(&build);
    let functions = disassemble(&delta, "check", Some(&build)).unwrap();
    insta::assert_snapshot!(code(&functions, &Look::default()));
    insta::assert_snapshot!(code(&functions, &Look { width: Some(64), colour: true }));
}

/// A message that has moved, a jump inside the function and a constant elsewhere are no changes.
#[test]
fn only_what_does_something_else_is_marked() {
    let file = old_file("only_what_differs");
    let build = Build::parse(&file).unwrap();
    let functions = disassemble(&delta(&build), "check", Some(&build)).unwrap();
    let changed: Vec<_> =
        functions[0].lines.iter().filter(|pair| pair.change != Some(Change::Same)).collect();
    assert_eq!(changed.len(), 1);
    assert!(changed[0].new.as_ref().is_some_and(|line| line.shown.starts_with("cmp")));
}

#[test]
fn what_is_not_there_is_said() {
    let file = old_file("not_there");
    let build = Build::parse(&file).unwrap();
    let delta = delta(&build);
    let error = disassemble(&delta, "chekc", None).unwrap_err();
    assert_eq!(error.to_string(), "no function of the delta is called `chekc`; it has check");
    let other = sample::everything();
    let error = disassemble(&other, "", Some(&build)).unwrap_err();
    assert!(matches!(error, DisassemblyError::OtherBuild { found, .. } if found == BUILD_ID));
}
