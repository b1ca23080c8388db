//! `--type NAME=hooks`.

use std::fmt;
use std::str::FromStr;

/// What the author has decided about one type whose layout changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TypeChoice {
    /// Name of the type, scopes included.
    pub(crate) name: String,
}

impl FromStr for TypeChoice {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.strip_suffix("=hooks") {
            Some("") => Err("the name of the type is missing".to_owned()),
            Some(name) => Ok(Self { name: name.to_owned() }),
            None => Err(format!("`{text}` does not end with `=hooks`")),
        }
    }
}

impl fmt::Display for TypeChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}=hooks", self.name)
    }
}
