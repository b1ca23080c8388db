//! Shapes and names of types, and what a function uses.

use suture_elf::Build;
use suture_elf::debug::{Aggregate, DebugInfo, DebugSections, EntryId, Place, Shape};

use crate::program::{Program, address, compile};

fn with_debug<T>(program: &Program, ask: impl FnOnce(&Build<'_>, &DebugInfo<'_>) -> T) -> T {
    let build = Build::parse(&program.bytes).unwrap();
    let sections = DebugSections::load(&build).unwrap();
    let debug = DebugInfo::new(&sections).unwrap();
    ask(&build, &debug)
}

fn aggregate(debug: &DebugInfo<'_>, id: EntryId) -> Aggregate {
    match &*debug.shape(id).unwrap() {
        Shape::Aggregate(aggregate) => (**aggregate).clone(),
        Shape::Alias { target: Some(target), .. } => aggregate(debug, *target),
        other => panic!("{other:?} is no aggregate"),
    }
}

/// Name, bit offset, bits and type of each member.
fn members(debug: &DebugInfo<'_>, aggregate: &Aggregate) -> Vec<(String, u64, Option<u64>, String)> {
    let member = |member: &suture_elf::debug::Member| {
        let Place::Bit(bit) = member.place else { panic!("{} has no fixed place", member.name) };
        (member.name.clone(), bit, member.bits, debug.type_name(member.type_id.unwrap()).unwrap())
    };
    aggregate.members.iter().map(member).collect()
}

fn named(debug: &DebugInfo<'_>, name: &str) -> EntryId {
    *debug.types_named(name).unwrap().first().unwrap_or_else(|| panic!("no type {name}"))
}

#[test]
fn layouts_of_c_structures() {
    let source = "typedef struct { int x; } point;\n\
        struct packet { char kind; unsigned low : 3; unsigned high : 5; struct packet *next; \
        union { long n; double d; } value; int grid[2][3]; point at; char tail[]; };\n\
        struct packet first; int main(void) { return first.kind; }";
    for (compiler, version) in [("gcc", "-gdwarf-5"), ("gcc", "-gdwarf-2"), ("clang", "-gdwarf-4")] {
        let program = compile(compiler, &[version, "-gstrict-dwarf"], ("packet.c", source));
        with_debug(&program, |build, debug| {
            let variable = debug.variable_at(address(build, "first")).unwrap().unwrap();
            let packet = variable.type_id.unwrap();
            assert_eq!(debug.type_name(packet).unwrap(), "packet");
            assert_eq!(named(debug, "packet"), packet);
            let layout = aggregate(debug, packet);
            assert_eq!(layout.size, 56, "{compiler} {version}");
            let member = |name: &str, bit, bits, of: &str| (name.to_owned(), bit, bits, of.to_owned());
            let members = members(debug, &layout);
            assert_eq!(members[0], member("kind", 0, None, "char"));
            assert_eq!(members[1], member("low", 8, Some(3), "unsigned int"), "{compiler} {version}");
            assert_eq!(members[2], member("high", 11, Some(5), "unsigned int"));
            assert_eq!(members[3], member("next", 64, None, "packet *"));
            assert_eq!((members[4].0.as_str(), members[4].1), ("value", 128));
            assert_eq!(members[5], member("grid", 192, None, "int[2][3]"));
            assert_eq!(members[6], member("at", 384, None, "point"));
            assert_eq!(members[7].1, 416);
            assert!(debug.is_named(layout.members[6].type_id.unwrap()).unwrap());
            assert!(!debug.is_named(layout.members[4].type_id.unwrap()).unwrap());
        });
    }
}

#[test]
fn layouts_of_cpp_classes() {
    let source = "namespace net { struct Base { virtual ~Base(); virtual int run(); long id; };\n\
        template <typename T> struct Box { T value; };\n\
        class Peer : public Base { public: int run() override; Box<int> box; static int count; \
        enum class State : char { Up = 1, Down = 2 } state; struct Inner { Peer &back; }; Inner *inner; }; }\n\
        net::Base::~Base() {} int net::Base::run() { return 0; } int net::Peer::run() { return box.value; }\n\
        namespace { struct Hidden { int a; }; } Hidden hidden;\n\
        net::Peer peer; int main() { return peer.run() + hidden.a; }";
    for compiler in ["g++", "clang++"] {
        let program = compile(compiler, &["-g"], ("peer.cpp", source));
        with_debug(&program, |build, debug| {
            let peer = debug.variable_at(address(build, "peer")).unwrap().unwrap().type_id.unwrap();
            assert_eq!(debug.type_name(peer).unwrap(), "net::Peer");
            let layout = aggregate(debug, peer);
            assert_eq!(layout.bases.len(), 1);
            assert_eq!(debug.type_name(layout.bases[0].type_id.unwrap()).unwrap(), "net::Base");
            let types: Vec<_> = members(debug, &layout).into_iter().map(|member| member.3).collect();
            assert_eq!(types, ["net::Box<int>", "net::Peer::State", "net::Peer::Inner *"], "{compiler}");
            let state = named(debug, "net::Peer::State");
            let Shape::Enumeration(state) = &*debug.shape(state).unwrap() else { panic!("no enumeration") };
            assert_eq!(
                (state.size, state.values.as_slice()),
                (1, &[("Up".into(), 1), ("Down".into(), 2)][..])
            );
            let base = aggregate(debug, named(debug, "net::Base"));
            let slots: Vec<u64> = base.virtuals.iter().map(|(slot, _)| *slot).collect();
            assert!(slots.contains(&2) && base.virtuals.iter().any(|(_, name)| name == "_ZN3net4Base3runEv"));
            assert!(base.members[0].name.starts_with("_vptr"), "{:?}", base.members);
            named(debug, "(anonymous namespace)::Hidden");
        });
    }
}

#[test]
fn layouts_in_units_of_their_own() {
    let source = "struct Far { int a; long b; }; struct Near { Far far; Far *more; };\n\
        Near near; int main() { return near.far.a; }";
    for arguments in [&["-gdwarf-4", "-fdebug-types-section"], &["-gdwarf-5", "-fdebug-types-section"]] {
        let program = compile("g++", arguments, ("far.cpp", source));
        with_debug(&program, |build, debug| {
            let near = debug.variable_at(address(build, "near")).unwrap().unwrap().type_id.unwrap();
            let layout = aggregate(debug, near);
            assert_eq!(layout.size, 24, "{arguments:?}");
            let far = aggregate(debug, layout.members[0].type_id.unwrap());
            assert_eq!(far.members.len(), 2);
            assert_eq!(debug.type_name(layout.members[1].type_id.unwrap()).unwrap(), "Far *");
        });
    }
}

#[test]
fn layouts_of_rust_enumerations_and_coroutines() {
    let source = "use std::future::Future; use std::pin::pin; use std::task::{Context, Waker};\n\
        #[allow(dead_code)] pub enum Message { Quit, Move { x: i64, y: i64 }, Text(String) }\n\
        async fn step(n: u64) -> u64 { std::future::ready(n).await + 1 }\n\
        #[inline(never)] fn weigh(m: &Message) -> i64 { match m { Message::Move { x, .. } => *x, _ => 0 } }\n\
        fn main() { let m = Message::Move { x: 1, y: 2 }; std::hint::black_box(&m); let mut f = pin!(step(3));\n\
        let _ = f.as_mut().poll(&mut Context::from_waker(Waker::noop())); println!(\"{}\", weigh(&m)); }";
    let program = compile("rustc", &["-g", "--edition", "2024"], ("messages.rs", source));
    with_debug(&program, |_, debug| {
        let message = aggregate(debug, named(debug, "messages::Message"));
        let variants = message.variants.unwrap();
        assert_eq!(variants.variants.len(), 3);
        assert!(variants.discriminant.is_some());
        let names: Vec<_> = variants.variants.iter().map(|v| v.members[0].name.as_str()).collect();
        assert_eq!(names, ["Quit", "Move", "Text"]);
        let moved = aggregate(debug, variants.variants[1].members[0].type_id.unwrap());
        let fields: Vec<_> = moved.members.iter().map(|member| member.name.as_str()).collect();
        assert!(fields.contains(&"x") && fields.contains(&"y"), "{fields:?}");
        let coroutine = aggregate(debug, named(debug, "messages::step::{async_fn_env#0}"));
        assert!(coroutine.variants.unwrap().variants.len() >= 3, "its states");
    });
}

#[test]
fn a_function_uses_what_it_inlines_and_calls() {
    let source = "struct arg { int a; }; struct local { long l; }; struct inlined { short s; }; struct unrelated { int u; };\n\
        static inline __attribute__((always_inline)) int add(struct inlined *i) { return i->s; }\n\
        __attribute__((noinline)) int use(struct arg *p) { struct local here = { p->a }; \
        struct inlined other = { 1 }; __asm__(\"\" :: \"m\"(here), \"m\"(other)); return add(&other) + here.l; }\n\
        __attribute__((noinline)) int other(struct unrelated *u) { return u->u; }\n\
        int main(int c, char **v) { struct arg a = { c }; struct unrelated u = { c }; (void)v; return use(&a) + other(&u); }";
    for level in ["-O0", "-O2"] {
        let program = compile("gcc", &["-g", level], ("use.c", source));
        with_debug(&program, |build, debug| {
            let uses = debug.uses(address(build, "use")).unwrap();
            let names: Vec<_> = uses.types.iter().map(|id| debug.type_name(*id).unwrap()).collect();
            for name in ["arg *", "local", "inlined", "int"] {
                assert!(names.iter().any(|other| other == name), "{level}: {name} is missing in {names:?}");
            }
            assert!(!names.iter().any(|name| name.contains("unrelated")), "{level}: {names:?}");
            assert_eq!(uses.units.len(), 1);
            let unit = *uses.units.first().unwrap();
            let all = debug.types_of_unit(unit).unwrap();
            let all: Vec<_> = all.iter().map(|id| debug.type_name(*id).unwrap()).collect();
            assert!(all.contains(&"unrelated".to_owned()), "{all:?}");
            let signature = debug.signature_at(address(build, "use")).unwrap().unwrap();
            assert_eq!(debug.type_name(signature.result.unwrap()).unwrap(), "int");
            assert_eq!(signature.parameters.len(), 1);
        });
    }
}

#[test]
fn lines_alone_are_not_taken_for_no_types() {
    let source = "struct s { int a; }; __attribute__((noinline)) int use(struct s *p) { return p->a; }\n\
        int main(int c, char **v) { (void)c; return use((struct s *)v); }";
    let knows = |compiler: &str, level: &str, function: &str| {
        let program = compile(compiler, &[level, "-O1"], ("s.c", source));
        with_debug(&program, |build, debug| debug.knows_types_at(address(build, function)).unwrap())
    };
    for compiler in ["gcc", "clang"] {
        assert!(knows(compiler, "-g", "use"), "{compiler}");
        assert!(!knows(compiler, "-g1", "use"), "{compiler}");
        assert!(!knows(compiler, "-g0", "use"), "{compiler}");
    }
    assert!(!knows("gcc", "-g", "_start"), "the C library has no debug information here");
    let source =
        "#[no_mangle] #[inline(never)] pub fn work(n: &[u32]) -> u32 { n[0] } fn main() { work(&[3]); }";
    for (level, expected) in [("2", true), ("1", false), ("line-tables-only", false)] {
        let program = compile("rustc", &["-C", &format!("debuginfo={level}")], ("work.rs", source));
        with_debug(&program, |build, debug| {
            assert_eq!(debug.knows_types_at(address(build, "work")).unwrap(), expected, "{level}");
        });
    }
}

#[test]
fn a_small_unit_without_types_is_believed() {
    let files = [
        ("small.c", "void other(void); void small(void) { other(); }"),
        (
            "main.c",
            "void small(void); int n; void other(void) { n++; } int main(void) { small(); return n; }",
        ),
    ];
    let program = crate::program::compile_all("gcc", &["-g", "-O1"], &files);
    with_debug(&program, |build, debug| {
        assert!(debug.knows_types_at(address(build, "small")).unwrap());
    });
}
