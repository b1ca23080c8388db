//! The route: hot patch, mitigation by a switch of the program, or full update; when it is due, and who has to be found.
//!
//! Each route is a question of its own. Of those that the rules leave open the first in the order of [`Route`] counts,
//! which is the order in which they protect without a restart. Before there is a delta the rules about it are silent, so
//! a route may change once there is one; the decision says which of the two it was made on.

use std::collections::BTreeSet;

use cedar_policy::Entities;
use serde::Serialize;

use crate::cedar::{self, Surroundings};
use crate::count;
use crate::decide::Spoken;
use crate::error::QuestionError;
use crate::model::{CaseFacts, Facts, Kind, Principal};
use crate::moment::Moment;
use crate::pack::{Pack, Voices};

/// The role whose holders the rules for signing narrow down.
const REVIEWER: &str = "reviewer";

/// A way to close a hole, in order of preference.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Route {
    /// A patch into running processes.
    HotPatch,
    /// A switch of the program turns the vulnerable part off.
    MitigateByToggle,
    /// A new release and a restart.
    FullUpdate,
}

/// Which way a case goes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RouteDecision {
    /// The route; `None` if the pack leaves none open.
    pub route: Option<Route>,
    /// Whether facts of a delta were there.
    pub with_delta: bool,
    /// When it has to be done; `None` for the next upgrade.
    pub due: Option<Moment>,
    /// Who has to be found.
    pub roles: Vec<Role>,
    /// What was said of each route.
    pub routes: Vec<RouteVerdict>,
}

/// What was said of one route.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RouteVerdict {
    /// The route.
    pub route: Route,
    /// Whether it is open.
    pub open: bool,
    /// The rules that spoke, those against it first.
    pub rules: Vec<Spoken>,
    /// Rules that could not be evaluated. Each closes the route.
    pub failed: Vec<String>,
}

/// A role that has to be filled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Role {
    /// Its name.
    pub role: String,
    /// Who in the trust root could fill it; of reviewers, once there is a delta, those whom the rules let review it.
    pub could: Vec<String>,
}

impl Route {
    /// All routes, in order.
    pub const ALL: [Self; 3] = [Self::HotPatch, Self::MitigateByToggle, Self::FullUpdate];

    /// The action of the schema, and the word in files.
    pub const fn word(self) -> &'static str {
        match self {
            Self::HotPatch => "hot-patch",
            Self::MitigateByToggle => "mitigate-by-toggle",
            Self::FullUpdate => "full-update",
        }
    }
}

/// Decides the route.
///
/// # Errors
/// When the question can't be asked.
pub fn route(pack: &Pack, facts: &Facts, principals: &[Principal]) -> Result<RouteDecision, QuestionError> {
    count::check_principals(principals)?;
    count::check_facts(facts)?;
    let case = facts.case.as_ref().ok_or(QuestionError::Missing("case"))?;
    let entities = cedar::entities(None, principals)?;
    let mut answers = Vec::new();
    for route in Route::ALL {
        let request = cedar::route_request(facts, case, route.word())?;
        answers.push((route, pack.ask(&request, &entities)));
    }
    let chosen = answers.iter().find(|(_, voices)| voices.allow());
    let roles = chosen.map(|(_, voices)| roles(pack, facts, principals, &entities, voices)).transpose()?;
    Ok(RouteDecision {
        route: chosen.map(|(route, _)| *route),
        with_delta: facts.patch.is_some(),
        due: chosen.and_then(|(_, voices)| due(case, voices)),
        roles: roles.unwrap_or_default(),
        routes: answers.iter().map(|(route, voices)| verdict(*route, voices)).collect(),
    })
}

fn verdict(route: Route, voices: &Voices<'_>) -> RouteVerdict {
    RouteVerdict {
        route,
        open: voices.allow(),
        rules: voices.forbids.iter().chain(&voices.permits).map(|rule| Spoken::of(rule)).collect(),
        failed: voices.failed.clone(),
    }
}

/// The earliest of the case's own due time and of those of the rules that spoke for the route.
fn due(case: &CaseFacts, voices: &Voices<'_>) -> Option<Moment> {
    let within = voices.permits.iter().filter_map(|rule| rule.within_s);
    within.map(|seconds| case.opened.plus(seconds)).chain(case.due).min()
}

/// The roles that the rules for the route name, in their order.
fn roles(
    pack: &Pack,
    facts: &Facts,
    principals: &[Principal],
    entities: &Entities,
    voices: &Voices<'_>,
) -> Result<Vec<Role>, QuestionError> {
    let mut roles: Vec<Role> = Vec::new();
    for role in voices.permits.iter().flat_map(|rule| &rule.roles) {
        if roles.iter().any(|other| other.role == *role) {
            continue;
        }
        let mut could: Vec<&Principal> =
            principals.iter().filter(|person| person.can_sign && person.roles.contains(role)).collect();
        if role == REVIEWER {
            could = independent(pack, facts, principals, entities, could)?;
        }
        roles.push(Role {
            role: role.clone(),
            could: could.iter().map(|person| person.name.clone()).collect(),
        });
    }
    Ok(roles)
}

/// Those of `reviewers` whom the rules let review this patch. Before there is a patch all may.
fn independent<'a>(
    pack: &Pack,
    facts: &Facts,
    principals: &'a [Principal],
    entities: &Entities,
    reviewers: Vec<&'a Principal>,
) -> Result<Vec<&'a Principal>, QuestionError> {
    let Some(patch) = &facts.patch else { return Ok(reviewers) };
    let authors: BTreeSet<String> = facts.authors.iter().cloned().collect();
    let teams =
        principals.iter().filter(|person| authors.contains(&person.name)).map(|person| person.team.clone());
    let author_teams = teams.collect();
    let around = Surroundings { facts, authors: &authors, author_teams: &author_teams };
    let mut may = Vec::new();
    for person in reviewers {
        let action = Kind::Reviewed.action();
        let request = cedar::signing_request(&around, patch, &person.name, action, facts.now)?;
        if pack.ask(&request, entities).allow() {
            may.push(person);
        }
    }
    Ok(may)
}
