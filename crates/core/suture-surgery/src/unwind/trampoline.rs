//! The code that a signal handler returns to, where no table describes it.
//!
//! glibc describes its own; musl, Go and others do not. GCC's unwinder and gdb then recognise the two
//! instructions, and so do we: the layout of what the kernel saved is fixed (arch/x86/include/uapi/asm,
//! `struct ucontext` and `struct sigcontext_64`).

use super::context::{COUNT, Context, RIP};
use super::row::Caller;
use crate::memory::Memory;

/// `mov $15,%rax; syscall`: `rt_sigreturn`.
const RT_SIGRETURN: [u8; 9] = [0x48, 0xc7, 0xc0, 15, 0, 0, 0, 0x0f, 0x05];
/// Offset of `uc_mcontext` in the `struct ucontext` that the stack pointer points to.
const MCONTEXT_OFFSET: u64 = 40;
/// DWARF numbers of the registers in the order in which they are saved.
const SAVED: [usize; COUNT] = [8, 9, 10, 11, 12, 13, 14, 15, 5, 4, 6, 3, 1, 0, 2, 7, 16];

/// The interrupted registers, if the frame stands at such code.
pub(super) fn interrupted(context: &Context, memory: &dyn Memory) -> Option<Caller> {
    let mut code = [0; RT_SIGRETURN.len()];
    memory.read(context.rip(), &mut code).ok()?;
    if code != RT_SIGRETURN {
        return None;
    }
    let saved = context.rsp().wrapping_add(MCONTEXT_OFFSET);
    let mut bytes = [0; COUNT * 8];
    memory.read(saved, &mut bytes).ok()?;
    let (words, _) = bytes.as_chunks::<8>();
    let mut interrupted = *context;
    for (register, word) in SAVED.into_iter().zip(words) {
        interrupted.set(register, Some(u64::from_le_bytes(*word)));
    }
    let slot = Some(saved.wrapping_add(RIP as u64 * 8));
    Some(Caller { context: interrupted, cfa: interrupted.rsp(), slot, exists: true })
}
