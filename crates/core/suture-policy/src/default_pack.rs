//! The rules that come with the program, and the schema that all rules are held against.

use crate::error::PackError;
use crate::pack::{Pack, Source};

/// What a rule may speak of.
pub const SCHEMA: &str = include_str!("../../../../policies/suture.cedarschema");

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
