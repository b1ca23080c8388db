//! Why a text can't be used: what is wrong, where, and what to do.

use thiserror::Error;

use crate::values::is_unprintable;

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
            what: sentence(what),
            help: help.into(),
        }
    }
}

/// The message on one line, without what acts on a terminal: readers quote keys of the text as they are.
fn sentence(message: &str) -> String {
    let mut sentence = String::with_capacity(message.len());
    for word in message.split_whitespace() {
        if !sentence.is_empty() {
            sentence.push(' ');
        }
        for c in word.chars() {
            if is_unprintable(c) { sentence.extend(c.escape_unicode()) } else { sentence.push(c) }
        }
    }
    sentence
}
