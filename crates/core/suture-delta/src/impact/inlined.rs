//! Copies of inlined functions as nodes of the call graph: all copies of one function in one host are one.

use std::cmp::Reverse;
use std::collections::HashMap;

use suture_elf::debug::Inlined;

use super::CallGraph;

/// The copies, numbered by where they stand behind the functions of the graph.
#[derive(Debug, Default)]
pub(super) struct Copies {
    /// For each copy the index of its function among those that were inlined, and its host.
    nodes: Vec<(u32, u32)>,
    /// Names of the functions that were inlined.
    names: Vec<String>,
    /// Ascending, apart: first address, one past the last, node of the innermost copy there.
    pieces: Vec<(u64, u64, u32)>,
}

/// Caller and called.
type Call = (u32, u32);

impl Copies {
    /// Gives the copies of `inlined` to the functions of `graph` that they are in; and says in what each is,
    /// as calls.
    pub(super) fn find(graph: &CallGraph<'_>, inlined: &Inlined) -> (Self, Vec<Call>) {
        let first = graph.functions.len() as u32;
        let names = inlined.functions.iter().map(|function| function.linkage().to_owned()).collect();
        let mut copies = Self { names, ..Self::default() };
        let mut known: HashMap<(u32, u32), u32> = HashMap::new();
        let mut ranges: Vec<(u64, u64, u32)> = Vec::new();
        for code in &inlined.copies {
            let Some(host) = graph.at(code.start) else { continue };
            let node = *known.entry((code.function, host)).or_insert_with(|| {
                copies.nodes.push((code.function, host));
                first + copies.nodes.len() as u32 - 1
            });
            ranges.push((code.start, code.end, node));
        }
        // Of two that are as long the outer one comes first, as in the debug information.
        ranges.sort_by_key(|(start, end, _)| (*start, Reverse(*end)));
        let host = |node: u32| copies.nodes.get((node - first) as usize).map_or(node, |(_, host)| *host);
        let (pieces, calls) = flatten(&ranges, &host);
        copies.pieces = pieces;
        (copies, calls)
    }

    /// For each copy the index of its function among those that were inlined.
    pub(super) fn functions(&self) -> impl Iterator<Item = u32> + '_ {
        self.nodes.iter().map(|(function, _)| *function)
    }

    /// The function in whose code the copy with this number is.
    pub(super) fn host(&self, copy: usize) -> u32 {
        self.nodes.get(copy).map_or(u32::MAX, |(_, host)| *host)
    }

    /// The linkage name of the copy with this number.
    pub(super) fn name(&self, copy: usize) -> Option<&str> {
        let (function, _) = self.nodes.get(copy)?;
        self.names.get(*function as usize).map(String::as_str)
    }
}

impl CallGraph<'_> {
    /// The innermost copy to which the code at `address` belongs.
    pub(super) fn copy_at(&self, address: u64) -> Option<u32> {
        let pieces = &self.copies.pieces;
        let next = pieces.partition_point(|(start, ..)| *start <= address);
        let (_, end, node) = pieces.get(next.checked_sub(1)?)?;
        (address < *end).then_some(*node)
    }
}

/// Nested ranges, outer ones first, as pieces of the innermost ones; and in what each is.
fn flatten(ranges: &[(u64, u64, u32)], host: &dyn Fn(u32) -> u32) -> (Vec<(u64, u64, u32)>, Vec<Call>) {
    let (mut pieces, mut calls) = (Vec::new(), Vec::new());
    let mut open: Vec<(u64, u32)> = Vec::new();
    let mut at = 0;
    let mut piece = |from: &mut u64, to: u64, node: u32| {
        if *from < to {
            pieces.push((*from, to, node));
            *from = to;
        }
    };
    for (start, end, node) in ranges.iter().copied() {
        while let Some((end, closed)) = open.pop_if(|(end, _)| *end <= start) {
            piece(&mut at, end, closed);
        }
        let outer = open.last().map(|(_, outer)| *outer);
        if let Some(outer) = outer {
            piece(&mut at, start, outer);
        }
        at = at.max(start);
        let around = outer.filter(|outer| host(*outer) == host(node));
        calls.push((around.unwrap_or_else(|| host(node)), node));
        open.push((end, node));
    }
    while let Some((end, closed)) = open.pop() {
        piece(&mut at, end, closed);
    }
    (pieces, calls)
}
