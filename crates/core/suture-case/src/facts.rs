//! What a policy may ask about a case: one flat, serialisable value, all of it computed.
//!
//! Names and words are those of the case; what is not known is absent rather than a default. Keys may be added; those
//! here stay.

use serde::Serialize;

use crate::classify::Classification;
use crate::consensus::Class;
use crate::inputs::{Exploitation, HumanImpact, MissionWellbeing, SystemExposure, TechnicalImpact, YesNo};
use crate::model::{Axis, Case, Impact, Tlp};
use crate::names::{CaseId, Person, Role, VulnerabilityId};
use crate::plan::StepKind;
use crate::severity::Rating;

/// The facts.
#[expect(clippy::struct_excessive_bools, reason = "each is a question of its own that a policy asks")]
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Facts {
    /// The case.
    pub case: CaseId,
    /// CVE and GHSA ids.
    pub ids: Vec<VulnerabilityId>,
    /// Who may read about it.
    pub tlp: Tlp,
    /// Seconds since 1970 until when it is not public.
    pub embargo_until_unix_s: Option<i64>,

    /// The higher rating of the two CVSS versions.
    pub rating: Option<Rating>,
    /// Ten times the CVSS v3.1 score.
    pub cvss_v3_tenths: Option<u16>,
    /// Ten times the CVSS v4.0 score.
    pub cvss_v4_tenths: Option<u16>,

    /// Whether KEV lists it; absent if nobody has looked.
    pub in_kev: Option<bool>,
    /// Whether ransomware campaigns are known to use it; absent if nobody has looked.
    pub ransomware: Option<bool>,
    /// The highest EPSS score of its CVEs, in millionths.
    pub epss_millionths: Option<u32>,
    /// State of exploitation; `active` if KEV lists it.
    pub exploitation: Option<Exploitation>,
    /// Whether it is exploited: actively, or listed in KEV; absent if nobody has said.
    pub exploited: Option<bool>,
    /// Whether strangers can reach the affected systems.
    pub exposed: Option<bool>,
    /// Whether exploitation can be automated.
    pub automatable: Option<bool>,
    /// What an attacker gets.
    pub technical_impact: Option<TechnicalImpact>,
    /// How bad for mission and well-being.
    pub mission_wellbeing: Option<MissionWellbeing>,
    /// How the systems can be reached.
    pub system_exposure: Option<SystemExposure>,
    /// How bad for safety and mission.
    pub human_impact: Option<HumanImpact>,

    /// What each table decided.
    pub urgency: Vec<Decision>,
    /// Seconds since 1970 when the earliest due day is over.
    pub due_unix_s: Option<i64>,
    /// Whether the tables had all answers; if not, outcomes and due day are the worst that is possible.
    pub decided: bool,
    /// Whether evidence has to be captured before the patch.
    pub forensics: bool,

    /// The class that counts.
    pub class: Option<Class>,
    /// The class that the author declares.
    pub class_declared: Option<Class>,
    /// The class by the delta.
    pub class_computed: Option<Class>,
    /// Whether the declaration is laxer than the computation, and needs an approval of its own.
    pub class_is_laxer: bool,
    /// Why the author declares it.
    pub class_reason: Option<String>,
    /// How many things the computation could not see.
    pub class_blind_spots: usize,
    /// The delta that the computed class is of.
    pub delta: Option<String>,

    /// Effect on consensus.
    pub axis_consensus: Option<Impact>,
    /// Effect on the consistency of state.
    pub axis_state: Option<Impact>,
    /// Effect on what clients see.
    pub axis_client: Option<Impact>,

    /// Who commands.
    pub commander: Option<Person>,
    /// Who made the fix.
    pub author: Option<Person>,
    /// Who reviews it.
    pub reviewer: Option<Person>,
    /// Who runs the nodes.
    pub operator: Option<Person>,
    /// Whether there are author and reviewer, of known and different teams.
    pub reviewer_is_independent: bool,
    /// Roles that nobody has.
    pub missing_roles: Vec<Role>,
}

/// What one table decided.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Decision {
    /// The table.
    pub table: String,
    /// Its version.
    pub version: String,
    /// The row that decided.
    pub row: usize,
    /// SSVC key of the outcome.
    pub key: String,
    /// Whether all answers that decide were there.
    pub decided: bool,
}

impl Facts {
    /// The facts of a case and what follows from it.
    pub fn of(case: &Case, found: &Classification) -> Self {
        let yes = |answer: Option<YesNo>| answer.map(|answer| answer == YesNo::Yes);
        let axis = |axis| case.axes.get(axis).map(|judged| judged.impact);
        let epss = case.epss.as_ref().and_then(|epss| epss.highest());
        let urgency = found.urgency.iter().map(|urgency| Decision {
            table: urgency.table.clone(),
            version: urgency.version.clone(),
            row: urgency.row,
            key: urgency.key.clone(),
            decided: urgency.decided,
        });
        let people = &case.people;
        Self {
            case: case.id.clone(),
            ids: case.ids.to_vec(),
            tlp: case.tlp,
            embargo_until_unix_s: case.embargo_until.map(crate::values::Moment::unix_s),
            rating: found.severity.rating,
            cvss_v3_tenths: found.severity.v3.as_ref().map(|scored| scored.score_tenths),
            cvss_v4_tenths: found.severity.v4.as_ref().map(|scored| scored.score_tenths),
            in_kev: found.in_kev,
            ransomware: found.in_kev.map(|_| case.listed().any(|listed| listed.ransomware)),
            epss_millionths: epss.map(|score| (score.epss.value() * 1e6).round() as u32),
            exploitation: found.exploitation,
            exploited: found.exploitation.map(|exploitation| exploitation == Exploitation::Active),
            exposed: yes(case.inputs.exposed),
            automatable: yes(case.inputs.automatable),
            technical_impact: case.inputs.technical_impact,
            mission_wellbeing: case.inputs.mission_wellbeing,
            system_exposure: case.inputs.system_exposure,
            human_impact: case.inputs.human_impact,
            urgency: urgency.collect(),
            due_unix_s: found.due.as_ref().map(|due| due.ends_unix_s),
            decided: found.urgency.iter().all(|urgency| urgency.decided),
            forensics: found.steps.iter().any(|step| step.kind == StepKind::CaptureEvidence),
            class: found.class.counts,
            class_declared: found.class.declared,
            class_computed: found.class.computed.as_ref().map(|computed| computed.class),
            class_is_laxer: found.class.is_laxer,
            class_reason: found.class.reason.clone(),
            class_blind_spots: found.class.blind_spots.len(),
            delta: case.delta.as_ref().map(|delta| delta.id.to_string()),
            axis_consensus: axis(Axis::Consensus),
            axis_state: axis(Axis::State),
            axis_client: axis(Axis::Client),
            commander: people.commander.clone(),
            author: people.author.clone(),
            reviewer: people.reviewer.clone(),
            operator: people.operator.clone(),
            reviewer_is_independent: people.author.is_some()
                && people.reviewer.is_some()
                && found.reviewer_not_independent.is_none(),
            missing_roles: found.missing.clone(),
        }
    }
}
