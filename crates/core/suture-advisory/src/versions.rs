//! What people write about versions, as far as machines can understand it.
//!
//! `7.0.11` is one version, `>=7.0.0, <7.0.12` a range, and everything else words that are passed on as they are. What
//! may be a whole series, such as `7`, `v6` or `7.x`, is words; `=7` is the one version of that name.

/// What one line says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Versions<'a> {
    /// One version.
    One(&'a str),
    /// All versions within these bounds.
    Range(Vec<Bound<'a>>),
    /// Words.
    Words(&'a str),
}

/// One bound of a range.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bound<'a> {
    /// On which side.
    pub comparison: Comparison,
    /// Of which version.
    pub version: &'a str,
}

/// On which side of a version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Comparison {
    /// `>=`
    AtLeast,
    /// `>`
    Above,
    /// `<=`
    AtMost,
    /// `<`
    Below,
}

/// Words that make CSAF's readers suspect a range (6.1.31).
const RANGE_WORDS: [&str; 7] = ["after", "all", "before", "earlier", "later", "prior", "versions"];

impl Comparison {
    const ALL: [Self; 4] = [Self::AtLeast, Self::AtMost, Self::Above, Self::Below];

    /// The sign for it.
    pub fn sign(self) -> &'static str {
        match self {
            Self::AtLeast => ">=",
            Self::Above => ">",
            Self::AtMost => "<=",
            Self::Below => "<",
        }
    }
}

impl<'a> Versions<'a> {
    /// What `line` says.
    pub fn of(line: &'a str) -> Self {
        if is_version(line) && !may_be_series(line) {
            return Self::One(line);
        }
        if let Some(version) = line.strip_prefix('=').map(str::trim).filter(|rest| is_version(rest)) {
            return Self::One(version);
        }
        let bounds: Option<Vec<Bound<'a>>> = line.split(',').map(|part| bound(part.trim())).collect();
        match bounds {
            Some(mut bounds) if bounds.len() <= 2 && one_on_each_side(&bounds) => {
                bounds.sort_by_key(|bound| bound.comparison);
                Self::Range(bounds)
            }
            _ => Self::Words(line),
        }
    }

    /// As a version range specifier, <https://github.com/package-url/vers-spec>; nothing for words.
    pub fn vers(&self) -> Option<String> {
        let part = |sign: &str, version: &str| format!("{sign}{}", crate::links::encoded(version));
        let parts = match self {
            Self::One(version) => part("", version),
            Self::Range(bounds) => {
                let parts = bounds.iter().map(|bound| part(bound.comparison.sign(), bound.version));
                parts.collect::<Vec<_>>().join("|")
            }
            Self::Words(_) => return None,
        };
        Some(format!("vers:generic/{parts}"))
    }
}

fn bound(part: &str) -> Option<Bound<'_>> {
    Comparison::ALL.into_iter().find_map(|comparison| {
        let version = part.strip_prefix(comparison.sign())?.trim_start();
        is_version(version).then_some(Bound { comparison, version })
    })
}

fn one_on_each_side(bounds: &[Bound<'_>]) -> bool {
    let is_lower = |bound: &Bound<'_>| bound.comparison <= Comparison::Above;
    bounds.iter().filter(|bound| is_lower(bound)).count() <= 1
        && bounds.iter().filter(|bound| !is_lower(bound)).count() <= 1
}

fn is_version(text: &str) -> bool {
    let is_part = |c: char| c.is_alphanumeric() || ".-_+~:".contains(c);
    let is_wildcard = |part: &str| part.eq_ignore_ascii_case("x");
    text.chars().all(is_part)
        && text.chars().any(|c| c.is_ascii_digit())
        && !text.split(|c: char| !c.is_alphanumeric()).any(is_wildcard)
        && !RANGE_WORDS.contains(&text.to_lowercase().as_str())
}

/// Whether a version has one part only, so that people may mean all that begin with it.
fn may_be_series(version: &str) -> bool {
    version.chars().all(char::is_alphanumeric)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_ranges_and_words_are_told_apart() {
        let rows = [
            ("7.0.11", "one", Some("vers:generic/7.0.11")),
            ("=5:7.0.15-1+deb12u1", "one", Some("vers:generic/5%3A7.0.15-1%2Bdeb12u1")),
            (">=7.0.0, <7.0.12", "range", Some("vers:generic/>=7.0.0|<7.0.12")),
            ("< 7.0.12, > 6", "range", Some("vers:generic/>6|<7.0.12")),
            ("<=6.2", "range", Some("vers:generic/<=6.2")),
            ("<1, <2", "words", None),
            ("all versions", "words", None),
            ("all", "words", None),
            ("everything", "words", None),
            ("7.x", "words", None),
            ("7.X-rc1", "words", None),
            ("<7.x", "words", None),
            ("v6", "words", None),
            ("6", "words", None),
            ("=v6", "one", Some("vers:generic/v6")),
            ("v6.1", "one", Some("vers:generic/v6.1")),
            ("<6", "range", Some("vers:generic/<6")),
            ("before 7.0.12", "words", None),
            ("<", "words", None),
            (">=1,", "words", None),
        ];
        for (line, kind, vers) in rows {
            let versions = Versions::of(line);
            let found = match versions {
                Versions::One(_) => "one",
                Versions::Range(_) => "range",
                Versions::Words(_) => "words",
            };
            assert_eq!((found, versions.vers().as_deref()), (kind, vers), "{line}");
        }
    }
}
