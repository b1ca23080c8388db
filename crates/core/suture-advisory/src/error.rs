//! Why a text can't be used: what is wrong, where, and what to do.

use thiserror::Error;

/// One mistake in one text. The caller knows the name of the file.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("line {line}, column {column}: {what}")]
pub struct AdvisoryError {
    /// Line, from 1.
    pub line: usize,
    /// Column, from 1, in characters.
    pub column: usize,
    /// What is wrong.
    pub what: String,
    /// How to go on.
    pub help: String,
}

impl AdvisoryError {
    /// A mistake at a byte offset of `text`.
    pub(crate) fn at(text: &str, offset: usize, what: impl Into<String>, help: impl Into<String>) -> Self {
        let before = text.get(..offset).unwrap_or(text);
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        let column = before.get(line_start..).map_or(0, |line| line.chars().count()) + 1;
        Self { line: before.matches('\n').count() + 1, column, what: what.into(), help: help.into() }
    }
}
