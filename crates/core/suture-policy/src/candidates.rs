//! Who could give what is missing: the people who have a key that holds now, whose statement the rules permit and which would help.
//!
//! Helping is tried, not guessed: the rule is asked again as if the statement were there. Where one is not enough,
//! pairs are tried; where pairs are not, everybody together. A list is then never longer than it has to be, and is
//! empty if nobody in the trust root can help.

use crate::decide::{Scene, State};
use crate::error::QuestionError;
use crate::model::{Kind, Principal};
use crate::rule::Rule;

/// Most people of whom pairs are tried.
const PAIRED_MAX: usize = 64;

/// Whose statement of this kind would silence `rule`, alone or with others.
pub(crate) fn find<'a>(
    scene: &Scene<'_, 'a, '_>,
    rule: &Rule,
    kind: Kind,
    state: State,
) -> Result<Vec<&'a Principal>, QuestionError> {
    let mut willing = Vec::new();
    for person in scene.without_statement(kind).filter(|person| person.can_sign) {
        if scene.signing(person, kind)?.allow() {
            willing.push(person);
        }
    }
    let helps = |people: &[&'a Principal]| scene.silences(rule, kind, state, people);
    if willing.is_empty() || !helps(&willing)? {
        return Ok(Vec::new());
    }
    let mut found = Vec::new();
    for person in &willing {
        if helps(&[person])? {
            found.push(*person);
        }
    }
    if found.is_empty() && willing.len() <= PAIRED_MAX {
        found = in_pairs(&willing, helps)?;
    }
    Ok(if found.is_empty() { willing } else { found })
}

/// Those who help together with one other, where nobody does alone.
fn in_pairs<'a>(
    willing: &[&'a Principal],
    helps: impl Fn(&[&'a Principal]) -> Result<bool, QuestionError>,
) -> Result<Vec<&'a Principal>, QuestionError> {
    let mut found = vec![false; willing.len()];
    for (first, person) in willing.iter().enumerate() {
        for (second, other) in willing.iter().enumerate().skip(first + 1) {
            if !(found[first] && found[second]) && helps(&[person, other])? {
                (found[first], found[second]) = (true, true);
            }
        }
    }
    Ok(willing.iter().zip(found).filter_map(|(person, is_found)| is_found.then_some(*person)).collect())
}
