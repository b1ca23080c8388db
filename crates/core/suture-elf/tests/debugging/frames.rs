//! Unwind rules and exception tables.

use std::collections::HashMap;

use gimli::UnwindSection;
use proptest::prelude::*;
use suture_elf::frames::{Frames, Pointer};
use suture_elf::{Build, Slot, SymbolKind};

use crate::program::{Program, compile};

const THROWS: &str = r#"
struct A { int a; A(int x) : a(x) {} A(const A& o) : a(o.a) {} ~A(); };
struct B { int b; B(int x) : b(x) {} };
A::~A() { asm volatile(""); }
__attribute__((noinline)) int risky(int n) { if (n > 3) throw B(n); if (n > 2) throw A(n); return n; }
__attribute__((noinline)) int guard(int n) {
    A local(n);
    try { return risky(n) + local.a; } catch (CAUGHT& e) { return -1; }
}
__attribute__((noinline)) int any(int n) {
    try { return risky(n); } catch (A& e) { return 1; } catch (B& e) { return 2; } catch (...) { return 3; }
}
__attribute__((noinline)) int promised(int n) SPEC { return risky(n) + 1; }
int main(int argc, char**) {
    try { return guard(argc) + any(argc) + promised(argc); } catch (...) { return 9; }
}
"#;

const PANICS: &str = r#"
struct Guard(u32);
impl Drop for Guard { fn drop(&mut self) { std::hint::black_box(self.0); } }
#[inline(never)] fn risky(n: u32) -> u32 { if n > 3 { panic!("no") } n }
fn main() {
    let n = std::env::args().count() as u32;
    let caught = std::panic::catch_unwind(|| { let guard = Guard(n); risky(n) + guard.0 });
    println!("{caught:?}");
}
"#;

fn throws(compiler: &str, arguments: &[&str], caught: &str) -> Program {
    let caught = format!("-DCAUGHT={caught}");
    let all = [&["-std=c++14", "-DSPEC=throw(A)", &caught, "-Wl,--emit-relocs"], arguments].concat();
    compile(compiler, &all, ("throws.cpp", THROWS))
}

fn all_programs() -> Vec<Program> {
    let mut programs: Vec<Program> = [
        ("g++", &["-O2"][..]),
        ("g++", &["-O0", "-no-pie"]),
        ("g++", &["-O2", "-static"]),
        ("g++", &["-O2", "-fuse-ld=lld"]),
        ("g++", &["-O3", "-mcmodel=large"]),
        ("clang++", &["-O1"]),
        ("clang++", &["-O2", "-fuse-ld=lld", "-no-pie"]),
    ]
    .iter()
    .map(|(compiler, arguments)| throws(compiler, arguments, "A"))
    .collect();
    programs.push(compile("rustc", &["-O", "-Clink-arg=-Wl,--emit-relocs"], ("panics.rs", PANICS)));
    programs
}

/// gimli reads the same rules for all code, in every program.
#[test]
fn rules_are_those_that_gimli_reads() {
    for program in all_programs() {
        let build = Build::parse(&program.bytes).unwrap();
        let frames = Frames::parse(&build).unwrap();
        let section = build.section(".eh_frame").unwrap();
        let bases = gimli::BaseAddresses::default().set_eh_frame(section.address);
        let oracle = gimli::EhFrame::new(section.data, gimli::LittleEndian);
        let mut expected = HashMap::new();
        let mut entries = oracle.entries(&bases);
        while let Some(entry) = entries.next().unwrap() {
            if let gimli::CieOrFde::Fde(partial) = entry {
                let fde = partial.parse(gimli::EhFrame::cie_from_offset).unwrap();
                let instructions = fde.instructions(&oracle, &bases).count();
                expected.insert(fde.initial_address(), (fde, instructions));
            }
        }
        assert_eq!(frames.fdes().len(), expected.len(), "{}", program.name);
        let mut tables = 0;
        for fde in frames.fdes() {
            let (other, count) = &expected[&fde.start];
            assert_eq!(fde.len, other.len());
            let no_table = fde.table.is_none();
            assert!(no_table || fde.table == other.lsda().map(gimli::Pointer::pointer));
            let personality = frames.cie(fde).unwrap().personality.map(Pointer::address);
            assert_eq!(personality, other.personality().map(gimli::Pointer::pointer));
            assert!(frames.instructions(fde).unwrap().len() >= usize::from(*count > 0 && !no_table));
            if let Some(table) = frames.table(&build, fde).unwrap() {
                let sites = table.call_sites();
                assert!(
                    sites.iter().all(|site| site.start + site.len <= fde.len && site.landing_pad < fde.len)
                );
                // A table without call sites belongs to a function that no exception may leave.
                tables += usize::from(!sites.is_empty());
            }
        }
        assert!(tables >= 4, "{} has {tables} tables", program.name);
    }
}

#[test]
fn every_function_of_a_compiler_has_rules() {
    let program = throws("g++", &["-O2"], "A");
    let build = Build::parse(&program.bytes).unwrap();
    let frames = Frames::parse(&build).unwrap();
    for name in ["_Z5riskyi", "_Z5guardi", "_Z3anyi", "main"] {
        let symbol = build.symbols().iter().find(|symbol| symbol.name == name).unwrap();
        let fde = frames.fde_for(symbol.address + symbol.size / 2).unwrap();
        assert_eq!((fde.start, fde.len), (symbol.address, symbol.size), "{name}");
        assert_eq!(frames.in_range(symbol.address, symbol.address + symbol.size), [*fde]);
    }
    assert_eq!(frames.fde_for(build.section(".data").unwrap().address), None);
}

/// The name of what a pointer of the rules means.
fn name(build: &Build<'_>, pointer: Pointer) -> String {
    let address = match pointer {
        Pointer::Direct(address) => address,
        Pointer::Slot(slot) => match build.slot(slot) {
            Some(Slot::Import(import, _)) => return import.name.to_owned(),
            Some(Slot::Address(address)) => address,
            _ => build.read_u64(slot).unwrap(),
        },
    };
    let at =
        |symbol: &&suture_elf::Symbol<'_>| symbol.address == address && symbol.kind != SymbolKind::Section;
    build.symbols().iter().find(at).unwrap().name.to_owned()
}

/// TRAPS 2: `catch (A&)` and `catch (B&)` have the same code and the same table but for the type.
#[test]
fn another_type_that_is_caught_is_another_identity() {
    for (compiler, arguments) in [
        ("g++", &["-O2"][..]),
        ("g++", &["-O2", "-no-pie"]),
        ("g++", &["-O2", "-fuse-ld=lld"]),
        ("clang++", &["-O2"]),
    ] {
        let programs = ["A", "B"].map(|caught| throws(compiler, arguments, caught));
        let builds = programs.each_ref().map(|program| Build::parse(&program.bytes).unwrap());
        let described = builds.each_ref().map(|build| {
            let frames = Frames::parse(build).unwrap();
            let symbol = build.symbols().iter().find(|symbol| symbol.name == "_Z5guardi").unwrap();
            let identity = frames.identity(build, symbol.address, symbol.address + symbol.size).unwrap();
            let names: Vec<_> = identity.pointers.iter().map(|pointer| name(build, *pointer)).collect();
            (identity.rules, names)
        });
        let [(old, old_names), (new, new_names)] = described;
        assert_eq!(old, new, "{compiler} {arguments:?}");
        assert_eq!(old_names, ["__gxx_personality_v0", "_ZTI1A"]);
        assert_eq!(new_names, ["__gxx_personality_v0", "_ZTI1B"]);
    }
}

#[test]
fn a_promise_not_to_throw_is_part_of_the_table() {
    let program = throws("g++", &["-O2"], "A");
    let build = Build::parse(&program.bytes).unwrap();
    let frames = Frames::parse(&build).unwrap();
    let fde = frames.fde_for(crate::program::address(&build, "_Z8promisedi")).unwrap();
    let table = frames.table(&build, fde).unwrap().unwrap();
    assert_eq!(table.specifications, [1, 0], "type 1, then the end");
    assert_eq!(table.types.iter().flatten().map(|p| name(&build, *p)).collect::<Vec<_>>(), ["_ZTI1A"]);
}

#[test]
fn a_catch_all_has_no_type() {
    let program = throws("g++", &["-O2"], "A");
    let build = Build::parse(&program.bytes).unwrap();
    let frames = Frames::parse(&build).unwrap();
    let fde = frames.fde_for(crate::program::address(&build, "_Z3anyi")).unwrap();
    let table = frames.table(&build, fde).unwrap().unwrap();
    let types: Vec<_> = table.types.iter().map(|pointer| pointer.map(|p| name(&build, p))).collect();
    assert!(types.contains(&None) && types.contains(&Some("_ZTI1A".to_owned())), "{types:?}");
}

/// Reads everything that the bytes offer.
fn read_all(bytes: &[u8]) {
    let Ok(build) = Build::parse(bytes) else { return };
    let Ok(frames) = Frames::parse(&build) else { return };
    for fde in frames.fdes() {
        if let Ok(identity) = frames.identity(&build, fde.start, fde.end()) {
            assert!(!identity.rules.is_empty());
        }
        if let Ok(Some(table)) = frames.table(&build, fde) {
            table.call_sites();
        }
    }
}

#[test]
fn mutated_rules_never_panic() {
    let program = throws("g++", &["-O2"], "A");
    let build = Build::parse(&program.bytes).unwrap();
    let range = |name: &str| {
        let data = build.section(name).unwrap().data;
        let start = data.as_ptr() as usize - program.bytes.as_ptr() as usize;
        start..start + data.len()
    };
    let places = prop_oneof![range(".eh_frame"), range(".gcc_except_table")];
    let mutations = prop::collection::vec((places, any::<u8>()), 1..12);
    proptest!(ProptestConfig::with_cases(4000), |(mutations in mutations)| {
        let mut bytes = program.bytes.clone();
        for (place, byte) in mutations {
            bytes[place] = byte;
        }
        read_all(&bytes);
    });
}

#[test]
fn any_bytes_as_rules_never_panic() {
    proptest!(ProptestConfig::with_cases(4000), |(bytes in prop::collection::vec(any::<u8>(), 0..200))| {
        if let Ok(frames) = Frames::read(&bytes, 0x1000) {
            for fde in frames.fdes() {
                let _ = frames.instructions(fde);
            }
        }
    });
}
