//! Lines, functions, variables and units by address.

use proptest::prelude::*;
use suture_elf::Build;
use suture_elf::debug::{DebugError, DebugInfo, DebugSections};

use crate::program::{Program, address, compile, compile_all};

/// Line 2 is inlined into line 6.
const INLINED: &str = "\
static int total;
static inline __attribute__((always_inline)) int twice(int n) { total += n; return n * 2; }
__attribute__((noinline))
int outer(int n)
{
    return twice(n) + 1;
}
int main(int argc, char **argv) { (void)argv; return outer(argc); }
";

fn with_debug<T>(program: &Program, ask: impl FnOnce(&Build<'_>, &DebugInfo<'_>) -> T) -> T {
    let build = Build::parse(&program.bytes).unwrap();
    let sections = DebugSections::load(&build).unwrap();
    let debug = DebugInfo::new(&sections).unwrap();
    ask(&build, &debug)
}

/// Every kind of debug information that the lookup has to understand.
fn variants() -> Vec<Program> {
    [
        ("gcc", &["-O2", "-gdwarf-5"][..]),
        ("gcc", &["-O0", "-gdwarf-4", "-no-pie"]),
        ("gcc", &["-O2", "-gdwarf-3"]),
        ("gcc", &["-O2", "-g", "-gz", "-ffunction-sections", "-fdata-sections", "-Wl,--gc-sections"]),
        ("gcc", &["-O2", "-g", "-flto"]),
        ("clang", &["-O2", "-gdwarf-5", "-fuse-ld=lld"]),
        ("clang", &["-O1", "-gdwarf-4", "-ffunction-sections", "-Wl,--gc-sections"]),
        ("clang", &["-O2", "-g", "-flto", "-fuse-ld=lld"]),
    ]
    .iter()
    .map(|(compiler, arguments)| compile(compiler, arguments, ("inlined.c", INLINED)))
    .collect()
}

#[test]
fn lines_follow_the_inlined_source() {
    for program in variants() {
        with_debug(&program, |build, debug| {
            let outer = build.symbols().iter().find(|symbol| symbol.name == "outer").unwrap();
            let inside = outer.address..outer.address + outer.size;
            let lines: Vec<_> = inside.clone().filter_map(|address| debug.line_at(address)).collect();
            assert_eq!(lines.len() as u64, outer.size, "{}: every byte has a line", program.name);
            assert!(lines.iter().all(|line| line.file == "inlined.c"), "{}: {lines:?}", program.name);
            let seen: Vec<u32> = lines.iter().map(|line| line.line).collect();
            assert!(seen.contains(&2), "{}: the inlined line is missing in {seen:?}", program.name);
            assert!(seen.contains(&6) || seen.contains(&7), "{}: {seen:?}", program.name);
            assert!(seen.iter().all(|line| [2, 5, 6, 7].contains(line) || *line == 4), "{seen:?}");
            for address in inside {
                assert_eq!(debug.line_number_at(address), debug.line_at(address).map(|line| line.line));
            }
        });
    }
}

#[test]
fn addresses_outside_have_no_lines() {
    for program in variants() {
        with_debug(&program, |build, debug| {
            for nowhere in [0, 1, build.section(".data").unwrap().address, u64::MAX] {
                assert_eq!(debug.line_at(nowhere), None, "{}", program.name);
                assert_eq!(debug.function_at(nowhere), None);
            }
        });
    }
}

#[test]
fn functions_are_where_they_are_declared() {
    for program in variants() {
        with_debug(&program, |build, debug| {
            let outer = debug.function_at(address(build, "outer") + 1).unwrap();
            assert_eq!((outer.name.as_str(), outer.file.as_str(), outer.line), ("outer", "inlined.c", 4));
            assert_eq!(outer.unit, "inlined.c", "{}", program.name);
            assert!(outer.directory.starts_with('/'));
            let main = debug.source_file_of(address(build, "main"));
            assert_eq!(main.as_deref(), Some("inlined.c"), "{}", program.name);
        });
    }
}

#[test]
fn variables_are_found_by_address() {
    for program in variants() {
        with_debug(&program, |build, debug| {
            let total = debug.variable_at(address(build, "total")).unwrap().unwrap();
            assert_eq!((total.name.as_str(), total.line), ("total", 1), "{}", program.name);
            assert_eq!(debug.type_name(total.type_id.unwrap()).unwrap(), "int");
            assert_eq!(debug.variable_at(address(build, "total") + 1).unwrap(), None);
        });
    }
}

/// Link-time optimisation puts everything into one partition; locals still know their file.
#[test]
fn locals_know_their_file_after_link_time_optimisation() {
    let local = |n| format!("__attribute__((noinline)) static int same(int n) {{ return n * {n}; }}\n");
    let first =
        local(3) + "int second(int); int main(int c, char **v) { (void)v; return same(c) + second(c); }";
    let second = local(5) + "__attribute__((noinline)) int second(int n) { return same(n) + 1; }";
    let files = [("first.c", first.as_str()), ("second.c", second.as_str())];
    let program = compile_all("gcc", &["-O1", "-g", "-flto", "-fno-ipa-icf", "-fno-ipa-cp"], &files);
    with_debug(&program, |build, debug| {
        let same = build.symbols().iter().filter(|symbol| symbol.name.starts_with("same"));
        let mut files: Vec<_> = same.map(|symbol| debug.source_file_of(symbol.address).unwrap()).collect();
        files.sort();
        assert_eq!(files, ["first.c", "second.c"]);
    });
}

#[test]
fn compilers_are_named() {
    let program = compile("gcc", &["-O2", "-g"], ("inlined.c", INLINED));
    with_debug(&program, |_, debug| {
        let producers = debug.producers().unwrap();
        assert_eq!(producers.len(), 1, "{producers:?}");
        let producer = producers.first().unwrap();
        assert!(producer.starts_with("GNU C") && producer.contains("-O2"), "{producer}");
    });
}

#[test]
fn a_build_without_debug_information_says_so() {
    let program = compile("gcc", &["-O2"], ("inlined.c", INLINED));
    with_debug(&program, |build, debug| {
        assert!(debug.is_empty());
        assert_eq!(debug.line_at(address(build, "main")), None);
    });
}

#[test]
fn split_debug_information_is_refused() {
    for version in ["-gdwarf-4", "-gdwarf-5"] {
        let program = compile("gcc", &["-O2", version, "-gsplit-dwarf"], ("inlined.c", INLINED));
        let build = Build::parse(&program.bytes).unwrap();
        let sections = DebugSections::load(&build).unwrap();
        assert!(matches!(DebugInfo::new(&sections), Err(DebugError::Split { .. })), "{version}");
    }
}

#[test]
fn rust_functions_have_their_lines() {
    let source = "#[inline(never)]\nfn outer(n: u32) -> u32 {\n    n.checked_mul(3).unwrap()\n}\n\
                  fn main() { println!(\"{}\", outer(std::env::args().count() as u32)); }\n";
    for options in [&["-O", "-g"][..], &["-g"], &["-O", "-g", "-Clto=fat"]] {
        let program = compile("rustc", options, ("lines.rs", source));
        with_debug(&program, |build, debug| {
            let named = |symbol: &&suture_elf::Symbol<'_>| symbol.name.contains("lines5outer");
            let outer = build.symbols().iter().find(named).unwrap();
            let function = debug.function_at(outer.address).unwrap();
            assert_eq!((function.name.as_str(), function.line), ("outer", 2), "{}", program.name);
            let line = debug.line_at(outer.address).unwrap();
            assert!(line.file.ends_with("lines.rs") && line.line == 2, "{line:?}");
        });
    }
}

/// Asks everything that can be asked.
fn ask_all(bytes: &[u8], functions: &[u64], object: u64) {
    let Ok(build) = Build::parse(bytes) else { return };
    let Ok(sections) = DebugSections::load(&build) else { return };
    let Ok(debug) = DebugInfo::new(&sections) else { return };
    let _ = debug.producers();
    for function in functions {
        for address in *function..*function + 16 {
            debug.line_at(address);
        }
        debug.function_at(*function);
        let _ = debug.signature_at(*function);
        let Ok(uses) = debug.uses(*function) else { continue };
        for unit in uses.units {
            for id in debug.types_of_unit(unit).unwrap_or_default() {
                let _ = debug.shape(id);
                let _ = debug.type_name(id);
            }
        }
        for id in uses.types {
            let _ = debug.shape(id);
            let _ = debug.type_name(id);
        }
    }
    if let Ok(Some(variable)) = debug.variable_at(object)
        && let Some(id) = variable.type_id
    {
        let _ = debug.type_name(id);
    }
}

#[test]
fn mutated_debug_information_never_panics() {
    let source =
        "struct node { struct node *next; union { int a; char b[4]; } u; enum { X, Y } kind : 4; };\n\
                  typedef struct { struct node list; int (*call)(struct node *); } state;\nstate global;\n"
            .to_owned()
            + INLINED;
    let program = compile("gcc", &["-O2", "-g", "-nostartfiles", "-Wl,-e,main"], ("all.c", &source));
    let build = Build::parse(&program.bytes).unwrap();
    let functions = [address(&build, "outer"), address(&build, "main")];
    let object = address(&build, "global");
    let ranges: Vec<_> = [".debug_info", ".debug_abbrev", ".debug_line", ".debug_rnglists"]
        .iter()
        .filter_map(|name| build.section(name))
        .map(|section| {
            let start = section.data.as_ptr() as usize - program.bytes.as_ptr() as usize;
            start..start + section.data.len()
        })
        .collect();
    assert_eq!(ranges.len(), 4);
    let places = (0..ranges.len(), any::<prop::sample::Index>());
    let mutations = prop::collection::vec((places, any::<u8>()), 1..8);
    proptest!(ProptestConfig::with_cases(3000), |(mutations in mutations)| {
        let mut bytes = program.bytes.clone();
        for ((section, place), byte) in mutations {
            let range = ranges[section].clone();
            bytes[range.start + place.index(range.len())] = byte;
        }
        ask_all(&bytes, &functions, object);
    });
}
