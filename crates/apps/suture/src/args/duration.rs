//! Times on the command line: `0`, `500ms`, `10s`, `1m30s`, `2h`.

use std::time::Duration;

const UNITS_MS: [(&str, u64); 4] = [("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000)];
const LONGEST_MS: u64 = 24 * 3_600_000;

/// Parses a time. A bare number other than 0 is refused: it does not say of what.
pub(super) fn parse(text: &str) -> Result<Duration, String> {
    if text == "0" {
        return Ok(Duration::ZERO);
    }
    let wrong = || format!("`{text}` is no time; write for example 500ms, 10s, 1m30s, or 0");
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
    match total_ms {
        _ if text.is_empty() => Err(wrong()),
        LONGEST_MS.. => Err(format!("`{text}` is longer than a day")),
        ms => Ok(Duration::from_millis(ms)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_people_write() {
        let rows =
            [("0", 0), ("0s", 0), ("500ms", 500), ("10s", 10_000), ("1m30s", 90_000), ("2h", 7_200_000)];
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
            "1d",
            "1.5s",
            "24h",
            "99999999999999999999s",
            "9999999999999999h",
            "٣s",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
