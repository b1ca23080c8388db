//! The tree against RFC 6962's own definition, written down once more in the plainest way, and the vectors that
//! certificate-transparency has published.

use std::convert::Infallible;

use proptest::prelude::*;
use suture_log::tree::{self, Node, Nodes};
use suture_log::{Frontier, Hash, verify};

/// MTH, word for word from RFC 6962 §2.1.
fn mth(leaves: &[Hash]) -> Hash {
    match leaves {
        [] => Hash::of_nothing(),
        [one] => *one,
        more => {
            let k = split(more.len());
            Hash::of_children(&mth(&more[..k]), &mth(&more[k..]))
        }
    }
}

/// PATH, word for word from §2.1.1.
fn path(m: usize, leaves: &[Hash]) -> Vec<Hash> {
    if leaves.len() == 1 {
        return Vec::new();
    }
    let k = split(leaves.len());
    let (mut before, last) = if m < k {
        (path(m, &leaves[..k]), mth(&leaves[k..]))
    } else {
        (path(m - k, &leaves[k..]), mth(&leaves[..k]))
    };
    before.push(last);
    before
}

/// SUBPROOF, word for word from §2.1.2.
fn subproof(m: usize, leaves: &[Hash], is_known: bool) -> Vec<Hash> {
    if m == leaves.len() {
        return if is_known { Vec::new() } else { vec![mth(leaves)] };
    }
    let k = split(leaves.len());
    let (mut before, last) = if m <= k {
        (subproof(m, &leaves[..k], is_known), mth(&leaves[k..]))
    } else {
        (subproof(m - k, &leaves[k..], false), mth(&leaves[..k]))
    };
    before.push(last);
    before
}

/// "the largest power of two smaller than n"
fn split(n: usize) -> usize {
    let mut k = 1;
    while k * 2 < n {
        k *= 2;
    }
    k
}

fn leaves(count: usize) -> Vec<Hash> {
    (0..count).map(|number| Hash::of_leaf(number.to_string().as_bytes())).collect()
}

/// Nodes straight from the leaves; refuses nodes that are not complete.
pub(crate) struct Leaves<'a>(pub(crate) &'a [Hash]);

impl Nodes for Leaves<'_> {
    type Error = Infallible;

    fn node(&mut self, node: Node) -> Result<Hash, Infallible> {
        let first = (node.index << node.level) as usize;
        let below = &self.0[first..first + (1 << node.level)];
        Ok(mth(below))
    }
}

#[test]
fn vectors_of_certificate_transparency() {
    let inputs =
        ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"];
    let roots = [
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
        "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
        "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
        "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    ];
    let mut frontier = Frontier::default();
    for (input, root) in inputs.into_iter().zip(roots) {
        let pairs = (0..input.len()).step_by(2).map(|at| &input[at..at + 2]);
        let entry: Vec<u8> = pairs.map(|pair| u8::from_str_radix(pair, 16).unwrap()).collect();
        frontier.push(Hash::of_leaf(&entry), |_, _| {});
        let bytes = (0..root.len()).step_by(2).map(|at| u8::from_str_radix(&root[at..at + 2], 16).unwrap());
        assert_eq!(frontier.root().0.to_vec(), bytes.collect::<Vec<_>>());
    }
}

/// Every leaf and every pair of sizes of small trees.
#[test]
fn all_proofs_of_small_trees_are_those_of_the_definition() {
    let all = leaves(40);
    let mut frontier = Frontier::default();
    for size in 0..=all.len() {
        let tree = &all[..size];
        let root = mth(tree);
        assert_eq!(tree::root(size as u64, &mut Leaves(tree)).unwrap(), root);
        assert_eq!(frontier.root(), root);
        assert_eq!(Frontier::load(size as u64, &mut Leaves(tree)).unwrap(), frontier);
        for index in 0..size {
            let proof = tree::inclusion(index as u64, size as u64, &mut Leaves(tree)).unwrap();
            assert_eq!(proof, path(index, tree));
            assert_eq!(verify::inclusion(index as u64, tree[index], size as u64, root, &proof), Ok(()));
        }
        for old in 0..=size {
            let proof = tree::consistency(old as u64, size as u64, &mut Leaves(tree)).unwrap();
            let expected = if old == 0 { Vec::new() } else { subproof(old, tree, true) };
            assert_eq!(proof, expected, "{old} {size}");
            let (old, new) = ((old as u64, mth(&tree[..old])), (size as u64, root));
            assert_eq!(verify::consistency(old, new, &proof), Ok(()), "{old:?} {new:?}");
        }
        if let Some(leaf) = all.get(size) {
            frontier.push(*leaf, |node, hash| assert_eq!(Leaves(&all).node(node).unwrap(), hash));
        }
    }
}

proptest! {
    /// No hash, index, size or root of a proof can be another one.
    #[test]
    fn a_changed_inclusion_proof_proves_nothing(size in 1_usize..300, pick: prop::sample::Index, at: prop::sample::Index, bit in 0_u8..8) {
        let all = leaves(size);
        let (index, root) = (pick.index(size), mth(&all));
        let proof = path(index, &all);
        let check = |index, size, root, proof: &[Hash]| verify::inclusion(index, all[pick.index(all.len())], size, root, proof);
        let (index, size) = (index as u64, size as u64);
        prop_assert_eq!(check(index, size, root, &proof), Ok(()));
        let mut other = root;
        other.0[at.index(32)] ^= 1 << bit;
        prop_assert!(check(index, size, other, &proof).is_err());
        prop_assert!(check(index ^ 1, size, root, &proof).is_err() || size == 1);
        prop_assert!(check(index, index, root, &proof).is_err());
        let mut longer = proof.clone();
        longer.push(root);
        prop_assert!(check(index, size, root, &longer).is_err());
        if !proof.is_empty() {
            prop_assert!(check(index, size, root, &proof[1..]).is_err());
            let mut changed = proof.clone();
            changed[at.index(proof.len())].0[0] ^= 1 << bit;
            prop_assert!(check(index, size, root, &changed).is_err());
        }
    }

    /// Nor of a consistency proof.
    #[test]
    fn a_changed_consistency_proof_proves_nothing(old in 1_usize..200, more in 0_usize..200, at: prop::sample::Index, bit in 0_u8..8) {
        let all = leaves(old + more);
        let proof = subproof(old, &all, true);
        let (first, second) = ((old as u64, mth(&all[..old])), (all.len() as u64, mth(&all)));
        prop_assert_eq!(verify::consistency(first, second, &proof), Ok(()));
        let change = |hash: Hash| { let mut hash = hash; hash.0[31] ^= 1 << bit; hash };
        prop_assert!(verify::consistency((first.0, change(first.1)), second, &proof).is_err());
        prop_assert!(verify::consistency(first, (second.0, change(second.1)), &proof).is_err());
        prop_assert!(verify::consistency((second.0 + 1, second.1), second, &proof).is_err());
        let mut longer = proof.clone();
        longer.push(first.1);
        prop_assert!(verify::consistency(first, second, &longer).is_err());
        if !proof.is_empty() {
            let mut changed = proof.clone();
            let place = at.index(proof.len());
            changed[place] = change(changed[place]);
            prop_assert!(verify::consistency(first, second, &changed).is_err());
            prop_assert!(verify::consistency(first, second, &proof[1..]).is_err());
        }
    }
}
