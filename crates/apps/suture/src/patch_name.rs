//! What `toggle` and `revert` are given: the file of a delta or of a bundle, or the id of a delta.

use std::path::Path;

use suture_clearance::Patch;
use suture_delta::Delta;

use crate::failure::Failure;
use crate::permission;

/// Shortest prefix of an id that is taken for one.
const PREFIX_LEN_MIN: usize = 4;
const ID_LEN: usize = 64;

/// A patch as the user names it.
pub(crate) enum PatchName {
    /// A file.
    File(Box<Patch>),
    /// The id of a delta, or the beginning of one, in lower-case hex.
    Id(String),
}

/// One delta to operate with.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Part<'a> {
    /// At hand, with its id.
    Delta(&'a Delta, &'a str),
    /// By its id, or the beginning of it.
    Id(&'a str),
}

impl PatchName {
    /// A file of that name comes first; what can't be an id is meant to be one.
    pub(crate) fn resolve(text: &str) -> Result<Self, Failure> {
        let looks_like_id = (PREFIX_LEN_MIN..=ID_LEN).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        if looks_like_id && !Path::new(text).exists() {
            return Ok(Self::Id(text.to_ascii_lowercase()));
        }
        permission::read_patch(Path::new(text)).map(|patch| Self::File(Box::new(patch)))
    }

    /// Its deltas, in an order in which each comes after those that it stands on.
    pub(crate) fn parts(&self) -> Vec<Part<'_>> {
        match self {
            Self::Id(id) => vec![Part::Id(id)],
            Self::File(patch) => {
                let mut deltas: Vec<_> = patch.deltas.iter().collect();
                // What stands on n others has at least n below it.
                deltas.sort_by_key(|(_, facts)| facts.on.len());
                deltas.into_iter().map(|(delta, facts)| Part::Delta(delta, &facts.id)).collect()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_of_four_digits_is_an_id() {
        assert!(matches!(PatchName::resolve("AB12"), Ok(PatchName::Id(id)) if id == "ab12"));
    }

    #[test]
    fn anything_else_is_a_file() {
        assert!(PatchName::resolve("ab1").is_err());
        assert!(PatchName::resolve("no-such-file.delta").is_err());
    }
}
