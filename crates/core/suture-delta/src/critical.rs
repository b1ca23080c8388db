//! `suture.toml`: which functions of a project are critical, and whether a change touches them.
//!
//! ```toml
//! [critical]                      # what consensus depends on
//! functions = ["raft_*", "consensus::*"]
//! files = ["src/consensus/*"]
//!
//! [critical.serialisation]        # further groups, with names of the project's own
//! functions = ["*::serialize"]
//!
//! [critical.protocol]
//! files = ["src/net/wire.c"]
//! ```
//!
//! A project of which nothing is critical says so, and why; that nobody has marked anything says nothing:
//!
//! ```toml
//! [critical]
//! none = "a single server, whose answers no other node repeats"
//! ```
//!
//! Patterns are globs in which `*` also stands for `/` and `::`; one mark too many makes a reviewer look
//! once more, one too few hides what matters. Functions are matched by their demangled and their linkage
//! name, clones and inlined copies by those of what they were made from; files by their path or any end of it:
//! that of the unit, and that in which the function is written.

mod marked;
mod paths;

use globset::{GlobBuilder, GlobMatcher};
use thiserror::Error;
use toml::de::{DeTable, DeValue};

pub use marked::{Marked, unmatched};
pub use paths::{Start, critical_paths};

/// The one table of the file.
const CRITICAL: &str = "critical";

/// The group of the patterns that stand directly under `[critical]`.
const CONSENSUS: &str = "consensus";
/// Most patterns that are read.
pub const PATTERNS_MAX: usize = 10_000;
/// Longest reason why nothing is critical, in bytes.
const NONE_BYTES_MAX: usize = 1_000;

/// The marks of a project.
#[derive(Debug, Clone, Default)]
pub struct Marks {
    functions: Vec<Pattern>,
    files: Vec<Pattern>,
    /// Why nothing is critical.
    none: Option<String>,
}

#[derive(Debug, Clone)]
struct Pattern {
    mark: String,
    text: String,
    /// In `suture.toml`, from 1.
    line: u32,
    glob: GlobMatcher,
}

/// Why `suture.toml` can't be used: what is wrong, and where.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("line {line}, column {column}: {what}")]
pub struct MarksError {
    /// Line, from 1.
    pub line: usize,
    /// Column, from 1, in characters.
    pub column: usize,
    /// What is wrong.
    pub what: String,
}

impl Marks {
    /// Reads the text of a `suture.toml`. What stands beside `[critical]`, and a group without patterns, would be a
    /// mark that nobody looks for.
    pub fn parse(text: &str) -> Result<Self, MarksError> {
        let mut marks = Self::default();
        let document = DeTable::parse(text).map_err(|error| {
            fault(text, error.span().unwrap_or_default().start, error.message().to_owned())
        })?;
        if let Some((key, _)) = document.get_ref().iter().find(|(key, _)| key.get_ref() != CRITICAL) {
            let what = format!("unknown '{}'; the only table is 'critical'", key.get_ref());
            return Err(fault(text, key.span().start, what));
        }
        let Some(critical) = document.get_ref().get(CRITICAL) else { return Ok(marks) };
        let Some(table) = critical.get_ref().as_table() else {
            return Err(fault(text, critical.span().start, "'critical' is no table".to_owned()));
        };
        marks.group(text, CONSENSUS, (critical.span().start, table), true)?;
        if marks.none.is_some() && !marks.is_empty() {
            let what = "'none' says that nothing is critical, and there are patterns".to_owned();
            return Err(fault(text, critical.span().start, what));
        }
        Ok(marks)
    }

    /// Whether nothing is marked.
    pub fn is_empty(&self) -> bool {
        self.functions.is_empty() && self.files.is_empty()
    }

    /// Why nothing is critical, if the project says so.
    pub fn none(&self) -> Option<&str> {
        self.none.as_deref()
    }

    /// The groups that have patterns, ascending.
    pub fn groups(&self) -> Vec<String> {
        let mut groups: Vec<_> =
            self.functions.iter().chain(&self.files).map(|pattern| pattern.mark.clone()).collect();
        groups.sort_unstable();
        groups.dedup();
        groups
    }

    fn group(
        &mut self,
        text: &str,
        mark: &str,
        (start, table): (usize, &DeTable<'_>),
        is_top: bool,
    ) -> Result<(), MarksError> {
        let before = self.functions.len() + self.files.len();
        for (key, value) in table {
            let at = value.span().start;
            match (key.get_ref().as_ref(), value.get_ref()) {
                ("functions", DeValue::Array(patterns)) => {
                    for pattern in patterns {
                        let added = self.pattern(text, mark, pattern, str::to_owned)?;
                        self.functions.push(added);
                    }
                }
                ("files", DeValue::Array(patterns)) => {
                    for pattern in patterns {
                        let anywhere = |glob: &str| match glob.strip_prefix('/') {
                            Some(_) => glob.to_owned(),
                            None => format!("**/{glob}"),
                        };
                        let added = self.pattern(text, mark, pattern, anywhere)?;
                        self.files.push(added);
                    }
                }
                (name @ ("functions" | "files"), _) => {
                    return Err(fault(text, at, format!("'{name}' is no list of patterns")));
                }
                ("none", value) if is_top => self.none = Some(reason(text, at, value)?),
                (name, DeValue::Table(group)) if is_top => self.group(text, name, (at, group), false)?,
                (name, _) => {
                    let what = format!("unknown key '{name}'; known are 'functions' and 'files'");
                    return Err(fault(text, key.span().start, what));
                }
            }
        }
        if self.functions.len() + self.files.len() == before && self.none.is_none() {
            let what = format!(
                "it marks nothing as {mark}: give patterns as 'functions' or 'files', or take it out; where nothing is critical, \
                 'none = \"why\"' under [critical] says so"
            );
            return Err(fault(text, start, what));
        }
        Ok(())
    }

    fn pattern(
        &self,
        text: &str,
        mark: &str,
        value: &toml::Spanned<DeValue<'_>>,
        spell: impl Fn(&str) -> String,
    ) -> Result<Pattern, MarksError> {
        let at = value.span().start;
        if self.functions.len() + self.files.len() >= PATTERNS_MAX {
            return Err(fault(text, at, format!("more than {PATTERNS_MAX} patterns")));
        }
        let pattern = value.get_ref().as_str();
        let pattern = pattern.ok_or_else(|| fault(text, at, "a pattern must be a string".to_owned()))?;
        let glob = GlobBuilder::new(&spell(pattern)).literal_separator(false).build();
        let glob = glob.map_err(|error| fault(text, at, format!("not a pattern: {}", error.kind())))?;
        let (line, _) = place(text, at);
        let line = u32::try_from(line).unwrap_or(u32::MAX);
        Ok(Pattern { mark: mark.to_owned(), text: pattern.to_owned(), line, glob: glob.compile_matcher() })
    }
}

/// Why nothing is critical, in one line.
fn reason(text: &str, at: usize, value: &DeValue<'_>) -> Result<String, MarksError> {
    let reason = value.as_str().map(str::trim).filter(|reason| !reason.is_empty());
    let reason = reason.ok_or_else(|| {
        fault(text, at, "'none' is no reason: say in a string why nothing is critical".to_owned())
    })?;
    if reason.len() > NONE_BYTES_MAX || reason.contains(char::is_control) {
        return Err(fault(text, at, format!("'none' is no line of at most {NONE_BYTES_MAX} bytes")));
    }
    Ok(reason.to_owned())
}

fn fault(text: &str, offset: usize, what: String) -> MarksError {
    let (line, column) = place(text, offset);
    MarksError { line, column, what }
}

/// Line and column of a byte, from 1.
fn place(text: &str, offset: usize) -> (usize, usize) {
    let before = text.get(..offset).unwrap_or(text);
    let line_start = before.rfind('\n').map_or(0, |at| at + 1);
    let column = before.get(line_start..).map_or(0, |line| line.chars().count()) + 1;
    (before.matches('\n').count() + 1, column)
}
