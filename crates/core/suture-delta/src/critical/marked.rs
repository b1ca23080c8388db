//! What the patterns of a project mark in one build.

use suture_elf::debug::{FunctionInfo, Inlined};

use super::{Marks, Pattern};
use crate::impact::CallGraph;
use crate::names;
use crate::report::Unmatched;

/// What the patterns of a project mark in one build.
#[derive(Debug)]
pub struct Marked<'m> {
    /// For each pattern the nodes of the call graph that it marks, ascending.
    nodes: Vec<(&'m Pattern, Vec<u32>)>,
}

impl Marks {
    /// Whether an inlined function is marked, so that its copies matter.
    pub fn has_inlined(&self, function: &FunctionInfo) -> bool {
        let is_among = |patterns: &[Pattern], texts: &[String]| {
            !patterns.is_empty() && patterns.iter().any(|pattern| pattern.is_any(texts))
        };
        is_among(&self.functions, &spellings(function.linkage()))
            || is_among(&self.files, &function.source_files())
    }
}

impl Pattern {
    fn is_any(&self, texts: &[String]) -> bool {
        texts.iter().any(|text| self.glob.is_match(text))
    }
}

/// How a function may be named: as it is linked and as it is written; a clone also as what it was made from.
fn spellings(linkage: &str) -> Vec<String> {
    let original = names::original(linkage);
    let mut spellings = vec![linkage.to_owned(), names::demangle(linkage)];
    if original.len() < linkage.len() {
        spellings.extend([original.to_owned(), names::demangle(original)]);
    }
    spellings.dedup();
    spellings
}

impl<'m> Marked<'m> {
    /// Looks for `marks` in the build of `graph`, whose copies are of the functions of `inlined`.
    ///
    /// `files_of` gives the source files of the function at an address, as whole paths if it can; it is asked
    /// only if files are marked.
    pub fn find(
        graph: &CallGraph<'_>,
        inlined: &Inlined,
        marks: &'m Marks,
        files_of: &dyn Fn(u64) -> Vec<String>,
    ) -> Self {
        let patterns = marks.functions.iter().chain(&marks.files);
        let mut nodes: Vec<_> = patterns.map(|pattern| (pattern, Vec::new())).collect();
        let (by_name, by_file) = nodes.split_at_mut(marks.functions.len());
        let mut mark = |node: u32, linkage: &str, files: &dyn Fn() -> Vec<String>| {
            if !by_name.is_empty() {
                let spellings = spellings(linkage);
                for (_, nodes) in by_name.iter_mut().filter(|(pattern, _)| pattern.is_any(&spellings)) {
                    nodes.push(node);
                }
            }
            if !by_file.is_empty() {
                let files = files();
                for (_, nodes) in by_file.iter_mut().filter(|(pattern, _)| pattern.is_any(&files)) {
                    nodes.push(node);
                }
            }
        };
        for (function, linkage, address) in graph.functions() {
            mark(function, linkage, &|| files_of(address));
        }
        for (node, function) in graph.copies() {
            if let Some(function) = inlined.functions.get(function as usize) {
                mark(node, function.linkage(), &|| function.source_files());
            }
        }
        for (_, nodes) in &mut nodes {
            nodes.sort_unstable();
            nodes.dedup();
        }
        Self { nodes }
    }

    /// Each pattern, and the nodes that it marks.
    pub(super) fn patterns(&self) -> impl Iterator<Item = (&'m Pattern, &[u32])> {
        self.nodes.iter().map(|(pattern, nodes)| (*pattern, nodes.as_slice()))
    }
}

/// Patterns that match nothing in any of these builds, whose marks are the same.
pub fn unmatched(builds: &[Marked<'_>]) -> Vec<Unmatched> {
    let Some(first) = builds.first() else { return Vec::new() };
    let is_found = |index: usize| {
        builds.iter().any(|build| build.nodes.get(index).is_some_and(|(_, found)| !found.is_empty()))
    };
    let lost = first.nodes.iter().enumerate().filter(|(index, _)| !is_found(*index));
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
