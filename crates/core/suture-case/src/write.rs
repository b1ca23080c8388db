//! [`Case`] to `case.toml`: always the same text for the same case, and changes that stay small in version control.
//!
//! A file that is there already is *edited*: what did not change keeps its place, its spelling and its comments.

use toml_edit::{DocumentMut, Item, Table, TableLike, Value};

use crate::error::CaseError;
use crate::model::Case;

const HEADING: &str = "# A case of Suture: docs/formats/case.md says what may stand here. Scores and deadlines are computed.\n\n";

impl Case {
    /// The text of a new `case.toml`.
    ///
    /// # Errors
    /// If a value has no spelling in TOML, which no case that was read has.
    pub fn to_text(&self) -> Result<String, CaseError> {
        let fault = |what: String| CaseError::in_line(1, what, "report this as a fault of suture");
        let plain = toml::to_string(self).map_err(|error| fault(error.to_string()))?;
        let mut document: DocumentMut =
            plain.parse().map_err(|error: toml_edit::TomlError| fault(error.to_string()))?;
        lay_out(document.as_table_mut());
        Ok(format!("{HEADING}{document}"))
    }

    /// The text `old` of a `case.toml`, changed so that it says this case.
    ///
    /// # Errors
    /// If `old` is no TOML.
    pub fn edit(&self, old: &str) -> Result<String, CaseError> {
        edited(old, &self.to_text()?)
    }
}

/// The TOML text `old`, changed so that it says what `fresh` says: what did not change keeps its place, its spelling and its
/// comments.
///
/// # Errors
/// If one of them is no TOML.
pub fn edited(old: &str, fresh: &str) -> Result<String, CaseError> {
    let parse = |text: &str| {
        text.parse::<DocumentMut>().map_err(|error| {
            let offset = error.span().unwrap_or_default().start;
            CaseError::at(text, offset, error.message(), "write it as TOML")
        })
    };
    let (mut document, fresh) = (parse(old)?, parse(fresh)?);
    merge(document.as_table_mut(), fresh.as_table());
    Ok(document.to_string())
}

/// Lists of several items get a line for each item.
fn lay_out(table: &mut dyn TableLike) {
    for (_, item) in table.iter_mut() {
        match item {
            Item::Value(Value::Array(array)) if array.len() > 1 => {
                for value in array.iter_mut() {
                    value.decor_mut().set_prefix("\n    ");
                }
                array.set_trailing("\n");
                array.set_trailing_comma(true);
            }
            Item::Table(table) => lay_out(table),
            Item::ArrayOfTables(tables) => tables.iter_mut().for_each(|table| lay_out(table)),
            _ => {}
        }
    }
}

/// Makes `old` say what `new` says, and touches nothing that says it already.
fn merge(old: &mut Table, new: &Table) {
    let gone: Vec<String> =
        old.iter().map(|(key, _)| key.to_owned()).filter(|key| !new.contains_key(key)).collect();
    for key in gone {
        old.remove(&key);
    }
    for (key, item) in new {
        match (old.get_mut(key), item) {
            (Some(Item::Table(old)), Item::Table(new)) => merge(old, new),
            (Some(old), new) if says(old) == says(new) => {}
            (Some(Item::Value(old)), Item::Value(new)) => {
                let decor = old.decor().clone();
                *old = new.clone();
                *old.decor_mut() = decor;
            }
            _ => drop(old.insert(key, at_the_end(item))),
        }
    }
}

/// A table that is new stands after those that are there, in the order in which they come.
fn at_the_end(item: &Item) -> Item {
    let mut item = item.clone();
    if let Item::Table(table) = &mut item {
        forget_places(table);
    }
    item
}

fn forget_places(table: &mut Table) {
    table.set_position(None);
    for (_, item) in table.iter_mut() {
        match item {
            Item::Table(table) => forget_places(table),
            Item::ArrayOfTables(tables) => tables.iter_mut().for_each(forget_places),
            _ => {}
        }
    }
}

/// What an item says, without how it is spelled.
fn says(item: &Item) -> Option<toml::Value> {
    let mut document = DocumentMut::new();
    document.insert("it", item.clone());
    toml::from_str::<toml::Table>(&document.to_string()).ok()?.remove("it")
}
