//! What an author decided about a comparison, as the record of a build keeps it: options of the command line.

use super::ComparisonArgs;

const DATA: &str = "--data";
const TYPE: &str = "--type";
const IGNORE: &str = "--ignore-symbol";

impl ComparisonArgs {
    /// The decisions, in an order that does not depend on how they were given. What the delta says itself (on what it
    /// stands) and what has a digest (critical marks) is not among them.
    pub(crate) fn choices(&self) -> Vec<String> {
        let data = self.data.iter().map(|choice| format!("{DATA} {choice}"));
        let types = self.types.iter().map(|choice| format!("{TYPE} {choice}"));
        let ignored = self.ignore_symbol.iter().map(|name| format!("{IGNORE} {name}"));
        let mut choices: Vec<String> = data.chain(types).chain(ignored).collect();
        choices.sort();
        choices.dedup();
        choices
    }

    /// The same decisions again.
    pub(crate) fn from_choices(choices: &[String]) -> Result<Self, String> {
        let (mut data, mut types, mut ignore_symbol) = (Vec::new(), Vec::new(), Vec::new());
        for choice in choices {
            match choice.split_once(' ') {
                Some((DATA, value)) => data.push(value.parse()?),
                Some((TYPE, value)) => types.push(value.parse()?),
                Some((IGNORE, value)) => ignore_symbol.push(value.to_owned()),
                _ => return Err(format!("`{}` is no choice that is known", choice.escape_debug())),
            }
        }
        Ok(Self { data, types, on: Vec::new(), critical: None, ignore_symbol })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn choices_are_read_as_they_are_written() {
        let written =
            ["--data a b=keep", "--ignore-symbol built at", "--type ns::row=hooks"].map(str::to_owned);
        assert_eq!(ComparisonArgs::from_choices(&written).unwrap().choices(), written);
        for wrong in ["--data a=drop", "--on fix.delta", "data", ""] {
            assert!(ComparisonArgs::from_choices(&[wrong.to_owned()]).is_err(), "{wrong}");
        }
    }
}
