//! Putting something into a channel. It becomes public with the next publication, and not before.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, DirBuilder};
use std::io::ErrorKind;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::embargo::{self, Recipients};
use crate::limits::{FILE_LEN_MAX, KEY_FILE_LEN_MAX, POLICY_FILES_MAX, POLICY_LEN_MAX};
use crate::name::{self, Kind, STATEMENTS};
use crate::parcel::{self, Packed};
use crate::policy::{self, kept};
use crate::published::Published;
use crate::{ChannelError, Place, metadata, place, refusals};

/// What was put into the channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Added {
    /// Names in the channel, as everyone will see them.
    pub names: Vec<String>,
    /// Names that are taken out with the next publication.
    pub replaced: Vec<String>,
}

/// That and how something must not be known yet.
pub struct Embargo<'a> {
    /// The disclosure time.
    pub until: Timestamp,
    /// Who may know before.
    pub recipients: &'a Recipients,
}

/// What is known here, and only here, about a bundle under embargo.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sealed {
    schema: u32,
    /// Name of the bundle.
    pub name: String,
    /// The disclosure time.
    pub until: Timestamp,
    /// Who may know before.
    pub recipients: Vec<String>,
    /// Names of the files.
    pub files: Vec<String>,
}

const SCHEMA: u32 = 1;
const RECORD: &str = "record.json";
/// Longest record, in bytes: the recipients are in it.
const RECORD_LEN_MAX: u64 = 1 << 20;
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
/// The name is none, a refusal that is known is not among the statements ([`Refusal::RefusalDropped`]), it is under embargo
/// and public already, it is too long to be encrypted, or the directory can't be written.
///
/// [`Refusal::RefusalDropped`]: crate::Refusal::RefusalDropped
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
    refusals::keep(place, name, bundle, statements)?;
    let mut files = vec![Packed { name: name.to_owned(), content: bundle.to_vec() }];
    let statements =
        statements.map(|content| Packed { name: format!("{name}{STATEMENTS}"), content: content.to_vec() });
    files.extend(statements);
    match embargo {
        Some(embargo) => add_sealed(place, name, &files, embargo),
        None => add_clear(place, name, &files),
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

fn add_sealed(place: &Place, name: &str, files: &[Packed], embargo: &Embargo) -> Result<Added, ChannelError> {
    let input = |why: String, help: &str| ChannelError::input(format!("the bundle `{name}`"), why, help);
    let public = Published::read(place)?.files();
    refuse_public(place, &public, &files[0])?;
    let parcel = parcel::pack(files).map_err(|why| input(why, "make the bundle smaller"))?;
    let sealed = embargo::seal(&parcel, embargo.recipients)?;
    let opaque = embargo::opaque_name()?;
    let kind = Kind::Sealed(opaque.clone());
    let old: Vec<String> = records(place)?
        .into_iter()
        .filter(|(_, record)| record.name == name)
        .map(|(opaque, _)| opaque)
        .collect();
    let record = Sealed {
        schema: SCHEMA,
        name: name.to_owned(),
        until: embargo.until,
        recipients: embargo.recipients.lines().map(str::to_owned).collect(),
        files: files.iter().map(|file| file.name.clone()).collect(),
    };
    let directory = place.embargo().join(&opaque);
    DirBuilder::new().mode(0o700).create(&directory).map_err(ChannelError::at(&directory))?;
    for file in files {
        place::replace(&directory.join(&file.name), &file.content)?;
    }
    let text = serde_json::to_vec_pretty(&record).map_err(|error| input(error.to_string(), ""))?;
    place::replace(&directory.join(RECORD), &text)?;
    // What is there in the clear goes first: whoever is killed in between must not have both.
    let mut replaced = remove_clear(place, name)?;
    put(place, &kind, &sealed)?;
    for opaque in old {
        forget(place, &public, &opaque)?;
        replaced.push(Kind::Sealed(opaque).target());
    }
    Ok(Added { names: vec![kind.target()], replaced })
}

/// What has been public can't be made secret again, under no name; whatever else is in the channel in the clear can.
fn refuse_public(
    place: &Place,
    public: &BTreeMap<String, String>,
    bundle: &Packed,
) -> Result<(), ChannelError> {
    let input = |why: String, help: &str| {
        Err(ChannelError::input(format!("the bundle `{}`", bundle.name), why, help))
    };
    // A file that was published once is served as long as it is there.
    let begin = format!("{}.bundle.", metadata::sha256(&metadata::target(&bundle.content)));
    let directory = place.targets();
    for entry in fs::read_dir(&directory).map_err(ChannelError::at(&directory))?.flatten() {
        if let Some(name) = entry.file_name().to_string_lossy().strip_prefix(&begin) {
            return input(format!("it is public, as `{name}`"), "what is public can't be made secret again");
        }
    }
    if public.contains_key(&Kind::Bundle(bundle.name.clone()).target()) {
        return input("another bundle of that name is public".to_owned(), "give it another name");
    }
    Ok(())
}

/// Takes a bundle in the clear with its statements out of what is to be published.
fn remove_clear(place: &Place, name: &str) -> Result<Vec<String>, ChannelError> {
    let mut removed = Vec::new();
    for name in [name.to_owned(), format!("{name}{STATEMENTS}")] {
        let target = Kind::Bundle(name).target();
        if place.content().join(&target).exists() {
            place::remove(&place.content().join(&target))?;
            removed.push(target);
        }
    }
    Ok(removed)
}

/// Takes a bundle under embargo out of the channel. What is known about it is kept as long as it is public, since who has it
/// then is of interest.
pub(crate) fn forget(
    place: &Place,
    public: &BTreeMap<String, String>,
    opaque: &str,
) -> Result<(), ChannelError> {
    let target = Kind::Sealed(opaque.to_owned()).target();
    place::remove(&place.content().join(&target))?;
    if public.contains_key(&target) { Ok(()) } else { remove_directory(&place.embargo().join(opaque)) }
}

/// Removes what is known about what is in the channel no more.
pub(crate) fn sweep(place: &Place) -> Result<(), ChannelError> {
    let directory = place.embargo();
    for entry in fs::read_dir(&directory).map_err(ChannelError::at(&directory))?.flatten() {
        let target = Kind::Sealed(entry.file_name().to_string_lossy().into_owned()).target();
        if !place.content().join(target).exists() {
            remove_directory(&entry.path())?;
        }
    }
    Ok(())
}

fn remove_directory(directory: &Path) -> Result<(), ChannelError> {
    match fs::remove_dir_all(directory) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(ChannelError::at(directory)(error)),
        _ => Ok(()),
    }
}

impl Sealed {
    /// The bundle and the statements about it.
    pub(crate) fn read(
        &self,
        place: &Place,
        opaque: &str,
    ) -> Result<(Vec<u8>, Option<Vec<u8>>), ChannelError> {
        let directory = place.embargo().join(opaque);
        let bundle = place::read(&directory.join(&self.name), FILE_LEN_MAX)?.unwrap_or_default();
        let statements = place::read(&directory.join(format!("{}{STATEMENTS}", self.name)), FILE_LEN_MAX)?;
        Ok((bundle, statements))
    }
}

/// What is in the channel under embargo, by its opaque name.
pub(crate) fn records(place: &Place) -> Result<Vec<(String, Sealed)>, ChannelError> {
    let mut records = all_records(place)?;
    let is_there = |opaque: &str| place.content().join(Kind::Sealed(opaque.to_owned()).target()).exists();
    records.retain(|(opaque, _)| is_there(opaque));
    Ok(records)
}

/// The same, and what goes with the next publication.
pub(crate) fn all_records(place: &Place) -> Result<Vec<(String, Sealed)>, ChannelError> {
    let directory = place.embargo();
    let mut records = Vec::new();
    for entry in fs::read_dir(&directory).map_err(ChannelError::at(&directory))?.flatten() {
        let path: PathBuf = entry.path().join(RECORD);
        // Without a record it was left by an `add` that was cut short, before anything was in the channel.
        let Some(text) = place::read(&path, RECORD_LEN_MAX.max(KEY_FILE_LEN_MAX))? else { continue };
        let wrong =
            |why: String| ChannelError::input(format!("`{}`", path.display()), why, "restore it from a copy");
        let record: Sealed = serde_json::from_slice(&text).map_err(|error| wrong(error.to_string()))?;
        if record.schema != SCHEMA || record.files.iter().any(|file| name::check(file).is_err()) {
            return Err(wrong("it is not what this program writes".to_owned()));
        }
        records.push((entry.file_name().to_string_lossy().into_owned(), record));
    }
    records.sort_by(|a, b| a.0.cmp(&b.0));
    Ok(records)
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

fn put(place: &Place, kind: &Kind, content: &[u8]) -> Result<(), ChannelError> {
    place::replace(&place.content().join(kind.target()), content)
}
