//! Versions: which number the next one has, and what it is the next one of.
//!
//! Semantic versions as CSAF 2.0 wants them (3.1.11.2): below 1.0.0 before publication; after it the major number grows when
//! readers have to compare with what they run again (products or their status have changed), the minor one when anything else
//! that is said has, the patch one for corrections that change no meaning. What has changed is not asked but computed,
//! from digests that each revision keeps; only that a change of words is no change of meaning has to be said.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use suture_case::model::Tlp;
use suture_case::values::{Digest, Line, List, Moment};

use crate::model::{Advisory, REVISIONS_MAX};
use crate::stage::{self, Refusal, Stage};

/// A semantic version without pre-release and build parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Version {
    /// Grows when readers have to compare again.
    pub major: u32,
    /// Grows when anything that is said changes.
    pub minor: u32,
    /// Grows with corrections.
    pub patch: u32,
}

impl Version {
    const FIRST_DRAFT: Self = Self { major: 0, minor: 1, patch: 0 };
    const FIRST: Self = Self { major: 1, minor: 0, patch: 0 };

    fn next(self, change: Change) -> Self {
        match change {
            Change::Products if self.major > 0 => Self { major: self.major + 1, minor: 0, patch: 0 },
            Change::Products | Change::Content => Self { minor: self.minor + 1, patch: 0, ..self },
            Change::Editorial => Self { patch: self.patch + 1, ..self },
        }
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)
    }
}

impl FromStr for Version {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong =
            || format!("{:?} is no version; write it as 1.0.0", text.chars().take(30).collect::<String>());
        let mut parts = text.split('.').map(|part| {
            let is_plain =
                part == "0" || (!part.starts_with('0') && part.bytes().all(|b| b.is_ascii_digit()));
            // Far below what overflows, so that it can always grow.
            part.parse::<u32>().ok().filter(|number| is_plain && *number < 1_000_000_000)
        });
        let mut part = || parts.next().flatten().ok_or_else(wrong);
        let version = Self { major: part()?, minor: part()?, patch: part()? };
        if parts.next().is_some() { Err(wrong()) } else { Ok(version) }
    }
}

impl TryFrom<String> for Version {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Version> for String {
    fn from(version: Version) -> Self {
        version.to_string()
    }
}

/// How far a change goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Change {
    Products,
    Content,
    Editorial,
}

/// One version that there was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Revision {
    /// Its number.
    pub number: Version,
    /// When it was made.
    pub at: Moment,
    /// The stage that it had.
    pub stage: Stage,
    /// What is new in it, for its readers.
    pub summary: Line,
    /// Who made it; never rendered.
    pub by: Line,
    /// Why it was made against a rule; never rendered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub forced: Option<Line>,
    /// Until when its readers were asked to keep it to themselves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held_until: Option<Moment>,
    /// Digest of what it said about products.
    pub products: Digest,
    /// Digest of all that it said.
    pub content: Digest,
}

/// A version that is to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Update {
    /// The stage that it is to have; nothing for that of the last.
    pub to: Option<Stage>,
    /// What is new in it.
    pub summary: Line,
    /// Whether only words have changed, and no meaning.
    pub editorial: bool,
    /// Why a rule is to be overruled, if one has to be.
    pub force: Option<Line>,
    /// Until when the case is not public, as the case says.
    pub case_until: Option<Moment>,
    /// When.
    pub at: Moment,
    /// Who makes it.
    pub by: Line,
}

impl Advisory {
    /// The advisory with its next version.
    ///
    /// Publishing makes it TLP:CLEAR. Two versions never have the same time: one that is said to be made when the
    /// last was, or before it, is made a second after it.
    ///
    /// # Errors
    /// If nothing has changed, or a rule stands against it and no reason is given to overrule it.
    pub fn revised(&self, update: &Update) -> Result<Self, Refusal> {
        let to = update.to.unwrap_or(self.stage);
        let forced = self.weigh(to, update)?;
        let mut next = self.clone();
        next.stage = to;
        if to == Stage::Published {
            next.tlp = Tlp::Clear;
        }
        let last = self.revision.last();
        let revision = Revision {
            number: next.number(last, update.editorial)?,
            at: last.map_or(update.at, |last| update.at.max(one_second_after(last.at))),
            stage: to,
            summary: update.summary.clone(),
            by: update.by.clone(),
            forced,
            held_until: next.disclose_at.filter(|_| to == Stage::Embargoed),
            products: next.products_digest(),
            content: next.content_digest(),
        };
        let mut revisions = self.revision.to_vec();
        revisions.push(revision);
        next.revision = List::new(revisions).map_err(|_| Refusal::Full)?;
        Ok(next)
    }

    /// The versions that readers of this stage have seen, oldest first: drafts are nobody's business afterwards, and CSAF
    /// forbids them (6.1.18).
    pub fn history(&self) -> impl DoubleEndedIterator<Item = &Revision> {
        let published = self.stage == Stage::Published;
        self.revision.iter().filter(move |revision| !published || revision.stage == Stage::Published)
    }

    /// Whether it says something else than its last version.
    pub fn is_edited(&self) -> bool {
        self.revision.last().is_none_or(|last| last.content != self.content_digest())
    }

    /// The reason that goes on record, if a rule stands against it that a reason overrules.
    fn weigh(&self, to: Stage, update: &Update) -> Result<Option<Line>, Refusal> {
        match (stage::permits(self, to, update), &update.force) {
            (Ok(()), Some(_)) => Err(Refusal::NothingToForce),
            (Ok(()), None) => Ok(None),
            (Err(Refusal::TooEarly(_) | Refusal::Shortened { .. }), Some(reason)) => Ok(Some(reason.clone())),
            (Err(refusal), _) => Err(refusal),
        }
    }

    fn number(&self, last: Option<&Revision>, editorial: bool) -> Result<Version, Refusal> {
        let Some(last) = last else {
            return Ok(if self.stage == Stage::Published { Version::FIRST } else { Version::FIRST_DRAFT });
        };
        if self.stage == Stage::Published && last.stage != Stage::Published {
            return Ok(Version::FIRST);
        }
        let products_changed = last.products != self.products_digest();
        if last.content == self.content_digest() && last.stage == self.stage {
            return Err(Refusal::NothingChanged(last.number));
        }
        let change = match (products_changed, editorial) {
            (true, true) => return Err(Refusal::NotEditorial(last.number)),
            (true, false) => Change::Products,
            (false, true) => Change::Editorial,
            (false, false) => Change::Content,
        };
        Ok(last.number.next(change))
    }

    /// What readers compare with what they run.
    fn products_digest(&self) -> Digest {
        let text = serde_json::to_vec(&(&self.program, &self.hot_patch));
        Digest::of(&text.unwrap_or_default())
    }

    fn content_digest(&self) -> Digest {
        let plain = Self { revision: List::default(), stage: Stage::Draft, ..self.clone() };
        Digest::of(&serde_json::to_vec(&plain).unwrap_or_default())
    }
}

fn one_second_after(moment: Moment) -> Moment {
    Moment::from_unix_s(moment.unix_s().saturating_add(1)).unwrap_or(moment)
}

/// Versions and times grow, stages don't go back, and the last one has the stage of the advisory.
pub(crate) fn check(revisions: &List<Revision, REVISIONS_MAX>, stage: Stage) -> Result<(), String> {
    for (before, after) in revisions.iter().zip(revisions.iter().skip(1)) {
        if after.number <= before.number || after.at <= before.at || after.stage < before.stage {
            return Err(format!("revision {} does not come after {}", after.number, before.number));
        }
    }
    for revision in revisions.iter() {
        if (revision.number.major > 0) != (revision.stage == Stage::Published) {
            return Err(format!(
                "revision {} is {}, and published revisions are those from 1.0.0 on",
                revision.number, revision.stage
            ));
        }
    }
    match revisions.last() {
        None if stage != Stage::Draft => Err(format!(
            "it is {stage} without a revision; `suture advisory update --stage {stage}` makes it so"
        )),
        Some(last) if last.stage != stage => Err(format!(
            "it says {stage} and its last revision {}; `suture advisory update --stage` changes the stage",
            last.stage
        )),
        _ => Ok(()),
    }
}
