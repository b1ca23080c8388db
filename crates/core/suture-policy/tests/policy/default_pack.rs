//! The default pack does what its examples say, and no rule of it is untried.

use suture_policy::example::{self, coverage};
use suture_policy::{DEFAULT_EXAMPLES, Effect, default_pack};

/// Fewest examples that the default pack comes with.
const EXAMPLES_MIN: usize = 25;

#[test]
fn answers_are_as_its_examples_say() {
    let pack = default_pack().unwrap();
    let mut asked = Vec::new();
    let mut wrong = Vec::new();
    for source in DEFAULT_EXAMPLES {
        let examples = example::parse(source.text).unwrap_or_else(|error| panic!("{}: {error}", source.name));
        for example in examples {
            let checked = example.check(&pack);
            for mismatch in &checked.mismatches {
                wrong.push(format!("{}:{} {}: {mismatch}", source.name, example.line, example.name));
            }
            asked.extend(checked.answer.ok().map(|answer| (example, answer)));
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
    assert!(asked.len() >= EXAMPLES_MIN, "{}", asked.len());
    let left = coverage(&pack, asked.iter().map(|(example, answer)| (example, answer)));
    assert_eq!((left.never_spoke, left.never_silent), (vec![], vec![]));
}

#[test]
fn every_rule_explains_itself() {
    let pack = default_pack().unwrap();
    for rule in pack.rules() {
        assert!(rule.says.ends_with('.') && rule.says.starts_with(char::is_uppercase), "{}", rule.id);
        assert!(rule.text.starts_with("@id(") && rule.text.ends_with(';'), "{}", rule.text);
        let stops_a_patch =
            rule.effect == Effect::Forbid && rule.actions.iter().any(|action| action == "use");
        assert!(!stops_a_patch || rule.needs.is_some(), "{}", rule.id);
    }
    let source = suture_policy::DEFAULT_PACK.iter().find(|source| source.name == "2-running.cedar").unwrap();
    let rule = pack.rule("rehearsal-passed").unwrap();
    assert_eq!(source.text.lines().nth(rule.line - 1), Some("@id(\"rehearsal-passed\")"));
}
