//! Where the effects of an operation meet the process.

use std::io;
use std::time::{Duration, Instant};

use suture_delta::model::{self, Range};
use suture_surgery::busy::{self, Forbidden, LiveStack, Verdict};
use suture_surgery::home::Home;
use suture_surgery::install::Installation;
use suture_surgery::operation::{Call, Expected, Input, Throw};
use suture_surgery::outcome::Refusal;
use suture_surgery::switch::Write;

use crate::inject::{self, Called, From, Loan};
use crate::install::{self, Caller, InstallError};
use crate::look::Looker;
use crate::patient::Patient;
use crate::proc::Place;
use crate::state_dir::{Entry, Journal};
use crate::surroundings::Surroundings;
use crate::sys::{Awake, Readiness};
use crate::world::{self, Chase, Duty, Look, StopError};
use crate::{filters, proc, sys, underway};

/// One operation's way to the process.
pub(crate) struct Theatre<'p, 'j> {
    patient: &'p Patient,
    journal: &'j mut Journal,
    deadline: Instant,
    /// Whether every thread is to be stopped in any case.
    stop_all: bool,
    /// What is known of the process as it is now.
    surroundings: Option<Surroundings>,
    /// Whether it is known that no other process runs in the memory of this one.
    is_alone: bool,
    /// How long the next stop may follow busy threads.
    chase: Chase,
    /// What breakpoints need, where the kernel grants any.
    breakpoints: Option<Readiness>,
}

/// How long a stop may follow busy threads, for each thread of the process and at most: it is a part of the
/// pause, and what is a long pause depends on how many threads share the processors anyway. A stop after one for which that
/// was too short may twice as long: where processors are slow to come back, many short stops would cost more than one.
const CHASE_PER_THREAD: Duration = Duration::from_millis(1);
const CHASE_PER_THREAD_MAX: Duration = Duration::from_millis(4);
const CHASE_ALL: Duration = Duration::from_millis(250);
const CHASE_ALL_MAX: Duration = Duration::from_secs(1);
/// How long the first stop may follow one of them, and any further stop at most; each may twice as long as the
/// one before. Of a thread that is outside a tenth of its time, one in a thousand looks in vain 70 times, and a look takes
/// up to half a millisecond where processors are slow to come back. After the longest it begins anew, so that a thread
/// that never leaves does not cost every stop the most.
const CHASE_EACH_FIRST: Duration = Duration::from_millis(3);
const CHASE_EACH_MAX: Duration = Duration::from_millis(48);

/// What a thread is in whose return addresses are hidden.
const PROBED: &str = "a function that returns to a probe (uretprobe)";
/// What a thread is in that a killed surgeon had borrowed.
const WAY_HOME: &str = "its way home from a suture that was killed";
/// The longest that an injected function may take before the operation goes on without it.
const FUNCTION_MAX: Duration = Duration::from_secs(30);
const THREAD_RETRY: Duration = Duration::from_millis(2);
/// How often a thread that waits is looked for before one that runs will do.
const ROUNDS_WAITING: u32 = 3;

/// What an injected call needs of the thread that makes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Need {
    /// System calls only: any thread, best one that waits in the kernel.
    SystemCalls,
    /// A function of the program: one that holds no lock of the allocator, the loader or the unwinder.
    Function,
}

/// The code at the entry point while the stub stands there.
struct Lent {
    range: Range,
    /// Whether a killed surgeon has left the stub.
    was_left: bool,
}

impl<'p, 'j> Theatre<'p, 'j> {
    pub(crate) fn new(
        patient: &'p Patient,
        journal: &'j mut Journal,
        time: Duration,
        stop_all: bool,
    ) -> Self {
        Self {
            patient,
            journal,
            deadline: Instant::now() + time,
            stop_all,
            surroundings: None,
            is_alone: false,
            chase: Chase {
                per_thread: CHASE_PER_THREAD,
                all: CHASE_ALL,
                each: CHASE_EACH_FIRST,
                stubborn: None,
            },
            breakpoints: None,
        }
    }

    /// Puts a home into the process.
    pub(crate) fn install(&mut self, installation: &Installation) -> Result<(), InstallError> {
        let left = install::left_descriptors(self.patient.pid);
        self.with_caller(|caller| {
            caller.clean_up(&left)?;
            caller.install(installation)
        })?;
        Ok(self.choose(installation)?)
    }

    /// Gives the words of a mapped home their values that only the process can tell.
    fn choose(&mut self, installation: &Installation) -> Result<(), Refusal> {
        const WHAT: &str = "the choice of a library's function";
        for choice in &installation.choices {
            let call = Call { what: WHAT, function: choice.chooser, arguments: [0; 2] };
            let chosen = match self.try_call(&installation.home, call)? {
                Input::Returned(address) if address != 0 => address,
                other => return Err(Refusal::Unsupported(format!("{WHAT} ended with {other:?}"))),
            };
            let written = self.patient.memory.write(choice.word, &chosen.to_le_bytes());
            written.map_err(|error| world::refused(self.patient.pid, &error))?;
        }
        Ok(())
    }

    /// Fills a parked home again.
    pub(crate) fn refill(&mut self, installation: &Installation) -> Result<Input, InstallError> {
        underway::come_home(self.patient, &installation.home.record, self.deadline)?;
        let home = installation.home.record.home;
        let protected = installation.parts.iter().all(|part| {
            let mapping = self.patient.maps.iter().find(|mapping| mapping.range.contains(part.range.start));
            mapping.is_some_and(|mapping| install::has_protection(mapping, part.protection))
        });
        if !protected {
            // A surgeon was killed while it mapped this home.
            self.with_caller(|caller| caller.protect(installation).map_err(InstallError::Refused))?;
        }
        if let Err(error) = install::refill(&self.patient.memory, installation) {
            return Ok(Input::Failed(format!("filling {:#x}: {error}", home.start)));
        }
        self.choose(installation)?;
        Ok(Input::Done)
    }

    /// Runs a function of the process.
    pub(crate) fn call(&mut self, home: &Home, call: Call) -> Input {
        match self.try_call(home, call) {
            Ok(input) => input,
            Err(why) => Input::Refused { why, pause_us: 0 },
        }
    }

    fn try_call(&mut self, home: &Home, call: Call) -> Result<Input, Refusal> {
        let record = &home.record;
        underway::come_home(self.patient, record, self.deadline)?;
        let _awake = Awake::begin();
        let mut loan = self.borrow(Need::Function, call.what)?;
        filters::check(loan.tid(), record.text.start)?;
        let called = loan.function(record, call.function, call.arguments, FUNCTION_MAX);
        let tid = loan.tid();
        let returned = loan.give_back();
        Ok(match (called, returned) {
            (Ok(Called::Returned(result)), Ok(())) => Input::Returned(result),
            (Ok(Called::Crashed(signal)), Ok(())) => Input::Crashed(signal),
            (Ok(Called::StillRunning), _) => Input::Failed(format!(
                "{} had not returned after {FUNCTION_MAX:?}; thread {tid} goes on with it",
                call.what
            )),
            (Err(error), _) | (_, Err(error)) => Input::Failed(format!("running {}: {error}", call.what)),
        })
    }

    /// Stops the process, and writes if every thread is clear.
    pub(crate) fn throw(&mut self, throw: &Throw) -> Input {
        let patient = self.patient;
        if !self.is_alone {
            if let Some(pid) = proc::memory_sharer(patient.pid) {
                let why = Refusal::SharedMemory { pid, name: proc::name(pid) };
                return Input::Refused { why, pause_us: 0 };
            }
            self.is_alone = true;
            self.breakpoints =
                Readiness::begin().inspect_err(|error| tracing::debug!(%error, "no breakpoints")).ok();
        }
        let chase = self.chase;
        let next = chase.each * 2;
        self.chase.each = if next > CHASE_EACH_MAX { CHASE_EACH_FIRST } else { next };
        let stop_all = self.stop_all;
        let passage = self.stub().ok().map(|stub| (stub, WAY_HOME.to_owned()));
        let surroundings = match self.look_around() {
            Ok(surroundings) => surroundings,
            Err(why) => return Input::Refused { why, pause_us: 0 },
        };
        let mut forbidden = throw.forbidden.clone();
        forbidden.extend(surroundings.probed().into_iter().map(|range| (range, PROBED.to_owned())));
        let forbidden = Forbidden::new(&forbidden, &throw.entries).with_passage(passage);
        let look = || -> Box<dyn Look> { Box::new(Looker::new(patient, surroundings, &forbidden)) };
        let act = |stand: &dyn Fn() -> bool| write(patient, throw, stand);
        let rehearse = || rehearse(patient, throw);
        let can_rehearse = !stop_all && throw.writes.iter().all(|write| matches!(write, Write::Bytes { .. }));
        let rehearse = can_rehearse.then_some(&rehearse as _);
        let _awake = Awake::begin();
        let (result, took) = world::stop(patient.pid, &Duty { chase, look: &look, act: &act, rehearse });
        let pause_us = took.as_micros() as u64;
        if let Err(StopError::Refused(Refusal::Busy { thread, .. })) = &result {
            self.chase.stubborn = Some(*thread);
            self.chase.per_thread = (chase.per_thread * 2).min(CHASE_PER_THREAD_MAX);
            self.chase.all = (chase.all * 2).min(CHASE_ALL_MAX);
        }
        match result {
            Ok(()) => Input::Switched { pause_us },
            Err(StopError::Refused(why)) => Input::Refused { why, pause_us },
            Err(StopError::Act(error)) => Input::Failed(format!("writing to the process: {error}")),
        }
    }

    fn with_caller<T>(
        &mut self,
        act: impl FnOnce(&mut Caller<'_, '_>) -> Result<T, InstallError>,
    ) -> Result<T, InstallError> {
        let lent = self.lend_entry()?;
        let stub = lent.range.start;
        let _awake = Awake::begin();
        let loan = self.borrow(Need::SystemCalls, "system calls");
        let mut loan = match loan.and_then(|loan| filters::check(loan.tid(), stub).map(|()| loan)) {
            Ok(loan) => loan,
            Err(why) => {
                self.return_entry(&lent)?;
                return Err(why.into());
            }
        };
        let mut caller = Caller { pid: self.patient.pid, loan: &mut loan, stub };
        let result = act(&mut caller);
        let returned = loan.give_back();
        self.return_entry(&lent)?;
        if let Err(error) = returned {
            return Err(install::unexpected("go on", &error).into());
        }
        result
    }

    /// Where the stub of system calls stands while it is there: at the program's entry point, whose code never runs again.
    fn stub(&self) -> Result<Range, Refusal> {
        let start = suture_surgery::modules::entry_point(&self.patient.auxv).ok_or_else(|| {
            Refusal::Unsupported("the kernel does not say where the program begins".to_owned())
        })?;
        Ok(Range { start, end: start + inject::system_call_stub().len() as u64 })
    }

    /// Lends the code at the entry point to the stub. One that a killed surgeon has left there will do.
    fn lend_entry(&mut self) -> Result<Lent, Refusal> {
        let range = self.stub()?;
        let stub = inject::system_call_stub();
        let mut bytes = vec![0; stub.len()];
        let failed = |error: io::Error| world::refused(self.patient.pid, &error);
        self.patient.memory.read_exact(range.start, &mut bytes).map_err(failed)?;
        let was_left = bytes == stub;
        if !was_left {
            self.journal.write(&Entry::Lent { address: range.start, bytes })?;
            self.patient.memory.write(range.start, &stub).map_err(failed)?;
        }
        Ok(Lent { range, was_left })
    }

    /// Gives the entry point back, if it is known what stood there. A stub that was left stays as long as a thread may stand in it.
    fn return_entry(&mut self, lent: &Lent) -> Result<(), Refusal> {
        let found = self.journal.lent_entry().filter(|(address, _)| *address == lent.range.start);
        let Some((address, bytes)) = found else { return Ok(()) };
        if lent.was_left && !self.is_left_by_all(lent.range) {
            tracing::debug!("a thread may be on its way home through the entry point: the stub stays there");
            return Ok(());
        }
        let written = self.patient.memory.write(address, &bytes);
        written.map_err(|error| world::refused(self.patient.pid, &error))?;
        self.journal.write(&Entry::Returned)
    }

    /// Whether it is beyond doubt that no thread stands in a range.
    fn is_left_by_all(&self, range: Range) -> bool {
        let is_elsewhere =
            |tid: &i32| Place::of(self.patient.pid, *tid).is_some_and(|place| !range.contains(place.pc));
        proc::threads(self.patient.pid).is_ok_and(|threads| threads.iter().all(is_elsewhere))
    }

    /// A thread that can be borrowed, the first that is found before the deadline.
    fn borrow(&mut self, need: Need, what: &str) -> Result<Loan<'p>, Refusal> {
        let mut why = "none of its threads waits in a system call".to_owned();
        for round in 0.. {
            let from = if need == Need::SystemCalls && round >= ROUNDS_WAITING {
                From::Anywhere
            } else {
                From::Waiting
            };
            if need == Need::Function {
                self.look_around()?;
            }
            for tid in proc::threads(self.patient.pid).map_err(|_| Refusal::Gone)? {
                let unfit = from == From::Waiting && proc::blocked_in(self.patient.pid, tid).is_none();
                if unfit || proc::is_kernel_worker(self.patient.pid, tid) {
                    continue;
                }
                let Some(loan) = Loan::take(&self.patient.memory, tid, from)? else { continue };
                match self.unfit(need, &loan) {
                    None => return Ok(loan),
                    Some(reason) => why = reason,
                }
            }
            if Instant::now() >= self.deadline && (need == Need::Function || from == From::Anywhere) {
                break;
            }
            std::thread::sleep(THREAD_RETRY);
        }
        Err(Refusal::NoSafeThread { what: what.to_owned(), why })
    }

    /// Why a borrowed thread can't be used: what it is in may hold a lock that a function would wait for.
    fn unfit(&self, need: Need, loan: &Loan<'_>) -> Option<String> {
        if need == Need::SystemCalls {
            return None;
        }
        if self.stub().is_ok_and(|stub| stub.contains(loan.registers().rip)) {
            return Some(format!("thread {} is in {WAY_HOME}", loan.tid()));
        }
        let surroundings = self.surroundings.as_ref()?;
        let registers = loan.registers();
        let top = surroundings.stack_top(registers.rsp, registers.fs_base);
        let live = LiveStack::read(registers.rsp, top, &self.patient.memory);
        let guarded = match surroundings.guarded(self.patient) {
            Ok(guarded) => guarded,
            Err(error) => return Some(format!("what thread {} is in can't be told: {error}", loan.tid())),
        };
        match busy::judge(guarded, registers, &live, &surroundings.unwinder()) {
            Verdict::Clear => None,
            Verdict::Busy { function, .. } => Some(format!("thread {} is inside {function}", loan.tid())),
            Verdict::Undecided { reason, .. } => {
                Some(format!("the stack of thread {} can't be followed: {reason}", loan.tid()))
            }
        }
    }

    /// Sees what has changed in the process since the last look.
    fn look_around(&mut self) -> Result<&Surroundings, Refusal> {
        let patient = self.patient;
        let surroundings = self.surroundings.get_or_insert_with(|| Surroundings::examined(patient));
        surroundings.renew(patient)?;
        Ok(surroundings)
    }
}

/// Writes what stands there already wherever a throw is going to write: afterwards the pages are in memory and the process's own.
/// What is written belongs to the surgery alone, or is code that is as expected.
fn rehearse(patient: &Patient, throw: &Throw) -> io::Result<()> {
    for write in &throw.writes {
        let Write::Bytes { address, bytes } = write else { continue };
        let mut found = vec![0; bytes.len()];
        patient.memory.read_exact(*address, &mut found)?;
        // A breakpoint that somebody has set and removes just now must not come back.
        let mut here = throw.expected.iter().filter(|expected| expected.address == *address);
        if here.any(|expected| expected.any_of.iter().all(|bytes| found != bytes)) {
            return Err(io::Error::other("something else stands at a site"));
        }
        patient.memory.write(*address, &found)?;
    }
    Ok(())
}

/// The writes of a throw, if nothing but what is expected stands at the sites, and as long as all threads `stand`.
fn write(patient: &Patient, throw: &Throw, stand: &dyn Fn() -> bool) -> Result<(), StopError> {
    as_expected(patient, throw)?;
    for write in &throw.writes {
        if !stand() {
            return Err(StopError::Act(io::Error::other("threads ran before all was written")));
        }
        match write {
            Write::Bytes { address, bytes } => {
                patient.memory.write(*address, bytes).map_err(StopError::Act)?;
            }
            Write::Copy { from, to, len } => {
                let mut bytes = vec![0; *len as usize];
                patient.memory.read_exact(*from, &mut bytes).map_err(StopError::Act)?;
                patient.memory.write(*to, &bytes).map_err(StopError::Act)?;
            }
        }
    }
    Ok(())
}

fn as_expected(patient: &Patient, throw: &Throw) -> Result<(), StopError> {
    let addresses: Vec<u64> = throw.expected.iter().map(|expected| expected.address).collect();
    let found = sys::read_pieces::<5>(patient.pid, &addresses).map_err(StopError::Act)?;
    for (expected, found) in throw.expected.iter().zip(found) {
        if !expected.any_of.contains(&found) {
            return Err(StopError::Refused(foreign(expected, found)));
        }
    }
    Ok(())
}

fn foreign(expected: &Expected, found: [u8; 5]) -> Refusal {
    Refusal::ForeignCode {
        function: expected.function.clone(),
        address: expected.address,
        expected: expected
            .any_of
            .iter()
            .map(|bytes| model::hex(bytes.as_slice()))
            .collect::<Vec<_>>()
            .join(" or "),
        found: model::hex(&found),
    }
}
