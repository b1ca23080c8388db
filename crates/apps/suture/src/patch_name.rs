//! What `toggle` and `revert` are given: the file of a delta, or its id.

use std::path::Path;

use suture_delta::Delta;
use suture_delta::format::DeltaId;

use crate::failure::Failure;
use crate::files;

/// Shortest prefix of an id that is taken for one.
const PREFIX_LEN_MIN: usize = 4;
const ID_LEN: usize = 64;

/// A patch as the user names it.
pub(crate) enum PatchName {
    /// A file.
    File(Box<Delta>, DeltaId),
    /// The id, or the beginning of one, in lower-case hex.
    Id(String),
}

impl PatchName {
    /// A file of that name comes first; what can't be an id is meant to be one.
    pub(crate) fn resolve(text: &str) -> Result<Self, Failure> {
        let looks_like_id = (PREFIX_LEN_MIN..=ID_LEN).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        if looks_like_id && !Path::new(text).exists() {
            return Ok(Self::Id(text.to_ascii_lowercase()));
        }
        let (delta, id, _) = files::read_delta(Path::new(text))?;
        Ok(Self::File(Box::new(delta), id))
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
