//! Changed layouts of types.

use suture_delta::types::{FunctionPair, LayoutChange, LayoutChangeKind, Variables, compare_layouts};
use suture_elf::Build;
use suture_elf::debug::{DebugInfo, DebugSections};

use crate::program::{Program, compile};

/// Compares two programs with respect to the functions and objects of these names; a function that the old
/// program lacks is new.
fn changes(old: &Program, new: &Program, functions: &[&str], objects: &[&str]) -> Vec<LayoutChange> {
    let builds = [old, new].map(|program| Build::parse(&program.bytes).unwrap());
    let sections = builds.each_ref().map(|build| DebugSections::load(build).unwrap());
    let [old_debug, new_debug] = sections.each_ref().map(|sections| DebugInfo::new(sections).unwrap());
    let find = |build: &Build<'_>, name: &str| {
        let named = |symbol: &&suture_elf::Symbol<'_>| symbol.name.contains(name) && symbol.section.is_some();
        build.symbols().iter().find(named).map(|symbol| symbol.address)
    };
    let functions: Vec<_> = functions
        .iter()
        .map(|name| FunctionPair { old: find(&builds[0], name), new: find(&builds[1], name).unwrap() })
        .collect();
    let objects: Vec<_> = objects
        .iter()
        .map(|name| (find(&builds[0], name).unwrap(), find(&builds[1], name).unwrap()))
        .collect();
    let variables = Variables { objects, thread_locals: Vec::new() };
    compare_layouts(&old_debug, &new_debug, &functions, &variables, &str::to_owned).unwrap()
}

/// What is reported for two C programs that differ in declarations; `use_it` is the changed function.
fn in_c(old: &str, new: &str, code: &str) -> Vec<(String, String)> {
    let program = |types: &str| {
        let source = format!("{types}\n{code}\n");
        compile("gcc", &["-g", "-O1"], ("file.c", &source))
    };
    let found = changes(&program(old), &program(new), &["use_it"], &[]);
    found.into_iter().map(|change| (change.type_name, change.description)).collect()
}

const USE: &str = "__attribute__((noinline)) int use_it(void *p) { return ((struct s *)p)->last; }\n\
    int main(int c, char **v) { (void)c; return use_it(v); }";

fn expect(old: &str, new: &str, expected: &[(&str, &str)]) {
    let found = in_c(old, new, USE);
    let found: Vec<_> = found.iter().map(|(name, why)| (name.as_str(), why.as_str())).collect();
    assert_eq!(found, expected, "{old} => {new}");
}

/// TRAPS 1: a field that fits into padding changes neither a symbol nor `sizeof`; the type appears in a
/// cast only.
#[test]
fn a_field_in_the_padding_is_a_change() {
    expect(
        "struct s { char kind; long id; int last; };",
        "struct s { char kind; short flags; long id; int last; };",
        &[("s", "member 'flags' is new at offset 2")],
    );
    expect(
        "struct s { int a; int b; int last; };",
        "struct s { int a; int added; int b; int last; };",
        &[(
            "s",
            "member 'added' is new at offset 4, member 'b' moves from offset 4 to offset 8; its size changes from 12 to 16 bytes",
        )],
    );
}

#[test]
fn what_moves_grows_or_goes_is_a_change() {
    let old = "struct s { int a; int b; int last; };";
    expect(
        old,
        "struct s { int b; int a; int last; };",
        &[("s", "member 'b' moves from offset 4 to offset 0")],
    );
    expect(
        old,
        "struct s { int a; int b; long last; };",
        &[("s", "member 'last': 'int' becomes 'long int'; its size changes from 12 to 16 bytes")],
    );
    expect(
        old,
        "struct s { int a; int last; };",
        &[("s", "member 'b' is gone; its size changes from 12 to 8 bytes")],
    );
    expect(
        "struct s { unsigned low : 3; unsigned high : 5; int last; };",
        "struct s { unsigned low : 4; unsigned high : 4; int last; };",
        &[("s", "member 'low' changes from 3 to 4 bits")],
    );
    expect(
        "struct s { char name[16]; int last; };",
        "struct s { char name[12]; int more; int last; };",
        &[("s", "member 'more' is new at offset 12")],
    );
}

#[test]
fn what_members_and_pointers_lead_to_counts() {
    expect(
        "struct t { int x; }; struct s { struct t *t; struct { int deep; } inner; int last; };",
        "struct t { int y; int x; }; struct s { struct t *t; struct { int deep; } inner; int last; };",
        &[(
            "t",
            "member 'y' is new at offset 0, member 'x' moves from offset 0 to offset 4; its size changes from 4 to 8 bytes",
        )],
    );
    expect(
        "struct s { union { int i; float f; } u; int last; };",
        "struct s { union { int i; int f; } u; int last; };",
        &[("s", "member 'u': member 'f': 'float' becomes 'int'")],
    );
    expect(
        "struct s { int (*call)(int); int last; };",
        "struct s { int (*call)(int, int); int last; };",
        &[("s", "member 'call': what it points to changes: it takes 2 parameters in place of 1")],
    );
}

#[test]
fn what_looks_different_but_is_laid_out_alike_is_no_change() {
    expect(
        "enum e { A, B }; struct t { struct t *next; int x; }; typedef long word;\n\
         struct s { enum e e; struct t *t; word w; int last; };",
        "enum e { A, B, C }; struct added { int q; }; struct renamed { struct renamed *next; int x; };\n\
         struct s { enum e e; const struct renamed *t; long renamed; int last; };",
        &[],
    );
}

#[test]
fn a_constant_with_another_value_is_told_apart() {
    let old = "enum e { A, B }; struct s { enum e e; int last; };";
    let new = "enum e { NEW, A, B }; struct s { enum e e; int last; };";
    expect(old, new, &[("e", "constant 'A' changes from 0 to 1")]);
    let programs = [old, new].map(|types| compile("gcc", &["-g"], ("a.c", &format!("{types}{USE}"))));
    let found = changes(&programs[0], &programs[1], &["use_it"], &[]);
    assert_eq!(found[0].kind, LayoutChangeKind::EnumValue);
    assert_eq!((found[0].file.as_str(), found[0].line), ("a.c", 1));
}

#[test]
fn a_renamed_type_with_another_layout_is_a_change() {
    let code = |name: &str, fields: &str| {
        format!(
            "struct {name} {{ {fields} }}; struct {name} *head;\n\
             __attribute__((noinline)) int use_it(struct {name} *p) {{ return p->last; }}\n\
             int main(void) {{ return use_it(head); }}"
        )
    };
    let build = |text: String| compile("gcc", &["-g", "-O1"], ("a.c", &text));
    let old = build(code("before", "int a; int last;"));
    let new = build(code("after", "int a; int b; int last;"));
    let found = changes(&old, &new, &["use_it"], &[]);
    assert_eq!(found.len(), 1, "through the parameter: {found:?}");
    assert_eq!((found[0].type_name.as_str(), found[0].kind), ("after", LayoutChangeKind::Layout));
    let found = changes(&old, &new, &[], &["head"]);
    assert_eq!(found.len(), 1, "through the variable: {found:?}");
    assert!(found[0].description.starts_with("of the variable 'head'"), "{found:?}");
    let alike = build(code("after", "int a; int last;"));
    assert_eq!(changes(&old, &alike, &["use_it"], &["head"]), []);
}

/// A header gives the type to a unit that did not know it; the process is full of it.
#[test]
fn a_type_that_the_unit_sees_for_the_first_time_is_found_elsewhere() {
    let program = |fields: &str, code: &str| {
        let first = format!(
            "struct s {{ {fields} }}; struct s one; int use_it(struct s *);\n\
             int main(void) {{ return one.last + use_it(&one); }}"
        );
        crate::program::compile_all("gcc", &["-g"], &[("first.c", &first), ("second.c", code)])
    };
    let old = program("int a; int last;", "struct s; int use_it(struct s *p) { return p != 0; }");
    let code =
        |fields: &str| format!("struct s {{ {fields} }}; int use_it(struct s *p) {{ return p->last; }}");
    let same = program("int a; int last;", &code("int a; int last;"));
    let other = program("int a; int last;", &code("long a; int last;"));
    assert_eq!(changes(&old, &same, &["use_it"], &[]), []);
    let found = changes(&old, &other, &["use_it"], &[]);
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0].type_name, "s");
}

#[test]
fn cpp_classes_bases_and_templates() {
    let program = |base: &str, field: &str, extra: &str| {
        let source = format!(
            "namespace n {{ struct Base {{ {base} virtual ~Base() {{}} virtual int run() {{ return 0; }} }};\n\
             template <typename T> struct Box {{ T value; {field} }};\n\
             struct Peer : Base {{ enum {{ SIZE = 4 }}; union {{ char all[SIZE]; int one; }};\n\
             Box<int> box; int last; {extra} }}; }}\n\
             __attribute__((noinline)) int use_it(n::Peer &p) {{ return p.last + p.box.value + p.all[p.SIZE - 1]; }}\n\
             int main() {{ n::Peer p; return use_it(p); }}"
        );
        compile("g++", &["-g", "-O1"], ("peer.cpp", &source))
    };
    let old = program("int id;", "", "");
    let names = |new: &Program| -> Vec<String> {
        changes(&old, new, &["use_it"], &[]).into_iter().map(|change| change.type_name).collect()
    };
    assert_eq!(names(&program("int id;", "", "int more() { return 1; }")), Vec::<String>::new());
    assert_eq!(names(&program("int id; int other;", "", "")), ["n::Base", "n::Peer"]);
    assert_eq!(names(&program("int id;", "long big;", "")), ["n::Box<int>", "n::Peer"]);
    assert_eq!(names(&program("int id;", "", "virtual int more() { return 1; }")), ["n::Peer"]);
}

/// TRAPS 12: the state of an `async fn` lives in the process.
#[test]
fn a_coroutine_that_keeps_more_is_a_change() {
    let program = |keeps: &str, used: &str| {
        let source = format!(
            "use std::future::Future; use std::pin::pin; use std::task::{{Context, Waker}};\n\
             async fn step(n: u64) -> u64 {{ {keeps} std::future::ready(n).await + 1 {used} }}\n\
             fn main() {{ let mut f = pin!(step(3));\n\
             let _ = f.as_mut().poll(&mut Context::from_waker(Waker::noop())); }}"
        );
        compile("rustc", &["-g", "--edition", "2024"], ("steps.rs", &source))
    };
    let old = program("", "");
    let edited = program("", "+ 1");
    let kept = program("let kept = [n; 4];", "+ kept[1]");
    let found = |new: &Program| changes(&old, new, &["step"], &[]);
    assert_eq!(found(&edited), []);
    let found = found(&kept);
    assert!(found.iter().any(|change| change.type_name == "steps::step::{async_fn_env#0}"), "{found:?}");
}

#[test]
fn rust_enumerations_and_structures() {
    let program = |fields: &str, variants: &str| {
        let source = format!(
            "#[derive(Default)] pub struct Peer {{ {fields} pub last: u32 }}\n\
             #[allow(dead_code)] pub enum Message {{ Quit, Move {{ x: i64, y: i64 }}, {variants} }}\n\
             #[inline(never)] pub fn use_it(p: &Peer, m: &Message) -> i64 {{\n\
             match m {{ Message::Move {{ x, .. }} => *x + i64::from(p.last), _ => 0 }} }}\n\
             fn main() {{ let p = Peer::default(); let m = Message::Move {{ x: 1, y: 2 }};\n\
             println!(\"{{}}\", use_it(std::hint::black_box(&p), std::hint::black_box(&m))); }}"
        );
        compile("rustc", &["-g", "-O"], ("peers.rs", &source))
    };
    let old = program("pub id: u64,", "");
    let names = |new: &Program| -> Vec<String> {
        changes(&old, new, &["use_it"], &[]).into_iter().map(|change| change.type_name).collect()
    };
    assert_eq!(names(&program("pub id: u64,", "")), Vec::<String>::new());
    assert_eq!(names(&program("pub id: u64, pub port: u16,", "")), ["peers::Peer"]);
    assert_eq!(names(&program("pub id: u64,", "Text(u64)")), ["peers::Message"]);
}

/// What macros make in blocks of their own has the same name as what they make in others.
#[test]
fn types_of_one_name_are_each_compared_with_their_own() {
    let program = |first: &str, second: &str, text: &str| {
        let reader = |fields: &str| {
            format!(
                "const _: () = {{ impl Reader for [u8; {}] {{ fn read(n: u8) -> u64 {{ #[derive(Default)] struct Read {{ {fields} }}\n\
                 let r = Read::default(); std::hint::black_box(&r); u64::from(r.last + n) }} }} }};\n",
                fields.len()
            )
        };
        let calls = [first, second].map(|fields| format!("<[u8; {}]>::read(n)", fields.len())).join(" + ");
        let source = format!(
            "trait Reader {{ fn read(n: u8) -> u64; }}\n{}{}\n\
             #[inline(never)] fn use_it(n: u8) -> u64 {{ println!(\"{text}\"); {calls} }}\n\
             fn main() {{ use_it(std::env::args().count() as u8); }}",
            reader(first),
            reader(second)
        );
        compile("rustc", &["-g", "--edition", "2024", "-Ccodegen-units=1"], ("two.rs", &source))
    };
    let (one, other) = ("last: u8", "before: u64, last: u8");
    let old = program(one, other, "old");
    let found = |first: &str, second: &str| {
        let found = changes(&old, &program(first, second, "new"), &["use_it"], &[]);
        found.into_iter().map(|change| change.type_name).collect::<Vec<_>>()
    };
    assert_eq!(found(one, other), [""; 0]);
    let grown = "before: u64, added: u64, last: u8";
    for (first, second) in
        [(one, grown), (grown, other), (one, "last : u8"), ("before: u64 , last: u8", other)]
    {
        let found = found(first, second);
        assert!(
            found.iter().any(|name| name == "two::_::{impl#0}::read::Read"),
            "{first} and {second}: {found:?}"
        );
    }
}

/// The same members, of types that look alike: what stood there was something else.
#[test]
fn a_type_in_the_place_of_another_is_a_change() {
    let program = |members: &str, bases: &str| {
        let source = format!(
            "#include <variant>\nstruct Grant {{ int v; }}; struct Deny {{ int v; }};\n\
             struct First {{ int a; }}; struct Second {{ int b; }}; struct Third : First {{ Grant g; Deny d; }};\n\
             struct Peer : {bases} {{ std::variant<{members}> state; int last; }};\n\
             int g(Third *t) {{ return t->a + t->g.v + t->d.v; }}\n\
             __attribute__((noinline)) int use_it(Peer *p) {{ return p->last + p->a + p->b + (int)p->state.index(); }}\n\
             int main(int c, char **v) {{ return use_it((Peer *)v) + g((Third *)v); }}"
        );
        compile("g++", &["-g", "-O1", "-std=c++17"], ("file.cc", &source))
    };
    let old = program("Grant, Deny", "First, Second");
    let found = |new: &Program| {
        changes(&old, new, &["use_it"], &[]).into_iter().map(|change| change.type_name).collect::<Vec<_>>()
    };
    assert_eq!(found(&program("Grant, Deny", "First, Second")), [""; 0]);
    assert!(found(&program("Deny, Grant", "First, Second")).contains(&"Peer".to_owned()));
    assert!(found(&program("Grant, Deny", "Second, First")).contains(&"Peer".to_owned()));
}

/// What is generic may keep its arguments where no member shows them.
#[test]
fn what_a_generic_is_made_with_counts() {
    let program = |element: &str, captured: &str| {
        let source = format!(
            "use std::sync::Mutex; pub static QUEUE: Mutex<Vec<{element}>> = Mutex::new(Vec::new());\n\
             #[inline(never)] pub fn use_it(low: u64, high: u64) -> Box<dyn Fn(u64) -> u64> {{\n\
             println!(\"{{low}} {{high}} {{}}\", QUEUE.lock().unwrap().len()); Box::new(move |n| n.min({captured})) }}\n\
             fn main() {{ let n = std::env::args().count() as u64; println!(\"{{}}\", use_it(n, n + 1)(3)); }}"
        );
        compile("rustc", &["-g", "--edition", "2024", "-Ccodegen-units=1"], ("queue.rs", &source))
    };
    let old = program("u64", "high");
    let found = |new: &Program, objects: &[&str]| {
        changes(&old, new, &["use_it"], objects)
            .into_iter()
            .map(|change| change.description)
            .collect::<Vec<_>>()
    };
    assert_eq!(found(&program("u64", "high"), &["QUEUE"]), [""; 0]);
    let boxed = found(&program("Box<u64>", "high"), &["QUEUE"]);
    assert!(boxed.iter().any(|change| change.starts_with("of the variable 'QUEUE'")), "{boxed:?}");
    let other = found(&program("u64", "low"), &["QUEUE"]);
    assert_eq!(other, ["it holds 'low' in place of 'high'"]);
}

/// A limit may change; constants that trade values may not, for what was stored under one name is read under the other.
#[test]
fn constants_without_a_type_may_not_trade_places() {
    let code = "enum { OTHER = 5 }; static int state; __attribute__((noinline)) int use_it(int n) { state += n; return state == LAST + OTHER; }\n\
                int main(int c, char **v) { (void)v; return use_it(c); }";
    let old = "enum { IDLE, RUN, LAST };";
    assert_eq!(in_c(old, "enum { IDLE, RUN, LAST = 7 };", code), []);
    assert_eq!(in_c(old, "enum { IDLE, RUN, LAST, MORE };", code), []);
    for new in ["enum { IDLE, WAIT, RUN, LAST };", "enum { RUN, IDLE, LAST };"] {
        let found = in_c(old, new, code);
        assert_eq!(found.len(), 1, "{new}: {found:?}");
        assert!(found[0].1.starts_with("constant '"), "{new}: {found:?}");
    }
}
