//! The consensus class: what a patch may do to what the nodes of a group agree on.
//!
//! It decides everything that follows, because in a replicated state machine one node that behaves differently *is*
//! the fork. It is computed from call paths between functions that change and those that the project's `suture.toml`
//! marks, and declared by the author; the stricter one counts. Functions change if their code is replaced or new, and
//! if they refer to data that changes where it stands.
//!
//! The rule, from plain facts:
//!
//! 1. A change without a call path to or from a mark is [`Class::Local`], if everything was looked at.
//! 2. A change that *calls* marked code, directly or not, is at least [`Class::Wire`]: it decides when, and with what, that
//!    code runs, but the rules by which a group judges are the same as before.
//! 3. A change that *is* marked code, or is *called by* it, is [`Class::Replicated`]: what the marked code computes depends on
//!    it. For marks of protocols it is [`Class::Wire`], since what they compute is messages.
//!
//! 4. Where nothing was marked, a pattern marks nothing, or something could not be followed, such as data whose users can't be
//!    computed, there may be call paths that nobody has looked for: the change is [`Class::Replicated`]. Only a project that says that nothing of it is critical, and why, has [`Class::Local`] without marks.
//!
//! Groups with names of the project's own count like consensus: what is not known to be harmless is not.

use serde::{Deserialize, Serialize};

use crate::values::Line;

/// Groups of marks whose code makes messages and nothing that is replicated.
const WIRE_GROUPS: [&str; 3] = ["protocol", "network", "wire"];

/// What a patch may do to consensus, from the lax to the strict.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", try_from = "String")]
pub enum Class {
    /// Output-neutral on one node: ordinary stages.
    Local,
    /// Messages or their timing change, compatibly: negotiated, leaders last.
    Wire,
    /// Validity, replicated output or the format of the log changes: installed dark, activated at one agreed point.
    Replicated,
}

impl Class {
    /// The words, from the lax to the strict.
    pub const NAMES: [&'static str; 3] = ["local", "wire", "replicated"];

    /// The word for it.
    pub fn name(self) -> &'static str {
        Self::NAMES[self as usize]
    }
}

impl TryFrom<String> for Class {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl std::str::FromStr for Class {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found =
            [Self::Local, Self::Wire, Self::Replicated].into_iter().find(|class| class.name() == text);
        found.ok_or_else(|| format!("{text:?} is no consensus class; these are {}", Self::NAMES.join(", ")))
    }
}

/// How a changed function and a marked one stand to each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Relation {
    /// The changed function calls the marked one, directly or not.
    Calls,
    /// The marked function calls the changed one, directly or not.
    CalledBy,
    /// The changed function is marked, or has the code of the marked one inlined.
    Is,
}

/// A call path between a changed and a marked function.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Touch {
    /// The group of the mark.
    pub group: Line,
    /// The changed function.
    pub function: Line,
    /// How it stands to the marked one.
    pub relation: Relation,
    /// The marked function.
    pub marked: Line,
    /// The object that changes, where the function counts as changed because it refers to that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reads: Option<Line>,
}

/// What a delta says, as far as the class depends on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeltaFacts<'a> {
    /// The groups of marks that were looked for.
    pub groups: &'a [Line],
    /// Patterns that mark nothing.
    pub unmatched: &'a [Line],
    /// Why nothing is critical, if the project says so.
    pub none_critical: Option<&'a Line>,
    /// What was not followed from the change to the marks, a sentence each.
    pub unseen: &'a [Line],
    /// Call paths between changed and marked functions.
    pub touches: &'a [Touch],
}

/// The class by the call paths.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Computed {
    /// The class.
    pub class: Class,
    /// What led to it, one sentence each; empty if marks were looked for, and nothing marked is touched.
    pub because: Vec<String>,
}

/// Declared and computed class, and which of them counts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Verdict {
    /// By the author; nothing if not yet declared.
    pub declared: Option<Class>,
    /// By the delta; nothing without a delta.
    pub computed: Option<Computed>,
    /// The stricter one; nothing if there is neither.
    pub counts: Option<Class>,
    /// Whether the author declares less than was computed, which needs an approval of its own.
    pub is_laxer: bool,
    /// Why the author thinks so.
    pub reason: Option<String>,
    /// What the computation can't see, one sentence each.
    pub blind_spots: Vec<String>,
}

/// The class by the facts of a delta.
pub fn compute(facts: DeltaFacts<'_>) -> Computed {
    let unseen = unseen(facts);
    if !unseen.is_empty() {
        return Computed { class: Class::Replicated, because: unseen };
    }
    let class = facts.touches.iter().map(class_of).max().unwrap_or(Class::Local);
    let decisive = facts.touches.iter().filter(|touch| class_of(touch) == class);
    let told = facts.none_critical.map(|why| format!("nothing is critical, as suture.toml says: {why}"));
    Computed { class, because: decisive.map(sentence).chain(told).collect() }
}

/// Why there may be call paths that nobody has looked for.
fn unseen(facts: DeltaFacts<'_>) -> Vec<String> {
    if facts.groups.is_empty() && facts.touches.is_empty() && facts.none_critical.is_none() {
        return vec!["nothing was marked as critical when the delta was made".to_owned()];
    }
    let lost =
        |pattern: &Line| format!("the pattern `{pattern}` in suture.toml marks nothing in either build");
    facts.unmatched.iter().map(lost).chain(facts.unseen.iter().map(ToString::to_string)).collect()
}

/// The class that one call path asks for.
pub fn class_of(touch: &Touch) -> Class {
    let is_wire = WIRE_GROUPS.contains(&touch.group.as_str());
    match touch.relation {
        Relation::Is | Relation::CalledBy if !is_wire => Class::Replicated,
        Relation::Is | Relation::CalledBy | Relation::Calls => Class::Wire,
    }
}

/// Puts declaration and computation together.
pub fn verdict(
    declared: Option<(Class, String)>,
    computed: Option<Computed>,
    blind_spots: Vec<String>,
) -> Verdict {
    let (declared, reason) = declared.unzip();
    let by_delta = computed.as_ref().map(|computed| computed.class);
    Verdict {
        declared,
        counts: declared.max(by_delta),
        is_laxer: declared.is_some_and(|declared| by_delta.is_some_and(|computed| declared < computed)),
        computed,
        reason,
        blind_spots,
    }
}

fn sentence(touch: &Touch) -> String {
    let Touch { group, function, relation, marked, reads } = touch;
    let changes = match reads {
        Some(object) => format!("{function} refers to {object}, which changes,"),
        None => format!("{function} changes"),
    };
    match relation {
        Relation::Is if function == marked => format!("{changes} and is marked as {group}"),
        Relation::Is => format!("{changes} and has {marked} inlined, which is marked as {group}"),
        Relation::CalledBy => format!("{changes} and is called by {marked}, which is marked as {group}"),
        Relation::Calls => format!("{changes} and calls {marked}, which is marked as {group}"),
    }
}
