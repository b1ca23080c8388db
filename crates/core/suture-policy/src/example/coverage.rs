//! Which rules of a pack the examples have made speak, and which they have let be silent where they could have spoken.

use std::collections::BTreeSet;

use super::{Answer, Example};
use crate::pack::Pack;
use crate::route::Route;
use crate::rule::is_about;

/// What examples leave untried.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Coverage {
    /// Rules that spoke in no example.
    pub never_spoke: Vec<String>,
    /// Rules with conditions that were never silent in an example of what they are about.
    pub never_silent: Vec<String>,
}

/// What these examples, with their answers, leave untried.
pub fn coverage<'e>(pack: &Pack, answers: impl Iterator<Item = (&'e Example, &'e Answer)>) -> Coverage {
    let (mut spoke, mut silent) = (BTreeSet::new(), BTreeSet::new());
    for (example, answer) in answers {
        let heard = heard(answer);
        let actions = actions(example);
        for rule in pack.rules() {
            if heard.contains(&rule.id) {
                spoke.insert(rule.id.clone());
            } else if actions.iter().any(|action| is_about(&rule.actions, action)) {
                silent.insert(rule.id.clone());
            }
        }
    }
    silent.extend(pack.rules().iter().filter(|rule| !rule.is_conditional).map(|rule| rule.id.clone()));
    let left = |tried: &BTreeSet<String>| {
        let rules = pack.rules().iter().filter(|rule| !tried.contains(&rule.id));
        rules.map(|rule| rule.id.clone()).collect()
    };
    Coverage { never_spoke: left(&spoke), never_silent: left(&silent) }
}

fn heard(answer: &Answer) -> BTreeSet<String> {
    match answer {
        Answer::Decision(decision) => {
            let rules = decision.rules.iter().map(|rule| rule.rule.clone());
            rules.chain(decision.signing_rules.iter().cloned()).collect()
        }
        Answer::Route(decision) => {
            decision.routes.iter().flat_map(|verdict| &verdict.rules).map(|rule| rule.rule.clone()).collect()
        }
    }
}

/// The actions that Cedar is asked for by an example.
fn actions(example: &Example) -> Vec<&'static str> {
    match &example.ask {
        None => Route::ALL.iter().map(|route| route.word()).collect(),
        Some(ask) => {
            let signing = example.statements.iter().map(|statement| statement.kind.action());
            signing.chain([ask.action()]).collect()
        }
    }
}
