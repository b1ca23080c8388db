//! Call paths between what a delta changes and what is marked.

use super::Pattern;
use super::marked::Marked;
use crate::impact::CallGraph;
use crate::report::CriticalPath;

/// A function that counts as changed: paths begin there.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Start {
    /// Address of the function.
    pub address: u64,
    /// The object that changes, if it counts because it refers to that.
    pub reads: Option<String>,
}

/// Paths between functions that count as changed and marked ones: for each and each pattern the nearest that it
/// calls and the nearest that calls it, directly or not; if it is marked itself, or a marked one is inlined into
/// it, that.
pub fn critical_paths(graph: &CallGraph<'_>, marked: &Marked<'_>, starts: &[Start]) -> Vec<CriticalPath> {
    let mut paths = Vec::new();
    for start in starts {
        let Some(function) = graph.at(start.address) else { continue };
        let copies: Vec<u32> = graph.copies_in(function).collect();
        let (up, down) = (graph.walk_up(function), graph.walk_down(function));
        for (pattern, marked) in marked.patterns() {
            let is_marked = |node: &&u32| marked.binary_search(node).is_ok();
            let path = |way: Vec<u32>, far: Option<u32>, inlined| {
                let name = |node: u32| graph.name(node).unwrap_or_default();
                let Pattern { mark, text, .. } = pattern;
                CriticalPath {
                    function: name(function),
                    marked: far.map(name).unwrap_or_default(),
                    mark: mark.clone(),
                    pattern: text.clone(),
                    path: way.into_iter().map(name).collect(),
                    reads: start.reads.clone(),
                    inlined,
                }
            };
            if let Some(above) = up.reached().iter().find(is_marked) {
                paths.push(path(up.way_back(*above), Some(*above), false));
            }
            let inside = copies.iter().find(is_marked);
            let below = down.reached().iter().find(is_marked).filter(|_| !is_marked(&&function));
            if let Some(found) = inside.or(below) {
                let mut way = down.way_back(*found);
                way.reverse();
                paths.push(path(way, Some(*found), inside.is_some()));
            }
        }
    }
    let order = |path: &CriticalPath| (path.function.clone(), path.mark.clone(), path.path.clone());
    paths.sort_by_cached_key(order);
    paths
}
