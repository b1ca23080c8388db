//! The code that injected calls run in the target, and the block of words that the code for a function goes by.
//!
//! ```text
//!  stub:       syscall                      one injected system call
//!              the way home                 never reached while the surgeon lives
//!
//!  call stub:  errno's address, if known ─► ERRNO_AT, its value ─► ERRNO_WAS
//!              the function                 one injected function
//!              ERRNO_WAS ─► errno
//!              getpid                       where the surgeon waits
//!              extended state, all components
//!              0 ─► UNDERWAY                from here on the call stack is free again
//!              the way home
//! ```
//!
//! Everything that belongs to one call lies on the stack on which it runs, so that nothing which is done to the home meanwhile
//! can lead it astray. The register that holds the address of the block is one that functions preserve (psABI §3.2.1).
//!
//! No breakpoint is used: a trap kills a program whose tracer is gone, and resets its `SIGTRAP` handler.

use suture_surgery::way_home::WAY_HOME_CODE;

/// Offset of the call stub in [`prelude`].
pub(super) const CALL_STUB_OFFSET: u64 = 32;
/// Offset in the call stub behind its `getpid`, where the surgeon waits.
pub(super) const CALL_RETURNED_OFFSET: u64 = CALL.len() as u64;
/// Length of the block in bytes; the extended state lies right behind it, so that this is its alignment too.
pub(super) const BLOCK_LEN: u64 = 128;

const FUNCTION: u8 = 0;
const ARGUMENTS: [u8; 2] = [8, 16];
const RESULT: u8 = 24;
const ERRNO_FUNCTION: u8 = 32;
const ERRNO_AT: u8 = 40;
const ERRNO_WAS: u8 = 48;
const WAY_HOME: u8 = 56;
const UNDERWAY: u8 = 64;

/// `%rbx` is the address of the block, and of the end of the stack.
const CALL: [u8; 55] = [
    0x48,
    0x8b,
    0x43,
    ERRNO_FUNCTION, // mov ERRNO_FUNCTION(%rbx), %rax
    0x48,
    0x85,
    0xc0, // test %rax, %rax
    0x74,
    11, // jz over the next three
    0xff,
    0xd0, // call *%rax
    0x48,
    0x89,
    0x43,
    ERRNO_AT, // mov %rax, ERRNO_AT(%rbx)
    0x8b,
    0x08, // mov (%rax), %ecx
    0x89,
    0x4b,
    ERRNO_WAS, // mov %ecx, ERRNO_WAS(%rbx)
    0x48,
    0x8b,
    0x7b,
    ARGUMENTS[0], // mov ARGUMENTS(%rbx), %rdi
    0x48,
    0x8b,
    0x73,
    ARGUMENTS[1], // mov ARGUMENTS+8(%rbx), %rsi
    0xff,
    0x13, // call *FUNCTION(%rbx)
    0x48,
    0x89,
    0x43,
    RESULT, // mov %rax, RESULT(%rbx)
    0x48,
    0x8b,
    0x4b,
    ERRNO_AT, // mov ERRNO_AT(%rbx), %rcx
    0x48,
    0x85,
    0xc9, // test %rcx, %rcx
    0x74,
    5, // jz over the next two
    0x8b,
    0x53,
    ERRNO_WAS, // mov ERRNO_WAS(%rbx), %edx
    0x89,
    0x11, // mov %edx, (%rcx)
    0xb8,
    39,
    0,
    0,
    0, // mov $39, %eax
    0x0f,
    0x05, // syscall
];
const RETURN: [u8; 29] = [
    0xb8,
    0xff,
    0xff,
    0xff,
    0xff, // mov $-1, %eax
    0x89,
    0xc2, // mov %eax, %edx
    0x48,
    0x0f,
    0xae,
    0xab,
    BLOCK_LEN as u8,
    0,
    0,
    0, // xrstor64 BLOCK_LEN(%rbx)
    0x48,
    0x8b,
    0x63,
    WAY_HOME, // mov WAY_HOME(%rbx), %rsp
    0x48,
    0x8b,
    0x5b,
    UNDERWAY, // mov UNDERWAY(%rbx), %rbx
    0xc7,
    0x03,
    0,
    0,
    0,
    0, // movl $0, (%rbx)
];

/// `syscall`, and the way home. The code at a program's entry point is longer.
pub(crate) fn system_call_stub() -> Vec<u8> {
    [&[0x0f, 0x05], &WAY_HOME_CODE[..]].concat()
}

/// What every home's code begins with: the two stubs.
pub(crate) fn prelude() -> Vec<u8> {
    let mut code = system_call_stub();
    code.resize(CALL_STUB_OFFSET as usize, 0xcc);
    code.extend_from_slice(&CALL);
    code.extend_from_slice(&RETURN);
    code.extend_from_slice(&WAY_HOME_CODE);
    code
}

/// What one call of a function is told, and what it leaves: the block.
#[derive(Debug, Clone, Copy)]
pub(super) struct Block {
    /// The function to call, and its arguments.
    pub(super) function: u64,
    pub(super) arguments: [u64; 2],
    /// A function that gives the address of the thread's `errno`, if one is known.
    pub(super) errno: Option<u64>,
    /// The stack pointer with which the way home is begun.
    pub(super) way_home: u64,
    /// Address of the word that says that a call is under way.
    pub(super) underway: u64,
}

impl Block {
    pub(super) fn bytes(&self) -> [u8; BLOCK_LEN as usize] {
        let mut bytes = [0; BLOCK_LEN as usize];
        let mut put = |at: u8, word: u64| bytes[usize::from(at)..][..8].copy_from_slice(&word.to_le_bytes());
        put(FUNCTION, self.function);
        put(ARGUMENTS[0], self.arguments[0]);
        put(ARGUMENTS[1], self.arguments[1]);
        put(ERRNO_FUNCTION, self.errno.unwrap_or(0));
        put(WAY_HOME, self.way_home);
        put(UNDERWAY, self.underway);
        bytes
    }
}

/// What the function returned, from its block.
pub(super) fn result(block: &[u8; BLOCK_LEN as usize]) -> i64 {
    word(block, RESULT) as i64
}

/// Where the thread's `errno` is and what it was, from the block of a function that did not return.
pub(super) fn errno(block: &[u8; BLOCK_LEN as usize]) -> Option<(u64, u32)> {
    let at = word(block, ERRNO_AT);
    (at != 0).then_some((at, word(block, ERRNO_WAS) as u32))
}

fn word(block: &[u8; BLOCK_LEN as usize], at: u8) -> u64 {
    let mut word = [0; 8];
    word.copy_from_slice(&block[usize::from(at)..][..8]);
    u64::from_le_bytes(word)
}
