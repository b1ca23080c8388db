//! Programs that the tests compile.

use std::path::Path;
use std::process::Command;

/// A linked program's bytes.
pub(crate) struct Program {
    pub(crate) bytes: Vec<u8>,
    pub(crate) name: String,
}

/// Compiles `source` (its name's ending says which language) and links it.
pub(crate) fn compile(compiler: &str, arguments: &[&str], (name, source): (&str, &str)) -> Program {
    compile_all(compiler, arguments, &[(name, source)])
}

/// Compiles and links several files.
pub(crate) fn compile_all(compiler: &str, arguments: &[&str], files: &[(&str, &str)]) -> Program {
    let dir = tempfile::tempdir().expect("a directory for the program");
    for (name, source) in files {
        let path = dir.path().join(name);
        std::fs::create_dir_all(path.parent().expect("a directory")).expect("the directory is made");
        std::fs::write(path, source).expect("the source is written");
    }
    let is_header = |name: &&str| Path::new(name).extension().is_some_and(|ending| ending == "h");
    let sources = files.iter().map(|(name, _)| *name).filter(|name| !is_header(name));
    let output = Command::new(compiler)
        .current_dir(dir.path())
        .args(arguments)
        .args(sources)
        .args(["-o", "program"])
        .output()
        .unwrap_or_else(|error| panic!("{compiler} does not start: {error}"));
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{compiler} {arguments:?}: {told}");
    let bytes = std::fs::read(dir.path().join("program")).expect("the program is there");
    Program { bytes, name: format!("{compiler} {arguments:?}") }
}
