//! The auditor: takes a log entry by entry, from wherever it comes, and says at the end that it is what its keys vouch
//! for, or at the first thing that is wrong, what that is.
//!
//! What is proved is the last checkpoint: signed by the log and by the quorum, its root is that of exactly these
//! entries. Earlier checkpoints are compared by their roots, which narrows down where a difference is; their signatures
//! are looked at when that matters, or when witnesses have signed, whose times bound the times of entries.

use crate::checkpoint::SignedCheckpoint;
use crate::entry::Entry;
use crate::finding::Finding;
use crate::frontier::Frontier;
use crate::hash::Hash;
use crate::lines::shown;
use crate::policy::{Acceptance, Policy};
use crate::time::Time;
use crate::tree::Node;

/// By how much the clocks of a log and of a witness may differ, in milliseconds.
pub const CLOCK_TOLERANCE_MS: i64 = 5 * 60 * 1000;

/// A log on the table.
pub struct Auditor<'p> {
    policy: &'p Policy,
    /// Checkpoints that the auditor has from elsewhere, the smallest last.
    kept: Vec<SignedCheckpoint>,
    frontier: Frontier,
    last_time: Option<Time>,
    /// Entries that a checkpoint is known to cover.
    covered: u64,
    /// When a witness had seen the entries covered so far.
    witnessed: Option<Time>,
    newest: Option<SignedCheckpoint>,
}

/// A log that is what its keys vouch for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// Its last checkpoint.
    pub checkpoint: SignedCheckpoint,
    /// Who has signed that.
    pub acceptance: Acceptance,
    /// Time of the last entry.
    pub last_time: Option<Time>,
}

impl<'p> Auditor<'p> {
    /// An auditor who believes `policy`, and who knows earlier checkpoints of the log. They are compared with what
    /// comes, so they have to be genuine themselves.
    ///
    /// # Errors
    /// A checkpoint in `kept` is not signed by a log that is believed.
    pub fn new(policy: &'p Policy, mut kept: Vec<SignedCheckpoint>) -> Result<Self, Finding> {
        for checkpoint in &kept {
            policy.judge_signatures(checkpoint)?;
        }
        kept.sort_by_key(|kept| std::cmp::Reverse(kept.checkpoint().size));
        let mut auditor = Self {
            policy,
            kept,
            frontier: Frontier::default(),
            last_time: None,
            covered: 0,
            witnessed: None,
            newest: None,
        };
        auditor.compare_kept()?;
        Ok(auditor)
    }

    /// Entries so far.
    pub fn size(&self) -> u64 {
        self.frontier.size()
    }

    /// Takes the next entry. `leaf` is what the log's copy says its hash is; `completed` is told the nodes of the tree
    /// that have all their leaves now.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn entry(
        &mut self,
        bytes: &[u8],
        leaf: Hash,
        completed: impl FnMut(Node, Hash),
    ) -> Result<Entry, Finding> {
        let index = self.frontier.size();
        if Hash::of_leaf(bytes) != leaf {
            return Err(Finding::Changed { index });
        }
        let entry = Entry::parse(bytes).map_err(|why| Finding::Malformed { index, why })?;
        if let Some(before) = self.last_time.filter(|before| entry.when < *before) {
            return Err(Finding::DatedBack { index, when: entry.when, before });
        }
        if let Some(witnessed) = self.witnessed.filter(|seen| is_much_later(*seen, entry.when)) {
            return Err(Finding::DatedBeforeWitness { index, when: entry.when, witnessed });
        }
        self.last_time = Some(entry.when);
        self.frontier.push(leaf, completed);
        self.compare_kept()?;
        Ok(entry)
    }

    /// Takes an entry of an export, where its number stands beside it.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn numbered_entry(&mut self, number: u64, bytes: &[u8], leaf: Hash) -> Result<Entry, Finding> {
        let expected = self.frontier.size();
        if number != expected {
            return Err(Finding::Displaced { expected, found: number });
        }
        self.entry(bytes, leaf, |_, _| {})
    }

    /// Takes a checkpoint of the log, behind the last entry that it covers.
    ///
    /// # Errors
    /// It is not one of these entries.
    pub fn checkpoint(&mut self, signed: SignedCheckpoint) -> Result<(), Finding> {
        let claimed = signed.checkpoint();
        let present = self.frontier.size();
        if self.newest.as_ref().is_some_and(|newest| newest.checkpoint().origin != claimed.origin) {
            return Err(Finding::Foreign { origin: shown(&claimed.origin), size: claimed.size });
        }
        if claimed.size > present {
            self.policy.judge_signatures(&signed)?;
            return Err(self.short(claimed.size));
        }
        if claimed.size < present || claimed.root != self.frontier.root() {
            // An entry too many, or other entries; but only if the log says so itself.
            self.policy.judge_signatures(&signed)?;
            let last = present.saturating_sub(1);
            return Err(Finding::NotSigned { first: self.covered.min(claimed.size).min(last), last });
        }
        if signed.has_cosignatures() {
            let acceptance = self.policy.judge_signatures(&signed)?;
            self.note_witnesses(&acceptance)?;
        }
        self.covered = present;
        self.newest = Some(signed);
        Ok(())
    }

    /// Ends the audit: the last checkpoint must cover everything and be believed.
    ///
    /// # Errors
    /// What is missing.
    pub fn finish(self) -> Result<Verdict, Finding> {
        let present = self.frontier.size();
        let Some(checkpoint) = &self.newest else { return Err(Finding::NoCheckpoint) };
        if self.covered < present {
            return Err(Finding::Uncovered { first: self.covered, last: present - 1 });
        }
        let acceptance = self.policy.judge(checkpoint)?;
        if let Some(kept) = self.kept.first() {
            return Err(self.short(kept.checkpoint().size));
        }
        Ok(Verdict { checkpoint: checkpoint.clone(), acceptance, last_time: self.last_time })
    }

    /// Fewer entries are there than were signed for.
    fn short(&self, signed: u64) -> Finding {
        Finding::Short { first: self.covered, missing: signed - self.frontier.size(), signed }
    }

    /// Compares with the checkpoints that the auditor has kept, as soon as there are as many entries.
    fn compare_kept(&mut self) -> Result<(), Finding> {
        let size = self.frontier.size();
        while let Some(kept) = self.kept.pop_if(|kept| kept.checkpoint().size == size) {
            if kept.checkpoint().root != self.frontier.root() {
                let last = size.saturating_sub(1);
                return Err(Finding::Rewritten { first: self.covered.min(last), last });
            }
            let acceptance = self.policy.judge_signatures(&kept)?;
            self.note_witnesses(&acceptance)?;
            self.covered = size;
        }
        Ok(())
    }

    /// What witnesses have seen bounds the times of entries: those before are not later, those after not earlier.
    fn note_witnesses(&mut self, acceptance: &Acceptance) -> Result<(), Finding> {
        let seconds = acceptance.witnesses.iter().map(|(_, time_s)| *time_s);
        let times = seconds
            .filter_map(|time_s| Time::from_unix_ms(i64::try_from(time_s).ok()?.checked_mul(1000)?).ok());
        for witnessed in times {
            if let Some(when) = self.last_time.filter(|when| is_much_later(*when, witnessed)) {
                return Err(Finding::DatedForward { index: self.frontier.size() - 1, when, witnessed });
            }
            self.witnessed = self.witnessed.max(Some(witnessed));
        }
        Ok(())
    }
}

fn is_much_later(later: Time, earlier: Time) -> bool {
    later.unix_ms() - earlier.unix_ms() > CLOCK_TOLERANCE_MS
}
