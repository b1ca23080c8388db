//! A point in time as a value: seconds since 1970, shown and read as RFC 3339.

use std::fmt;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A second between 1970 and 9999, which Cedar's `datetime` can hold as well.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Moment(i64);

/// So much of a text that is no moment is told.
const TEXT_CHARS_MAX: usize = 40;
/// 9999-12-30T22:00:00Z, the last second that has a date in every time zone.
const LATEST: i64 = 253_402_207_200;

impl Moment {
    /// The moment so many seconds after 1970 began, if it is in range.
    pub fn from_unix(seconds: i64) -> Option<Self> {
        (0..=LATEST).contains(&seconds).then_some(Self(seconds))
    }

    /// That many seconds after 1970, or the nearest moment that there is.
    pub fn nearest(seconds: i64) -> Self {
        Self(seconds.clamp(0, LATEST))
    }

    /// Seconds since 1970.
    pub fn unix(self) -> i64 {
        self.0
    }

    /// The moment so many seconds later, or the last one there is.
    #[must_use]
    pub fn plus(self, seconds: i64) -> Self {
        Self(self.0.saturating_add(seconds).clamp(0, LATEST))
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_second(self.0) {
            Ok(timestamp) => timestamp.fmt(f),
            Err(_) => self.0.fmt(f),
        }
    }
}

impl Serialize for Moment {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// A moment as it may be written in TOML.
#[derive(Deserialize)]
#[serde(untagged, expecting = "a point in time, as in 2026-03-01T12:00:00Z")]
enum Written {
    Date(toml::value::Datetime),
    Text(String),
}

/// From a date and time of TOML, or its text.
impl<'de> Deserialize<'de> for Moment {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let written = match Written::deserialize(deserializer)? {
            Written::Date(date) => date.to_string(),
            Written::Text(text) => text.chars().take(TEXT_CHARS_MAX).collect(),
        };
        let timestamp: jiff::Timestamp = written.parse().map_err(|_| {
            D::Error::custom(format!(
                "`{written}` is no point in time: write date, time and offset, as in 2026-03-01T12:00:00Z"
            ))
        })?;
        let out_of_range = || D::Error::custom(format!("`{written}` is not between 1970 and 9999"));
        Self::from_unix(timestamp.as_second()).ok_or_else(out_of_range)
    }
}

/// Seconds of a duration as Cedar writes it, such as `72h` or `1d12h`; at most 100 years.
pub(crate) fn duration_s(text: &str) -> Option<i64> {
    const DURATION_S_MAX: i64 = 100 * 365 * 86_400;
    let mut units = [('d', 86_400), ('h', 3_600), ('m', 60), ('s', 1)].into_iter();
    let mut rest = text;
    let mut total = 0i64;
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let (number, after) = rest.split_at(digits);
        let unit = after.chars().next()?;
        let (_, seconds) = units.find(|(letter, _)| *letter == unit)?;
        total = number.parse::<i64>().ok()?.checked_mul(seconds)?.checked_add(total)?;
        rest = after.get(unit.len_utf8()..)?;
    }
    (1..=DURATION_S_MAX).contains(&total).then_some(total)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_as_cedar_writes_them() {
        let rows =
            [("72h", Some(259_200)), ("1d12h", Some(129_600)), ("90m", Some(5_400)), ("3d", Some(259_200))];
        for (text, seconds) in rows {
            assert_eq!(duration_s(text), seconds, "{text}");
        }
        for text in ["", "h", "72", "12h1d", "1h1h", "-1h", "0h", "1w", "99999999999999999999h", "5é"] {
            assert_eq!(duration_s(text), None, "{text}");
        }
    }

    #[test]
    fn moments_stay_in_range() {
        assert_eq!(Moment::from_unix(-1), None);
        assert_eq!(Moment::from_unix(LATEST + 1), None);
        let last = Moment::from_unix(LATEST).unwrap();
        assert_eq!((last.plus(1), last.to_string().as_str()), (last, "9999-12-30T22:00:00Z"));
    }
}
