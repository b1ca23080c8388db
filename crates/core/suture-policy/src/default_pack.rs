//! The rules that come with the program, and the schema that all rules are held against.

use crate::error::PackError;
use crate::pack::{Pack, Source};

/// What a rule may speak of.
pub const SCHEMA: &str = include_str!("../../../../policies/suture.cedarschema");

/// [`SCHEMA`] in Cedar's JSON spelling, made of it.
pub(crate) const SCHEMA_JSON: &str = include_str!("schema.json");

/// The files of the default pack.
pub const DEFAULT_PACK: [Source<'static>; 4] = [
    Source { name: "1-signing.cedar", text: include_str!("../../../../policies/default/1-signing.cedar") },
    Source { name: "2-running.cedar", text: include_str!("../../../../policies/default/2-running.cedar") },
    Source {
        name: "3-emergency.cedar",
        text: include_str!("../../../../policies/default/3-emergency.cedar"),
    },
    Source { name: "4-route.cedar", text: include_str!("../../../../policies/default/4-route.cedar") },
];

/// Its example cases.
pub const DEFAULT_EXAMPLES: [Source<'static>; 7] = [
    Source {
        name: "consensus.toml",
        text: include_str!("../../../../policies/default/tests/consensus.toml"),
    },
    Source {
        name: "emergency.toml",
        text: include_str!("../../../../policies/default/tests/emergency.toml"),
    },
    Source {
        name: "publishing.toml",
        text: include_str!("../../../../policies/default/tests/publishing.toml"),
    },
    Source {
        name: "route-delta.toml",
        text: include_str!("../../../../policies/default/tests/route-delta.toml"),
    },
    Source { name: "route.toml", text: include_str!("../../../../policies/default/tests/route.toml") },
    Source { name: "running.toml", text: include_str!("../../../../policies/default/tests/running.toml") },
    Source { name: "signing.toml", text: include_str!("../../../../policies/default/tests/signing.toml") },
];

/// The default pack.
///
/// # Errors
/// None that a test of this crate would not have found.
pub fn default_pack() -> Result<Pack, PackError> {
    Pack::load(&DEFAULT_PACK)
}

#[cfg(test)]
mod tests {
    use cedar_policy::SchemaFragment;

    use super::*;

    /// If this fails, the schema has been changed: write what the message shows to `src/schema.json`.
    #[test]
    fn the_two_spellings_of_the_schema_are_one() {
        let (fragment, warnings) = SchemaFragment::from_cedarschema_str(SCHEMA).unwrap();
        assert_eq!(warnings.count(), 0);
        let made = fragment.to_json_value().unwrap();
        let kept: serde_json::Value = serde_json::from_str(SCHEMA_JSON).unwrap();
        assert!(made == kept, "src/schema.json should be\n{made}");
    }

    #[test]
    fn the_actions_of_the_schema_are_those_that_are_asked_for() {
        let groups = ["sign", "use", "route"];
        let mut declared: Vec<_> =
            crate::pack::schema().actions().map(|action| action.id().unescaped()).collect();
        declared.retain(|action| !groups.contains(action));
        declared.sort_unstable();
        let mut asked: Vec<_> = crate::rule::schema_actions().map(|(action, _)| action).collect();
        asked.sort_unstable();
        assert_eq!(declared, asked);
    }
}
