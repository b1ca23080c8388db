//! The questions that decision tables ask, and the answers that a case gives.
//!
//! Answers stand in the order of the standards, from the harmless to the grave. Whether a hole is listed in KEV is
//! no answer of a person: it is looked up (`kev`).

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A question, with the name that tables and command lines use for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Input {
    /// Is it in CISA's catalogue of known exploited vulnerabilities?
    InKev,
    /// Can strangers reach the system over public networks?
    Exposed,
    /// Can exploitation be automated?
    Automatable,
    /// What does the attacker get?
    TechnicalImpact,
    /// Is it exploited?
    Exploitation,
    /// What would it do to the mission and to people?
    MissionWellbeing,
    /// How can the system be reached?
    SystemExposure,
    /// What would it do to people, by safety and mission?
    HumanImpact,
}

impl Input {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::InKev,
        Self::Exposed,
        Self::Automatable,
        Self::TechnicalImpact,
        Self::Exploitation,
        Self::MissionWellbeing,
        Self::SystemExposure,
        Self::HumanImpact,
    ];

    /// The name in tables and on command lines.
    pub fn name(self) -> &'static str {
        match self {
            Self::InKev => "in-kev",
            Self::Exposed => "exposed",
            Self::Automatable => "automatable",
            Self::TechnicalImpact => "technical-impact",
            Self::Exploitation => "exploitation",
            Self::MissionWellbeing => "mission-wellbeing",
            Self::SystemExposure => "system-exposure",
            Self::HumanImpact => "human-impact",
        }
    }

    /// What a person is asked.
    pub fn question(self) -> &'static str {
        match self {
            Self::InKev => "Is it in the KEV catalogue? (answered by --kev FILE)",
            Self::Exposed => "Can strangers reach the affected systems over public networks?",
            Self::Automatable => "Can an attacker automate every step up to exploitation?",
            Self::TechnicalImpact => "Does an exploit give partial or total control of the software?",
            Self::Exploitation => "Is it exploited: not at all, by a public proof of concept, or actively?",
            Self::MissionWellbeing => "How bad for mission and public well-being (SSVC) would it be?",
            Self::SystemExposure => {
                "How can the affected systems be reached: small, controlled or open access?"
            }
            Self::HumanImpact => "How bad for safety and mission together (SSVC human impact) would it be?",
        }
    }

    /// The answers that it may have, from the harmless to the grave.
    pub fn answers(self) -> &'static [&'static str] {
        match self {
            Self::InKev | Self::Exposed | Self::Automatable => YesNo::NAMES,
            Self::TechnicalImpact => TechnicalImpact::NAMES,
            Self::Exploitation => Exploitation::NAMES,
            Self::MissionWellbeing => MissionWellbeing::NAMES,
            Self::SystemExposure => SystemExposure::NAMES,
            Self::HumanImpact => HumanImpact::NAMES,
        }
    }
}

macro_rules! answers {
    ($(#[$docs:meta])* $name:ident { $($(#[$value_docs:meta])* $value:ident = $text:literal),* $(,)? }) => {
        $(#[$docs])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String")]
        pub enum $name { $($(#[$value_docs])* #[serde(rename = $text)] $value),* }

        impl $name {
            /// The words for the answers, from the harmless to the grave.
            pub const NAMES: &'static [&'static str] = &[$($text),*];

            /// The word for the answer.
            pub fn name(self) -> &'static str {
                match self { $(Self::$value => $text),* }
            }
        }

        impl FromStr for $name {
            type Err = String;

            fn from_str(text: &str) -> Result<Self, String> {
                match text {
                    $($text => Ok(Self::$value),)*
                    _ => Err(format!("{text:?} is none of {}", Self::NAMES.join(", "))),
                }
            }
        }

        impl TryFrom<String> for $name {
            type Error = String;

            fn try_from(text: String) -> Result<Self, String> {
                text.parse()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.name())
            }
        }
    };
}

answers!(
    /// Yes or no.
    YesNo {
        /// No.
        No = "no",
        /// Yes.
        Yes = "yes",
    }
);
answers!(
    /// SSVC Technical Impact 1.0.0.
    TechnicalImpact {
        /// Limited control, or a small chance of total control.
        Partial = "partial",
        /// Total control, or all information of the system.
        Total = "total",
    }
);
answers!(
    /// SSVC Exploitation 1.1.0.
    Exploitation {
        /// No evidence, no public proof of concept.
        None = "none",
        /// A public proof of concept, or a well-known method.
        PublicPoc = "public-poc",
        /// Used by real attackers.
        Active = "active",
    }
);
answers!(
    /// SSVC Mission and Well-Being Impact 1.0.0.
    MissionWellbeing {
        /// Minimal for both.
        Low = "low",
        /// The software supports the mission.
        Medium = "medium",
        /// Essential for the mission, or irreversible harm.
        High = "high",
    }
);
answers!(
    /// SSVC System Exposure 1.0.1.
    SystemExposure {
        /// Local, or a highly controlled network.
        Small = "small",
        /// A network with restrictions that hold.
        Controlled = "controlled",
        /// The Internet, or a network like it.
        Open = "open",
    }
);
answers!(
    /// SSVC Human Impact 2.0.2.
    HumanImpact {
        /// Safety at most marginal, mission degraded.
        Low = "low",
        /// One of both worse.
        Medium = "medium",
        /// Safety critical and the mission hit.
        High = "high",
        /// Catastrophic, or the mission fails.
        VeryHigh = "very-high",
    }
);

/// The answers of a case; those that nobody has given yet are missing.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "snake_case")]
pub struct Inputs {
    /// [`Input::Exposed`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exposed: Option<YesNo>,
    /// [`Input::Automatable`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub automatable: Option<YesNo>,
    /// [`Input::TechnicalImpact`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub technical_impact: Option<TechnicalImpact>,
    /// [`Input::Exploitation`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exploitation: Option<Exploitation>,
    /// [`Input::MissionWellbeing`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mission_wellbeing: Option<MissionWellbeing>,
    /// [`Input::SystemExposure`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub system_exposure: Option<SystemExposure>,
    /// [`Input::HumanImpact`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub human_impact: Option<HumanImpact>,
}

impl Inputs {
    /// Whether nobody has answered anything.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// The word for the answer to `input`.
    pub fn get(&self, input: Input) -> Option<&'static str> {
        match input {
            Input::InKev => None,
            Input::Exposed => self.exposed.map(YesNo::name),
            Input::Automatable => self.automatable.map(YesNo::name),
            Input::TechnicalImpact => self.technical_impact.map(TechnicalImpact::name),
            Input::Exploitation => self.exploitation.map(Exploitation::name),
            Input::MissionWellbeing => self.mission_wellbeing.map(MissionWellbeing::name),
            Input::SystemExposure => self.system_exposure.map(SystemExposure::name),
            Input::HumanImpact => self.human_impact.map(HumanImpact::name),
        }
    }

    /// Takes down the answer to `input`.
    ///
    /// # Errors
    /// If it is no answer to that question.
    pub fn set(&mut self, input: Input, answer: &str) -> Result<(), String> {
        match input {
            Input::InKev => return Err("whether it is in KEV is looked up, not answered".to_owned()),
            Input::Exposed => self.exposed = Some(answer.parse()?),
            Input::Automatable => self.automatable = Some(answer.parse()?),
            Input::TechnicalImpact => self.technical_impact = Some(answer.parse()?),
            Input::Exploitation => self.exploitation = Some(answer.parse()?),
            Input::MissionWellbeing => self.mission_wellbeing = Some(answer.parse()?),
            Input::SystemExposure => self.system_exposure = Some(answer.parse()?),
            Input::HumanImpact => self.human_impact = Some(answer.parse()?),
        }
        Ok(())
    }
}

impl fmt::Display for Input {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
