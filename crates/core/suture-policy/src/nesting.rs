//! How deep the brackets of a text stand in one another, before a parser that recurses sees them.
//!
//! Strings and `//` comments are Cedar's. A text that is no Cedar is measured as if it were: the figure only has to
//! be no smaller than what the parser would find.

/// Where brackets first stand deeper than `limit`.
pub(crate) fn deeper_than(text: &str, limit: usize) -> Option<usize> {
    let mut depth = 0usize;
    let mut bytes = text.bytes().enumerate().peekable();
    while let Some((at, byte)) = bytes.next() {
        match byte {
            b'"' => skip_string(&mut bytes),
            b'/' if bytes.peek().is_some_and(|(_, next)| *next == b'/') => {
                while bytes.next_if(|(_, byte)| !matches!(byte, b'\n' | b'\r')).is_some() {}
            }
            b'(' | b'[' | b'{' => {
                depth += 1;
                if depth > limit {
                    return Some(at);
                }
            }
            b')' | b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    None
}

/// To behind the closing quote.
fn skip_string(bytes: &mut impl Iterator<Item = (usize, u8)>) {
    while let Some((_, byte)) = bytes.next() {
        match byte {
            b'"' => return,
            b'\\' => drop(bytes.next()),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::deeper_than;

    #[test]
    fn brackets_count_where_they_are_brackets() {
        assert_eq!(deeper_than("((a))", 2), None);
        assert_eq!(deeper_than("([{a}])", 2), Some(2));
        assert_eq!(deeper_than(r#"("((((\"((((" // ((((
            ())"#, 2), None);
        assert_eq!(deeper_than("(a)(b)(c)", 1), None);
        assert_eq!(deeper_than("))))((", 1), Some(5));
    }
}
