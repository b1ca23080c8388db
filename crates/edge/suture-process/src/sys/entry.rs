//! Where the program begins, before its C library does: with short turns.
//!
//! A program that has just been started has a whole turn before it, and a thread of the target that wakes on its processor waits until
//! that is over. To make a C library and a Rust program ready takes longer than the surgery keeps anybody (ADR 20), so
//! turns are short from the first instruction on. The link editor takes [`suture_start`] for the entry point if it is asked to.

use std::sync::atomic::{AtomicU64, Ordering};

use super::modesty::TURN_NS;

/// The turn that the first thread had before, in nanoseconds; 0 where the kernel grants no other.
static USUAL_TURN: AtomicU64 = AtomicU64::new(0);
/// Whether it has been shortened.
static IS_SHORT: AtomicU64 = AtomicU64::new(0);

/// The first thread's attributes as they would be if it had not begun in short turns.
pub(super) fn as_started(now: libc::sched_attr) -> libc::sched_attr {
    if IS_SHORT.load(Ordering::Relaxed) == 0 || now.sched_runtime != TURN_NS {
        return now;
    }
    libc::sched_attr { sched_runtime: USUAL_TURN.load(Ordering::Relaxed), ..now }
}

/// Asks for the shortest turns, if the thread is scheduled like most (`SCHED_OTHER`, `SCHED_BATCH`), and goes on where a program
/// begins otherwise. What fails leaves it as it is.
///
/// # Safety
///
/// It is the entry point of a program, and nothing else calls it.
// SAFETY (of the attribute): the name is this project's; the link editor has to find it.
// In instructions, since nothing else can run here: relocations, thread-local storage and functions that are chosen at the start are all
// yet to come. `_start` is handed what it expects: the stack pointer, and in `rdx` what the dynamic linker wants to be called at
// the end (System V ABI, AMD64 supplement, 3.4.1). The kernel keeps all registers but `rax`, `rcx` and `r11`.
#[unsafe(naked)]
#[unsafe(no_mangle)]
unsafe extern "C" fn suture_start() -> ! {
    core::arch::naked_asm!(
        "mov r9, rdx",
        "sub rsp, 64",
        "mov eax, {getattr}",
        "xor edi, edi",
        "mov rsi, rsp",
        "mov edx, {size}",
        "xor r10d, r10d",
        "syscall",
        "test eax, eax",
        "jnz 3f",
        "mov eax, [rsp + {policy}]",
        "cmp eax, {batch}",
        "je 2f",
        "cmp eax, {other}",
        "jne 3f",
        "2:",
        "mov rcx, [rsp + {runtime}]",
        "mov [rip + {usual}], rcx",
        "mov qword ptr [rsp + {runtime}], {turn}",
        "mov eax, {setattr}",
        "xor edx, edx",
        "syscall",
        "test eax, eax",
        "jnz 3f",
        "mov qword ptr [rip + {is_short}], 1",
        "3:",
        "add rsp, 64",
        "mov rdx, r9",
        "jmp _start",
        getattr = const libc::SYS_sched_getattr,
        setattr = const libc::SYS_sched_setattr,
        size = const size_of::<libc::sched_attr>(),
        policy = const std::mem::offset_of!(libc::sched_attr, sched_policy),
        runtime = const std::mem::offset_of!(libc::sched_attr, sched_runtime),
        other = const libc::SCHED_OTHER,
        batch = const libc::SCHED_BATCH,
        turn = const TURN_NS,
        usual = sym USUAL_TURN,
        is_short = sym IS_SHORT,
    )
}

// The attributes lie in the 64 bytes that the entry point takes of the stack.
const _: () = assert!(size_of::<libc::sched_attr>() <= 64);
