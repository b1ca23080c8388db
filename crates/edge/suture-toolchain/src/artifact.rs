//! What the build has made: is it there, and has it what the comparison needs?

use std::path::Path;
use std::time::SystemTime;

use suture_elf::Build;
use suture_elf::debug::DebugSections;

use crate::error::BuildError;
use crate::scratch::Scratch;

/// When the artifact in the copy was made, if it is there.
pub(crate) fn made_at(scratch: &Scratch, artifact: &Path) -> Option<SystemTime> {
    scratch.tree().join(artifact).metadata().and_then(|metadata| metadata.modified()).ok()
}

/// The content of the artifact, which the build must have made since `earlier`.
pub(crate) fn take(
    scratch: &Scratch,
    artifact: &Path,
    earlier: Option<SystemTime>,
) -> Result<Vec<u8>, BuildError> {
    let path = scratch.tree().join(artifact);
    if !path.is_file() {
        return Err(BuildError::NoArtifact { artifact: artifact.to_owned() });
    }
    let content =
        std::fs::read(&path).map_err(BuildError::doing(format!("reading {}", artifact.display())))?;
    let build = Build::parse(&content)
        .map_err(|error| BuildError::NotABuild { artifact: artifact.to_owned(), why: error.to_string() })?;
    if earlier.is_some() && earlier == made_at(scratch, artifact) {
        return Err(BuildError::NotMadeAnew { artifact: artifact.to_owned() });
    }
    match lacking(&build) {
        Some((missing, cure)) => {
            Err(BuildError::FlagsMissed { artifact: artifact.to_owned(), missing, cure })
        }
        None => Ok(content),
    }
}

/// What a build lacks, and what to set.
fn lacking(build: &Build<'_>) -> Option<(&'static str, &'static str)> {
    if build.relocations().is_empty() {
        return Some((
            "the relocations of its linker",
            "set LDFLAGS=-Wl,--emit-relocs, such as in --run 'make LDFLAGS=-Wl,--emit-relocs' \
             (cargo: RUSTFLAGS='-C link-arg=-Wl,--emit-relocs')",
        ));
    }
    if build.symbols().len() < 2 {
        return Some(("a symbol table", "see that nothing strips it (`strip`, `-s`, `install -s`)"));
    }
    let has_debug = DebugSections::load(build).is_ok() && build.section(".debug_info").is_some();
    (!has_debug).then_some((
        "debug information",
        "set CFLAGS and CXXFLAGS to what they are with `-g -ffunction-sections -fdata-sections` (cargo: debug = 2)",
    ))
}
