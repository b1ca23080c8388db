//! Names of things: a case, a vulnerability, a role, a person.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::values::Line;

/// Longest id of a case, in bytes. It is the name of a directory.
pub const CASE_ID_BYTES_MAX: usize = 64;
/// Most digits of the number in a CVE id (CVE record format 5: 19).
const CVE_DIGITS_MAX: usize = 19;

/// The id of a case, and the name of its directory: lower-case letters, digits, `-`, `_` and `.`, beginning with a
/// letter or digit, so that it is a safe name everywhere.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct CaseId(String);

impl CaseId {
    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for CaseId {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
        let is_known = |c: char| is_plain(c) || matches!(c, '-' | '_' | '.');
        if text.len() > CASE_ID_BYTES_MAX {
            return Err(format!("the id of a case has at most {CASE_ID_BYTES_MAX} characters"));
        }
        if !text.chars().all(is_known) || !text.starts_with(is_plain) || text.contains("..") {
            return Err(format!(
                "{text:?} is no id of a case; lower-case letters, digits, '-', '_' and single '.' make one, such as redis-2026-01"
            ));
        }
        Ok(Self(text.to_owned()))
    }
}

/// A CVE or GHSA id.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct VulnerabilityId(String);

impl VulnerabilityId {
    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it is a CVE id: catalogues know no others.
    pub fn is_cve(&self) -> bool {
        self.0.starts_with("CVE-")
    }
}

impl FromStr for VulnerabilityId {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if is_cve(text) || is_ghsa(text) {
            return Ok(Self(text.to_owned()));
        }
        let shown: String = text.chars().take(40).collect();
        Err(format!(
            "{shown:?} is no id of a vulnerability; write it as CVE-2026-12345 or GHSA-2x3f-4h5j-6m7p"
        ))
    }
}

/// `CVE-YYYY-N…`, with four digits of number at least.
pub(crate) fn is_cve(text: &str) -> bool {
    let Some((year, number)) = text.strip_prefix("CVE-").and_then(|rest| rest.split_once('-')) else {
        return false;
    };
    let all_digits = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
    year.len() == 4 && all_digits(year) && (4..=CVE_DIGITS_MAX).contains(&number.len()) && all_digits(number)
}

/// `GHSA-` and three groups of four of GitHub's letters and digits.
fn is_ghsa(text: &str) -> bool {
    let Some(rest) = text.strip_prefix("GHSA-") else { return false };
    let is_group =
        |group: &str| group.len() == 4 && group.chars().all(|c| "23456789cfghjmpqrvwx".contains(c));
    rest.split('-').count() == 3 && rest.split('-').all(is_group)
}

/// Who has to be there before a fix goes out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Classifies, opens the window, starts and halts.
    Commander,
    /// Makes the fix.
    Author,
    /// Reads it: another person of another team.
    Reviewer,
    /// Runs the nodes.
    Operator,
}

impl Role {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Commander, Self::Author, Self::Reviewer, Self::Operator];

    /// The word for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Commander => "commander",
            Self::Author => "author",
            Self::Reviewer => "reviewer",
            Self::Operator => "operator",
        }
    }
}

/// A person who has a role.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Person {
    /// What others know the person by: an address, an account.
    pub name: Line,
    /// The team, by which independence is judged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub team: Option<Line>,
}

impl FromStr for Person {
    type Err = String;

    /// `NAME`, or `NAME:TEAM`.
    fn from_str(text: &str) -> Result<Self, String> {
        let (name, team) = match text.split_once(':') {
            Some((name, team)) => (name, Some(team.parse()?)),
            None => (text, None),
        };
        Ok(Self { name: name.parse()?, team })
    }
}

impl fmt::Display for Person {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.team {
            Some(team) => write!(f, "{} ({team})", self.name),
            None => write!(f, "{}", self.name),
        }
    }
}

macro_rules! text_of {
    ($($name:ty),*) => {$(
        impl TryFrom<String> for $name {
            type Error = String;
            fn try_from(text: String) -> Result<Self, String> {
                text.parse()
            }
        }
        impl From<$name> for String {
            fn from(value: $name) -> Self {
                value.0
            }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    )*};
}
text_of!(CaseId, VulnerabilityId);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_a_safe_directory_name() {
        for good in ["a", "redis-2026-01", "0x.y_z", &"a".repeat(64)] {
            assert!(good.parse::<CaseId>().is_ok(), "{good}");
        }
        for bad in ["", ".", "..", ".hidden", "a/b", "a..b", "A", "-x", "a b", "é", "a\0", &"a".repeat(65)] {
            assert!(bad.parse::<CaseId>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn vulnerabilities_have_the_ids_of_their_registries() {
        for good in ["CVE-2022-24834", "CVE-2026-1234567890123456789", "GHSA-p8x2-9v9q-c838"] {
            assert!(good.parse::<VulnerabilityId>().is_ok(), "{good}");
        }
        let bad = [
            "",
            "CVE-2022-123",
            "CVE-22-12345",
            "cve-2022-12345",
            "CVE-2022-12345 ",
            "CVE-2022-12a45",
            "CVE-2026-12345678901234567890",
            "GHSA-p8x2-9v9q",
            "GHSA-p8x2-9v9q-c83a",
            "GHSA-p8x2-9v9q-c838-c838",
        ];
        for bad in bad {
            assert!(bad.parse::<VulnerabilityId>().is_err(), "{bad}");
        }
    }
}
