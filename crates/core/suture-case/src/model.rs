//! The case as a value: what people have found out and decided about one vulnerability.
//!
//! What can be computed from it is not in it (`classify`). What was looked up elsewhere is in it with its source:
//! `[kev]`, `[epss]` and `[delta]` are written by `suture case classify`, so that a case can be understood without the
//! files that it was classified with.

use serde::{Deserialize, Serialize};

use crate::consensus::{Class, Touch};
use crate::epss::Prediction;
use crate::inputs::Inputs;
use crate::kev::{Listed, Lookup};
use crate::names::{CaseId, Person, Role, VulnerabilityId};
use crate::severity::{VectorV3, VectorV4};
use crate::values::{Digest, Line, List, Moment, Prose};

/// The version of the format that this crate reads and writes.
pub const SCHEMA: u32 = 1;
/// Most ids that one case has.
pub const IDS_MAX: usize = 64;
/// Most version ranges that are affected, or versions that are fixed.
pub const VERSIONS_MAX: usize = 256;
/// Most call paths of a delta that a case keeps.
pub const TOUCHES_MAX: usize = 64;

/// The record of one vulnerability.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    /// Version of the format.
    pub schema: Schema,
    /// Its id, and the name of its directory.
    pub id: CaseId,
    /// What it is about, in one line.
    pub title: Line,
    /// CVE and GHSA ids.
    #[serde(default)]
    pub ids: List<VulnerabilityId, IDS_MAX>,
    /// When the case was opened.
    pub opened: Moment,
    /// When the hole was found on a system of one's own: deadlines count from here, or from an earlier listing in KEV.
    pub detected: Moment,
    /// Who may read about it.
    pub tlp: Tlp,
    /// Until when it is not public.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub embargo_until: Option<Moment>,
    /// How a switch of the program turns the vulnerable part off without a restart; absent if none is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub toggle: Option<Prose>,
    /// Whatever else people should know.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notes: Option<Prose>,
    /// What is affected.
    pub program: Program,
    /// CVSS vectors.
    #[serde(default, skip_serializing_if = "Vectors::is_empty")]
    pub severity: Vectors,
    /// Answers to the questions of the decision tables.
    #[serde(default, skip_serializing_if = "Inputs::is_empty")]
    pub inputs: Inputs,
    /// What the fix does to consensus, state and clients.
    #[serde(default, skip_serializing_if = "Axes::is_empty")]
    pub axes: Axes,
    /// The consensus class as the author declares it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub class: Option<Declaration>,
    /// Who has which role now.
    #[serde(default, skip_serializing_if = "People::is_empty")]
    pub people: People,
    /// What the KEV catalogue said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kev: Option<Lookup>,
    /// What EPSS said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub epss: Option<Prediction>,
    /// What the delta said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delta: Option<DeltaSummary>,
    /// Why the analysis of the builds made no delta.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub full_update: Option<FullUpdate>,
    /// Keys of one's own; everything else that is unknown is a mistake.
    #[serde(default, skip_serializing_if = "toml::Table::is_empty")]
    pub x: toml::Table,
}

impl Case {
    /// A case about which nothing else is known yet, opened at `opened`.
    pub fn new(id: CaseId, title: Line, program: Line, opened: Moment) -> Self {
        Self {
            schema: Schema,
            id,
            title,
            ids: List::default(),
            opened,
            detected: opened,
            tlp: Tlp::AmberStrict,
            embargo_until: None,
            toggle: None,
            notes: None,
            program: Program { name: program, affected: List::default(), fixed: List::default() },
            severity: Vectors::default(),
            inputs: Inputs::default(),
            axes: Axes::default(),
            class: None,
            people: People::default(),
            kev: None,
            epss: None,
            delta: None,
            full_update: None,
            x: toml::Table::default(),
        }
    }
}

/// Questions to a case.
impl Case {
    /// Its CVE ids: catalogues know no others.
    pub fn cves(&self) -> impl Iterator<Item = &VulnerabilityId> {
        self.ids.iter().filter(|id| id.is_cve())
    }

    /// What KEV says about the ids that the case has now.
    pub fn listed(&self) -> impl Iterator<Item = &Listed> {
        let listed = self.kev.iter().flat_map(|kev| kev.listed.iter());
        listed.filter(|listed| self.ids.contains(&listed.cve))
    }

    /// Whether KEV lists it. Nothing if nobody has looked, or an id has come that was not looked up.
    pub fn in_kev(&self) -> Option<bool> {
        let kev = self.kev.as_ref()?;
        if self.listed().next().is_some() {
            return Some(true);
        }
        self.cves().all(|cve| kev.asked.contains(cve)).then_some(false)
    }
}

/// [`SCHEMA`], and no other version.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "u32", into = "u32")]
pub struct Schema;

impl TryFrom<u32> for Schema {
    type Error = String;

    fn try_from(version: u32) -> Result<Self, String> {
        if version == SCHEMA {
            return Ok(Self);
        }
        Err(format!(
            "this is version {version} of the format, and version {SCHEMA} is what can be read; use a suture that knows it"
        ))
    }
}

impl From<Schema> for u32 {
    fn from(_: Schema) -> Self {
        SCHEMA
    }
}

/// Traffic Light Protocol 2.0, <https://www.first.org/tlp/>.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub enum Tlp {
    /// For everyone.
    #[serde(rename = "clear")]
    Clear,
    /// For the community.
    #[serde(rename = "green")]
    Green,
    /// For the organisation and its clients.
    #[serde(rename = "amber")]
    Amber,
    /// For the organisation.
    #[serde(rename = "amber+strict")]
    AmberStrict,
    /// For those who were told.
    #[serde(rename = "red")]
    Red,
}

impl Tlp {
    /// The labels, from open to closed.
    pub const NAMES: [&'static str; 5] = ["clear", "green", "amber", "amber+strict", "red"];

    /// The label without its prefix.
    pub fn name(self) -> &'static str {
        Self::NAMES[self as usize]
    }
}

impl TryFrom<String> for Tlp {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl std::str::FromStr for Tlp {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let all = [Self::Clear, Self::Green, Self::Amber, Self::AmberStrict, Self::Red];
        let found = all.into_iter().find(|tlp| tlp.name() == text);
        found.ok_or_else(|| format!("{text:?} is no TLP label; these are {}", Self::NAMES.join(", ")))
    }
}

/// What is affected.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Program {
    /// Its name.
    pub name: Line,
    /// Versions or ranges that have the hole.
    #[serde(default)]
    pub affected: List<Line, VERSIONS_MAX>,
    /// Versions that have it no more.
    #[serde(default)]
    pub fixed: List<Line, VERSIONS_MAX>,
}

/// CVSS vectors; their scores are computed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Vectors {
    /// Version 3.1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cvss_v3: Option<VectorV3>,
    /// Version 4.0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cvss_v4: Option<VectorV4>,
}

impl Vectors {
    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.cvss_v3.is_none() && self.cvss_v4.is_none()
    }
}

/// How far an effect goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", try_from = "String")]
pub enum Impact {
    /// Nothing changes.
    None,
    /// Something else that changes can change it.
    Indirect,
    /// It is what changes.
    Direct,
}

impl Impact {
    /// The words, from the harmless to the grave.
    pub const NAMES: [&'static str; 3] = ["none", "indirect", "direct"];

    /// The word for it.
    pub fn name(self) -> &'static str {
        Self::NAMES[self as usize]
    }
}

impl TryFrom<String> for Impact {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl std::str::FromStr for Impact {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found =
            [Self::None, Self::Indirect, Self::Direct].into_iter().find(|impact| impact.name() == text);
        found.ok_or_else(|| format!("{text:?} is none of {}", Self::NAMES.join(", ")))
    }
}

/// An effect, and why somebody thinks so.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Judged {
    /// How far it goes.
    pub impact: Impact,
    /// Why.
    pub reason: Prose,
}

/// One of Suture's axes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Axis {
    /// What the nodes of a group agree on.
    Consensus,
    /// What is stored, and whether it is consistent.
    State,
    /// What clients see.
    Client,
}

impl Axis {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Consensus, Self::State, Self::Client];

    /// The word for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Consensus => "consensus",
            Self::State => "state",
            Self::Client => "client",
        }
    }
}

/// What the fix does to consensus, to the consistency of state, and to what clients see.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Axes {
    /// To consensus.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub consensus: Option<Judged>,
    /// To the consistency of state.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<Judged>,
    /// To what clients see.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client: Option<Judged>,
}

impl Axes {
    /// Whether nothing is judged.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// The judgement on one.
    pub fn get(&self, axis: Axis) -> Option<&Judged> {
        match axis {
            Axis::Consensus => self.consensus.as_ref(),
            Axis::State => self.state.as_ref(),
            Axis::Client => self.client.as_ref(),
        }
    }

    /// Judges one.
    pub fn set(&mut self, axis: Axis, judged: Judged) {
        let place = match axis {
            Axis::Consensus => &mut self.consensus,
            Axis::State => &mut self.state,
            Axis::Client => &mut self.client,
        };
        *place = Some(judged);
    }
}

/// The consensus class that the author declares.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Declaration {
    /// The class.
    pub declared: Class,
    /// Why; whoever approves a declaration that is laxer than the computation reads it.
    pub reason: Prose,
}

/// Who has which role.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct People {
    /// [`Role::Commander`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commander: Option<Person>,
    /// [`Role::Author`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub author: Option<Person>,
    /// [`Role::Reviewer`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reviewer: Option<Person>,
    /// [`Role::Operator`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operator: Option<Person>,
}

impl People {
    /// Whether nobody has a role.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Who has `role`.
    pub fn get(&self, role: Role) -> Option<&Person> {
        match role {
            Role::Commander => self.commander.as_ref(),
            Role::Author => self.author.as_ref(),
            Role::Reviewer => self.reviewer.as_ref(),
            Role::Operator => self.operator.as_ref(),
        }
    }

    /// Gives `role` to a person, or to nobody.
    pub fn set(&mut self, role: Role, person: Option<Person>) {
        let place = match role {
            Role::Commander => &mut self.commander,
            Role::Author => &mut self.author,
            Role::Reviewer => &mut self.reviewer,
            Role::Operator => &mut self.operator,
        };
        *place = person;
    }
}

/// What a delta says, as `classify` found it: what the route and the consensus class are computed from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeltaSummary {
    /// The delta's id.
    pub id: Digest,
    /// The program that it is for.
    pub program: Line,
    /// Its build-id.
    pub build_id: Line,
    /// How long it is, in bytes.
    pub bytes: u64,
    /// How many functions it changes.
    pub functions: u32,
    /// How many objects it changes where they stand.
    pub data: u32,
    /// How many types of which values live in the process get another layout.
    pub layouts: u32,
    /// Whether it has hooks, which convert such values.
    pub hooks: bool,
    /// How many call paths there are between what it changes and what is marked; [`Self::touches`] may have fewer.
    pub paths: u32,
    /// The groups of marks that were looked for when it was made; empty if nothing was marked.
    #[serde(default)]
    pub groups: List<Line, TOUCHES_MAX>,
    /// Patterns in `suture.toml` that marked nothing in either build.
    #[serde(default, skip_serializing_if = "is_empty")]
    pub unmatched: List<Line, TOUCHES_MAX>,
    /// Why nothing is critical, if `suture.toml` said so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub none_critical: Option<Line>,
    /// What was not followed from the change to the marks, a sentence each.
    #[serde(default, skip_serializing_if = "is_empty")]
    pub unseen: List<Line, TOUCHES_MAX>,
    /// Changed functions that are called by pointer, so that no call path to them can be ruled out.
    #[serde(default)]
    pub by_pointer: List<Line, TOUCHES_MAX>,
    /// Call paths between changed and marked functions, those of the strictest class first.
    #[serde(default)]
    pub touches: List<Touch, TOUCHES_MAX>,
}

fn is_empty(lines: &[Line]) -> bool {
    lines.is_empty()
}

/// The analysis made no delta of the two builds: the change needs a restart.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FullUpdate {
    /// Why, a line for each reason.
    pub reasons: List<Line, TOUCHES_MAX>,
}
