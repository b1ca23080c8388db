//! Building once more, as the record says, and comparing as the author has.

use std::io::Write as _;
use std::path::Path;

use suture_bundle::BundledDelta;
use suture_delta::critical::Marks;
use suture_delta::format::{self, DeltaId};
use suture_delta::model::hex;
use suture_delta::page::clean;
use suture_delta::{Earlier, Options};
use suture_dossier::Origin;
use suture_elf::Build;
use suture_toolchain::{Order as BuildOrder, Pair};

use super::order::Order;
use super::outcome::{Found, Outcome};
use crate::args::{ComparisonArgs, ReproduceArgs};
use crate::commands::comparison::{self, BuildFile, PROJECT_FILE};
use crate::commands::dossier::Record;
use crate::console::{Console, Progress};
use crate::failure::Failure;
use crate::{commands, files};

/// What came of an order.
pub(super) struct Built {
    /// Where our two builds come from, in the words of a dossier; the choices are those of the record.
    pub(super) origin: Origin,
    pub(super) outcomes: Vec<Outcome>,
}

/// Makes both builds of `order`, and each of its deltas out of them; what they may stand on is in `bundled`.
pub(super) fn rebuild(
    order: &Order<'_>,
    args: &ReproduceArgs,
    bundled: &[BundledDelta],
    console: &Console,
) -> Result<Built, Failure> {
    let Order { origin: recorded, deltas, .. } = order;
    // What is missing for the comparison is told before anybody waits for two builds.
    let options = deltas.iter().map(|(delta, recorded)| options(delta, recorded, args, bundled));
    let options = options.collect::<Result<Vec<_>, _>>()?;
    console.note(&format!("running `{}` twice, as the dossier says", clean(&recorded.command)));
    let pair = build(order, args)?;
    let record = Record {
        builds: pair.provenance.clone(),
        choices: recorded.choices.clone(),
        critical_sha256: recorded.critical_sha256.clone(),
    };
    let origin = record.origin();
    let build_ids = (build_id(&pair.old), build_id(&pair.new));
    let progress = Progress::start("comparing the two builds");
    let mut outcomes = Vec::new();
    for ((delta, recorded), options) in deltas.iter().zip(&options) {
        let (old, new) = (build_file(&pair.old, recorded), build_file(&pair.new, recorded));
        let comparison = comparison::compare(&old, &new, options)?;
        let rebuilt = comparison::written(&comparison)?.map(|file| format::id(&file).to_string());
        let found = Found { origin: &origin, build_ids: &build_ids, comparison: &comparison, id: rebuilt };
        outcomes.push(Outcome::of(delta, recorded, found));
    }
    drop(progress);
    Ok(Built { origin, outcomes })
}

fn build(order: &Order<'_>, args: &ReproduceArgs) -> Result<Pair, Failure> {
    let origin = &order.origin;
    let written = tempfile::NamedTempFile::new()
        .and_then(|mut file| file.write_all(&order.patch).and_then(|()| file.flush()).map(|()| file));
    let patch = written
        .map_err(|error| Failure::unexpected("the fix can't be written to a temporary file").why(&error))?;
    commands::build::make(BuildOrder {
        source: &args.source,
        patch: patch.path(),
        run: &origin.command,
        artifact: Path::new(&origin.artifact),
        directory: Some(Path::new(&origin.directory)).filter(|path| !path.as_os_str().is_empty()),
        environment: Some(&origin.environment),
    })
}

fn build_file<'a>(content: &'a [u8], recorded: &'a Origin) -> BuildFile<'a> {
    BuildFile { path: Path::new(&recorded.artifact), content }
}

/// The build-id in hex; empty if there is none.
fn build_id(content: &[u8]) -> String {
    let id = Build::parse(content).ok().and_then(|build| build.build_id().map(hex));
    id.unwrap_or_default()
}

/// What the author said of the comparison.
fn options(
    delta: &BundledDelta,
    recorded: &Origin,
    args: &ReproduceArgs,
    bundled: &[BundledDelta],
) -> Result<Options, Failure> {
    let choices = ComparisonArgs::from_choices(&recorded.choices).map_err(|why| {
        Failure::usage(format!("{} can't be built again", delta.name))
            .why(&why)
            .help("use the version of suture that it was made with")
    })?;
    let file = BuildFile { path: Path::new(&recorded.artifact), content: &[] };
    let options = comparison::options(&file, &file, &choices, marks(recorded, args)?)?;
    Ok(Options { below: below(delta, args, bundled)?, ..options })
}

/// The critical marks that the author's comparison went by, and no others.
fn marks(recorded: &Origin, args: &ReproduceArgs) -> Result<Marks, Failure> {
    if recorded.critical_sha256.is_empty() {
        return Ok(Marks::default());
    }
    let of_project = Some(args.source.join(PROJECT_FILE)).filter(|path| path.exists());
    let expected = format!("the dossier says that it has SHA-256 {}", clean(&recorded.critical_sha256));
    let help = "name the right one with --critical";
    let path = args.critical.clone().or(of_project);
    let path = path
        .ok_or_else(|| Failure::usage("the file of critical marks is missing").why(&expected).help(help))?;
    let (marks, digest) = comparison::marks(&path)?;
    if digest == recorded.critical_sha256 {
        return Ok(marks);
    }
    let what = format!("`{}` is not the file of critical marks that the author used", path.display());
    Err(Failure::refused(what).why(&format!("{expected}, and this has {digest}")).help(help))
}

/// The patches that the delta stands on, as it names them.
fn below(
    delta: &BundledDelta,
    args: &ReproduceArgs,
    bundled: &[BundledDelta],
) -> Result<Vec<Earlier>, Failure> {
    let mut known: Vec<(DeltaId, suture_delta::Delta)> =
        bundled.iter().map(|bundled| (bundled.id, bundled.delta.clone())).collect();
    for path in &args.on {
        let (delta, id, _) = files::read_delta(path)?;
        known.push((id, delta));
    }
    let find = |wanted: &String| {
        let found = known.iter().find(|(id, _)| id.to_string() == *wanted);
        let earlier = found.map(|(id, delta)| Earlier { id: *id, delta: delta.clone() });
        earlier.ok_or_else(|| {
            Failure::usage(format!("{} stands on delta {wanted}, which is not in the bundle", delta.name))
                .help("name its file with --on")
        })
    };
    delta.delta.meta.on.iter().map(find).collect()
}
