//! Rules that a delta carries are those that the new build has.

use std::collections::HashMap;

use gimli::UnwindSection;
use suture_delta::frames::{Origin, Outside, Piece, Rules, UnwindError};
use suture_delta::model::{Range, RelocationKind, Section, SectionKind, Target};
use suture_elf::Build;
use suture_elf::frames::{Frames, Identity, Pointer, Table};

use crate::program::{Program, compile};

const CPP: &str = r#"
struct A { int a; A(int x) : a(x) {} ~A(); };
struct B { int b; B(int x) : b(x) {} };
A::~A() { asm volatile(""); }
__attribute__((noinline)) int risky(int n) { if (n > 3) throw B(n); if (n > 2) throw A(n); return n; }
__attribute__((noinline)) int any(int n) {
    A local(n);
    try { return risky(n) + local.a; } catch (A& e) { return 1; } catch (B& e) { return 2; } catch (...) { return 3; }
}
__attribute__((noinline)) int promised(int n) throw(A, B) { return risky(n) + 1; }
__attribute__((noinline)) int never(int n) noexcept { A a(n); return risky(n) + a.a; }
int main(int argc, char**) { return any(argc) + promised(argc) + never(argc); }
"#;

const RUST: &str = r#"
struct Guard(u32);
impl Drop for Guard { fn drop(&mut self) { std::hint::black_box(self.0); } }
#[inline(never)] fn risky(n: u32) -> u32 { if n > 3 { panic!("no") } n }
fn main() {
    let n = std::env::args().count() as u32;
    let caught = std::panic::catch_unwind(|| { let guard = Guard(n); risky(n) + guard.0 });
    println!("{caught:?}");
}
"#;

/// Where the made-up process has things: what is outside keeps its address but for this distance.
const BIAS: u64 = 0x10_0000;
const CODE: u64 = 0x4000_0000;
const TABLES: u64 = 0x5000_0000;
const FRAMES: u64 = 0x6000_0000;

/// Gives everything a place.
#[derive(Default)]
struct Places {
    addresses: Vec<u64>,
    tables: Vec<Section>,
}

impl Outside for Places {
    fn resolve(&mut self, pointer: Pointer) -> Result<(Target, i64), String> {
        self.addresses.push(pointer.address() + BIAS - 5);
        Ok((Target::Reference(self.addresses.len() as u32 - 1), 5))
    }

    fn code(&mut self, address: u64) -> Result<(Target, i64), String> {
        Err(format!("landing pads elsewhere, at {address:#x}"))
    }

    fn place_table(&mut self, _name: &str, table: Section) -> Target {
        self.tables.push(table);
        Target::Symbol(FIRST_TABLE + self.tables.len() as u32 - 1)
    }
}

/// Symbols below are code, the others tables.
const FIRST_TABLE: u32 = 1 << 16;
const STRIDE: u64 = 1 << 14;

fn address(places: &Places, target: Target) -> u64 {
    match target {
        Target::Reference(number) => places.addresses[number as usize],
        Target::Symbol(number) if number >= FIRST_TABLE => TABLES + u64::from(number - FIRST_TABLE) * STRIDE,
        Target::Symbol(number) => CODE + u64::from(number) * STRIDE,
    }
}

/// The section as it would stand at `at` in a process.
fn linked(section: &Section, at: u64, places: &Places) -> Vec<u8> {
    let mut data = section.data.clone();
    for relocation in &section.relocations {
        assert_eq!(relocation.kind, RelocationKind::Pc32);
        let value = address(places, relocation.target)
            .wrapping_add_signed(relocation.addend)
            .wrapping_sub(at + relocation.offset) as i32;
        let offset = relocation.offset as usize;
        data[offset..offset + 4].copy_from_slice(&value.to_le_bytes());
    }
    data
}

fn programs() -> Vec<Program> {
    let cpp: [(&str, &[&str]); 5] = [
        ("g++", &["-O2"]),
        ("g++", &["-O0", "-no-pie"]),
        ("g++", &["-O2", "-static"]),
        ("clang++", &["-O2", "-fuse-ld=lld"]),
        ("clang++", &["-O1", "-no-pie"]),
    ];
    let mut all: Vec<_> = cpp
        .iter()
        .map(|(compiler, arguments)| {
            compile(compiler, &[&["-std=c++14"], *arguments].concat(), ("a.cpp", CPP))
        })
        .collect();
    all.push(compile("rustc", &["-O"], ("a.rs", RUST)));
    all
}

/// Functions of the program's own source, as pieces.
fn pieces<'d>(build: &Build<'d>) -> Vec<Piece<'d>> {
    let own = ["risky", "any", "promised", "never", "main", "closure"];
    let function = |index: &u32| {
        let symbol = build.symbols()[*index as usize];
        let is_own = own.iter().any(|name| symbol.name.contains(name)) && symbol.size > 0;
        is_own.then(|| (symbol.name, Range { start: symbol.address, end: symbol.address + symbol.size }))
    };
    let mut functions: Vec<_> = build.symbols_by_address().iter().filter_map(function).take(400).collect();
    functions.dedup_by_key(|(_, range)| range.start);
    let is_code = |range: Range| build.section_at(range.start).is_some_and(suture_elf::Section::is_code);
    functions.retain(|(_, range)| is_code(*range));
    (0..).zip(functions).map(|(code, (name, range))| Piece { name, range, code }).collect()
}

/// The rules of the original, with every pointer where the made-up process has it.
fn expected<'d>(frames: &Frames<'d>, build: &Build<'d>, piece: &Piece<'_>) -> Identity<'d> {
    let mut identity = frames.identity(build, piece.range.start, piece.range.end).unwrap();
    for pointer in &mut identity.pointers {
        *pointer = match *pointer {
            Pointer::Direct(address) => Pointer::Direct(address + BIAS),
            Pointer::Slot(address) => Pointer::Slot(address + BIAS),
        };
    }
    identity
}

#[test]
fn carried_rules_mean_what_the_original_ones_mean() {
    let mut tables = 0;
    for program in programs() {
        let build = Build::parse(&program.bytes).unwrap();
        let frames = Frames::parse(&build).unwrap();
        let mut places = Places::default();
        let mut rules = Rules::default();
        let pieces = pieces(&build);
        for piece in &pieces {
            rules.add(Origin { build: &build, frames: &frames }, piece, &mut places).unwrap();
        }
        let section = rules.finish().unwrap();
        assert_eq!((section.kind, section.name.as_str()), (SectionKind::Frames, ".eh_frame"));
        assert!(section.data.ends_with(&[0; 4]));
        let data = linked(&section, FRAMES, &places);
        let carried = Frames::read(&data, FRAMES).unwrap();
        for piece in &pieces {
            let start = address(&places, Target::Symbol(piece.code));
            let Identity { rules, mut pointers } = expected(&frames, &build, piece);
            for (rule, fde) in rules.iter().zip(carried.in_range(start, start + STRIDE)) {
                let cie = carried.cie(fde).unwrap();
                assert_eq!((fde.start - start, fde.len), (rule.offset, rule.len), "{}", piece.name);
                assert_eq!((cie.code_align, cie.data_align, cie.return_register, cie.signal), rule.common);
                assert_eq!(cie.instructions, rule.initial);
                assert_eq!(carried.instructions(fde).unwrap(), rule.instructions);
                assert_eq!(cie.personality, rule.has_personality.then(|| pointers.remove(0)));
                assert_eq!(fde.table.is_some(), rule.table.is_some());
                let (Some(at), Some(expected)) = (fde.table, &rule.table) else { continue };
                let number = ((at - TABLES) / STRIDE) as usize;
                let bytes = linked(&places.tables[number], at, &places);
                let table = Table::read(&bytes, at).unwrap();
                assert_eq!((table.call_site_encoding, table.call_sites), expected.call_sites);
                assert_eq!(
                    (table.actions, table.specifications),
                    (expected.actions, expected.specifications)
                );
                assert_eq!(table.types.iter().map(Option::is_some).collect::<Vec<_>>(), expected.types);
                for pointer in table.types.into_iter().flatten() {
                    assert_eq!(pointer, pointers.remove(0), "{}: {}", program.name, piece.name);
                }
                tables += 1;
            }
            assert_eq!(pointers, [], "{}", piece.name);
        }
    }
    assert!(tables > 20, "{tables}");
}

/// An unwinder computes the same from the carried rules.
#[test]
fn an_unwinder_reads_the_carried_rules() {
    let program = compile("g++", &["-O2", "-std=c++14"], ("a.cpp", CPP));
    let build = Build::parse(&program.bytes).unwrap();
    let frames = Frames::parse(&build).unwrap();
    let mut places = Places::default();
    let mut rules = Rules::default();
    let pieces = pieces(&build);
    for piece in &pieces {
        rules.add(Origin { build: &build, frames: &frames }, piece, &mut places).unwrap();
    }
    let data = linked(&rules.finish().unwrap(), FRAMES, &places);
    let rows = |data: &[u8], section: u64, start: u64, len: u64| {
        let bases = gimli::BaseAddresses::default().set_eh_frame(section);
        let frame = gimli::EhFrame::new(data, gimli::LittleEndian);
        let mut context = gimli::UnwindContext::new();
        let at = |address: u64, context: &mut gimli::UnwindContext<usize>| {
            let row =
                frame.unwind_info_for_address(&bases, context, address, gimli::EhFrame::cie_from_offset);
            let row = row.unwrap();
            let mut registers: HashMap<_, _> = HashMap::new();
            registers.extend(row.registers().cloned());
            (format!("{:?}", row.cfa()), registers)
        };
        (start..start + len).map(|address| at(address, &mut context)).collect::<Vec<_>>()
    };
    let original = build.section(".eh_frame").unwrap();
    for piece in &pieces {
        let there = address(&places, Target::Symbol(piece.code));
        let (start, len) = (piece.range.start, piece.range.len());
        assert_eq!(rows(original.data, original.address, start, len), rows(&data, FRAMES, there, len));
    }
}

#[test]
fn what_has_no_place_is_said() {
    struct Nowhere;
    impl Outside for Nowhere {
        fn resolve(&mut self, _: Pointer) -> Result<(Target, i64), String> {
            Err("not there".to_owned())
        }
        fn code(&mut self, _: u64) -> Result<(Target, i64), String> {
            Err("not there".to_owned())
        }
        fn place_table(&mut self, _: &str, _: Section) -> Target {
            Target::Symbol(0)
        }
    }
    let program = compile("g++", &["-O2", "-std=c++14"], ("a.cpp", CPP));
    let build = Build::parse(&program.bytes).unwrap();
    let frames = Frames::parse(&build).unwrap();
    let pieces = pieces(&build);
    let origin = Origin { build: &build, frames: &frames };
    let any = pieces.iter().find(|piece| piece.name == "_Z3anyi").unwrap();
    let mut rules = Rules::default();
    assert!(matches!(rules.add(origin, any, &mut Nowhere), Err(UnwindError::Unresolved { .. })));
    assert_eq!(rules.finish(), None, "nothing is left half written");
    let inside = Piece { range: Range { start: any.range.start + 4, ..any.range }, ..*any };
    let mut rules = Rules::default();
    assert!(matches!(rules.add(origin, &inside, &mut Nowhere), Err(UnwindError::BeginBefore { .. })));
}
