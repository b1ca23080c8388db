//! Where constants without names end, which nothing in the file says.

use suture_delta::{Debug, Options, compare};
use suture_elf::Build;

use crate::program::compile;

/// Names of the functions that changed between two programs of these sources.
fn changed((name, old, new): (&str, &str, &str), compiler: &str, arguments: &[&str]) -> Vec<String> {
    let programs = [old, new].map(|source| compile(compiler, arguments, (name, source)));
    let builds = programs.each_ref().map(|program| Build::parse(&program.bytes).unwrap());
    let options = Options { names: ("p".to_owned(), "p".to_owned()), ..Options::default() };
    let report = compare(&builds[0], &builds[1], Debug::default(), &options).report;
    let mut names: Vec<_> = report.changed.into_iter().map(|function| function.name).collect();
    names.sort_unstable();
    names
}

/// A function that jumps by a table, in front of what is aligned; and one with a text before that.
fn jumps(text: &str, entries: [&str; 3]) -> String {
    let [a, b, c] = entries;
    format!(
        "asm(\".section .rodata\\n .Ltext: .ascii \\\"{text}\\\"\\n .balign 4\\n\"
             \".Ltable: .long {a} - .Ltable, {b} - .Ltable, {c} - .Ltable\\n\"
             \".balign 32\\n .Laligned: .quad 7, 8, 9, 10\\n .text\\n\"
             \".globl jump\\n .type jump, @function\\n jump: lea .Ltable(%rip), %rdx\\n\"
             \"movslq (%rdx,%rdi,4), %rax\\n add %rdx, %rax\\n jmp *%rax\\n\"
             \".L1: mov $1, %eax\\n ret\\n .L2: mov $2, %eax\\n ret\\n .L3: mov $3, %eax\\n ret\\n .size jump, . - jump\\n\"
             \".globl text\\n .type text, @function\\n text: lea .Ltext(%rip), %rax\\n ret\\n .size text, . - text\\n\"
             \".globl aligned\\n .type aligned, @function\\n aligned: lea .Laligned(%rip), %rax\\n ret\\n\"
             \".size aligned, . - aligned\\n\");
         int jump(long); int main(int c, char **v) {{ (void)v; return jump(c - 1); }}\n"
    )
}

#[test]
fn a_gap_behind_a_jump_table_is_no_part_of_it() {
    let entries = [".L1", ".L2", ".L3"];
    let arguments = ["-O2", "-Wl,--emit-relocs", "-Wl,--build-id"];
    let compared = |new: &str| changed(("p.c", &jumps("a text", entries), new), "gcc", &arguments);
    for text in ["b", "some text", "a text of twenty-one.", "a text of more than thirty-two bytes"] {
        assert_eq!(compared(&jumps(text, entries)), ["text"], "{text}");
        assert_eq!(compared(&jumps(text, [".L1", ".L3", ".L3"])), ["jump", "text"], "{text}");
    }
}

/// Two functions of Rust: one chooses among texts by a table, and the text of the other stands before those.
fn chooses(texts: [&str; 4], own: &str) -> String {
    let [a, b, c, d] = texts;
    format!(
        "#[inline(never)] fn own(x: usize) -> &'static str {{ if x > 1 {{ \"{own}\" }} else {{ \"\" }} }}
         #[inline(never)] fn chosen(x: usize) -> &'static str {{
             match x {{ 0 => \"{a}\", 1 => \"{b}\", 2 => \"{c}\", _ => \"{d}\" }}
         }}
         fn main() {{
             let x = std::env::args().count();
             println!(\"{{}} {{}}\", own(x), chosen(x));
         }}"
    )
}

#[test]
fn a_text_ends_where_a_table_has_another() {
    let texts = ["nothing", "one of them", "a pair", "many of them"];
    let arguments =
        ["--edition=2024", "-Copt-level=2", "-Clink-arg=-Wl,--emit-relocs", "-Clink-arg=-Wl,--build-id"];
    let old = chooses(texts, "thirds");
    let compared = |new: &str| changed(("p.rs", &old, new), "rustc", &arguments);
    for (number, text) in (0..4).zip(["nothin!", "one", "a pair of these", "mans of them"]) {
        let mut changed = texts;
        changed[number] = text;
        assert_eq!(compared(&chooses(changed, "thirds")), ["p::chosen"], "{text}");
        assert_eq!(compared(&chooses(changed, "third!")), ["p::chosen", "p::own"], "{text}");
    }
    for own in ["third!", "thirdly", "third"] {
        assert_eq!(compared(&chooses(texts, own)), ["p::own"], "{own}");
    }
}

#[test]
fn a_text_of_c_goes_on_behind_one_that_is_its_end_in_a_build_with_rust_too() {
    // The name is what tells that rustc has compiled it.
    let source = |end: &str| {
        format!(
            "#include <stdio.h>
             #define APART __attribute__((noinline))
             APART int _RNvC7library3one(int x) {{ return x + 1; }}
             APART int counted(int n) {{ return printf(\"count: {end}\", n); }}
             APART int plain(int n) {{ return printf(\"{end}\", n); }}
             APART int other(int n) {{ return printf(\"other %d\\n\", n); }}
             int main(int c, char **v) {{ (void)v; return counted(c) + plain(c) + other(_RNvC7library3one(c)); }}\n"
        )
    };
    let arguments = ["-O2", "-Wl,--emit-relocs", "-Wl,--build-id"];
    let (old, new) = (source("%d apples\\n"), source("%x apples\\n"));
    assert_eq!(changed(("p.c", &old, &new), "gcc", &arguments), ["counted", "plain"]);
    assert_eq!(changed(("p.c", &old, &old), "gcc", &arguments), [""; 0]);
}
