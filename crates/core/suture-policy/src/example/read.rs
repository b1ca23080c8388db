//! The TOML of example cases.
//!
//! A file has `[[people]]`, `[base]` and `[[cases]]`. A case is laid over the base: tables are joined, anything else
//! is replaced. `also` adds statements to those of the base, `without` takes away those of a kind. What is not said
//! of a statement is as it should be: signed now, on this patch, a rehearsal that passed.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use thiserror::Error;
use toml::{Spanned, Table, Value};

use super::{Example, Expectation};
use crate::error::{one_line, place};
use crate::model::{Ask, CaseFacts, Emergency, Facts, Kind, Node, PatchFacts, Principal, Statement, Switch};
use crate::moment::Moment;

/// Longest file, in bytes.
pub const FILE_BYTES_MAX: usize = 1 << 20;
/// Most cases in a file.
pub const EXAMPLES_MAX: usize = 1_000;

/// What is wrong with a file of examples, and where.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("line {line}, column {column}: {what}")]
pub struct ExampleError {
    /// Line, from 1.
    pub line: usize,
    /// Column, from 1, in characters.
    pub column: usize,
    /// What is wrong.
    pub what: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default = "nobody")]
    people: Value,
    #[serde(default)]
    base: Table,
    cases: Vec<Spanned<Table>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    #[serde(default)]
    people: Vec<Principal>,
    #[serde(default)]
    name: String,
    ask: Option<AskWord>,
    node: Option<Node>,
    switch: Option<Switch>,
    #[serde(default)]
    agreed_point: bool,
    by: Option<String>,
    now: Moment,
    case: Option<CaseFacts>,
    patch: Option<PatchFacts>,
    emergency: Option<Emergency>,
    #[serde(default)]
    authors: Vec<String>,
    #[serde(default)]
    statements: Vec<WrittenStatement>,
    #[serde(default)]
    also: Vec<WrittenStatement>,
    #[serde(default)]
    without: Vec<Kind>,
    expect: Option<ExpectWord>,
    rules: Option<BTreeSet<String>>,
    owed: Option<BTreeSet<String>>,
    overdue: Option<BTreeSet<String>>,
    set_aside: Option<BTreeSet<String>>,
    #[serde(default)]
    could: BTreeMap<String, BTreeSet<String>>,
    #[serde(default)]
    closed: BTreeMap<String, BTreeSet<String>>,
    due: Option<Moment>,
}

#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum AskWord {
    Run,
    Activate,
    Publish,
    Route,
}

#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum ExpectWord {
    Allow,
    Deny,
    HotPatch,
    MitigateByToggle,
    FullUpdate,
    None,
}

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenStatement {
    by: String,
    kind: Kind,
    at: Option<Moment>,
    team: Option<String>,
    role: Option<String>,
    key: Option<String>,
    digest: Option<String>,
    reason: Option<String>,
    passed: Option<bool>,
}

/// The examples of a file.
///
/// # Errors
/// What is wrong with the text, and where.
pub fn parse(text: &str) -> Result<Vec<Example>, ExampleError> {
    limit(text)?;
    let file: File = toml::from_str(text).map_err(|error| syntax(text, &error))?;
    if file.cases.len() > EXAMPLES_MAX {
        return Err(fault(text, 0, &format!("more than {EXAMPLES_MAX} cases")));
    }
    let mut names = BTreeSet::new();
    let mut examples = Vec::new();
    for case in file.cases {
        let offset = case.span().start;
        let mut table = file.base.clone();
        table.insert("people".to_owned(), file.people.clone());
        lay_over(&mut table, case.into_inner());
        let example = example(table, place(text, offset).0).map_err(|what| fault(text, offset, &what))?;
        if example.expect.is_none() {
            return Err(fault(text, offset, "the case does not say what to `expect`"));
        }
        if example.name.trim().is_empty() || !names.insert(example.name.clone()) {
            return Err(fault(text, offset, "a case needs a `name` that no other has"));
        }
        examples.push(example);
    }
    Ok(examples)
}

/// A file with one question: the keys of a case and `people`.
///
/// # Errors
/// What is wrong with the text, and where.
pub fn parse_one(text: &str) -> Result<Example, ExampleError> {
    limit(text)?;
    let written: Written = toml::from_str(text).map_err(|error| syntax(text, &error))?;
    written.example(1).map_err(|what| fault(text, 0, &what))
}

/// The same, whatever the file asks: the question is for the route.
///
/// # Errors
/// What is wrong with the text, and where.
pub fn parse_route(text: &str) -> Result<Example, ExampleError> {
    limit(text)?;
    let written: Written = toml::from_str(text).map_err(|error| syntax(text, &error))?;
    let written = Written { ask: Some(AskWord::Route), expect: None, ..written };
    written.example(1).map_err(|what| fault(text, 0, &what))
}

/// The text of a question for a route: what [`parse_route`] reads.
///
/// # Errors
/// A value has no spelling in TOML, which no fact has that was read or computed.
pub fn route_question(facts: &Facts, people: &[Principal]) -> Result<String, toml::ser::Error> {
    #[derive(Serialize)]
    struct Question<'a> {
        #[serde(flatten)]
        facts: &'a Facts,
        #[serde(skip_serializing_if = "<[Principal]>::is_empty")]
        people: &'a [Principal],
    }
    toml::to_string(&Question { facts, people })
}

fn limit(text: &str) -> Result<(), ExampleError> {
    if text.len() <= FILE_BYTES_MAX {
        return Ok(());
    }
    Err(fault(text, 0, &format!("longer than {} KiB", FILE_BYTES_MAX >> 10)))
}

fn nobody() -> Value {
    Value::Array(Vec::new())
}

fn example(table: Table, line: usize) -> Result<Example, String> {
    let name =
        table.get("name").and_then(Value::as_str).map(|name| format!("case `{name}`: ")).unwrap_or_default();
    let written: Written =
        table.try_into().map_err(|error: toml::de::Error| format!("{name}{}", error.message()))?;
    written.example(line).map_err(|what| format!("{name}{what}"))
}

impl Written {
    fn example(self, line: usize) -> Result<Example, String> {
        let ask = self.ask()?;
        if self.patch.is_none() && ask.is_some() {
            return Err("a question about a patch needs a table `patch`".to_owned());
        }
        let expect = self.expectation()?;
        let kept = self.statements.into_iter().filter(|statement| !self.without.contains(&statement.kind));
        let digest = self.patch.as_ref().map(|patch| patch.digest.clone()).unwrap_or_default();
        let statements =
            kept.chain(self.also).map(|statement| statement.complete(self.now, &digest)).collect();
        let Self { people, now, case, patch, emergency, authors, .. } = self;
        let facts = Facts { now, case, patch, emergency, authors };
        Ok(Example { name: self.name, line, ask, facts, statements, people, expect })
    }

    fn ask(&self) -> Result<Option<Ask>, String> {
        let node = || self.node.clone().ok_or_else(|| "the question needs a table `node`".to_owned());
        let word =
            self.ask.ok_or_else(|| "the question needs `ask`: run, activate, publish or route".to_owned())?;
        Ok(match word {
            AskWord::Run => Some(Ask::Run { node: node()?, switch: self.switch.unwrap_or(Switch::On) }),
            AskWord::Activate => Some(Ask::Activate { node: node()?, agreed_point: self.agreed_point }),
            AskWord::Publish => {
                let by = self.by.clone().ok_or_else(|| "`publish` needs `by`, who does it".to_owned())?;
                Some(Ask::Publish { by })
            }
            AskWord::Route => None,
        })
    }

    fn expectation(&self) -> Result<Option<Expectation>, String> {
        let Some(expect) = self.expect else { return Ok(None) };
        let is_decision = matches!(expect, ExpectWord::Allow | ExpectWord::Deny);
        if is_decision == (self.ask == Some(AskWord::Route)) {
            return Err("`expect` is allow or deny, and for a route hot-patch, mitigate-by-toggle, full-update or none"
                .to_owned());
        }
        if expect == ExpectWord::Deny && self.rules.is_none() {
            return Err("a case that expects `deny` needs `rules`, those that forbid".to_owned());
        }
        let answer = match expect {
            ExpectWord::Allow => "allow",
            ExpectWord::Deny => "deny",
            ExpectWord::HotPatch => "hot-patch",
            ExpectWord::MitigateByToggle => "mitigate-by-toggle",
            ExpectWord::FullUpdate => "full-update",
            ExpectWord::None => "none",
        };
        Ok(Some(Expectation {
            answer: answer.to_owned(),
            rules: self.rules.clone(),
            owed: self.owed.clone(),
            overdue: self.overdue.clone(),
            set_aside: self.set_aside.clone(),
            could: self.could.clone(),
            closed: self.closed.clone(),
            due: self.due,
        }))
    }
}

impl WrittenStatement {
    fn complete(self, now: Moment, digest: &str) -> Statement {
        let passed = self.passed.or((self.kind == Kind::Rehearsed).then_some(true));
        Statement {
            key: self.key.unwrap_or_else(|| format!("key of {}", self.by)),
            by: self.by,
            team: self.team,
            role: self.role,
            kind: self.kind,
            at: self.at.unwrap_or(now),
            digest: self.digest.unwrap_or_else(|| digest.to_owned()),
            reason: self.reason,
            passed,
        }
    }
}

/// Lays one table over another: tables are joined, anything else is replaced.
fn lay_over(below: &mut Table, above: Table) {
    for (key, value) in above {
        match (below.get_mut(&key), value) {
            (Some(Value::Table(below)), Value::Table(above)) => lay_over(below, above),
            (_, value) => drop(below.insert(key, value)),
        }
    }
}

fn syntax(text: &str, error: &toml::de::Error) -> ExampleError {
    fault(text, error.span().map_or(0, |span| span.start), error.message())
}

fn fault(text: &str, offset: usize, what: &str) -> ExampleError {
    let (line, column) = place(text, offset);
    ExampleError { line, column, what: one_line(what) }
}
