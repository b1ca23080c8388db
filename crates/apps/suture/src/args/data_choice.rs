//! `--data NAME=keep|overwrite`.

use std::fmt;
use std::str::FromStr;

/// What the author has decided about one writable object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DataChoice {
    /// Name of the object, demangled or as in the symbol table.
    pub(crate) name: String,
    /// Whether its live value is overwritten with the new initial value; kept otherwise.
    pub(crate) overwrite: bool,
}

impl FromStr for DataChoice {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        // C++ and Rust names may have an equals sign, the choice has none.
        let (name, choice) = text.rsplit_once('=').unwrap_or((text, ""));
        let overwrite = match choice {
            "keep" => false,
            "overwrite" => true,
            _ => return Err(format!("`{text}` does not end with `=keep` or `=overwrite`")),
        };
        if name.is_empty() {
            return Err("the name of the object is missing".to_owned());
        }
        Ok(Self { name: name.to_owned(), overwrite })
    }
}

impl fmt::Display for DataChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}={}", self.name, if self.overwrite { "overwrite" } else { "keep" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_may_have_an_equals_sign() {
        let choice = DataChoice { name: "a::operator==::table".into(), overwrite: true };
        assert_eq!("a::operator==::table=overwrite".parse(), Ok(choice));
    }

    #[test]
    fn the_choice_is_needed() {
        for text in ["table", "table=", "table=drop", "=keep"] {
            assert!(text.parse::<DataChoice>().is_err(), "{text}");
        }
    }
}
