//! Wrappers of the compilers that add what the comparison needs.
//!
//! Build systems find compilers by name, and honour or overwrite `CFLAGS` each in its own way; a wrapper that
//! is found first reaches all of them. What asks a compiler about itself (`--version`, `-print-…`, `-E`) is
//! handed through untouched, so that configure scripts see the compiler that they would see.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

/// What the compiler is told: sections of their own for functions and objects, and debug information.
pub(crate) const COMPILER_FLAGS: &str = "-g -ffunction-sections -fdata-sections";
/// What the linker is told, through the compiler: to keep relocations, and hooks that nothing refers to.
pub(crate) const LINKER_FLAG: &str = "-Wl,--emit-relocs -Wl,-u,suture_pre_apply,-u,suture_post_apply,-u,suture_pre_revert,-u,suture_post_revert";
/// What rustc is told; function sections it makes anyway.
pub(crate) const RUSTC_FLAGS: &str = "-C debuginfo=2 -C strip=none -C link-arg=-Wl,--emit-relocs \
    -C link-arg=-Wl,-u,suture_pre_apply,-u,suture_post_apply,-u,suture_pre_revert,-u,suture_post_revert";
/// Name of the wrapper for cargo's `RUSTC_WRAPPER`.
pub(crate) const CARGO_WRAPPER: &str = "rustc-for-cargo";

/// Names that begin the names of compilers for C and C++; behind them may stand a version, and before them
/// a target.
const COMPILERS: [&str; 8] = ["cc", "c++", "gcc", "g++", "clang", "clang++", "c99", "c11"];
/// Directories in which programs with a version or a target in their names are looked for.
const VERSIONED_MAX: usize = 4096;

/// Writes a wrapper for each compiler in `PATH` into `directory`.
pub(crate) fn write(directory: &Path) -> io::Result<()> {
    for (name, real) in compilers() {
        script(&directory.join(name), &compiler(&real))?;
    }
    if let Some(rustc) = find("rustc") {
        script(&directory.join("rustc"), &format!("exec {} \"$@\" {RUSTC_FLAGS}\n", quoted(&rustc)))?;
    }
    let chained = std::env::var_os("RUSTC_WRAPPER").map(|wrapper| quoted(Path::new(&wrapper)));
    let exec = format!("exec {} \"$@\" {RUSTC_FLAGS}\n", chained.unwrap_or_default());
    script(&directory.join(CARGO_WRAPPER), &exec)?;
    script(&directory.join("strip"), STRIP)
}

/// A stripped program has nothing to compare: `strip -o` copies, `strip` does nothing.
const STRIP: &str = r#"# Keeps symbols and relocations.
input= output=
while [ $# -gt 0 ]; do
  case $1 in
    -o) output=$2; shift ;;
    -*) ;;
    *) input=$1 ;;
  esac
  shift
done
[ -z "$output" ] || exec cp -p "$input" "$output"
"#;

fn compiler(real: &Path) -> String {
    let real = quoted(real);
    format!(
        r#"link=yes
for argument; do
  case $argument in
    -E|-M|-MM|-v|-V|-qversion|--version|--help*|-dump*|-print*|--print*|-\#\#\#) exec {real} "$@" ;;
    -c|-S|-r|-fsyntax-only) link=no ;;
  esac
done
[ $# -gt 0 ] || exec {real}
count=$#
while [ "$count" -gt 0 ]; do
  argument=$1
  shift
  count=$((count - 1))
  case $argument in
    -s|-Wl,-s|-Wl,-S|-Wl,--strip-all|-Wl,--strip-debug) ;;
    *) set -- "$@" "$argument" ;;
  esac
done
if [ $link = yes ]; then
  exec {real} {COMPILER_FLAGS} "$@" {LINKER_FLAG}
fi
exec {real} {COMPILER_FLAGS} "$@"
"#
    )
}

fn script(path: &Path, body: &str) -> io::Result<()> {
    fs::write(path, format!("#!/bin/sh\n{body}"))?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o755))
}

/// A path as a word for the shell.
fn quoted(path: &Path) -> String {
    format!("'{}'", path.to_string_lossy().replace('\'', r"'\''"))
}

/// All compilers in `PATH`: name and path, the first of each name.
fn compilers() -> Vec<(String, PathBuf)> {
    let mut found: Vec<(String, PathBuf)> = Vec::new();
    for directory in search_path() {
        let Ok(entries) = fs::read_dir(&directory) else { continue };
        for entry in entries.flatten().take(VERSIONED_MAX) {
            let Ok(name) = entry.file_name().into_string() else { continue };
            // A cache finds the compiler by its name in `PATH`, which would be the wrapper again.
            if is_compiler(&name)
                && !is_cache(&entry.path())
                && !found.iter().any(|(known, _)| *known == name)
            {
                found.push((name, entry.path()));
            }
        }
    }
    found
}

/// `gcc`, `gcc-12`, `x86_64-linux-gnu-g++`, but not `gcc-ar-12`.
fn is_compiler(name: &str) -> bool {
    let unversioned = name.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.').trim_end_matches('-');
    let base = if COMPILERS.contains(&name) { name } else { unversioned };
    let base =
        base.strip_prefix("x86_64-linux-gnu-").or(base.strip_prefix("x86_64-pc-linux-gnu-")).unwrap_or(base);
    COMPILERS.contains(&base)
}

/// Whether a program that is called like a compiler is a compiler cache, or sends compilations elsewhere.
fn is_cache(path: &Path) -> bool {
    const CACHES: [&str; 4] = ["ccache", "sccache", "distcc", "icecc"];
    let real = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    real.file_name().and_then(|name| name.to_str()).is_some_and(|name| CACHES.contains(&name))
}

fn find(name: &str) -> Option<PathBuf> {
    search_path().into_iter().map(|directory| directory.join(name)).find(|path| path.is_file())
}

fn search_path() -> Vec<PathBuf> {
    std::env::var_os("PATH").map(|path| std::env::split_paths(&path).collect()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn compilers_are_told_by_their_names() {
        for name in
            ["cc", "gcc", "gcc-12", "g++-12", "clang-14", "clang++-14", "x86_64-linux-gnu-gcc-12", "c99"]
        {
            assert!(is_compiler(name), "{name}");
        }
        for name in ["gcc-ar", "gcc-ar-12", "clang-format", "clangd", "ccache", "cpp", "c++filt"] {
            assert!(!is_compiler(name), "{name}");
        }
    }
}
