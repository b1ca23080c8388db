//! Times on the command line: `0`, `500ms`, `10s`, `1m30s`, `48h`, `3d`, `1d12h`. A day has 24 hours.

use std::time::Duration;

const DAY_MS: u64 = 24 * 3_600_000;
const UNITS_MS: [(&str, u64); 5] = [("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000), ("d", DAY_MS)];
/// Longest time that a command waits.
const PATIENCE_MAX: Duration = Duration::from_millis(DAY_MS);
/// Shortest time that may be declared.
const SPAN_MIN: Duration = Duration::from_secs(1);
/// Longest time that may be declared; what of it counts is for the policy to say.
const SPAN_MAX: Duration = Duration::from_millis(365 * DAY_MS);

/// How long a command waits: nothing, or up to a day.
pub(super) fn patience(text: &str) -> Result<Duration, String> {
    match parse(text)? {
        time if time > PATIENCE_MAX => Err(format!("`{text}` is longer than a day")),
        time => Ok(time),
    }
}

/// How long something lasts that is declared, with times in seconds: one at least, up to a year.
pub(super) fn span(text: &str) -> Result<Duration, String> {
    match parse(text)? {
        time if time > SPAN_MAX => Err(format!("`{text}` is longer than a year")),
        time if time < SPAN_MIN => Err(format!("`{text}` is shorter than a second")),
        time => Ok(time),
    }
}

/// A bare number other than 0 is refused: it does not say of what.
fn parse(text: &str) -> Result<Duration, String> {
    if text == "0" {
        return Ok(Duration::ZERO);
    }
    let wrong = || format!("`{text}` is no time; write for example 500ms, 10s, 1m30s, 48h, 1d12h, or 0");
    let mut rest = text;
    let mut total_ms = 0_u64;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit()).ok_or_else(wrong)?;
        let (number, tail) = rest.split_at(digits);
        let unit = tail.find(|c: char| c.is_ascii_digit()).unwrap_or(tail.len());
        let (unit, tail) = tail.split_at(unit);
        let (_, ms) = UNITS_MS.into_iter().find(|(name, _)| *name == unit).ok_or_else(wrong)?;
        let number: u64 = number.parse().map_err(|_| wrong())?;
        total_ms = number.checked_mul(ms).and_then(|ms| total_ms.checked_add(ms)).ok_or_else(wrong)?;
        rest = tail;
    }
    if text.is_empty() { Err(wrong()) } else { Ok(Duration::from_millis(total_ms)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_people_write() {
        let rows = [
            ("0", 0),
            ("0s", 0),
            ("500ms", 500),
            ("10s", 10_000),
            ("1m30s", 90_000),
            ("2h", 7_200_000),
            ("48h", 172_800_000),
            ("3d", 259_200_000),
            ("1d12h", 129_600_000),
        ];
        for (text, ms) in rows {
            assert_eq!(parse(text), Ok(Duration::from_millis(ms)), "{text}");
        }
    }

    #[test]
    fn refuses_what_has_no_meaning() {
        for text in [
            "",
            "10",
            "s",
            "10 s",
            "-1s",
            "d",
            "3days",
            "1.5s",
            "3d12",
            "99999999999999999999s",
            "9999999999999999h",
            "٣s",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_command_waits_a_day_at_most_and_nothing_is_declared_for_longer_than_a_year() {
        assert!(patience("0").is_ok() && patience("24h").is_ok() && patience("1d").is_ok());
        assert_eq!(patience("1d1ms"), Err("`1d1ms` is longer than a day".to_owned()));
        assert!(span("1s").is_ok() && span("48h").is_ok() && span("365d").is_ok());
        assert_eq!(span("365d1ms"), Err("`365d1ms` is longer than a year".to_owned()));
        assert_eq!(span("0h"), Err("`0h` is shorter than a second".to_owned()));
    }
}
