//! The operation against an invented process: every goal is reached, and a surgeon killed between any two
//! writes leaves all functions old or all functions new, from where the next operation goes on.

use std::collections::BTreeMap;

use proptest::prelude::*;
use suture_delta::model::Range;
use suture_surgery::home::{
    self, Head, Home, Record, RecordedHooks, RecordedOverwrite, RecordedSite, State, UNWINDER_OBJECT_OFFSETS,
};
use suture_surgery::install::Installation;
use suture_surgery::memory::{Memory, MemoryError};
use suture_surgery::operation::{Effect, Goal, Input, Now, Operation};
use suture_surgery::outcome::{End, Outcome, Refusal};
use suture_surgery::switch::{Direction, SiteState, Write, site_state};

const BASE: u64 = 0x10_0000;
const OBJECT: u64 = 0x20_0000;
const OLD_DATA: [u8; 4] = *b"OLD.";
const NEW_DATA: [u8; 4] = *b"NEW!";
const SAVED: u64 = BASE + 0x2_0000;
const CONTENT: u64 = BASE + 0x3_0000;
const HOOK: u64 = BASE + 0x5000;

/// A process as far as an operation can see it.
#[derive(Clone, Default)]
struct Model {
    bytes: BTreeMap<u64, u8>,
    mapped: bool,
    hook_result: i64,
    hook_signal: Option<i32>,
    busy_stops: u32,
    /// Writes that may still happen before the surgeon is killed.
    writes_left: Option<usize>,
    /// The unwinders that have been told of frames.
    told: Vec<u64>,
    /// The surgeon is killed when so many have been.
    told_max: Option<usize>,
}

struct Killed;

const UNWINDERS: [u64; 2] = [0x777, 0x888];
const FRAMES: u64 = BASE + 0x7000;

impl Memory for Model {
    fn read(&self, address: u64, into: &mut [u8]) -> Result<(), MemoryError> {
        for (at, byte) in (address..).zip(into.iter_mut()) {
            *byte = self.bytes.get(&at).copied().unwrap_or(0);
        }
        Ok(())
    }
}

impl Model {
    fn new(record: &Record) -> Self {
        let mut model = Self::default();
        for site in &record.sites {
            model.put(site.jump_address, &site.before);
        }
        model.put(OBJECT, &OLD_DATA);
        model
    }

    fn put(&mut self, address: u64, bytes: &[u8]) {
        self.bytes.extend((address..).zip(bytes.iter().copied()));
    }

    fn get<const N: usize>(&self, address: u64) -> [u8; N] {
        let mut bytes = [0; N];
        self.read(address, &mut bytes).unwrap();
        bytes
    }

    fn write(&mut self, write: &Write) -> Result<(), Killed> {
        match &mut self.writes_left {
            Some(0) => return Err(Killed),
            Some(left) => *left -= 1,
            None => {}
        }
        match write {
            Write::Bytes { address, bytes } => self.put(*address, bytes),
            Write::Copy { from, to, len } => {
                let mut bytes = vec![0; *len as usize];
                self.read(*from, &mut bytes).unwrap();
                self.put(*to, &bytes);
            }
        }
        Ok(())
    }

    fn carry_out(&mut self, effect: &Effect) -> Result<Input, Killed> {
        match effect {
            Effect::Install(installation) | Effect::Refill(installation) => {
                let objects = UNWINDER_OBJECT_OFFSETS.map(|offset| self.get::<64>(BASE + offset));
                let head = home::encode(&installation.home);
                self.put(BASE, &head);
                for (offset, object) in UNWINDER_OBJECT_OFFSETS.into_iter().zip(objects) {
                    self.put(BASE + offset, &object);
                }
                self.put(CONTENT, &NEW_DATA);
                self.mapped = true;
            }
            Effect::Poke(writes) => {
                for write in writes {
                    self.write(write)?;
                }
            }
            Effect::Throw(throw) => {
                if self.busy_stops > 0 {
                    self.busy_stops -= 1;
                    return Ok(Input::Refused { why: busy(), pause_us: 1 });
                }
                for expected in &throw.expected {
                    let found = self.get::<5>(expected.address);
                    assert!(expected.any_of.contains(&found), "{found:x?} at {}", expected.function);
                }
                for write in &throw.writes {
                    self.write(write)?;
                }
                return Ok(Input::Switched { pause_us: 7 });
            }
            Effect::Call(call) if call.function == HOOK => {
                let crashed = self.hook_signal.map(Input::Crashed);
                return Ok(crashed.unwrap_or(Input::Returned(self.hook_result)));
            }
            Effect::Call(call) => {
                let [frames, object] = call.arguments;
                assert_eq!(
                    (frames, self.get(object)),
                    (FRAMES, [0; 64]),
                    "it belongs to an unwinder already"
                );
                self.put(object, &frames.to_le_bytes());
                self.told.push(call.function);
                if self.told_max == Some(self.told.len()) {
                    return Err(Killed);
                }
                return Ok(Input::Returned(0));
            }
            Effect::Wait { .. } => {}
            Effect::Finish(outcome) => panic!("{outcome:?} is no work"),
        }
        Ok(Input::Done)
    }

    /// New, or old; never a mixture.
    fn runs_new_code(&self, record: &Record) -> bool {
        let switch = self.get::<1>(BASE + home::SWITCH_OFFSET) == [1];
        let runs: Vec<bool> = record
            .sites
            .iter()
            .map(|site| match site_state(site, self.get(site.jump_address)) {
                SiteState::Before => false,
                SiteState::Stub => switch,
                SiteState::Code => true,
                SiteState::Foreign(bytes) => panic!("half a jump: {bytes:x?}"),
            })
            .collect();
        assert!(runs.iter().all(|new| *new == runs[0]), "half applied: {runs:?}");
        runs[0]
    }

    /// Whether the object holds what the switch says, unless the home says that it may not.
    fn says_whether_data_is_mixed(&self) -> bool {
        let Ok(home) = home::decode(self, BASE, &mut home::BODY_LEN_MAX.clone()) else {
            return self.get(OBJECT) == OLD_DATA;
        };
        let meant = if home.head.switch { NEW_DATA } else { OLD_DATA };
        !home.data_settled() || self.get(OBJECT) == meant
    }

    fn settled(&self, home: &Home) -> bool {
        let want = if home.head.switch { SiteState::Code } else { SiteState::Before };
        let mut sites = home.record.sites.iter();
        sites.all(|site| site_state(site, self.get(site.jump_address)) == want) && home.data_settled()
    }
}

fn busy() -> Refusal {
    Refusal::Busy { thread: 1, thread_name: "t".into(), function: "f0".into(), stack: Vec::new() }
}

fn record(sites: u64, hooks: RecordedHooks) -> Record {
    let text = Range { start: BASE + 0x1000, end: BASE + 0x8000 };
    Record {
        schema: home::RECORD_SCHEMA,
        id: "ab".repeat(32),
        build_id: "cd".repeat(20),
        name: "server".into(),
        bias: 0,
        on: Vec::new(),
        home: Range { start: BASE, end: CONTENT + 0x1000 },
        text,
        call_stack: Range { start: BASE + 0x8000, end: BASE + 0x9000 },
        sites: (0..sites)
            .map(|n| RecordedSite {
                name: format!("f{n}"),
                entry: 0x1000 + n * 0x100,
                jump_address: 0x1004 + n * 0x100,
                before: [0x55, n as u8, 3, 4, 5],
                stub: text.start + n * 64,
                code: text.start + n * 64 + 32,
                ranges: vec![Range { start: 0x1000 + n * 0x100, end: 0x1080 + n * 0x100 }],
            })
            .collect(),
        overwrites: vec![RecordedOverwrite {
            name: "table".into(),
            address: OBJECT,
            size: 4,
            saved: SAVED,
            content: CONTENT,
            constant: false,
        }],
        hooks,
        symbols: Vec::new(),
        frames: None,
        errno: None,
        functions: Vec::new(),
    }
}

fn fresh(record: &Record) -> Home {
    let head = Head {
        switch: false,
        state: State::Installed,
        frames_registered: 0,
        ever_on: false,
        data_saved: false,
        changed_at: 0,
        by_uid: 0,
        by: "root".into(),
    };
    Home { head, record: record.clone() }
}

fn begin(model: &Model, record: &Record, goal: Goal) -> Operation {
    let found = if model.mapped {
        home::decode(model, BASE, &mut { home::BODY_LEN_MAX }).expect("a record")
    } else {
        fresh(record)
    };
    let installation =
        Installation { home: fresh(record), mapped: model.mapped, parts: Vec::new(), choices: Vec::new() };
    let settled = model.settled(&found);
    Operation::new(goal, found, settled, Some(Box::new(installation)), UNWINDERS.to_vec(), 50)
}

fn run(model: &mut Model, record: &Record, goal: Goal) -> Result<Outcome, Killed> {
    let mut operation = begin(model, record, goal);
    let mut now = Now { steady_ms: 0, unix_s: 1_700_000_000 };
    let mut input = Input::Start;
    for _ in 0..1000 {
        now.steady_ms += 1;
        let effect = operation.step(input, now);
        match effect {
            Effect::Finish(outcome) => return Ok(outcome),
            effect => input = model.carry_out(&effect)?,
        }
    }
    panic!("{goal:?} does not end");
}

fn end(model: &mut Model, record: &Record, goal: Goal) -> End {
    match run(model, record, goal) {
        Ok(outcome) => outcome.end,
        Err(Killed) => panic!("nobody was to be killed"),
    }
}

const APPLY: Goal = Goal::Apply { dark: false };
const DARK: Goal = Goal::Apply { dark: true };
const ON: Goal = Goal::Toggle(Direction::On);
const OFF: Goal = Goal::Toggle(Direction::Off);

#[test]
fn each_goal_is_reached_once_and_then_is_already() {
    let record = record(3, RecordedHooks::default());
    let mut model = Model::new(&record);
    for (goal, new_code) in
        [(APPLY, true), (OFF, false), (ON, true), (Goal::Revert, false), (DARK, false), (ON, true)]
    {
        assert_eq!(end(&mut model, &record, goal), End::Done, "{goal:?}");
        assert_eq!(model.runs_new_code(&record), new_code, "{goal:?}");
        assert_eq!(model.get(OBJECT), if new_code { NEW_DATA } else { OLD_DATA });
        assert_eq!(end(&mut model, &record, goal), End::Already, "{goal:?}");
    }
}

#[test]
fn each_unwinder_is_told_once_wherever_the_surgeon_is_killed() {
    let record = Record { frames: Some(FRAMES), ..record(1, RecordedHooks::default()) };
    for told_max in 0..=UNWINDERS.len() {
        let mut model = Model { told_max: Some(told_max), ..Model::new(&record) };
        let is_killed = run(&mut model, &record, APPLY).is_err();
        assert_eq!(is_killed, told_max > 0);
        for goal in [APPLY, OFF, Goal::Revert, APPLY] {
            assert!(matches!(end(&mut model, &record, goal), End::Done | End::Already), "{goal:?}");
        }
        assert_eq!(model.told, UNWINDERS);
    }
}

#[test]
fn what_is_not_applied_is_not_toggled() {
    let record = record(1, RecordedHooks::default());
    let mut model = Model::new(&record);
    assert_eq!(end(&mut model, &record, OFF), End::Refused(Refusal::NotApplied));
    assert_eq!(end(&mut model, &record, APPLY), End::Done);
    assert_eq!(end(&mut model, &record, Goal::Revert), End::Done);
    assert_eq!(end(&mut model, &record, ON), End::Refused(Refusal::NotApplied));
}

#[test]
fn a_busy_process_is_tried_again_until_the_deadline() {
    let record = record(2, RecordedHooks::default());
    let mut model = Model { busy_stops: 3, ..Model::new(&record) };
    let Ok(outcome) = run(&mut model, &record, APPLY) else { panic!() };
    assert_eq!((outcome.end, outcome.attempts), (End::Done, 4));

    let mut model = Model { busy_stops: u32::MAX, ..Model::new(&record) };
    assert_eq!(end(&mut model, &record, APPLY), End::Refused(busy()));
    assert!(!model.runs_new_code(&record));
    assert_eq!(
        end(&mut model, &record, ON),
        End::Refused(Refusal::NotApplied),
        "a refused patch is not applied"
    );
}

#[test]
fn a_hook_that_says_no_leaves_everything_as_it_was() {
    let at = Some(HOOK);
    let none = RecordedHooks::default();
    for hooks in [RecordedHooks { pre_apply: at, ..none }, RecordedHooks { post_apply: at, ..none }] {
        let record = record(2, hooks);
        let mut model = Model { hook_result: 5, ..Model::new(&record) };
        assert!(matches!(end(&mut model, &record, APPLY), End::Refused(Refusal::Hook { result: 5, .. })));
        assert!(!model.runs_new_code(&record));
        assert_eq!(model.get(OBJECT), OLD_DATA);
    }
    for hooks in [RecordedHooks { pre_revert: at, ..none }, RecordedHooks { post_revert: at, ..none }] {
        let record = record(2, hooks);
        let mut model = Model::new(&record);
        assert_eq!(end(&mut model, &record, APPLY), End::Done);
        model.hook_result = -1;
        assert!(matches!(
            end(&mut model, &record, Goal::Revert),
            End::Refused(Refusal::Hook { result: -1, .. })
        ));
        assert!(model.runs_new_code(&record));
        model.hook_result = 0;
        assert_eq!(end(&mut model, &record, Goal::Revert), End::Done);
    }
}

#[test]
fn a_hook_that_crashes_leaves_everything_as_it_was() {
    let at = Some(HOOK);
    let none = RecordedHooks::default();
    for hooks in [RecordedHooks { pre_apply: at, ..none }, RecordedHooks { post_apply: at, ..none }] {
        let record = record(2, hooks);
        let mut model = Model { hook_signal: Some(11), ..Model::new(&record) };
        assert!(matches!(
            end(&mut model, &record, APPLY),
            End::Refused(Refusal::HookCrashed { signal: 11, .. })
        ));
        assert!(!model.runs_new_code(&record));
        assert_eq!(model.get(OBJECT), OLD_DATA);
    }
    let record = record(2, RecordedHooks { post_revert: at, ..none });
    let mut model = Model::new(&record);
    assert_eq!(end(&mut model, &record, APPLY), End::Done);
    model.hook_signal = Some(8);
    assert!(matches!(end(&mut model, &record, Goal::Revert), End::Refused(Refusal::HookCrashed { .. })));
    assert!(model.runs_new_code(&record));
}

fn any_goal() -> impl Strategy<Value = Goal> {
    prop_oneof![Just(APPLY), Just(DARK), Just(ON), Just(OFF), Just(Goal::Revert)]
}

proptest! {
    /// Kill after any write of any sequence of operations: never half applied, and the last, unkilled,
    /// operation reaches its goal.
    #[test]
    fn a_killed_surgeon_leaves_one_side_or_the_other(
        sites in 1_u64..6,
        killed in prop::collection::vec((any_goal(), 0_usize..24), 0..8),
        new_at_last in any::<bool>(),
    ) {
        let record = record(sites, RecordedHooks::default());
        let mut model = Model::new(&record);
        for (goal, writes) in killed {
            model.writes_left = Some(writes);
            let _ = run(&mut model, &record, goal);
            model.writes_left = None;
            model.runs_new_code(&record);
            prop_assert!(model.says_whether_data_is_mixed());
        }
        let last = if new_at_last { APPLY } else { Goal::Revert };
        if model.mapped || new_at_last {
            let ended = end(&mut model, &record, last);
            prop_assert!(matches!(ended, End::Done | End::Already), "{ended:?}");
        }
        prop_assert_eq!(model.runs_new_code(&record), new_at_last);
        prop_assert_eq!(model.get(OBJECT), if new_at_last { NEW_DATA } else { OLD_DATA });
    }
}
