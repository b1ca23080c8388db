//! The trust policy in a channel. One that can't be read stops every node that fetches it: none runs a patch any more, and
//! none can be told why. It is therefore read by whoever adds it, publishes it and fetches it, each time as a node reads it.

use std::str;

use suture_clearance::{Authority, AuthorityFiles};
use suture_policy::Source;

/// The file that makes a directory a trust policy.
pub(crate) const ROOT: &str = "root.toml";
/// What to do about one that can't be used.
pub(crate) const HELP: &str = "docs/formats/trust-root.md and docs/formats/policy.md describe its files; `suture policy test` tries rules";

/// Whether files by these names are a trust policy that nodes can use.
///
/// # Errors
/// What is wrong with which of them.
pub(crate) fn check(files: &[(String, Vec<u8>)]) -> Result<(), String> {
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
    rules.sort_by_key(|rule| rule.name);
    let root = root.ok_or_else(|| format!("there is no {ROOT} in it"))?;
    let files = AuthorityFiles { root, rules: &rules, node: None, host: "" };
    Authority::read(&files).map(drop).map_err(|error| error.to_string())
}
