//! The rows about people: which statements count, and whether the rules would let the bundle run here.
//!
//! The question is that of `suture apply` and `suture policy check`, asked by the same function.

use jiff::Timestamp;
use suture_clearance::{ClearError, Clearance, Patch, Use, clear};
use suture_delta::page::{clean, counted};
use suture_trust::{Accepted, Lines, Received, Rejected, Verified, verify};

use super::{Check, State};
use crate::args::BundleVerifyArgs;
use crate::failure::Failure;
use crate::statement_file::StatementFile;
use crate::{permission, trust_dir};

/// Both rows.
pub(super) fn checks(args: &BundleVerifyArgs, bytes: &[u8]) -> Result<Vec<Check>, Failure> {
    let not_checked = |check, what: &str| Check::new(check, State::NotChecked, what);
    let file = StatementFile::of(&args.file, args.statements.as_deref());
    file.must_be_there()?;
    let Some(directory) = trust_dir::find(args.trust.trust.as_deref()) else {
        let none = "there is no trust root to ask (--trust, SUTURE_TRUST_DIR)";
        return Ok(vec![not_checked("statements", none), not_checked("policy", none)]);
    };
    let authority = trust_dir::read(&directory)?;
    let lines = file.read_for(&authority.root)?;
    let patch = match Patch::read(bytes) {
        Ok(patch) => patch,
        Err(error) => {
            let what = "not asked about a bundle with such a dossier";
            let policy = Check::new("policy", State::Fail, format!("it can't be asked: {error}"));
            return Ok(vec![not_checked("statements", what), policy]);
        }
    };
    let case = permission::case_of(&patch, &args.trust)?;
    let run = Use::Run { dark: args.dark };
    let now = Timestamp::now();
    let received: Vec<_> =
        lines.envelopes.iter().map(|(_, envelope)| Received { envelope, known_since: None }).collect();
    let verified = verify(&authority.root, patch.digest, &received, now);
    let (stops, policy) = match clear(&authority, &patch, &lines, &run, case.as_ref(), now) {
        Ok(clearance) => (!clearance.refusals.is_empty(), policy(&clearance, &authority.node.name)),
        Err(ClearError::Incomplete(gaps)) => {
            let stops = verified.refusals().next().is_some() || verified.doubtful().next().is_some();
            (
                stops || !lines.unread.is_empty(),
                Check::new("policy", State::Fail, format!("not asked: {gaps}")),
            )
        }
        Err(ClearError::Doubtful(_)) => {
            let what = "not asked: a line that is damaged may be a refusal";
            (true, Check::new("policy", State::Fail, what))
        }
        Err(ClearError::Question(why)) => return Err(permission::unanswerable(&why)),
    };
    Ok(vec![statements(&file, &verified, &lines, stops), policy])
}

/// What does not count is told, and is no failure: whether the others are enough is what the policy says. What `stops` is a
/// refusal, or what may be one.
fn statements(file: &StatementFile, verified: &Verified, lines: &Lines, stops: bool) -> Check {
    let (count, others) = (verified.accepted.len(), verified.rejected.len() + lines.unread.len());
    if count + others + lines.left_out == 0 {
        let absent = file.absent().map(|absent| format!(": {}", clean(&absent))).unwrap_or_default();
        let what = format!("nobody has said anything about it{absent}");
        return Check::new("statements", State::NotChecked, what);
    }
    let mut what = vec![format!("{count} {}", if count == 1 { "counts" } else { "count" })];
    if others > 0 {
        what.push(format!("{others} {} not", if others == 1 { "does" } else { "do" }));
    }
    if lines.left_out > 0 {
        what.push(format!("{} of strangers are left out", counted(lines.left_out, "line")));
    }
    if verified.refusals().next().is_some() {
        what.push(format!("it is refused by {}", refused_by(verified)));
    }
    let line = |index: usize| lines.envelopes.get(index).map_or(0, |(line, _)| *line);
    let accepted = verified.accepted.iter().map(|accepted| counts(line(accepted.index), accepted));
    let rejected = verified.rejected.iter().map(|rejected| does_not(line(rejected.index), rejected));
    let unread =
        lines.unread.iter().map(|unread| (unread.line, format!("is no statement: {}", clean(&unread.why))));
    let mut rows: Vec<(usize, String)> = accepted.chain(rejected).chain(unread).collect();
    rows.sort();
    let state = if stops { State::Fail } else { State::Pass };
    let details = rows.into_iter().map(|(line, told)| format!("line {line}: {told}")).collect();
    Check { details, ..Check::new("statements", state, what.join(", ")) }
}

fn refused_by(verified: &Verified) -> String {
    let mut names: Vec<&str> = verified.refusals().map(|refusal| refusal.principal.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    clean(&names.join(", "))
}

fn counts(line: usize, accepted: &Accepted) -> (usize, String) {
    let kind = accepted.statement.kind();
    let withdrawn = if accepted.is_withdrawn { ", withdrawn" } else { "" };
    let who = clean(&format!("{} of {}", accepted.principal, accepted.team));
    (line, format!("{kind}, by {who} as {}{withdrawn}", accepted.role))
}

/// Of a statement whose signature is not good nothing is told but that: anybody may have written it.
fn does_not(line: usize, rejected: &Rejected) -> (usize, String) {
    let what = match (rejected.kind, &rejected.principal) {
        (Some(kind), Some(who)) => format!("{kind}, by {}, ", clean(who)),
        (None, Some(who)) => format!("by {}, ", clean(who)),
        (_, None) => String::new(),
    };
    (line, format!("{what}does not count: {}", rejected.reason))
}

fn policy(clearance: &Clearance, node: &str) -> Check {
    let node = clean(node);
    if !clearance.decision.allowed {
        let details = permission::missing(clearance);
        let what = format!("it may not run on {node}");
        return Check { details, ..Check::new("policy", State::Fail, what) };
    }
    let details = permission::owed(clearance);
    let what = match details.len() {
        0 => format!("it may run on {node}"),
        count => format!("it may run on {node}, and {} owed", are(count)),
    };
    Check { details, ..Check::new("policy", State::Pass, what) }
}

/// `1 statement is`, `2 statements are`.
fn are(count: usize) -> String {
    format!("{} {}", counted(count, "statement"), if count == 1 { "is" } else { "are" })
}
