//! What can be said about a bundle, and in which role.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// What a principal is trusted to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Turns a source fix into a delta.
    Author,
    /// Builds, or builds again, and tells from what.
    Builder,
    /// Reads the delta, and is of another team than its author.
    Reviewer,
    /// Approves.
    Approver,
    /// Leads the incident.
    Commander,
    /// Runs the nodes.
    Operator,
    /// Rehearses the patch and tells the result.
    Rehearser,
    /// Cosigns the log; says nothing about bundles.
    Witness,
}

/// What is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// "I made this."
    Authored,
    /// "I built it, from this": SLSA provenance v1.
    Built,
    /// "I built it again and the same came out."
    Reproduced,
    /// "I rehearsed it, with this result": in-toto test-result v0.1.
    Rehearsed,
    /// "I read it."
    Reviewed,
    /// "It may run."
    Approved,
    /// "It may not run." Blocks until its signer withdraws it.
    Refused,
    /// "My refusal no longer stands."
    Withdrawn,
    /// "I have verified it": SLSA verification summary v1.
    Passed,
    /// "This is the digest of an advisory that will follow."
    Committed,
    /// "The consensus class that its author declares is right, though a laxer one than the computed."
    Laxer,
    /// "There is an emergency: what may follow later may follow later."
    Emergency,
}

/// The predicate type of what Suture defines itself begins so.
const OWN: &str = "urn:suture:statement:";
/// The predicate types of others. Versions stand in the last part of the path.
const BUILT: &str = "https://slsa.dev/provenance/v1";
const REHEARSED: &str = "https://in-toto.io/attestation/test-result/v0.1";
const PASSED: &str = "https://slsa.dev/verification_summary/v1";

impl Role {
    /// All, in the order in which a bundle meets them.
    pub const ALL: [Self; 8] = [
        Self::Author,
        Self::Builder,
        Self::Rehearser,
        Self::Reviewer,
        Self::Approver,
        Self::Commander,
        Self::Operator,
        Self::Witness,
    ];

    /// Its name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Author => "author",
            Self::Builder => "builder",
            Self::Reviewer => "reviewer",
            Self::Approver => "approver",
            Self::Commander => "commander",
            Self::Operator => "operator",
            Self::Rehearser => "rehearser",
            Self::Witness => "witness",
        }
    }

    /// What somebody in this role says if nothing else is asked for; a witness says nothing about bundles.
    pub fn says(self) -> Option<Kind> {
        match self {
            Self::Author => Some(Kind::Authored),
            Self::Builder => Some(Kind::Built),
            Self::Reviewer => Some(Kind::Reviewed),
            Self::Approver | Self::Commander | Self::Operator => Some(Kind::Approved),
            Self::Rehearser => Some(Kind::Rehearsed),
            Self::Witness => None,
        }
    }
}

impl Kind {
    /// All.
    pub const ALL: [Self; 12] = [
        Self::Authored,
        Self::Built,
        Self::Reproduced,
        Self::Rehearsed,
        Self::Reviewed,
        Self::Approved,
        Self::Refused,
        Self::Withdrawn,
        Self::Passed,
        Self::Committed,
        Self::Laxer,
        Self::Emergency,
    ];

    /// Its name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Authored => "authored",
            Self::Built => "built",
            Self::Reproduced => "reproduced",
            Self::Rehearsed => "rehearsed",
            Self::Reviewed => "reviewed",
            Self::Approved => "approved",
            Self::Refused => "refused",
            Self::Withdrawn => "withdrawn",
            Self::Passed => "passed",
            Self::Committed => "committed",
            Self::Laxer => "laxer",
            Self::Emergency => "emergency",
        }
    }

    /// The `predicateType` under which it travels.
    pub fn predicate_type(self) -> String {
        match self {
            Self::Built => BUILT.to_owned(),
            Self::Rehearsed => REHEARSED.to_owned(),
            Self::Passed => PASSED.to_owned(),
            own => format!("{OWN}{}:v1", own.as_str()),
        }
    }

    /// Who may say it at all. Whose word is asked for is a question for the policy, which may be stricter.
    pub fn roles(self) -> &'static [Role] {
        const ANY: [Role; 7] = [
            Role::Author,
            Role::Builder,
            Role::Rehearser,
            Role::Reviewer,
            Role::Approver,
            Role::Commander,
            Role::Operator,
        ];
        match self {
            Self::Authored => &[Role::Author],
            Self::Built => &[Role::Builder, Role::Author],
            Self::Reproduced => &[Role::Builder, Role::Reviewer],
            Self::Rehearsed => &[Role::Rehearser, Role::Builder, Role::Reviewer, Role::Operator],
            Self::Reviewed | Self::Laxer => &[Role::Reviewer],
            Self::Approved => &[Role::Approver, Role::Reviewer, Role::Commander, Role::Operator],
            Self::Refused | Self::Withdrawn => &ANY,
            Self::Passed => &[Role::Commander, Role::Operator],
            Self::Committed | Self::Emergency => &[Role::Commander],
        }
    }

    /// The kind that travels under `predicate_type`.
    pub(crate) fn of(predicate_type: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.predicate_type() == predicate_type)
    }

    /// The kind of which `predicate_type` is another version.
    pub(crate) fn in_another_version(predicate_type: &str) -> Option<Self> {
        let stem = |text: &str| {
            let cut = text.rfind(['/', ':'])?;
            let version = text.get(cut + 1..)?;
            version
                .strip_prefix('v')?
                .starts_with(|c: char| c.is_ascii_digit())
                .then(|| text[..cut].to_owned())
        };
        let asked = stem(predicate_type)?;
        Self::ALL.into_iter().find(|kind| stem(&kind.predicate_type()).as_deref() == Some(asked.as_str()))
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Role {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|role| role.as_str() == text);
        let names = || Self::ALL.map(Self::as_str).join(", ");
        found.ok_or_else(|| format!("`{}` is no role; roles are {}", text.escape_debug(), names()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_told_apart_by_type_and_version() {
        for kind in Kind::ALL {
            let uri = kind.predicate_type();
            assert_eq!((Kind::of(&uri), Kind::in_another_version(&uri)), (Some(kind), Some(kind)));
            let cut = uri.rfind('v').unwrap();
            let newer = format!("{}v99", &uri[..cut]);
            assert_eq!((Kind::of(&newer), Kind::in_another_version(&newer)), (None, Some(kind)), "{newer}");
        }
        for other in ["", "v", "urn:suture:statement:authored", "https://slsa.dev/provenance/vague", "é/v1"]
        {
            assert_eq!((Kind::of(other), Kind::in_another_version(other)), (None, None), "{other}");
        }
    }

    #[test]
    fn a_role_may_say_what_it_says_by_itself() {
        for role in Role::ALL {
            assert_eq!(role.as_str().parse(), Ok(role));
            assert!(role.says().is_none_or(|kind| kind.roles().contains(&role)), "{role}");
        }
        assert!(Kind::ALL.iter().all(|kind| !kind.roles().contains(&Role::Witness)));
    }
}
