//! What the line-based formats of C2SP have in common: one kind of error with its place, and numbers with one
//! spelling.

use thiserror::Error;

/// Why a text is not what it should be: which document, where in it, what is wrong, and what to do.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{document}, line {line}: {what}")]
pub struct TextError {
    /// What the text should be, such as "checkpoint".
    pub document: &'static str,
    /// Line, from 1.
    pub line: usize,
    /// What is wrong, with nothing that a terminal would not show as it is.
    pub what: String,
}

impl TextError {
    pub(crate) fn new(document: &'static str, line: usize, what: impl Into<String>) -> Self {
        Self { document, line, what: what.into() }
    }

    /// How to go on, one sentence.
    pub fn help(&self) -> &'static str {
        match self.document {
            "policy" => "the format is C2SP tlog-policy: lines `log`, `witness`, `group` and one `quorum`",
            "proof" => {
                "the format is C2SP tlog-proof, as `suture audit prove` writes it; fetch the file again"
            }
            "export" => "export the log again with `suture audit export`, and do not edit the file",
            _ => "the format is a C2SP signed note; fetch the file again, and do not edit it",
        }
    }

    /// The same, in a document in which this one begins behind `lines` lines.
    pub(crate) fn within(self, document: &'static str, lines: usize) -> Self {
        Self { document, line: self.line + lines, ..self }
    }
}

/// The line, from 1, in which the byte `at` is.
pub(crate) fn line_of(bytes: &[u8], at: usize) -> usize {
    bytes[..at].split(|byte| *byte == b'\n').count()
}

/// A number in decimal digits without leading zeroes.
pub(crate) fn decimal(text: &str) -> Option<u64> {
    let is_canonical = text == "0" || (text.starts_with(|c: char| c != '0') && !text.is_empty());
    let all_digits = text.bytes().all(|byte| byte.is_ascii_digit());
    (is_canonical && all_digits).then(|| text.parse().ok()).flatten()
}

/// Foreign text for a message: short, and without what a terminal would obey.
pub(crate) fn shown(text: &str) -> String {
    const CHARACTERS_MAX: usize = 60;
    let mut shown: String = text.chars().take(CHARACTERS_MAX).flat_map(char::escape_debug).collect();
    if text.chars().nth(CHARACTERS_MAX).is_some() {
        shown.push('…');
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_has_one_spelling() {
        assert_eq!(decimal("0"), Some(0));
        assert_eq!(decimal("18446744073709551615"), Some(u64::MAX));
        for wrong in ["", "00", "01", "+1", "-1", " 1", "1 ", "1e3", "18446744073709551616", "٣"] {
            assert_eq!(decimal(wrong), None, "{wrong}");
        }
    }
}
