//! The salt of a commitment to an advisory, as a file beside it: 64 hex digits, secret until both are published.

use std::path::{Path, PathBuf};

use suture_trust::Digest;

use crate::failure::Failure;
use crate::{files, statement_file};

/// Where it is kept.
pub(crate) fn beside(advisory: &Path) -> PathBuf {
    statement_file::with_suffix(advisory, ".salt")
}

/// The content of the file.
pub(crate) fn to_text(salt: &[u8; 32]) -> String {
    // The same spelling as that of a digest, and as long.
    format!("{}\n", Digest::from(*salt))
}

/// The salt in a file.
pub(crate) fn read(path: &Path) -> Result<[u8; 32], Failure> {
    let text = files::read_text(path, "the salt")?;
    let salt = text.trim().parse::<Digest>().map(|salt| *salt.as_bytes());
    salt.map_err(|_| {
        Failure::usage(format!("the salt `{}` can't be used", path.display()))
            .why("64 lower-case hex digits are expected")
            .help("`suture sign --says committed` wrote it beside the advisory")
    })
}
