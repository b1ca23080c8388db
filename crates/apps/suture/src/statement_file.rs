//! Files of statements: found beside what they are about, read with their limits, added to without ever losing a line.
//!
//! A file may be longer than what anything is decided on: nobody keeps a statement out by filling it. What reads to decide refuses
//! a file that is too long; what adds to it goes on a little longer.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use suture_tiles::lock_within;
use suture_trust::{
    Digest, Envelope, FILE_LEN_MAX, Lines, TooMuch, TrustRoot, WRITTEN_LEN_MAX, is_strangers, lines,
    read_lines, read_lines_for,
};

use crate::failure::Failure;
use crate::files;

/// The name of the file that holds a trust root in its directory.
const ROOT_FILE: &str = "root.toml";
/// How long others who add statements in the same directory are waited for. Each takes a few syncs.
const LOCK_WAIT_MAX: Duration = Duration::from_secs(10);
/// Longest file that is pruned, in bytes.
const PRUNED_LEN_MAX: u64 = 1 << 30;

/// Where statements are: in a file that somebody has named, or beside what they are about.
#[derive(Debug, Clone)]
pub(crate) struct StatementFile {
    path: PathBuf,
    is_named: bool,
}

impl StatementFile {
    /// The file that is named, or else the one beside `file`.
    pub(crate) fn of(file: &Path, named: Option<&Path>) -> Self {
        match named {
            Some(named) => Self { path: named.to_owned(), is_named: true },
            None => Self { path: beside(file), is_named: false },
        }
    }

    /// This file, which may not be there.
    pub(crate) fn perhaps(path: PathBuf) -> Self {
        Self { path, is_named: false }
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// All statements in it. None if nobody has said anything yet; a file that was named must be there.
    pub(crate) fn read(&self) -> Result<Lines, Failure> {
        read_lines(&self.content(FILE_LEN_MAX)?).map_err(|error| {
            Failure::usage(self.unusable()).why(&error).help(
                "give --trust DIR: what strangers have signed is left out then; `suture statements FILE --trust DIR --prune` takes it out",
            )
        })
    }

    /// The statements in it that are to be judged by `root`. Of one that is too long nobody can say what is in it.
    pub(crate) fn read_for(&self, root: &TrustRoot) -> Result<Lines, Failure> {
        let too_much = |error: TooMuch| {
            Failure::refused(self.unusable()).with_code("statements-too-long").why(&error).help(PRUNE)
        };
        let length = fs::metadata(&self.path).map_or(0, |metadata| metadata.len());
        if length > FILE_LEN_MAX as u64 {
            return Err(too_much(TooMuch::Bytes(usize::try_from(length).unwrap_or(usize::MAX))));
        }
        read_lines_for(&self.content(FILE_LEN_MAX)?, root).map_err(too_much)
    }

    /// Looks at every line in it, in whatever number; at nothing where one is no envelope.
    pub(crate) fn each(&self, mut look: impl FnMut(Option<&Envelope>)) -> Result<(), Failure> {
        let content = self.content(WRITTEN_LEN_MAX)?;
        lines(&content).for_each(|(_, envelope)| look(envelope.as_ref().ok()));
        Ok(())
    }

    /// Says that nobody has said anything yet, if there is no such file.
    pub(crate) fn absent(&self) -> Option<String> {
        self.is_absent().then(|| format!("there is no file of statements `{}`", self.path.display()))
    }

    /// A file that was named must be there, whether anything is made of it or not.
    pub(crate) fn must_be_there(&self) -> Result<(), Failure> {
        match self.absent().filter(|_| self.is_named) {
            None => Ok(()),
            Some(absent) => {
                Err(Failure::usage(absent).help("name one that is there, or leave --statements out"))
            }
        }
    }

    fn is_absent(&self) -> bool {
        fs::metadata(&self.path).is_err_and(|error| error.kind() == io::ErrorKind::NotFound)
    }

    fn content(&self, limit: usize) -> Result<Vec<u8>, Failure> {
        self.must_be_there()?;
        if self.is_absent() {
            return Ok(Vec::new());
        }
        files::read_limited(&self.path, "the file of statements", limit as u64)
    }

    fn unusable(&self) -> String {
        format!("the file of statements `{}` can't be used", self.path.display())
    }
}

/// What helps if strangers have filled a file.
const PRUNE: &str =
    "`suture statements FILE --trust DIR --prune` takes out what no key of the trust root has signed";

/// Where the statements about `file` are, if nothing else is said (in-toto, `bundle.md`, "File naming convention").
pub(crate) fn beside(file: &Path) -> PathBuf {
    with_suffix(file, ".intoto.jsonl")
}

/// Where the summary is that was signed of `file`, if nothing else is said.
pub(crate) fn summary_beside(file: &Path) -> PathBuf {
    with_suffix(file, ".vsa.intoto.jsonl")
}

/// `path` with more behind its name.
pub(crate) fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

/// The trust root in `path`, a directory with a `root.toml` or that file.
pub(crate) fn read_root(path: &Path) -> Result<TrustRoot, Failure> {
    let path = if path.is_dir() { path.join(ROOT_FILE) } else { path.to_owned() };
    let text = files::read_text(&path, "the trust root")?;
    TrustRoot::parse(&text).map_err(|error| {
        Failure::usage(format!("the trust root `{}` can't be used", path.display()))
            .why(&error)
            .help("docs/formats/trust-root.md describes the format")
    })
}

/// Adds envelopes to `path`, but for those that are there already, to the letter: signing twice is signing. Others may add to it at
/// the same time; whoever reads it sees all of the old or all of the new file, and if anything fails, the old one.
pub(crate) fn append(path: &Path, envelopes: &[Envelope]) -> Result<(), Failure> {
    let added = envelopes.iter().map(added_line).collect::<Result<Vec<_>, _>>()?;
    rewrite(path, WRITTEN_LEN_MAX as u64, |mut content| {
        let mut is_there = vec![false; envelopes.len()];
        for (_, line) in lines(&content) {
            let Ok(line) = line else { continue };
            envelopes.iter().zip(&mut is_there).for_each(|(new, is_there)| *is_there |= *new == line);
        }
        if content.last().is_some_and(|last| *last != b'\n') {
            content.push(b'\n');
        }
        for (line, _) in added.iter().zip(is_there).filter(|(_, is_there)| !is_there) {
            content.extend_from_slice(line.as_bytes());
            content.push(b'\n');
        }
        if content.len() > WRITTEN_LEN_MAX {
            let why = format!("with what is added it would be longer than {} MiB", WRITTEN_LEN_MAX >> 20);
            return Err(Failure::usage(format!("the file of statements `{}` is full", path.display()))
                .why(&why)
                .help(PRUNE));
        }
        Ok(content)
    })
}

/// Takes out of `path` what no key of `root` can have signed; everything else stays as it is, damage too. Gives what was taken out.
pub(crate) fn prune(path: &Path, root: &TrustRoot) -> Result<Vec<Digest>, Failure> {
    let mut gone = Vec::new();
    rewrite(path, PRUNED_LEN_MAX, |content| {
        let mut kept = Vec::with_capacity(content.len());
        for line in content.split_inclusive(|byte| *byte == b'\n') {
            match lines(line).next() {
                Some((_, Ok(envelope))) if is_strangers(root, &envelope) => {
                    gone.push(Digest::of(&envelope.payload));
                }
                _ => kept.extend_from_slice(line),
            }
        }
        Ok(kept)
    })?;
    Ok(gone)
}

/// The line of an envelope, which others can read.
fn added_line(envelope: &Envelope) -> Result<String, Failure> {
    let line = envelope.to_json();
    match Envelope::parse(1, line.as_bytes()) {
        Ok(read) => {
            assert_eq!(read, *envelope, "what is written is read again as it is");
            Ok(line)
        }
        Err(error) => Err(Failure::usage("that can't be said").why(&error.why).help("say less")),
    }
}

/// Replaces the content of a file of statements, which may not be there yet, by what `change` makes of it.
fn rewrite(
    path: &Path,
    limit: u64,
    change: impl FnOnce(Vec<u8>) -> Result<Vec<u8>, Failure>,
) -> Result<(), Failure> {
    // A link to the file goes on pointing to it.
    let path = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let failed = |error: io::Error| {
        Failure::unexpected(format!("the file of statements `{}` can't be written", path.display()))
            .why(&error)
            .help("nothing was changed; make room, or name another file with --statements")
    };
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    // The file itself is replaced, so what is locked is its directory, until this goes out of scope.
    let lock = File::open(directory).and_then(|file| lock_within(file, LOCK_WAIT_MAX)).map_err(failed)?;
    let lock = lock.ok_or_else(|| busy(&path, directory))?;
    let before = match fs::metadata(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
        Ok(metadata) if metadata.len() > limit => {
            let help = if limit < PRUNED_LEN_MAX { PRUNE } else { "take out by hand what nobody knows" };
            return Err(Failure::usage(format!("the file of statements `{}` can't be used", path.display()))
                .why(&format!("it is longer than {} MiB", limit >> 20))
                .help(help));
        }
        _ => files::read_limited(&path, "the file of statements", limit)?,
    };
    let content = change(before)?;
    replace(&path, directory, &content).and_then(|()| lock.sync_all()).map_err(failed)
}

fn busy(path: &Path, directory: &Path) -> Failure {
    let waited =
        format!("another process has had `{}` locked for {} s", directory.display(), LOCK_WAIT_MAX.as_secs());
    Failure::unexpected(format!("the file of statements `{}` can't be written", path.display()))
        .why(&waited)
        .help("nothing was changed; wait for that process or end it (`fuser DIRECTORY` shows which), or name another directory with --statements")
}

fn replace(path: &Path, directory: &Path, content: &[u8]) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    let new_file = fs::Permissions::from_mode(0o666);
    let before = fs::metadata(path).map(|metadata| metadata.permissions());
    let mut file = tempfile::Builder::new().permissions(new_file).tempfile_in(directory)?;
    if let Ok(permissions) = before {
        file.as_file().set_permissions(permissions)?;
    }
    file.write_all(content)?;
    file.as_file().sync_all()?;
    file.persist(path).map(drop).map_err(|error| error.error)
}
