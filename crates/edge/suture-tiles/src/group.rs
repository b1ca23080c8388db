//! Many threads, one writer: whoever comes while a batch is being written goes into the next one together.
//!
//! Syncing costs the same for one entry as for a thousand, so the more there is to do, the cheaper an entry becomes.

use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};

use suture_log::{Draft, Signer, Time};

use crate::error::Error;
use crate::log::{BATCH_ENTRIES_MAX, Log};

/// A log that many threads append to.
pub struct SharedLog<S> {
    waiting: Mutex<Vec<Waiting>>,
    writer: Mutex<(Log, S)>,
}

struct Waiting {
    draft: Draft,
    told: SyncSender<Result<u64, Arc<Error>>>,
}

impl<S: Signer> SharedLog<S> {
    /// Shares `log`, which signs with `signer`.
    pub fn new(log: Log, signer: S) -> Self {
        Self { waiting: Mutex::new(Vec::new()), writer: Mutex::new((log, signer)) }
    }

    /// Adds an entry, and gives its number when it is on the disk. `now` is asked for the time when the batch is made.
    ///
    /// # Errors
    /// The batch could not be written; whoever was in it is told.
    pub fn append(&self, draft: Draft, now: impl Fn() -> Time) -> Result<u64, Arc<Error>> {
        let (told, answer) = sync_channel(1);
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).push(Waiting { draft, told });
        loop {
            // Whoever gets in writes for all who wait; the others find their answer when they get in.
            let mut writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
            if let Ok(result) = answer.try_recv() {
                return result;
            }
            let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
            let len = waiting.len().min(BATCH_ENTRIES_MAX);
            let batch: Vec<Waiting> = waiting.drain(..len).collect();
            drop(waiting);
            let (log, signer) = &mut *writer;
            write(log, signer, now(), &batch);
        }
    }

    /// The log, when nobody appends any more.
    pub fn into_log(self) -> Log {
        self.writer.into_inner().unwrap_or_else(PoisonError::into_inner).0
    }
}

fn write<S: Signer>(log: &mut Log, signer: &S, now: Time, batch: &[Waiting]) {
    let (good, bad): (Vec<_>, Vec<_>) =
        batch.iter().map(|w| (w, w.draft.at(now).encode())).partition(|(_, entry)| entry.is_ok());
    for (waiting, why) in bad {
        if let Err(why) = why {
            tell(waiting, Err(Arc::new(why.into())));
        }
    }
    let drafts: Vec<Draft> = good.iter().map(|(waiting, _)| waiting.draft.clone()).collect();
    match log.append(now, &drafts, signer) {
        Ok(appended) => {
            for (index, (waiting, _)) in (appended.first..).zip(good) {
                tell(waiting, Ok(index));
            }
        }
        Err(error) => {
            let error = Arc::new(error);
            good.iter().for_each(|(waiting, _)| tell(waiting, Err(Arc::clone(&error))));
        }
    }
}

fn tell(waiting: &Waiting, result: Result<u64, Arc<Error>>) {
    // One place is kept for the one answer, and who asked waits for it.
    let _ = waiting.told.try_send(result);
}
