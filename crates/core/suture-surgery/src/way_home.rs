//! A way home for a thread that is made to run something for us.
//!
//! While a thread of the target runs an injected call its registers are ours. If the surgeon died then,
//! the kernel would let the thread go with them, into nowhere. So the thread is given its way home before
//! it leaves: a frame with all that the call may change, below the red zone of its own stack, and behind
//! the injected call the instructions that pick it up. A living surgeon puts everything back itself and
//! the frame is never used; without one the thread walks home alone.
//!
//! `rt_sigreturn` would do the same in one instruction, but it makes the kernel forget how to go on with
//! an interrupted wait that counts down a time, and the program would see `EINTR`.

use crate::registers::Registers;

/// What a stopped thread has, complete.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ThreadContext {
    /// General-purpose registers.
    pub registers: Registers,
    /// Extended state in the standard XSAVE format (`NT_X86_XSTATE`).
    pub extended: Vec<u8>,
    /// Blocked signals, bit n-1 for signal n.
    pub signal_mask: u64,
}

/// The frame, ready to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WayHome {
    /// Where the bytes go, and the stack pointer with which [`WAY_HOME_CODE`] must be entered.
    pub address: u64,
    /// The frame.
    pub bytes: Vec<u8>,
}

/// What a function may use below its stack pointer without moving it, in bytes (psABI §3.2.2).
pub const RED_ZONE: u64 = 128;

/// Unblocks the signals, takes back the registers, and returns to where the thread was, over the red zone.
///
/// Registers that neither a system call nor a function may change (r12 to r15) are not in the frame.
pub const WAY_HOME_CODE: [u8; 28] = [
    0x58, // pop %rax               rt_sigprocmask
    0x5f, // pop %rdi               SIG_SETMASK
    0x5e, // pop %rsi               the mask, two words on
    0x5a, // pop %rdx
    0x41, 0x5a, // pop %r10         its length
    0x0f, 0x05, // syscall
    0x59, // pop %rcx               over the mask
    0x58, // pop %rax
    0x5f, // pop %rdi
    0x5e, // pop %rsi
    0x5a, // pop %rdx
    0x41, 0x5a, // pop %r10
    0x59, // pop %rcx
    0x41, 0x5b, // pop %r11
    0x41, 0x58, // pop %r8
    0x41, 0x59, // pop %r9
    0x5b, // pop %rbx
    0x5d, // pop %rbp
    0x9d, // popfq
    0xc2, 0x80, 0x00, // ret $128
];

const SYS_RT_SIGPROCMASK: u64 = 14;
const SIG_SETMASK: u64 = 2;
const SIGNAL_MASK_LEN: u64 = 8;
const WORDS: u64 = 19;
const MASK_INDEX: u64 = 5;

impl WayHome {
    /// The frame that takes a thread back to `context`.
    ///
    /// A system call from which the thread was taken is repeated by the thread itself when it comes home
    /// this way ([`Registers::rewound`]). `None` if the stack pointer leaves no room.
    pub fn new(context: &ThreadContext) -> Option<Self> {
        let r = context.registers.rewound();
        let address = r.rsp.checked_sub(RED_ZONE + WORDS * 8)?;
        let words = [
            SYS_RT_SIGPROCMASK,
            SIG_SETMASK,
            address + MASK_INDEX * 8,
            0,
            SIGNAL_MASK_LEN,
            context.signal_mask,
            r.rax,
            r.rdi,
            r.rsi,
            r.rdx,
            r.r10,
            r.rcx,
            r.r11,
            r.r8,
            r.r9,
            r.rbx,
            r.rbp,
            r.eflags,
            r.rip,
        ];
        debug_assert_eq!(words.len() as u64, WORDS);
        Some(Self { address, bytes: words.iter().flat_map(|word| word.to_le_bytes()).collect() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_where_the_return_over_the_red_zone_needs_it() {
        let registers =
            Registers { rip: 0x40_1000, rsp: 0x7000_0000, orig_rax: u64::MAX, ..Registers::default() };
        let context = ThreadContext { registers, extended: Vec::new(), signal_mask: 0x55 };
        let frame = WayHome::new(&context).unwrap();
        let word = |at: u64| u64::from_le_bytes(frame.bytes[at as usize..][..8].try_into().unwrap());
        assert_eq!(frame.address + frame.bytes.len() as u64 + RED_ZONE, 0x7000_0000);
        assert_eq!(word(WORDS * 8 - 8), 0x40_1000);
        assert_eq!(word(word(16) - frame.address), 0x55);
    }

    #[test]
    fn needs_room_below_the_stack_pointer() {
        let registers = Registers { rsp: 100, orig_rax: u64::MAX, ..Registers::default() };
        let context = ThreadContext { registers, extended: Vec::new(), signal_mask: 0 };
        assert_eq!(WayHome::new(&context), None);
    }
}
