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
//! Patterns are globs in which `*` also stands for `/` and `::`; one mark too many makes a reviewer look
//! once more, one too few hides what matters. Functions are matched by their demangled and their linkage
//! name, files by their path or any end of it.

use globset::{GlobBuilder, GlobMatcher};
use thiserror::Error;
use toml::de::{DeTable, DeValue};

use crate::impact::CallGraph;
use crate::report::CriticalPath;

/// The group of the patterns that stand directly under `[critical]`.
const CONSENSUS: &str = "consensus";
/// Most patterns that are read.
pub const PATTERNS_MAX: usize = 10_000;

/// The marks of a project.
#[derive(Debug, Clone, Default)]
pub struct Marks {
    functions: Vec<Pattern>,
    files: Vec<Pattern>,
}

#[derive(Debug, Clone)]
struct Pattern {
    mark: String,
    text: String,
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
        Ok(marks)
    }

    /// Whether nothing is marked.
    pub fn is_empty(&self) -> bool {
        self.functions.is_empty() && self.files.is_empty()
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
        Ok(Pattern { mark: mark.to_owned(), text: pattern.to_owned(), glob: glob.compile_matcher() })
    }
}

/// Paths between changed functions, given by their addresses, and marked ones: for each changed function
/// and pattern the nearest that it calls and the nearest that calls it, directly or not; if it is marked
/// itself, itself.
///
/// `file_of` gives the source file of the function at an address, as a whole path if it can; it is asked
/// only if files are marked.
pub fn critical_paths(
    graph: &CallGraph<'_>,
    marks: &Marks,
    changed: &[u64],
    file_of: &dyn Fn(u64) -> Option<String>,
) -> Vec<CriticalPath> {
    let mut paths = Vec::new();
    let walks: Vec<_> = changed
        .iter()
        .filter_map(|address| graph.at(*address))
        .map(|function| (function, graph.walk_up(function), graph.walk_down(function)))
        .collect();
    if walks.is_empty() {
        return paths;
    }
    for (pattern, marked) in marked(graph, marks, file_of) {
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

/// For each pattern the functions that it marks, ascending.
fn marked<'m>(
    graph: &CallGraph<'_>,
    marks: &'m Marks,
    file_of: &dyn Fn(u64) -> Option<String>,
) -> Vec<(&'m Pattern, Vec<u32>)> {
    let patterns = || marks.functions.iter().chain(&marks.files);
    let mut marked: Vec<_> = patterns().map(|pattern| (pattern, Vec::new())).collect();
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
    marked
}

fn fault(text: &str, offset: usize, what: String) -> MarksError {
    let before = text.get(..offset).unwrap_or(text);
    let line_start = before.rfind('\n').map_or(0, |at| at + 1);
    let column = before.get(line_start..).map_or(0, |line| line.chars().count()) + 1;
    MarksError { line: before.matches('\n').count() + 1, column, what }
}
