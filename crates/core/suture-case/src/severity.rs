//! How severe: scores computed from CVSS vectors of version 3.1 and 4.0, never typed.
//!
//! <https://www.first.org/cvss/v3.1/specification-document> and <https://www.first.org/cvss/v4.0/specification-document>,
//! as the crate `cvss` has them. The score of a v3.1 vector is its environmental score if it states an environmental
//! metric, else its base score; temporal metrics alone change nothing, since KEV and EPSS know more of exploitation.
//! The score of a v4.0 vector is the one of all metrics that it states.
//!
//! Severity sets no deadline: no decision table asks for it.

use std::fmt;
use std::str::FromStr;

use cvss::{Cvss, v3, v4};
use serde::{Deserialize, Serialize};

/// Longest vector that is read, in bytes: all metrics of v4.0 take less than 200.
pub const VECTOR_BYTES_MAX: usize = 256;

/// A CVSS v3.1 vector, as it was written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct VectorV3 {
    text: String,
    vector: v3::Vector,
}

/// A CVSS v4.0 vector, as it was written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct VectorV4 {
    text: String,
    vector: v4::Vector,
}

/// The rating of a score: v3.1 section 5, v4.0 section 6.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Rating {
    /// 0.0
    None,
    /// 0.1 to 3.9
    Low,
    /// 4.0 to 6.9
    Medium,
    /// 7.0 to 8.9
    High,
    /// 9.0 to 10.0
    Critical,
}

/// A score and what it is the score of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Scored {
    /// The vector.
    pub vector: String,
    /// Ten times the score: scores have one decimal, and are compared.
    pub score_tenths: u16,
    /// Its rating.
    pub rating: Rating,
}

/// The severity of a case.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Severity {
    /// By CVSS v3.1.
    pub v3: Option<Scored>,
    /// By CVSS v4.0.
    pub v4: Option<Scored>,
    /// The higher of the two; nothing if there is no vector.
    pub rating: Option<Rating>,
}

impl Severity {
    /// The severity by the vectors that there are.
    pub fn of(v3: Option<&VectorV3>, v4: Option<&VectorV4>) -> Self {
        let v3 = v3.map(VectorV3::scored);
        let v4 = v4.map(VectorV4::scored);
        let rating = v3.iter().chain(&v4).map(|scored| scored.rating).max();
        Self { v3, v4, rating }
    }
}

impl VectorV3 {
    /// Its score.
    pub fn scored(&self) -> Scored {
        let vector = &self.vector;
        let states_environment = vector.cr.is_some()
            || vector.ir.is_some()
            || vector.ar.is_some()
            || vector.mav.is_some()
            || vector.mac.is_some()
            || vector.mpr.is_some()
            || vector.mui.is_some()
            || vector.ms.is_some()
            || vector.mc.is_some()
            || vector.mi.is_some()
            || vector.ma.is_some();
        let score = if states_environment { vector.environmental_score() } else { vector.base_score() };
        scored(&self.text, score.value())
    }
}

impl VectorV4 {
    /// Its score.
    pub fn scored(&self) -> Scored {
        scored(&self.text, self.vector.score().value())
    }
}

impl Scored {
    /// The score as it is written.
    pub fn score(&self) -> String {
        format!("{}.{}", self.score_tenths / 10, self.score_tenths % 10)
    }
}

impl Rating {
    /// The word for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }
}

fn scored(vector: &str, score: f64) -> Scored {
    let score_tenths = (score * 10.0).round().clamp(0.0, 100.0) as u16;
    let rating = match score_tenths {
        0 => Rating::None,
        1..=39 => Rating::Low,
        40..=69 => Rating::Medium,
        70..=89 => Rating::High,
        _ => Rating::Critical,
    };
    Scored { vector: vector.to_owned(), score_tenths, rating }
}

fn parsed(text: &str, version: &str, example: &str) -> Result<Cvss, String> {
    if text.len() > VECTOR_BYTES_MAX {
        return Err(format!("a vector of {} bytes where at most {VECTOR_BYTES_MAX} may be", text.len()));
    }
    let cure = format!("write a CVSS v{version} vector, such as {example}");
    if !text.starts_with(&format!("CVSS:{version}/")) {
        return Err(format!("{text:?} is no CVSS v{version} vector; {cure}"));
    }
    text.parse().map_err(|error| format!("{text:?} is no CVSS v{version} vector: {error}; {cure}"))
}

impl FromStr for VectorV3 {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match parsed(text, "3.1", "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H")? {
            Cvss::CvssV31(vector) if has_base(&vector) => Ok(Self { text: text.to_owned(), vector }),
            _ => Err(format!("{text:?} lacks a base metric; all of AV, AC, PR, UI, S, C, I, A are needed")),
        }
    }
}

impl FromStr for VectorV4 {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match parsed(text, "4.0", "CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N")? {
            Cvss::CvssV40(vector) => Ok(Self { text: text.to_owned(), vector }),
            _ => Err(format!("{text:?} is no CVSS v4.0 vector")),
        }
    }
}

/// The eight metrics without which there is no score (v3.1 section 6); the reader does not ask for them.
fn has_base(vector: &v3::Vector) -> bool {
    vector.av.is_some()
        && vector.ac.is_some()
        && vector.pr.is_some()
        && vector.ui.is_some()
        && vector.s.is_some()
        && vector.c.is_some()
        && vector.i.is_some()
        && vector.a.is_some()
}

macro_rules! text_of {
    ($($name:ident),*) => {$(
        impl TryFrom<String> for $name {
            type Error = String;
            fn try_from(text: String) -> Result<Self, String> {
                text.parse()
            }
        }
        impl From<$name> for String {
            fn from(value: $name) -> Self {
                value.text
            }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.text)
            }
        }
    )*};
}
text_of!(VectorV3, VectorV4);
