//! How long metadata is good for. Short for what is signed by machines, since that is how long a freeze attack can last;
//! long for what is signed by people.

use std::fmt;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::limits::LIFETIME_S_MAX;
use crate::{ChannelError, Role};

/// A time span in whole seconds, written as `90d`, `36h`, `15m` or `30s`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Lifetime(i64);

/// How long the metadata of each role is good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lifetimes {
    /// Of root.
    pub root: Lifetime,
    /// Of targets.
    pub targets: Lifetime,
    /// Of snapshot.
    pub snapshot: Lifetime,
    /// Of timestamp: the longest that a freeze goes unnoticed.
    pub timestamp: Lifetime,
    /// Of the patch team.
    pub patches: Lifetime,
}

const UNITS: [(char, i64); 4] = [('d', 86_400), ('h', 3600), ('m', 60), ('s', 1)];

/// So much of a text that is no time span is told.
const SHOWN_CHARS_MAX: usize = 40;

impl Lifetime {
    /// Reads `90d`, `36h`, `15m` or `30s`.
    ///
    /// # Errors
    /// It is no such text, nothing, or longer than ten years.
    pub fn parse(text: &str) -> Result<Self, String> {
        let shown: String = text.chars().take(SHOWN_CHARS_MAX).collect::<String>().escape_debug().collect();
        let wrong = || format!("`{shown}` is no time span; write for example 90d, 36h, 15m or 30s");
        let unit = text.chars().last().ok_or_else(wrong)?;
        let (_, seconds) = UNITS.into_iter().find(|(name, _)| *name == unit).ok_or_else(wrong)?;
        let digits = &text[..text.len() - 1];
        if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(wrong());
        }
        match digits.parse::<i64>().ok().and_then(|number| number.checked_mul(seconds)) {
            Some(1..=LIFETIME_S_MAX) => Ok(Self(digits.parse::<i64>().map_err(|_| wrong())? * seconds)),
            Some(0) => Err(format!("`{shown}` is no time at all")),
            _ => Err(format!("`{shown}` is longer than ten years")),
        }
    }

    /// Half of it.
    pub(crate) fn half(self) -> SignedDuration {
        SignedDuration::from_secs(self.0 / 2)
    }

    /// When something that was signed at `now` expires, in whole seconds.
    pub(crate) fn after(self, now: Timestamp) -> Result<Timestamp, ChannelError> {
        let end = Timestamp::from_second(now.as_second())
            .and_then(|now| now.checked_add(SignedDuration::from_secs(self.0)));
        end.map_err(|error| ChannelError::input("the time of expiry", error, "look at the clock"))
    }
}

impl fmt::Display for Lifetime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let whole = UNITS.into_iter().find(|(_, seconds)| self.0 % seconds == 0);
        let (name, seconds) = whole.unwrap_or(('s', 1));
        write!(f, "{}{name}", self.0 / seconds)
    }
}

impl TryFrom<String> for Lifetime {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        Self::parse(&text)
    }
}

impl From<Lifetime> for String {
    fn from(lifetime: Lifetime) -> Self {
        lifetime.to_string()
    }
}

impl Default for Lifetimes {
    fn default() -> Self {
        let days = |days: i64| Lifetime(days * 86_400);
        Self { root: days(365), targets: days(90), snapshot: days(7), timestamp: days(1), patches: days(30) }
    }
}

impl Lifetimes {
    /// Of one role.
    pub fn of(&self, role: Role) -> Lifetime {
        match role {
            Role::Root => self.root,
            Role::Targets => self.targets,
            Role::Snapshot => self.snapshot,
            Role::Timestamp => self.timestamp,
            Role::Patches => self.patches,
        }
    }

    /// Sets that of one role.
    pub fn set(&mut self, role: Role, lifetime: Lifetime) {
        *match role {
            Role::Root => &mut self.root,
            Role::Targets => &mut self.targets,
            Role::Snapshot => &mut self.snapshot,
            Role::Timestamp => &mut self.timestamp,
            Role::Patches => &mut self.patches,
        } = lifetime;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_people_write() {
        for (text, seconds, shown) in [
            ("90d", 7_776_000, "90d"),
            ("36h", 129_600, "36h"),
            ("48h", 172_800, "2d"),
            ("15m", 900, "15m"),
            ("1s", 1, "1s"),
        ] {
            let lifetime = Lifetime::parse(text).unwrap();
            assert_eq!((lifetime.0, lifetime.to_string().as_str()), (seconds, shown));
        }
        for text in [
            "",
            "d",
            "1",
            "-1d",
            "1.5d",
            "0d",
            "3651d",
            "99999999999999999999d",
            "9223372036854775807d",
            "1é",
        ] {
            assert!(Lifetime::parse(text).is_err(), "{text}");
        }
    }
}
