//! One bit of the code, or of a constant that code refers to, is another: every such change must be found. One that
//! is missed is a hole that stays open.

use suture_delta::compare::{Debug, compare};
use suture_delta::{Options, RefusalCode};
use suture_elf::debug::{DebugInfo, DebugSections};
use suture_elf::{Build, SymbolKind};

use crate::program::{Program, compile};

const SOURCE: &str = r#"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
static const int weights[] = {3, 1, 4, 1, 5, 9, 2, 6};
static const char *const names[] = {"none", "first", "second", "third"};
static int calls;
__attribute__((noinline)) double scale(double x) { return x * 2.5 + 0.125; }
__attribute__((noinline)) int weigh(const char *text)
{
	int sum = 0;
	for (size_t i = 0; i < strlen(text); i++)
		sum += weights[text[i] & 7];
	return sum;
}
__attribute__((noinline)) const char *classify(int x)
{
	switch (x) {
	case 0: return "zero";
	case 1: return names[1];
	case 2: calls++; return names[weigh("two") & 3];
	case 3: return "three";
	case 4: return x > calls ? "more" : "less";
	case 5: abort();
	default: return "many";
	}
}
int main(int argc, char **argv)
{
	for (int i = 0; i < argc; i++)
		printf("%s %d %.3f\n", classify(i), weigh(argv[i]), scale(i));
	return calls;
}
"#;
const MUTANTS: u64 = 700;

/// Modules become codegen units, and each has copies of its own of what is `#[inline]` and not inlined.
const RUST_SOURCE: &str = r#"
pub mod shared {
    #[inline]
    pub fn digest<T: Copy + Into<u64>>(values: &[T], seed: u64) -> u64 {
        let mut sum = seed;
        for value in values {
            sum = sum.rotate_left(5) ^ (*value).into().wrapping_mul(0x9e37_79b9_7f4a_7c15);
            if sum % 7 == 3 { sum = settle(sum, values.len()); }
        }
        settle(sum, 3)
    }
    #[inline]
    pub fn settle(sum: u64, rounds: usize) -> u64 {
        let mut table: Vec<u64> = (0..rounds as u64).map(|n| n ^ sum).collect();
        table.sort_by_key(|n| n.wrapping_mul(31) >> 7);
        let text: Vec<String> = table.iter().map(|n| format!("{n:x}")).collect();
        text.concat().len() as u64 + table.first().copied().unwrap_or(sum)
    }
}
macro_rules! users {
    ($($name:ident $number:literal)*) => { $(pub mod $name {
        #[inline(never)]
        pub fn use_it(bytes: &[u8], words: &[u32]) -> u64 {
            crate::shared::digest(bytes, $number) ^ crate::shared::digest(words, $number + 1)
        }
    })* };
}
users! { first 11 second 22 third 33 fourth 44 fifth 55 }
fn main() {
    let bytes: Vec<u8> = std::env::args().flat_map(|text| text.into_bytes()).collect();
    let words: Vec<u32> = bytes.iter().map(|byte| u32::from(*byte) << 9).collect();
    let uses = [first::use_it, second::use_it, third::use_it, fourth::use_it, fifth::use_it];
    println!("{}", uses.iter().map(|f| f(&bytes, &words)).fold(0, |a, b| a ^ b));
}
"#;
/// Mutants of a Rust program in an ordinary run; the variable `SUTURE_MUTANTS` asks for more.
const RUST_MUTANTS: u64 = 40;

/// Names of functions whose code is the compiler's own start-up code, of which nothing needs to be told.
const START_UP: [&str; 7] = [
    "_start",
    "_init",
    "_fini",
    "deregister_tm_clones",
    "register_tm_clones",
    "__do_global_dtors_aux",
    "frame_dummy",
];

/// Places of the file that hold code of the program's functions.
fn code(program: &Program) -> Vec<usize> {
    let build = Build::parse(&program.bytes).unwrap();
    let mut places = Vec::new();
    for symbol in build.symbols() {
        let own = symbol.kind == SymbolKind::Function && symbol.section.is_some() && symbol.size > 0;
        if own && !START_UP.contains(&symbol.name) {
            let bytes = build.read(symbol.address, symbol.size).unwrap();
            let offset = bytes.as_ptr() as usize - program.bytes.as_ptr() as usize;
            places.extend(offset..offset + bytes.len());
        }
    }
    places
}

/// Places of the file that hold texts and tables of the program: found by their contents.
fn constants(program: &Program) -> Vec<usize> {
    let texts = [
        "none\0", "first\0", "second\0", "third\0", "zero\0", "two\0", "three\0", "more\0", "less\0",
        "many\0",
    ];
    let weights: Vec<u8> =
        [3, 1, 4, 1, 5, 9, 2, 6_i32].iter().flat_map(|weight| weight.to_le_bytes()).collect();
    let numbers = [2.5_f64.to_le_bytes(), 0.125_f64.to_le_bytes()];
    let wanted = texts.iter().map(|text| text.as_bytes()).chain([&weights[..], &numbers[0], &numbers[1]]);
    let build = Build::parse(&program.bytes).unwrap();
    let sections: Vec<_> =
        build.sections().iter().filter(|section| section.name.starts_with(".rodata")).collect();
    let mut places = Vec::new();
    for wanted in wanted {
        let found = sections.iter().find_map(|section| {
            let at = section.data.windows(wanted.len()).position(|window| window == wanted)?;
            Some(section.data.as_ptr() as usize - program.bytes.as_ptr() as usize + at)
        });
        // A number may stand in the code instead.
        places.extend(found.into_iter().flat_map(|at| at..at + wanted.len()));
    }
    assert!(places.len() > 60, "the constants are found");
    places
}

fn is_found(old: &Program, new: &[u8]) -> bool {
    let (old, new) = (Build::parse(&old.bytes).unwrap(), Build::parse(new).unwrap());
    let (old_sections, new_sections) =
        (DebugSections::load(&old).unwrap(), DebugSections::load(&new).unwrap());
    let (old_info, new_info) = (DebugInfo::new(&old_sections).ok(), DebugInfo::new(&new_sections).ok());
    let debug = Debug { old: old_info.as_ref(), new: new_info.as_ref() };
    let report = compare(&old, &new, debug, &Options::default()).report;
    !report.refusals.iter().any(|refusal| refusal.code == RefusalCode::NoDifference)
}

fn mutants_are_found(compiler: &str, options: &[&str]) {
    let flags = ["-g", "-ffunction-sections", "-fdata-sections", "-Wl,--emit-relocs", "-Wl,--build-id"];
    let program = compile(compiler, &[&flags[..], options].concat(), ("a.c", SOURCE));
    assert!(!is_found(&program, &program.bytes), "a build and itself do the same");
    let (code, constants) = (code(&program), constants(&program));
    let mut random = 0x2545_f491_4f6c_dd1d_u64;
    for number in 0..MUTANTS {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let places = if number % 3 == 0 { &constants } else { &code };
        let place = places[(random >> 33) as usize % places.len()];
        let bit = (random >> 29) & 7;
        let mut mutant = program.bytes.clone();
        mutant[place] ^= 1 << bit;
        assert!(is_found(&program, &mutant), "{}: bit {bit} of byte {place:#x} is missed", program.name);
    }
}

#[test]
fn a_bit_of_gcc() {
    mutants_are_found("gcc", &["-O2"]);
}

#[test]
fn a_bit_of_gcc_unoptimised() {
    mutants_are_found("gcc", &["-O0", "-no-pie", "-fno-pie"]);
}

#[test]
fn a_bit_of_clang() {
    mutants_are_found("clang", &["-O2", "-fuse-ld=lld"]);
}

/// Functions of which a Rust program has several copies, each of which has to be looked at.
fn copies(program: &Program) -> Vec<usize> {
    let build = Build::parse(&program.bytes).unwrap();
    let mut places = Vec::new();
    for symbol in build.symbols() {
        let is_copied =
            symbol.kind == SymbolKind::Function && symbol.size > 0 && symbol.name.contains("shared");
        let twins = build.symbols().iter().filter(|twin| twin.name == symbol.name);
        if is_copied && twins.count() > 1 {
            let bytes = build.read(symbol.address, symbol.size).unwrap();
            let offset = bytes.as_ptr() as usize - program.bytes.as_ptr() as usize;
            places.extend(offset..offset + bytes.len());
        }
    }
    places
}

#[test]
fn a_bit_of_one_of_many_copies() {
    let options = ["--edition", "2024", "-g", "-C", "opt-level=1", "-C", "codegen-units=16"];
    let link = ["-C", "link-arg=-Wl,--emit-relocs", "-C", "link-arg=-Wl,--build-id"];
    let program = compile("rustc", &[&options[..], &link].concat(), ("a.rs", RUST_SOURCE));
    assert!(!is_found(&program, &program.bytes), "a build and itself do the same");
    let places = copies(&program);
    assert!(places.len() > 400, "there are copies: {}", places.len());
    let mutants = std::env::var("SUTURE_MUTANTS").ok().and_then(|number| number.parse().ok());
    let mut random = 0x2545_f491_4f6c_dd1d_u64;
    for _ in 0..mutants.unwrap_or(RUST_MUTANTS) {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let place = places[(random >> 33) as usize % places.len()];
        let bit = (random >> 29) & 7;
        let mut mutant = program.bytes.clone();
        mutant[place] ^= 1 << bit;
        assert!(is_found(&program, &mutant), "bit {bit} of byte {place:#x} is missed");
    }
}
