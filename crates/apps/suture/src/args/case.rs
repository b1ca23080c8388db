//! `suture case …`: one directory per case, in files that live well in version control.

use std::path::PathBuf;
use std::str::FromStr;

use clap::{Args, Subcommand, ValueHint};
use suture_case::consensus::Class;
use suture_case::inputs::Input;
use suture_case::model::{Axis, Impact, Judged, Tlp};
use suture_case::names::{CaseId, Person, Role, VulnerabilityId};
use suture_case::severity::{VectorV3, VectorV4};
use suture_case::values::{Line, Moment, Prose};

/// Keep the record of a vulnerability: what it is, how urgent, who owns it, what was done
///
/// A case is a directory with two files, `case.toml` and `timeline.jsonl`, which are meant to be kept in git. Scores, urgency,
/// due days and the consensus class are computed each time and written nowhere; docs/formats/case.md says what may stand
/// in the files, and editing `case.toml` by hand is fine.
#[derive(Debug, Args)]
pub(crate) struct CaseArgs {
    #[command(subcommand)]
    pub(crate) command: CaseCommand,
}

/// What to do with cases.
#[derive(Debug, Subcommand)]
pub(crate) enum CaseCommand {
    New(NewArgs),
    Classify(ClassifyArgs),
    Show(ShowArgs),
    List(ListArgs),
}

/// Open a case
///
/// On a terminal what is not given is asked for; nothing is written before the last answer, so that Ctrl-C leaves nothing
/// behind. Scripts give at least --title and --program.
#[derive(Debug, Args)]
pub(crate) struct NewArgs {
    /// Its id, and the name of its directory: lower-case letters, digits, `-`, `_` and `.`
    #[arg(value_name = "CASE")]
    pub(crate) id: CaseId,

    #[command(flatten)]
    pub(crate) changes: ChangeArgs,

    #[command(flatten)]
    pub(crate) place: PlaceArgs,

    #[command(flatten)]
    pub(crate) rules: RulesArgs,
}

/// Answer what is asked about a case, look it up in KEV and EPSS, and say what follows
///
/// Prints severity by CVSS, urgency by each decision table with the row that decided, the due day, the axes, the consensus
/// class, who is missing, and the route by the rules of the trust directory: hot patch, a switch of the program, or the full
/// update. A table that lacks an answer says the worst that is still possible. The route is decided again once there is a
/// delta; a route that changes is an act in the timeline. Without any option that changes the case, a terminal is asked for
/// what is open, and a script only gets what follows.
#[derive(Debug, Args)]
pub(crate) struct ClassifyArgs {
    /// The case
    #[arg(value_name = "CASE")]
    pub(crate) id: CaseId,

    /// Look its CVE ids up in this catalogue: `known_exploited_vulnerabilities.json`, as CISA publishes it
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) kev: Option<PathBuf>,

    /// Look its CVE ids up in these scores: `epss_scores-YYYY-MM-DD.csv`, as FIRST publishes it, unpacked
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) epss: Option<PathBuf>,

    /// Compute the consensus class from this delta: from the call paths between what it changes and what `suture.toml` marked
    /// when it was made; where nothing was marked, a pattern marks nothing or something can't be
    /// followed, it is the strictest
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) delta: Option<PathBuf>,

    /// Take down why there is no delta: the document of a `suture diff --json` or `suture build --json` that says `full-update`
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, conflicts_with = "delta")]
    pub(crate) analysis: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) changes: ChangeArgs,

    #[command(flatten)]
    pub(crate) place: PlaceArgs,

    #[command(flatten)]
    pub(crate) rules: RulesArgs,
}

impl ClassifyArgs {
    /// Whether it says what the analysis of the fix has found.
    pub(crate) fn has_analysis(&self) -> bool {
        self.delta.is_some() || self.analysis.is_some()
    }
}

/// Show a case: what it says, what follows, who owned what, what was done
#[derive(Debug, Args)]
pub(crate) struct ShowArgs {
    /// The case
    #[arg(value_name = "CASE")]
    pub(crate) id: CaseId,

    /// Print its answers and decisions as an SSVC `SelectionList` 2.0.0 instead
    #[arg(long, conflicts_with = "facts")]
    pub(crate) ssvc: bool,

    /// Print the question that decides its route instead, as `suture policy route --facts` takes it: to try other facts, or
    /// other rules
    #[arg(long)]
    pub(crate) facts: bool,

    #[command(flatten)]
    pub(crate) place: PlaceArgs,

    #[command(flatten)]
    pub(crate) rules: RulesArgs,
}

/// List the cases, the most pressing first
///
/// A case that can't be read is named behind the others, and the exit code is then 2.
#[derive(Debug, Args)]
pub(crate) struct ListArgs {
    #[command(flatten)]
    pub(crate) place: PlaceArgs,

    #[command(flatten)]
    pub(crate) rules: RulesArgs,
}

/// Where cases are.
#[derive(Debug, Clone, Args)]
pub(crate) struct PlaceArgs {
    /// The directory that has one directory for each case
    #[arg(long, value_name = "DIR", default_value = "cases", value_hint = ValueHint::DirPath)]
    pub(crate) cases: PathBuf,
}

/// By which rules the route is decided.
#[derive(Debug, Clone, Args)]
pub(crate) struct RulesArgs {
    /// The trust directory whose rules decide the route [default: that of this machine, or else the default rules]
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(crate) trust: Option<PathBuf>,
}

/// What is written into a case.
#[derive(Debug, Clone, Default, PartialEq, Args)]
pub(crate) struct ChangeArgs {
    /// What it is about, in one line
    #[arg(long, value_name = "TEXT")]
    pub(crate) title: Option<Line>,

    /// The program that is affected
    #[arg(long, value_name = "NAME")]
    pub(crate) program: Option<Line>,

    /// Its CVE or GHSA id; may be given several times
    #[arg(long = "id", value_name = "CVE|GHSA")]
    pub(crate) ids: Vec<VulnerabilityId>,

    /// A version or range that has the hole, such as `>=7.0.0, <7.0.12`; may be given several times
    #[arg(long, value_name = "RANGE")]
    pub(crate) affected: Vec<Line>,

    /// A version that has it no more; may be given several times
    #[arg(long, value_name = "VERSION")]
    pub(crate) fixed: Vec<Line>,

    /// CVSS v3.1 vector; the score is computed
    #[arg(long, value_name = "VECTOR")]
    pub(crate) cvss_v3: Option<VectorV3>,

    /// CVSS v4.0 vector; the score is computed
    #[arg(long, value_name = "VECTOR")]
    pub(crate) cvss_v4: Option<VectorV4>,

    /// When it was found on a system of yours, such as 2026-10-30T17:00:00Z; due days count from here, and it can't be to come. For a new case: now
    #[arg(long, value_name = "TIME")]
    pub(crate) detected: Option<Moment>,

    /// Until when it is not public
    #[arg(long, value_name = "TIME")]
    pub(crate) embargo_until: Option<Moment>,

    /// How a switch of the program turns the vulnerable part off without a restart
    #[arg(long, value_name = "TEXT", conflicts_with = "no_toggle")]
    pub(crate) toggle: Option<Prose>,

    /// Say that no switch of the program does, after all
    #[arg(long)]
    pub(crate) no_toggle: bool,

    /// Who may read about it: clear, green, amber, amber+strict, red. For a new case: amber+strict
    #[arg(long, value_name = "LABEL")]
    pub(crate) tlp: Option<Tlp>,

    /// The answer to a question of a decision table, such as `exposed=yes`; may be given several times
    ///
    /// exposed, automatable: no, yes · technical-impact: partial, total · exploitation: none, public-poc, active ·
    /// mission-wellbeing: low, medium, high · system-exposure: small, controlled, open ·
    /// human-impact: low, medium, high, very-high
    #[arg(long = "answer", value_name = "QUESTION=ANSWER")]
    pub(crate) answers: Vec<AnswerChoice>,

    /// What the fix does to consensus, state or client (none, indirect, direct), and why
    #[arg(long = "axis", value_name = "AXIS=IMPACT:REASON")]
    pub(crate) axes: Vec<AxisChoice>,

    /// The consensus class that the author declares (local, wire, replicated), and why
    #[arg(long, value_name = "CLASS:REASON")]
    pub(crate) class: Option<ClassChoice>,

    /// Who is commander, author, reviewer or operator, and of which team; `ROLE=` for nobody
    #[arg(long = "role", value_name = "ROLE=NAME[:TEAM]")]
    pub(crate) roles: Vec<RoleChoice>,

    /// Who does this; without it the name of the user
    #[arg(long, value_name = "NAME")]
    pub(crate) by: Option<Line>,
}

impl ChangeArgs {
    /// Whether nothing is said about the case.
    pub(crate) fn is_empty(&self) -> bool {
        *self == Self { by: self.by.clone(), ..Self::default() }
    }
}

/// `QUESTION=ANSWER`
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct AnswerChoice {
    pub(crate) input: Input,
    pub(crate) answer: &'static str,
}

/// `AXIS=IMPACT:REASON`
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct AxisChoice {
    pub(crate) axis: Axis,
    pub(crate) judged: Judged,
}

/// `CLASS:REASON`
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ClassChoice {
    pub(crate) class: Class,
    pub(crate) reason: Prose,
}

/// `ROLE=NAME[:TEAM]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RoleChoice {
    pub(crate) role: Role,
    pub(crate) person: Option<Person>,
}

impl FromStr for AnswerChoice {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (question, answer) = text.split_once('=').ok_or("write QUESTION=ANSWER, such as exposed=yes")?;
        let inputs = || Input::ALL.into_iter().filter(|input| *input != Input::InKev);
        let input = inputs().find(|input| input.name() == question).ok_or_else(|| {
            let known: Vec<_> = inputs().map(Input::name).collect();
            format!("{question:?} is none of {} (KEV is looked up with --kev)", known.join(", "))
        })?;
        let found = input.answers().iter().find(|known| **known == answer);
        let answer = found.ok_or_else(|| format!("{answer:?} is none of {}", input.answers().join(", ")))?;
        Ok(Self { input, answer })
    }
}

impl FromStr for AxisChoice {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let form = "write AXIS=IMPACT:REASON, such as state=none:no stored byte changes";
        let (axis, judged) = text.split_once('=').ok_or(form)?;
        let (impact, reason) = judged.split_once(':').ok_or(form)?;
        let axis = Axis::ALL.into_iter().find(|known| known.name() == axis);
        let axis = axis.ok_or("the axes are consensus, state, client")?;
        let impact: Impact = impact.parse()?;
        Ok(Self { axis, judged: Judged { impact, reason: reason.parse()? } })
    }
}

impl FromStr for ClassChoice {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (class, reason) =
            text.split_once(':').ok_or("write CLASS:REASON, such as local:a bounds check")?;
        Ok(Self { class: class.parse()?, reason: reason.parse()? })
    }
}

impl FromStr for RoleChoice {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (role, person) = text.split_once('=').ok_or("write ROLE=NAME or ROLE=NAME:TEAM")?;
        let role = Role::ALL.into_iter().find(|known| known.name() == role);
        let role = role.ok_or("the roles are commander, author, reviewer, operator")?;
        let person = (!person.is_empty()).then(|| person.parse()).transpose()?;
        Ok(Self { role, person })
    }
}
