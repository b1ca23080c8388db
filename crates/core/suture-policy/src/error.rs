//! Why a pack can't be loaded, or a question can't be asked.

use thiserror::Error;

/// A pack that can't be used: where, what, and how to mend it.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{file}:{line}:{column}: {what}")]
pub struct PackError {
    /// The file, by the name it was given with.
    pub file: String,
    /// Line, from 1.
    pub line: usize,
    /// Column, from 1, in characters.
    pub column: usize,
    /// What is wrong, one line.
    pub what: String,
    /// How to mend it, one sentence.
    pub help: String,
}

/// Longest text of others that goes into an error.
const QUOTED_CHARS_MAX: usize = 400;

impl PackError {
    /// A fault at a byte of a file.
    pub(crate) fn at(
        file: &str,
        text: &str,
        offset: usize,
        what: impl AsRef<str>,
        help: impl AsRef<str>,
    ) -> Self {
        let (line, column) = place(text, offset);
        Self {
            file: one_line(file),
            line,
            column,
            what: one_line(what.as_ref()),
            help: one_line(help.as_ref()),
        }
    }
}

/// A question that can't be asked.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum QuestionError {
    /// More of something than anybody needs.
    #[error("{count} {what}, more than {limit}")]
    TooMany {
        /// Of what.
        what: &'static str,
        /// How many.
        count: usize,
        /// The limit.
        limit: usize,
    },
    /// A name that can't be one.
    #[error("{0} is empty, or longer than {limit} bytes", limit = crate::count::NAME_BYTES_MAX)]
    Name(&'static str),
    /// Somebody who is not in the trust root.
    #[error("`{0}` is not in the trust root")]
    Unknown(String),
    /// The same name twice in the trust root.
    #[error("`{0}` is in the trust root twice")]
    Twice(String),
    /// What a question needs is not among the facts.
    #[error("the facts say nothing of the {0}")]
    Missing(&'static str),
    /// An emergency that ends before it starts.
    #[error("the emergency ends before it starts")]
    Emergency,
    /// The schema does not hold what the program puts in: a defect of the program.
    #[error("the facts do not fit the schema: {0}")]
    Schema(String),
}

/// Line and column, both from 1, of a byte.
pub(crate) fn place(text: &str, offset: usize) -> (usize, usize) {
    let before = text.get(..offset.min(text.len())).unwrap_or(text);
    let line_start = before.rfind('\n').map_or(0, |at| at + 1);
    let column = before.get(line_start..).map_or(0, |line| line.chars().count()) + 1;
    (before.matches('\n').count() + 1, column)
}

/// Text of a stranger as one short line that moves no cursor and turns no line around.
pub(crate) fn one_line(text: &str) -> String {
    let is_hidden = |c: char| {
        c.is_control()
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
    };
    let clean = text.chars().map(|c| if c.is_whitespace() || is_hidden(c) { ' ' } else { c });
    let mut line: String = clean.take(QUOTED_CHARS_MAX).collect();
    if text.chars().nth(QUOTED_CHARS_MAX).is_some() {
        line.push('…');
    }
    line.split_whitespace().collect::<Vec<_>>().join(" ")
}
