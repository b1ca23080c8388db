//! When something was done: UTC in milliseconds, with one spelling, and never before what is in the log already.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use thiserror::Error;

/// How far a clock may have been set back, in milliseconds, before entries are refused. A clock that is kept in step is
/// moved by less than this, and several writers of one log differ by less.
pub const CLOCK_STEP_MS_MAX: i64 = 5_000;

/// 0000-01-01T00:00:00Z. The other end of what RFC 3339 can write is the end of [`Timestamp`] too.
const FIRST_MS: i64 = -62_167_219_200_000;

/// A time of the log, such as `2026-03-01T12:00:00.250Z`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Time(Timestamp);

/// Why a time can't be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum TimeError {
    /// Outside the years 0 to 9999.
    #[error("{0} milliseconds since 1970 are not in the years 0 to 9999")]
    Range(i64),
    /// The clock stands before the last entry.
    #[error("the clock says {now}, but the last entry of the log is of {last}")]
    BackDated {
        /// What the clock says.
        now: Time,
        /// When the last entry was made.
        last: Time,
    },
}

impl Time {
    /// This many milliseconds after 1970, UTC.
    ///
    /// # Errors
    /// It is not in the years 0 to 9999, which RFC 3339 can write.
    pub fn from_unix_ms(unix_ms: i64) -> Result<Self, TimeError> {
        let range = TimeError::Range(unix_ms);
        let time = Timestamp::from_millisecond(unix_ms).map_err(|_| range)?;
        if unix_ms < FIRST_MS { Err(range) } else { Ok(Self(time)) }
    }

    /// Milliseconds since 1970.
    pub fn unix_ms(self) -> i64 {
        self.0.as_millisecond()
    }

    /// The time of an entry that is made at `self` behind one of `last`: the clock's, or the last entry's if the clock
    /// has been set back a little.
    ///
    /// # Errors
    /// It has been set back by more than [`CLOCK_STEP_MS_MAX`].
    pub fn after(self, last: Option<Self>) -> Result<Self, TimeError> {
        match last {
            Some(last) if last.unix_ms() - self.unix_ms() > CLOCK_STEP_MS_MAX => {
                Err(TimeError::BackDated { now: self, last })
            }
            Some(last) => Ok(self.max(last)),
            None => Ok(self),
        }
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.3}", self.0)
    }
}

impl FromStr for Time {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const WRONG: &str = "a time is written as 2026-03-01T12:00:00.250Z: UTC, with milliseconds";
        let time: Timestamp = text.parse().map_err(|_| WRONG)?;
        let time = Self::from_unix_ms(time.as_millisecond()).map_err(|_| WRONG)?;
        if time.to_string() == text { Ok(time) } else { Err(WRONG) }
    }
}

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl de::Visitor<'_> for Text {
            type Value = Time;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a time such as 2026-03-01T12:00:00.250Z")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Time, E> {
                text.parse().map_err(E::custom)
            }
        }
        deserializer.deserialize_str(Text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(unix_ms: i64) -> Time {
        Time::from_unix_ms(unix_ms).unwrap()
    }

    #[test]
    fn a_time_has_one_spelling() {
        for (unix_ms, text) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (1_772_366_400_250, "2026-03-01T12:00:00.250Z"),
            (-1, "1969-12-31T23:59:59.999Z"),
            (-62_167_219_200_000, "0000-01-01T00:00:00.000Z"),
        ] {
            assert_eq!(ms(unix_ms).to_string(), text);
            assert_eq!(text.parse(), Ok(ms(unix_ms)));
        }
        let others = ["2026-03-01T12:00:00Z", "2026-03-01T12:00:00.25Z", "2026-03-01T12:00:00.250+00:00"];
        for text in
            others.into_iter().chain(["2026-03-01 12:00:00.250Z", "2026-03-01T12:00:00.2500Z", "now", ""])
        {
            assert!(text.parse::<Time>().is_err(), "{text}");
        }
        assert!(Time::from_unix_ms(i64::MAX).is_err() && Time::from_unix_ms(-62_167_219_200_001).is_err());
    }

    #[test]
    fn the_log_does_not_go_back() {
        assert_eq!(ms(7).after(None), Ok(ms(7)));
        assert_eq!(ms(7).after(Some(ms(6))), Ok(ms(7)));
        assert_eq!(ms(7).after(Some(ms(7 + CLOCK_STEP_MS_MAX))), Ok(ms(7 + CLOCK_STEP_MS_MAX)));
        let last = ms(8 + CLOCK_STEP_MS_MAX);
        assert_eq!(ms(7).after(Some(last)), Err(TimeError::BackDated { now: ms(7), last }));
    }
}
