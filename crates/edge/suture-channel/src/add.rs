//! Putting something into a channel. It becomes public with the next publication, and not before.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use crate::limits::{POLICY_FILES_MAX, POLICY_LEN_MAX};
use crate::name::{self, Kind, STATEMENTS};
use crate::parcel::Packed;
use crate::policy::{self, kept};
use crate::refusals::Court;
use crate::seal::{self, Embargo};
use crate::{ChannelError, Place, Refusal, place, sealed};

/// What was put into the channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Added {
    /// Names in the channel, as everyone will see them.
    pub names: Vec<String>,
    /// Names that are taken out with the next publication.
    pub replaced: Vec<String>,
}

/// The directory in it that has the rules.
const POLICY_RULES: &str = "policy";
/// What is in the directory and about one machine alone.
const POLICY_NODE: &str = "node.toml";
/// What is beside the rules and for those alone who write them.
const POLICY_TESTS: &str = "tests";

/// Puts a bundle and the statements about it into the channel, encrypted if it is under embargo. A bundle of the same name
/// is replaced.
///
/// # Errors
/// The name is none, a refusal that is known is not among the statements ([`Refusal::RefusalDropped`]), a line of them can't be
/// judged ([`Refusal::Doubtful`]), it was put in under embargo before ([`Refusal::UnderEmbargo`], [`Refusal::Shortened`]), it is
/// under embargo and public already, it is too long to be encrypted, or the directory can't be written.
pub fn add_bundle(
    place: &Place,
    name: &str,
    bundle: &[u8],
    statements: Option<&[u8]>,
    embargo: Option<&Embargo>,
) -> Result<Added, ChannelError> {
    let input =
        |why: String| ChannelError::input(format!("the bundle `{}`", name.escape_debug()), why, "rename it");
    let kind = Kind::parse(&Kind::Bundle(name.to_owned()).target()).map_err(|why| input(why.to_string()))?;
    if name.ends_with(STATEMENTS)
        || matches!(&kind, Kind::Bundle(name) if name.len() + STATEMENTS.len() > crate::limits::NAME_LEN_MAX)
    {
        return Err(input("it is the name of a file of statements, or too long for one".to_owned()));
    }
    let _lock = place.lock()?;
    if embargo.is_none() {
        refuse_sealed(place, name, bundle)?;
    }
    Court::open(place)?.keep(name, bundle, statements.unwrap_or_default())?;
    let mut files = vec![Packed { name: name.to_owned(), content: bundle.to_vec() }];
    let statements =
        statements.map(|content| Packed { name: format!("{name}{STATEMENTS}"), content: content.to_vec() });
    files.extend(statements);
    match embargo {
        Some(embargo) => seal::add(place, name, &files, embargo),
        None => add_clear(place, name, &files),
    }
}

/// What was put in under embargo is not put in beside that in the clear: `reveal` does that, at its time or with a reason.
fn refuse_sealed(place: &Place, name: &str, bundle: &[u8]) -> Result<(), ChannelError> {
    let digest = sealed::sha256(bundle);
    let found = sealed::records(place)?.into_iter().find(|(entry, record)| {
        (entry.in_content && record.name == name) || (record.holds() && record.bundle_sha256() == digest)
    });
    match found {
        Some((_, record)) => Err(Refusal::UnderEmbargo { name: record.name, until: record.until }.into()),
        None => Ok(()),
    }
}

/// Puts the files of a trust policy into the channel, instead of those that were there: `root.toml` and `policy/*.cedar` of a
/// trust directory. What is about one machine alone (`node.toml`) and example cases (`policy/tests`) stay behind.
///
/// # Errors
/// The directory holds something else than a trust policy, one that nodes can't use, or can't be read; or the channel's
/// can't be written.
pub fn add_policy(place: &Place, directory: &Path) -> Result<Added, ChannelError> {
    let files = policy_files(directory)?;
    policy::check(&files).map_err(|why| {
        ChannelError::input(format!("the trust policy `{}`", directory.display()), why, policy::HELP)
    })?;
    let _lock = place.lock()?;
    let mut replaced: BTreeSet<String> =
        kept::read(place).unwrap_or_default().into_keys().map(target).collect();
    replaced.extend(kept::strays(place)?);
    kept::replace(place, &files)?;
    let names: Vec<String> = files.into_keys().map(target).collect();
    replaced.retain(|name| !names.contains(name));
    Ok(Added { names, replaced: replaced.into_iter().collect() })
}

/// The name of a file of the trust policy in the channel.
fn target(name: String) -> String {
    Kind::Policy(name).target()
}

/// Its files by name.
fn policy_files(directory: &Path) -> Result<policy::Files, ChannelError> {
    let mut files = policy::Files::new();
    let rules = directory.join(POLICY_RULES);
    for path in entries(directory, directory)? {
        match path.file_name().unwrap_or_default().to_string_lossy().as_ref() {
            policy::ROOT if path.is_file() => files.extend([policy_file(directory, &path)?]),
            POLICY_NODE if path.is_file() => {}
            POLICY_RULES if path.is_dir() => {}
            other => {
                return Err(no_policy(directory, format!("`{}` is no part of one", other.escape_debug())));
            }
        }
    }
    if files.is_empty() {
        return Err(no_policy(directory, format!("there is no {} in it", policy::ROOT)));
    }
    let has_rules = rules.is_dir();
    let rules = if has_rules { entries(directory, &rules)? } else { Vec::new() };
    for path in rules {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let is_rule = path.is_file() && name::is_rule(&name);
        let stays_behind = path.is_dir() && name == POLICY_TESTS;
        if !is_rule && !stays_behind {
            let name = name.escape_debug();
            return Err(no_policy(directory, format!("`{POLICY_RULES}/{name}` is no file of rules")));
        }
        if is_rule {
            files.extend([policy_file(directory, &path)?]);
        }
        if files.len() > POLICY_FILES_MAX {
            return Err(no_policy(directory, format!("there are more than {POLICY_FILES_MAX} files in it")));
        }
    }
    if has_rules && files.len() == 1 {
        // Silently, nodes would go by the default rules.
        return Err(no_policy(directory, format!("`{POLICY_RULES}` has no rules in it")));
    }
    Ok(files)
}

fn policy_file(directory: &Path, path: &Path) -> Result<(String, Vec<u8>), ChannelError> {
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    Kind::parse(&Kind::Policy(name.clone()).target()).map_err(|why| no_policy(directory, why.to_string()))?;
    Ok((name, place::read(path, POLICY_LEN_MAX)?.unwrap_or_default()))
}

fn entries(policy: &Path, directory: &Path) -> Result<Vec<PathBuf>, ChannelError> {
    let unreadable = |error: std::io::Error| {
        no_policy(policy, format!("`{}` can't be read: {error}", directory.display()))
    };
    let entries = fs::read_dir(directory).map_err(unreadable)?;
    let paths = entries.map(|entry| entry.map(|entry| entry.path()).map_err(unreadable));
    let mut paths: Vec<PathBuf> = paths.collect::<Result<_, _>>()?;
    paths.sort();
    Ok(paths)
}

fn no_policy(directory: &Path, why: String) -> ChannelError {
    let help = "give a trust directory: root.toml, rules in policy/*.cedar, and nothing else but node.toml";
    ChannelError::input(format!("the trust policy `{}`", directory.display()), why, help)
}

pub(crate) fn add_clear(place: &Place, name: &str, files: &[Packed]) -> Result<Added, ChannelError> {
    let mut names = Vec::new();
    for file in files {
        let kind = Kind::Bundle(file.name.clone());
        put(place, &kind, &file.content)?;
        names.push(kind.target());
    }
    // Statements about what was there before say nothing about what is there now.
    let statements = Kind::Bundle(format!("{name}{STATEMENTS}")).target();
    let mut replaced = Vec::new();
    if !names.contains(&statements) && place.content().join(&statements).exists() {
        place::remove(&place.content().join(&statements))?;
        replaced.push(statements);
    }
    Ok(Added { names, replaced })
}

/// Names of all files that the next publication will contain.
pub(crate) fn content_names(place: &Place) -> Result<Vec<String>, ChannelError> {
    let mut names = content_files(place)?;
    names.extend(kept::read(place)?.into_keys().map(target));
    names.sort();
    names.dedup();
    Ok(names)
}

/// Names of all files in `content`.
pub(crate) fn content_files(place: &Place) -> Result<Vec<String>, ChannelError> {
    let directory = place.content();
    let entries = fs::read_dir(&directory).map_err(ChannelError::at(&directory))?.flatten();
    let names = entries.map(|entry| entry.file_name().to_string_lossy().into_owned());
    let mut names: Vec<String> = names.filter(|name| !name.starts_with('.')).collect();
    names.sort();
    Ok(names)
}

/// Links lead to files that nobody has put into the channel; what is no file has no content to sign.
pub(crate) fn check_content(place: &Place) -> Result<(), ChannelError> {
    let directory = place.content();
    for name in content_files(place)? {
        let path = directory.join(&name);
        let kind = path.symlink_metadata().map_err(ChannelError::at(&path))?.file_type();
        if !kind.is_file() {
            let what = if kind.is_symlink() { "it is a link" } else { "it is no file" };
            let help = "remove it; only `suture channel add` puts files there";
            return Err(ChannelError::input(format!("`{}`", path.display()), what, help));
        }
    }
    Ok(())
}

pub(crate) fn put(place: &Place, kind: &Kind, content: &[u8]) -> Result<(), ChannelError> {
    place::replace(&place.content().join(kind.target()), content)
}
