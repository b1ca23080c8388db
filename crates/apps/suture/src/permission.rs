//! Whether a patch may be used on this machine: the question every command asks before it touches a process.

use std::path::Path;

use jiff::Timestamp;
use suture_clearance::{Authority, ClearError, Clearance, Doubts, Gaps, Patch, PatchError, Use, clear};
use suture_policy::{CaseFacts, QuestionError, State};
use suture_trust::Rejected;

use crate::args::TrustArgs;
use crate::commands::case_for_rules;
use crate::console::Console;
use crate::failure::Failure;
use crate::statement_file::StatementFile;
use crate::{files, trust_dir};

/// Reads a patch: the file of a delta or of a bundle.
pub(crate) fn read_patch(path: &Path) -> Result<Patch, Failure> {
    let bytes = files::read_perhaps_bundle(path, "the patch")?;
    Patch::read(&bytes).map_err(|error| unusable(path, &error))
}

/// Why a file is no patch.
pub(crate) fn unusable(path: &Path, error: &PatchError) -> Failure {
    let no_bundle = || Failure::usage(format!("`{}` is no bundle that can be used", path.display()));
    let refused = || Failure::refused(format!("the bundle `{}` is refused", path.display()));
    match error {
        PatchError::Delta(why) => {
            Failure::usage(format!("`{}` is no delta that can be used", path.display()))
                .why(why)
                .help(why.help())
        }
        PatchError::Bundle(why) if why.is_foreign() => no_bundle().why(why).help(why.help()),
        PatchError::Bundle(why) => refused().why(why).help(why.help()),
        PatchError::Contents(why) => refused().why(why).help(why.help()),
        PatchError::Dossier(why) => refused().why(why).help("make the bundle again with another dossier"),
    }
}

/// Asks the rules of `authority` about a patch, with the statements in `statements`.
pub(crate) fn ask(
    authority: &Authority,
    patch: &Patch,
    file: &Path,
    statements: &StatementFile,
    wanted: &Use,
    case: Option<&CaseFacts>,
) -> Result<Clearance, Failure> {
    let lines = statements.read_for(&authority.root)?;
    clear(authority, patch, &lines, wanted, case, Timestamp::now())
        .map_err(|error| unanswered(&error, file, statements.path()))
}

/// Refuses a bundle whose dossier has gaps, whoever has signed it.
pub(crate) fn require_complete(patch: &Patch, file: &Path) -> Result<(), Failure> {
    patch.gaps.as_ref().map_or(Ok(()), |gaps| Err(incomplete(file, gaps)))
}

fn incomplete(file: &Path, gaps: &Gaps) -> Failure {
    Failure::refused(format!("the bundle `{}` is refused", file.display()))
        .with_code("gaps")
        .why(gaps)
        .help("complete the dossier, and make the bundle again with `suture bundle create`")
}

/// Why there is no answer about the patch in `file`, with the statements in this file.
pub(crate) fn unanswered(error: &ClearError, file: &Path, statements: &Path) -> Failure {
    match error {
        ClearError::Incomplete(gaps) => incomplete(file, gaps),
        ClearError::Doubtful(doubts) => doubtful(doubts, statements),
        ClearError::Question(why) => unanswerable(why),
    }
}

/// Why the rules can't be asked.
pub(crate) fn unanswerable(why: &QuestionError) -> Failure {
    Failure::refused("the rules can't be asked about this patch")
        .why(why)
        .help("docs/formats/policy.md describes what they are asked")
}

fn doubtful(doubts: &Doubts, statements: &Path) -> Failure {
    let statements = statements.display();
    Failure::refused(format!("the file of statements `{statements}` is damaged, and may hide a refusal"))
        .with_code("damaged-statements")
        .why(doubts)
        .help("get it again from who gave it to you, or let those sign again whose lines these were, and take the lines out")
}

/// What the case of a patch is, if it is named on the command line.
pub(crate) fn case_of(patch: &Patch, given: &TrustArgs) -> Result<Option<CaseFacts>, Failure> {
    let Some(id) = &given.case else { return Ok(None) };
    if let Some(other) = patch.case.as_deref().filter(|named| *named != id.as_str()) {
        return Err(Failure::usage(format!("the patch is not for the case `{id}`"))
            .why(&format!("its dossier names `{}`", other.escape_debug()))
            .help("name its own case, or none"));
    }
    case_for_rules(&given.cases, id).map(Some)
}

/// Refuses what the rules of this machine forbid. Where it has none nothing is verified, and that is said.
pub(crate) fn require(
    patch: &Patch,
    file: &Path,
    given: &TrustArgs,
    wanted: &Use,
    console: &Console,
) -> Result<(), Failure> {
    require_complete(patch, file)?;
    let Some(directory) = trust_dir::find(given.trust.as_deref()) else {
        console.note("nothing was verified: this machine has no trust root (--trust, SUTURE_TRUST_DIR)");
        return Ok(());
    };
    let authority = trust_dir::read(&directory)?;
    let case = case_of(patch, given)?;
    let statements = StatementFile::of(file, None);
    let clearance = ask(&authority, patch, file, &statements, wanted, case.as_ref())?;
    let decision = &clearance.decision;
    if decision.allowed {
        for line in owed(&clearance) {
            console.note(&line);
        }
        return Ok(());
    }
    let why: Vec<String> = missing(&clearance).into_iter().chain(statements.absent()).collect();
    Err(Failure::refused(format!("the policy of this machine does not let `{}` run", file.display()))
        .why(&why.join("\n"))
        .help(format!("`{}` shows who could give what is missing", check_of(file, given, wanted))))
}

/// The command that asks the same without touching anything.
fn check_of(file: &Path, given: &TrustArgs, wanted: &Use) -> String {
    let trust = given.trust.as_ref().map(|directory| format!(" --trust {}", directory.display()));
    let case = given.case.as_ref().map(|case| format!(" --case {case} --cases {}", given.cases.display()));
    let dark = if matches!(wanted, Use::Run { dark: true }) { " --dark" } else { "" };
    let (trust, case) = (trust.unwrap_or_default(), case.unwrap_or_default());
    format!("suture policy check {}{trust}{case}{dark}", file.display())
}

/// What has to follow, a line for each rule.
pub(crate) fn owed(clearance: &Clearance) -> Vec<String> {
    let requirements = clearance.decision.requirements.iter();
    let owed = requirements.filter(|requirement| requirement.state == State::Owed);
    owed.map(|owed| {
        let until = owed.until.map(|until| format!(", until {until}")).unwrap_or_default();
        format!("owed{until}: {} ({})", owed.needs, owed.rule)
    })
    .collect()
}

/// What stands in the way, a line for each rule.
pub(crate) fn missing(clearance: &Clearance) -> Vec<String> {
    let decision = &clearance.decision;
    let lacking = decision
        .requirements
        .iter()
        .filter(|requirement| matches!(requirement.state, State::Missing | State::Overdue));
    let lines = lacking.map(|requirement| format!("missing: {} ({})", requirement.needs, requirement.rule));
    let failed =
        decision.failed.iter().map(|rule| format!("the rule {rule} can't be evaluated, and so denies"));
    let mut lines: Vec<String> = lines.chain(failed).collect();
    if lines.is_empty() && decision.refused_by.is_empty() {
        lines.push("no rule permits it".to_owned());
    }
    lines.extend(clearance.refusals.iter().map(|refusal| format!("refused by {refusal}")));
    lines.extend(uncounted(&clearance.verified.rejected));
    lines
}

/// Statements that might have been what is missing, and why they don't count.
fn uncounted(rejected: &[Rejected]) -> impl Iterator<Item = String> {
    const SHOWN_MAX: usize = 8;
    let line = |rejected: &Rejected| {
        let by = rejected.principal.as_ref().map(|by| format!(" of {by}")).unwrap_or_default();
        format!("a statement{by} doesn't count: {}", rejected.reason)
    };
    let more = rejected.len().saturating_sub(SHOWN_MAX);
    let more = (more > 0).then(|| format!("{more} more statements don't count"));
    rejected.iter().take(SHOWN_MAX).map(line).chain(more)
}
