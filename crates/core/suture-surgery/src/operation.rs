//! One operation on one process, as a step function: what was observed in, what to do next out.
//!
//! ```text
//!  apply    install ─► register frames ─► pre_apply ─► mark applied ─► throw on ─► post_apply
//!  toggle                                                              throw on or off
//!  revert   pre_revert ─► throw off ─► mark reverted ─► post_revert
//! ```
//!
//! The operation owns no process. It asks for one [`Effect`] at a time and is told how that went; the
//! edge carries effects out, tests and the simulator invent the answers, and since the state of a patch
//! is read from the process at the beginning of every operation, one that was killed anywhere is
//! finished or undone by the next.

use suture_delta::model::Range;

use crate::home::{CHANGED_AT_OFFSET, EVER_ON_OFFSET, Home, STATE_OFFSET, State, UNWINDER_OBJECT_OFFSETS};
use crate::install::Installation;
use crate::outcome::{End, Outcome, Refusal};
use crate::switch::{self, Direction, Write};

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Goal {
    /// The patch is in the process; on, or, if dark, ready to be switched on.
    Apply {
        /// Leave the switch off.
        dark: bool,
    },
    /// The switch of an applied patch is thrown.
    Toggle(Direction),
    /// The patch is no longer part of the process.
    Revert,
}

/// The time of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Now {
    /// A clock that never goes back, milliseconds.
    pub steady_ms: u64,
    /// Seconds since 1970, for people.
    pub unix_s: u64,
}

/// Something to do in the process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Map the home and fill it. Answered by [`Input::Done`].
    Install(Box<Installation>),
    /// Fill a parked home again; its mapping stands. Answered by [`Input::Done`].
    Refill(Box<Installation>),
    /// Run a function of the process on a parked thread. Answered by [`Input::Returned`].
    Call(Call),
    /// Write into the running process, only ever into the head of a home. Answered by [`Input::Done`].
    Poke(Vec<Write>),
    /// Stop every thread, make sure that none is in a forbidden range, write, and let go. Answered by
    /// [`Input::Switched`].
    Throw(Throw),
    /// Let time pass. Answered by [`Input::Done`].
    Wait {
        /// Milliseconds.
        ms: u64,
    },
    /// It is over.
    Finish(Outcome),
}

/// A function to be called inside the process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Call {
    /// What it is, for refusals.
    pub what: &'static str,
    /// Its address.
    pub function: u64,
    /// Its first two integer arguments.
    pub arguments: [u64; 2],
}

/// One stop of the whole process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Throw {
    /// Code that no thread may be in or return into, with the function's name.
    pub forbidden: Vec<(Range, String)>,
    /// Addresses in forbidden ranges at which a thread may stand all the same: entries, where nothing of
    /// the function has run yet.
    pub entries: Vec<u64>,
    /// The only bytes that may be found at the sites before anything is written.
    pub expected: Vec<Expected>,
    /// What to write, in this order.
    pub writes: Vec<Write>,
}

/// What a site may hold before it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expected {
    /// The function, demangled.
    pub function: String,
    /// Where.
    pub address: u64,
    /// Any of these.
    pub any_of: Vec<[u8; 5]>,
}

/// How an effect went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    /// Nothing has happened yet: the first step.
    Start,
    /// It is done.
    Done,
    /// The function came back.
    Returned(i64),
    /// The function raised this signal; the thread was taken back from it.
    Crashed(i32),
    /// All threads were stopped, were clear, and the writes are done.
    Switched {
        /// How long the process was stopped, microseconds.
        pause_us: u64,
    },
    /// It was not possible, and nothing was changed.
    Refused {
        /// Why.
        why: Refusal,
        /// How long the process was stopped to find that out, microseconds.
        pause_us: u64,
    },
    /// It went wrong.
    Failed(String),
}

/// An operation under way.
#[derive(Debug, Clone)]
pub struct Operation {
    goal: Goal,
    home: Home,
    was_on: bool,
    settled: bool,
    installation: Option<Box<Installation>>,
    register_frames: Vec<u64>,
    deadline_ms: u64,
    at: Step,
    pending: Option<Refusal>,
    pause_us_max: u64,
    attempts: u32,
    backoff_ms: u64,
}

/// The effect that was asked for last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Begin,
    Install,
    RegisterFrames,
    PreHook,
    MarkApplied,
    Throw(Direction, Reason),
    Backoff(Direction, Reason),
    PostHook,
    MarkReverted,
    MarkRestored,
    Over,
}

/// Why the switch is thrown: because it was asked for, or to undo what a hook refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reason {
    Asked,
    Undo,
}

const BACKOFF_FIRST_MS: u64 = 1;
const BACKOFF_MAX_MS: u64 = 100;

impl Operation {
    /// An operation that is to reach `goal` for the patch whose home is, or will be, `home`.
    ///
    /// `settled` says whether every site and every overwritten object holds what the switch says, as it
    /// does unless a surgeon was killed; `installation` is what `apply` needs if the home is not there or has to be filled again;
    /// `register_frames` the address of `__register_frame_info` of each unwinder in the process, always in the same order. At
    /// `deadline_ms` (on the clock of [`Now::steady_ms`]) no further attempt is begun; the first always is.
    pub fn new(
        goal: Goal,
        home: Home,
        settled: bool,
        installation: Option<Box<Installation>>,
        register_frames: Vec<u64>,
        deadline_ms: u64,
    ) -> Self {
        Self {
            goal,
            was_on: home.head.switch,
            home,
            settled,
            installation,
            register_frames,
            deadline_ms,
            at: Step::Begin,
            pending: None,
            pause_us_max: 0,
            attempts: 0,
            backoff_ms: BACKOFF_FIRST_MS,
        }
    }

    /// The patch as it stands now.
    pub fn home(&self) -> &Home {
        &self.home
    }

    /// What to do next, `input` being the answer to the effect before.
    pub fn step(&mut self, input: Input, now: Now) -> Effect {
        match input {
            Input::Failed(why) => self.finish(End::Failed(why)),
            Input::Refused { why, pause_us } => self.refused(why, pause_us, now),
            Input::Returned(result) => self.returned(result, now),
            Input::Crashed(signal) => self.crashed(signal, now),
            Input::Switched { pause_us } => self.switched(pause_us, now),
            Input::Start | Input::Done => self.advance(now),
        }
    }

    fn advance(&mut self, now: Now) -> Effect {
        match self.at {
            Step::Begin => self.begin(now),
            Step::Install => {
                self.home.head.state = State::Installed;
                self.after_install(now)
            }
            Step::RegisterFrames | Step::PostHook | Step::Throw(..) => {
                self.finish(End::Failed(format!("the answer to {:?} does not fit", self.at)))
            }
            Step::PreHook => self.after_pre_hook(now),
            Step::MarkApplied => match self.goal {
                Goal::Apply { dark: true } => self.finish(End::Done),
                _ => self.throw(Direction::On, Reason::Asked, now),
            },
            Step::MarkRestored if self.was_on => self.throw(Direction::On, Reason::Undo, now),
            Step::Backoff(direction, reason) => self.throw(direction, reason, now),
            Step::MarkReverted if self.goal == Goal::Revert && self.pending.is_none() => self.post_hook(),
            Step::MarkRestored | Step::MarkReverted => self.undone(),
            Step::Over => self.finish(End::Done),
        }
    }

    fn begin(&mut self, now: Now) -> Effect {
        let head = &self.home.head;
        match (self.goal, head.state) {
            (Goal::Apply { dark: true }, State::Applied) if self.settled => self.finish(End::Already),
            (Goal::Apply { dark: true }, State::Applied) => {
                self.throw(Direction::of(head.switch), Reason::Asked, now)
            }
            (Goal::Apply { dark: false }, State::Applied) => self.throw_if_needed(Direction::On, now),
            (Goal::Apply { .. }, State::Installed | State::Reverted) => self.install(),
            (Goal::Toggle(direction), State::Applied) => self.throw_if_needed(direction, now),
            (Goal::Toggle(_), State::Installed | State::Reverted) => {
                self.finish(End::Refused(Refusal::NotApplied))
            }
            (Goal::Revert, State::Applied | State::Installed) => self.pre_hook(now),
            (Goal::Revert, State::Reverted) => self.finish(End::Already),
        }
    }

    fn throw_if_needed(&mut self, direction: Direction, now: Now) -> Effect {
        if self.settled && self.home.head.switch == (direction == Direction::On) {
            return self.finish(End::Already);
        }
        self.throw(direction, Reason::Asked, now)
    }

    fn install(&mut self) -> Effect {
        self.at = Step::Install;
        match self.installation.take() {
            Some(installation) if installation.mapped => Effect::Refill(installation),
            Some(installation) => Effect::Install(installation),
            None => self.finish(End::Refused(Refusal::NotApplied)),
        }
    }

    fn after_install(&mut self, now: Now) -> Effect {
        let known = usize::from(self.home.head.frames_registered);
        let next = self.register_frames.get(known).zip(UNWINDER_OBJECT_OFFSETS.get(known));
        match (self.home.record.frames, next) {
            (Some(frames), Some((&function, offset))) => {
                self.at = Step::RegisterFrames;
                let object = self.home.record.home.start + offset;
                Effect::Call(Call { what: "__register_frame_info", function, arguments: [frames, object] })
            }
            _ => self.pre_hook(now),
        }
    }

    fn pre_hook(&mut self, now: Now) -> Effect {
        let hooks = self.home.record.hooks;
        let (what, hook) = match self.goal {
            Goal::Revert => ("suture_pre_revert", hooks.pre_revert),
            _ => ("suture_pre_apply", hooks.pre_apply),
        };
        // A patch that never came to be part of the program has nothing to be asked before it goes.
        let hook = hook.filter(|_| self.goal != Goal::Revert || self.home.head.state == State::Applied);
        self.at = Step::PreHook;
        match hook {
            Some(function) => Effect::Call(Call { what, function, arguments: [0, 0] }),
            None => self.after_pre_hook(now),
        }
    }

    fn after_pre_hook(&mut self, now: Now) -> Effect {
        if self.goal == Goal::Revert {
            if self.settled && !self.home.head.switch {
                return self.mark_reverted(now);
            }
            return self.throw(Direction::Off, Reason::Asked, now);
        }
        self.at = Step::MarkApplied;
        self.home.head.state = State::Applied;
        self.home.head.ever_on = false;
        self.mark(&[(STATE_OFFSET, State::Applied.code()), (EVER_ON_OFFSET, 0)], now)
    }

    fn throw(&mut self, direction: Direction, reason: Reason, now: Now) -> Effect {
        self.at = Step::Throw(direction, reason);
        self.attempts += 1;
        let record = &self.home.record;
        let mut forbidden = vec![(record.text, "the code of the patch".to_owned())];
        forbidden.splice(0..0, record.functions.iter().map(|f| (f.range, f.name.clone())));
        for site in &record.sites {
            forbidden.extend(site.ranges.iter().map(|range| (*range, site.name.clone())));
        }
        let entries = record.sites.iter().flat_map(|site| [site.entry, site.jump_address]).collect();
        let expected = record
            .sites
            .iter()
            .map(|site| Expected {
                function: site.name.clone(),
                address: site.jump_address,
                any_of: vec![
                    site.before,
                    switch::jump_bytes(site.jump_address, site.stub),
                    switch::jump_bytes(site.jump_address, site.code),
                ],
            })
            .collect();
        let writes = switch::writes(&self.home, direction, now.unix_s);
        Effect::Throw(Throw { forbidden, entries, expected, writes })
    }

    fn switched(&mut self, pause_us: u64, now: Now) -> Effect {
        self.pause_us_max = self.pause_us_max.max(pause_us);
        let Step::Throw(direction, reason) = self.at else {
            return self.finish(End::Failed("the switch was thrown unasked".to_owned()));
        };
        let on = direction == Direction::On;
        let head = &mut self.home.head;
        head.switch = on;
        head.ever_on |= on;
        head.data_saved = on && !self.home.record.overwrites.is_empty();
        match (self.goal, reason) {
            (_, Reason::Undo) if self.goal == Goal::Revert => self.undone(),
            (_, Reason::Undo) | (Goal::Revert, Reason::Asked) => self.mark_reverted(now),
            (Goal::Apply { .. }, Reason::Asked) => self.post_hook(),
            (Goal::Toggle(_), Reason::Asked) => self.finish(End::Done),
        }
    }

    fn mark_reverted(&mut self, now: Now) -> Effect {
        self.at = Step::MarkReverted;
        self.home.head.state = State::Reverted;
        self.mark(&[(STATE_OFFSET, State::Reverted.code())], now)
    }

    fn post_hook(&mut self) -> Effect {
        let hooks = self.home.record.hooks;
        let (what, hook) = match self.goal {
            Goal::Revert => ("suture_post_revert", hooks.post_revert),
            _ => ("suture_post_apply", hooks.post_apply),
        };
        self.at = Step::PostHook;
        match hook {
            Some(function) => Effect::Call(Call { what, function, arguments: [0, 0] }),
            None => self.finish(End::Done),
        }
    }

    fn returned(&mut self, result: i64, now: Now) -> Effect {
        match self.at {
            Step::RegisterFrames => {
                self.home.head.frames_registered += 1;
                self.after_install(now)
            }
            // A hook is an `int`; the upper half of the register is not its business.
            Step::PreHook if result as i32 == 0 => self.after_pre_hook(now),
            Step::PostHook if result as i32 == 0 => self.finish(End::Done),
            Step::PreHook => self.hook_refused(self.hook_name(true), result, now),
            Step::PostHook => self.hook_refused(self.hook_name(false), result, now),
            _ => self.finish(End::Failed("a function came back that was not called".to_owned())),
        }
    }

    /// A hook that crashes has not agreed. Of other functions nothing is known then.
    fn crashed(&mut self, signal: i32, now: Now) -> Effect {
        let hook = match self.at {
            Step::PreHook => self.hook_name(true),
            Step::PostHook => self.hook_name(false),
            _ => {
                return self.finish(End::Failed(format!("a function of the process raised signal {signal}")));
            }
        };
        self.pending = Some(Refusal::HookCrashed { hook, signal });
        self.undo(now)
    }

    fn hook_name(&self, before: bool) -> &'static str {
        match (self.goal == Goal::Revert, before) {
            (true, true) => "suture_pre_revert",
            (true, false) => "suture_post_revert",
            (false, true) => "suture_pre_apply",
            (false, false) => "suture_post_apply",
        }
    }

    fn hook_refused(&mut self, hook: &'static str, result: i64, now: Now) -> Effect {
        self.pending = Some(Refusal::Hook { hook, result: i64::from(result as i32) });
        self.undo(now)
    }

    /// Goes back to where the process was before the operation, then reports `self.pending`.
    fn undo(&mut self, now: Now) -> Effect {
        let head = &self.home.head;
        match self.goal {
            Goal::Apply { .. } if head.switch => self.throw(Direction::Off, Reason::Undo, now),
            Goal::Apply { .. } if head.state != State::Reverted => self.mark_reverted(now),
            Goal::Revert if head.state == State::Reverted => {
                self.at = Step::MarkRestored;
                self.home.head.state = State::Applied;
                self.mark(&[(STATE_OFFSET, State::Applied.code())], now)
            }
            _ => self.undone(),
        }
    }

    fn undone(&mut self) -> Effect {
        match self.pending.take() {
            Some(why) => self.finish(End::Refused(why)),
            None => self.finish(End::Done),
        }
    }

    fn refused(&mut self, why: Refusal, pause_us: u64, now: Now) -> Effect {
        self.pause_us_max = self.pause_us_max.max(pause_us);
        let (direction, reason) = match self.at {
            Step::Throw(direction, reason) => (direction, reason),
            Step::Install | Step::Begin => return self.finish(End::Refused(why)),
            _ => {
                self.pending = Some(why);
                return self.undo(now);
            }
        };
        let wait_ms = self.backoff_ms;
        if why.is_passing() && now.steady_ms.saturating_add(wait_ms) < self.deadline_ms {
            self.backoff_ms = (self.backoff_ms * 2).min(BACKOFF_MAX_MS);
            self.at = Step::Backoff(direction, reason);
            return Effect::Wait { ms: wait_ms };
        }
        match (self.goal, reason) {
            (_, Reason::Undo) => self.finish(End::Failed(format!(
                "{} and taking that back was refused: {why}",
                self.pending.as_ref().map(ToString::to_string).unwrap_or_default()
            ))),
            (Goal::Apply { .. }, Reason::Asked) if self.attempts > 0 && !self.home.head.ever_on => {
                self.pending = Some(why);
                self.mark_reverted(now)
            }
            _ => self.finish(End::Refused(why)),
        }
    }

    fn mark(&self, bytes: &[(u64, u8)], now: Now) -> Effect {
        let base = self.home.record.home.start;
        let mut writes: Vec<_> = bytes
            .iter()
            .map(|(offset, value)| Write::Bytes { address: base + offset, bytes: vec![*value] })
            .collect();
        let time = now.unix_s.to_le_bytes().to_vec();
        writes.push(Write::Bytes { address: base + CHANGED_AT_OFFSET, bytes: time });
        Effect::Poke(writes)
    }

    fn finish(&mut self, end: End) -> Effect {
        self.at = Step::Over;
        Effect::Finish(Outcome { end, pause_us: self.pause_us_max, attempts: self.attempts })
    }
}
