//! Who calls whom in a build, and hence who is touched when a function changes.
//!
//! Calls and jumps from one function to another are read from the code and are exact, through linkage
//! stubs and slots of the offset table too. A function whose address is taken, by code or by data, may be
//! called by pointer from anywhere; where from can't be said, so that no call path leads through pointers.
//!
//! Copies of inlined functions can be nodes too: what such a copy calls is called by its function, which is
//! called by the function that the copy is in, its *host*. Who asks who calls whom is told hosts.

mod inlined;
mod reach;
mod scan;

use std::collections::{HashMap, HashSet};

use suture_elf::debug::Inlined;
use suture_elf::{Build, SymbolKind};

use crate::names;
use crate::report::Impact;

use inlined::Copies;
use scan::Scan;

/// The call graph of one build. Its nodes are the functions, by their index, and behind them the copies.
#[derive(Debug)]
pub struct CallGraph<'d> {
    functions: Vec<Function<'d>>,
    /// Names of functions beside the one that is shown.
    aliases: Vec<(u32, &'d str)>,
    copies: Copies,
    /// Ascending by address: first, one past the last, index of the function.
    extents: Vec<(u64, u64, u32)>,
    callees: Edges,
    callers: Edges,
}

/// A function of the build, with the parts that were split off from it.
#[derive(Debug, Clone, Copy)]
struct Function<'d> {
    name: &'d str,
    /// Source file of a local one.
    file: Option<&'d str>,
    address: u64,
    address_taken: bool,
    exported: bool,
}

/// For each function others, ascending.
#[derive(Debug, Default)]
struct Edges {
    starts: Vec<u32>,
    ends: Vec<u32>,
}

impl Edges {
    /// From pairs in ascending order.
    fn new(functions: usize, pairs: &[(u32, u32)]) -> Self {
        let mut starts = Vec::with_capacity(functions + 1);
        for function in 0..=functions as u32 {
            starts.push(pairs.partition_point(|(from, _)| *from < function) as u32);
        }
        Self { starts, ends: pairs.iter().map(|(_, to)| *to).collect() }
    }

    fn of(&self, function: u32) -> &[u32] {
        let at = |index: usize| self.starts.get(index).map_or(0, |start| *start as usize);
        self.ends.get(at(function as usize)..at(function as usize + 1)).unwrap_or_default()
    }
}

impl<'d> CallGraph<'d> {
    /// Reads the code of `build`.
    pub fn new(build: &Build<'d>) -> Self {
        Self::with_inlined(build, &Inlined::default())
    }

    /// The same with copies of inlined functions as nodes.
    pub fn with_inlined(build: &Build<'d>, inlined: &Inlined) -> Self {
        let (functions, aliases, extents) = functions(build);
        let mut graph = Self {
            functions,
            aliases,
            copies: Copies::default(),
            extents,
            callees: Edges::default(),
            callers: Edges::default(),
        };
        let (copies, insides) = Copies::find(&graph, inlined);
        graph.copies = copies;
        let Scan { mut calls, taken } = scan::scan(build, &graph);
        calls.extend(insides);
        for function in taken {
            if let Some(function) = graph.functions.get_mut(function as usize) {
                function.address_taken = true;
            }
        }
        calls.sort_unstable();
        calls.dedup();
        graph.callees = Edges::new(graph.nodes(), &calls);
        let mut back: Vec<_> = calls.iter().map(|(from, to)| (*to, *from)).collect();
        back.sort_unstable();
        graph.callers = Edges::new(graph.nodes(), &back);
        graph
    }

    /// Who reaches the function at `address`; `None` if there is no function.
    pub fn impact(&self, address: u64) -> Option<Impact> {
        let function = self.at(address)?;
        let data = self.functions.get(function as usize)?;
        let callers = self.hosts(self.callers.of(function));
        let reaching = self.hosts(&self.reaching(function));
        Some(Impact {
            function: names::demangle(data.name),
            callers: self.names(callers.iter().copied()),
            roots: self.names(self.roots(&reaching).into_iter()),
            reached_from: reaching.len() - 1,
            address_taken: data.address_taken,
            only_by_pointer: data.address_taken && callers.iter().all(|caller| *caller == function),
        })
    }

    /// Whether a pointer may lead to the function at `address`.
    pub(crate) fn is_address_taken(&self, address: u64) -> bool {
        let function = self.at(address).and_then(|function| self.functions.get(function as usize));
        function.is_some_and(|function| function.address_taken)
    }

    /// The function to which the code at `address` belongs.
    pub(crate) fn at(&self, address: u64) -> Option<u32> {
        let next = self.extents.partition_point(|(start, ..)| *start <= address);
        let (_, end, function) = self.extents.get(next.checked_sub(1)?)?;
        (address < *end).then_some(*function)
    }

    /// The function whose entry is at `address`.
    fn entry(&self, address: u64) -> Option<u32> {
        let function = self.at(address)?;
        (self.functions.get(function as usize)?.address == address).then_some(function)
    }

    /// All functions: index, linkage name, entry address; those with several names once for each.
    pub(crate) fn functions(&self) -> impl Iterator<Item = (u32, &'d str, u64)> + '_ {
        let shown = (0..).zip(&self.functions).map(|(index, function)| (index, function.name));
        let named = shown.chain(self.aliases.iter().copied());
        named.filter_map(|(index, name)| Some((index, name, self.functions.get(index as usize)?.address)))
    }

    /// The nodes that are copies, each with the index of its function among those that were inlined.
    pub(crate) fn copies(&self) -> impl Iterator<Item = (u32, u32)> + '_ {
        (self.functions.len() as u32..).zip(self.copies.functions())
    }

    /// The copies in the code of `function`, ascending.
    pub(crate) fn copies_in(&self, function: u32) -> impl Iterator<Item = u32> + '_ {
        self.copies().map(|(node, _)| node).filter(move |node| self.host(*node) == function)
    }

    fn nodes(&self) -> usize {
        self.functions.len() + self.copies.functions().count()
    }

    /// The function whose code a node is.
    fn host(&self, node: u32) -> u32 {
        (node as usize).checked_sub(self.functions.len()).map_or(node, |copy| self.copies.host(copy))
    }

    /// The functions whose code these nodes are, each once, in the order of the nodes.
    fn hosts(&self, nodes: &[u32]) -> Vec<u32> {
        let mut seen = HashSet::new();
        nodes.iter().map(|node| self.host(*node)).filter(|host| seen.insert(*host)).collect()
    }

    /// Demangled names, each once, ascending.
    fn names(&self, functions: impl Iterator<Item = u32>) -> Vec<String> {
        let mut names: Vec<_> = functions.filter_map(|function| self.name(function)).collect();
        names.sort_unstable();
        names.dedup();
        names
    }

    pub(crate) fn name(&self, node: u32) -> Option<String> {
        let copy = || self.copies.name((node as usize).checked_sub(self.functions.len())?);
        let function = self.functions.get(node as usize).map(|function| function.name);
        function.or_else(copy).map(names::demangle)
    }
}

type Extent = (u64, u64, u32);

/// Functions, aliases and split-off parts joined; the names that are not shown; and where their code is.
fn functions<'d>(build: &Build<'d>) -> (Vec<Function<'d>>, Vec<(u32, &'d str)>, Vec<Extent>) {
    let exported: HashSet<u64> = build
        .dynamic_symbols()
        .iter()
        .filter(|symbol| symbol.section.is_some() && !symbol.local)
        .map(|symbol| symbol.address)
        .collect();
    let mut functions: Vec<Function<'d>> = Vec::new();
    let (mut aliases, mut extents): (Vec<(u32, &str)>, Vec<Extent>) = Default::default();
    for index in build.symbols_by_address() {
        let symbol = &build.symbols()[*index as usize];
        let is_code = matches!(symbol.kind, SymbolKind::Function | SymbolKind::IndirectFunction);
        if !is_code || !build.section_at(symbol.address).is_some_and(suture_elf::Section::is_code) {
            continue;
        }
        let last = (functions.len() as u32).wrapping_sub(1);
        match functions.last_mut() {
            Some(function) if function.address == symbol.address => {
                // Another name: a global one is shown.
                let other = if symbol.local { symbol.name } else { function.name };
                aliases.push((last, other));
                if !symbol.local {
                    (function.name, function.file) = (symbol.name, None);
                }
            }
            _ => {
                let end = symbol.address.saturating_add(symbol.size);
                extents.push((symbol.address, end, functions.len() as u32));
                functions.push(Function {
                    name: symbol.name,
                    file: symbol.file,
                    address: symbol.address,
                    address_taken: false,
                    exported: exported.contains(&symbol.address),
                });
            }
        }
    }
    close_gaps(build, &mut extents);
    join_parts(&functions, &mut extents);
    (functions, aliases, extents)
}

/// Gives the code of split-off parts to the functions that they were split off from.
fn join_parts(functions: &[Function<'_>], extents: &mut [Extent]) {
    let by_name: HashMap<_, u32> =
        (0..).zip(functions).map(|(index, function)| ((function.name, function.file), index)).collect();
    for (function, extent) in functions.iter().zip(extents) {
        let Some(parent) = names::fragment_parent(function.name) else { continue };
        // A part is local, so that it alone has a file if the function is global.
        let found = by_name.get(&(parent, function.file)).or_else(|| by_name.get(&(parent, None)));
        extent.2 = found.copied().unwrap_or(extent.2);
    }
}

/// Hand-written functions have no size: they end where the next begins.
fn close_gaps(build: &Build<'_>, extents: &mut [Extent]) {
    for index in 0..extents.len() {
        let (start, end, _) = extents[index];
        if start == end {
            let section_end = build.section_at(start).map_or(start, |s| s.address.saturating_add(s.size));
            let next = extents.get(index + 1).map_or(section_end, |next| next.0);
            extents[index].1 = next.min(section_end);
        }
    }
}
