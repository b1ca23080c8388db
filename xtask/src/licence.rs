//! Licence expressions (SPDX 2.3, annex D): whether the licences that we accept satisfy one.

/// Whether `expression` can be fulfilled with licences of `allowed` alone; `None` if it is no expression.
///
/// An exception (`GPL-2.0 WITH Classpath-exception-2.0`) makes another licence of it, which has to be allowed as such. Older crates
/// write `/` for `OR`.
pub(crate) fn is_allowed(expression: &str, allowed: &[String]) -> Option<bool> {
    let spaced = expression.replace('/', " OR ").replace('(', " ( ").replace(')', " ) ");
    let mut words = spaced.split_whitespace().peekable();
    let value = any(&mut words, allowed)?;
    words.next().is_none().then_some(value)
}

type Words<'w> = std::iter::Peekable<std::str::SplitWhitespace<'w>>;

fn any(words: &mut Words<'_>, allowed: &[String]) -> Option<bool> {
    let mut value = all(words, allowed)?;
    while words.next_if_eq(&"OR").is_some() {
        value |= all(words, allowed)?;
    }
    Some(value)
}

fn all(words: &mut Words<'_>, allowed: &[String]) -> Option<bool> {
    let mut value = one(words, allowed)?;
    while words.next_if_eq(&"AND").is_some() {
        value &= one(words, allowed)?;
    }
    Some(value)
}

fn one(words: &mut Words<'_>, allowed: &[String]) -> Option<bool> {
    let word = words.next()?;
    if word == "(" {
        let value = any(words, allowed)?;
        return words.next_if_eq(&")").map(|_| value);
    }
    if matches!(word, "OR" | "AND" | "WITH" | ")") {
        return None;
    }
    let licence = match words.next_if_eq(&"WITH") {
        Some(_) => format!("{word} WITH {}", words.next()?),
        None => word.to_owned(),
    };
    Some(allowed.contains(&licence))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions_are_worked_out() {
        let allowed = ["MIT", "ISC", "Apache-2.0 WITH LLVM-exception"].map(str::to_owned);
        for (expression, value) in [
            ("MIT", Some(true)),
            ("GPL-3.0", Some(false)),
            ("GPL-3.0 OR MIT", Some(true)),
            ("GPL-3.0/MIT", Some(true)),
            ("GPL-3.0 AND MIT", Some(false)),
            ("MIT AND ISC", Some(true)),
            ("MIT OR GPL-3.0 AND ISC", Some(true)),
            ("(MIT OR GPL-3.0) AND GPL-3.0", Some(false)),
            ("(MIT OR GPL-3.0) AND ISC", Some(true)),
            ("Apache-2.0", Some(false)),
            ("Apache-2.0 WITH LLVM-exception", Some(true)),
            ("Apache-2.0 WITH LLVM-exception OR GPL-3.0", Some(true)),
            ("", None),
            ("MIT OR", None),
            ("(MIT", None),
            ("MIT ISC", None),
            ("MIT)", None),
            ("MIT WITH", None),
        ] {
            assert_eq!(is_allowed(expression, &allowed), value, "{expression}");
        }
    }
}
