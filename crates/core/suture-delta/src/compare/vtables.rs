//! The tables by which Rust calls the methods of `dyn` objects.
//!
//! They have no symbols, so that they look like any other constant: the code that makes an object has changed if its table has, and takes
//! the new one along. But objects that live in the process have the old one, and changed callers would call by it whatever stands where
//! the new build has their method. The debug information names each table by its type and its trait.

use std::collections::BTreeMap;

use suture_elf::debug::{DebugError, DebugInfo, Shape};

use crate::refusal::{Refusal, RefusalCode};
use crate::same::Same;

/// Addresses of the copies of each table, by its name.
type Tables = BTreeMap<String, Vec<u64>>;

/// A refusal for each table that both builds have and that holds something else.
pub(super) fn compare(same: &Same<'_, '_, '_>) -> Vec<Refusal> {
    let (Some(old), Some(new)) = (same.debug.old, same.debug.new) else { return Vec::new() };
    if !same.new.has_rust {
        return Vec::new();
    }
    let now = |name: String| same.pairs.renumbered(&name);
    let (befores, afters) = match (tables(old, now), tables(new, |name| name)) {
        (Ok(befores), Ok(afters)) => (befores, afters),
        (Err(error), _) | (_, Err(error)) => return vec![unknown(&error)],
    };
    let is_same = |a: u64, b: u64| matches!(is_same((old, a), (new, b), same), Ok(true));
    let changed = afters.iter().filter(|(name, afters)| {
        befores.get(*name).is_some_and(|befores| {
            // Codegen units have copies of their own.
            !(befores.iter().all(|a| afters.iter().any(|b| is_same(*a, *b)))
                && afters.iter().all(|b| befores.iter().any(|a| is_same(*a, *b))))
        })
    });
    changed.map(|(name, _)| refusal(name)).collect()
}

/// The tables, under the names that they have in the new build.
fn tables(debug: &DebugInfo<'_>, now: impl Fn(String) -> String) -> Result<Tables, DebugError> {
    let mut tables = Tables::new();
    for (address, name) in debug.rust_vtables()? {
        tables.entry(now(name)).or_default().push(address);
    }
    Ok(tables)
}

fn is_same(
    (old, a): (&DebugInfo<'_>, u64),
    (new, b): (&DebugInfo<'_>, u64),
    same: &Same<'_, '_, '_>,
) -> Result<bool, DebugError> {
    let (Some(size), Some(after)) = (size(old, a)?, size(new, b)?) else { return Ok(false) };
    let before = ((a, false), same.old.build.read(a, size));
    Ok(size == after && !same.contents_differ(before, ((b, false), same.new.build.read(b, size)), size))
}

/// Length of a table in bytes.
fn size(debug: &DebugInfo<'_>, address: u64) -> Result<Option<u64>, DebugError> {
    let Some(id) = debug.variable_at(address)?.and_then(|variable| variable.type_id) else { return Ok(None) };
    Ok(match &*debug.shape(id)? {
        Shape::Aggregate(aggregate) => Some(aggregate.size),
        _ => None,
    })
}

fn unknown(error: &DebugError) -> Refusal {
    Refusal {
        code: RefusalCode::NoDebugInfo,
        message: format!(
            "the debug information can't be read ({error}), so that changed tables would go unseen"
        ),
        help: "make both builds again with -C debuginfo=2".to_owned(),
        ..refusal("")
    }
}

fn refusal(name: &str) -> Refusal {
    Refusal {
        code: RefusalCode::VtableChanged,
        symbol: name.to_owned(),
        file: String::new(),
        line: 0,
        message: "`dyn` objects that live in the process have the old table of methods".to_owned(),
        help: "keep which methods the trait has, and which of them the type has its own, or restart with the new build"
            .to_owned(),
    }
}
