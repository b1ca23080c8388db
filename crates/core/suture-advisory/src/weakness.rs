//! Kinds of weaknesses: ids and names of the Common Weakness Enumeration.
//!
//! CSAF wants the official name with the id (6.1.11). A table has those of the kinds that occur in long-running programs;
//! an id that is not in it is said in words where a format needs the name.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

const TABLE: &str = include_str!("../data/weaknesses.tsv");

/// `CWE-` and a number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct WeaknessId(String);

impl WeaknessId {
    /// As text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The official name, if the table has it.
    pub fn name(&self) -> Option<&'static str> {
        table().find(|(id, _)| *id == self.0).map(|(_, name)| name)
    }
}

/// All ids and names of the table.
pub fn table() -> impl Iterator<Item = (&'static str, &'static str)> {
    TABLE.lines().filter_map(|line| line.split_once('\t'))
}

impl FromStr for WeaknessId {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        const DIGITS_MAX: usize = 5;
        let number = text.strip_prefix("CWE-").unwrap_or_default();
        let is_number = (1..=DIGITS_MAX).contains(&number.len())
            && number.bytes().all(|b| b.is_ascii_digit())
            && !number.starts_with('0');
        if is_number {
            return Ok(Self(text.to_owned()));
        }
        let shown: String = text.chars().take(30).collect();
        Err(format!("{shown:?} is no weakness; write it as CWE-122"))
    }
}

impl TryFrom<String> for WeaknessId {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<WeaknessId> for String {
    fn from(id: WeaknessId) -> Self {
        id.0
    }
}

impl fmt::Display for WeaknessId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
