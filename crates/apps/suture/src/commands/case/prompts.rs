//! Questions on a terminal. Each answer is checked at once; an empty one leaves the question open. Nothing is written
//! while questions are being asked.

use std::io::{self, BufRead as _, Write as _};

use suture_case::inputs::Input;
use suture_case::model::{Axis, Impact, Judged};
use suture_case::names::{Person, Role};
use suture_case::plan::StepKind;
use suture_case::values::Prose;
use suture_case::{Case, Classification};

use super::changes::not_to_come;
use crate::args::case::{AnswerChoice, AxisChoice, ChangeArgs, ClassChoice, RoleChoice};
use crate::failure::Failure;

/// Longest answer that is read, in bytes.
const ANSWER_BYTES_MAX: u64 = 64 << 10;

/// Asks for what a new case needs and is not given.
pub(super) fn for_new(asked: &mut ChangeArgs) -> Result<(), Failure> {
    while asked.title.is_none() {
        asked.title = ask("What is it about, in one line?", "", str::parse)?;
    }
    while asked.program.is_none() {
        asked.program = ask("Which program is affected?", "", str::parse)?;
    }
    if asked.ids.is_empty() {
        asked.ids.extend(ask("Its CVE or GHSA id", "none yet", str::parse)?);
    }
    if asked.cvss_v3.is_none() && asked.cvss_v4.is_none() {
        asked.cvss_v3 = ask("Its CVSS v3.1 vector", "none", str::parse)?;
        asked.cvss_v4 = ask("Its CVSS v4.0 vector", "none", str::parse)?;
    }
    if asked.detected.is_none() {
        let now = super::now()?;
        let found = |text: &str| not_to_come(text.parse()?, now);
        asked.detected = ask("When was it found, such as 2026-10-30T17:00:00Z?", "now", found)?;
    }
    if asked.toggle.is_none() && !asked.no_toggle {
        let question = "How does a switch of the program turn it off without a restart?";
        asked.toggle = ask(question, "none known", str::parse)?;
    }
    Ok(())
}

/// Asks for what is open in a case.
pub(super) fn for_open(case: &Case, found: &Classification, asked: &mut ChangeArgs) -> Result<(), Failure> {
    for step in &found.steps {
        match step.kind {
            StepKind::Answer { input } if input != Input::InKev => {
                let question = format!("{} ({})", input.question(), input.answers().join(", "));
                let answer =
                    ask(&question, "open", |text| format!("{input}={text}").parse::<AnswerChoice>())?;
                asked.answers.extend(answer);
            }
            StepKind::JudgeAxis { axis } => asked.axes.extend(judgement(axis)?),
            StepKind::DeclareClass => asked.class = class()?,
            StepKind::FillRole { role } => {
                let person = ask(
                    &format!("Who is {}? (NAME or NAME:TEAM)", role.name()),
                    "nobody yet",
                    str::parse::<Person>,
                )?;
                asked.roles.extend(person.map(|person| RoleChoice { role, person: Some(person) }));
            }
            StepKind::FindIndependentReviewer => {
                let who = case.people.get(Role::Reviewer).map(ToString::to_string).unwrap_or_default();
                let question = format!("{}. Who reviews? (NAME:TEAM)", step.why);
                let person = ask(&question, &who, str::parse::<Person>)?;
                asked
                    .roles
                    .extend(person.map(|person| RoleChoice { role: Role::Reviewer, person: Some(person) }));
            }
            StepKind::Answer { .. } | StepKind::CaptureEvidence | StepKind::ApproveLaxerClass => {}
        }
    }
    Ok(())
}

fn judgement(axis: Axis) -> Result<Option<AxisChoice>, Failure> {
    let question = format!("What does the fix do to {}? ({})", axis.name(), Impact::NAMES.join(", "));
    let Some(impact) = ask(&question, "open", str::parse::<Impact>)? else { return Ok(None) };
    Ok(Some(AxisChoice { axis, judged: Judged { impact, reason: reason()? } }))
}

fn class() -> Result<Option<ClassChoice>, Failure> {
    use suture_case::consensus::Class;
    let question = format!("Which consensus class does the fix have? ({})", Class::NAMES.join(", "));
    let Some(class) = ask(&question, "open", str::parse::<Class>)? else { return Ok(None) };
    Ok(Some(ClassChoice { class, reason: reason()? }))
}

/// A reason is never left out.
fn reason() -> Result<Prose, Failure> {
    loop {
        if let Some(reason) = ask("Why?", "", str::parse)? {
            return Ok(reason);
        }
    }
}

/// Asks until the answer can be read. Nothing, if it is empty: then it stays as `otherwise` says.
fn ask<T>(
    question: &str,
    otherwise: &str,
    read: impl Fn(&str) -> Result<T, String>,
) -> Result<Option<T>, Failure> {
    let unasked = |error: io::Error| Failure::unexpected("the question can't be asked").why(&error);
    loop {
        let hint = if otherwise.is_empty() { String::new() } else { format!(" [{otherwise}]") };
        write!(io::stderr(), "{question}{hint}\n> ").map_err(unasked)?;
        io::stderr().flush().map_err(unasked)?;
        let mut answer = String::new();
        let mut input = io::Read::take(io::stdin().lock(), ANSWER_BYTES_MAX);
        if input.read_line(&mut answer).map_err(unasked)? == 0 {
            return Err(Failure::usage("the questions were not all answered")
                .why("the input ended")
                .help("nothing was written; answer them on a terminal, or give options"));
        }
        let answer = answer.trim();
        if answer.is_empty() {
            return Ok(None);
        }
        match read(answer) {
            Ok(value) => return Ok(Some(value)),
            Err(why) => writeln!(io::stderr(), "  {why}").map_err(unasked)?,
        }
    }
}
