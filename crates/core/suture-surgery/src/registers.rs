//! The general-purpose registers of a stopped thread, and what has to be done to them so that an
//! interrupted system call goes on as if nothing had happened.
//!
//! The layout is the kernel's `struct user_regs_struct`, but this crate only computes with values;
//! `suture-process` reads and writes them.

/// Registers of a stopped x86-64 thread, as `PTRACE_GETREGS` gives them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are the registers' own")]
pub struct Registers {
    pub r15: u64,
    pub r14: u64,
    pub r13: u64,
    pub r12: u64,
    pub rbp: u64,
    pub rbx: u64,
    pub r11: u64,
    pub r10: u64,
    pub r9: u64,
    pub r8: u64,
    pub rax: u64,
    pub rcx: u64,
    pub rdx: u64,
    pub rsi: u64,
    pub rdi: u64,
    /// Number of the system call the thread is in, or -1.
    pub orig_rax: u64,
    pub rip: u64,
    pub cs: u64,
    pub eflags: u64,
    pub rsp: u64,
    pub ss: u64,
    pub fs_base: u64,
    pub gs_base: u64,
    pub ds: u64,
    pub es: u64,
    pub fs: u64,
    pub gs: u64,
}

/// `orig_rax` of a thread that is in no system call; the kernel then restarts nothing.
pub const NO_SYSTEM_CALL: u64 = u64::MAX;

/// Length of the `syscall` instruction, in bytes.
const SYSCALL_LEN: u64 = 2;

const EINTR: i64 = 4;
/// Kernel-internal results (include/linux/errno.h): never seen by a program, always by a tracer.
const ERESTARTSYS: i64 = 512;
const ERESTARTNOINTR: i64 = 513;
const ERESTARTNOHAND: i64 = 514;
const ERESTART_RESTARTBLOCK: i64 = 516;

const SYS_CLOSE: u64 = 3;
const SYS_CLONE: u64 = 56;
const SYS_FORK: u64 = 57;
const SYS_VFORK: u64 = 58;
const SYS_CLONE3: u64 = 435;
const SYS_CLOSE_RANGE: u64 = 436;
const SYS_RESTART_SYSCALL: u64 = 219;

impl Registers {
    /// Whether the thread was taken out of a system call that has not given its result yet.
    pub fn in_system_call(&self) -> bool {
        self.orig_rax != NO_SYSTEM_CALL && matches!(-(self.rax as i64), EINTR | 512..=516)
    }

    /// Whether the thread stands at the end of a system call that has given its result. Not so one that has just
    /// been born and stands at the end of the call that made it: it has not begun yet to be what it is to be.
    pub fn at_end_of_system_call(&self) -> bool {
        let is_newborn =
            matches!(self.orig_rax, SYS_CLONE | SYS_FORK | SYS_VFORK | SYS_CLONE3) && self.rax == 0;
        self.orig_rax != NO_SYSTEM_CALL && !self.in_system_call() && !is_newborn
    }

    /// Makes an `EINTR` that only our stop has caused disappear; gives whether it changed anything.
    ///
    /// `epoll_wait`, `semop`, `rt_sigtimedwait`, `recv` with a timeout and others answer a wake-up
    /// without a signal by a final `EINTR`. Turned into the kernel's own `-ERESTARTNOHAND`, the call is
    /// restarted if no handler is to run, and gives `EINTR` if one is: exactly what the program would
    /// have seen without us. (Rewinding the instruction pointer ourselves would swallow the `EINTR` of
    /// a signal that arrives during the stop.) `close` has freed its descriptor when it gives `EINTR`;
    /// repeating it could close another thread's file.
    ///
    /// For a thread in an event stop or about to get a signal: the kernel looks at the result again when
    /// it leaves such a stop (arch/x86/kernel/signal.c, `arch_do_signal_or_restart`).
    pub fn hide_interruption(&mut self) -> bool {
        let restartable =
            self.orig_rax != NO_SYSTEM_CALL && self.orig_rax != SYS_CLOSE && self.orig_rax != SYS_CLOSE_RANGE;
        if restartable && self.rax as i64 == -EINTR {
            self.rax = -ERESTARTNOHAND as u64;
            return true;
        }
        false
    }

    /// The registers from which the program goes on without the kernel's help: an interrupted system
    /// call is repeated, one that counts down a time goes on with what is left of it.
    #[must_use]
    pub fn rewound(&self) -> Self {
        let mut registers = *self;
        if self.orig_rax != NO_SYSTEM_CALL {
            match -(self.rax as i64) {
                ERESTARTSYS | ERESTARTNOINTR | ERESTARTNOHAND => {
                    registers.rip = self.rip.wrapping_sub(SYSCALL_LEN);
                    registers.rax = self.orig_rax;
                }
                ERESTART_RESTARTBLOCK => {
                    registers.rip = self.rip.wrapping_sub(SYSCALL_LEN);
                    registers.rax = SYS_RESTART_SYSCALL;
                }
                _ => {}
            }
        }
        registers.orig_rax = NO_SYSTEM_CALL;
        registers
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EPOLL_WAIT: u64 = 232;

    fn interrupted(call: u64, result: i64) -> Registers {
        Registers { orig_rax: call, rax: result as u64, rip: 0x1002, ..Registers::default() }
    }

    #[test]
    fn a_final_eintr_becomes_a_restart() {
        let mut registers = interrupted(EPOLL_WAIT, -EINTR);
        assert!(registers.hide_interruption());
        assert_eq!(registers.rax as i64, -ERESTARTNOHAND);
        assert_eq!(registers.orig_rax, EPOLL_WAIT);
        assert_eq!(registers.rip, 0x1002);
    }

    #[test]
    fn the_end_of_a_call_is_told_from_its_middle_and_from_a_birth() {
        assert!(interrupted(EPOLL_WAIT, 3).at_end_of_system_call());
        assert!(!interrupted(EPOLL_WAIT, -ERESTARTSYS).at_end_of_system_call());
        assert!(!interrupted(NO_SYSTEM_CALL, 3).at_end_of_system_call());
        assert!(interrupted(SYS_CLONE3, 4711).at_end_of_system_call());
        assert!(!interrupted(SYS_CLONE3, 0).at_end_of_system_call());
    }

    #[test]
    fn close_is_never_repeated() {
        let mut registers = interrupted(SYS_CLOSE, -EINTR);
        assert!(!registers.hide_interruption());
        assert_eq!(registers.rax as i64, -EINTR);
    }

    #[test]
    fn a_result_outside_a_call_is_just_a_number() {
        let mut registers = interrupted(NO_SYSTEM_CALL, -EINTR);
        assert!(!registers.hide_interruption());
        assert!(!registers.in_system_call());
        assert_eq!(registers.rewound(), registers);
    }

    #[test]
    fn rewinding_repeats_the_call_with_its_number() {
        let timed = interrupted(SYS_RESTART_SYSCALL, -ERESTART_RESTARTBLOCK).rewound();
        assert_eq!((timed.rip, timed.rax), (0x1000, SYS_RESTART_SYSCALL));
        for code in [ERESTARTSYS, ERESTARTNOINTR, ERESTARTNOHAND] {
            let rewound = interrupted(EPOLL_WAIT, -code).rewound();
            assert_eq!((rewound.rip, rewound.rax), (0x1000, EPOLL_WAIT));
            assert_eq!(rewound.orig_rax, NO_SYSTEM_CALL);
        }
        let finished = interrupted(EPOLL_WAIT, 3).rewound();
        assert_eq!((finished.rip, finished.rax), (0x1002, 3));
    }
}
