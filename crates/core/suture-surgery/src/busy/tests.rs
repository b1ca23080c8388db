//! Tests of judging stacks that were made by hand.

use super::*;
use crate::memory::Snapshot;
use crate::unwind::made::{CODE, DEF_CFA_OFFSET, OUTERMOST, STACK, at, function, stack, table, unwinder};

/// Code without unwind tables.
const UNDESCRIBED: u64 = CODE + 0x800;

/// Function 0 calls; function 1 is `victim`, forbidden; function 2 is outermost. All frames are 16 bytes.
fn judged(registers: &Registers, top: Option<u64>, memory: &Snapshot) -> Verdict {
    let sixteen = &[DEF_CFA_OFFSET, 16][..];
    let functions = [(function(0), sixteen), (function(1), sixteen), (function(2), OUTERMOST)];
    let unwinder = unwinder(table(b"zR", &functions)).unwrap();
    let forbidden = Forbidden::new(&[(function(1), "victim".to_owned())], &[CODE + 0x100]);
    judge(&forbidden, registers, &LiveStack::read(registers.rsp, top, memory), &unwinder)
}

fn top(words: &[u64]) -> u64 {
    STACK + words.len() as u64 * 8
}

fn is_busy(verdict: &Verdict) -> bool {
    matches!(verdict, Verdict::Busy { function, .. } if function == "victim")
}

/// A stack with the red zone before it, as any mapped stack has.
fn whole_stack(words: &[u64]) -> Snapshot {
    let mut memory = Snapshot::default();
    let words = [&[0; 16][..], words].concat();
    let bytes = words.iter().flat_map(|word| word.to_le_bytes()).collect();
    memory.insert(STACK - RED_ZONE_LEN, bytes);
    memory
}

#[test]
fn who_executes_the_function_is_busy_except_at_its_entry() {
    let words = [0, CODE + 0x204, 0, 0];
    let memory = whole_stack(&words);
    assert!(is_busy(&judged(&at(CODE + 0x101), Some(top(&words)), &memory)));
    assert_eq!(judged(&at(CODE + 0x100), Some(top(&words)), &memory), Verdict::Clear);
    let Verdict::Busy { stack, way_out, .. } = judged(&at(CODE + 0x101), Some(top(&words)), &memory) else {
        panic!()
    };
    assert_eq!(stack.frames.len(), 2);
    assert_eq!(way_out, Some(CODE + 0x204));
}

#[test]
fn in_a_passage_nobody_may_stand_but_return_into_it() {
    let words = [0, CODE + 0x204, 0, 0];
    let memory = whole_stack(&words);
    let unwinder =
        unwinder(table(b"zR", &[(function(0), &[DEF_CFA_OFFSET, 16][..]), (function(2), OUTERMOST)]));
    let unwinder = unwinder.unwrap();
    let forbidden = Forbidden::new(&[(function(1), "victim".to_owned())], &[]);
    let forbidden = forbidden.with_passage(Some((function(2), "passage".to_owned())));
    let judged = |pc| {
        let live = LiveStack::read(STACK, Some(top(&words)), &memory);
        let is_clear = judge(&forbidden, &at(pc), &live, &unwinder) == Verdict::Clear;
        assert_eq!(super::is_clear(&forbidden, pc, &live), is_clear);
        is_clear
    };
    assert!(judged(CODE + 4), "it returns into the passage");
    assert!(!judged(CODE + 0x200) && !judged(CODE + 0x204));
}

#[test]
fn the_way_out_is_behind_the_outermost_of_several() {
    // 0 called by the victim, called by 0, called by the victim, called by the outermost.
    let words = [0, CODE + 0x150, 0, CODE + 0x10, 0, CODE + 0x160, 0, CODE + 0x204, 0, 0];
    let verdict = judged(&at(CODE + 4), Some(top(&words)), &whole_stack(&words));
    assert!(matches!(verdict, Verdict::Busy { way_out: Some(place), .. } if place == CODE + 0x204));
}

#[test]
fn where_the_stack_ends_too_early_there_is_no_way_out() {
    let words = [0, UNDESCRIBED, 0, CODE + 0x150, 0, 0];
    let verdict = judged(&at(CODE + 4), Some(top(&words)), &whole_stack(&words));
    assert!(matches!(verdict, Verdict::Busy { way_out: None, .. }));
}

#[test]
fn who_returns_into_the_function_is_busy() {
    let words = [0, CODE + 0x150, 0, CODE + 0x204];
    let memory = whole_stack(&words);
    assert!(is_busy(&judged(&at(CODE + 4), Some(top(&words)), &memory)));
    assert!(is_busy(&judged(&at(CODE + 4), None, &memory)));
}

#[test]
fn a_call_at_the_very_end_returns_past_it_but_belongs_to_it() {
    let words = [0, CODE + 0x200, 0, CODE + 0x204];
    assert!(is_busy(&judged(&at(CODE + 4), Some(top(&words)), &whole_stack(&words))));
}

#[test]
fn a_call_at_the_end_of_the_function_before_is_not_in_it() {
    // The return address is the entry of the forbidden function, the call is in function 0.
    let words = [0, CODE + 0x100, 0, CODE + 0x204];
    assert_eq!(judged(&at(CODE + 4), Some(top(&words)), &whole_stack(&words)), Verdict::Clear);
}

#[test]
fn stale_words_are_not_busy() {
    let words = [CODE + 0x150, CODE + 0x204, CODE + 0x160, 0];
    assert_eq!(judged(&at(CODE + 4), Some(top(&words)), &whole_stack(&words)), Verdict::Clear);
}

#[test]
fn code_without_tables_is_judged_by_the_words() {
    let clear = [0, CODE + 0x50, 0, CODE + 0x204];
    assert_eq!(judged(&at(UNDESCRIBED), Some(top(&clear)), &whole_stack(&clear)), Verdict::Clear);
    let doubtful = [0, CODE + 0x150, 0, CODE + 0x204];
    assert!(is_busy(&judged(&at(UNDESCRIBED), Some(top(&doubtful)), &whole_stack(&doubtful))));
    // The word is in a frame that was followed, below the code without tables: known to be stale.
    let stale_below = [CODE + 0x150, UNDESCRIBED, 0, 0];
    assert_eq!(judged(&at(CODE + 4), Some(top(&stale_below)), &whole_stack(&stale_below)), Verdict::Clear);
}

#[test]
fn without_tables_and_without_an_end_there_is_no_verdict() {
    let words = [0, CODE + 0x50, 0, CODE + 0x204];
    let verdict = judged(&at(UNDESCRIBED), None, &whole_stack(&words));
    let reason = StopReason::NoTable { pc: UNDESCRIBED };
    assert!(matches!(verdict, Verdict::Undecided { reason: found, .. } if found == reason));
}

#[test]
fn a_handler_on_another_stack_does_not_hide_what_it_interrupted() {
    const OTHER: u64 = 0x7100_0000;
    let trampoline = CODE + 0x2000;
    // Function 0 is the handler; its return address is followed by the kernel's `struct ucontext`, whose
    // `uc_mcontext` ends with rsp, rip, eflags and the segments.
    let interrupted = |rip: u64| {
        let mut words = vec![0; 32];
        words[1] = trampoline;
        words[7 + 15] = OTHER;
        words[7 + 16] = rip;
        words[7 + 18] = 0x2b_0000_0000_0033;
        let mut memory = whole_stack(&words);
        memory.insert(OTHER, [0, CODE + 0x150, 0, CODE + 0x204].map(u64::to_le_bytes).concat());
        (Some(top(&words)), memory)
    };
    let (end, mut memory) = interrupted(CODE + 0x20);
    // As long as the trampoline is unknown, nobody can tell.
    assert!(matches!(judged(&at(CODE + 4), end, &memory), Verdict::Undecided { .. }));
    memory.insert(trampoline, vec![0x48, 0xc7, 0xc0, 15, 0, 0, 0, 0x0f, 0x05]);
    assert!(is_busy(&judged(&at(CODE + 4), end, &memory)));
    let (end, mut memory) = interrupted(CODE + 0x210);
    memory.insert(trampoline, vec![0x48, 0xc7, 0xc0, 15, 0, 0, 0, 0x0f, 0x05]);
    assert_eq!(judged(&at(CODE + 4), end, &memory), Verdict::Clear);
}

#[test]
fn overlapping_ranges_forbid_their_union() {
    let range = |start, end| Range { start, end };
    let named = |range, name: &str| (range, name.to_owned());
    let ranges = [
        named(range(0x30, 0x40), "third"),
        named(range(0x10, 0x20), "first"),
        named(range(0x10, 0x20), "folded"),
        named(range(0x18, 0x28), "second"),
    ];
    let forbidden = Forbidden::new(&ranges, &[]);
    let found: Vec<_> =
        [0xf, 0x10, 0x1f, 0x20, 0x27, 0x28, 0x30, 0x40].map(|at| forbidden.function_at(at)).into();
    let (folded, second, third) = (Some("first"), Some("second"), Some("third"));
    assert_eq!(found, [None, folded, folded, second, second, None, third, None]);
    assert_eq!(Forbidden::new(&[], &[]).function_meant_by(0), None);
}

#[test]
fn an_unreadable_stack_gives_no_verdict() {
    let verdict = judged(&at(CODE + 4), Some(STACK + 64), &stack(&[]));
    assert!(matches!(verdict, Verdict::Undecided { reason: StopReason::Unreadable { .. }, .. }));
}
