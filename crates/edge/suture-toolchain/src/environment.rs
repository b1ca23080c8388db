//! The variables that builds heed: those of this process, or those of an earlier build that is made again.

use std::collections::BTreeMap;
use std::process::Command;

use crate::error::BuildError;

/// The date that builds write into what they make, seconds since 1970.
pub(crate) const DATE: &str = "SOURCE_DATE_EPOCH";

/// Variables that make builds what they are.
const VARIABLES: [&str; 13] = [
    "CC",
    "CXX",
    "CPPFLAGS",
    "CFLAGS",
    "CXXFLAGS",
    "LDFLAGS",
    "LIBS",
    "MAKEFLAGS",
    "RUSTFLAGS",
    "RUSTUP_TOOLCHAIN",
    "PKG_CONFIG_PATH",
    "LANG",
    DATE,
];

/// Variables by name, as far as they are set.
pub(crate) type Environment = BTreeMap<String, String>;

/// Those of this process.
pub(crate) fn of_process() -> Environment {
    let set = VARIABLES.iter().filter_map(|name| Some(((*name).to_owned(), std::env::var(name).ok()?)));
    set.collect()
}

/// Whether builds may be given these: no others decide what is run.
pub(crate) fn check(environment: &Environment) -> Result<(), BuildError> {
    match environment.keys().find(|name| !VARIABLES.contains(&name.as_str())) {
        Some(name) => Err(BuildError::ForeignVariable { name: name.clone() }),
        None => Ok(()),
    }
}

/// Gives a command these, and none of the others.
pub(crate) fn give(command: &mut Command, environment: &Environment) {
    for name in VARIABLES {
        match environment.get(name) {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
}
