//! Which statements count: for each the rules for signing are asked, and what does not count says why.
//!
//! A person counts once for each kind of statement, however many keys or statements there are. Of refusals and
//! rehearsals the latest of each person counts; where two are of the same second the one that stops the patch does.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use cedar_policy::Entities;
use serde::Serialize;

use crate::cedar::{self, Surroundings};
use crate::error::QuestionError;
use crate::model::{Ask, Facts, Kind, PatchFacts, Principal, Question, Statement};
use crate::moment::Moment;
use crate::pack::Pack;
use crate::rule::Rule;

/// Most statements about one patch.
pub const STATEMENTS_MAX: usize = 1_000;
/// Most people in a trust root: as many as the format of one allows.
pub const PRINCIPALS_MAX: usize = 1_024;
/// Most roles of one person, labels of one node, authors that a bundle names.
pub const NAMES_MAX: usize = 100;
/// Longest name, in bytes.
pub const NAME_BYTES_MAX: usize = 256;
/// How far the clock of a signer may be ahead, in seconds.
pub const CLOCK_AHEAD_S_MAX: i64 = 300;

/// A statement that does not count.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SetAside {
    /// Whose.
    pub by: String,
    /// What it says.
    pub kind: Kind,
    /// When it was signed.
    pub at: Moment,
    /// Why it does not count.
    pub why: Why,
}

/// Why a statement does not count.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "code", rename_all = "kebab-case")]
pub enum Why {
    /// The signer is not in the trust root.
    Unknown,
    /// It speaks of another patch.
    OtherDigest,
    /// It is dated in the future.
    Future,
    /// It names a team that the signer is not in.
    OtherTeam {
        /// The team.
        team: String,
    },
    /// It names a role that the signer does not hold.
    OtherRole {
        /// The role.
        role: String,
    },
    /// It needs a reason and gives none.
    NoReason,
    /// It does not say how the rehearsal ended.
    NoResult,
    /// The signer has said something later.
    Superseded,
    /// Rules forbid it.
    Forbidden {
        /// Their names.
        rules: Vec<String>,
    },
    /// No rule permits it.
    NotPermitted,
}

impl Why {
    /// The rules that keep the statement from counting, or a code if it is not a matter of rules.
    pub fn names(&self) -> Vec<String> {
        let code = match self {
            Self::Forbidden { rules } => return rules.clone(),
            Self::Unknown => "unknown",
            Self::OtherDigest => "other-digest",
            Self::Future => "future",
            Self::OtherTeam { .. } => "other-team",
            Self::OtherRole { .. } => "other-role",
            Self::NoReason => "no-reason",
            Self::NoResult => "no-result",
            Self::Superseded => "superseded",
            Self::NotPermitted => "not-permitted",
        };
        vec![code.to_owned()]
    }
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown => f.write_str("the signer is not in the trust root"),
            Self::OtherDigest => f.write_str("it speaks of another patch"),
            Self::Future => f.write_str("it is dated in the future"),
            Self::OtherTeam { team } => write!(f, "it names team `{team}`, which the signer is not in"),
            Self::OtherRole { role } => write!(f, "it names role `{role}`, which the signer does not hold"),
            Self::NoReason => f.write_str("it needs a reason, and gives none"),
            Self::NoResult => f.write_str("it does not say how the rehearsal ended"),
            Self::Superseded => f.write_str("the signer has said something later"),
            Self::Forbidden { rules } => write!(f, "forbidden by {}", rules.join(", ")),
            Self::NotPermitted => f.write_str("no rule permits the signer to say so"),
        }
    }
}

/// Who has said what, as far as it counts.
#[derive(Debug, Clone, Default)]
pub(crate) struct Ledger<'a> {
    signers: BTreeMap<Kind, BTreeSet<&'a Principal>>,
    failed: BTreeSet<&'a Principal>,
}

/// The outcome of counting.
pub(crate) struct Count<'a, 'p> {
    pub(crate) ledger: Ledger<'a>,
    pub(crate) set_aside: Vec<SetAside>,
    pub(crate) authors: BTreeSet<String>,
    pub(crate) author_teams: BTreeSet<String>,
    /// Rules for signing that spoke.
    pub(crate) spoke: BTreeMap<&'p str, &'p Rule>,
    /// Rules for signing that could not be evaluated.
    pub(crate) failed: Vec<String>,
}

impl<'a> Ledger<'a> {
    /// The groups of the schema's `Signatures`.
    pub(crate) fn groups(&self) -> impl Iterator<Item = (&'static str, &BTreeSet<&'a Principal>)> {
        const GROUPS: [(&str, Kind); 9] = [
            ("author", Kind::Authored),
            ("build", Kind::Built),
            ("reproduce", Kind::Reproduced),
            ("rehearse", Kind::Rehearsed),
            ("review", Kind::Reviewed),
            ("approve", Kind::Approved),
            ("refuse", Kind::Refused),
            ("accept_laxer", Kind::AcceptedLaxer),
            ("declare_emergency", Kind::DeclaredEmergency),
        ];
        let of_kinds = GROUPS.into_iter().map(|(name, kind)| (name, self.of(kind)));
        of_kinds.chain([("rehearse_failed", &self.failed)])
    }

    /// Who has made a statement of this kind.
    pub(crate) fn of(&self, kind: Kind) -> &BTreeSet<&'a Principal> {
        static NOBODY: BTreeSet<&Principal> = BTreeSet::new();
        self.signers.get(&kind).unwrap_or(&NOBODY)
    }

    pub(crate) fn accepts_laxer(&self) -> bool {
        !self.of(Kind::AcceptedLaxer).is_empty()
    }

    /// What is left of it without the statements of this kind.
    pub(crate) fn without(&self, kind: Kind) -> Self {
        let mut less = self.clone();
        less.signers.remove(&kind);
        less
    }

    /// What is left of it of the statements of this kind alone.
    pub(crate) fn only(&self, kind: Kind) -> Self {
        let signers = self.signers.get(&kind).map(|signers| (kind, signers.clone()));
        Self { signers: signers.into_iter().collect(), failed: BTreeSet::new() }
    }

    /// The ledger if `person` made such a statement now.
    pub(crate) fn add(&mut self, kind: Kind, person: &'a Principal) {
        match kind {
            Kind::Withdrawn => {
                self.signers.entry(Kind::Refused).or_default().remove(person);
            }
            Kind::Rehearsed => {
                self.failed.remove(person);
            }
            _ => {}
        }
        self.signers.entry(kind).or_default().insert(person);
    }
}

/// Checks the sizes of a question before anything is made of it.
pub(crate) fn check(question: &Question<'_>) -> Result<(), QuestionError> {
    let facts = question.facts;
    limit("statements", question.statements.len(), STATEMENTS_MAX)?;
    limit("authors", facts.authors.len(), NAMES_MAX)?;
    check_principals(question.principals)?;
    for statement in question.statements {
        name("the signer of a statement", &statement.by)?;
    }
    if let Ask::Run { node, .. } | Ask::Activate { node, .. } = question.ask {
        name("the name of the node", &node.name)?;
        limit("labels of the node", node.labels.len(), NAMES_MAX)?;
        node.labels.iter().try_for_each(|label| name("a label of the node", label))?;
    }
    check_facts(facts)
}

/// Checks what is known.
pub(crate) fn check_facts(facts: &Facts) -> Result<(), QuestionError> {
    facts.authors.iter().try_for_each(|author| name("an author", author))?;
    if let Some(case) = &facts.case {
        name("the name of the case", &case.id)?;
        name("the team that owns the case", &case.owner)?;
    }
    if let Some(patch) = &facts.patch {
        name("the digest of the patch", &patch.digest)?;
    }
    match facts.emergency {
        Some(emergency) if emergency.ends < emergency.started => Err(QuestionError::Emergency),
        _ => Ok(()),
    }
}

/// Checks a trust root.
pub(crate) fn check_principals(principals: &[Principal]) -> Result<(), QuestionError> {
    limit("people in the trust root", principals.len(), PRINCIPALS_MAX)?;
    let mut seen = BTreeSet::new();
    for person in principals {
        name("the name of a person", &person.name)?;
        name("the team of a person", &person.team)?;
        limit("roles of a person", person.roles.len(), NAMES_MAX)?;
        person.roles.iter().try_for_each(|role| name("a role", role))?;
        if !seen.insert(&person.name) {
            return Err(QuestionError::Twice(person.name.clone()));
        }
    }
    Ok(())
}

/// Counts what has been signed about `patch`.
pub(crate) fn count<'a, 'p>(
    pack: &'p Pack,
    question: &Question<'a>,
    patch: &PatchFacts,
    entities: &Entities,
) -> Result<Count<'a, 'p>, QuestionError> {
    let mut genuine = Vec::new();
    let mut set_aside = Vec::new();
    for statement in question.statements {
        match plain_fault(question, patch, statement) {
            Ok(person) => genuine.push((statement, person)),
            Err(why) => set_aside.push(aside(statement, why)),
        }
    }
    let (authors, author_teams) = authors(question, &genuine);
    let around = Surroundings { facts: question.facts, authors: &authors, author_teams: &author_teams };
    let (mut spoke, mut failed) = (BTreeMap::new(), BTreeSet::new());
    let mut permitted = Vec::new();
    for (statement, person) in genuine {
        let action = statement.kind.action();
        let request = cedar::signing_request(&around, patch, &person.name, action, statement.at)?;
        let voices = pack.ask(&request, entities);
        failed.extend(voices.failed.iter().cloned());
        spoke.extend(voices.permits.iter().chain(&voices.forbids).map(|rule| (rule.id.as_str(), *rule)));
        // However the rules read, a refusal stops the patch, and whoever refused takes it back.
        if voices.allow() || matches!(statement.kind, Kind::Refused | Kind::Withdrawn) {
            permitted.push((statement, person));
        } else if voices.forbids.is_empty() {
            set_aside.push(aside(statement, Why::NotPermitted));
        } else {
            let rules = voices.forbids.iter().map(|rule| rule.id.clone()).collect();
            set_aside.push(aside(statement, Why::Forbidden { rules }));
        }
    }
    let ledger = latest(permitted, &mut set_aside);
    Ok(Count { ledger, set_aside, authors, author_teams, spoke, failed: failed.into_iter().collect() })
}

/// Why a statement does not count, whatever the rules say; otherwise who signed it.
fn plain_fault<'a>(
    question: &Question<'a>,
    patch: &PatchFacts,
    statement: &Statement,
) -> Result<&'a Principal, Why> {
    let person = question.principals.iter().find(|person| person.name == statement.by).ok_or(Why::Unknown)?;
    let blank = |text: &Option<String>| text.as_ref().is_none_or(|text| text.trim().is_empty());
    match statement {
        _ if statement.digest != patch.digest => Err(Why::OtherDigest),
        // Whoever stops a patch has the benefit of the doubt.
        _ if stops(statement) => Ok(person),
        _ if statement.at > question.facts.now.plus(CLOCK_AHEAD_S_MAX) => Err(Why::Future),
        Statement { team: Some(team), .. } if *team != person.team => {
            Err(Why::OtherTeam { team: team.clone() })
        }
        Statement { role: Some(role), .. } if !person.roles.contains(role) => {
            Err(Why::OtherRole { role: role.clone() })
        }
        Statement { kind: Kind::AcceptedLaxer, reason, .. } if blank(reason) => Err(Why::NoReason),
        Statement { kind: Kind::Rehearsed, passed: None, .. } => Err(Why::NoResult),
        _ => Ok(person),
    }
}

/// Whether a statement speaks against its patch.
fn stops(statement: &Statement) -> bool {
    statement.kind == Kind::Refused || (statement.kind == Kind::Rehearsed && statement.passed == Some(false))
}

/// Names and teams of the authors: those whom the bundle names, and whoever has signed so, permitted or not.
fn authors(
    question: &Question<'_>,
    genuine: &[(&Statement, &Principal)],
) -> (BTreeSet<String>, BTreeSet<String>) {
    let signed = genuine.iter().filter(|(statement, _)| statement.kind == Kind::Authored);
    let signed = signed.map(|(_, person)| person.name.clone());
    let authors: BTreeSet<String> = signed.chain(question.facts.authors.iter().cloned()).collect();
    let known = question.principals.iter().filter(|person| authors.contains(&person.name));
    let teams = known.map(|person| person.team.clone()).collect();
    (authors, teams)
}

/// Enters what is permitted into the ledger, later statements over earlier ones.
fn latest<'a>(mut permitted: Vec<(&Statement, &'a Principal)>, set_aside: &mut Vec<SetAside>) -> Ledger<'a> {
    permitted.sort_by_key(|(statement, person)| (statement.at, stops(statement), person.name.as_str()));
    let mut ledger = Ledger::default();
    let mut last: BTreeMap<(&str, bool), &Statement> = BTreeMap::new();
    for (statement, person) in permitted {
        let is_rehearsal = statement.kind == Kind::Rehearsed;
        if is_rehearsal || matches!(statement.kind, Kind::Refused | Kind::Withdrawn) {
            let earlier = last.insert((person.name.as_str(), is_rehearsal), statement);
            set_aside.extend(earlier.map(|earlier| aside(earlier, Why::Superseded)));
        }
        match (statement.kind, statement.passed) {
            (Kind::Rehearsed, Some(false)) => {
                ledger.signers.entry(Kind::Rehearsed).or_default().remove(person);
                ledger.failed.insert(person);
            }
            (kind, _) => ledger.add(kind, person),
        }
    }
    ledger
}

fn aside(statement: &Statement, why: Why) -> SetAside {
    SetAside { by: statement.by.clone(), kind: statement.kind, at: statement.at, why }
}

fn limit(what: &'static str, count: usize, limit: usize) -> Result<(), QuestionError> {
    if count > limit { Err(QuestionError::TooMany { what, count, limit }) } else { Ok(()) }
}

fn name(what: &'static str, name: &str) -> Result<(), QuestionError> {
    if name.is_empty() || name.len() > NAME_BYTES_MAX { Err(QuestionError::Name(what)) } else { Ok(()) }
}
