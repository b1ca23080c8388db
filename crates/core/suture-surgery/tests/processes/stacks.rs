//! Stacks, against the C library's own unwinder.

use std::process::Command;

use suture_delta::model::Range;
use suture_surgery::busy::{Forbidden, LiveStack, Verdict, judge};
use suture_surgery::memory::Memory;
use suture_surgery::registers::Registers;
use suture_surgery::unwind::{End, Stack};

use crate::world::{Process, Program, compile};

const KINDS: [&str; 7] = ["deep", "aligned", "variable", "callback", "signal", "other-stack", "fault"];

/// Runs the program on each kind of stack and compares all frames but the innermost ones, which stand at
/// different calls by then.
fn check(program: &Program, kinds: &[&str]) {
    for kind in kinds {
        let process = Process::start(Command::new(&program.path).arg(kind));
        let registers = process.stop(process.id());
        let stack = process.unwinder().unwind(&registers, &process.memory);
        assert_same(&stack, &process.addresses("frame"), kind);
    }
}

fn assert_same(stack: &Stack, expected: &[u64], kind: &str) {
    let pcs: Vec<_> = stack.frames.iter().map(|frame| frame.pc).collect();
    assert!(expected.len() > 2, "{kind}: the C library's unwinder gave up");
    let ours = pcs.iter().position(|pc| *pc == expected[0]).map(|at| &pcs[at..]);
    assert_eq!(ours, Some(expected), "{kind}: {stack:x?}");
    assert_eq!(stack.end, End::Complete, "{kind}");
}

#[test]
fn a_position_independent_program() {
    check(&compile("stacks.c", &["-O2"]), &KINDS);
}

#[test]
fn a_program_without_optimisation() {
    check(&compile("stacks.c", &["-O0"]), &KINDS);
}

#[test]
fn a_program_that_uses_vector_registers_and_keeps_frame_pointers() {
    check(&compile("stacks.c", &["-O2", "-mavx", "-fno-omit-frame-pointer"]), &KINDS);
}

#[test]
fn a_program_at_fixed_addresses() {
    check(&compile("stacks.c", &["-O1", "-no-pie", "-fno-pie"]), &KINDS);
}

#[test]
fn a_static_program() {
    check(&compile("stacks.c", &["-O2", "-static"]), &KINDS);
}

#[test]
fn a_static_position_independent_program() {
    check(&compile("stacks.c", &["-O2", "-static-pie"]), &KINDS);
}

/// The place of a function, as far as it matters here: all of it is in its first bytes.
fn function(process: &Process, name: &str) -> (Range, String) {
    let start = process.named("function")[name];
    (Range { start, end: start + 0x60 }, name.to_owned())
}

fn judged(process: &Process, registers: &Registers, name: &str) -> Verdict {
    let forbidden = Forbidden::new(&[function(process, name)], &[]);
    let live = LiveStack::read(registers.rsp, process.stack_top(registers), &process.memory);
    judge(&forbidden, registers, &live, &process.unwinder())
}

#[test]
fn threads_that_will_return_into_a_function_are_busy() {
    let program = compile("stacks.c", &["-O2"]);
    let cases = [
        ("deep", "descend"),
        ("callback", "compare"),
        ("signal", "interrupted"),
        ("other-stack", "interrupted"),
        ("fault", "faulting"),
    ];
    for (kind, name) in cases {
        let process = Process::start(Command::new(&program.path).arg(kind));
        let registers = process.stop(process.id());
        let verdict = judged(&process, &registers, name);
        assert!(
            matches!(&verdict, Verdict::Busy { function, .. } if function == name),
            "{kind}: {verdict:x?}"
        );
        let other = if name == "compare" { "interrupted" } else { "compare" };
        assert_eq!(judged(&process, &registers, other), Verdict::Clear, "{kind}");
    }
}

#[test]
fn addresses_left_by_calls_that_are_over_are_no_hindrance() {
    let program = compile("stacks.c", &["-O2"]);
    let process = Process::start(Command::new(&program.path).arg("stale"));
    let registers = process.stop(process.id());
    let (range, _) = function(&process, "descend");
    let live = process.stack_top(&registers).unwrap() - registers.rsp;
    let bytes = process.memory.read_vec(registers.rsp, live).unwrap();
    let stale = bytes.as_chunks::<8>().0.iter().filter(|word| range.contains(u64::from_le_bytes(**word)));
    assert!(stale.count() > 10);
    assert_eq!(judged(&process, &registers, "descend"), Verdict::Clear);
}

#[test]
fn a_program_linked_by_lld() {
    check(&compile("stacks.c", &["-O2", "-fuse-ld=lld"]), &KINDS);
}

#[test]
fn a_destructor_that_an_exception_runs() {
    for flags in [&["-O2"][..], &["-O2", "-static"]] {
        let program = compile("exceptions.cc", flags);
        let process = Process::start(&mut Command::new(&program.path));
        let registers = process.stop(process.id());
        let stack = process.unwinder().unwind(&registers, &process.memory);
        assert_same(&stack, &process.addresses("frame"), "exceptions");
    }
}

#[test]
fn a_thread_that_is_not_the_first() {
    let program = compile("stacks.c", &["-O2", "-pthread"]);
    let process = Process::start(Command::new(&program.path).arg("thread"));
    let threads = process.other_threads();
    assert_eq!(threads.len(), 1);
    let registers = process.stop(threads[0]);
    let stack = process.unwinder().unwind(&registers, &process.memory);
    assert_same(&stack, &process.addresses("frame"), "thread");
    assert!(matches!(judged(&process, &registers, "descend"), Verdict::Busy { .. }));
    assert_eq!(judged(&process, &registers, "compare"), Verdict::Clear);
}
