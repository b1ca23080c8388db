//! Proofs out of a tree whose nodes can be asked for, wherever they are kept.
//!
//! Only nodes whose leaves are all there are ever asked for; what stands on the ragged right edge is computed
//! from them. The names MTH, PATH and PROOF are those of RFC 6962 §2.1.

use crate::hash::Hash;

/// A perfect subtree: `2^level` leaves, the first of which is number `index * 2^level`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Node {
    /// Height above the leaves.
    pub level: u8,
    /// Number in its level, from the left.
    pub index: u64,
}

/// Where the hashes of nodes come from.
pub trait Nodes {
    /// Why a node can't be had.
    type Error;

    /// Hash of a node that has all its leaves.
    ///
    /// # Errors
    /// It can't be read.
    fn node(&mut self, node: Node) -> Result<Hash, Self::Error>;
}

/// Most hashes in a proof: one for each level of a tree with 2^64 leaves.
pub const PROOF_HASHES_MAX: usize = 64;

/// Root of the first `size` leaves: MTH(D\[size\]).
///
/// # Errors
/// What `nodes` says.
pub fn root<N: Nodes + ?Sized>(size: u64, nodes: &mut N) -> Result<Hash, N::Error> {
    if size == 0 { Ok(Hash::of_nothing()) } else { range(0, size, nodes) }
}

/// Proof that leaf `index` is in the tree of `size` leaves: PATH(index, D\[size\]), the leaf's sibling first.
///
/// # Errors
/// What `nodes` says.
///
/// # Panics
/// If the tree has no leaf `index`.
pub fn inclusion<N: Nodes + ?Sized>(index: u64, size: u64, nodes: &mut N) -> Result<Vec<Hash>, N::Error> {
    assert!(index < size, "a tree of {size} leaves has no leaf {index}");
    let (mut low, mut high) = (0, size);
    let mut path = Vec::new();
    while high - low > 1 {
        let middle = low + split(high - low);
        if index < middle {
            path.push(range(middle, high, nodes)?);
            high = middle;
        } else {
            path.push(range(low, middle, nodes)?);
            low = middle;
        }
    }
    path.reverse();
    Ok(path)
}

/// Proof that the tree of `new` leaves begins with the one of `old` leaves: PROOF(old, D\[new\]).
/// It is empty if the trees are the same or the old one is empty.
///
/// # Errors
/// What `nodes` says.
///
/// # Panics
/// If the old tree is larger than the new one.
pub fn consistency<N: Nodes + ?Sized>(old: u64, new: u64, nodes: &mut N) -> Result<Vec<Hash>, N::Error> {
    assert!(old <= new, "a tree of {new} leaves does not begin with one of {old}");
    let mut proof = Vec::new();
    if old == 0 || old == new {
        return Ok(proof);
    }
    let (mut low, mut high) = (0, new);
    // The subtree that ends where the old tree does; its root is known to whom has the old root if it begins at 0.
    while old != high {
        let middle = low + split(high - low);
        if old <= middle {
            proof.push(range(middle, high, nodes)?);
            high = middle;
        } else {
            proof.push(range(low, middle, nodes)?);
            low = middle;
        }
    }
    if low != 0 {
        proof.push(range(low, high, nodes)?);
    }
    proof.reverse();
    Ok(proof)
}

/// The perfect subtrees that make up the leaves `low..high`, from left to right. `low` must be where a subtree
/// of that size can begin, as in every subtree that the RFC speaks of.
pub(crate) fn perfect_subtrees(low: u64, high: u64) -> impl Iterator<Item = Node> {
    let len = high - low;
    let mut at = low;
    (0..u64::BITS as u8).rev().filter(move |level| len >> level & 1 == 1).map(move |level| {
        let node = Node { level, index: at >> level };
        at += 1 << level;
        node
    })
}

/// Hash over the leaves `low..high`, at least one.
fn range<N: Nodes + ?Sized>(low: u64, high: u64, nodes: &mut N) -> Result<Hash, N::Error> {
    let hashes = perfect_subtrees(low, high).map(|node| nodes.node(node)).collect::<Result<Vec<_>, _>>()?;
    let (last, before) = hashes.split_last().expect("a range of leaves is not empty");
    Ok(before.iter().rev().fold(*last, |right, left| Hash::of_children(left, &right)))
}

/// The largest power of two that is smaller than `len`, at least 2: where the RFC cuts a tree.
fn split(len: u64) -> u64 {
    1 << (len - 1).ilog2()
}
