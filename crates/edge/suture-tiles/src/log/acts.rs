//! Acts that go on while nobody has the log open: noted when they begin, added when they have ended, by whoever is there then.

use suture_log::{Draft, Signer, Time};

use super::{Appended, BATCH_ENTRIES_MAX, Log};
use crate::batch;
use crate::error::Error;
use crate::fit::fitting;
use crate::left::{self, Found, Held, Unusable};
use crate::note::Mark;
use crate::pending::Pending;

/// What was done about acts whose processes are gone.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Settled {
    /// How many were added.
    pub count: usize,
    /// What may be one, and can't be added. It was left as it is.
    pub unusable: Vec<Unusable>,
}

/// Entries that take the place of notes, in one batch.
#[derive(Default)]
struct Batch {
    drafts: Vec<Draft>,
    held: Vec<Held>,
    marks: Vec<Mark>,
}

impl Log {
    /// Notes that an act is begun, of which `drafts` is what is known. It is on the disk when this succeeds.
    ///
    /// # Errors
    /// The clock has been set back, the act can't be an entry, or it can't be written: it must not be begun then.
    pub fn begin(&self, now: Time, drafts: &[Draft]) -> Result<Pending, Error> {
        self.takes(now)?;
        Pending::begin_in(&self.layout, self.key.name(), now, drafts)
    }

    /// Adds the entries of an act that has ended by `now`.
    ///
    /// # Errors
    /// As with [`Self::append`]. What was noted of the act stays then, for [`Self::settle`].
    pub fn finish<S: Signer + ?Sized>(
        &mut self,
        now: Time,
        drafts: &[Draft],
        signer: &S,
        pending: &Pending,
    ) -> Result<Appended, Error> {
        let drafts = fitting(drafts, now)?;
        let appended = self.append_for(now, &drafts, signer, vec![pending.mark().clone()])?;
        // If it can't be removed, the next one who opens the log sees that it is to be.
        let _ = pending.remove();
        Ok(appended)
    }

    /// Adds what was noted of acts whose processes are gone, here and beside the logs that this one follows, as few batches.
    ///
    /// # Errors
    /// As with [`Self::append`], or `pending/` can't be read. What has not been added stays noted.
    pub fn settle<S: Signer + ?Sized>(&mut self, now: Time, signer: &S) -> Result<Settled, Error> {
        let mut settled = Settled::default();
        let mut batch = Batch::default();
        for found in left::look(&self.place(), &self.predecessors)? {
            let (held, noted) = match found {
                Found::Act(held, noted) => (held, noted),
                Found::NotBegun(held) => {
                    held.remove()?;
                    continue;
                }
                Found::Unusable(unusable) => {
                    settled.unusable.push(unusable);
                    continue;
                }
            };
            let drafts = match fitting(&noted.late(self.key.name()), now) {
                Ok(drafts) if drafts.len() <= BATCH_ENTRIES_MAX => drafts,
                Ok(drafts) => {
                    settled.unusable.push(held.unusable(Error::BatchTooLarge(drafts.len())));
                    continue;
                }
                Err(error) => {
                    settled.unusable.push(held.unusable(error));
                    continue;
                }
            };
            if batch.drafts.len() + drafts.len() > BATCH_ENTRIES_MAX {
                settled.count += self.add(now, signer, std::mem::take(&mut batch))?;
            }
            batch.drafts.extend(drafts);
            batch.held.push(held);
            batch.marks.push(noted.mark);
        }
        settled.count += self.add(now, signer, batch)?;
        Ok(settled)
    }

    /// How many notes there were.
    fn add<S: Signer + ?Sized>(&mut self, now: Time, signer: &S, batch: Batch) -> Result<usize, Error> {
        if batch.marks.is_empty() {
            return Ok(0);
        }
        self.append_for(now, &batch.drafts, signer, batch.marks)?;
        for held in &batch.held {
            let _ = held.remove();
        }
        Ok(batch.held.len())
    }

    /// Adds a batch that takes the place of notes.
    fn append_for<S: Signer + ?Sized>(
        &mut self,
        now: Time,
        drafts: &[Draft],
        signer: &S,
        marks: Vec<Mark>,
    ) -> Result<Appended, Error> {
        self.takes(now)?;
        if self.is_poisoned {
            return Err(Error::Poisoned);
        }
        let announced = batch::announce(&self.layout, self.size(), marks);
        let appended = announced.and_then(|()| self.append(now, drafts, signer));
        // What was announced and has not come to be is taken back by whoever opens the log again.
        self.is_poisoned |= appended.is_err();
        appended
    }
}
