//! Reading what the command line names, and writing files so that nobody ever sees half of one.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::path::Path;

use suture_delta::Delta;
use suture_delta::format::{self, DeltaId};

use crate::failure::Failure;

/// Longest file that is read into memory, in bytes: a linked build with debug information.
const FILE_BYTES_MAX: u64 = 8 << 30;

/// The content of the file that the user calls `role`, such as "the old build".
pub(crate) fn read(path: &Path, role: &str) -> Result<Vec<u8>, Failure> {
    read_up_to(path, role, FILE_BYTES_MAX)
}

/// The content of a file of which at most `limit` bytes are read.
pub(crate) fn read_limited(path: &Path, role: &str, limit: u64) -> Result<Vec<u8>, Failure> {
    read_up_to(path, role, limit)
}

/// The text of a small file that people write.
pub(crate) fn read_text(path: &Path, role: &str) -> Result<String, Failure> {
    const TEXT_BYTES_MAX: u64 = 16 << 20;
    read_text_up_to(path, role, TEXT_BYTES_MAX)
}

/// The text of a file that may have `limit` bytes.
pub(crate) fn read_text_up_to(path: &Path, role: &str, limit: u64) -> Result<String, Failure> {
    text(path, role, read_up_to(path, role, limit)?)
}

/// The content of a file as the text that it should be.
pub(crate) fn text(path: &Path, role: &str, bytes: Vec<u8>) -> Result<String, Failure> {
    String::from_utf8(bytes).map_err(|error| {
        Failure::usage(format!("{role} `{}` can't be used", path.display()))
            .why(&format!("it is no UTF-8 text from byte {} on", error.utf8_error().valid_up_to()))
            .help("write it as UTF-8")
    })
}

/// The content of a file that may have `limit` bytes.
pub(crate) fn read_bytes_up_to(path: &Path, role: &str, limit: u64) -> Result<Vec<u8>, Failure> {
    read_up_to(path, role, limit)
}

/// The same of a file and nothing else: a pipe might never end.
pub(crate) fn read_regular_up_to(path: &Path, role: &str, limit: u64) -> Result<Vec<u8>, Failure> {
    // What can't be looked at can't be read either, and reading it says why.
    if path.metadata().is_ok_and(|metadata| !metadata.is_file() && !metadata.is_dir()) {
        return Err(Failure::usage(format!("{role} `{}` can't be read", path.display()))
            .why("it is no file")
            .help("name a file, not a pipe or a device"));
    }
    read_up_to(path, role, limit)
}

/// A delta and its id.
pub(crate) fn read_delta(path: &Path) -> Result<(Delta, DeltaId, Vec<u8>), Failure> {
    let bytes = read_delta_bytes(path)?;
    let (delta, id) = parse_delta(path, &bytes)?;
    Ok((delta, id, bytes))
}

/// The delta whose file has the content `bytes`, and its id.
pub(crate) fn parse_delta(path: &Path, bytes: &[u8]) -> Result<(Delta, DeltaId), Failure> {
    let delta = format::read(bytes).map_err(|error| {
        Failure::usage(format!("`{}` is no delta that can be used", path.display()))
            .why(&error)
            .help(error.help())
    })?;
    Ok((delta, format::id(bytes)))
}

/// The content of a delta's file.
pub(crate) fn read_delta_bytes(path: &Path) -> Result<Vec<u8>, Failure> {
    read_up_to(path, "the delta", format::FILE_BYTES_MAX as u64)
}

/// The content of a bundle's file.
pub(crate) fn read_bundle(path: &Path) -> Result<Vec<u8>, Failure> {
    read_up_to(path, "the bundle", suture_bundle::FILE_BYTES_MAX)
}

/// Whether a file begins like a bundle.
pub(crate) fn is_bundle(path: &Path) -> Result<bool, Failure> {
    const HEADER: u64 = 512;
    let mut header = Vec::new();
    let read = File::open(path).and_then(|file| file.take(HEADER).read_to_end(&mut header));
    let failure = |error| Failure::usage(format!("`{}` can't be read", path.display())).why(&error);
    read.map_err(failure)?;
    Ok(suture_bundle::begins_like_a_bundle(&header))
}

/// The content of a document that goes into a bundle.
pub(crate) fn read_document(path: &Path) -> Result<Vec<u8>, Failure> {
    read_up_to(path, "the document", suture_bundle::DOCUMENT_BYTES_MAX as u64)
}

/// The content of a file that may be a bundle or something smaller, read once: it may be a pipe.
pub(crate) fn read_perhaps_bundle(path: &Path, role: &str) -> Result<Vec<u8>, Failure> {
    read_up_to(path, role, suture_bundle::FILE_BYTES_MAX)
}

/// Writes `content` to `path` as a whole or not at all. Links are followed, and what is no file (`/dev/stdout`, a pipe)
/// is written to and not replaced.
pub(crate) fn write(path: &Path, content: &[u8]) -> Result<(), Failure> {
    write_with(path, |file| file.write_all(content)).map_err(|error| unwritable(path, &error))
}

/// The same with what `write` writes, for content that is not to be in memory.
pub(crate) fn write_with<E: From<std::io::Error>>(
    path: &Path,
    write: impl FnOnce(&mut File) -> Result<(), E>,
) -> Result<(), E> {
    let target = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let is_device = target.metadata().is_ok_and(|metadata| !metadata.is_file());
    if is_device { write(&mut File::options().write(true).open(&target)?) } else { replace(&target, write) }
}

/// Why a file could not be written.
pub(crate) fn unwritable(path: &Path, error: &std::io::Error) -> Failure {
    Failure::unexpected(format!("`{}` can't be written", path.display()))
        .why(error)
        .help("make room, or name another file with -o")
}

/// Lets a file that was written be run, by whom it may be read.
pub(crate) fn make_executable(path: &Path) -> Result<(), Failure> {
    use std::os::unix::fs::PermissionsExt as _;
    let made = path.metadata().and_then(|metadata| {
        let mode = metadata.permissions().mode();
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode | (mode & 0o444) >> 2))
    });
    made.map_err(|error| {
        Failure::unexpected(format!("`{}` can't be made executable", path.display())).why(&error)
    })
}

fn replace<E: From<std::io::Error>>(
    path: &Path,
    write: impl FnOnce(&mut File) -> Result<(), E>,
) -> Result<(), E> {
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut file = tempfile::Builder::new().permissions(permissions()).tempfile_in(directory)?;
    write(file.as_file_mut())?;
    file.as_file().sync_all()?;
    file.persist(path).map(drop).map_err(|error| error.error.into())
}

/// What `creat` would give; the umask takes its part.
fn permissions() -> std::fs::Permissions {
    std::os::unix::fs::PermissionsExt::from_mode(0o666)
}

fn read_up_to(path: &Path, role: &str, limit: u64) -> Result<Vec<u8>, Failure> {
    let failure = || Failure::usage(format!("{role} `{}` can't be read", path.display()));
    let mut content = Vec::new();
    let file = File::open(path).map_err(|error| failure().why(&error))?;
    let metadata = file.metadata().map_err(|error| failure().why(&error))?;
    if metadata.is_dir() {
        return Err(failure().why("it is a directory").help("name the file itself"));
    }
    let most = if limit < 1 << 20 { format!("{} KiB", limit >> 10) } else { format!("{} MiB", limit >> 20) };
    let too_long = || failure().why(&format!("it is longer than {most}"));
    if metadata.len() > limit {
        return Err(too_long());
    }
    file.take(limit + 1).read_to_end(&mut content).map_err(|error| failure().why(&error))?;
    if content.len() as u64 > limit {
        return Err(too_long());
    }
    Ok(content)
}
