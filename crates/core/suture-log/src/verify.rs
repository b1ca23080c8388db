//! Proofs checked by whoever has nothing but roots: RFC 9162 §2.1.3.2 and §2.1.4.2, step by step.

use thiserror::Error;

use crate::hash::Hash;

/// Why a proof proves nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum ProofError {
    /// The tree is too small for it.
    #[error("the tree has {size} entries, so it has no entry {index}")]
    OutOfTree {
        /// Leaf that is asked for.
        index: u64,
        /// Leaves in the tree.
        size: u64,
    },
    /// The older tree is the larger one.
    #[error("the older tree has {old} entries, the newer one only {new}")]
    Shrunk {
        /// Leaves of the older tree.
        old: u64,
        /// Leaves of the newer one.
        new: u64,
    },
    /// Not as many hashes as the sizes ask for.
    #[error("the proof has {found} hashes, which is not the number for a tree of this size")]
    Length {
        /// Hashes that it has.
        found: usize,
    },
    /// The hashes lead elsewhere.
    #[error("the hashes of the proof do not lead to the root of the {tree} tree")]
    Root {
        /// Which tree, in words.
        tree: &'static str,
    },
}

/// Checks that `leaf` is number `index` of the tree with these `size` and `root`.
///
/// # Errors
/// Why it does not follow from the proof.
pub fn inclusion(index: u64, leaf: Hash, size: u64, root: Hash, proof: &[Hash]) -> Result<(), ProofError> {
    if index >= size {
        return Err(ProofError::OutOfTree { index, size });
    }
    let (mut from, mut last, mut hash) = (index, size - 1, leaf);
    for sibling in proof {
        if last == 0 {
            return Err(ProofError::Length { found: proof.len() });
        }
        if from % 2 == 1 || from == last {
            hash = Hash::of_children(sibling, &hash);
            skip_levels_without_sibling(&mut from, &mut last);
        } else {
            hash = Hash::of_children(&hash, sibling);
        }
        (from, last) = (from >> 1, last >> 1);
    }
    if last != 0 {
        return Err(ProofError::Length { found: proof.len() });
    }
    if hash == root { Ok(()) } else { Err(ProofError::Root { tree: "signed" }) }
}

/// Checks that the tree with `new` leaves and root begins with the one of `old`.
///
/// # Errors
/// Why it does not follow from the proof.
pub fn consistency(old: (u64, Hash), new: (u64, Hash), proof: &[Hash]) -> Result<(), ProofError> {
    let ((old_size, old_root), (new_size, new_root)) = (old, new);
    if old_size > new_size {
        return Err(ProofError::Shrunk { old: old_size, new: new_size });
    }
    let wrong_length = ProofError::Length { found: proof.len() };
    if old_size == 0 || old_size == new_size {
        let expected = if old_size == 0 { Hash::of_nothing() } else { new_root };
        return match proof {
            [] if old_root == expected => Ok(()),
            [] => Err(ProofError::Root { tree: "older" }),
            _ => Err(wrong_length),
        };
    }
    // Whoever has a tree of 2^k leaves has the first hash of the proof already.
    let own = [old_root];
    let first_is_known = old_size.is_power_of_two();
    let mut hashes = if first_is_known { own.iter() } else { [].iter() }.chain(proof);
    let (mut from, mut last) = (old_size - 1, new_size - 1);
    while from % 2 == 1 {
        (from, last) = (from >> 1, last >> 1);
    }
    let Some(first) = hashes.next() else { return Err(wrong_length) };
    let (mut old_hash, mut new_hash) = (*first, *first);
    for hash in hashes {
        if last == 0 {
            return Err(wrong_length);
        }
        if from % 2 == 1 || from == last {
            old_hash = Hash::of_children(hash, &old_hash);
            new_hash = Hash::of_children(hash, &new_hash);
            skip_levels_without_sibling(&mut from, &mut last);
        } else {
            new_hash = Hash::of_children(&new_hash, hash);
        }
        (from, last) = (from >> 1, last >> 1);
    }
    if last != 0 {
        return Err(wrong_length);
    }
    if old_hash != old_root {
        return Err(ProofError::Root { tree: "older" });
    }
    if new_hash == new_root { Ok(()) } else { Err(ProofError::Root { tree: "newer" }) }
}

/// "If LSB(fn) is not set, right-shift both fn and sn equally until either LSB(fn) is set or fn is 0."
fn skip_levels_without_sibling(from: &mut u64, last: &mut u64) {
    while from.is_multiple_of(2) && *from != 0 {
        (*from, *last) = (*from >> 1, *last >> 1);
    }
}
