//! How a decision is shown: a table of what is asked, what is there, what is missing and who could give it.
//!
//! A function of plain values: `policy try` calls it with what a file says, `policy check` and `apply` with what they
//! find in a bundle.

use std::str::FromStr as _;

use serde::Serialize;
use suture_clearance::Standing;
use suture_delta::page::{Column, Look, Page, Tone, clean, counted, listed};
use suture_policy::{
    Ask, Class, Decision, Kind, Principal, Requirement, SetAside, Spoken, State, Stranger, Switch,
};

use super::summary::Signed;
use suture_trust::{Rejected, Role};

use crate::console::Console;
use crate::exit::Exit;
use crate::failure::Failure;

/// Most people that a cell of the table names.
const PEOPLE_SHOWN_MAX: usize = 6;

/// So much of a digest is shown.
const DIGEST_DIGITS: usize = 12;

/// What a decision is about, in words.
pub(super) struct About<'a> {
    /// `run`, `activate` or `publish`.
    action: &'static str,
    /// Such as `run it on cache-1`.
    what: String,
    /// Of the patch.
    digest: &'a str,
    /// What led to the consensus class that was computed.
    because: Vec<String>,
    /// Statements that were not even put to the rules, and why.
    rejected: Vec<String>,
    /// Lines of strangers that were too many to be looked at.
    left_out: usize,
    /// That there is no file of statements.
    absent: Option<String>,
    /// Refusals that stand.
    refusals: &'a [Standing],
    /// What was signed of it.
    summary: Option<Signed>,
}

#[derive(Serialize)]
struct Document<'a> {
    schema: u32,
    allowed: bool,
    action: &'a str,
    digest: &'a str,
    /// The consensus class that counts.
    class: Class,
    /// What led to the class that was computed, one sentence each.
    class_because: &'a [String],
    /// What is asked: one entry for each rule, those that stop it first.
    requirements: Vec<Line<'a>>,
    /// Every rule that spoke, those that forbid first.
    rules: &'a [Spoken],
    /// Refusals that stand, and whether who refused can withdraw them.
    refusals: &'a [Standing],
    /// Whose refusals stand.
    refused_by: Vec<&'a str>,
    /// Statements that do not count by the rules.
    set_aside: Vec<Aside<'a>>,
    /// Statements that are not genuine, or not of somebody in the trust root who may say it, and why.
    rejected: &'a [String],
    /// Lines of strangers that were too many to be looked at.
    left_out: usize,
    /// That there is no file of statements.
    #[serde(skip_serializing_if = "Option::is_none")]
    absent: Option<&'a str>,
    /// Rules that could not be evaluated; each denies.
    failed: &'a [String],
    /// Roles, teams and people that rules name and the trust root does not have.
    strangers: Vec<String>,
    /// The verification summary that was signed, if one was.
    #[serde(skip_serializing_if = "Option::is_none")]
    summary: Option<&'a Signed>,
}

#[derive(Serialize)]
struct Line<'a> {
    rule: &'a str,
    asked: &'a str,
    state: State,
    /// The statement that it asks for, or `null`.
    statement: Option<Kind>,
    there: Vec<&'a str>,
    could: Vec<&'a str>,
    /// Until when what is owed has to be there.
    until: Option<String>,
}

#[derive(Serialize)]
struct Aside<'a> {
    by: &'a str,
    kind: Kind,
    at: String,
    why: String,
}

impl<'a> About<'a> {
    /// What is to happen with the patch that has this digest.
    pub(super) fn new(ask: &Ask, digest: &'a str) -> Self {
        let what = match ask {
            Ask::Run { node, switch: Switch::On } => format!("run on {}", node.name),
            Ask::Run { node, switch: Switch::Dark } => format!("be put in place dark on {}", node.name),
            Ask::Activate { node, .. } => format!("be switched on on {}", node.name),
            Ask::Publish { by } => format!("be published by {by}"),
        };
        Self {
            action: ask.action(),
            what,
            digest,
            because: Vec::new(),
            rejected: Vec::new(),
            left_out: 0,
            absent: None,
            refusals: &[],
            summary: None,
        }
    }

    /// The same with what led to the consensus class that was computed.
    pub(super) fn with_class_because(self, because: Vec<String>) -> Self {
        Self { because, ..self }
    }

    /// The same with the statements that were not even put to the rules.
    pub(super) fn with_rejected(self, rejected: &[Rejected]) -> Self {
        let line = |rejected: &Rejected| {
            let by = rejected.principal.as_deref().unwrap_or("somebody");
            let kind = rejected.kind.map(|kind| format!(" {kind}")).unwrap_or_default();
            format!("{by}{kind}: {}", rejected.reason)
        };
        Self { rejected: rejected.iter().map(line).collect(), ..self }
    }

    /// The same with how many lines of strangers were left out.
    pub(super) fn with_left_out(self, left_out: usize) -> Self {
        Self { left_out, ..self }
    }

    /// The same with that there is no file of statements, if so.
    pub(super) fn with_absent(self, absent: Option<String>) -> Self {
        Self { absent, ..self }
    }

    /// The same with the refusals that stand.
    pub(super) fn with_refusals(self, refusals: &'a [Standing]) -> Self {
        Self { refusals, ..self }
    }

    /// The same with the summary that was signed.
    pub(super) fn with_summary(self, summary: Option<Signed>) -> Self {
        Self { summary, ..self }
    }
}

/// Prints a decision.
pub(super) fn answer(
    about: &About<'_>,
    decision: &Decision,
    strangers: &[Stranger],
    console: &Console,
) -> Result<Exit, Failure> {
    console.answer(&document(about, decision, strangers), |look| text(about, decision, strangers, look))?;
    Ok(if decision.allowed { Exit::Done } else { Exit::PolicyRefused })
}

fn document<'a>(about: &'a About<'_>, decision: &'a Decision, strangers: &[Stranger]) -> Document<'a> {
    Document {
        schema: 1,
        allowed: decision.allowed,
        action: about.action,
        digest: about.digest,
        class: decision.class,
        class_because: &about.because,
        requirements: decision.requirements.iter().map(line).collect(),
        rules: &decision.rules,
        refusals: about.refusals,
        refused_by: names(&decision.refused_by),
        set_aside: decision.set_aside.iter().map(aside).collect(),
        rejected: &about.rejected,
        left_out: about.left_out,
        absent: about.absent.as_deref(),
        failed: &decision.failed,
        strangers: strangers.iter().map(stranger).collect(),
        summary: about.summary.as_ref(),
    }
}

fn line(requirement: &Requirement) -> Line<'_> {
    Line {
        rule: &requirement.rule,
        asked: &requirement.needs,
        state: requirement.state,
        statement: requirement.kind,
        there: names(&requirement.there),
        could: names(&requirement.could),
        until: requirement.until.map(|until| until.to_string()),
    }
}

fn names(people: &[Principal]) -> Vec<&str> {
    people.iter().map(|person| person.name.as_str()).collect()
}

fn aside(aside: &SetAside) -> Aside<'_> {
    Aside { by: &aside.by, kind: aside.kind, at: aside.at.to_string(), why: aside.why.to_string() }
}

fn stranger(stranger: &Stranger) -> String {
    format!("{}::\"{}\"", stranger.what, stranger.name)
}

fn text(about: &About<'_>, decision: &Decision, strangers: &[Stranger], look: &Look) -> String {
    let mut page = Page::new(*look);
    let verdict = if decision.allowed { "may" } else { "may not" };
    let digest: String = about.digest.chars().take(DIGEST_DIGITS).collect();
    page.heading(&clean(&format!(
        "patch {digest} {verdict} {} (consensus class {})",
        about.what, decision.class
    )));
    if !decision.requirements.is_empty() {
        page.gap();
        page.table(&[Column::Left, Column::Left, Column::Name, Column::Name], table(decision));
    }
    if let Some(absent) = &about.absent {
        page.gap();
        page.prose(2, "", Tone::Warn, &clean(absent));
    }
    if let Some(until) = decision.requirements.iter().filter_map(|requirement| requirement.until).min() {
        page.gap();
        let words =
            format!("what is owed has to be there by {until}; after that the patch may not any longer");
        page.prose(2, "", Tone::Plain, &words);
    }
    if !about.because.is_empty() && decision.class != Class::Local {
        page.heading("Consensus class");
        for because in &about.because {
            page.prose(2, "-", Tone::Plain, &clean(because));
        }
    }
    reasons(&mut page, decision);
    if !about.refusals.is_empty() {
        page.heading("Refused by");
        for refusal in about.refusals {
            page.prose(2, "-", Tone::Bad, &refusal.to_string());
        }
    }
    if !decision.set_aside.is_empty() || !about.rejected.is_empty() {
        page.heading("Statements that do not count");
        for rejected in &about.rejected {
            page.prose(2, "-", Tone::Faint, rejected);
        }
        for aside in &decision.set_aside {
            let words = format!("{} {} at {}: {}", aside.by, aside.kind, aside.at, aside.why);
            page.prose(2, "-", Tone::Faint, &words);
        }
    }
    if about.left_out > 0 {
        page.gap();
        let words = format!(
            "{} name keys that the trust root does not know, and were left out",
            counted(about.left_out, "line")
        );
        page.prose(0, "note:", Tone::Warn, &words);
    }
    // A role that there is, and that nobody has yet, is no slip of the pen.
    let slips = strangers
        .iter()
        .filter(|stranger| stranger.what != "Role" || Role::from_str(&stranger.name).is_err());
    let names: Vec<_> = slips.map(stranger).collect();
    if !names.is_empty() {
        page.gap();
        let words = format!("rules name {}, which the trust root does not have", names.join(", "));
        page.prose(0, "note:", Tone::Warn, &words);
    }
    if let Some(summary) = &about.summary {
        page.gap();
        page.prose(0, "signed:", Tone::Good, &format!("a verification summary, in {}", summary.file));
    }
    page.finish()
}

fn table(decision: &Decision) -> Vec<Vec<(String, Tone)>> {
    let head = ["", "asked", "there", "who could give it"];
    let mut rows = vec![head.map(|word| (word.to_owned(), Tone::Faint)).to_vec()];
    for requirement in &decision.requirements {
        let (word, tone) = state(requirement.state);
        let could = match requirement.state {
            State::There | State::NotNeeded => String::new(),
            _ if requirement.kind.is_none() => "no signature helps".to_owned(),
            _ => people(&requirement.could, "nobody in the trust root"),
        };
        rows.push(vec![
            (word.to_owned(), tone),
            (requirement.needs.clone(), Tone::Plain),
            (people(&requirement.there, "-"), Tone::Plain),
            (could, Tone::Plain),
        ]);
    }
    rows
}

fn state(state: State) -> (&'static str, Tone) {
    match state {
        State::There => ("there", Tone::Good),
        State::Missing => ("missing", Tone::Bad),
        State::Overdue => ("overdue", Tone::Bad),
        State::Owed => ("owed", Tone::Warn),
        State::NotNeeded => ("not needed", Tone::Faint),
    }
}

fn people(people: &[Principal], nobody: &str) -> String {
    let names: Vec<_> = people.iter().map(|person| format!("{} ({})", person.name, person.team)).collect();
    if names.is_empty() { nobody.to_owned() } else { listed(&names, PEOPLE_SHOWN_MAX) }
}

/// The rules that decided: those that forbid, or else those that permit.
fn reasons(page: &mut Page, decision: &Decision) {
    let deciding: Vec<_> = decision.rules.iter().filter(|rule| rule.forbids != decision.allowed).collect();
    page.heading(if decision.allowed { "Permitted by" } else { "Forbidden by" });
    let refused_by = people(&decision.refused_by, "");
    if !refused_by.is_empty() {
        let words =
            format!("a refusal of {refused_by}, which blocks whatever the rules say until it is withdrawn");
        page.prose(2, "-", Tone::Bad, &words);
    } else if deciding.is_empty() && decision.failed.is_empty() {
        page.prose(2, "-", Tone::Bad, "no rule of the pack permits it");
    }
    for rule in deciding {
        let words = format!("{} ({}, {}:{})", rule.says, rule.rule, rule.file, rule.line);
        page.prose(2, "-", if decision.allowed { Tone::Good } else { Tone::Bad }, &words);
    }
    for failed in &decision.failed {
        page.prose(
            2,
            "-",
            Tone::Bad,
            &format!("a rule can't be evaluated, and what can't be evaluated denies: {failed}"),
        );
    }
}
