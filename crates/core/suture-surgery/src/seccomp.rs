//! What a process's seccomp filters would do with a system call, found out before the process is asked to
//! make it.
//!
//! Filters are programs of the classic Berkeley packet filter, in the kernel's dialect: they read a
//! `struct seccomp_data` instead of a packet (seccomp(2), Documentation/userspace-api/seccomp_filter.rst).
//! Where the kernel would not have accepted a program, this evaluator does not guess: it answers with the
//! strictest action.

/// A system call as a filter sees it (`struct seccomp_data`, include/uapi/linux/seccomp.h).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SeccompData {
    /// Number of the call.
    pub nr: i32,
    /// `AUDIT_ARCH_X86_64` for 64-bit calls.
    pub arch: u32,
    /// Address of the instruction behind the `syscall`.
    pub instruction_pointer: u64,
    /// Arguments.
    pub args: [u64; 6],
}

/// What a filter decides, from the mildest to the strictest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Action {
    /// The call is made.
    Allow,
    /// It is made and logged.
    Log,
    /// A tracer decides; without one, the call fails with `ENOSYS`.
    Trace,
    /// Another process decides.
    UserNotify,
    /// It fails with this error number.
    Errno(u16),
    /// It is not made; the thread gets `SIGSYS`.
    Trap,
    /// The thread is killed.
    KillThread,
    /// The process is killed.
    KillProcess,
}

/// `AUDIT_ARCH_X86_64` (include/uapi/linux/audit.h).
pub const ARCH_X86_64: u32 = 0xc000_003e;

/// Most instructions of one program (`BPF_MAXINSNS`).
const INSTRUCTIONS_MAX: usize = 4096;
/// Length of a `struct sock_filter` and of a `struct seccomp_data`, in bytes.
const INSTRUCTION_LEN: usize = 8;
const DATA_LEN: u32 = 64;
/// Words of scratch memory (`BPF_MEMWORDS`).
const MEMORY_WORDS: usize = 16;
/// Larger error numbers are taken as this one (`MAX_ERRNO`).
const ERRNO_MAX: u16 = 4095;

/// What all filters of a process together decide about a call: each `program` is an array of
/// `struct sock_filter`, as `PTRACE_SECCOMP_GET_FILTER` gives it; the strictest decision holds.
pub fn evaluate(programs: &[Vec<u8>], data: &SeccompData) -> Action {
    let words = data.words();
    programs
        .iter()
        .map(|program| run(program, &words).map_or(Action::KillProcess, Action::new))
        .max()
        .unwrap_or(Action::Allow)
}

impl SeccompData {
    /// The structure as a program reads it, by aligned 32-bit words.
    fn words(&self) -> [u32; DATA_LEN as usize / 4] {
        let mut words = [0; DATA_LEN as usize / 4];
        words[0] = self.nr as u32;
        words[1] = self.arch;
        let long = [self.instruction_pointer].into_iter().chain(self.args);
        for (pair, value) in words[2..].chunks_exact_mut(2).zip(long) {
            pair.copy_from_slice(&[value as u32, (value >> 32) as u32]);
        }
        words
    }
}

impl Action {
    /// Decodes a program's return value: the action in the upper half (`SECCOMP_RET_ACTION_FULL`), the
    /// error number in the lower. Unknown actions kill the process.
    fn new(value: u32) -> Self {
        match value >> 16 {
            0x7fff => Self::Allow,
            0x7ffc => Self::Log,
            0x7ff0 => Self::Trace,
            0x7fc0 => Self::UserNotify,
            0x0005 => Self::Errno((value as u16).min(ERRNO_MAX)),
            0x0003 => Self::Trap,
            0x0000 => Self::KillThread,
            _ => Self::KillProcess,
        }
    }
}

/// One `struct sock_filter`.
struct Instruction {
    code: u16,
    if_true: u8,
    if_false: u8,
    k: u32,
}

/// Runs a program; its return value, or `None` where the kernel would not have accepted it. Jumps only go
/// forward, so that each instruction runs at most once.
fn run(program: &[u8], data: &[u32]) -> Option<u32> {
    let (instructions, rest) = program.as_chunks::<INSTRUCTION_LEN>();
    if !rest.is_empty() || instructions.len() > INSTRUCTIONS_MAX {
        return None;
    }
    let mut machine = Machine { a: 0, x: 0, memory: [0; MEMORY_WORDS] };
    let mut at = 0;
    loop {
        let instruction = Instruction::new(*instructions.get(at)?);
        match machine.step(&instruction, data)? {
            Next::Skip(count) => at = at.checked_add(1)?.checked_add(count as usize)?,
            Next::Return(value) => return Some(value),
        }
    }
}

struct Machine {
    a: u32,
    x: u32,
    memory: [u32; MEMORY_WORDS],
}

enum Next {
    /// Go on behind as many instructions.
    Skip(u32),
    Return(u32),
}

/// Classes of instructions, the lowest three bits of the code (`include/uapi/linux/bpf_common.h`).
const LD: u16 = 0;
const LDX: u16 = 1;
const ST: u16 = 2;
const STX: u16 = 3;
const ALU: u16 = 4;
const JMP: u16 = 5;
const RET: u16 = 6;
const MISC: u16 = 7;
/// Where the operand is: the constant, or the index register.
const X: u16 = 0x08;
/// Addressing modes of loads, of words.
const IMM: u16 = 0x00;
const ABS: u16 = 0x20;
const MEM: u16 = 0x60;
const LEN: u16 = 0x80;
/// Division, which can fail.
const DIV: u16 = 0x30;

impl Machine {
    fn step(&mut self, instruction: &Instruction, data: &[u32]) -> Option<Next> {
        let Instruction { code, k, .. } = *instruction;
        let operand = if code & X == 0 { k } else { self.x };
        match code & 7 {
            LD => self.a = self.load(code & !7, k, data)?,
            // Of a structure there are no header lengths to load.
            LDX if code & !7 != ABS => self.x = self.load(code & !7, k, data)?,
            ST if code == ST => *self.memory.get_mut(k as usize)? = self.a,
            STX if code == STX => *self.memory.get_mut(k as usize)? = self.x,
            ALU if code == ALU | X | DIV && self.x == 0 => return Some(Next::Return(0)),
            ALU => self.a = arithmetic(code & !7, self.a, operand)?,
            JMP => return self.jump(instruction, operand),
            RET if code == RET => return Some(Next::Return(k)),
            RET if code == RET | 0x10 => return Some(Next::Return(self.a)),
            MISC if code == MISC => self.x = self.a,
            MISC if code == MISC | 0x80 => self.a = self.x,
            _ => return None,
        }
        Some(Next::Skip(0))
    }

    fn load(&self, mode: u16, k: u32, data: &[u32]) -> Option<u32> {
        match mode {
            IMM => Some(k),
            ABS if k.is_multiple_of(4) => data.get(k as usize / 4).copied(),
            MEM => self.memory.get(k as usize).copied(),
            LEN => Some(DATA_LEN),
            _ => None,
        }
    }

    fn jump(&self, instruction: &Instruction, operand: u32) -> Option<Next> {
        let holds = match instruction.code & 0xf0 {
            0x00 if instruction.code == JMP => return Some(Next::Skip(instruction.k)),
            0x10 => self.a == operand,
            0x20 => self.a > operand,
            0x30 => self.a >= operand,
            0x40 => self.a & operand != 0,
            _ => return None,
        };
        Some(Next::Skip(u32::from(if holds { instruction.if_true } else { instruction.if_false })))
    }
}

/// The arithmetic operations; `None` for those that the kernel does not accept. A division by an index
/// register of 0, which it can't foresee, ends the program with 0 before it comes here.
fn arithmetic(operation: u16, a: u32, operand: u32) -> Option<u32> {
    let is_constant = operation & X == 0;
    Some(match operation & !X {
        0x00 => a.wrapping_add(operand),
        0x10 => a.wrapping_sub(operand),
        0x20 => a.wrapping_mul(operand),
        DIV => a.checked_div(operand)?,
        0x40 => a | operand,
        0x50 => a & operand,
        0x60 | 0x70 if is_constant && operand >= u32::BITS => return None,
        0x60 => a.wrapping_shl(operand),
        0x70 => a.wrapping_shr(operand),
        0x80 if is_constant => a.wrapping_neg(),
        0xa0 => a ^ operand,
        _ => return None,
    })
}

impl Instruction {
    fn new(bytes: [u8; INSTRUCTION_LEN]) -> Self {
        let [code_0, code_1, if_true, if_false, k @ ..] = bytes;
        Self { code: u16::from_le_bytes([code_0, code_1]), if_true, if_false, k: u32::from_le_bytes(k) }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MMAP: i32 = 9;
    const ALLOW: u32 = 0x7fff_0000;
    const ERRNO_EPERM: u32 = 0x0005_0001;

    fn program(instructions: &[(u16, u8, u8, u32)]) -> Vec<u8> {
        let encode = |&(code, if_true, if_false, k): &(u16, u8, u8, u32)| {
            [&code.to_le_bytes()[..], &[if_true, if_false], &k.to_le_bytes()].concat()
        };
        instructions.iter().flat_map(encode).collect()
    }

    fn call(nr: i32, args: [u64; 6]) -> SeccompData {
        SeccompData { nr, arch: ARCH_X86_64, instruction_pointer: 0x1234_5678_9abc, args }
    }

    /// Gives what a program leaves in the accumulator after `instructions`.
    fn accumulated(instructions: &[(u16, u8, u8, u32)]) -> Option<u32> {
        let program = program(&[instructions, &[(0x16, 0, 0, 0)]].concat());
        run(&program, &call(MMAP, [0x1_0000_0002, 7, 0, 0, 0, 0]).words())
    }

    /// The filter that forbids mapping executable memory, as a sandbox would write it.
    fn no_executable_maps() -> Vec<u8> {
        program(&[
            (0x20, 0, 0, 4),
            (0x15, 1, 0, ARCH_X86_64),
            (0x06, 0, 0, 0x8000_0000),
            (0x20, 0, 0, 0),
            (0x15, 0, 3, MMAP as u32),
            (0x20, 0, 0, 32),
            (0x45, 0, 1, 4),
            (0x06, 0, 0, ERRNO_EPERM),
            (0x06, 0, 0, ALLOW),
        ])
    }

    #[test]
    fn a_filter_decides_by_architecture_number_and_argument() {
        let filter = [no_executable_maps()];
        assert_eq!(evaluate(&filter, &call(MMAP, [0, 4096, 5, 0, 0, 0])), Action::Errno(1));
        assert_eq!(evaluate(&filter, &call(MMAP, [0, 4096, 3, 0, 0, 0])), Action::Allow);
        assert_eq!(evaluate(&filter, &call(MMAP + 1, [0, 4096, 5, 0, 0, 0])), Action::Allow);
        let foreign = SeccompData { arch: 0x4000_0003, ..call(MMAP, [0; 6]) };
        assert_eq!(evaluate(&filter, &foreign), Action::KillProcess);
    }

    #[test]
    fn the_strictest_filter_wins() {
        let returning = |value| program(&[(0x06, 0, 0, value)]);
        let ascending =
            [ALLOW, 0x7ffc_0000, 0x7ff0_0000, 0x7fc0_0000, 0x0005_0026, 0x0003_0000, 0, 0x8000_0000];
        let actions = [
            Action::Allow,
            Action::Log,
            Action::Trace,
            Action::UserNotify,
            Action::Errno(38),
            Action::Trap,
            Action::KillThread,
            Action::KillProcess,
        ];
        for (count, action) in actions.into_iter().enumerate() {
            let programs: Vec<_> = ascending[..=count].iter().rev().map(|value| returning(*value)).collect();
            assert_eq!(evaluate(&programs, &call(MMAP, [0; 6])), action);
        }
        assert_eq!(evaluate(&[], &call(MMAP, [0; 6])), Action::Allow);
        assert_eq!(evaluate(&[returning(0x1234_0000)], &call(MMAP, [0; 6])), Action::KillProcess);
    }

    #[test]
    fn loads_see_the_structure_by_words() {
        let words: Vec<_> = [0, 4, 8, 12, 16, 20].map(|at| accumulated(&[(0x20, 0, 0, at)])).into();
        let expected = [MMAP as u32, ARCH_X86_64, 0x5678_9abc, 0x1234, 2, 1].map(Some);
        assert_eq!(words, expected);
        assert_eq!(accumulated(&[(0x80, 0, 0, 0)]), Some(64));
    }

    #[test]
    fn arithmetic_and_memory_work_as_in_the_kernel() {
        // A = 12, X = 5, and one operation with X.
        let with_x = |code| accumulated(&[(0x01, 0, 0, 5), (0x00, 0, 0, 12), (code, 0, 0, 0)]);
        let results: Vec<_> = [0x0c, 0x1c, 0x2c, 0x3c, 0x4c, 0x5c, 0x6c, 0x7c, 0xac].map(with_x).into();
        assert_eq!(results, [17, 7, 60, 2, 13, 4, 384, 0, 9].map(Some));
        assert_eq!(accumulated(&[(0x00, 0, 0, 1), (0x84, 0, 0, 0)]), Some(u32::MAX));
        let through_memory =
            [(0x00, 0, 0, 9), (0x02, 0, 0, 15), (0x00, 0, 0, 0), (0x61, 0, 0, 15), (0x87, 0, 0, 0)];
        assert_eq!(accumulated(&through_memory), Some(9));
        assert_eq!(accumulated(&[(0x00, 0, 0, 9), (0x3c, 0, 0, 0)]), Some(0));
    }

    #[test]
    fn jumps_choose_by_every_comparison() {
        // A = 12 against 12: each comparison skips the load of 1 or goes on to it.
        let taken = |code, k| accumulated(&[(0x00, 0, 0, 12), (code, 1, 0, k), (0x00, 0, 0, 1)]) == Some(12);
        assert!(taken(0x15, 12) && !taken(0x15, 13));
        assert!(taken(0x25, 11) && !taken(0x25, 12));
        assert!(taken(0x35, 12) && !taken(0x35, 13));
        assert!(taken(0x45, 4) && !taken(0x45, 3));
        assert_eq!(accumulated(&[(0x05, 0, 0, 1), (0x00, 0, 0, 1)]), Some(0));
    }

    #[test]
    fn what_the_kernel_refuses_kills() {
        let refused: [&[(u16, u8, u8, u32)]; 9] = [
            &[],
            &[(0x20, 0, 0, 64), (0x06, 0, 0, ALLOW)],
            &[(0x20, 0, 0, 2), (0x06, 0, 0, ALLOW)],
            &[(0x30, 0, 0, 0), (0x06, 0, 0, ALLOW)],
            &[(0x02, 0, 0, 16), (0x06, 0, 0, ALLOW)],
            &[(0x34, 0, 0, 0), (0x06, 0, 0, ALLOW)],
            &[(0x64, 0, 0, 32), (0x06, 0, 0, ALLOW)],
            &[(0x05, 0, 0, u32::MAX), (0x06, 0, 0, ALLOW)],
            &[(0x00, 0, 0, 0)],
        ];
        for instructions in refused {
            assert_eq!(evaluate(&[program(instructions)], &call(MMAP, [0; 6])), Action::KillProcess);
        }
        let ragged = [no_executable_maps(), vec![0]].concat();
        assert_eq!(evaluate(&[ragged], &call(MMAP, [0; 6])), Action::KillProcess);
        let long = program(&vec![(0x06, 0, 0, ALLOW); INSTRUCTIONS_MAX + 1]);
        assert_eq!(evaluate(&[long], &call(MMAP, [0; 6])), Action::KillProcess);
    }

    proptest! {
        /// Any bytes are a program that ends, and a filter that allows everything changes nothing.
        #[test]
        fn arbitrary_programs_end(bytes in prop::collection::vec(any::<u8>(), 0..400), nr in any::<i32>()) {
            let alone = evaluate(std::slice::from_ref(&bytes), &call(nr, [1; 6]));
            let beside = evaluate(&[program(&[(0x06, 0, 0, ALLOW)]), bytes], &call(nr, [1; 6]));
            prop_assert_eq!(alone, beside);
        }
    }
}
