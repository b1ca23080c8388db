//! The answers and decisions of a case as an SSVC `SelectionList` 2.0.0.
//!
//! <https://certcc.github.io/SSVC/data/schema/v2/SelectionList_2_0_0.schema.json>. For each question one selection: the answer
//! that was given, or, where none was, all that are still possible, as the schema wants it. For each table's outcome one
//! selection too, with every outcome that the answers leave.

use serde::Serialize;

use crate::inputs::Input;
use crate::model::Case;
use crate::table::Table;
use crate::urgency::Urgency;
use crate::values::Moment;

/// A `SelectionList`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SelectionList {
    timestamp: Moment,
    #[serde(rename = "schemaVersion")]
    schema_version: &'static str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    target_ids: Vec<String>,
    selections: Vec<Selection>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    decision_point_resources: Vec<Reference>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Selection {
    namespace: String,
    key: String,
    version: String,
    name: String,
    values: Vec<Value>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Value {
    key: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Reference {
    uri: String,
    summary: String,
}

/// The selections of `case`, made at `timestamp`, by `tables` and what they said (`urgency`, in the same order).
pub fn selection_list(
    case: &Case,
    tables: &[Table],
    urgency: &[Urgency],
    timestamp: Moment,
) -> SelectionList {
    let mut selections: Vec<Selection> = Vec::new();
    let mut resources = Vec::new();
    for (table, urgency) in tables.iter().zip(urgency) {
        for (point, answer) in table.points.iter().zip(&urgency.answers) {
            let possible = point.values.iter().map(|(key, _)| key.as_str());
            let keys: Vec<&str> = possible.filter(|key| answer.assumed || *key == answer.key).collect();
            add(&mut selections, &point.identity, &point.name, &keys);
        }
        let left = outcomes_left(table, urgency);
        add(&mut selections, &table.outcome_identity, &table.outcome_name, &left);
        resources
            .push(Reference { uri: table.uri.clone(), summary: format!("{} {}", table.name, table.version) });
    }
    let ids = case.ids.iter().map(ToString::to_string);
    SelectionList {
        timestamp,
        schema_version: "2.0.0",
        target_ids: ids.collect(),
        selections,
        decision_point_resources: resources,
    }
}

/// Keys of the outcomes that the answers leave, from the least to the most urgent.
fn outcomes_left<'t>(table: &'t Table, urgency: &Urgency) -> Vec<&'t str> {
    let given: Vec<(Input, &str)> = urgency
        .answers
        .iter()
        .filter(|answer| !answer.assumed)
        .map(|answer| (answer.input, answer.key.as_str()))
        .collect();
    let fits = |answers: &[usize]| {
        table.points.iter().zip(answers).all(|(point, index)| {
            let wanted = given.iter().find(|(input, _)| *input == point.input);
            wanted.is_none_or(|(_, key)| point.values.get(*index).is_some_and(|(have, _)| have == key))
        })
    };
    let mut left: Vec<usize> =
        table.rows.iter().filter(|row| fits(&row.answers)).map(|row| row.outcome).collect();
    left.sort_unstable();
    left.dedup();
    left.into_iter()
        .filter_map(|index| table.outcomes.get(index))
        .map(|outcome| outcome.key.as_str())
        .collect()
}

/// Tables share questions: each is answered once.
fn add(selections: &mut Vec<Selection>, identity: &str, name: &str, keys: &[&str]) {
    let mut parts = identity.splitn(3, ':');
    let mut part = || parts.next().unwrap_or_default().to_owned();
    let (namespace, key, version) = (part(), part(), part());
    if selections.iter().any(|s| s.namespace == namespace && s.key == key && s.version == version) {
        return;
    }
    let values = keys.iter().map(|key| Value { key: (*key).to_owned() }).collect();
    selections.push(Selection { namespace, key, version, name: name.to_owned(), values });
}
