//! What keeps a dossier from going out: answers that are open, and computed parts that no longer hold.

use serde::Serialize;
use suture_bundle::Facts;
use suture_delta::page::clean;

use crate::question::{Answer, QUESTIONS, is_open};
use crate::{Dossier, Stated};

/// One thing to be done before a bundle can be made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Path of the answer in the file.
    pub id: String,
    /// Line in the file; 0 if there is none yet.
    pub line: usize,
    /// What is asked, or what is wrong.
    pub asks: String,
    /// Who usually knows.
    pub who: String,
}

/// Everything that is open in `dossier`. With the facts of the deltas that are to go out with it, also what it states of
/// them and should not.
pub fn lint(dossier: &Dossier, facts: Option<&[Facts]>) -> Vec<Finding> {
    let mut findings = Findings { dossier, found: Vec::new() };
    findings.questions();
    findings.signals();
    for (index, stated) in dossier.answers.delta.iter().enumerate() {
        findings.stated(index, stated);
    }
    if let Some(facts) = facts {
        findings.deltas(facts);
    }
    findings.found
}

struct Findings<'d> {
    dossier: &'d Dossier,
    found: Vec<Finding>,
}

const AUTHOR: &str = "the author of the patch";
const OPERATOR: &str = "the operator of the nodes";
const SUTURE: &str = "`suture dossier new --from` this file, with the deltas";

impl Findings<'_> {
    fn add(&mut self, id: impl Into<String>, asks: impl Into<String>, who: &str) {
        let id = id.into();
        let line = self.dossier.line(&id).unwrap_or(0);
        self.found.push(Finding { id, line, asks: asks.into(), who: who.to_owned() });
    }

    fn questions(&mut self) {
        let answers = &self.dossier.answers;
        for question in QUESTIONS.iter().filter(|question| (question.concerns)(answers)) {
            let answer = (question.answer)(answers);
            if answer.is_open() {
                self.add(question.id, question.asks, question.who);
            } else if let Answer::Choice(text, choices) = answer
                && !choices.contains(&text.trim())
            {
                let asks = format!("it is `{}`, but can only be {}", clean(text), choices.join(" or "));
                self.add(question.id, asks, question.who);
            }
        }
    }

    fn signals(&mut self) {
        let signals = &self.dossier.answers.monitoring.signals;
        if signals.is_empty() {
            self.add(
                "monitoring.signals",
                "at least one signal that shows harm, with its threshold",
                OPERATOR,
            );
        }
        for (index, signal) in signals.iter().enumerate() {
            let rows = [
                ("name", &signal.name, "what is watched"),
                ("source", &signal.source, "where it is read"),
                ("threshold", &signal.threshold, "from which value on, for how long, it is bad"),
                ("action", &signal.action, "what is then done"),
            ];
            for (key, _, asks) in rows.into_iter().filter(|(_, answer, _)| is_open(answer)) {
                self.add(format!("monitoring.signals.{index}.{key}"), asks, OPERATOR);
            }
        }
    }

    fn stated(&mut self, index: usize, stated: &Stated) {
        if is_open(&stated.platform) {
            let asks = format!(
                "which installations run this build of {}: system, package, image",
                clean(&stated.program)
            );
            self.add(format!("delta.{index}.platform"), asks, OPERATOR);
        }
        let origin = &stated.origin;
        if !origin.is_known() {
            let asks = "where the two builds come from: give the document of `suture build --json` with --provenance";
            self.add(format!("delta.{index}.origin"), asks, AUTHOR);
        }
        let rows = [
            (
                "source_revision",
                &origin.source_revision,
                "repository and commit or tag of the source without the fix",
            ),
            ("builder", &origin.builder, "who ran the build, as a URI"),
        ];
        for (key, _, asks) in rows.into_iter().filter(|(_, answer, _)| is_open(answer)) {
            self.add(format!("delta.{index}.origin.{key}"), asks, AUTHOR);
        }
        // Everybody has signed before a builder finds out that nobody can say so.
        if !is_open(&origin.builder) && !is_uri(&origin.builder) {
            let asks = format!(
                "who ran the build, as a URI such as https://ci.example.com or mailto:ann@example.com; `{}` is none",
                clean(&origin.builder)
            );
            self.add(format!("delta.{index}.origin.builder"), asks, AUTHOR);
        }
    }

    /// What is stated must be what is there, no more and no less.
    fn deltas(&mut self, facts: &[Facts]) {
        let stated = &self.dossier.answers.delta;
        for facts in facts {
            let found = stated.iter().position(|stated| stated.id == facts.id);
            let Some(index) = found else {
                let asks = format!("it says nothing of delta {} for {}", facts.id, clean(&facts.program));
                self.add("delta", asks, SUTURE);
                continue;
            };
            if stated[index].computed() != Stated::of(facts).computed() {
                let asks = "what it states of the delta is not what the delta says";
                self.add(format!("delta.{index}"), asks, SUTURE);
            }
        }
        for (index, stated) in stated.iter().enumerate() {
            let is_second = self.dossier.answers.delta[..index].iter().any(|other| other.id == stated.id);
            if is_second || !facts.iter().any(|facts| facts.id == stated.id) {
                let what = if is_second { "is stated twice" } else { "is not in the bundle" };
                self.add(format!("delta.{index}"), format!("delta {} {what}", clean(&stated.id)), SUTURE);
            }
        }
    }
}

/// A scheme, a colon, and something behind it without spaces (RFC 3986); SLSA asks for one, and others refuse what is none.
fn is_uri(text: &str) -> bool {
    let Some((scheme, rest)) = text.split_once(':') else { return false };
    let is_scheme = scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c));
    is_scheme && !rest.is_empty() && rest.chars().all(|c| c.is_ascii_graphic())
}
