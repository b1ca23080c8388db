//! One row for each signature, from what was verified or from what is only claimed.

use jiff::Timestamp;
use serde::Serialize;
use suture_delta::page::{Cell, Tone};
use suture_trust::{Accepted, Digest, Envelope, KeyId, Kind, Lines, Predicate, Rejected, Role, Statement};

/// What one signature says.
#[derive(Serialize)]
pub(super) struct Row {
    /// Line in the file of statements.
    pub(super) line: usize,
    /// SHA-256 of the statement.
    id: Digest,
    kind: Option<Kind>,
    role: Option<Role>,
    /// Who it is by the trust root.
    principal: Option<String>,
    team: Option<String>,
    /// The key; only claimed where nothing was verified or the signature is not good.
    key: Option<KeyId>,
    signed_on: Option<Timestamp>,
    words: String,
    /// Whether it counts; `null` where nothing was verified.
    pub(super) counts: Option<bool>,
    /// A refusal that its signer has withdrawn.
    withdrawn: bool,
    /// Why it does not count: a word for scripts, and a sentence.
    code: Option<&'static str>,
    pub(super) reason: Option<String>,
}

/// What was verified, in the order of the file.
pub(super) fn judged(verified: &suture_trust::Verified, lines: &Lines) -> Vec<Row> {
    let accepted = verified.accepted.iter().filter_map(|accepted| {
        let (line, _) = lines.envelopes.get(accepted.index)?;
        Some(counts(*line, accepted))
    });
    let rejected = verified.rejected.iter().filter_map(|rejected| {
        let (line, envelope) = lines.envelopes.get(rejected.index)?;
        Some(does_not_count(*line, envelope, rejected))
    });
    let mut rows: Vec<Row> = accepted.chain(rejected).collect();
    rows.sort_by_key(|row| row.line);
    rows
}

/// What the file says, believed or not.
pub(super) fn claimed(lines: &Lines) -> Vec<Row> {
    let row = |(line, envelope): &(usize, Envelope)| {
        let statement = Statement::parse(&envelope.payload);
        let mut row = empty(*line, envelope);
        row.key = envelope.signatures.first().map(|signature| signature.key.clone());
        match statement {
            Ok(statement) => row.fill(&statement.predicate),
            Err(error) => row.reason = Some(error.to_string()),
        }
        row
    };
    lines.envelopes.iter().map(row).collect()
}

fn counts(line: usize, accepted: &Accepted) -> Row {
    let mut row = Row {
        line,
        id: accepted.id,
        kind: None,
        role: None,
        principal: Some(accepted.principal.clone()),
        team: Some(accepted.team.clone()),
        key: Some(accepted.key.clone()),
        signed_on: None,
        words: String::new(),
        counts: Some(true),
        withdrawn: accepted.is_withdrawn,
        code: None,
        reason: None,
    };
    row.fill(&accepted.statement.predicate);
    row.role = Some(accepted.role);
    row
}

/// Of a statement whose signature is not good nothing is shown: anybody may have written it.
fn does_not_count(line: usize, envelope: &Envelope, rejected: &Rejected) -> Row {
    let mut row = empty(line, envelope);
    row.key.clone_from(&rejected.key);
    row.principal.clone_from(&rejected.principal);
    if rejected.principal.is_some()
        && let Ok(statement) = Statement::parse(&envelope.payload)
    {
        row.fill(&statement.predicate);
    }
    row.counts = Some(false);
    row.code = Some(rejected.reason.code());
    row.reason = Some(rejected.reason.to_string());
    row
}

fn empty(line: usize, envelope: &Envelope) -> Row {
    Row {
        line,
        id: Digest::of(&envelope.payload),
        kind: None,
        role: None,
        principal: None,
        team: None,
        key: None,
        signed_on: None,
        words: String::new(),
        counts: None,
        withdrawn: false,
        code: None,
        reason: None,
    }
}

impl Row {
    fn fill(&mut self, predicate: &Predicate) {
        self.kind = Some(predicate.kind());
        self.role = predicate.role();
        self.signed_on = predicate.signed_on();
        predicate.words().clone_into(&mut self.words);
    }

    /// The row for people.
    pub(super) fn cells(&self) -> Vec<Cell> {
        let kind = self.kind.map_or("?", Kind::as_str);
        let (mark, tone) = match (self.counts, self.kind) {
            (Some(false), _) => ("✗", Tone::Bad),
            (Some(true), Some(Kind::Refused)) if !self.withdrawn => ("!", Tone::Bad),
            (Some(true), _) => ("✓", Tone::Good),
            (None, _) => ("?", Tone::Warn),
        };
        let who = match (&self.principal, &self.team) {
            (Some(principal), Some(team)) => format!("{principal} of {team}"),
            (Some(principal), None) => principal.clone(),
            (None, _) => self.key.as_ref().map_or("somebody", KeyId::as_str).to_owned(),
        };
        let role = self.role.map(|role| format!("as {role}")).unwrap_or_default();
        let when = self.signed_on.map(|time| time.strftime("%F %H:%MZ").to_string()).unwrap_or_default();
        let words = if self.withdrawn { format!("withdrawn: {}", self.words) } else { self.words.clone() };
        let plain = |text: String| (text, Tone::Plain);
        vec![
            (mark.to_owned(), tone),
            (kind.to_owned(), Tone::Strong),
            plain(who),
            plain(role),
            plain(when),
            plain(words),
        ]
    }
}
