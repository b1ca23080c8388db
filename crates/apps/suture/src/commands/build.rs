//! `suture build --source DIR --patch FILE --run CMD --artifact PATH`.

use std::path::Path;

use suture_toolchain::{BuildError, Order, Pair};

use super::comparison::{self, BuildFile};
use crate::act::INTERRUPTED;
use crate::args::{BuildArgs, ComparisonArgs};
use crate::console::{Console, Progress};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::files;

pub(super) fn run(args: &BuildArgs, console: &Console) -> Result<Exit, Failure> {
    let order = Order {
        source: &args.source,
        patch: &args.patch,
        run: &args.run,
        artifact: &args.artifact,
        directory: None,
        environment: None,
    };
    let pair = make(order)?;
    if let Some(directory) = &args.keep {
        keep(&pair, directory, &args.artifact)?;
    }
    let old = BuildFile { path: &args.artifact, content: &pair.old };
    let new = BuildFile { path: &args.artifact, content: &pair.new };
    let comparison = with_project_marks(&args.comparison, &args.source);
    comparison::run(&old, &new, &comparison, args.output.as_deref(), console, Some(&pair.provenance))
}

/// Makes both builds, and says what is being done.
pub(super) fn make(order: Order<'_>) -> Result<Pair, Failure> {
    let mut progress = None;
    let pair = suture_toolchain::build(order, &mut |stage| {
        progress = Some(Progress::start(&stage.to_string()));
    });
    drop(progress);
    pair.map_err(|error| failure(&error))
}

/// The marks of the project that is built count, unless others are named.
fn with_project_marks(args: &ComparisonArgs, source: &Path) -> ComparisonArgs {
    let of_project = Some(source.join(comparison::PROJECT_FILE)).filter(|path| path.exists());
    ComparisonArgs { critical: args.critical.clone().or(of_project), ..args.clone() }
}

/// Puts the two builds into `directory`, as `NAME.old` and `NAME.new`.
fn keep(pair: &Pair, directory: &Path, artifact: &Path) -> Result<(), Failure> {
    std::fs::create_dir_all(directory).map_err(|error| {
        Failure::unexpected(format!("`{}` can't be made", directory.display())).why(&error)
    })?;
    let name = artifact.file_name().unwrap_or(artifact.as_os_str()).to_string_lossy();
    for (which, content) in [("old", &pair.old), ("new", &pair.new)] {
        let path = directory.join(format!("{name}.{which}"));
        files::write(&path, content)?;
        files::make_executable(&path)?;
    }
    Ok(())
}

fn failure(error: &BuildError) -> Failure {
    let what = "the two builds can't be made";
    let failure = match error {
        BuildError::Failed { .. } | BuildError::CommandFailed { .. } => Failure::unexpected(what),
        BuildError::Interrupted { .. } => Failure::unexpected(what).with_code(INTERRUPTED),
        _ => Failure::usage(what),
    };
    failure.why(error).help(error.help())
}
