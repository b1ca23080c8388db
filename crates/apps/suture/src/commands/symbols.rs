//! `suture ps --symbols DIR`: what gdb and perf need to name the code of patches.
//!
//! The directory looks like the file system that the process sees: perf takes it as its `--symfs`. gdb takes the
//! script in it.

use std::fmt::Write as _;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use suture_process::Patient;

use crate::failure::Failure;
use crate::files;

/// The script for gdb.
const SCRIPT: &str = "patches.gdb";

/// Writes the symbols of all patches of a process, and links to its modules.
pub(super) fn write(patient: &Patient, directory: &Path) -> Result<(), Failure> {
    let failed = |path: &Path, error: &std::io::Error| {
        Failure::unexpected(format!("`{}` can't be written", path.display()))
            .why(error)
            .help("name a directory that can be written")
    };
    std::fs::create_dir_all(directory).map_err(|error| failed(directory, &error))?;
    let directory = directory.canonicalize().map_err(|error| failed(directory, &error))?;
    let mut script = String::new();
    for home in patient.applied() {
        let (name, file) = patient.symbols(home).map_err(|why| {
            Failure::unexpected("the memory of the patch can't be read").why(&why).help(why.help())
        })?;
        let path = inside(&directory, &name);
        files::write(&path, &file)?;
        let _ = writeln!(script, "add-symbol-file '{}'", path.display());
    }
    files::write(&directory.join(SCRIPT), script.as_bytes())?;
    for module in patient.modules.iter().filter(|module| module.path.starts_with('/')) {
        let link = inside(&directory, &module.path);
        let parent = link.parent().unwrap_or(&directory);
        std::fs::create_dir_all(parent).map_err(|error| failed(parent, &error))?;
        if link.symlink_metadata().is_err() {
            symlink(&module.path, &link).map_err(|error| failed(&link, &error))?;
        }
    }
    Ok(())
}

/// The path in the directory of what the process knows under an absolute one.
fn inside(directory: &Path, path: &str) -> PathBuf {
    use std::path::Component;
    let parts = Path::new(path).components().filter(|part| matches!(part, Component::Normal(_)));
    parts.fold(directory.to_owned(), |path, part| path.join(part))
}
