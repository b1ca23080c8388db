//! Names of files in a channel. They are flat, so that every TUF client and every web server means the same file by them,
//! and their first part says what a file is and which role answers for it.
//!
//! ```text
//! policy.NAME                   trust policy             targets
//! bundle.NAME                   a bundle                 patches, delegated by targets
//! bundle.NAME.intoto.jsonl      its statements           patches
//! sealed.HEX                    a bundle under embargo   patches
//! ```

use crate::limits::NAME_LEN_MAX;
use crate::{Refusal, Role};

/// Ending of the file with the statements about a bundle.
pub const STATEMENTS: &str = ".intoto.jsonl";
/// Ending of a file of rules.
const RULES: &str = ".cedar";
/// What the patch team may list, as TUF path patterns.
pub(crate) const PATCHES_PATHS: [&str; 2] = ["bundle.*", "sealed.*"];

/// What a file in a channel is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// A file of the trust policy, by its name there.
    Policy(String),
    /// A bundle or its statements, by its name.
    Bundle(String),
    /// A bundle under embargo, by its opaque name.
    Sealed(String),
}

impl Kind {
    /// Reads the name of a file in a channel.
    ///
    /// # Errors
    /// It is none, or would not be a plain file name.
    pub fn parse(name: &str) -> Result<Self, Refusal> {
        let unsafe_name = |why| Refusal::UnsafeName { name: name.escape_debug().to_string(), why };
        let (kind, rest) = name.split_once('.').ok_or_else(|| unsafe_name("it does not say what it is"))?;
        check(rest).map_err(unsafe_name)?;
        match kind {
            "policy" => Ok(Self::Policy(rest.to_owned())),
            "bundle" => Ok(Self::Bundle(rest.to_owned())),
            "sealed" if is_opaque(rest) => Ok(Self::Sealed(rest.to_owned())),
            "sealed" => Err(unsafe_name("an opaque name is 32 digits")),
            _ => Err(unsafe_name("it is neither policy, bundle nor sealed")),
        }
    }

    /// The name in the channel.
    pub fn target(&self) -> String {
        match self {
            Self::Policy(name) => format!("policy.{name}"),
            Self::Bundle(name) => format!("bundle.{name}"),
            Self::Sealed(name) => format!("sealed.{name}"),
        }
    }

    /// Who answers for it.
    pub fn role(&self) -> Role {
        match self {
            Self::Policy(_) => Role::Targets,
            Self::Bundle(_) | Self::Sealed(_) => Role::Patches,
        }
    }
}

/// Whether a file of the trust policy has rules in it.
pub fn is_rule(name: &str) -> bool {
    name.strip_suffix(RULES).is_some_and(|stem| !stem.is_empty())
}

/// Whether `name` is a plain file name that means the same everywhere.
///
/// # Errors
/// What is wrong with it.
pub fn check(name: &str) -> Result<(), &'static str> {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | '+');
    match name {
        "" => Err("it is empty"),
        name if name.len() > NAME_LEN_MAX => Err("it is longer than 160 bytes"),
        name if name.starts_with(['.', '-']) => Err("it begins with a dot or a dash"),
        name if !name.chars().all(plain) => Err("only letters, digits and . - _ + may stand in it"),
        _ => Ok(()),
    }
}

fn is_opaque(name: &str) -> bool {
    name.len() == 32 && name.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_say_what_they_are() {
        let opaque = "0123456789abcdef0123456789abcdef";
        let rows = [
            ("policy.root.toml", Kind::Policy("root.toml".into()), Role::Targets),
            ("bundle.redis-1.bundle", Kind::Bundle("redis-1.bundle".into()), Role::Patches),
            (&format!("sealed.{opaque}"), Kind::Sealed(opaque.into()), Role::Patches),
        ];
        for (name, kind, role) in rows {
            assert_eq!(Kind::parse(name), Ok(kind.clone()), "{name}");
            assert_eq!((kind.target().as_str(), kind.role()), (name, role));
        }
    }

    #[test]
    fn names_that_lead_elsewhere() {
        let long = format!("bundle.{}", "x".repeat(161));
        for name in [
            "",
            "x",
            "bundle",
            "bundle.",
            "bundle..x",
            "bundle./x",
            "bundle.a/b",
            "bundle.a\\b",
            "bundle.-x",
            "bundle.a b",
            "bundle.a\0",
            "bundle.\u{e9}",
            "../bundle.x",
            "sealed.x",
            "sealed.ABCDEF",
            "other.x",
            &long,
        ] {
            assert!(Kind::parse(name).is_err(), "{name:?}");
        }
    }
}
