//! What a case is, for the rules, and which way it goes.
//!
//! A case may leave open what a rule asks for. Rules have no word for "nobody has said", so each open answer is taken for
//! the one that makes nobody feel safer than they are, and is named beside the facts: the hole is reachable, grave, and
//! the fix touches everything. Only exploitation is not assumed: it opens ways that are closed to everything else.

use jiff::Timestamp;
use suture_case::model::{Axis, DeltaSummary};
use suture_case::severity::Rating;
use suture_case::{Case, Classification, model};
use suture_policy::{
    CaseFacts, Class, Facts, Impact, Impacts, Moment, Pack, PatchFacts, Principal, QuestionError,
    RouteDecision, Score, Severity, Verdict, route,
};

use crate::facts::word;
use crate::said::moment;

/// The team of a case that no team has taken.
const NO_TEAM: &str = "nobody";
/// What stands for a digest where there is no delta.
const NO_DELTA: &str = "none";

/// What a case is, as far as it is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CaseView {
    /// For the rules.
    pub facts: CaseFacts,
    /// What of it nobody has said, a sentence each.
    pub assumed: Vec<String>,
}

/// By which rules a case goes its way, and with whom.
#[derive(Debug, Clone, Copy)]
pub struct Rules<'a> {
    /// The rules.
    pub pack: &'a Pack,
    /// Everybody in the trust root; nobody where there is none.
    pub principals: &'a [Principal],
}

/// A case's way.
#[derive(Debug, Clone)]
pub struct Routed {
    /// What the rules were asked.
    pub facts: Facts,
    /// What of it nobody has said, a sentence each.
    pub assumed: Vec<String>,
    /// What they say.
    pub decision: RouteDecision,
}

/// What `case` and what follows from it are, for the rules.
pub fn view(case: &Case, found: &Classification) -> CaseView {
    let mut assumed = Vec::new();
    let (severity, score) = severity(found, &mut assumed);
    let exploited = found.exploitation.map(|state| state == suture_case::inputs::Exploitation::Active);
    if exploited.is_none() {
        assumed.push("it is not exploited".to_owned());
    }
    let exposed = case.inputs.exposed.map(|answer| answer == suture_case::inputs::YesNo::Yes);
    if exposed.is_none() {
        assumed.push("attackers can reach it".to_owned());
    }
    let mut impact = |axis: Axis| {
        let judged = case.axes.get(axis).map(|judged| degree(judged.impact));
        judged.unwrap_or_else(|| {
            assumed.push(format!("the fix changes {}", effect(axis)));
            Impact::Direct
        })
    };
    let impact = Impacts {
        consensus: impact(Axis::Consensus),
        state: impact(Axis::State),
        client: impact(Axis::Client),
    };
    let facts = CaseFacts {
        id: case.id.to_string(),
        owner: owner(case),
        severity,
        score,
        exploited: exploited.unwrap_or(false),
        exposed: exposed.unwrap_or(true),
        impact,
        toggle: case.toggle.is_some(),
        opened: at(case.opened),
        due: found.due.as_ref().map(|due| Moment::nearest(due.ends_unix_s)),
        embargo: case.embargo_until.map(at),
    };
    CaseView { facts, assumed }
}

/// Which way `case` goes at the time `now`: with the facts of its delta, or of the refusal to make one, once it has them.
///
/// # Errors
/// When the rules can't be asked.
pub fn route_of(
    case: &Case,
    found: &Classification,
    rules: Rules<'_>,
    now: Timestamp,
) -> Result<Routed, QuestionError> {
    let CaseView { facts, mut assumed } = view(case, found);
    let has_analysis = case.delta.is_some() || case.full_update.is_some();
    if has_analysis && found.class.counts.is_none() {
        assumed.push("the fix is of the class replicated".to_owned());
    }
    let author = case.people.author.iter().map(|person| person.name.to_string());
    let facts = Facts {
        now: moment(now),
        case: Some(facts),
        patch: patch(case, found),
        emergency: None,
        authors: author.collect(),
    };
    let decision = route(rules.pack, &facts, rules.principals)?;
    Ok(Routed { facts, assumed, decision })
}

fn severity(found: &Classification, assumed: &mut Vec<String>) -> (Severity, Score) {
    let tenths = [&found.severity.v3, &found.severity.v4];
    let tenths = tenths.into_iter().flatten().map(|scored| scored.score_tenths).max();
    let rated = found.severity.rating.zip(tenths);
    let (rating, tenths) = rated.unwrap_or_else(|| {
        assumed.push("its severity is critical".to_owned());
        (Rating::Critical, 100)
    });
    let severity = match rating {
        Rating::None => Severity::None,
        Rating::Low => Severity::Low,
        Rating::Medium => Severity::Medium,
        Rating::High => Severity::High,
        Rating::Critical => Severity::Critical,
    };
    (severity, Score::of_tenths(tenths))
}

/// The team that answers for the case: that of whoever leads, else of the next in the order of responsibility.
fn owner(case: &Case) -> String {
    let people = &case.people;
    let in_order = [&people.commander, &people.author, &people.operator, &people.reviewer];
    let team = in_order.into_iter().flatten().find_map(|person| person.team.as_ref());
    team.map_or_else(|| NO_TEAM.to_owned(), ToString::to_string)
}

fn patch(case: &Case, found: &Classification) -> Option<PatchFacts> {
    match (&case.delta, &case.full_update) {
        (Some(delta), _) => Some(of_delta(delta, found)),
        (None, Some(_)) => Some(PatchFacts { verdict: Verdict::FullUpdate, ..nothing(found) }),
        (None, None) => None,
    }
}

fn of_delta(delta: &DeltaSummary, found: &Classification) -> PatchFacts {
    PatchFacts {
        digest: delta.id.to_string(),
        bytes: delta.bytes,
        functions: delta.functions.into(),
        data: delta.data.into(),
        types: delta.layouts.into(),
        critical: delta.paths.into(),
        unmatched: delta.unmatched.len() as u64,
        layouts: delta.layouts.into(),
        hooks: delta.layouts == 0 || delta.hooks,
        ..nothing(found)
    }
}

/// A patch of which only the consensus class is known.
fn nothing(found: &Classification) -> PatchFacts {
    // Without a delta it is what the author declares, or else the strictest.
    let declared = found.class.declared.map(word);
    let unseen = declared.unwrap_or(Class::Replicated);
    let computed = found.class.computed.as_ref().map_or(unseen, |computed| word(computed.class));
    PatchFacts {
        digest: NO_DELTA.to_owned(),
        verdict: Verdict::Hot,
        computed,
        declared: declared.unwrap_or(computed),
        bytes: 0,
        functions: 0,
        data: 0,
        types: 0,
        critical: 0,
        unmatched: 0,
        layouts: 0,
        hooks: true,
        encrypted: false,
        leaks: 0,
    }
}

fn at(time: suture_case::values::Moment) -> Moment {
    Moment::nearest(time.unix_s())
}

fn degree(impact: model::Impact) -> Impact {
    match impact {
        model::Impact::None => Impact::None,
        model::Impact::Indirect => Impact::Indirect,
        model::Impact::Direct => Impact::Direct,
    }
}

fn effect(axis: Axis) -> &'static str {
    match axis {
        Axis::Consensus => "what nodes agree on",
        Axis::State => "what is stored",
        Axis::Client => "what clients see",
    }
}
