//! Running system calls and functions inside the target, on a thread that waits in the kernel anyway.
//!
//! A thread on loan has its way home laid before its registers are touched ([`WayHome`]). Normally the
//! surgeon gives everything back itself, to the bit, and the kernel then restarts the interrupted system
//! call as if nothing had been. A surgeon killed on the way is not needed for that.

mod stubs;

use std::io;
use std::time::{Duration, Instant};

use suture_surgery::home::{CALL_UNDERWAY_OFFSET, Record};
use suture_surgery::memory::Memory as _;
use suture_surgery::outcome::Refusal;
use suture_surgery::registers::{NO_SYSTEM_CALL, Registers};
use suture_surgery::way_home::{ThreadContext, WayHome};

use crate::memory::RemoteMemory;
use crate::sys::{self, Alarm};
use crate::tracee::{self, Stop, Tracee};
use stubs::{BLOCK_LEN, Block, CALL_RETURNED_OFFSET, CALL_STUB_OFFSET};

pub(crate) use stubs::{prelude, system_call_stub};

/// Direction, trap and alignment-check flags, which must be clear when a function is entered.
const FLAGS_NOT_FOR_FUNCTIONS: u64 = 0x400 | 0x100 | 0x4_0000;
const ALL_SIGNALS: u64 = u64::MAX;
/// Signals that an instruction raises: if one of them is blocked, the kernel takes the program's handler away before it delivers it
/// (kernel/signal.c, `force_sig_info_to_task`). A system call raises none.
const FAULTS: [i32; 6] =
    [libc::SIGSEGV, libc::SIGBUS, libc::SIGFPE, libc::SIGILL, libc::SIGTRAP, libc::SIGSYS];
/// How long an injected system call may take; it is none that waits for anything.
const SYSTEM_CALL_MAX: Duration = Duration::from_secs(10);
/// A stopped thread of the target on loan. Given back by [`Loan::give_back`], or by itself.
pub(crate) struct Loan<'m> {
    memory: &'m RemoteMemory,
    tracee: Tracee,
    context: ThreadContext,
    moved: bool,
    /// The word in the home that says that a function is under way on this thread.
    underway: Option<u64>,
    _alarm: Alarm,
}

/// Where a thread may be borrowed from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum From {
    /// Only from the kernel: from a wait there, or at the end of a call.
    Waiting,
    /// From anywhere in its own code too: for system calls, of which the program notices nothing.
    Anywhere,
}

/// What became of an injected function.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Called {
    /// It came back with this.
    Returned(i64),
    /// It raised this signal; the thread was taken back from it.
    Crashed(i32),
    /// It had not come back in time; the thread goes on with it and then comes home by itself.
    StillRunning,
}

impl<'m> Loan<'m> {
    /// Borrows a thread, if it waits in a system call or has just ended one or, should that be enough, runs its own
    /// code. `Ok(None)` if it does anything else just now.
    pub(crate) fn take(memory: &'m RemoteMemory, tid: i32, from: From) -> Result<Option<Self>, Refusal> {
        let alarm = Alarm::begin().map_err(|error| failed(tid, "set a timer", &error))?;
        let seized = Tracee::seize(tid).map_err(|error| failed(tid, "attach", &error))?;
        if !seized {
            return Ok(None);
        }
        let mut tracee = Tracee::new(tid);
        tracee.interrupt().map_err(|error| failed(tid, "interrupt", &error))?;
        let stop = tracee.wait_stopped()?;
        if stop != Stop::Event || !is_fit(&tracee, memory, from) {
            tracee.release().map_err(|error| failed(tid, "release", &error))?;
            return Ok(None);
        }
        match context_of(&tracee) {
            Ok(context) => {
                Ok(Some(Self { memory, tracee, context, moved: false, underway: None, _alarm: alarm }))
            }
            Err(error) => {
                let refusal = failed(tid, "read the state of", &error);
                tracee.release().map_err(|error| failed(tid, "release", &error))?;
                Err(refusal)
            }
        }
    }

    /// The thread.
    pub(crate) fn tid(&self) -> i32 {
        self.tracee.tid
    }

    /// Its registers as it was found.
    pub(crate) fn registers(&self) -> &Registers {
        &self.context.registers
    }

    /// Makes the thread run one system call from the stub at `stub`; gives what the kernel returned.
    pub(crate) fn system_call(&mut self, stub: u64, number: u64, arguments: [u64; 6]) -> io::Result<i64> {
        let frame = self.lay_way_home()?;
        let [rdi, rsi, rdx, r10, r8, r9] = arguments;
        self.depart(
            &Registers {
                rip: stub,
                rsp: frame,
                rax: number,
                orig_rax: NO_SYSTEM_CALL,
                rdi,
                rsi,
                rdx,
                r10,
                r8,
                r9,
                ..self.context.registers
            },
            ALL_SIGNALS,
        )?;
        self.run_to_system_call()?;
        self.run_to_system_call()?;
        Ok(sys::registers(self.tracee.tid)?.rax as i64)
    }

    /// Leaves bytes on the thread's stack, below its way home, where they stay until it is given back.
    pub(crate) fn leave(&self, bytes: &[u8]) -> io::Result<u64> {
        let address = self.lay_way_home()?.saturating_sub(bytes.len() as u64) & !15;
        self.memory.write(address, bytes)?;
        Ok(address)
    }

    /// Makes the thread run a function with two arguments on the call stack of `home`, which no other thread uses.
    pub(crate) fn function(
        &mut self,
        home: &Record,
        function: u64,
        arguments: [u64; 2],
        time: Duration,
    ) -> io::Result<Called> {
        let stub = home.text.start + CALL_STUB_OFFSET;
        let underway = home.home.start + CALL_UNDERWAY_OFFSET;
        let way_home = self.lay_way_home()?;
        let block = Block { function, arguments, errno: home.errno, way_home, underway };
        let block = self.lay_block(home.call_stack.end, &block)?;
        self.memory.write(underway, &1_u32.to_le_bytes())?;
        self.underway = Some(underway);
        let registers = Registers {
            rip: stub,
            rsp: block,
            rbx: block,
            rbp: 0,
            orig_rax: NO_SYSTEM_CALL,
            eflags: self.context.registers.eflags & !FLAGS_NOT_FOR_FUNCTIONS,
            ..self.context.registers
        };
        let blocked = FAULTS.iter().fold(ALL_SIGNALS, |mask, signal| mask & !(1 << (signal - 1)));
        self.depart(&registers, blocked)?;
        self.follow_function(stub + CALL_RETURNED_OFFSET, block, time)
    }

    fn follow_function(&mut self, returned: u64, block: u64, time: Duration) -> io::Result<Called> {
        let begun = Instant::now();
        let mut arrived = false;
        let mut deliver = 0;
        loop {
            sys::resume_to_system_call(self.tracee.tid, deliver)?;
            deliver = 0;
            match self.next_stop(begun, time)? {
                None => return self.leave_running(),
                Some(Stop::SystemCall) => {
                    let here = sys::registers(self.tracee.tid)?.rip == returned;
                    if here && arrived {
                        return Ok(Called::Returned(stubs::result(&self.block(block)?)));
                    }
                    arrived = here;
                }
                // Sent by a process, not raised by the function: it comes as it would have come anywhere.
                Some(Stop::Signal(signal)) if sys::is_sent(self.tracee.tid)? => deliver = signal,
                Some(Stop::Signal(signal)) => {
                    if let Some((errno, was)) = stubs::errno(&self.block(block)?) {
                        self.memory.write(errno, &was.to_le_bytes())?;
                    }
                    return Ok(Called::Crashed(signal));
                }
                Some(Stop::Event | Stop::Clone(_)) => {}
                Some(Stop::Gone) => return Err(io::Error::from_raw_os_error(libc::ESRCH)),
            }
        }
    }

    fn block(&self, address: u64) -> io::Result<[u8; BLOCK_LEN as usize]> {
        let mut bytes = [0; BLOCK_LEN as usize];
        self.memory.read_exact(address, &mut bytes)?;
        Ok(bytes)
    }

    /// Detaches in the middle of the function: the stub brings the thread home.
    fn leave_running(&mut self) -> io::Result<Called> {
        sys::interrupt(self.tracee.tid)?;
        while sys::wait(self.tracee.tid, true)?.is_none() {}
        (self.moved, self.underway) = (false, None);
        self.tracee.stop = Some(Stop::Event);
        self.tracee.release()?;
        Ok(Called::StillRunning)
    }

    /// Puts the thread back where it was, to the bit, and lets it go.
    pub(crate) fn give_back(mut self) -> io::Result<()> {
        self.restore()
    }

    fn restore(&mut self) -> io::Result<()> {
        if self.tracee.stop.is_none() {
            return Ok(());
        }
        if self.moved {
            self.reach_event_stop()?;
            // In this order: killed in between, the thread still walks home by itself.
            sys::set_extended_state(self.tracee.tid, &self.context.extended)?;
            sys::set_signal_mask(self.tracee.tid, self.context.signal_mask)?;
            sys::set_registers(self.tracee.tid, &self.context.registers)?;
            self.moved = false;
        }
        if let Some(underway) = self.underway.take() {
            self.memory.write(underway, &0_u32.to_le_bytes())?;
        }
        self.tracee.release()
    }

    /// Only when it leaves an event stop does the kernel look whether a system call is to be restarted.
    fn reach_event_stop(&mut self) -> io::Result<()> {
        if self.tracee.stop == Some(Stop::Event) {
            return Ok(());
        }
        sys::interrupt(self.tracee.tid)?;
        sys::resume(self.tracee.tid, 0)?;
        let begun = Instant::now();
        loop {
            match self.next_stop(begun, SYSTEM_CALL_MAX)? {
                Some(Stop::Event) => return Ok(()),
                Some(Stop::Gone) => return Err(io::Error::from_raw_os_error(libc::ESRCH)),
                Some(_) => sys::resume(self.tracee.tid, 0)?,
                None => return Err(io::Error::from_raw_os_error(libc::ETIMEDOUT)),
            }
        }
    }

    fn lay_way_home(&self) -> io::Result<u64> {
        let frame = WayHome::new(&self.context)
            .ok_or_else(|| io::Error::other("the thread has no room on its stack"))?;
        self.memory.write(frame.address, &frame.bytes)?;
        Ok(frame.address)
    }

    /// Puts the extended state at the top of a stack, and the block below it; what is below its address is free and aligned
    /// for a function.
    fn lay_block(&self, top: u64, block: &Block) -> io::Result<u64> {
        let extended = top.saturating_sub(self.context.extended.len() as u64) & !(BLOCK_LEN - 1);
        let address = extended.saturating_sub(BLOCK_LEN);
        self.memory.write(extended, &self.context.extended)?;
        self.memory.write(address, &block.bytes())?;
        Ok(address)
    }

    /// From here on the registers are not the thread's own. Signals are blocked after the registers are
    /// set, not before: only then is the thread on its way to the instruction that unblocks them.
    fn depart(&mut self, registers: &Registers, blocked: u64) -> io::Result<()> {
        self.moved = true;
        sys::set_registers(self.tracee.tid, registers)?;
        sys::set_signal_mask(self.tracee.tid, blocked)
    }

    fn run_to_system_call(&mut self) -> io::Result<()> {
        let begun = Instant::now();
        loop {
            sys::resume_to_system_call(self.tracee.tid, 0)?;
            match self.next_stop(begun, SYSTEM_CALL_MAX)? {
                Some(Stop::SystemCall) => return Ok(()),
                Some(Stop::Event | Stop::Clone(_)) => {}
                Some(Stop::Signal(signal)) => {
                    return Err(io::Error::other(format!("the injected call raised signal {signal}")));
                }
                Some(Stop::Gone) => return Err(io::Error::from_raw_os_error(libc::ESRCH)),
                None => return Err(io::Error::from_raw_os_error(libc::ETIMEDOUT)),
            }
        }
    }

    /// The next stop, or `None` if there is none in time.
    fn next_stop(&mut self, begun: Instant, time: Duration) -> io::Result<Option<Stop>> {
        self.tracee.stop = None;
        loop {
            if let Some(status) = sys::wait(self.tracee.tid, true)? {
                let stop = tracee::decode(self.tracee.tid, status)?;
                self.tracee.stop = Some(stop);
                return Ok(Some(stop));
            }
            if begun.elapsed() > time {
                return Ok(None);
            }
        }
    }
}

impl Drop for Loan<'_> {
    fn drop(&mut self) {
        // Reached with a thread still on loan only when an error is on its way to the user already; what
        // can't be restored here is restored by the thread itself when the surgeon's thread ends.
        if let Err(error) = self.restore() {
            tracing::warn!(tid = self.tracee.tid, %error, "could not give a thread back; it returns by itself");
        }
    }
}

/// At the end of a call a thread is found when its process was stopped just then. No restartable sequence may
/// contain a call, so that only elsewhere one has to be looked for.
fn is_fit(tracee: &Tracee, memory: &RemoteMemory, from: From) -> bool {
    let registers = &tracee.registers;
    if registers.in_system_call() || registers.at_end_of_system_call() {
        return true;
    }
    from == From::Anywhere && !in_restartable_sequence(tracee, memory)
}

/// A restartable sequence ends early when its thread leaves it for anything; the kernel would not see that we
/// had been in between. Where nothing can be learned about it, it is assumed.
fn in_restartable_sequence(tracee: &Tracee, memory: &RemoteMemory) -> bool {
    match sys::restartable_sequence(tracee.tid) {
        Ok(Some(pointer)) => !matches!(memory.read_u64(pointer), Ok(0)),
        Ok(None) => false,
        Err(_) => true,
    }
}

fn context_of(tracee: &Tracee) -> io::Result<ThreadContext> {
    Ok(ThreadContext {
        registers: tracee.registers,
        extended: sys::extended_state(tracee.tid)?,
        signal_mask: sys::signal_mask(tracee.tid)?,
    })
}

fn failed(tid: i32, what: &str, error: &io::Error) -> Refusal {
    match error.raw_os_error() {
        Some(libc::EPERM | libc::EACCES) => Refusal::NoPermission {
            what: format!("{what} thread {tid}"),
            missing: "CAP_SYS_PTRACE, or kernel.yama.ptrace_scope".to_owned(),
        },
        _ => {
            Refusal::Unstoppable { thread: tid, thread_name: crate::proc::name(tid), why: error.to_string() }
        }
    }
}
