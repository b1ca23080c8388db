//! The home of a patch inside a process, and the record at its beginning.
//!
//! Every patch lives in one contiguous piece of memory of the target, its *home*. It begins with a
//! record: which delta, where its jumps go, what stood there before, and one byte, the switch, which
//! alone decides whether the process runs old or new code. All homes together are the registry of
//! what is applied: it lives and dies with the process, so it is right even when every file about it
//! is lost, and a surgeon that was killed leaves behind a truth that the next one can read.
//!
//! ```text
//!  base ─► ┌──────────────────────────────┐
//!          │ head, 256 bytes: mark, switch │ read-write
//!          │ body: JSON of `Record`        │
//!          │ saved bytes of overwrites     │
//!          ├──────────────────────────────┤
//!          │ prelude, stubs, new code      │ read-execute
//!          ├──────────────────────────────┤
//!          │ constants, unwind tables      │ read-only
//!          ├──────────────────────────────┤
//!          │ new data                      │ read-write
//!          └──────────────────────────────┘
//! ```
//!
//! A home is never unmapped once its code may have run: pointers into it (a function, a string, a new
//! static) can live on in the program's own data. A reverted patch leaves its home parked, and applying
//! the same delta again uses it again.

mod sound;

use serde::{Deserialize, Serialize};
use suture_delta::model::Range;
use thiserror::Error;

use crate::memory::Memory;

/// First bytes of every home.
pub const MAGIC: [u8; 16] = *b"\x7fSUTURE-HOME\0\0\0\x02";
/// Length of the fixed head, in bytes; the body follows.
pub const HEAD_LEN: u64 = 320;
/// Offset of the switch byte from the base of the home.
pub const SWITCH_OFFSET: u64 = 40;
/// Offset of the state byte.
pub const STATE_OFFSET: u64 = 41;
/// Offset of the byte that says whether the new code has ever been on.
pub const EVER_ON_OFFSET: u64 = 43;
/// Offset of the byte that says whether the old content of the overwritten objects is saved in the home.
pub const DATA_SAVED_OFFSET: u64 = 44;
/// Offset of the time of the last change, seconds since 1970, 8 bytes.
pub const CHANGED_AT_OFFSET: u64 = 48;
/// Offset of the word that is 1 from before a function of the home is called until its thread is home again, 4 bytes.
pub const CALL_UNDERWAY_OFFSET: u64 = 56;
/// Offset of the user id of who applied the patch, 4 bytes.
const BY_UID_OFFSET: usize = 192;
/// Offset of the name of that user, padded with zeros.
const BY_OFFSET: usize = 196;
/// Longest user name that is kept, in bytes.
pub const BY_LEN_MAX: usize = 48;
/// Offsets of what belongs to the unwinders of the process, that of the patched build and that of its libraries: the `struct object`
/// of each for our frames.
pub const UNWINDER_OBJECT_OFFSETS: [u64; 2] = [128, 256];
/// Length of each, in bytes.
pub const UNWINDER_OBJECT_LEN: u64 = 64;
/// Longest body that is read back, in bytes.
pub const BODY_LEN_MAX: u64 = 16 << 20;
/// Longest bodies of all homes of a process together that are read back, in bytes.
pub const BODIES_LEN_MAX: u64 = 64 << 20;

const SELF_ADDRESS_OFFSET: usize = 16;
const BODY_LEN_OFFSET: usize = 24;
const BODY_CHECK_OFFSET: usize = 32;

/// How far a patch has come in one process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// In place but not part of the program yet: its hooks have not agreed.
    Installed,
    /// Part of the program, on or off as the switch says.
    Applied,
    /// Taken back; the home waits for its next use.
    Reverted,
}

/// The changing part of a home.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// Whether new code runs.
    pub switch: bool,
    /// How far the patch has come.
    pub state: State,
    /// How many unwinders of the process know the frames of the home.
    pub frames_registered: u8,
    /// Whether the switch has ever been on since the patch was applied; if not, the patch is dark.
    pub ever_on: bool,
    /// Whether the overwritten objects hold new content, or may hold it, and their old content is saved.
    pub data_saved: bool,
    /// When the head last changed, seconds since 1970.
    pub changed_at: u64,
    /// User id of who applied the patch.
    pub by_uid: u32,
    /// Name of that user, or empty; at most [`BY_LEN_MAX`] bytes are kept.
    pub by: String,
}

/// The unchanging part of a home: the JSON body.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// Version of this record; readers refuse others. Now [`RECORD_SCHEMA`].
    pub schema: u32,
    /// SHA-256 of the delta's file, hex.
    pub id: String,
    /// Build-id of the module that is patched, hex.
    pub build_id: String,
    /// Name of that module.
    pub name: String,
    /// What was added to the module's link-time addresses.
    pub bias: u64,
    /// Ids of the patches that this one stands on.
    #[serde(default)]
    pub on: Vec<String>,
    /// The whole home.
    pub home: Range,
    /// The executable part.
    pub text: Range,
    /// The part for the stack of injected calls.
    pub call_stack: Range,
    /// The redirected functions.
    pub sites: Vec<RecordedSite>,
    /// Data changed in place.
    #[serde(default)]
    pub overwrites: Vec<RecordedOverwrite>,
    /// Addresses of the hooks.
    #[serde(default)]
    pub hooks: RecordedHooks,
    /// Addresses of the delta's symbols, for patches that stand on this one.
    pub symbols: Vec<u64>,
    /// Address of the unwind table, if there is one.
    pub frames: Option<u64>,
    /// Address of the function that gives the address of a thread's `errno`, if the process has one.
    #[serde(default)]
    pub errno: Option<u64>,
    /// The functions of the patch, for stacks and maps.
    pub functions: Vec<RecordedFunction>,
}

/// The version of [`Record`], and of the code that homes begin with, that this crate writes.
pub const RECORD_SCHEMA: u32 = 2;

/// A redirected function, at addresses of this process.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordedSite {
    /// Demangled name.
    pub name: String,
    /// Entry of the old function.
    pub entry: u64,
    /// Where the jump stands.
    pub jump_address: u64,
    /// What stood there when the patch was applied.
    pub before: [u8; 5],
    /// Where the jump goes while the switch is being thrown.
    pub stub: u64,
    /// Where it goes while the patch is on.
    pub code: u64,
    /// Old code that no thread may be in while the switch is thrown.
    pub ranges: Vec<Range>,
}

/// An object changed in place, at addresses of this process.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordedOverwrite {
    /// Name of the object.
    pub name: String,
    /// The object.
    pub address: u64,
    /// Its length in bytes.
    pub size: u64,
    /// Where in the home its old content is kept.
    pub saved: u64,
    /// Where in the home its new content stands.
    pub content: u64,
    /// Whether nobody changes it but patches: what is saved is then there from the beginning.
    #[serde(default)]
    pub constant: bool,
}

/// One function of the patch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordedFunction {
    /// Demangled name.
    pub name: String,
    /// Its code.
    pub range: Range,
}

/// Addresses of the hooks in this process.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordedHooks {
    /// Runs before the patch becomes part of the program.
    pub pre_apply: Option<u64>,
    /// Runs after new code was switched on by `apply`.
    pub post_apply: Option<u64>,
    /// Runs before the patch is taken back.
    pub pre_revert: Option<u64>,
    /// Runs after it was taken back.
    pub post_revert: Option<u64>,
}

/// A patch as found in a process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Home {
    /// What changes.
    pub head: Head,
    /// What does not.
    pub record: Record,
}

/// Why a home can't be read or written.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum HomeError {
    /// The memory is no home: leftover of a surgeon that was killed before it finished mapping.
    #[error("the memory at {0:#x} is named as a home of a patch but holds none")]
    NoHome(u64),
    /// The record is damaged.
    #[error("the record of the patch at {address:#x} is damaged: {what}")]
    Damaged {
        /// Base of the home.
        address: u64,
        /// What does not fit.
        what: String,
    },
    /// The record was written by another version.
    #[error(
        "the patch at {address:#x} was applied by another version of suture (record version {found}, this one reads {RECORD_SCHEMA}); use that version to take it back"
    )]
    OtherVersion {
        /// Base of the home.
        address: u64,
        /// Its version.
        found: u32,
    },
}

/// The first `HEAD_LEN + body` bytes of a home that has just been put in place.
#[expect(
    clippy::missing_panics_doc,
    reason = "a record is plain data with text keys: it can always be written"
)]
pub fn encode(home: &Home) -> Vec<u8> {
    let body = serde_json::to_vec(&home.record).expect("a record is plain data with text keys");
    let mut bytes = vec![0; HEAD_LEN as usize];
    bytes[..16].copy_from_slice(&MAGIC);
    bytes[SELF_ADDRESS_OFFSET..][..8].copy_from_slice(&home.record.home.start.to_le_bytes());
    bytes[BODY_LEN_OFFSET..][..8].copy_from_slice(&(body.len() as u64).to_le_bytes());
    bytes[BODY_CHECK_OFFSET..][..8].copy_from_slice(&fnv1a(&body).to_le_bytes());
    bytes[SWITCH_OFFSET as usize] = u8::from(home.head.switch);
    bytes[STATE_OFFSET as usize] = home.head.state.code();
    bytes[EVER_ON_OFFSET as usize] = u8::from(home.head.ever_on);
    bytes[DATA_SAVED_OFFSET as usize] = u8::from(home.head.data_saved);
    bytes[CHANGED_AT_OFFSET as usize..][..8].copy_from_slice(&home.head.changed_at.to_le_bytes());
    bytes[BY_UID_OFFSET..][..4].copy_from_slice(&home.head.by_uid.to_le_bytes());
    let name = home.head.by.as_bytes();
    let kept = name.len().min(BY_LEN_MAX);
    bytes[BY_OFFSET..][..kept].copy_from_slice(&name[..kept]);
    bytes.extend_from_slice(&body);
    bytes
}

/// How many unwinders have taken what is theirs in a head. They say so themselves: a mark of ours would be missing if the surgeon were killed
/// behind the call, and an object that is given twice makes a ring of the unwinder's list.
fn registered(head: &[u8]) -> u8 {
    let is_taken = |offset: &&u64| {
        head[**offset as usize..][..UNWINDER_OBJECT_LEN as usize].iter().any(|byte| *byte != 0)
    };
    UNWINDER_OBJECT_OFFSETS.iter().take_while(is_taken).count() as u8
}

/// Reads the home that begins at `base`. Bodies may be as long as there is `room`, in bytes, which becomes less by what is read.
pub fn decode(memory: &dyn Memory, base: u64, room: &mut u64) -> Result<Home, HomeError> {
    let damaged = |what: &str| HomeError::Damaged { address: base, what: what.to_owned() };
    let mut head = [0; HEAD_LEN as usize];
    memory.read(base, &mut head).map_err(|_| HomeError::NoHome(base))?;
    if head[..16] != MAGIC || word(&head, SELF_ADDRESS_OFFSET) != base {
        return Err(HomeError::NoHome(base));
    }
    let len = word(&head, BODY_LEN_OFFSET);
    if len > BODY_LEN_MAX.min(*room) {
        return Err(damaged("its length is beyond all reason"));
    }
    *room -= len;
    let mut body = vec![0; len as usize];
    memory.read(base + HEAD_LEN, &mut body).map_err(|_| damaged("it ends early"))?;
    if fnv1a(&body) != word(&head, BODY_CHECK_OFFSET) {
        return Err(damaged("its checksum differs"));
    }
    let version: Version = serde_json::from_slice(&body).map_err(|e| damaged(&e.to_string()))?;
    if version.schema != RECORD_SCHEMA {
        return Err(HomeError::OtherVersion { address: base, found: version.schema });
    }
    let record = serde_json::from_slice(&body).map_err(|e| damaged(&e.to_string()))?;
    sound::check(&record, base).map_err(damaged)?;
    let state = State::from_code(head[STATE_OFFSET as usize]).ok_or_else(|| damaged("unknown state"))?;
    let head = Head {
        switch: head[SWITCH_OFFSET as usize] != 0,
        state,
        frames_registered: registered(&head),
        ever_on: head[EVER_ON_OFFSET as usize] != 0,
        data_saved: head[DATA_SAVED_OFFSET as usize] != 0,
        changed_at: word(&head, CHANGED_AT_OFFSET as usize),
        by_uid: word(&head, BY_UID_OFFSET) as u32,
        by: String::from_utf8_lossy(&head[BY_OFFSET..][..BY_LEN_MAX]).trim_end_matches('\0').to_owned(),
    };
    Ok(Home { head, record })
}

impl Home {
    /// Whether the overwritten objects hold what the switch says.
    pub fn data_settled(&self) -> bool {
        self.head.data_saved == (self.head.switch && !self.record.overwrites.is_empty())
    }
}

impl State {
    /// The byte at [`STATE_OFFSET`].
    pub fn code(self) -> u8 {
        match self {
            Self::Installed => 1,
            Self::Applied => 2,
            Self::Reverted => 3,
        }
    }

    fn from_code(code: u8) -> Option<Self> {
        [Self::Installed, Self::Applied, Self::Reverted].into_iter().find(|state| state.code() == code)
    }
}

#[derive(Deserialize)]
struct Version {
    schema: u32,
}

fn word(bytes: &[u8], at: usize) -> u64 {
    let mut word = [0; 8];
    word.copy_from_slice(&bytes[at..at + 8]);
    u64::from_le_bytes(word)
}

/// FNV-1a, 64 bits (Fowler, Noll, Vo; draft-eastlake-fnv): finds damage, not malice.
fn fnv1a(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}
