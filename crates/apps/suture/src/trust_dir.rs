//! The trust directory of this machine: whom its operator believes, and by which rules.
//!
//! `root.toml` is the trust root, `policy/*.cedar` are the rules (without any, the default pack holds), `node.toml` says
//! what this machine is; a trust directory that came through a channel has none, and then `/etc/suture/node.toml` does.
//! Where no directory is configured nothing is verified, and commands say so.

use std::fs;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use suture_clearance::{Authority, AuthorityFiles, NODE_BYTES_MAX};
use suture_policy::{Pack, Principal, Source, limits};
use suture_trust::TrustRoot;

use crate::failure::Failure;
use crate::files;

/// Names the directory where no option does.
const VARIABLE: &str = "SUTURE_TRUST_DIR";
/// Where it is if neither does.
const SYSTEM: &str = "/etc/suture/trust";
/// What this machine is, where the directory does not say it.
const SYSTEM_NODE: &str = "/etc/suture/node.toml";

/// The directory that holds here: the one that is given, else the one of the environment, else the system's if it is there.
pub(crate) fn find(given: Option<&Path>) -> Option<PathBuf> {
    let environment = || std::env::var_os(VARIABLE).filter(|value| !value.is_empty()).map(PathBuf::from);
    // A directory that can't be looked at is one that is configured: its reading then says what is wrong.
    let system = || Some(PathBuf::from(SYSTEM)).filter(|path| path.symlink_metadata().is_ok());
    given.map(Path::to_owned).or_else(environment).or_else(system)
}

/// Rules, and the people that they speak of.
pub(crate) struct RuleSet {
    /// Where the rules are from, for people.
    pub(crate) name: String,
    pub(crate) pack: Pack,
    /// Nobody where there is no trust root.
    pub(crate) people: Vec<Principal>,
}

/// The rules of the trust directory that holds here, or the default pack where there is none.
pub(crate) fn rules_or_default(given: Option<&Path>) -> Result<RuleSet, Failure> {
    if let Some(directory) = find(given) {
        let authority = read(&directory)?;
        let people = authority.principals(Timestamp::now());
        let name = format!("the rules of `{}`", directory.display());
        return Ok(RuleSet { name, pack: authority.pack, people });
    }
    let pack = suture_policy::default_pack()
        .map_err(|error| Failure::unexpected("the default rules can't be used").why(&error))?;
    Ok(RuleSet { name: "the default rules".to_owned(), pack, people: Vec::new() })
}

/// Reads a trust directory.
pub(crate) fn read(directory: &Path) -> Result<Authority, Failure> {
    let root = files::read_text_up_to(
        &directory.join("root.toml"),
        "the trust root",
        TrustRoot::TEXT_LEN_MAX as u64,
    )?;
    refuse_strays(directory)?;
    let rules = rules(&directory.join("policy"))?;
    let sources: Vec<Source<'_>> = rules.iter().map(|(name, text)| Source { name, text }).collect();
    let nodes = [directory.join("node.toml"), PathBuf::from(SYSTEM_NODE)];
    let node = nodes.iter().find(|path| path.symlink_metadata().is_ok());
    let node =
        node.map(|path| files::read_text_up_to(path, "the node", NODE_BYTES_MAX as u64)).transpose()?;
    let host = nix::unistd::gethostname().map(|name| name.to_string_lossy().into_owned());
    let host = host.unwrap_or_else(|_| "localhost".to_owned());
    let files = AuthorityFiles { root: &root, rules: &sources, node: node.as_deref(), host: &host };
    Authority::read(&files).map_err(|error| {
        Failure::usage(format!("the trust directory `{}` can't be used", directory.display()))
            .why(&error)
            .help("docs/formats/trust-root.md and docs/formats/policy.md describe its files")
    })
}

/// Rules beside the directory of rules would be there and not hold.
fn refuse_strays(directory: &Path) -> Result<(), Failure> {
    let is_rule = |path: &PathBuf| path.extension().is_some_and(|ending| ending == "cedar");
    let mut entries = fs::read_dir(directory).into_iter().flatten().flatten().map(|entry| entry.path());
    match entries.find(is_rule) {
        None => Ok(()),
        Some(stray) => {
            Err(Failure::usage(format!("the trust directory `{}` can't be used", directory.display()))
                .why(&format!("the rules in `{}` would not hold where they are", stray.display()))
                .help("put them in the directory `policy`"))
        }
    }
}

/// Name and text of every rule file, in the order of names.
fn rules(directory: &Path) -> Result<Vec<(String, String)>, Failure> {
    if directory.symlink_metadata().is_err() {
        return Ok(Vec::new());
    }
    let failed = |error: std::io::Error| {
        Failure::usage(format!("the rules in `{}` can't be read", directory.display())).why(&error)
    };
    let entries = fs::read_dir(directory).and_then(Iterator::collect::<Result<Vec<_>, _>>).map_err(failed)?;
    let mut paths: Vec<PathBuf> = entries.into_iter().map(|entry| entry.path()).collect();
    paths.retain(|path| path.extension().is_some_and(|ending| ending == "cedar"));
    paths.sort();
    if paths.is_empty() {
        // An empty directory is a mistake, and would silently mean the default pack.
        return Err(Failure::usage(format!("`{}` has no rules", directory.display()))
            .help("put *.cedar files there, or remove the directory to use the default pack"));
    }
    let read = |path: &PathBuf| {
        let text = files::read_text_up_to(path, "the rules", limits::FILE_BYTES_MAX as u64)?;
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        Ok((name, text))
    };
    paths.iter().map(read).collect()
}
