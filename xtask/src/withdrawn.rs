//! Versions that their authors have withdrawn from the registry ("yanked"), as they do with those that have a known hole.
//!
//! Cargo keeps to a lock file whatever is withdrawn, but never chooses such a version anew: so it is asked to choose, for a package that
//! depends on exactly what our lock file has. That takes the registry's index alone.

use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

/// What the registry has withdrawn of these packages, as cargo says it; cargo names one at a time.
///
/// # Errors
/// Cargo can't choose for another reason: mostly that the registry is not reached.
pub(crate) fn find(packages: &[(&str, &str)]) -> Result<Option<String>, String> {
    let failed = |error: std::io::Error| error.to_string();
    let directory = tempfile::tempdir().map_err(failed)?;
    let path = |name: &str| directory.path().join(name);
    std::fs::write(path("lib.rs"), "").map_err(failed)?;
    std::fs::write(path("Cargo.toml"), manifest(packages)).map_err(failed)?;
    match choose(directory.path()).map_err(failed)? {
        Some(said) if said.contains(" is yanked\n") => Ok(Some(said)),
        Some(said) => Err(said),
        None => Ok(None),
    }
}

/// What cargo says if it can't choose.
fn choose(directory: &Path) -> std::io::Result<Option<String>> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo).arg("generate-lockfile").current_dir(directory).output()?;
    Ok((!output.status.success()).then(|| String::from_utf8_lossy(&output.stderr).into_owned()))
}

/// A package that depends on all of them. Each has a name of its own, for some are there in two versions.
fn manifest(packages: &[(&str, &str)]) -> String {
    let mut text = String::from(
        "[package]\nname = \"chosen\"\nversion = \"0.0.0\"\nedition = \"2024\"\n[lib]\npath = \"lib.rs\"\n[workspace]\n[dependencies]\n",
    );
    for (number, (name, version)) in packages.iter().enumerate() {
        let _ = writeln!(text, "d{number} = {{ package = \"{name}\", version = \"={version}\" }}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_version_is_wanted_exactly() {
        let text = manifest(&[("a", "1.0.0"), ("a", "2.0.0")]);
        assert!(text.ends_with(
            "d0 = { package = \"a\", version = \"=1.0.0\" }\nd1 = { package = \"a\", version = \"=2.0.0\" }\n"
        ));
    }
}
