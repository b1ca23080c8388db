//! Words for what differs between two layouts.

use suture_elf::debug::{DebugError, DebugInfo, EntryId, Member, Place, Shape};

/// A change of size.
pub(super) fn sizes(old: u64, new: u64) -> String {
    format!("its size changes from {old} to {new} bytes")
}

/// What differs between members, given in the order of their places, of which number or places differ: the
/// first that is new, gone or elsewhere.
pub(super) fn places(old: &[&Member], new: &[&Member]) -> String {
    let find = |members: &[&Member], name: &str| members.iter().position(|member| member.name == name);
    let added = new.iter().find(|member| find(old, &member.name).is_none());
    let moved = new.iter().find_map(|member| {
        let before = old.get(find(old, &member.name)?)?;
        (before.place != member.place || before.bits != member.bits).then_some((*before, *member))
    });
    let moved = moved.map(|(before, after)| {
        let (from, to) = (place(before), place(after));
        match (before.bits, after.bits) {
            _ if from != to => format!("member '{}' moves from {from} to {to}", after.name),
            (Some(was), Some(is)) => format!("member '{}' changes from {was} to {is} bits", after.name),
            _ => format!("member '{}' becomes, or was, a bit field", after.name),
        }
    });
    if let Some(added) = added {
        let added = format!("member '{}' is new at {}", added.name, place(added));
        return moved.map_or(added.clone(), |moved| format!("{added}, {moved}"));
    }
    let gone = old.iter().find(|member| find(new, &member.name).is_none());
    let gone = gone.map(|gone| format!("member '{}' is gone", gone.name));
    gone.or(moved).unwrap_or_else(|| format!("it has {} members in place of {}", new.len(), old.len()))
}

/// The first variable in what a closure has captured, in the order of their places, in place of which there is another one.
pub(super) fn captures(old: &[&Member], new: &[&Member]) -> Option<String> {
    let (was, is) = old.iter().zip(new).find(|(was, is)| was.name != is.name)?;
    Some(format!("it holds '{}' in place of '{}'", is.name, was.name))
}

fn place(member: &Member) -> String {
    match (&member.place, member.bits) {
        (Place::Bit(bit), None) => format!("offset {}", bit / 8),
        (Place::Bit(bit), Some(_)) => format!("bit {bit}"),
        (Place::Computed(_), _) => "a computed place".to_owned(),
    }
}

/// A constant that both enumerations have under the same name with different values.
pub(super) fn changed_constant(
    old: &DebugInfo<'_>,
    new: &DebugInfo<'_>,
    a: EntryId,
    b: EntryId,
) -> Result<Option<String>, DebugError> {
    let (x, y) = (old.shape(a)?, new.shape(b)?);
    let (Shape::Enumeration(x), Shape::Enumeration(y)) = (&*x, &*y) else { return Ok(None) };
    let changed = y.values.iter().find_map(|(name, is)| {
        let (_, was) = x.values.iter().find(|(other, was)| other == name && was != is)?;
        Some(format!("constant '{name}' changes from {} to {}", *was as i64, *is as i64))
    });
    Ok(changed)
}
