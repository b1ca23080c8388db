//! What must hold of two builds before it makes sense to compare them in detail.

use suture_elf::Build;

use super::{Debug, whole};
use crate::pair::Pairs;
use crate::refusal::{Refusal, RefusalCode};
use crate::side::{EntityKind, Side};

/// At least this part of the old functions must have a partner, or the builds are no build and its fix.
const RELATED_PERCENT_MIN: usize = 40;

/// What must hold of any two builds before their contents are looked at.
pub(super) fn preconditions(old: &Build<'_>, new: &Build<'_>) -> Vec<Refusal> {
    let mut refusals = Vec::new();
    let mut refuse = |code, message: &str, help: &str| refusals.push(whole(code, message, help));
    if old.kind() != new.kind() {
        refuse(
            RefusalCode::WrongArchitecture,
            "one build is position-independent, or a library, and the other is not",
            "make both builds with the same options",
        );
    }
    for (which, build) in [("old", old), ("new", new)] {
        if build.symbols().len() < 2 {
            let message = format!("the {which} build has no symbol table");
            refuse(RefusalCode::NoSymbols, &message, "give the build as the linker wrote it, not stripped");
        }
        if build.build_id().is_none() {
            let message = format!("the {which} build has no build-id");
            refuse(RefusalCode::NoBuildId, &message, "link with -Wl,--build-id");
        }
    }
    match (old.relocations().is_empty(), new.relocations().is_empty()) {
        (false, false) => {}
        (true, true) => refuse(
            RefusalCode::NoRelocations,
            "neither build has the relocations of its linker",
            "link both with -Wl,--emit-relocs (rustc: -C link-arg=-Wl,--emit-relocs)",
        ),
        (old_without, _) => refuse(
            RefusalCode::UnlikeBuilds,
            &format!(
                "the {} build was linked without --emit-relocs and the other with it",
                if old_without { "old" } else { "new" }
            ),
            "make both builds with the same options",
        ),
    }
    refusals
}

/// Builds of which too little has a partner are no build and its fix.
pub(super) fn unrelated(old: &Side<'_, '_>, pairs: &Pairs) -> Option<Refusal> {
    let functions = (0..).zip(&old.entities).filter(|(_, entity)| entity.kind == EntityKind::Function);
    let (mut total, mut paired) = (0, 0);
    for (id, _) in functions {
        total += 1;
        paired += usize::from(pairs.new_of(id).is_some());
    }
    (paired * 100 < total * RELATED_PERCENT_MIN).then(|| {
        let message = format!("of {total} functions of the old build the new one has {paired}");
        whole(RefusalCode::UnrelatedBuilds, &message, "give a build and the same build with the fix")
    })
}

/// Builds whose debug information names other compilers or options differ everywhere, and nobody wants a
/// delta of that.
pub(super) fn unlike(debug: Debug<'_, '_>) -> Option<Refusal> {
    let (old, new) = (debug.old?.producers().ok()?, debug.new?.producers().ok()?);
    let (only_old, only_new) = (old.difference(&new).next()?, new.difference(&old).next()?);
    let message = format!("the old build was made by `{only_old}` and the new one by `{only_new}`");
    Some(whole(RefusalCode::UnlikeBuilds, &message, "make both builds with the same compiler and options"))
}
