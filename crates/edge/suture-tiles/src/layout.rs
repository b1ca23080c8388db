//! Where the files of a log are.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use suture_log::tile::Tile;

use crate::error::Error;

/// The directory of a log, or of a copy of its public part.
#[derive(Debug, Clone)]
pub(crate) struct Layout {
    root: PathBuf,
    public: PathBuf,
}

impl Layout {
    /// The log in `root`.
    pub(crate) fn new(root: &Path) -> Self {
        Self { root: root.to_owned(), public: root.join("public") }
    }

    /// The log in `root`, which may also be what is served, without the rest.
    pub(crate) fn find(root: &Path) -> Self {
        let layout = Self::new(root);
        let is_served_part = !layout.public.is_dir() && root.join("checkpoint").is_file();
        if is_served_part { Self { public: root.to_owned(), ..layout } } else { layout }
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    pub(crate) fn public(&self) -> &Path {
        &self.public
    }

    pub(crate) fn lock(&self) -> PathBuf {
        self.root.join("lock")
    }

    pub(crate) fn settings(&self) -> PathBuf {
        self.root.join("log.toml")
    }

    pub(crate) fn next(&self) -> PathBuf {
        self.root.join("next")
    }

    pub(crate) fn next_settings(&self) -> PathBuf {
        self.root.join("log.toml.next")
    }

    pub(crate) fn batch(&self) -> PathBuf {
        self.root.join("batch")
    }

    pub(crate) fn pending(&self) -> PathBuf {
        self.root.join("pending")
    }

    pub(crate) fn checkpoint(&self) -> PathBuf {
        self.public.join("checkpoint")
    }

    pub(crate) fn history(&self) -> PathBuf {
        self.public.join("checkpoints")
    }

    pub(crate) fn tile(&self, tile: &Tile) -> PathBuf {
        self.public.join(tile.path())
    }

    pub(crate) fn partials(&self, tile: &Tile) -> PathBuf {
        self.public.join(tile.partial_directory())
    }
}

/// A file's content, at most `limit` bytes of it; `None` if it is not there.
pub(crate) fn read_up_to(path: &Path, limit: usize) -> Result<Option<Vec<u8>>, Error> {
    let failed = |source| Error::Io { what: "read", path: path.to_owned(), source };
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed(error)),
    };
    let mut content = Vec::new();
    file.take(limit as u64 + 1).read_to_end(&mut content).map_err(failed)?;
    if content.len() > limit {
        return Err(Error::Damaged { path: path.to_owned(), what: format!("is longer than {limit} bytes") });
    }
    Ok(Some(content))
}
