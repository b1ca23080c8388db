//! Whom and what the one who decides believes: a trust root, rules, and what this node is.

use jiff::Timestamp;
use suture_policy::{
    Ask, Class, DEFAULT_PACK, Facts, Node, Pack, PackError, PatchFacts, Principal, Question, QuestionError,
    Source, Switch, Verdict, decide, default_pack,
};
use suture_trust::{Digest, RootError, TrustRoot};
use thiserror::Error;

use crate::said;

/// Longest `node.toml` that is read, in bytes.
pub const NODE_BYTES_MAX: usize = 64 << 10;

/// Whoever fits into a trust root can be spoken of by rules.
const _: () = assert!(TrustRoot::PRINCIPALS_MAX <= suture_policy::limits::PRINCIPALS_MAX);

/// The files of a trust directory, read.
#[derive(Debug, Clone, Copy)]
pub struct AuthorityFiles<'a> {
    /// `root.toml`.
    pub root: &'a str,
    /// `policy/*.cedar` by name; where there are none the default pack holds.
    pub rules: &'a [Source<'a>],
    /// `node.toml`, if there is one.
    pub node: Option<&'a str>,
    /// Name of the node where `node.toml` gives none.
    pub host: &'a str,
}

/// Who is believed, and which rules hold.
#[derive(Debug)]
pub struct Authority {
    /// People and their keys.
    pub root: TrustRoot,
    /// The rules.
    pub pack: Pack,
    /// What the rules are: see [`rules_digest`].
    pub rules: Digest,
    /// This machine.
    pub node: Node,
}

/// Why a trust directory can't be used.
#[derive(Debug, Error)]
pub enum AuthorityError {
    /// The trust root.
    #[error("root.toml: {0}")]
    Root(#[from] RootError),
    /// The rules.
    #[error("{0}")]
    Pack(#[from] PackError),
    /// The description of the node.
    #[error("node.toml: {0}")]
    Node(String),
}

impl Authority {
    /// Reads the files of a trust directory.
    ///
    /// # Errors
    /// The first file that can't be used, with the place.
    pub fn read(files: &AuthorityFiles<'_>) -> Result<Self, AuthorityError> {
        let root = TrustRoot::parse(files.root)?;
        let pack = if files.rules.is_empty() { default_pack()? } else { Pack::load(files.rules)? };
        let rules = rules_digest(if files.rules.is_empty() { &DEFAULT_PACK } else { files.rules });
        let node = match files.node {
            Some(text) => node(text)?,
            None => Node { name: files.host.to_owned(), labels: Vec::new() },
        };
        Ok(Self { root, pack, rules, node })
    }

    /// Everybody in the trust root, as the rules see them at the time `now`.
    pub fn principals(&self, now: Timestamp) -> Vec<Principal> {
        self.root.principals().iter().map(|known| principal(known, now)).collect()
    }

    /// Asks the rules one question, so that what keeps them from being asked is known before somebody needs an answer. What
    /// they would say does not matter.
    ///
    /// # Errors
    /// They can't be asked, about any patch.
    pub fn try_out(&self) -> Result<(), QuestionError> {
        let now = Timestamp::UNIX_EPOCH;
        let facts = Facts {
            now: said::moment(now),
            case: None,
            patch: Some(no_patch()),
            emergency: None,
            authors: Vec::new(),
        };
        let ask = Ask::Run { node: self.node.clone(), switch: Switch::On };
        let principals = self.principals(now);
        let question = Question { ask: &ask, facts: &facts, statements: &[], principals: &principals };
        decide(&self.pack, &question).map(drop)
    }
}

/// A patch that there is not.
fn no_patch() -> PatchFacts {
    PatchFacts {
        digest: Digest::of(b"").to_string(),
        verdict: Verdict::Hot,
        computed: Class::Local,
        declared: Class::Local,
        bytes: 0,
        functions: 0,
        data: 0,
        types: 0,
        critical: 0,
        unmatched: 0,
        layouts: 0,
        hooks: false,
        encrypted: false,
        leaks: 0,
    }
}

/// The digest of a policy, as `sha256sum *.cedar | sha256sum` computes it: of the digests and names of its files, a line each,
/// ascending by name.
pub fn rules_digest(files: &[Source<'_>]) -> Digest {
    let mut lines: Vec<(&str, String)> = files
        .iter()
        .map(|file| (file.name, format!("{}  {}\n", Digest::of(file.text.as_bytes()), file.name)))
        .collect();
    lines.sort_unstable();
    Digest::of(lines.into_iter().map(|(_, line)| line).collect::<String>().as_bytes())
}

fn node(text: &str) -> Result<Node, AuthorityError> {
    if text.len() > NODE_BYTES_MAX {
        return Err(AuthorityError::Node(format!("it is longer than {NODE_BYTES_MAX} bytes")));
    }
    toml::from_str(text).map_err(|error| AuthorityError::Node(error.to_string()))
}

fn principal(known: &suture_trust::Principal, now: Timestamp) -> Principal {
    let roles = known.roles.iter().map(|role| role.as_str().to_owned()).collect();
    Principal { name: known.name.clone(), team: known.team.clone(), roles, can_sign: known.can_sign(now) }
}
