//! How long rules are and how deep their brackets stand in one another, before a parser that recurses sees them.
//!
//! Strings and `//` comments are Cedar's. A text that is no Cedar is measured as if it were: the figures only have to
//! be no smaller than what the parser would find.

/// What is beyond its bound, and where.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Beyond {
    /// Brackets first stand too deep at this byte.
    Depth(usize),
    /// A rule that begins at this byte is too long; comments do not count.
    Length(usize),
}

/// Measures a text.
pub(crate) fn check(text: &str, depth_max: usize, rule_bytes_max: usize) -> Result<(), Beyond> {
    let mut depth = 0usize;
    let mut rule: Option<(usize, usize)> = None;
    let mut rest = text.as_bytes();
    while let [byte, ..] = *rest {
        let at = text.len() - rest.len();
        let len = match byte {
            b'/' if rest.starts_with(b"//") => {
                rest = after(rest, comment_len(rest));
                continue;
            }
            b'"' => string_len(rest),
            _ => 1,
        };
        match byte {
            b'(' | b'[' | b'{' => depth += 1,
            b')' | b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > depth_max {
            return Err(Beyond::Depth(at));
        }
        rule = match rule {
            _ if byte == b';' => None,
            None if byte.is_ascii_whitespace() => None,
            None => Some((at, len)),
            Some((start, bytes)) => Some((start, bytes + len)),
        };
        if let Some((start, bytes)) = rule
            && bytes > rule_bytes_max
        {
            return Err(Beyond::Length(start));
        }
        rest = after(rest, len);
    }
    Ok(())
}

fn after(bytes: &[u8], len: usize) -> &[u8] {
    bytes.get(len..).unwrap_or_default()
}

/// To the end of the line.
fn comment_len(bytes: &[u8]) -> usize {
    bytes.iter().position(|byte| matches!(byte, b'\n' | b'\r')).unwrap_or(bytes.len())
}

/// To behind the closing quote.
fn string_len(bytes: &[u8]) -> usize {
    let mut is_escaped = false;
    for (at, byte) in bytes.iter().enumerate().skip(1) {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' => is_escaped = true,
            b'"' => return at + 1,
            _ => {}
        }
    }
    bytes.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn brackets_count_where_they_are_brackets() {
        let deep = |text, limit| check(text, limit, 1_000);
        assert_eq!(deep("((a))", 2), Ok(()));
        assert_eq!(deep("([{a}])", 2), Err(Beyond::Depth(2)));
        assert_eq!(deep("(\"((((\\\"((((\" // ((((\n())", 2), Ok(()));
        assert_eq!(deep("(a)(b)(c)", 1), Ok(()));
        assert_eq!(deep("))))((", 1), Err(Beyond::Depth(5)));
    }

    #[test]
    fn rules_end_at_a_semicolon_that_is_one() {
        let long = |text, limit| check(text, 9, limit);
        assert_eq!(long("abc; abc;\nabc", 3), Ok(()));
        assert_eq!(long("abc; abcd;", 3), Err(Beyond::Length(5)));
        assert_eq!(long("// a long comment; and more\nab;", 2), Ok(()));
        assert_eq!(long("a\";;;;\"b;", 4), Err(Beyond::Length(0)));
        assert_eq!(long("\"never closed", 4), Err(Beyond::Length(0)));
        assert_eq!(long("é;é", 2), Ok(()));
    }
}
