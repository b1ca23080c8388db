//! Commit now, reveal later: an advisory's digest that can be signed and published before its text.
//!
//! Advisories follow templates, so a bare digest could be guessed by whoever suspects what the hole is. A salt of
//! 32 random bytes hides it; salt and text together open it, and no second text opens it.

use crate::digest::Digest;

/// Keeps these digests apart from digests of anything else.
const DOMAIN: &[u8] = b"suture commitment v1\0";

/// The commitment to `text`: SHA-256 over a domain, the salt and the text. The salt has a fixed length, so that
/// salt and text can't be cut apart in two ways.
pub fn commit(salt: &[u8; 32], text: &[u8]) -> Digest {
    Digest::of(&[DOMAIN, salt, text].concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn salt_and_text_both_count() {
        let committed = commit(&[7; 32], b"advisory");
        assert_eq!(committed, commit(&[7; 32], b"advisory"));
        assert_ne!(committed, commit(&[7; 32], b"advisory."));
        assert_ne!(committed, commit(&[8; 32], b"advisory"));
        assert_ne!(committed, Digest::of(b"advisory"));
    }
}
