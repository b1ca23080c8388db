//! Text to words: letters and digits in lower case, cut where identifiers are.

use std::collections::BTreeSet;
use std::sync::OnceLock;

const ORDINARY: &str = include_str!("../../data/ordinary-words.txt");

/// A word and where it stands, in bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Word {
    pub(super) text: String,
    pub(super) begin: usize,
    pub(super) end: usize,
}

/// The words of `text`.
pub(super) fn words(text: &str) -> Vec<Word> {
    let mut words = Vec::new();
    let mut begin: Option<usize> = None;
    let mut before = ' ';
    let mut chars = text.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        let next = chars.peek().map_or(' ', |(_, next)| *next);
        if let Some(start) = begin.filter(|_| is_cut(before, c, next)) {
            words.push(word(text, start, at));
            begin = None;
        }
        if begin.is_none() && c.is_alphanumeric() {
            begin = Some(at);
        }
        before = c;
    }
    if let Some(start) = begin {
        words.push(word(text, start, text.len()));
    }
    words
}

/// Whether a word ends before `c`: `fooBar`, `HTTPServer` and `foo_bar` are two words each, `sha256` is one.
fn is_cut(before: char, c: char, next: char) -> bool {
    let is_hump = before.is_lowercase() && c.is_uppercase();
    let is_end_of_capitals = before.is_uppercase() && c.is_uppercase() && next.is_lowercase();
    !c.is_alphanumeric() || is_hump || is_end_of_capitals
}

fn word(text: &str, begin: usize, end: usize) -> Word {
    Word { text: text.get(begin..end).unwrap_or_default().to_lowercase(), begin, end }
}

/// Whether a word gives nothing away by itself: it is in the list, short, a number, or the plural of one in it.
pub(super) fn is_ordinary(word: &str) -> bool {
    const SHORT: usize = 4;
    static LIST: OnceLock<BTreeSet<&str>> = OnceLock::new();
    let list = LIST.get_or_init(|| {
        ORDINARY.lines().filter(|line| !line.starts_with('#')).flat_map(str::split_whitespace).collect()
    });
    let known = |word: &str| list.contains(word);
    let stem = |ending: &str| word.strip_suffix(ending);
    word.chars().count() < SHORT
        || word.chars().all(|c| c.is_ascii_digit())
        || known(word)
        || ["s", "es", "ed", "d", "ing", "er", "ly"].iter().any(|ending| stem(ending).is_some_and(known))
        || ["ing", "ed", "er"]
            .iter()
            .any(|ending| stem(ending).is_some_and(|stem| known(&format!("{stem}e"))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_and_prose_have_the_same_words() {
        let of = |text: &str| words(text).into_iter().map(|word| word.text).collect::<Vec<_>>();
        for text in [
            "strbuf_append_fmt",
            "StrbufAppendFmt",
            "strbuf append, fmt",
            "STRBUF-APPEND-FMT",
            "strbuf::append->fmt",
        ] {
            assert_eq!(of(text), ["strbuf", "append", "fmt"], "{text}");
        }
        assert_eq!(of("HTTPServer sha256 x2 über"), ["http", "server", "sha256", "x2", "über"]);
        assert!(of("").is_empty() && of("--").is_empty());
    }

    #[test]
    fn ordinary_words_are_known_with_their_endings() {
        for word in ["update", "updates", "updating", "server", "memory", "main", "42", "the"] {
            assert!(is_ordinary(word), "{word}");
        }
        for word in ["strbuf", "cjson", "luaopen", "growstack"] {
            assert!(!is_ordinary(word), "{word}");
        }
    }
}
