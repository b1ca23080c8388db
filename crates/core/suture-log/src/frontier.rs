//! The right edge of a growing tree: what has to be kept to append and to know the root, and no more.
//!
//! A tree of n leaves is a row of perfect subtrees, one for each bit of n, largest first. Their roots are all
//! that later hashes depend on (the "compact range"): at most 64 hashes for any log.

use crate::hash::Hash;
use crate::tree::{self, Node, Nodes};

/// The roots of the perfect subtrees of a tree, and its size.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Frontier {
    size: u64,
    /// One for each bit of `size` that is set, the largest subtree first.
    roots: Vec<Hash>,
}

impl Frontier {
    /// The frontier of a tree of `size` leaves whose nodes can be asked for.
    ///
    /// # Errors
    /// What `nodes` says.
    pub fn load<N: Nodes + ?Sized>(size: u64, nodes: &mut N) -> Result<Self, N::Error> {
        let subtrees = tree::perfect_subtrees(0, size);
        let roots = subtrees.map(|node| nodes.node(node)).collect::<Result<_, _>>()?;
        Ok(Self { size, roots })
    }

    /// Leaves in the tree.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Adds a leaf. `completed` is told every node that has all its leaves now, from the leaf upwards.
    ///
    /// # Panics
    /// Never: there is a root for each bit of the size.
    pub fn push(&mut self, leaf: Hash, mut completed: impl FnMut(Node, Hash)) {
        let mut node = Node { level: 0, index: self.size };
        let mut hash = leaf;
        completed(node, hash);
        while node.index % 2 == 1 {
            let left = self.roots.pop().expect("a set bit of the size has its root");
            hash = Hash::of_children(&left, &hash);
            node = Node { level: node.level + 1, index: node.index / 2 };
            completed(node, hash);
        }
        self.roots.push(hash);
        self.size += 1;
    }

    /// Root of the tree (RFC 6962 §2.1).
    pub fn root(&self) -> Hash {
        let mut smaller_first = self.roots.iter().rev();
        let Some(last) = smaller_first.next() else { return Hash::of_nothing() };
        smaller_first.fold(*last, |right, left| Hash::of_children(left, &right))
    }
}
