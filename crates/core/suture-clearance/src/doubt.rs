//! What may be a refusal that nobody can read.
//!
//! A refusal stops a patch, so that whoever can damage one could let the patch run. Where a line is no statement, its signature
//! does not fit the key that it names, or somebody of the trust root has signed what can't be read, nobody can say that there is no
//! refusal, and nothing is decided. What a stranger has signed is none: it stops nothing.

use std::fmt;

use suture_trust::{Lines, Verified};

/// Most lines that are named.
const SHOWN_MAX: usize = 8;

/// Lines of a file of statements that may be refusals.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Doubts(Vec<Doubt>);

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Doubt {
    /// Counted from 1.
    line: usize,
    why: String,
}

/// The lines that may be refusals of somebody in the trust root, if there are any.
pub(crate) fn doubts(verified: &Verified, lines: &Lines) -> Option<Doubts> {
    let unread = lines
        .unread
        .iter()
        .map(|unread| Doubt { line: unread.line, why: format!("it is no DSSE envelope: {}", unread.why) });
    let line = |index: usize| lines.envelopes.get(index).map_or(0, |(line, _)| *line);
    let doubtful = verified.doubtful();
    let doubtful =
        doubtful.map(|rejected| Doubt { line: line(rejected.index), why: rejected.reason.to_string() });
    let mut doubts: Vec<Doubt> = unread.chain(doubtful).collect();
    doubts.sort();
    doubts.dedup();
    (!doubts.is_empty()).then_some(Doubts(doubts))
}

impl fmt::Display for Doubts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, Doubt { line, why }) in self.0.iter().take(SHOWN_MAX).enumerate() {
            let end = if number == 0 { "" } else { "\n" };
            write!(f, "{end}line {line}: {why}")?;
        }
        match self.0.len().saturating_sub(SHOWN_MAX) {
            0 => Ok(()),
            more => write!(f, "\nand {more} more lines"),
        }
    }
}
