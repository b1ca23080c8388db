//! What options say, written into an advisory.

use suture_advisory::Advisory;
use suture_advisory::from_case::TooMany;
use suture_advisory::model::{BuildId, Credit, HotPatch, Reference, ReferenceKind};
use suture_case::values::List;

use super::too_many;
use crate::args::advisory::{ChangeArgs, PatchChoice};
use crate::failure::Failure;
use crate::files;

/// Writes what is said into `advisory`.
pub(super) fn apply(args: &ChangeArgs, advisory: &mut Advisory) -> Result<(), Failure> {
    set(&mut advisory.title, args.title.as_ref());
    set(&mut advisory.tlp, args.tlp.as_ref());
    set_some(&mut advisory.summary, args.summary.as_ref());
    set_some(&mut advisory.impact, args.impact.as_ref());
    set_some(&mut advisory.workaround, args.workaround.as_ref());
    set_some(&mut advisory.cwe, args.cwe.as_ref());
    set_some(&mut advisory.disclose_at, args.disclose_at.as_ref());
    set_some(&mut advisory.program.vendor, args.vendor.as_ref());
    set_some(&mut advisory.program.purl, args.purl.as_ref());
    let full = |error: TooMany| too_many(&error);
    advisory.name_versions(&args.affected, &args.fixed).map_err(full)?;
    for choice in &args.hot_patches {
        let patch = hot_patch(choice)?;
        advisory.offer(HotPatch { bundle: args.bundle.clone(), ..patch }).map_err(full)?;
    }
    for choice in &args.credits {
        let (name, organization) = (choice.name.clone(), choice.organization.clone());
        advisory.thank(Credit { role: choice.role, name, organization }).map_err(full)?;
    }
    let mut references = advisory.reference.to_vec();
    for choice in &args.references {
        let (summary, url) = (choice.summary.clone(), choice.url.clone());
        if references.iter().all(|known| known.url != url) {
            references.push(Reference { summary, url, kind: ReferenceKind::Web });
        }
    }
    let many = |why: String| Failure::usage("too many references").why(&why);
    advisory.reference = List::new(references).map_err(many)?;
    Ok(())
}

fn set<T: Clone>(place: &mut T, value: Option<&T>) {
    if let Some(value) = value {
        *place = value.clone();
    }
}

fn set_some<T: Clone>(place: &mut Option<T>, value: Option<&T>) {
    if value.is_some() {
        *place = value.cloned();
    }
}

/// What a delta says about itself.
fn hot_patch(choice: &PatchChoice) -> Result<HotPatch, Failure> {
    let (delta, id, _) = files::read_delta(&choice.file)?;
    let odd = |why: String| {
        Failure::usage(format!("`{}` can't be named in an advisory", choice.file.display())).why(&why)
    };
    Ok(HotPatch {
        version: choice.version.clone(),
        build_id: BuildId::try_from(delta.meta.old.build_id.clone()).map_err(odd)?,
        patch: id.to_string().parse().map_err(odd)?,
        bundle: None,
    })
}
