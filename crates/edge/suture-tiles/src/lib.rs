//! The audit log on disk: entries that are acknowledged stay, whatever happens to the program or the machine.
//!
//! ```text
//!  DIR/log.toml            which log this is, and where its key is
//!  DIR/lock                held by the one writer
//!  DIR/next                the checkpoint that is being written
//!  DIR/pending/            an act that is going on, in a file for each; until its entry is in the log
//!  DIR/batch               which of these files the entries that are being added take the place of
//!  DIR/public/             what any web server may serve (C2SP tlog-tiles)
//!    checkpoint            the newest state, signed: the only file that is ever replaced
//!    checkpoints           all earlier ones, one behind the other
//!    tile/0/x001/234       hashes;  tile/0/x001/235.p/17: the same, as far as it was full
//!    tile/entries/…        entries
//! ```
//!
//! A batch becomes part of the log in one instant, that of the rename of `next` to `public/checkpoint`. Everything that
//! the new checkpoint speaks of is on the disk by then, in files that did not exist before; what a killed writer leaves
//! is not part of the log, and the next one removes it ([`Log::open`]). `disk` is the one door to the file system,
//! where tests kill the writer.
#![forbid(unsafe_code)]

mod batch;
mod disk;
mod edge;
mod error;
mod fit;
mod group;
mod history;
mod layout;
mod left;
mod log;
mod note;
mod pending;
mod reader;
mod recovery;
mod settings;
mod signatures;
mod wait;
mod walk;

pub use disk::operations_made;
pub use error::Error;
pub use group::SharedLog;
pub use left::{Unusable, Waiting, cut_short};
pub use log::{Appended, BATCH_ENTRIES_MAX, LOCK_WAIT_MAX, Log, Predecessor, Settled};
pub use note::Noted;
pub use pending::Pending;
pub use reader::{Reader, TileNodes};
pub use settings::Settings;
pub use signatures::add_signatures;
pub use wait::lock_within;
pub use walk::{AuditError, Walk, audit};
