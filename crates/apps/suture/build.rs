//! Links the command so that it takes as little of a processor as can be until it gives way to others (ADR 20): it begins where it asks
//! for short turns, no dynamic linker works before that, and nothing is relocated after it.

use std::ffi::OsStr;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::process::Command;
use std::{env, fs};

/// What the standard library is linked with where the compiler isn't told that a program is static. It can be told only of all
/// programs of the build together with their macros, which can't be.
const LIBRARIES: [(&str, &str); 7] = [
    ("libgcc_s.a", "libgcc_eh.a"),
    ("libutil.a", "libutil.a"),
    ("librt.a", "librt.a"),
    ("libpthread.a", "libpthread.a"),
    ("libm.a", "libm.a"),
    ("libdl.a", "libdl.a"),
    ("libc.a", "libc.a"),
];

fn main() -> io::Result<()> {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed=SUTURE_DYNAMIC");
    println!("cargo::rerun-if-env-changed=SUTURE_PIE");
    println!("cargo::rustc-check-cfg=cfg(linked_statically)");
    argument("-Wl,--entry=suture_start");
    if env::var_os("SUTURE_DYNAMIC").is_some() {
        return Ok(());
    }
    let linker = env::var_os("RUSTC_LINKER").unwrap_or_else(|| "cc".into());
    let Some(archives) = archives(&linker)? else {
        println!(
            "cargo::warning=`suture` is linked dynamically: the C library's archive (libc.a) is not installed"
        );
        return Ok(());
    };
    // In a directory that is searched before the system's, an archive is found even by who looks for shared libraries first.
    let directory = PathBuf::from(env::var_os("OUT_DIR").expect("a build script has one")).join("archives");
    fs::create_dir_all(&directory)?;
    for (name, archive) in archives {
        let link = directory.join(name);
        let _ = fs::remove_file(&link);
        symlink(archive, link)?;
    }
    argument(&format!("-L{}", directory.display()));
    if env::var_os("SUTURE_PIE").is_some() {
        argument("-static-pie");
    } else {
        argument("-static");
        argument("-no-pie");
    }
    println!("cargo::rustc-cfg=linked_statically");
    // The archives need each other.
    for last in ["-Wl,--start-group", "-lgcc_eh", "-lgcc", "-lc", "-Wl,--end-group"] {
        argument(last);
    }
    Ok(())
}

fn argument(argument: &str) {
    println!("cargo::rustc-link-arg-bin=suture={argument}");
}

/// Where the linker finds each archive; `None` if it doesn't find them all.
fn archives(linker: &OsStr) -> io::Result<Option<Vec<(&'static str, PathBuf)>>> {
    let mut found = Vec::new();
    for (name, archive) in LIBRARIES {
        let said = Command::new(linker).arg(format!("-print-file-name={archive}")).output()?;
        let path = PathBuf::from(OsStr::from_bytes(said.stdout.trim_ascii()));
        // What isn't found is said as it was asked.
        if !path.is_absolute() {
            return Ok(None);
        }
        found.push((name, path));
    }
    Ok(Some(found))
}
