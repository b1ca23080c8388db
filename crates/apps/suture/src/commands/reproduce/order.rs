//! What has to be built: the records in the dossier, each build once, with its fix.

use std::path::{Path, PathBuf};

use suture_bundle::{Bundle, BundledDelta, Contents, Digest, Role};
use suture_delta::page::clean;
use suture_dossier::{Dossier, Origin};

use crate::args::ReproduceArgs;
use crate::commands::dossier;
use crate::failure::Failure;
use crate::files;

/// One pair of builds, and the deltas that come of it.
pub(super) struct Order<'a> {
    /// The record of the first of the deltas; what decides the builds is the same in that of each.
    pub(super) origin: Origin,
    /// The fix.
    pub(super) patch: Vec<u8>,
    /// What is made of the two builds, each by its own record.
    pub(super) deltas: Vec<(&'a BundledDelta, Origin)>,
}

/// The orders for the deltas that `args` choose.
pub(super) fn orders<'a>(
    args: &ReproduceArgs,
    bundle: &Bundle<'_>,
    contents: &'a Contents<'_>,
) -> Result<Vec<Order<'a>>, Failure> {
    let dossier = Dossier::parse(contents.dossier).map_err(|error| dossier::unusable(&args.file, &error))?;
    let fixes = Fixes::read(&args.patches)?;
    let mut orders: Vec<Order<'a>> = Vec::new();
    for delta in chosen(&args.deltas, &contents.deltas)? {
        let stated = dossier.answers.delta.iter().find(|stated| stated.id == delta.facts.id);
        let origin = stated.map(|stated| &stated.origin).filter(|origin| origin.is_known());
        let origin = origin.ok_or_else(|| {
            Failure::usage(format!("{} can't be built again", delta.name))
                .why("the dossier does not say how it was built")
                .help("ask its author for a bundle whose dossier was made with --provenance")
        })?;
        match orders.iter_mut().find(|order| is_one_build(&order.origin, origin)) {
            Some(order) => order.deltas.push((delta, origin.clone())),
            None => orders.push(Order {
                origin: origin.clone(),
                patch: fixes.of(origin, bundle)?,
                deltas: vec![(delta, origin.clone())],
            }),
        }
    }
    fixes.check_used(&orders)?;
    Ok(orders)
}

fn chosen<'a>(names: &[String], deltas: &'a [BundledDelta]) -> Result<Vec<&'a BundledDelta>, Failure> {
    const PREFIX_LEN_MIN: usize = 4;
    let is_meant = |name: &str, delta: &BundledDelta| {
        let file = delta.name.as_str().rsplit('/').next().unwrap_or_default();
        let is_prefix = name.len() >= PREFIX_LEN_MIN && delta.facts.id.starts_with(name);
        name == delta.name.as_str() || name == file || is_prefix
    };
    for name in names {
        let count = deltas.iter().filter(|delta| is_meant(name, delta)).count();
        if count != 1 {
            let what = if count == 0 { "is no delta" } else { "is more than one delta" };
            return Err(Failure::usage(format!("`{}` {what} of the bundle", name.escape_debug()))
                .help("`suture bundle show BUNDLE` lists their names and ids"));
        }
    }
    let is_chosen =
        |delta: &&BundledDelta| names.is_empty() || names.iter().any(|name| is_meant(name, delta));
    Ok(deltas.iter().filter(is_chosen).collect())
}

/// Whether two records are of builds that are made in the same way.
fn is_one_build(one: &Origin, other: &Origin) -> bool {
    let parts = |origin: &Origin| {
        (
            origin.patch_sha256.clone(),
            origin.command.clone(),
            origin.artifact.clone(),
            origin.directory.clone(),
            origin.environment.clone(),
        )
    };
    parts(one) == parts(other)
}

/// The fixes that the command line names.
struct Fixes<'p>(Vec<(&'p Path, String, Vec<u8>)>);

impl<'p> Fixes<'p> {
    fn read(paths: &'p [PathBuf]) -> Result<Self, Failure> {
        let read = |path: &'p PathBuf| {
            let bytes = files::read_document(path)?;
            Ok((path.as_path(), Digest::of(&bytes).to_string(), bytes))
        };
        paths.iter().map(read).collect::<Result<_, Failure>>().map(Self)
    }

    /// The fix that the record names: one of these, or a document of the bundle.
    fn of(&self, origin: &Origin, bundle: &Bundle<'_>) -> Result<Vec<u8>, Failure> {
        if let Some((_, _, bytes)) = self.0.iter().find(|(_, digest, _)| *digest == origin.patch_sha256) {
            return Ok(bytes.clone());
        }
        let mut documents = bundle.members().iter().filter(|member| member.name.role() == Role::Document);
        let found = documents.find(|member| Digest::of(member.content).to_string() == origin.patch_sha256);
        if let Some(member) = found {
            return Ok(member.content.to_vec());
        }
        let recorded = format!("the dossier says that it has SHA-256 {}", clean(&origin.patch_sha256));
        Err(match self.0.first() {
            Some((path, digest, _)) => not_the_fix(path, &format!("{recorded}, and this has {digest}")),
            None => Failure::usage("the fix is not in the bundle")
                .why(&recorded)
                .help("name its file with --patch"),
        })
    }

    /// Whoever names another fix than the one that is used would believe that it was.
    fn check_used(&self, orders: &[Order<'_>]) -> Result<(), Failure> {
        let is_used = |digest: &String| orders.iter().any(|order| order.origin.patch_sha256 == *digest);
        match self.0.iter().find(|(_, digest, _)| !is_used(digest)) {
            Some((path, digest, _)) => {
                Err(not_the_fix(path, &format!("the dossier names none with SHA-256 {digest}")))
            }
            None => Ok(()),
        }
    }
}

fn not_the_fix(path: &Path, why: &str) -> Failure {
    Failure::refused(format!("`{}` is not the fix that the deltas were made with", path.display()))
        .why(why)
        .help("look at both: the bundle may have been made with another fix than the one that you were shown")
}
