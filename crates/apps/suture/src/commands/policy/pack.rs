//! Reading a policy pack and its example cases from a directory, or those that are built in.

use std::fs;
use std::path::{Path, PathBuf};

use suture_policy::example::{self, Example};
use suture_policy::{DEFAULT_EXAMPLES, DEFAULT_PACK, Pack, Source};

use crate::failure::Failure;
use crate::files;

/// Where the example cases of a pack are, below its directory.
const TESTS: &str = "tests";
/// Most files that are read from one directory.
const FILES_MAX: usize = 1_000;

/// A pack and where it comes from.
pub(super) struct Loaded {
    /// For people.
    pub(super) name: String,
    pub(super) pack: Pack,
}

/// Example cases of one file.
pub(super) struct Examples {
    pub(super) file: String,
    pub(super) examples: Vec<Example>,
}

/// The pack in a directory, or the default pack.
pub(super) fn load(directory: Option<&Path>) -> Result<Loaded, Failure> {
    let Some(directory) = directory else {
        let pack = Pack::load(&DEFAULT_PACK).map_err(|error| unusable("the default pack", &error))?;
        return Ok(Loaded { name: "the default pack".to_owned(), pack });
    };
    let name = format!("`{}`", directory.display());
    let texts = read_all(directory, "cedar")?;
    if texts.is_empty() {
        return Err(Failure::usage(format!("{name} is no policy pack"))
            .why("there is no file in it whose name ends in .cedar")
            .help("name the directory that the rules are in"));
    }
    let sources: Vec<_> = texts.iter().map(|(name, text)| Source { name, text }).collect();
    let pack = Pack::load(&sources).map_err(|error| unusable(&format!("the policy pack {name}"), &error))?;
    Ok(Loaded { name, pack })
}

/// The example cases of a pack.
pub(super) fn examples(directory: Option<&Path>) -> Result<Vec<Examples>, Failure> {
    let Some(directory) = directory else {
        return DEFAULT_EXAMPLES.iter().map(|source| parse(source.name, source.text)).collect();
    };
    let below = directory.join(TESTS);
    let texts = read_all(&below, "toml")?;
    if texts.is_empty() {
        return Err(Failure::usage(format!("`{}` has no example cases", below.display()))
            .why("there is no file in it whose name ends in .toml")
            .help("docs/formats/policy.md shows how to write one"));
    }
    texts.iter().map(|(file, text)| parse(file, text)).collect()
}

fn parse(file: &str, text: &str) -> Result<Examples, Failure> {
    let examples = example::parse(text).map_err(|error| {
        Failure::usage(format!("the example cases in `{file}` can't be used"))
            .why(&error)
            .help("docs/formats/policy.md shows how to write them")
    })?;
    Ok(Examples { file: file.to_owned(), examples })
}

fn unusable(what: &str, error: &suture_policy::PackError) -> Failure {
    Failure::usage(format!("{what} can't be used")).why(error).help(error.help.clone())
}

/// Name and text of each file with this ending, by name.
fn read_all(directory: &Path, ending: &str) -> Result<Vec<(String, String)>, Failure> {
    let failure = || {
        Failure::usage(format!("the directory `{}` can't be read", directory.display())).help(
            "name the directory of a policy pack, with rules in *.cedar and example cases in tests/*.toml",
        )
    };
    let entries = fs::read_dir(directory).map_err(|error| failure().why(&error))?;
    let mut paths: Vec<PathBuf> = Vec::new();
    for entry in entries {
        let path = entry.map_err(|error| failure().why(&error))?.path();
        if path.extension().is_some_and(|found| found == ending) {
            paths.push(path);
        }
        if paths.len() > FILES_MAX {
            return Err(failure().why(&format!("there are more than {FILES_MAX} files in it")));
        }
    }
    paths.sort();
    let read = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        Ok((name, files::read_text(path, "the file")?))
    };
    paths.iter().map(read).collect()
}
