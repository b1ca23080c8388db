//! Walks over the call graph.

use std::collections::VecDeque;

use super::{CallGraph, Edges};

/// Where a walk over the graph is and where it came from.
pub(crate) struct Walk {
    /// For each function the one from which it was reached first, if it was reached; the start by itself.
    from: Vec<Option<u32>>,
    /// Functions in the order in which they were reached: nearest first.
    order: Vec<u32>,
}

impl Walk {
    fn new(functions: usize, start: u32, edges: &Edges) -> Self {
        let mut walk = Self { from: vec![None; functions], order: Vec::new() };
        let mut queue = VecDeque::from([start]);
        if let Some(first) = walk.from.get_mut(start as usize) {
            *first = Some(start);
        }
        while let Some(function) = queue.pop_front() {
            walk.order.push(function);
            for next in edges.of(function) {
                if let Some(from @ None) = walk.from.get_mut(*next as usize) {
                    *from = Some(function);
                    queue.push_back(*next);
                }
            }
        }
        walk
    }

    /// Functions that were reached, the start first, then by distance.
    pub(crate) fn reached(&self) -> &[u32] {
        &self.order
    }

    /// The way back from a reached function to the start, both included.
    pub(crate) fn way_back(&self, function: u32) -> Vec<u32> {
        let mut way = vec![function];
        let mut at = function;
        while let Some(from) = self.from.get(at as usize).copied().flatten().filter(|from| *from != at) {
            way.push(from);
            at = from;
        }
        way
    }
}

impl CallGraph<'_> {
    /// All that `function` calls, directly or not.
    pub(crate) fn walk_down(&self, function: u32) -> Walk {
        Walk::new(self.nodes(), function, &self.callees)
    }

    /// All that call `function`, directly or not.
    pub(crate) fn walk_up(&self, function: u32) -> Walk {
        Walk::new(self.nodes(), function, &self.callers)
    }

    /// `function` and all that reach it.
    pub(super) fn reaching(&self, function: u32) -> Vec<u32> {
        self.walk_up(function).order
    }

    /// Those functions of `reaching` that nothing calls; where all call each other, those that are called from
    /// outside or by pointer.
    pub(super) fn roots(&self, reaching: &[u32]) -> Vec<u32> {
        let is_uncalled =
            |function: &u32| self.callers.of(*function).iter().all(|caller| self.host(*caller) == *function);
        let uncalled: Vec<u32> = reaching.iter().copied().filter(is_uncalled).collect();
        if !uncalled.is_empty() {
            return uncalled;
        }
        let is_open = |function: &u32| {
            self.functions.get(*function as usize).is_some_and(|data| data.address_taken || data.exported)
        };
        reaching.iter().copied().filter(is_open).collect()
    }
}
