//! What a bundle says of how it was built, as SLSA provenance: a predicate for each build that the dossier has a record of.

use std::path::Path;

use serde_json::{Map, Value, json};
use suture_bundle::{BundledDelta, begins_like_a_bundle};
use suture_dossier::{Dossier, Origin};

use crate::commands::{bundle, dossier};
use crate::failure::Failure;

/// The predicates. Deltas that come of one build are told by one.
pub(super) fn of_bundle(path: &Path, bytes: &[u8]) -> Result<Vec<Map<String, Value>>, Failure> {
    if !begins_like_a_bundle(bytes) {
        return Err(Failure::usage("`built` needs --predicate")
            .why(&format!("`{}` is no bundle, which says itself how it was built", path.display()))
            .help("docs/formats/statements.md has an example"));
    }
    let (_, contents) = bundle::open(path, bytes)?;
    let dossier = Dossier::parse(contents.dossier).map_err(|error| dossier::unusable(path, &error))?;
    let mut builds: Vec<(Map<String, Value>, &Origin, Vec<Value>)> = Vec::new();
    for delta in &contents.deltas {
        let stated = dossier.answers.delta.iter().find(|stated| stated.id == delta.facts.id);
        let origin = stated.map(|stated| &stated.origin).filter(|origin| origin.is_known());
        let origin = origin.ok_or_else(|| unknown(delta))?;
        let definition = origin.build_definition();
        let made = json!({"name": delta.name.as_str(), "digest": {"sha256": delta.facts.id}});
        let same =
            builds.iter_mut().find(|(known, by, _)| *known == definition && by.builder == origin.builder);
        match same {
            Some((_, _, products)) => products.push(made),
            None => builds.push((definition, origin, vec![made])),
        }
    }
    Ok(builds.into_iter().map(|(definition, origin, made)| provenance(definition, origin, &made)).collect())
}

/// The subject of the statement is the bundle; what the build has made on the way to it are by-products.
fn provenance(definition: Map<String, Value>, origin: &Origin, made: &[Value]) -> Map<String, Value> {
    Map::from_iter([
        ("buildDefinition".to_owned(), Value::Object(definition)),
        ("runDetails".to_owned(), json!({"builder": {"id": origin.builder}, "byproducts": made})),
    ])
}

fn unknown(delta: &BundledDelta) -> Failure {
    Failure::usage(format!("nothing can be said of how {} was built", delta.name))
        .why("the dossier does not say it")
        .help("draft the dossier with --provenance, or write what you know as SLSA provenance and name it with --predicate")
}
