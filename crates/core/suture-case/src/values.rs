//! Small values with limits: a line, a text, a list, a moment, a date, a fraction, a digest.
//!
//! Each checks itself while it is read, so that a mistake is told with its place in the file.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Deserializer, Serialize, de};

/// Longest line of text, in bytes.
pub const LINE_BYTES_MAX: usize = 256;
/// Longest text of several lines, in bytes.
pub const PROSE_BYTES_MAX: usize = 16 << 10;

/// One line that says something: not empty, no control characters, nothing that reorders text on a screen.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Line(String);

/// A text that says something, of one line or several.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Prose(String);

/// A point in time, written as RFC 3339 writes it, in UTC and to the second.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Moment(Timestamp);

/// A calendar date in UTC, such as `2026-10-30`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Day(Date);

/// A number from 0 to 1 as the text that it was read as, so that nothing is lost in rounding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Fraction(String);

/// A SHA-256 digest in lower-case hexadecimal.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Digest(String);

/// At most `MAX` items.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct List<T, const MAX: usize>(Vec<T>);

impl Moment {
    /// The moment that many seconds after 1970 began.
    ///
    /// # Errors
    /// If it is farther away than calendars go.
    pub fn from_unix_s(seconds: i64) -> Result<Self, String> {
        Timestamp::from_second(seconds).map(Self).map_err(|error| error.to_string())
    }

    /// Seconds since 1970 began.
    pub fn unix_s(self) -> i64 {
        self.0.as_second()
    }

    /// The day in UTC.
    pub fn day(self) -> Day {
        Day(self.0.to_zoned(jiff::tz::TimeZone::UTC).date())
    }
}

impl Day {
    /// The day `days` later; the last day of the calendar if there is none.
    #[must_use]
    pub fn plus_days(self, days: u16) -> Self {
        Self(self.0.saturating_add(jiff::Span::new().days(i64::from(days))))
    }

    /// Seconds since 1970 at which the day is over, in UTC.
    pub fn end_unix_s(self) -> i64 {
        let next = self.0.saturating_add(jiff::Span::new().days(1));
        next.to_zoned(jiff::tz::TimeZone::UTC).map_or(i64::MAX, |begin| begin.timestamp().as_second())
    }
}

impl Line {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// `text` made to fit: what may not stand in a line left out, and cut where it is too long.
    pub fn fitting(text: &str) -> Self {
        let mut line: String = text.chars().filter(|c| !is_unprintable(*c)).collect();
        let mut end = line.len().min(LINE_BYTES_MAX);
        while !line.is_char_boundary(end) {
            end -= 1;
        }
        line.truncate(end);
        let line = line.trim();
        Self(if line.is_empty() { "?".to_owned() } else { line.to_owned() })
    }
}

impl Prose {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Fraction {
    /// The number.
    pub fn value(&self) -> f64 {
        self.0.parse().unwrap_or_default()
    }
}

impl Digest {
    /// The digest of `bytes`.
    pub fn of(bytes: &[u8]) -> Self {
        use sha2::Digest as _;
        let digest = sha2::Sha256::digest(bytes);
        Self(digest.iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}")))
    }

    /// What stands where there is nothing to digest: zeros.
    pub fn none() -> Self {
        Self("0".repeat(64))
    }

    /// As text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl<T, const MAX: usize> List<T, MAX> {
    /// The items, if they are not too many.
    ///
    /// # Errors
    /// If there are more than `MAX`.
    pub fn new(items: Vec<T>) -> Result<Self, String> {
        if items.len() > MAX {
            return Err(format!("{} items where at most {MAX} may be", items.len()));
        }
        Ok(Self(items))
    }

    /// The first `MAX` of `items`.
    pub fn first_of(items: impl IntoIterator<Item = T>) -> Self {
        Self(items.into_iter().take(MAX).collect())
    }
}

impl<T, const MAX: usize> Default for List<T, MAX> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T, const MAX: usize> std::ops::Deref for List<T, MAX> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        &self.0
    }
}

impl<'de, T: Deserialize<'de>, const MAX: usize> Deserialize<'de> for List<T, MAX> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::new(Vec::deserialize(deserializer)?).map_err(de::Error::custom)
    }
}

/// Control characters, and the characters of Unicode that change the direction of text or have no width.
pub(crate) fn is_unprintable(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

fn checked(text: &str, limit: usize, is_allowed: impl Fn(char) -> bool) -> Result<(), String> {
    if text.len() > limit {
        return Err(format!("a text of {} bytes where at most {limit} may be", text.len()));
    }
    if text.trim().is_empty() {
        return Err("an empty text; say something, or leave the key out".to_owned());
    }
    match text.chars().find(|c| is_unprintable(*c) && !is_allowed(*c)) {
        Some(c) => Err(format!("the text has the character {c:?}, which can't be shown; leave it out")),
        None => Ok(()),
    }
}

impl FromStr for Line {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        checked(text, LINE_BYTES_MAX, |_| false)?;
        Ok(Self(text.trim().to_owned()))
    }
}

impl FromStr for Prose {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        checked(text, PROSE_BYTES_MAX, |c| matches!(c, '\n' | '\t'))?;
        Ok(Self(text.trim().to_owned()))
    }
}

impl FromStr for Moment {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let time: Timestamp = text.parse().map_err(|_| {
            let shown: String = text.chars().take(40).collect();
            format!("{shown:?} is no time; write it as 2026-10-30T17:00:00Z")
        })?;
        Self::from_unix_s(time.as_second())
    }
}

impl FromStr for Day {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let is_plain = text.len() == 10 && text.bytes().all(|b| b.is_ascii_digit() || b == b'-');
        let day = is_plain.then(|| text.parse().ok()).flatten();
        day.map(Self).ok_or_else(|| {
            let shown: String = text.chars().take(40).collect();
            format!("{shown:?} is no date; write it as 2026-10-30")
        })
    }
}

impl FromStr for Fraction {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        const CHARS_MAX: usize = 24;
        let is_number = text.len() <= CHARS_MAX
            && text.starts_with(|c: char| c.is_ascii_digit())
            && text.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'e' | b'E' | b'-'));
        let value = is_number.then(|| text.parse::<f64>().ok()).flatten();
        match value {
            Some(value) if (0.0..=1.0).contains(&value) => Ok(Self(text.to_owned())),
            _ => {
                let shown: String = text.chars().take(CHARS_MAX).collect();
                Err(format!("{shown:?} is no number from 0 to 1"))
            }
        }
    }
}

impl FromStr for Digest {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let is_hex = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
        if text.len() == 64 && text.bytes().all(is_hex) {
            return Ok(Self(text.to_owned()));
        }
        Err("not a SHA-256 digest in 64 lower-case hexadecimal digits".to_owned())
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
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
                value.to_string()
            }
        }
    )*};
}
text_of!(Line, Prose, Moment, Day, Fraction, Digest);

macro_rules! shown_as_it_is {
    ($($name:ident),*) => {$(
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    )*};
}
shown_as_it_is!(Line, Prose, Fraction, Digest);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_shows_what_it_says() {
        assert_eq!("  a b ".parse::<Line>().unwrap().as_str(), "a b");
        for bad in ["", " ", "a\nb", "a\u{202e}b", "\u{1b}[2J", &"x".repeat(257)] {
            assert!(bad.parse::<Line>().is_err(), "{bad:?}");
        }
        assert!("two\nlines".parse::<Prose>().is_ok());
        assert_eq!(Line::fitting("a\u{1b}[b\n").as_str(), "a[b");
        assert_eq!(Line::fitting(&"é".repeat(300)).as_str().len(), 256);
        assert_eq!(Line::fitting("\n").as_str(), "?");
    }

    #[test]
    fn days_are_counted_on_the_calendar() {
        let day: Day = "2024-02-28".parse().unwrap();
        assert_eq!(day.plus_days(3).to_string(), "2024-03-02");
        assert_eq!(day.end_unix_s(), 1_709_164_800);
        let moment: Moment = "2024-02-28T23:30:00-01:00".parse().unwrap();
        assert_eq!((moment.to_string().as_str(), moment.day()), ("2024-02-29T00:30:00Z", day.plus_days(1)));
        for bad in ["2024-02-30", "20240228", "+002024-02-28", "2024-02-28T00:00:00Z", ""] {
            assert!(bad.parse::<Day>().is_err(), "{bad}");
        }
        assert_eq!("9999-12-31".parse::<Day>().unwrap().plus_days(3).to_string(), "9999-12-31");
    }

    #[test]
    fn a_fraction_is_a_probability() {
        for good in ["0", "1", "0.00043", "1.0", "9.4e-05"] {
            assert!(good.parse::<Fraction>().is_ok(), "{good}");
        }
        for bad in ["", "-0.1", "1.1", "nan", "inf", ".5", "0x1", "1e9", "0.1.2"] {
            assert!(bad.parse::<Fraction>().is_err(), "{bad}");
        }
    }
}
