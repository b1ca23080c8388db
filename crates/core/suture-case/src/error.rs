//! Why a text can't be used: what is wrong, where, and what to do.

use thiserror::Error;

/// One mistake in one text. The caller knows the name of the file.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("line {line}, column {column}: {what}")]
pub struct CaseError {
    /// Line, from 1.
    pub line: usize,
    /// Column, from 1, in characters.
    pub column: usize,
    /// What is wrong.
    pub what: String,
    /// How to go on.
    pub help: String,
}

impl CaseError {
    /// A mistake in one line of a text that is read line by line.
    pub(crate) fn in_line(line: usize, what: impl Into<String>, help: impl Into<String>) -> Self {
        Self { line, column: 1, what: what.into(), help: help.into() }
    }

    /// A mistake at a byte offset of `text`.
    pub(crate) fn at(text: &str, offset: usize, what: impl Into<String>, help: impl Into<String>) -> Self {
        let before = text.get(..offset).unwrap_or(text);
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        let column = before.get(line_start..).map_or(0, |line| line.chars().count()) + 1;
        Self { line: before.matches('\n').count() + 1, column, what: what.into(), help: help.into() }
    }

    /// A mistake that the TOML reader has found in `text`.
    pub(crate) fn of_toml(text: &str, error: &toml::de::Error, help: impl Into<String>) -> Self {
        Self::at(text, error.span().unwrap_or_default().start, sentence(error.message()), help)
    }

    /// A mistake that the JSON reader has found. It counts columns in bytes, and from 0 at the end of a line.
    pub(crate) fn of_json(error: &serde_json::Error, help: impl Into<String>) -> Self {
        let text = error.to_string();
        let place = format!(" at line {} column {}", error.line(), error.column());
        let what = text.strip_suffix(place.as_str()).unwrap_or(&text);
        Self {
            line: error.line().max(1),
            column: error.column().max(1),
            what: what.to_owned(),
            help: help.into(),
        }
    }
}

/// The message on one line, without the excerpts that some readers append.
fn sentence(message: &str) -> String {
    message.split_whitespace().collect::<Vec<_>>().join(" ")
}
