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
//! name, files by their path or any end of it.

use globset::{GlobBuilder, GlobMatcher};
use thiserror::Error;
use toml::de::{DeTable, DeValue};

use crate::impact::CallGraph;
use crate::report::{CriticalPath, Unmatched};

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
    /// Reads the text of a `suture.toml`. Tables other than `[critical]` are for others.
    pub fn parse(text: &str) -> Result<Self, MarksError> {
        let mut marks = Self::default();
        let document = DeTable::parse(text).map_err(|error| {
            fault(text, error.span().unwrap_or_default().start, error.message().to_owned())
        })?;
        let Some(critical) = document.get_ref().get("critical") else { return Ok(marks) };
        let Some(table) = critical.get_ref().as_table() else {
            return Err(fault(text, critical.span().start, "'critical' is no table".to_owned()));
        };
        marks.group(text, CONSENSUS, table, true)?;
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

    fn group(&mut self, text: &str, mark: &str, table: &DeTable<'_>, is_top: bool) -> Result<(), MarksError> {
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
                (name, DeValue::Table(group)) if is_top => self.group(text, name, group, false)?,
                (name, _) => {
                    let what = format!("unknown key '{name}'; known are 'functions' and 'files'");
                    return Err(fault(text, key.span().start, what));
                }
            }
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

/// What the patterns of a project mark in one build.
#[derive(Debug)]
pub struct Marked<'m> {
    /// For each pattern the functions that it marks, ascending.
    functions: Vec<(&'m Pattern, Vec<u32>)>,
}

impl<'m> Marked<'m> {
    /// Looks for `marks` in the build of `graph`.
    ///
    /// `file_of` gives the source file of the function at an address, as a whole path if it can; it is asked
    /// only if files are marked.
    pub fn find(graph: &CallGraph<'_>, marks: &'m Marks, file_of: &dyn Fn(u64) -> Option<String>) -> Self {
        let patterns = marks.functions.iter().chain(&marks.files);
        let mut marked: Vec<_> = patterns.map(|pattern| (pattern, Vec::new())).collect();
        let (by_name, by_file) = marked.split_at_mut(marks.functions.len());
        for (function, linkage_name, address) in graph.functions() {
            if !by_name.is_empty() {
                let name = crate::names::demangle(linkage_name);
                for (pattern, functions) in &mut *by_name {
                    if pattern.glob.is_match(&name) || pattern.glob.is_match(linkage_name) {
                        functions.push(function);
                    }
                }
            }
            if !by_file.is_empty()
                && let Some(file) = file_of(address)
            {
                for (pattern, functions) in &mut *by_file {
                    if pattern.glob.is_match(&file) {
                        functions.push(function);
                    }
                }
            }
        }
        Self { functions: marked }
    }
}

/// Patterns that match nothing in any of these builds, whose marks are the same.
pub fn unmatched(builds: &[Marked<'_>]) -> Vec<Unmatched> {
    let Some(first) = builds.first() else { return Vec::new() };
    let is_found = |index: usize| {
        builds.iter().any(|build| build.functions.get(index).is_some_and(|(_, found)| !found.is_empty()))
    };
    let lost = first.functions.iter().enumerate().filter(|(index, _)| !is_found(*index));
    let mut lost: Vec<Unmatched> = lost
        .map(|(_, (Pattern { mark, text, line, .. }, _))| Unmatched {
            mark: mark.clone(),
            pattern: text.clone(),
            line: *line,
        })
        .collect();
    lost.sort();
    lost.dedup();
    lost
}

/// Paths between changed functions, given by their addresses, and marked ones: for each changed function
/// and pattern the nearest that it calls and the nearest that calls it, directly or not; if it is marked
/// itself, itself.
pub fn critical_paths(graph: &CallGraph<'_>, marked: &Marked<'_>, changed: &[u64]) -> Vec<CriticalPath> {
    let mut paths = Vec::new();
    let walks: Vec<_> = changed
        .iter()
        .filter_map(|address| graph.at(*address))
        .map(|function| (function, graph.walk_up(function), graph.walk_down(function)))
        .collect();
    for (pattern, marked) in &marked.functions {
        let is_marked = |function: &&u32| marked.binary_search(function).is_ok();
        for (function, up, down) in &walks {
            let above = up.reached().iter().find(is_marked).map(|found| up.way_back(*found));
            let below = down.reached().iter().find(is_marked).map(|found| {
                let mut way = down.way_back(*found);
                way.reverse();
                way
            });
            let is_itself = is_marked(&function);
            let ways = above.into_iter().chain(below.filter(|_| !is_itself));
            for way in ways {
                let far = if way.first() == Some(function) { way.last() } else { way.first() };
                let name = |function: u32| graph.name(function).unwrap_or_default();
                paths.push(CriticalPath {
                    function: name(*function),
                    marked: far.copied().map(name).unwrap_or_default(),
                    mark: pattern.mark.clone(),
                    pattern: pattern.text.clone(),
                    path: way.into_iter().map(name).collect(),
                });
            }
        }
    }
    let order = |path: &CriticalPath| (path.function.clone(), path.mark.clone(), path.path.clone());
    paths.sort_by_cached_key(order);
    paths
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
