//! Example cases: a question with the answer that is expected, so that a pack can be tested like a program.
//!
//! ```toml
//! [[people]]
//! name = "ann"
//! team = "core"
//! roles = ["author"]
//!
//! [base]                       # what all cases of the file share; a case lays its own over it
//! ask = "run"
//! now = 2026-03-01T12:00:00Z
//! statements = [{ by = "ann", kind = "authored" }, { by = "rob", kind = "reviewed" }]
//!
//! [[cases]]
//! name = "nobody has reviewed"
//! without = ["reviewed"]
//! expect = "deny"
//! rules = ["independent-review"]
//! ```

mod coverage;
mod read;

use std::collections::{BTreeMap, BTreeSet};

use crate::decide::{Decision, State, decide};
use crate::error::QuestionError;
use crate::model::{Ask, Facts, Kind, Principal, Question, Statement};
use crate::moment::Moment;
use crate::pack::Pack;
use crate::route::{Route, RouteDecision, route};

pub use coverage::{Coverage, coverage};
pub use read::{EXAMPLES_MAX, ExampleError, FILE_BYTES_MAX, parse, parse_one, parse_route, route_question};

/// A question, and perhaps the answer that is expected.
#[derive(Debug, Clone)]
pub struct Example {
    /// What it shows.
    pub name: String,
    /// The line of its file that it begins on, from 1.
    pub line: usize,
    /// What is to happen; `None` if a route is asked for.
    pub ask: Option<Ask>,
    /// What is known.
    pub facts: Facts,
    /// What has been signed.
    pub statements: Vec<Statement>,
    /// Everybody in the trust root.
    pub people: Vec<Principal>,
    /// The answer expected.
    pub expect: Option<Expectation>,
}

/// The answer that is expected. What is `None` is not looked at.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Expectation {
    /// `allow`, `deny`, `none`, or a route.
    pub answer: String,
    /// The rules that speak for the answer: all that forbid, or all that permit.
    pub rules: Option<BTreeSet<String>>,
    /// Rules whose requirement is owed.
    pub owed: Option<BTreeSet<String>>,
    /// Rules whose requirement is overdue.
    pub overdue: Option<BTreeSet<String>>,
    /// Rules that keep a statement from counting.
    pub set_aside: Option<BTreeSet<String>>,
    /// For a rule, who could give what it asks for.
    pub could: BTreeMap<String, BTreeSet<String>>,
    /// For a route, the rules that close it.
    pub closed: BTreeMap<String, BTreeSet<String>>,
    /// When the route is due.
    pub due: Option<Moment>,
}

/// The answer to an example.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// To a question about a patch.
    Decision(Box<Decision>),
    /// To the question for a route.
    Route(Box<RouteDecision>),
}

/// An example that was put to a pack.
#[derive(Debug, Clone)]
pub struct Checked {
    /// The answer, if the question could be asked.
    pub answer: Result<Answer, QuestionError>,
    /// In what it is not as expected, one line each; empty if it is.
    pub mismatches: Vec<String>,
}

impl Example {
    /// Puts the question to a pack.
    ///
    /// # Errors
    /// When the question can't be asked.
    pub fn ask(&self, pack: &Pack) -> Result<Answer, QuestionError> {
        let Some(ask) = &self.ask else {
            let signed = self.statements.iter().filter(|statement| statement.kind == Kind::Authored);
            let authors = signed.map(|statement| statement.by.clone()).chain(self.facts.authors.clone());
            let facts = Facts { authors: authors.collect(), ..self.facts.clone() };
            return route(pack, &facts, &self.people).map(|decision| Answer::Route(Box::new(decision)));
        };
        let question =
            Question { ask, facts: &self.facts, statements: &self.statements, principals: &self.people };
        decide(pack, &question).map(|decision| Answer::Decision(Box::new(decision)))
    }

    /// Puts the question to a pack and compares the answer with the one that is expected.
    pub fn check(&self, pack: &Pack) -> Checked {
        let answer = self.ask(pack);
        let expected = self.expect.clone().unwrap_or_default();
        let mismatches = match &answer {
            Ok(answer) => expected.compare(answer),
            Err(error) => vec![format!("the question can't be asked: {error}")],
        };
        Checked { answer, mismatches }
    }
}

impl Answer {
    /// The answer in one word.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Decision(decision) if decision.allowed => "allow",
            Self::Decision(_) => "deny",
            Self::Route(decision) => decision.route.map_or("none", Route::word),
        }
    }

    /// The rules that speak for the answer.
    pub fn rules(&self) -> BTreeSet<String> {
        let spoken = match self {
            Self::Decision(decision) => decision.rules.iter().filter(|rule| rule.forbids != decision.allowed),
            Self::Route(decision) => {
                let chosen = decision.routes.iter().find(|verdict| Some(verdict.route) == decision.route);
                return chosen.map(|verdict| ids(&verdict.rules, false)).unwrap_or_default();
            }
        };
        spoken.map(|rule| rule.rule.clone()).collect()
    }
}

impl Expectation {
    fn compare(&self, answer: &Answer) -> Vec<String> {
        let mut mismatches = Vec::new();
        if self.answer != answer.word() {
            mismatches.push(format!("expected {}, got {}", self.answer, answer.word()));
        }
        let mut same = |what: &str, expected: Option<&BTreeSet<String>>, found: BTreeSet<String>| {
            if let Some(expected) = expected.filter(|expected| **expected != found) {
                mismatches.push(format!("{what}: expected {}, got {}", listed(expected), listed(&found)));
            }
        };
        same("rules", self.rules.as_ref(), answer.rules());
        match answer {
            Answer::Decision(decision) => {
                same("owed", self.owed.as_ref(), in_state(decision, State::Owed));
                same("overdue", self.overdue.as_ref(), in_state(decision, State::Overdue));
                same("set aside", self.set_aside.as_ref(), keeping_out(decision));
                for (rule, expected) in &self.could {
                    let requirement =
                        decision.requirements.iter().find(|requirement| requirement.rule == *rule);
                    let could = requirement.into_iter().flat_map(|requirement| &requirement.could);
                    let names = could.map(|person| person.name.clone()).collect();
                    same(&format!("who could help with {rule}"), Some(expected), names);
                }
            }
            Answer::Route(decision) => {
                for (route, expected) in &self.closed {
                    let verdict = decision.routes.iter().find(|verdict| verdict.route.word() == route);
                    let against = verdict.map(|verdict| ids(&verdict.rules, true)).unwrap_or_default();
                    same(&format!("what closes {route}"), Some(expected), against);
                }
                if self.due.is_some() && self.due != decision.due {
                    let shown = |due: Option<Moment>| {
                        due.map_or("with the next upgrade".to_owned(), |due| due.to_string())
                    };
                    mismatches.push(format!(
                        "due: expected {}, got {}",
                        shown(self.due),
                        shown(decision.due)
                    ));
                }
            }
        }
        mismatches
    }
}

fn ids(rules: &[crate::decide::Spoken], forbids: bool) -> BTreeSet<String> {
    rules.iter().filter(|rule| rule.forbids == forbids).map(|rule| rule.rule.clone()).collect()
}

fn in_state(decision: &Decision, state: State) -> BTreeSet<String> {
    let found = decision.requirements.iter().filter(|requirement| requirement.state == state);
    found.map(|requirement| requirement.rule.clone()).collect()
}

/// The rules, or else the codes, for which statements do not count.
fn keeping_out(decision: &Decision) -> BTreeSet<String> {
    decision.set_aside.iter().flat_map(|aside| aside.why.names()).collect()
}

fn listed(names: &BTreeSet<String>) -> String {
    if names.is_empty() { "nothing".to_owned() } else { names.iter().cloned().collect::<Vec<_>>().join(", ") }
}
