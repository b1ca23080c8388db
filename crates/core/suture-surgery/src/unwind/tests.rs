//! Tests of unwinding stacks and tables made by hand.

use proptest::prelude::*;

use super::made::*;
use super::*;
use crate::memory::Snapshot;
use crate::modules::Module;

fn pcs(stack: &Stack) -> Vec<u64> {
    stack.frames.iter().map(|frame| frame.pc).collect()
}

#[test]
fn callers_are_found_until_the_return_address_is_undefined() {
    let functions = [(function(0), &[ADVANCE_4, DEF_CFA_OFFSET, 24][..]), (function(1), OUTERMOST)];
    let unwinder = unwinder(table(b"zR", &functions)).unwrap();
    let memory = stack(&[1, 2, CODE + 0x150]);
    let stack = unwinder.unwind(&at(CODE + 4), &memory);
    assert_eq!(stack.end, End::Complete);
    let inner = Frame { pc: CODE + 4, is_return: false, is_signal: false, slot: None, cfa: Some(STACK + 24) };
    let outer = Frame {
        pc: CODE + 0x150,
        is_return: true,
        is_signal: false,
        slot: Some(STACK + 16),
        cfa: Some(STACK + 32),
    };
    assert_eq!(stack.frames, [inner, outer]);
    assert_eq!(unwinder.unwind(&at(CODE + 4), &memory), stack, "from the cache");
    assert_eq!(unwinder.module_of(CODE + 4), Some("patch"));
}

#[test]
fn a_call_at_the_end_of_a_function_belongs_to_it() {
    let functions =
        [(function(0), &[][..]), (function(1), &[DEF_CFA_OFFSET, 16][..]), (function(2), OUTERMOST)];
    let unwinder = unwinder(table(b"zR", &functions)).unwrap();
    // The return address is the first one behind function 1, where another function begins.
    let memory = stack(&[CODE + 0x200, 0, CODE + 0x201]);
    let stack = unwinder.unwind(&at(CODE), &memory);
    assert_eq!(pcs(&stack), [CODE, CODE + 0x200, CODE + 0x201]);
    assert_eq!(stack.end, End::Complete);
}

#[test]
fn a_remembered_state_comes_back_with_its_registers() {
    let instructions = [
        &[ADVANCE_4, DEF_CFA_OFFSET, 16, OFFSET_RBP, 2, REMEMBER][..],
        &[ADVANCE_4, DEF_CFA_OFFSET, 8, 0xc6, ADVANCE_4, RESTORE],
    ]
    .concat();
    let functions = [(function(0), &instructions[..]), (function(1), &[DEF_CFA, 6, 16])];
    let unwinder = unwinder(table(b"zR", &functions)).unwrap();
    // In function 1 the CFA is rbp + 16: it can only be followed if rbp was restored from the stack.
    let memory = stack(&[STACK + 16, CODE + 0x110, 0, 0]);
    let stack = unwinder.unwind(&at(CODE + 12), &memory);
    assert_eq!(pcs(&stack), [CODE + 12, CODE + 0x110]);
    assert_eq!(stack.frames[1].cfa, Some(STACK + 32));
    assert_eq!(stack.end, End::Complete);
}

#[test]
fn expressions_compute_the_frame_and_where_registers_are() {
    // CFA = *(rsp + 8) + 8; return address at *(CFA - 16); rsp of the caller = CFA + 8.
    let instructions = [
        &[DEF_CFA_EXPRESSION, 5, 0x77, 8, 0x06, 0x23, 8][..],
        &[EXPRESSION, 16, 3, 0x40, 0x1c, 0x06],
        &[VAL_OFFSET_SIGNED, 7, 0x7f],
    ]
    .concat();
    let functions = [(function(0), &instructions[..]), (function(1), OUTERMOST)];
    let unwinder = unwinder(table(b"zR", &functions)).unwrap();
    let memory = stack(&[0, STACK + 24, STACK + 32, 0, CODE + 0x108]);
    let stack = unwinder.unwind(&at(CODE), &memory);
    assert_eq!(stack.end, End::Complete);
    assert_eq!(stack.frames[1].slot, Some(STACK + 32));
    assert_eq!(stack.frames[1].cfa, Some(STACK + 48));
}

#[test]
fn behind_a_signal_frame_the_place_itself_counts() {
    let handler = (function(0), &[][..]);
    let trampoline = (function(1), &[DEF_CFA_OFFSET, 16][..]);
    let interrupted = (function(2), OUTERMOST);
    // All entries are signal frames here; what matters is that function 2 is interrupted at its very first
    // instruction and function 1 is returned to at its own.
    let unwinder = unwinder(table(b"zRS", &[handler, trampoline, interrupted])).unwrap();
    let memory = stack(&[CODE + 0x100, 0, CODE + 0x200]);
    let stack = unwinder.unwind(&at(CODE), &memory);
    let frames: Vec<_> = stack.frames.iter().map(|frame| (frame.pc, frame.is_return)).collect();
    assert_eq!(frames, [(CODE, false), (CODE + 0x100, false), (CODE + 0x200, false)]);
    assert_eq!(stack.end, End::Complete);
}

#[test]
fn an_undescribed_trampoline_is_known_by_its_code() {
    let unwinder = unwinder(table(b"zR", &[(function(0), &[]), (function(1), OUTERMOST)])).unwrap();
    let trampoline = CODE + 0x2000;
    let mut words = vec![0; 40];
    words[0] = trampoline;
    // Return popped: the stack pointer is at word 1, `uc_mcontext` 40 bytes on; rsp is its 15th word.
    words[6 + 15] = STACK + 0x100;
    words[6 + 16] = CODE + 0x100;
    let mut memory = stack(&words);
    memory.insert(trampoline, vec![0x48, 0xc7, 0xc0, 15, 0, 0, 0, 0x0f, 0x05]);
    let stack = unwinder.unwind(&at(CODE), &memory);
    assert_eq!(pcs(&stack), [CODE, trampoline, CODE + 0x100]);
    assert!(stack.frames[1].is_signal && !stack.frames[2].is_return);
    assert_eq!(stack.frames[2].slot, Some(STACK + 22 * 8));
    assert_eq!(stack.end, End::Complete);
}

#[test]
fn what_can_not_be_followed_ends_with_the_reason() {
    let functions = [
        (function(0), &[][..]),
        (function(1), &[DEF_CFA_OFFSET, 0, VAL_OFFSET, 16, 0]),
        (function(2), &[DEF_CFA, 7, 0, 0x08, 16]),
        (function(3), &[DEF_CFA_EXPRESSION, 3, 0x2f, 0xfd, 0xff]),
    ];
    let unwinder = unwinder(table(b"zR", &functions)).unwrap();
    let end = |rip: u64, words: &[u64]| unwinder.unwind(&at(rip), &stack(words)).end;
    let outside = CODE + 0x900;
    assert_eq!(end(CODE, &[outside]), End::Stopped(StopReason::NoTable { pc: outside }));
    assert_eq!(end(CODE, &[]), End::Stopped(StopReason::Unreadable { address: STACK }));
    assert_eq!(end(CODE, &[0]), End::Complete);
    let circular = CODE + 0x210;
    assert_eq!(end(circular, &[0]), End::Stopped(StopReason::BadTable { pc: circular }));
    let endless = CODE + 0x310;
    assert_eq!(end(endless, &[0]), End::Stopped(StopReason::BadTable { pc: endless }));
}

#[test]
fn endless_stacks_are_cut() {
    // The caller of function 0 is where it is itself.
    let functions = [(function(0), &[DEF_CFA_OFFSET, 8][..]), (function(1), &[VAL_OFFSET, 7, 1, 0x90, 1])];
    let unwinder = unwinder(table(b"zR", &functions)).unwrap();
    let deep = vec![CODE + 0x10; FRAMES_MAX + 1];
    let end = unwinder.unwind(&at(CODE + 0x10), &stack(&deep));
    assert_eq!(end.end, End::Stopped(StopReason::TooDeep));
    assert_eq!(end.frames.len(), FRAMES_MAX);
    let pc = CODE + 0x110;
    let end = unwinder.unwind(&at(pc), &stack(&[pc])).end;
    assert_eq!(end, End::Stopped(StopReason::Circular { pc }));
}

/// Where the header of the table stands in the made-up module.
const HEADER: u64 = TABLE - 0x1000;

/// A module whose table has this header before it.
fn with_header(header: Vec<u8>, section: Vec<u8>) -> Result<Unwinder, FramesError> {
    let range = |start, len: usize| Range { start, end: start + len as u64 };
    let module = Module {
        name: "module".to_owned(),
        path: String::new(),
        base: CODE,
        bias: 0,
        range: Range { start: CODE, end: TABLE + 0x1000 },
        is_executable: true,
        is_interpreter: false,
        entry: CODE,
        build_id: None,
        dynamic: None,
        eh_frame_hdr: Some(range(HEADER, header.len())),
        tls: None,
        text: vec![range(CODE, 0x1000)],
        segments: vec![range(CODE, 0x1000), range(HEADER, header.len()), range(TABLE, section.len())],
    };
    let mut memory = Snapshot::default();
    memory.insert(HEADER, header);
    memory.insert(TABLE, section);
    Ok(Unwinder::new(vec![ModuleFrames::of_module(&module, &memory)?]))
}

/// The header that a linker writes: a search table of 32-bit offsets from its own beginning.
fn header(section: &[u8], functions: u64) -> Vec<u8> {
    let mut header = vec![1, 0x1b, 0x03, 0x3b];
    header.extend(((TABLE - HEADER - 4) as u32).to_le_bytes());
    header.extend((functions as u32).to_le_bytes());
    let mut at = 0;
    let mut entries = (0..=functions).map(|_| {
        let here = at;
        at += 4 + u32::from_le_bytes(*section[here..].first_chunk().unwrap()) as usize;
        here as u64
    });
    entries.next();
    for (number, entry) in (0..functions).zip(entries) {
        header.extend((function(number).start.wrapping_sub(HEADER) as u32).to_le_bytes());
        header.extend(((TABLE + entry - HEADER) as u32).to_le_bytes());
    }
    header
}

#[test]
fn a_header_finds_the_entries_with_and_without_a_search_table() {
    let functions = [(function(0), &[DEF_CFA_OFFSET, 16][..]), (function(1), OUTERMOST)];
    let section = table(b"zR", &functions);
    let sound = header(&section, 2);
    let mut no_table = sound[..8].to_vec();
    (no_table[2], no_table[3]) = (0xff, 0xff);
    for header in [sound, no_table] {
        let unwinder = with_header(header, section.clone()).unwrap();
        let stack = unwinder.unwind(&at(CODE + 1), &stack(&[0, CODE + 0x120]));
        assert_eq!((pcs(&stack), stack.end), (vec![CODE + 1, CODE + 0x120], End::Complete));
    }
}

proptest! {
    /// A damaged header gives an error or another stack, and no panic.
    #[test]
    fn damaged_headers_are_read_safely(
        damage in prop::collection::vec((0..28_usize, any::<u8>()), 1..6),
        place in 0..0x200_u64,
    ) {
        let functions = [(function(0), &[DEF_CFA_OFFSET, 16][..]), (function(1), OUTERMOST)];
        let section = table(b"zR", &functions);
        let mut header = header(&section, 2);
        let len = header.len();
        for (at, byte) in damage {
            header[at % len] = byte;
        }
        if let Ok(unwinder) = with_header(header, section) {
            let memory = stack(&[CODE + 0x110, CODE + 0x120, STACK + 8, 0, 0, 0]);
            prop_assert!(unwinder.unwind(&at(CODE + place), &memory).frames.len() <= FRAMES_MAX);
        }
    }

    /// Damaged tables give an error or another stack, and no panic.
    #[test]
    fn damaged_tables_are_read_safely(
        damage in prop::collection::vec((0..160_usize, any::<u8>()), 1..8),
        place in 0..0x300_u64,
    ) {
        let functions = [
            (function(0), &[ADVANCE_4, DEF_CFA_OFFSET, 24, REMEMBER, RESTORE][..]),
            (function(1), &[DEF_CFA_EXPRESSION, 4, 0x77, 8, 0x23, 8, EXPRESSION, 16, 3, 0x40, 0x1c, 0x06]),
            (function(2), OUTERMOST),
        ];
        let mut section = table(b"zR", &functions);
        let len = section.len();
        for (at, byte) in damage {
            section[at % len] = byte;
        }
        if let Ok(unwinder) = unwinder(section) {
            let memory = stack(&[CODE + 0x110, CODE + 0x120, STACK + 8, CODE + 0x210, 0, 0]);
            prop_assert!(unwinder.unwind(&at(CODE + place), &memory).frames.len() <= FRAMES_MAX);
        }
    }
}
