//! Constants of enumerations without a name: what `int state` holds, where no type leads to what its values mean.
//!
//! Such constants may be limits too, which a fix may change. So a new value counts only where constants have traded places: then
//! what was stored under one name is read under another.

use std::collections::HashMap;

use suture_elf::debug::{DebugError, DebugInfo, EntryId, Shape};

type Values = Vec<(String, u64)>;

/// Enumerations without a name of the old units.
#[derive(Debug, Default)]
pub(super) struct Unnamed {
    /// By unit.
    old: HashMap<String, Vec<Values>>,
}

impl Unnamed {
    /// Notes the type, if it is one of those.
    pub(super) fn add_old(&mut self, old: &DebugInfo<'_>, unit: &str, id: EntryId) -> Result<(), DebugError> {
        if let Some(values) = values(old, id)? {
            self.old.entry(unit.to_owned()).or_default().push(values);
        }
        Ok(())
    }

    /// What to call the new enumeration, and which of its constants has now the value that another had, or another the one that it had.
    pub(super) fn difference(
        &self,
        new: &DebugInfo<'_>,
        unit: &str,
        id: EntryId,
    ) -> Result<Option<(String, String)>, DebugError> {
        let (Some(news), Some(olds)) = (values(new, id)?, self.old.get(unit)) else { return Ok(None) };
        let traded = news.iter().find_map(|one| traded(one, &news, olds));
        let first = news.first().map(|(name, _)| name.as_str()).unwrap_or_default();
        Ok(traded.map(|description| (format!("enum {{ {first}, … }}"), description)))
    }
}

fn traded((name, is): &(String, u64), news: &Values, olds: &[Values]) -> Option<String> {
    let mut before = olds.iter().filter_map(|old| {
        let (_, was) = old.iter().find(|(other, _)| other == name)?;
        Some((old, *was))
    });
    let (old, was) = before.next()?;
    // Where several blocks have a constant of one name, nothing says which it was.
    if was == *is || before.any(|(_, was)| was == *is) {
        return None;
    }
    let has =
        |values: &Values, wanted: u64| values.iter().any(|(other, value)| other != name && *value == wanted);
    let trades = has(old, *is) || has(news, was);
    trades.then(|| format!("constant '{name}' changes from {} to {}", was as i64, *is as i64))
}

fn values(debug: &DebugInfo<'_>, id: EntryId) -> Result<Option<Values>, DebugError> {
    if debug.is_named(id)? {
        return Ok(None);
    }
    let shape = debug.shape(id)?;
    Ok(if let Shape::Enumeration(found) = &*shape { Some(found.values.clone()) } else { None })
}
