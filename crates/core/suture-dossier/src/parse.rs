//! The text of a `dossier.toml` as a value, or one clear error.

use std::collections::BTreeMap;

use serde::Deserialize;
use suture_delta::page::clean;
use thiserror::Error;
use toml::de::{DeTable, DeValue};

use crate::TEXT_BYTES_MAX;
use crate::model::{Answers, SCHEMA};

/// A dossier as it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dossier {
    /// What it says.
    pub answers: Answers,
    /// Line of each answer, by its path.
    lines: BTreeMap<String, usize>,
}

/// Why a text is no dossier.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ParseError {
    /// Longer than any dossier.
    #[error("the dossier has {0} bytes, more than the {TEXT_BYTES_MAX} allowed")]
    TooLong(usize),
    /// Not TOML, or not that of a dossier.
    #[error("line {line}, column {column}: {what}")]
    Text {
        /// Line, from 1.
        line: usize,
        /// Column, from 1, in characters.
        column: usize,
        /// What is wrong.
        what: String,
    },
    /// Written for another version.
    #[error("the dossier has format {found}, this suture reads format {SCHEMA}")]
    UnknownSchema {
        /// The format of the file.
        found: i64,
    },
}

impl ParseError {
    /// How to go on, one sentence.
    pub fn help(&self) -> &'static str {
        match self {
            Self::TooLong(_) => "put what is long into a document of its own and name it here",
            Self::Text { .. } => "`suture dossier new` writes one with everything that it may say",
            Self::UnknownSchema { .. } => {
                "use the suture that made it, or draft it again with `suture dossier new`"
            }
        }
    }
}

#[derive(Deserialize)]
struct Version {
    schema: i64,
}

impl Dossier {
    /// Reads a text.
    ///
    /// # Errors
    /// What is wrong with it, and where.
    pub fn parse(text: &str) -> Result<Self, ParseError> {
        if text.len() > TEXT_BYTES_MAX {
            return Err(ParseError::TooLong(text.len()));
        }
        let Version { schema } = toml::from_str(text).map_err(|error| fault(text, &error))?;
        if schema != i64::from(SCHEMA) {
            return Err(ParseError::UnknownSchema { found: schema });
        }
        let answers = toml::from_str(text).map_err(|error| fault(text, &error))?;
        let mut lines = BTreeMap::new();
        let table = DeTable::parse(text).map_err(|error| fault(text, &error))?;
        find_lines(text, "", table.get_ref(), &mut lines);
        Ok(Self { answers, lines })
    }

    /// The line of the answer with this path, or of the table in which it should be.
    pub fn line(&self, path: &str) -> Option<usize> {
        let mut path = path;
        loop {
            if let Some(line) = self.lines.get(path) {
                return Some(*line);
            }
            path = path.rsplit_once('.')?.0;
        }
    }
}

/// Paths are two keys deep, or those of a list of tables with the place in the list: `delta.0.platform`.
fn find_lines(text: &str, prefix: &str, table: &DeTable<'_>, lines: &mut BTreeMap<String, usize>) {
    const DOTS_MAX: usize = 4;
    if prefix.matches('.').count() > DOTS_MAX {
        return;
    }
    for (key, value) in table {
        let path = format!("{prefix}{}", key.get_ref());
        lines.insert(path.clone(), place(text, key.span().start).0);
        match value.get_ref() {
            DeValue::Table(inner) => find_lines(text, &format!("{path}."), inner, lines),
            DeValue::Array(list) => {
                for (index, item) in list.iter().enumerate() {
                    if let DeValue::Table(inner) = item.get_ref() {
                        let path = format!("{path}.{index}");
                        lines.insert(path.clone(), place(text, item.span().start).0);
                        find_lines(text, &format!("{path}."), inner, lines);
                    }
                }
            }
            _ => {}
        }
    }
}

fn fault(text: &str, error: &toml::de::Error) -> ParseError {
    let (line, column) = place(text, error.span().unwrap_or_default().start);
    ParseError::Text { line, column, what: clean(&error.message().replace('\n', ", ")) }
}

/// Line and column of a byte, both from 1.
fn place(text: &str, offset: usize) -> (usize, usize) {
    let before = text.get(..offset).unwrap_or(text);
    let line_start = before.rfind('\n').map_or(0, |at| at + 1);
    let column = before.get(line_start..).map_or(0, |line| line.chars().count()) + 1;
    (before.matches('\n').count() + 1, column)
}
