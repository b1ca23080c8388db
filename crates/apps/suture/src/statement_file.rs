//! Files of statements: found beside what they are about, read with their limits, added to without ever losing a line.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use suture_tiles::lock_within;
use suture_trust::{Envelope, FILE_LEN_MAX, Lines, TrustRoot, read_lines};

use crate::failure::Failure;
use crate::files;

/// The name of the file that holds a trust root in its directory.
const ROOT_FILE: &str = "root.toml";
/// How long others who add statements in the same directory are waited for. Each takes a few syncs.
const LOCK_WAIT_MAX: Duration = Duration::from_secs(10);

/// Where the statements about `file` are, if nothing else is said (in-toto, `bundle.md`, "File naming convention").
pub(crate) fn beside(file: &Path) -> PathBuf {
    with_suffix(file, ".intoto.jsonl")
}

/// `path` with more behind its name.
pub(crate) fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

/// The statements in `path`; none if there is no such file.
pub(crate) fn read(path: &Path) -> Result<Lines, Failure> {
    match fs::metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Lines::default()),
        _ => parse(path, &files::read_limited(path, "the file of statements", FILE_LEN_MAX as u64)?),
    }
}

/// Says that nobody has said anything yet, if there is no such file.
pub(crate) fn absent(path: &Path) -> Option<String> {
    let is_absent = fs::metadata(path).is_err_and(|error| error.kind() == io::ErrorKind::NotFound);
    is_absent.then(|| format!("there is no file of statements `{}`", path.display()))
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

/// Adds envelopes to `path`, but for those that are there already, to the letter: signing twice is signing. Others may add to it at the same time; whoever reads it sees all of the old or all of the new
/// file, and if anything fails, the old one.
pub(crate) fn append(path: &Path, envelopes: &[Envelope]) -> Result<(), Failure> {
    // A link to the file goes on pointing to it.
    let path = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let failed = |error: io::Error| {
        Failure::unexpected(format!("the statement can't be added to `{}`", path.display()))
            .why(&error)
            .help("nothing was changed; make room, or name another file with --statements")
    };
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    // The file itself is replaced, so what is locked is its directory, until this goes out of scope.
    let lock = File::open(directory).and_then(|file| lock_within(file, LOCK_WAIT_MAX)).map_err(failed)?;
    let lock = lock.ok_or_else(|| busy(&path, directory))?;

    let mut content = match fs::metadata(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
        _ => files::read_limited(&path, "the file of statements", FILE_LEN_MAX as u64)?,
    };
    if content.last().is_some_and(|last| *last != b'\n') {
        content.push(b'\n');
    }
    let before = parse(&path, &content)?;
    let is_there =
        |lines: &Lines, envelope: &Envelope| lines.envelopes.iter().any(|(_, line)| line == envelope);
    for envelope in envelopes.iter().filter(|envelope| !is_there(&before, envelope)) {
        content.extend_from_slice(envelope.to_json().as_bytes());
        content.push(b'\n');
    }
    let after = parse(&path, &content)?;
    assert!(
        envelopes.iter().all(|envelope| is_there(&after, envelope)),
        "what is written is read again as it is"
    );
    replace(&path, directory, &content).and_then(|()| lock.sync_all()).map_err(failed)
}

fn busy(path: &Path, directory: &Path) -> Failure {
    let waited =
        format!("another process has had `{}` locked for {} s", directory.display(), LOCK_WAIT_MAX.as_secs());
    Failure::unexpected(format!("the statement can't be added to `{}`", path.display()))
        .why(&waited)
        .help("nothing was changed; wait for that process or end it (`fuser DIRECTORY` shows which), or name another directory with --statements")
}

fn parse(path: &Path, content: &[u8]) -> Result<Lines, Failure> {
    read_lines(content).map_err(|error| {
        Failure::usage(format!("the file of statements `{}` can't be used", path.display()))
            .why(&error)
            .help("name another file with --statements")
    })
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
