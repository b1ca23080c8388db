//! Many threads, one writer: whoever comes while a batch is being written goes into the next one together.
//!
//! Syncing costs the same for one entry as for a thousand, so the more there is to do, the cheaper an entry becomes. One
//! of those who wait writes for all; when it is done, it leaves the next batch to one who is in that.

use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use suture_log::{Draft, Signer, Time};

use crate::error::Error;
use crate::log::{BATCH_ENTRIES_MAX, Log};

/// A log that many threads append to.
pub struct SharedLog<S> {
    queue: Mutex<Queue>,
    writer: Mutex<(Log, S)>,
}

#[derive(Default)]
struct Queue {
    waiting: Vec<Waiting>,
    /// Whether somebody writes, who then sees to those who wait.
    is_led: bool,
}

struct Waiting {
    draft: Draft,
    told: SyncSender<Told>,
}

/// What somebody who waits is told.
enum Told {
    /// Number of the entry, which is on the disk; or why it is not in the log.
    Written(Result<u64, Arc<Error>>),
    /// The next batch is theirs to write.
    Lead,
}

/// Messages that one who waits can get: to lead, and their answer.
const MESSAGES_MAX: usize = 2;

impl<S: Signer> SharedLog<S> {
    /// Shares `log`, which signs with `signer`.
    pub fn new(log: Log, signer: S) -> Self {
        Self { queue: Mutex::default(), writer: Mutex::new((log, signer)) }
    }

    /// Adds an entry, and gives its number when it is on the disk. `now` is asked for the time when the batch is made.
    ///
    /// # Errors
    /// The act can't be an entry, or the batch could not be written; whoever was in it is told.
    pub fn append(&self, draft: Draft, now: impl Fn() -> Time) -> Result<u64, Arc<Error>> {
        let (told, answer) = sync_channel(MESSAGES_MAX);
        let is_led = {
            let mut queue = hold(&self.queue);
            queue.waiting.push(Waiting { draft, told });
            std::mem::replace(&mut queue.is_led, true)
        };
        let mut next = if is_led { answer.recv().ok() } else { Some(Told::Lead) };
        if matches!(next, Some(Told::Lead)) {
            self.lead(now);
            next = answer.recv().ok();
        }
        match next {
            Some(Told::Written(result)) => result,
            // Whoever had the batch has panicked.
            Some(Told::Lead) | None => Err(Arc::new(Error::Poisoned)),
        }
    }

    /// How many wait for a batch that nobody writes yet.
    pub fn waiting(&self) -> usize {
        hold(&self.queue).waiting.len()
    }

    /// The log, when nobody appends any more.
    pub fn into_log(self) -> Log {
        self.writer.into_inner().unwrap_or_else(PoisonError::into_inner).0
    }

    /// Writes a batch for all who wait.
    fn lead(&self, now: impl Fn() -> Time) {
        let _leading = Leading(&self.queue);
        let batch: Vec<Waiting> = {
            let mut queue = hold(&self.queue);
            let len = queue.waiting.len().min(BATCH_ENTRIES_MAX);
            queue.waiting.drain(..len).collect()
        };
        let (log, signer) = &mut *hold(&self.writer);
        write(log, signer, now(), &batch);
    }
}

/// Leaves the lead to one who waits, also when the leader panics.
struct Leading<'q>(&'q Mutex<Queue>);

impl Drop for Leading<'_> {
    fn drop(&mut self) {
        let mut queue = hold(self.0);
        match queue.waiting.first() {
            // There is room for it, and who waits does not go away.
            Some(next) => drop(next.told.try_send(Told::Lead)),
            None => queue.is_led = false,
        }
    }
}

fn hold<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Writes what can be an entry; one that can't spoils nothing for the others.
fn write<S: Signer>(log: &mut Log, signer: &S, now: Time, batch: &[Waiting]) {
    let mut good = Vec::with_capacity(batch.len());
    for waiting in batch {
        match waiting.draft.at(now).encode() {
            Ok(_) => good.push(waiting),
            Err(why) => tell(waiting, Err(Arc::new(why.into()))),
        }
    }
    let drafts: Vec<Draft> = good.iter().map(|waiting| waiting.draft.clone()).collect();
    match log.append(now, &drafts, signer) {
        Ok(appended) => {
            for (waiting, index) in good.iter().zip(appended.first..) {
                tell(waiting, Ok(index));
            }
        }
        Err(error) => {
            let error = Arc::new(error);
            for waiting in good {
                tell(waiting, Err(Arc::clone(&error)));
            }
        }
    }
}

fn tell(waiting: &Waiting, result: Result<u64, Arc<Error>>) {
    // There is room for it, and who asked waits for it.
    let _ = waiting.told.try_send(Told::Written(result));
}
