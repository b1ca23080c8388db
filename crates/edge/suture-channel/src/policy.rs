//! The trust policy in a channel. One that can't be used stops every node that fetches it: none runs a patch any more, and
//! none can be told why. It is therefore read by whoever adds it, publishes it and fetches it, each time as a node reads it.
//!
//! And it is one thing, of as many files as it has: with a file less it may be good still, and allow more. It is put in and taken
//! out as a whole ([`kept`]), and the digest of all its files goes with it to the nodes.

pub(crate) mod kept;

use std::collections::BTreeMap;
use std::path::Path;
use std::str;

use sha2::{Digest as _, Sha256};
use suture_clearance::{Authority, AuthorityFiles};
use suture_policy::Source;
use tough::schema::Target;

use crate::key::hex;
use crate::{ChannelError, metadata};

/// Files by their names in the policy.
pub(crate) type Files = BTreeMap<String, Vec<u8>>;

/// The file that makes a directory a trust policy.
pub(crate) const ROOT: &str = "root.toml";
/// What to do about one that can't be used.
pub(crate) const HELP: &str = "docs/formats/trust-root.md and docs/formats/policy.md describe its files; `suture policy test` tries rules";
/// What metadata says of [`ROOT`]: the digest of the whole.
const DIGEST: &str = "policy_sha256";

/// Whether files are a trust policy that nodes can use: somebody is in it, and its rules can be asked.
///
/// # Errors
/// What is wrong with which of them.
pub(crate) fn check(files: &Files) -> Result<(), String> {
    let mut root = None;
    let mut rules = Vec::new();
    for (name, content) in files {
        let text = str::from_utf8(content).map_err(|error| format!("{name}: it is no text: {error}"))?;
        if name == ROOT {
            root = Some(text);
        } else {
            rules.push(Source { name, text });
        }
    }
    let root = root.ok_or_else(|| format!("there is no {ROOT} in it"))?;
    let files = AuthorityFiles { root, rules: &rules, node: None, host: "node" };
    let authority = Authority::read(&files).map_err(|error| error.to_string())?;
    if authority.root.principals().is_empty() {
        // It would also lift every refusal that was ever signed.
        return Err(format!("{ROOT}: there is nobody in it"));
    }
    authority.try_out().map_err(|error| format!("its rules can't be asked: {error}"))
}

/// How metadata lists its files, by their names in the policy.
pub(crate) fn listed(files: &Files) -> impl Iterator<Item = (&str, Target)> {
    files.iter().map(|(name, content)| {
        let mut target = metadata::target(content);
        if name == ROOT {
            target.custom.insert(DIGEST.to_owned(), digest(files).into());
        }
        (name.as_str(), target)
    })
}

/// Whether these are all files of a policy, and of one: `root` is how the first of them is listed. Programs before this one did not
/// say so; of theirs it is known that rules don't go by themselves. `old` is what an earlier fetch has brought.
///
/// # Errors
/// What is wrong.
pub(crate) fn check_whole(files: &Files, root: Option<&Target>, old: &Path) -> Result<(), String> {
    match root.and_then(|root| root.custom.get(DIGEST)) {
        Some(whole) if *whole == digest(files) => Ok(()),
        Some(_) => Err("its files are not those that were put in together".to_owned()),
        None if files.keys().eq([ROOT]) && old.join("policy").exists() => {
            Err("it has no rules any more, and nothing says that the default rules are meant".to_owned())
        }
        None => Ok(()),
    }
}

/// What `sha256sum root.toml *.cedar | sha256sum` prints, with the files in the order of their names.
fn digest(files: &Files) -> String {
    let line = |(name, content): (&String, &Vec<u8>)| format!("{}  {name}\n", hex(&Sha256::digest(content)));
    hex(&Sha256::digest(files.iter().map(line).collect::<String>()))
}

/// A policy that can't be used, where it is in the channel's directory.
pub(crate) fn unusable(path: &Path, why: impl std::fmt::Display) -> ChannelError {
    let what = format!("the trust policy in `{}`", path.display());
    ChannelError::input(what, why, "mend it, and put it in with `suture channel add --policy`")
}
