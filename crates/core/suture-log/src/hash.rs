//! The hashes of the tree (RFC 6962 §2.1): leaves and nodes are told apart by their first byte, so that no entry
//! can pass for a node.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};

const LEAF_PREFIX: u8 = 0;
const NODE_PREFIX: u8 = 1;

/// A SHA-256 of an entry, a node or a whole tree.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Hash(pub [u8; Self::LEN]);

impl Hash {
    /// Bytes of a hash.
    pub const LEN: usize = 32;

    /// Root of the tree without entries: the hash of nothing.
    pub fn of_nothing() -> Self {
        Self(Sha256::digest([]).into())
    }

    /// Hash of an entry: SHA-256(0x00 || entry).
    pub fn of_leaf(entry: &[u8]) -> Self {
        Self(Sha256::new_with_prefix([LEAF_PREFIX]).chain_update(entry).finalize().into())
    }

    /// Hash of a node: SHA-256(0x01 || left || right).
    pub fn of_children(left: &Self, right: &Self) -> Self {
        Self(
            Sha256::new_with_prefix([NODE_PREFIX])
                .chain_update(left.0)
                .chain_update(right.0)
                .finalize()
                .into(),
        )
    }

    /// The hash written as base64 (RFC 4648 §4), as the formats of C2SP do.
    pub fn from_base64(text: &str) -> Option<Self> {
        // 44 characters; longer ones are not even decoded.
        const BASE64_LEN: usize = 44;
        if text.len() != BASE64_LEN {
            return None;
        }
        let mut bytes = [0; Self::LEN + 1];
        let len = STANDARD.decode_slice(text, &mut bytes).ok()?;
        bytes[..len].try_into().ok().map(Self)
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&STANDARD.encode(self.0))
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Hash({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_has_one_spelling() {
        let hash = Hash::of_leaf(b"entry");
        let text = hash.to_string();
        assert_eq!(Hash::from_base64(&text), Some(hash));
        for wrong in [&text[..43], &format!("{text}="), &text.replace('=', "A"), &"\u{e9}".repeat(22)] {
            assert_eq!(Hash::from_base64(wrong), None, "{wrong}");
        }
    }
}
