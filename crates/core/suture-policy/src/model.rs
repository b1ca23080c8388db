//! What is asked, and on what: plain values with the words of `policies/suture.cedarschema`.
//!
//! Facts are computed by those who have the delta, the case and the node at hand. The same values are read from the
//! TOML of example cases, so every enumeration has one spelling everywhere.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::moment::Moment;

/// One question to a pack.
#[derive(Debug, Clone, Copy)]
pub struct Question<'a> {
    /// What is to happen.
    pub ask: &'a Ask,
    /// What is known.
    pub facts: &'a Facts,
    /// What has been signed about it; verified.
    pub statements: &'a [Statement],
    /// Everybody in the trust root.
    pub principals: &'a [Principal],
}

/// What is to happen with a patch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ask {
    /// It is put into processes of a node.
    Run {
        /// Where.
        node: Node,
        /// Whether its code runs from then on.
        switch: Switch,
    },
    /// A patch that is there is switched on.
    Activate {
        /// Where.
        node: Node,
        /// At one point that the whole group has agreed on.
        agreed_point: bool,
    },
    /// It is put into the channel.
    Publish {
        /// By whom, a name in the trust root.
        by: String,
    },
}

impl Ask {
    /// The action of the schema.
    pub const fn action(&self) -> &'static str {
        match self {
            Self::Run { .. } => "run",
            Self::Activate { .. } => "activate",
            Self::Publish { .. } => "publish",
        }
    }
}

/// A machine, as its operator describes it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Node {
    /// Its name.
    pub name: String,
    /// Labels such as `validator`.
    #[serde(default)]
    pub labels: Vec<String>,
}

/// What is known when a question is asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Facts {
    /// The time of the question.
    pub now: Moment,
    /// The case that the patch is for; a bare delta has none.
    pub case: Option<CaseFacts>,
    /// The patch; before there is one only a route can be asked for.
    pub patch: Option<PatchFacts>,
    /// An emergency that has been declared for the case.
    pub emergency: Option<Emergency>,
    /// Authors that the bundle itself names; for a route, whoever is known to be one. They count as authors whether or not they have signed so: a statement
    /// that somebody holds back must not turn an author into a reviewer.
    #[serde(default)]
    pub authors: Vec<String>,
}

/// The vulnerability.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CaseFacts {
    /// Name of the case.
    pub id: String,
    /// The team that owns it.
    pub owner: String,
    /// Rating of the score.
    pub severity: Severity,
    /// CVSS score.
    pub score: Score,
    /// Known to be exploited.
    pub exploited: bool,
    /// Attackers can reach it.
    pub exposed: bool,
    /// What it, or its fix, means for others.
    pub impact: Impacts,
    /// A switch of the program turns the vulnerable part off without a restart.
    pub toggle: bool,
    /// When the case was opened.
    pub opened: Moment,
    /// When the classification wants it closed; `None` for the next upgrade.
    pub due: Option<Moment>,
    /// Nothing may be public before.
    pub embargo: Option<Moment>,
}

/// Suture's three axes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Impacts {
    /// On consensus.
    pub consensus: Impact,
    /// On the consistency of state.
    pub state: Impact,
    /// On what clients see.
    pub client: Impact,
}

/// The delta, as recomputed from its bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PatchFacts {
    /// SHA-256 of the bundle or delta, in hex.
    pub digest: String,
    /// Of the analysis.
    pub verdict: Verdict,
    /// Consensus class that the call graph shows.
    pub computed: Class,
    /// Consensus class that the author declares.
    pub declared: Class,
    /// Size of the delta.
    pub bytes: u64,
    /// Functions replaced.
    pub functions: u64,
    /// Objects changed where they stand.
    pub data: u64,
    /// Types whose layout the changed code depends on.
    pub types: u64,
    /// Call paths to or from what is marked as critical.
    pub critical: u64,
    /// Patterns of `suture.toml` that mark nothing.
    #[serde(default)]
    pub unmatched: u64,
    /// Types whose layout changed.
    pub layouts: u64,
    /// Hooks convert every value of these types.
    pub hooks: bool,
    /// Only its recipients can read the bundle.
    #[serde(default)]
    pub encrypted: bool,
    /// Findings of the leak check in what would be public.
    #[serde(default)]
    pub leaks: u64,
}

/// An emergency. If one was declared several times for a case, it began with the first declaration: declaring it
/// again does not extend it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Emergency {
    /// When it was first declared.
    pub started: Moment,
    /// When what was left out has to be there.
    pub ends: Moment,
}

/// Somebody in the trust root.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Principal {
    /// Their name, the same for all their keys.
    pub name: String,
    /// Their team.
    pub team: String,
    /// The roles they hold.
    pub roles: Vec<String>,
    /// Whether a key of theirs holds now: nobody else could give what is missing. What has been signed is judged by itself.
    #[serde(default = "has_a_key", skip_serializing_if = "Clone::clone")]
    pub can_sign: bool,
}

fn has_a_key() -> bool {
    true
}

/// A signed sentence whose signature is genuine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Statement {
    /// Name of the signer in the trust root.
    pub by: String,
    /// Team that the statement names, if it does.
    pub team: Option<String>,
    /// Role in which the signer speaks, if the statement says so.
    pub role: Option<String>,
    /// What it says.
    pub kind: Kind,
    /// When it was signed.
    pub at: Moment,
    /// The key that signed it.
    pub key: String,
    /// What it speaks of.
    pub digest: String,
    /// The reason given.
    pub reason: Option<String>,
    /// How a rehearsal ended.
    pub passed: Option<bool>,
}

/// CVSS score in tenths, 0 to 100.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "f64", into = "f64")]
pub struct Score(u8);

impl Score {
    /// That many tenths; 100 if there are more.
    pub fn of_tenths(tenths: u16) -> Self {
        Self(u8::try_from(tenths.min(100)).unwrap_or(100))
    }
}

impl TryFrom<f64> for Score {
    type Error = String;

    fn try_from(score: f64) -> Result<Self, String> {
        if (0.0..=10.0).contains(&score) {
            Ok(Self((score * 10.0).round() as u8))
        } else {
            Err(format!("{score} is no score: it must be between 0.0 and 10.0"))
        }
    }
}

impl From<Score> for f64 {
    fn from(score: Score) -> Self {
        Self::from(score.0) / 10.0
    }
}

impl fmt::Display for Score {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.0 / 10, self.0 % 10)
    }
}

/// An enumeration whose values have one spelling in Cedar, TOML and JSON.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$value_doc:meta])* $value:ident = $word:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum $name {
            $($(#[$value_doc])* #[serde(rename = $word)] $value,)+
        }

        impl $name {
            /// Every value, in order.
            pub const ALL: &[Self] = &[$(Self::$value),+];

            /// As it is spelled in files.
            pub const fn word(self) -> &'static str {
                match self { $(Self::$value => $word),+ }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.word())
            }
        }
    };
}

words! {
    /// CVSS qualitative severity rating.
    Severity {
        /// 0.0.
        None = "none",
        /// Up to 3.9.
        Low = "low",
        /// Up to 6.9.
        Medium = "medium",
        /// Up to 8.9.
        High = "high",
        /// From 9.0.
        Critical = "critical",
    }
}

words! {
    /// What a patch does to a replicated state machine, laxest first.
    Class {
        /// Output-neutral on one node.
        Local = "local",
        /// Messages or timing change, compatibly.
        Wire = "wire",
        /// Validity, replicated output or log format change.
        Replicated = "replicated",
    }
}

words! {
    /// How far something is concerned.
    Impact {
        /// Not at all.
        None = "none",
        /// By way of something else.
        Indirect = "indirect",
        /// Itself.
        Direct = "direct",
    }
}

words! {
    /// What the analysis says of a change.
    Verdict {
        /// It can go into a running process.
        Hot = "hot",
        /// It needs a restart.
        FullUpdate = "full-update",
    }
}

words! {
    /// Which code runs once a patch is in place.
    Switch {
        /// The new code.
        On = "on",
        /// The old code.
        Dark = "dark",
    }
}

words! {
    /// What a statement says.
    Kind {
        /// I wrote it.
        Authored = "authored",
        /// It was built like this.
        Built = "built",
        /// I built it again, and the same came out.
        Reproduced = "reproduced",
        /// I rehearsed it, with this result.
        Rehearsed = "rehearsed",
        /// I have read it, and it is right.
        Reviewed = "reviewed",
        /// It may go ahead.
        Approved = "approved",
        /// It must not go ahead.
        Refused = "refused",
        /// My refusal no longer stands.
        Withdrawn = "withdrawn",
        /// The laxer consensus class is right, for this reason.
        AcceptedLaxer = "accepted-laxer",
        /// There is an emergency.
        DeclaredEmergency = "declared-emergency",
    }
}

impl Kind {
    /// The action of the schema that making such a statement is.
    pub const fn action(self) -> &'static str {
        match self {
            Self::Authored => "author",
            Self::Built => "build",
            Self::Reproduced => "reproduce",
            Self::Rehearsed => "rehearse",
            Self::Reviewed => "review",
            Self::Approved => "approve",
            Self::Refused => "refuse",
            Self::Withdrawn => "withdraw",
            Self::AcceptedLaxer => "accept-laxer",
            Self::DeclaredEmergency => "declare-emergency",
        }
    }

    /// The statement that is made by an action of the schema.
    pub fn of_action(action: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| kind.action() == action)
    }
}

impl PatchFacts {
    /// What is declared is laxer than what is computed.
    pub fn is_laxer(&self) -> bool {
        self.declared < self.computed
    }

    /// The class that counts: the stricter of the two, unless a laxer declaration has been accepted.
    pub fn class(&self, laxer_is_accepted: bool) -> Class {
        if laxer_is_accepted { self.declared } else { self.computed.max(self.declared) }
    }
}
