//! The decision: may it, by which rules, and what is asked, there, missing and owed.
//!
//! One question is put to Cedar several times. As it is: that is the answer. Without any statement, with and without
//! the emergency: what forbids then is what is *asked*, and what forbids no longer is *there*. Without the emergency:
//! what forbids then and not now is *owed* until the emergency ends. At the emergency's start: what forbids now and
//! did not then is *overdue*. Without the statements that a rule asks for, and with none but those that settle the consensus class:
//! what is silent in both is *not needed*, since nobody has said what it asks for, and the class that counts does not ask.
//!
//! A refusal is asked of no rule. It stops the patch until whoever refused takes it back, and a pack can only say so once more.

use std::collections::{BTreeMap, BTreeSet};

use cedar_policy::Entities;
use serde::Serialize;

use crate::candidates;
use crate::cedar::{self, Asker, Circumstances, Surroundings, Use};
use crate::count::{self, Count, Ledger, SetAside};
use crate::error::QuestionError;
use crate::model::{Ask, Class, Kind, PatchFacts, Principal, Question, Switch};
use crate::moment::Moment;
use crate::pack::{Pack, Voices};
use crate::rule::{Effect, Rule};

/// The answer to a question.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Decision {
    /// Whether it may.
    pub allowed: bool,
    /// Every rule that spoke on the question itself, those that forbid first.
    pub rules: Vec<Spoken>,
    /// What is asked of the patch: one line for each rule that forbids, or would without what is there.
    pub requirements: Vec<Requirement>,
    /// Whose refusals stand. Each stops it, whatever the rules say.
    pub refused_by: Vec<Principal>,
    /// Statements that do not count.
    pub set_aside: Vec<SetAside>,
    /// Rules for signing that spoke on one of the statements.
    pub signing_rules: Vec<String>,
    /// The consensus class that counts.
    pub class: Class,
    /// Rules that could not be evaluated. Each denies.
    pub failed: Vec<String>,
}

/// A rule that spoke.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Spoken {
    /// Its name.
    pub rule: String,
    /// Whether it forbids.
    pub forbids: bool,
    /// The rule as a sentence.
    pub says: String,
    /// The file that it stands in.
    pub file: String,
    /// The line.
    pub line: usize,
}

/// What one rule asks, and how far it is there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Requirement {
    /// The rule.
    pub rule: String,
    /// What it asks for.
    pub needs: String,
    /// The rule as a sentence.
    pub says: String,
    /// Whether it is there.
    pub state: State,
    /// The statement that it asks for, if it asks for one.
    pub kind: Option<Kind>,
    /// Who has made such a statement.
    pub there: Vec<Principal>,
    /// Whose statement would help.
    pub could: Vec<Principal>,
    /// Until when what is owed has to be there.
    pub until: Option<Moment>,
}

/// How far a requirement is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// It is not, and should have been by now.
    Overdue,
    /// It is not.
    Missing,
    /// It may follow.
    Owed,
    /// It is.
    There,
    /// It is asked of patches of another consensus class than the one that counts.
    NotNeeded,
}

/// Decides.
///
/// # Errors
/// When the question can't be asked; that is never a permission.
pub fn decide(pack: &Pack, question: &Question<'_>) -> Result<Decision, QuestionError> {
    count::check(question)?;
    let patch = question.facts.patch.as_ref().ok_or(QuestionError::Missing("patch"))?;
    let usage = usage(question)?;
    let entities = usage.entities(question.principals)?;
    let counted = count::count(pack, question, patch, &entities)?;
    let scene = Scene::new(pack, question, patch, usage, &entities, &counted);
    let facts = question.facts;

    let actual = scene.ask(scene.as_it_is())?;
    let asked = scene.asked(&Ledger::default())?;
    let calm = match facts.emergency {
        None => actual.clone(),
        Some(_) => scene.ask(Circumstances { emergency: None, ..scene.as_it_is() })?,
    };
    let at_start = match facts.emergency {
        Some(emergency) if facts.now >= emergency.ends => {
            Some(scene.ask(Circumstances { now: emergency.started, ..scene.as_it_is() })?)
        }
        _ => None,
    };
    let state_of = |rule: &Rule| {
        let speaks = |voices: &Voices<'_>| voices.forbids.iter().any(|other| other.id == rule.id);
        match (speaks(&actual), speaks(&calm)) {
            (true, _) if at_start.as_ref().is_some_and(|voices| !speaks(voices)) => State::Overdue,
            (true, _) => State::Missing,
            (false, true) => State::Owed,
            (false, false) => State::There,
        }
    };
    let needed = scene.needed(&asked)?;
    let state_of = |rule: &Rule| match state_of(rule) {
        State::There if !needed.contains(rule.id.as_str()) => State::NotNeeded,
        state => state,
    };
    let concerned = asked.iter().chain(&actual.forbids).chain(&calm.forbids);
    let concerned: BTreeMap<_, &Rule> =
        concerned.map(|rule| ((&rule.file, rule.line, &rule.id), *rule)).collect();
    let requirements = concerned.values().map(|rule| scene.requirement(rule, state_of(rule)));
    let mut requirements = requirements.collect::<Result<Vec<_>, _>>()?;
    requirements.sort_by_key(|requirement| requirement.state);
    // A statement that no rule could judge may have been a refusal.
    let failed: Vec<String> = counted.failed.iter().chain(&actual.failed).cloned().collect();
    let refused_by: Vec<Principal> =
        counted.ledger.of(Kind::Refused).iter().map(|person| (*person).clone()).collect();
    Ok(Decision {
        allowed: actual.allow() && failed.is_empty() && refused_by.is_empty(),
        rules: actual.forbids.iter().chain(&actual.permits).map(|rule| Spoken::of(rule)).collect(),
        requirements,
        refused_by,
        class: patch.class(counted.ledger.accepts_laxer()),
        signing_rules: counted.spoke.keys().map(|&id| id.to_owned()).collect(),
        failed,
        set_aside: counted.set_aside,
    })
}

/// Whether the rules let `by` make such a statement about the patch now, and which rules spoke.
///
/// # Errors
/// When the question can't be asked.
pub fn may_sign(
    pack: &Pack,
    question: &Question<'_>,
    by: &str,
    kind: Kind,
) -> Result<(bool, Vec<Spoken>), QuestionError> {
    count::check(question)?;
    let patch = question.facts.patch.as_ref().ok_or(QuestionError::Missing("patch"))?;
    let usage = usage(question)?;
    let entities = usage.entities(question.principals)?;
    let counted = count::count(pack, question, patch, &entities)?;
    let scene = Scene::new(pack, question, patch, usage, &entities, &counted);
    let person = question.principals.iter().find(|person| person.name == by);
    let person = person.ok_or_else(|| QuestionError::Unknown(by.to_owned()))?;
    let voices = scene.signing(person, kind)?;
    let spoken = voices.forbids.iter().chain(&voices.permits).map(|rule| Spoken::of(rule)).collect();
    Ok((voices.allow(), spoken))
}

impl Spoken {
    pub(crate) fn of(rule: &Rule) -> Self {
        Self {
            rule: rule.id.clone(),
            forbids: rule.effect == Effect::Forbid,
            says: rule.says.clone(),
            file: rule.file.clone(),
            line: rule.line,
        }
    }
}

/// One question with everything that does not change between its evaluations.
pub(crate) struct Scene<'s, 'a, 'p> {
    pack: &'p Pack,
    pub(crate) question: &'s Question<'a>,
    patch: &'s PatchFacts,
    counted: &'s Count<'a, 'p>,
    around: Surroundings<'s>,
    usage: Use<'a>,
    entities: &'s Entities,
}

impl<'s, 'a, 'p> Scene<'s, 'a, 'p> {
    fn new(
        pack: &'p Pack,
        question: &'s Question<'a>,
        patch: &'s PatchFacts,
        usage: Use<'a>,
        entities: &'s Entities,
        counted: &'s Count<'a, 'p>,
    ) -> Self {
        let (authors, author_teams) = (&counted.authors, &counted.author_teams);
        let around = Surroundings { facts: question.facts, authors, author_teams };
        Self { pack, question, patch, counted, around, usage, entities }
    }

    fn as_it_is(&self) -> Circumstances<'s, 'a> {
        let facts = self.question.facts;
        Circumstances { now: facts.now, emergency: facts.emergency, ledger: &self.counted.ledger }
    }

    fn ask(&self, circumstances: Circumstances<'_, '_>) -> Result<Voices<'p>, QuestionError> {
        let request = cedar::use_request(&self.around, self.patch, self.usage, circumstances)?;
        Ok(self.pack.ask(&request, self.entities))
    }

    /// What forbids with these statements, in an emergency or not.
    fn asked(&self, ledger: &Ledger<'a>) -> Result<Vec<&'p Rule>, QuestionError> {
        let mut asked = BTreeMap::new();
        let emergency = self.question.facts.emergency.map(Some);
        for emergency in [None].into_iter().chain(emergency) {
            let voices = self.ask(Circumstances { now: self.question.facts.now, emergency, ledger })?;
            asked.extend(voices.forbids.iter().map(|rule| (rule.id.as_str(), *rule)));
        }
        Ok(asked.into_values().collect())
    }

    /// Those of these rules that the class that counts asks for, and those whose own statements are what makes them silent.
    fn needed(&self, asked: &[&'p Rule]) -> Result<BTreeSet<&'p str>, QuestionError> {
        let ledger = &self.counted.ledger;
        let class_alone = self.asked(&ledger.only(Kind::AcceptedLaxer))?;
        let mut needed: BTreeSet<&str> = class_alone.iter().map(|rule| rule.id.as_str()).collect();
        let cures: BTreeSet<Kind> = asked
            .iter()
            .filter(|rule| !needed.contains(rule.id.as_str()))
            .filter_map(|rule| rule.cure)
            .collect();
        for cure in cures {
            let forbids = self.asked(&ledger.without(cure))?;
            needed.extend(forbids.iter().filter(|rule| rule.cure == Some(cure)).map(|rule| rule.id.as_str()));
        }
        Ok(needed)
    }

    fn requirement(&self, rule: &Rule, state: State) -> Result<Requirement, QuestionError> {
        let there = rule.cure.map(|kind| self.counted.ledger.of(kind)).into_iter().flatten();
        let could = match rule.cure {
            Some(kind) if !matches!(state, State::There | State::NotNeeded) => {
                candidates::find(self, rule, kind, state)?
            }
            _ => Vec::new(),
        };
        Ok(Requirement {
            rule: rule.id.clone(),
            needs: rule.needs.clone().unwrap_or_else(|| rule.says.clone()),
            says: rule.says.clone(),
            state,
            kind: rule.cure,
            there: there.map(|person| (*person).clone()).collect(),
            could: could.into_iter().cloned().collect(),
            until: self
                .question
                .facts
                .emergency
                .filter(|_| state == State::Owed)
                .map(|emergency| emergency.ends),
        })
    }

    /// What the rules say to such a statement of `person`, made now.
    pub(crate) fn signing(&self, person: &Principal, kind: Kind) -> Result<Voices<'p>, QuestionError> {
        let now = self.question.facts.now;
        let request = cedar::signing_request(&self.around, self.patch, &person.name, kind.action(), now)?;
        Ok(self.pack.ask(&request, self.entities))
    }

    /// Whether `rule` would be silent if these people made such a statement now.
    pub(crate) fn silences(
        &self,
        rule: &Rule,
        kind: Kind,
        state: State,
        people: &[&'a Principal],
    ) -> Result<bool, QuestionError> {
        let mut ledger = self.counted.ledger.clone();
        for person in people {
            ledger.add(kind, person);
        }
        let emergency = self.question.facts.emergency.filter(|_| state != State::Owed);
        let circumstances = Circumstances { now: self.question.facts.now, emergency, ledger: &ledger };
        let request = cedar::use_request(&self.around, self.patch, self.usage, circumstances)?;
        let response = cedar_policy::Authorizer::new().is_authorized(&request, &rule.alone, self.entities);
        let diagnostics = response.diagnostics();
        Ok(diagnostics.reason().next().is_none() && diagnostics.errors().next().is_none())
    }

    /// Those of these people whose such statement is not there already.
    pub(crate) fn without_statement(&self, kind: Kind) -> impl Iterator<Item = &'a Principal> {
        let there: BTreeSet<&Principal> = match kind {
            // Somebody whose rehearsal failed is not among those who have passed.
            Kind::Withdrawn => BTreeSet::new(),
            _ => self.counted.ledger.of(kind).iter().copied().collect(),
        };
        self.question.principals.iter().filter(move |person| !there.contains(person))
    }
}

impl Use<'_> {
    fn entities(&self, principals: &[Principal]) -> Result<Entities, QuestionError> {
        match self.asker {
            Asker::Node(node) => cedar::entities(Some(node), principals),
            Asker::Person(_) => cedar::entities(None, principals),
        }
    }
}

fn usage<'a>(question: &Question<'a>) -> Result<Use<'a>, QuestionError> {
    let (asker, switch, agreed_point) = match question.ask {
        Ask::Run { node, switch } => (Asker::Node(node), *switch, false),
        Ask::Activate { node, agreed_point } => (Asker::Node(node), Switch::On, *agreed_point),
        Ask::Publish { by } => {
            let publisher = question.principals.iter().find(|person| person.name == *by);
            let publisher = publisher.ok_or_else(|| QuestionError::Unknown(by.clone()))?;
            (Asker::Person(&publisher.name), Switch::Dark, false)
        }
    };
    Ok(Use { action: question.ask.action(), asker, switch, agreed_point })
}
