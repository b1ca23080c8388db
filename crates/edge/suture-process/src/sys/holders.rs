//! Threads that hold processors: while they do, no thread of ordinary priority runs anywhere.
//!
//! For each processor there is one that is bound to it. Until the moment comes it is scheduled as idle, so that it runs only while
//! nobody else wants the processor; when all of them run at the same time nobody wants any, and they raise themselves to
//! real-time priority (`SCHED_FIFO`, `sched(7)`). From then on whoever wakes waits for a processor, and what sleeps sleeps on.
//!
//! They are processes of their own that share the surgeon's memory (`clone(2)`, `CLONE_VM`): a `SIGKILL` of the surgeon does not
//! end them, so that what it had begun to write is written to its end before anybody runs again. They end when the surgeon is
//! gone, when they are told to, and when it takes so long that something must have gone wrong: a surgeon that has to wait for
//! somebody who waits for a processor would wait for ever.

use std::arch::asm;
use std::arch::x86_64::_rdtsc;
use std::io;
use std::ptr;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::turns::{none, set_attributes};
use super::{call, check};

/// What the holders of one surgeon are at ([`Shared::stage`]).
mod stage {
    /// Wait until they are wanted.
    pub(super) const MADE: u32 = 0;
    /// Wait for a moment at which nobody wants any processor.
    pub(super) const READY: u32 = 1;
    /// Take the processors.
    pub(super) const TAKING: u32 = 2;
    /// Have them all.
    pub(super) const HELD: u32 = 3;
    /// Have them and must keep them: the surgeon writes.
    pub(super) const WRITING: u32 = 4;
    /// Let go.
    pub(super) const OVER: u32 = 5;
}

/// A holder that has shown itself so many ticks of the processor's clock ago still runs: a few microseconds.
const RECENT_TICKS: u64 = 8192;
/// How often a holder goes round before it looks whether the surgeon is still there: every few microseconds.
const TURNS_PER_LOOK: u32 = 64;
/// After so many looks it lets go by itself if the others have not come: some hundred microseconds.
const LOOKS_TAKING_MAX: u32 = 50;
/// The same when all have: some milliseconds. The surgeon needs less than one.
const LOOKS_MAX: u32 = 600;
/// The same for one whose surgeon writes, which takes microseconds; some hundred milliseconds.
const LOOKS_WRITING_MAX: u32 = 100 * LOOKS_MAX;
/// How long those that have been told to take their processors may need for it.
const TAKING_MAX: Duration = Duration::from_millis(2);
/// How long a holder that has its processor may need to show it, on a virtual machine whose processors are not always there.
const ROLL_CALL_MAX: Duration = Duration::from_millis(2);
const STACK_LEN: usize = 32 << 10;
/// Of the holders; the surgeon's hands must have more.
const PRIORITY: i32 = 1;
const FUTEX_WAIT: i32 = libc::FUTEX_WAIT | libc::FUTEX_PRIVATE_FLAG;
const FUTEX_WAKE: i32 = libc::FUTEX_WAKE | libc::FUTEX_PRIVATE_FLAG;
/// Bits of a processor set that the kernel is given.
const PROCESSORS_MAX: usize = 1024;

/// One holder for each of some processors.
pub(crate) struct Holders {
    shared: Box<Shared>,
    each: Vec<Holder>,
    /// The same moment on two clocks.
    started: (Instant, u64),
}

/// What the surgeon and its holders share.
struct Shared {
    stage: AtomicU32,
    /// How many have raised themselves.
    raised: AtomicU32,
    /// When the first of them did, in ticks; 0 before.
    first: AtomicU64,
    /// Process of the surgeon.
    surgeon: i32,
    /// When each was last seen to run, in ticks; 0 before.
    beats: Box<[Beat]>,
}

/// In a cache line of its own, since each is written all the time.
#[repr(align(64))]
#[derive(Default)]
struct Beat(AtomicU64);

struct Holder {
    pid: i32,
    /// Where it stands, for as long as it runs.
    _stack: Box<[u8]>,
    _task: Box<Task>,
}

/// What one holder is given.
struct Task {
    shared: *const Shared,
    index: usize,
    processor: [u64; PROCESSORS_MAX / 64],
}

impl Holders {
    /// Starts a holder for each of the processors, all scheduled as idle. An error if the kernel starts none.
    pub(crate) fn start(processors: &[usize]) -> io::Result<Self> {
        let shared = Box::new(Shared {
            stage: AtomicU32::new(stage::MADE),
            raised: AtomicU32::new(0),
            first: AtomicU64::new(0),
            surgeon: std::process::id() as i32,
            beats: processors.iter().map(|_| Beat::default()).collect(),
        });
        let mut holders =
            Self { shared, each: Vec::with_capacity(processors.len()), started: (Instant::now(), ticks()) };
        for (index, processor) in processors.iter().enumerate() {
            let mut set = [0_u64; PROCESSORS_MAX / 64];
            let word =
                set.get_mut(processor / 64).ok_or_else(|| io::Error::from_raw_os_error(libc::EINVAL))?;
            *word |= 1 << (processor % 64);
            let task = Box::new(Task { shared: &raw const *holders.shared, index, processor: set });
            holders.each.push(Holder::start(task)?);
        }
        Ok(holders)
    }

    /// Waits for a moment at which nobody wants any of the processors, but no longer than `patience`: then they are taken from
    /// whoever has them. Whether all are held. They are given back by [`let_go`](Self::let_go), once and for all.
    ///
    /// Threads that have something to do while they are held must be [`Urgent`](super::Urgent) by now.
    pub(crate) fn take(&self, patience: Duration) -> bool {
        if self.shared.moves(stage::MADE, stage::READY) {
            self.shared.wake();
        }
        self.wait_while(stage::READY, patience);
        if self.shared.moves(stage::READY, stage::TAKING) {
            // Whoever has not had a turn as idle yet can't raise itself.
            for holder in &self.each {
                if set_attributes(holder.pid, &urgent()).is_err() {
                    self.let_go();
                }
            }
        }
        self.wait_while(stage::TAKING, TAKING_MAX);
        let is_held = self.shared.stage() == stage::HELD;
        if !is_held {
            self.let_go();
        }
        is_held
    }

    /// Keeps the processors until they are given back, however long that takes (within reason). Whether they were still held.
    pub(crate) fn keep(&self) -> bool {
        self.shared.moves(stage::HELD, stage::WRITING)
    }

    /// Whether all processors are held.
    pub(crate) fn are_held(&self) -> bool {
        matches!(self.shared.stage(), stage::HELD | stage::WRITING)
    }

    /// Whether every processor is held at one moment from now on. All but the caller's own have to show it: an idle look at the stage would
    /// not see a holder whose processor has been taken from it. Whoever was there in between has left it by then.
    pub(crate) fn are_all_there(&self) -> bool {
        let (since, begun) = (ticks(), Instant::now());
        let is_absent = |beat: &&Beat| beat.0.load(Ordering::Relaxed) < since;
        while self.are_held() && begun.elapsed() < ROLL_CALL_MAX {
            if self.shared.beats.iter().filter(is_absent).count() <= 1 {
                return true;
            }
            std::hint::spin_loop();
        }
        false
    }

    /// For how long the first of the processors has been held.
    pub(crate) fn held_for(&self) -> Duration {
        let (start, start_ticks) = self.started;
        let (time, now) = (start.elapsed(), ticks());
        let first = match self.shared.first.load(Ordering::SeqCst) {
            0 => now,
            first => first,
        };
        let (held, all) = (now.saturating_sub(first), now.saturating_sub(start_ticks).max(1));
        let nanos = time.as_nanos() * u128::from(held) / u128::from(all);
        Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }

    /// Gives the processors back.
    pub(crate) fn let_go(&self) {
        self.shared.end();
    }

    /// Sleeps as long as the stage is `now`, up to a time.
    fn wait_while(&self, now: u32, time: Duration) {
        let end = Instant::now() + time;
        loop {
            let left = end.saturating_duration_since(Instant::now());
            if self.shared.stage() != now || left.is_zero() {
                return;
            }
            let timeout =
                libc::timespec { tv_sec: left.as_secs() as i64, tv_nsec: i64::from(left.subsec_nanos()) };
            // SAFETY: the word and the time outlive the call; whatever the answer is, the stage is looked at again.
            unsafe {
                libc::syscall(
                    libc::SYS_futex,
                    self.shared.stage.as_ptr(),
                    FUTEX_WAIT,
                    now,
                    &raw const timeout,
                )
            };
        }
    }
}

impl Drop for Holders {
    fn drop(&mut self) {
        self.let_go();
        for holder in &self.each {
            // As idle it may not get to its end for long.
            let _ = set_attributes(holder.pid, &none());
            let mut status = 0;
            // A signal may end the wait early; the memory that the holder uses must stay until it is gone.
            // SAFETY: `status` is a live integer.
            while unsafe { libc::waitpid(holder.pid, &raw mut status, libc::__WALL) } < 0
                && io::Error::last_os_error().raw_os_error() == Some(libc::EINTR)
            {}
        }
    }
}

impl Holder {
    fn start(task: Box<Task>) -> io::Result<Self> {
        let mut stack = vec![0_u8; STACK_LEN].into_boxed_slice();
        let pid = call(|| {
            // SAFETY: the new process runs `hold` alone, on a stack and with a task that live until it has ended (`Holders::drop`
            // waits for it). It has this thread's thread-local memory, which `hold` does not touch. No signal can make it run a
            // handler, which would: all are blocked while it is made, and it inherits that.
            unsafe {
                let mut all: libc::sigset_t = std::mem::zeroed();
                let mut before: libc::sigset_t = std::mem::zeroed();
                libc::sigfillset(&raw mut all);
                libc::pthread_sigmask(libc::SIG_SETMASK, &raw const all, &raw mut before);
                let top = stack.as_mut_ptr().add(STACK_LEN).map_addr(|top| top & !0xf);
                let argument = ptr::from_ref(&*task).cast_mut().cast();
                let made = check(i64::from(libc::clone(hold, top.cast(), libc::CLONE_VM, argument)));
                libc::pthread_sigmask(libc::SIG_SETMASK, &raw const before, ptr::null_mut());
                made
            }
        })?;
        Ok(Self { pid: pid as i32, _stack: stack, _task: task })
    }
}

impl Shared {
    fn stage(&self) -> u32 {
        self.stage.load(Ordering::SeqCst)
    }

    fn moves(&self, from: u32, to: u32) -> bool {
        self.stage.compare_exchange(from, to, Ordering::SeqCst, Ordering::SeqCst).is_ok()
    }

    /// Whether every holder has been running within the last microseconds: nobody else wants their processors.
    fn all_run(&self) -> bool {
        let now = ticks();
        self.beats.iter().all(|beat| {
            let seen = beat.0.load(Ordering::Relaxed);
            // The clocks of two processors may differ by a little.
            seen != 0 && now.abs_diff(seen) < RECENT_TICKS
        })
    }

    fn is_surgeon_there(&self) -> bool {
        bare_call(libc::SYS_getppid, [0; 4]) == self.surgeon as isize
    }
}

/// The life of a holder. It calls nothing that could touch thread-local memory (`errno`), allocate or panic.
extern "C" fn hold(argument: *mut libc::c_void) -> libc::c_int {
    // SAFETY: the `Task` that `Holder::start` gave, which lives until this process has ended.
    let task = unsafe { &*argument.cast::<Task>() };
    // SAFETY: the same.
    let shared = unsafe { &*task.shared };
    // Files of the surgeon's, locks among them, must not outlive it.
    bare_call(libc::SYS_close_range, [0, u32::MAX as usize, 0, 0]);
    let set = [0, size_of_val(&task.processor), task.processor.as_ptr().addr(), 0];
    let is_bound = bare_call(libc::SYS_sched_setaffinity, set) == 0;
    // Where it has had no turn so far it may have been raised already.
    let is_ready =
        is_bound && (!matches!(shared.stage(), stage::MADE | stage::READY) || schedule(libc::SCHED_IDLE, 0));
    if is_ready {
        task.go_round(shared);
    } else {
        shared.end();
    }
    // The rest of its life is nobody's business, and takes longer than all before. Without its surgeon it has the surgeon's memory to give
    // back, which somebody may be waiting for.
    let policy = if shared.is_surgeon_there() { libc::SCHED_IDLE } else { libc::SCHED_OTHER };
    schedule(policy, 0);
    0
}

impl Task {
    fn go_round(&self, shared: &Shared) {
        let (mut turns, mut looks, mut is_raised) = (0_u32, 0_u32, false);
        loop {
            if let Some(beat) = shared.beats.get(self.index) {
                beat.0.store(ticks(), Ordering::Relaxed);
            }
            match shared.stage() {
                stage::READY => {
                    if shared.all_run() {
                        shared.moves(stage::READY, stage::TAKING);
                    }
                }
                stage::MADE => {
                    shared.wait(stage::MADE);
                    if !shared.is_surgeon_there() {
                        return;
                    }
                }
                stage::OVER => return,
                now if !is_raised => {
                    if now != stage::TAKING || !schedule(libc::SCHED_FIFO, PRIORITY) {
                        return shared.end();
                    }
                    is_raised = true;
                    let _ = shared.first.compare_exchange(0, ticks(), Ordering::SeqCst, Ordering::SeqCst);
                    let raised = shared.raised.fetch_add(1, Ordering::SeqCst).wrapping_add(1);
                    if raised as usize == shared.beats.len() && shared.moves(stage::TAKING, stage::HELD) {
                        shared.wake();
                    }
                }
                now => {
                    let looks_max = match now {
                        stage::TAKING => LOOKS_TAKING_MAX,
                        stage::WRITING => LOOKS_WRITING_MAX,
                        _ => LOOKS_MAX,
                    };
                    if looks > looks_max && shared.moves(now, stage::OVER) {
                        return shared.wake();
                    }
                }
            }
            turns = turns.wrapping_add(1);
            if turns.is_multiple_of(TURNS_PER_LOOK) {
                looks = if is_raised { looks.wrapping_add(1) } else { 0 };
                if !shared.is_surgeon_there() {
                    return;
                }
            }
            std::hint::spin_loop();
        }
    }
}

impl Shared {
    /// Ends it for all.
    fn end(&self) {
        self.stage.store(stage::OVER, Ordering::SeqCst);
        self.wake();
    }

    /// Wakes all that wait for another stage.
    fn wake(&self) {
        let word = self.stage.as_ptr().addr();
        bare_call(libc::SYS_futex, [word, FUTEX_WAKE as usize, i32::MAX as usize, 0]);
    }

    /// Sleeps as long as the stage is `now`, but not for long: a surgeon that is killed wakes nobody.
    fn wait(&self, now: u32) {
        let time = libc::timespec { tv_sec: 0, tv_nsec: 20_000_000 };
        let word = self.stage.as_ptr().addr();
        bare_call(libc::SYS_futex, [word, FUTEX_WAIT as usize, now as usize, (&raw const time).addr()]);
    }
}

/// The processor's clock; never 0.
fn ticks() -> u64 {
    // SAFETY: reads a counter that every x86-64 processor has.
    unsafe { _rdtsc() }.max(1)
}

/// Schedules the calling process.
fn schedule(policy: i32, priority: i32) -> bool {
    let parameters = libc::sched_param { sched_priority: priority };
    bare_call(libc::SYS_sched_setscheduler, [0, policy as usize, (&raw const parameters).addr(), 0]) == 0
}

fn urgent() -> libc::sched_attr {
    libc::sched_attr { sched_policy: libc::SCHED_FIFO as u32, sched_priority: PRIORITY as u32, ..none() }
}

/// A system call that leaves `errno` alone: the result, or the negative error. The caller passes what the call takes.
fn bare_call(number: i64, arguments: [usize; 4]) -> isize {
    let result: isize;
    // SAFETY: the calls made through here change scheduling, wake a futex of ours or read a number; of memory the kernel reads
    // live values alone. The registers are those that the kernel's convention uses and destroys.
    unsafe {
        asm!(
            "syscall",
            inlateout("rax") number as isize => result,
            in("rdi") arguments[0],
            in("rsi") arguments[1],
            in("rdx") arguments[2],
            in("r10") arguments[3],
            lateout("rcx") _,
            lateout("r11") _,
            options(nostack),
        );
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::processors::Processors;
    use crate::sys::Urgent;

    /// With all processors held; `None` without the permission, or where somebody else has them all the time.
    fn with_all_held<T>(act: impl Fn(&Holders) -> T) -> Option<T> {
        let processors = Processors::online().filter(|online| online.lock(Duration::from_mins(1)))?;
        if !Urgent::is_granted() {
            return None;
        }
        (0..100).find_map(|_| {
            let holders = Holders::start(&processors.numbers).unwrap();
            let _urgent = Urgent::begin();
            holders.take(Duration::from_millis(5)).then(|| act(&holders))
        })
    }

    fn spin(time: Duration) {
        let begun = Instant::now();
        while begun.elapsed() < time {
            std::hint::spin_loop();
        }
    }

    #[test]
    fn nobody_runs_while_the_processors_are_held() {
        let (count, is_over) = (AtomicU64::new(0), AtomicU32::new(0));
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    while is_over.load(Ordering::Relaxed) == 0 {
                        count.fetch_add(1, Ordering::Relaxed);
                    }
                });
            }
            let counts = with_all_held(|holders| {
                let before = count.load(Ordering::SeqCst);
                spin(Duration::from_micros(200));
                let after = count.load(Ordering::SeqCst);
                // On a machine with a slow moment they may have been given up meanwhile.
                let were_held = holders.are_held();
                assert!(holders.held_for() >= Duration::from_micros(200));
                were_held.then_some((before, after))
            });
            if let Some(Some((before, after))) = counts {
                assert_eq!(before, after);
                while count.load(Ordering::Relaxed) == after {
                    std::thread::yield_now();
                }
            }
            is_over.store(1, Ordering::Relaxed);
        });
    }

    #[test]
    fn they_do_not_wait_for_ever_for_a_surgeon_that_waits() {
        with_all_held(|holders| {
            let begun = Instant::now();
            while holders.are_held() {
                assert!(begun.elapsed() < Duration::from_mins(1));
                std::thread::sleep(Duration::from_micros(100));
            }
            assert!(!holders.keep(), "what has been given up can't be kept");
        });
    }
}
