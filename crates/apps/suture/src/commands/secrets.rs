//! What must not be told before its time, gathered from where it is known.

use std::path::Path;

use suture_advisory::leak::Secrets;
use suture_delta::Delta;

use super::advisory::place::{self, Place};
use super::case::store::Store;
use crate::failure::Failure;

/// What a case says that is not public.
pub(super) fn of_case(named: &Path, cases: &Path, secrets: &mut Secrets) -> Result<(), Failure> {
    let place = Place::find(named, cases)?;
    let Place::Case { cases, id } = &place else {
        return Err(
            Failure::usage(format!("`{}` is no case", named.display())).help("name a case or its directory")
        );
    };
    let case = Store::at(cases).open(id)?.case;
    secrets.ids.extend(case.ids.iter().map(ToString::to_string));
    secrets.titles.push(case.title.to_string());
    secrets.known.push(case.program.name.to_string());
    if let Some(delta) = &case.delta {
        secrets.symbols.extend(delta.touches.iter().map(|touch| touch.function.to_string()));
        secrets.symbols.extend(delta.by_pointer.iter().map(ToString::to_string));
    }
    if place.file().exists() {
        let (_, advisory) = place::read(&place.file())?;
        secrets.titles.push(advisory.title.to_string());
        secrets.ids.extend(advisory.ids.iter().map(ToString::to_string));
        secrets.weaknesses.extend(advisory.cwe.iter().map(ToString::to_string));
        secrets.ids.extend(advisory.program.fixed_commits.iter().map(|commit| commit.as_str().to_owned()));
        secrets.known.extend(advisory.program.vendor.iter().map(ToString::to_string));
    }
    Ok(())
}

/// What a delta changes.
pub(super) fn of_delta(delta: &Delta, secrets: &mut Secrets) {
    let report = &delta.meta.report;
    for function in &report.changed {
        secrets.symbols.extend([function.name.clone(), function.symbol.clone()]);
        secrets.paths.push(function.file.clone());
    }
    for function in report.new.iter().chain(&report.removed) {
        secrets.symbols.extend([function.name.clone(), function.symbol.clone()]);
        secrets.paths.push(function.file.clone());
    }
    for object in &report.data {
        secrets.symbols.extend([object.name.clone(), object.symbol.clone()]);
    }
    secrets.known.push(delta.meta.old.name.clone());
}
