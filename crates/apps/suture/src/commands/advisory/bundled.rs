//! The advisory of a bundle: that on its case, completed with what the bundle proves and with thanks to its signers.

use std::path::{Path, PathBuf};

use jiff::Timestamp;
use suture_advisory::model::BuildId;
use suture_advisory::{Advisory, Stage};
use suture_bundle::Facts;
use suture_case::names::CaseId;
use suture_case::values::Digest;
use suture_clearance::Patch;
use suture_trust::{Received, verify};

use super::place::Place;
use super::too_many;
use crate::args::advisory::{BundledArgs, RenderArgs};
use crate::console::Console;
use crate::failure::Failure;
use crate::statement_file::StatementFile;
use crate::{files, permission, statement_file, trust_dir};

/// The bundle that is named, if it is one.
pub(super) fn patch(args: &RenderArgs) -> Result<Option<Patch>, Failure> {
    if args.case.is_file() && files::is_bundle(&args.case)? {
        return permission::read_patch(&args.case).map(Some);
    }
    let BundledArgs { advisory, trust, no_credits } = &args.bundle;
    let given =
        [("--advisory", advisory.is_some()), ("--trust", trust.is_some()), ("--no-credits", *no_credits)];
    match given.iter().find(|(_, is_given)| *is_given) {
        Some((option, _)) => Err(Failure::usage(format!("{option} is about a bundle"))
            .why(&format!("`{}` is none", args.case.display()))
            .help("name a bundle, or leave the option out")),
        None => Ok(None),
    }
}

/// The file of the advisory on the case of `patch`.
pub(super) fn advisory_file(patch: &Patch, args: &RenderArgs) -> Result<PathBuf, Failure> {
    if let Some(file) = &args.bundle.advisory {
        return Ok(file.clone());
    }
    let missing = |why: &str| {
        Failure::usage(format!("there is no advisory for the bundle `{}`", args.case.display()))
            .why(why)
            .help("name the file of one with --advisory, or the directory of all cases with --cases")
    };
    let beside = statement_file::with_suffix(&args.case, ".advisory.toml");
    let Some(named) = &patch.case else {
        return Some(beside)
            .filter(|file| file.is_file())
            .ok_or_else(|| missing("its dossier names no case"));
    };
    let id: Result<CaseId, String> = named.parse();
    let of_case = id.map(|id| Place::Case { cases: args.place.cases.clone(), id }.file());
    if let Some(file) = of_case.iter().chain([&beside]).find(|file| file.is_file()) {
        return Ok(file.clone());
    }
    Err(missing(&match of_case {
        Ok(file) => format!("neither `{}` nor `{}` is there", file.display(), beside.display()),
        Err(why) => format!("its dossier names a case {named:?}: {why}"),
    }))
}

/// Adds to `advisory` what `patch` proves, and who has signed for it.
pub(super) fn complete(
    advisory: &mut Advisory,
    patch: &Patch,
    args: &RenderArgs,
    console: &Console,
) -> Result<(), Failure> {
    let bundle = &args.case;
    if let Some(case) = patch.case.as_ref().filter(|case| *case != advisory.id.as_str()) {
        return Err(Failure::usage(format!("this is not the advisory of `{}`", bundle.display()))
            .why(&format!("it is about the case {}, and the bundle is for {case:?}", advisory.id))
            .help("name the advisory of that case with --advisory"));
    }
    let odd = |why: String| {
        Failure::usage(format!("`{}` can't be named in an advisory", bundle.display())).why(&why)
    };
    let id = |text: &str| -> Result<Digest, Failure> { text.parse().map_err(odd) };
    let delta =
        |facts: &Facts| Ok((BuildId::try_from(facts.old_build_id.clone()).map_err(odd)?, id(&facts.id)?));
    let deltas: Vec<(BuildId, Digest)> =
        patch.deltas.iter().map(|(_, facts)| delta(facts)).collect::<Result<_, Failure>>()?;
    advisory.offer_bundle(&id(&patch.digest.to_string())?, deltas).map_err(|error| too_many(&error))?;
    if !args.bundle.no_credits {
        thank(advisory, patch, bundle, args.bundle.trust.as_deref(), console)?;
    }
    if let (Stage::Published, true, Some(last)) =
        (advisory.stage, advisory.is_edited(), advisory.revision.last())
    {
        console.note(&format!(
            "version {} did not say all of this; `suture advisory update` with --hot-patch and --credit makes one that does",
            last.number
        ));
    }
    Ok(())
}

fn thank(
    advisory: &mut Advisory,
    patch: &Patch,
    bundle: &Path,
    trust: Option<&Path>,
    console: &Console,
) -> Result<(), Failure> {
    let Some(trust) = trust_dir::find(trust) else {
        console
            .note("nothing was verified, so nobody is thanked for a statement (--trust, SUTURE_TRUST_DIR)");
        return Ok(());
    };
    let root = statement_file::read_root(&trust)?;
    let lines = StatementFile::of(bundle, None).read_for(&root)?;
    let received: Vec<Received<'_>> =
        lines.envelopes.iter().map(|(_, envelope)| Received { envelope, known_since: None }).collect();
    let verified = verify(&root, patch.digest, &received, Timestamp::now());
    let lost = verified.rejected.len() + lines.unread.len();
    if lost > 0 {
        console.note(&format!(
            "{lost} of the statements don't count; `suture statements {} --trust {}` says why",
            bundle.display(),
            trust.display()
        ));
    }
    advisory.thank_signers(&verified).map_err(|error| too_many(&error))
}
