//! Which logs and witnesses are believed (C2SP tlog-policy), and whether a checkpoint has what is asked for.
//!
//! ```text
//! log example.com/audit+4c1a…+AbCd…
//! witness W1 witness.example/w1+9d2e…+BXyz…
//! witness W2 witness.example/w2+77aa…+BQrs…
//! group two-of-them 2 W1 W2
//! quorum two-of-them
//! ```

use std::collections::{HashMap, HashSet};

use thiserror::Error;

use crate::checkpoint::SignedCheckpoint;
use crate::cosignature::Cosigned;
use crate::key::{KeyKind, VerifierKey};
use crate::lines::{TextError, decimal, shown};

/// Longest policy that is read, in bytes.
pub const POLICY_BYTES_MAX: usize = 1 << 20;
/// Most logs, witnesses and groups together.
const DEFINITIONS_MAX: usize = 1024;
const DOCUMENT: &str = "policy";

/// Who is believed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    logs: Vec<VerifierKey>,
    /// Witnesses and groups in the order of the file: a group speaks of what stands before it.
    members: Vec<Member>,
    quorum: Quorum,
}

/// Who has to have witnessed a checkpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Quorum {
    /// No witness at all.
    Nobody,
    /// This one of the members.
    Member(usize),
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Member {
    /// Octets that mean nothing outside the file.
    name: Vec<u8>,
    rule: Rule,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Rule {
    Witness(VerifierKey),
    Group { threshold: usize, members: Vec<usize> },
}

/// Why a checkpoint is believed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Acceptance {
    /// Name of the log's key.
    pub log: String,
    /// Names of the witnesses' keys, with the seconds since 1970 at which they signed.
    pub witnesses: Vec<(String, u64)>,
}

/// Why it is not.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum PolicyRefusal {
    /// No log that is believed has this name.
    #[error("the checkpoint is of the log `{origin}`, for which there is no key")]
    UnknownLog {
        /// What the checkpoint says.
        origin: String,
    },
    /// The log's key has not signed.
    #[error("the checkpoint of `{origin}` is not signed by the key of that log")]
    Unsigned {
        /// Which log.
        origin: String,
    },
    /// A signature of a known key is not that key's.
    #[error("the signature of `{key}` on the checkpoint of {size} entries is not genuine")]
    Forged {
        /// Whose.
        key: String,
        /// Under which checkpoint.
        size: u64,
    },
    /// Too few witnesses.
    #[error("the checkpoint of {size} entries has {} of the quorum `{quorum}`", found(.witnesses))]
    Quorum {
        /// Which checkpoint.
        size: u64,
        /// What is asked for.
        quorum: String,
        /// Witnesses whose cosignatures are there.
        witnesses: Vec<String>,
    },
}

fn found(witnesses: &[String]) -> String {
    if witnesses.is_empty() { "no cosignature".to_owned() } else { format!("only {}", witnesses.join(", ")) }
}

impl Policy {
    /// Only this log, without witnesses.
    pub fn of_log(log: VerifierKey) -> Self {
        Self { logs: vec![log], members: Vec::new(), quorum: Quorum::Nobody }
    }

    /// Reads a policy file.
    ///
    /// # Errors
    /// Where it is none.
    pub fn parse(bytes: &[u8]) -> Result<Self, TextError> {
        if bytes.len() > POLICY_BYTES_MAX {
            return Err(TextError::new(DOCUMENT, 1, format!("it is longer than {POLICY_BYTES_MAX} bytes")));
        }
        let mut parser = Parser::default();
        let mut last = 0;
        for (number, line) in (1..).zip(bytes.split(|byte| *byte == b'\n')) {
            parser.line(line).map_err(|what| TextError::new(DOCUMENT, number, what))?;
            last = number;
        }
        let quorum =
            parser.quorum.ok_or_else(|| TextError::new(DOCUMENT, last, "there is no `quorum` line"))?;
        Ok(Self { logs: parser.logs, members: parser.members, quorum })
    }

    /// The keys of the logs that are believed.
    pub fn logs(&self) -> &[VerifierKey] {
        &self.logs
    }

    /// Whether the checkpoint is signed by a log that is believed, and no signature under it is a forgery. Whether
    /// enough witnesses have signed is left open.
    ///
    /// # Errors
    /// Why not.
    pub fn judge_signatures(&self, signed: &SignedCheckpoint) -> Result<Acceptance, PolicyRefusal> {
        let (origin, size) = (&signed.checkpoint().origin, signed.checkpoint().size);
        let mut of_origin = self.logs.iter().filter(|key| key.name() == origin).peekable();
        if of_origin.peek().is_none() {
            return Err(PolicyRefusal::UnknownLog { origin: shown(origin) });
        }
        let mut log = None;
        for key in of_origin {
            match signed.note().is_signed_by(key) {
                Some(true) => log = Some(key.name().to_owned()),
                Some(false) => return Err(PolicyRefusal::Forged { key: shown(key.name()), size }),
                None => {}
            }
        }
        let log = log.ok_or_else(|| PolicyRefusal::Unsigned { origin: shown(origin) })?;
        let mut witnesses = Vec::new();
        for key in self.members.iter().filter_map(Member::witness) {
            match signed.cosignature_of(key) {
                Cosigned::At(cosignature) => witnesses.push((key.name().to_owned(), cosignature.time_s)),
                Cosigned::Forged => return Err(PolicyRefusal::Forged { key: shown(key.name()), size }),
                Cosigned::Not => {}
            }
        }
        Ok(Acceptance { log, witnesses })
    }

    /// Whether the checkpoint is to be believed: signed by a log and by a quorum of witnesses.
    ///
    /// # Errors
    /// Why not.
    pub fn judge(&self, signed: &SignedCheckpoint) -> Result<Acceptance, PolicyRefusal> {
        let acceptance = self.judge_signatures(signed)?;
        let Quorum::Member(quorum) = self.quorum else { return Ok(acceptance) };
        let mut has_witnessed: Vec<bool> = Vec::with_capacity(self.members.len());
        for member in &self.members {
            let has = match &member.rule {
                Rule::Witness(key) => matches!(signed.cosignature_of(key), Cosigned::At(_)),
                Rule::Group { threshold, members } => {
                    members.iter().filter(|member| has_witnessed[**member]).count() >= *threshold
                }
            };
            has_witnessed.push(has);
        }
        if has_witnessed[quorum] {
            return Ok(acceptance);
        }
        let quorum = shown(&String::from_utf8_lossy(&self.members[quorum].name));
        let witnesses = acceptance.witnesses.into_iter().map(|(name, _)| shown(&name)).collect();
        Err(PolicyRefusal::Quorum { size: signed.checkpoint().size, quorum, witnesses })
    }
}

impl Member {
    fn witness(&self) -> Option<&VerifierKey> {
        match &self.rule {
            Rule::Witness(key) => Some(key),
            Rule::Group { .. } => None,
        }
    }
}

#[derive(Default)]
struct Parser {
    logs: Vec<VerifierKey>,
    members: Vec<Member>,
    by_name: HashMap<Vec<u8>, usize>,
    /// Members of a group so far: each may be in one only, so that no witness counts twice.
    grouped: HashSet<usize>,
    keys: HashSet<(bool, [u8; 32])>,
    quorum: Option<Quorum>,
}

impl Parser {
    fn line(&mut self, line: &[u8]) -> Result<(), String> {
        if line.iter().any(|byte| (*byte < b' ' && *byte != b'\t') || *byte == 0x7f) {
            return Err("it has a control character other than a tab".to_owned());
        }
        let mut words = line.split(|byte| b" \t".contains(byte)).filter(|word| !word.is_empty());
        let Some(keyword) = words.next() else { return Ok(()) };
        if keyword.starts_with(b"#") {
            return Ok(());
        }
        let words: Vec<&[u8]> = words.collect();
        match (keyword, words.as_slice()) {
            (b"log", [key] | [key, _]) => self.log(key),
            (b"witness", [name, key] | [name, key, _]) => self.witness(name, key),
            (b"group", [name, threshold, members @ ..]) => self.group(name, threshold, members),
            (b"quorum", [name]) => self.quorum(name),
            (b"log", _) => Err("a log has the form `log VKEY [URL]`".to_owned()),
            (b"witness", _) => Err("a witness has the form `witness NAME VKEY [URL]`".to_owned()),
            (b"group", _) => Err("a group has the form `group NAME all|any|K NAME…`".to_owned()),
            (b"quorum", _) => Err("a quorum has the form `quorum NAME` or `quorum none`".to_owned()),
            (other, _) => Err(format!("`{}` is none of `log`, `witness`, `group`, `quorum`", lossy(other))),
        }
    }

    fn log(&mut self, key: &[u8]) -> Result<(), String> {
        let key = self.key(key, KeyKind::Note)?;
        self.logs.push(key);
        Ok(())
    }

    fn witness(&mut self, name: &[u8], key: &[u8]) -> Result<(), String> {
        let key = self.key(key, KeyKind::Cosignature)?;
        self.define(name, Rule::Witness(key))
    }

    fn group(&mut self, name: &[u8], threshold: &[u8], names: &[&[u8]]) -> Result<(), String> {
        let mut members = Vec::with_capacity(names.len());
        for name in names {
            let member = self.defined(name)?;
            if !self.grouped.insert(member) {
                return Err(format!("`{}` is in a group already", lossy(name)));
            }
            members.push(member);
        }
        let threshold = match threshold {
            b"all" => members.len(),
            b"any" => 1,
            number => {
                let number = str::from_utf8(number).ok().and_then(decimal);
                number.and_then(|number| usize::try_from(number).ok()).unwrap_or(0)
            }
        };
        if !(1..=members.len()).contains(&threshold) {
            return Err(format!(
                "how many of the {} must have signed is `all`, `any` or a number from 1",
                members.len()
            ));
        }
        self.define(name, Rule::Group { threshold, members })
    }

    fn quorum(&mut self, name: &[u8]) -> Result<(), String> {
        let quorum = if name == b"none" { Quorum::Nobody } else { Quorum::Member(self.defined(name)?) };
        match self.quorum.replace(quorum) {
            None => Ok(()),
            Some(_) => Err("there is a second `quorum` line".to_owned()),
        }
    }

    fn key(&mut self, text: &[u8], kind: KeyKind) -> Result<VerifierKey, String> {
        let text = str::from_utf8(text).map_err(|_| "the key is not UTF-8".to_owned())?;
        let key: VerifierKey =
            text.parse().map_err(|error| format!("`{}` is no key: {error}", shown(text)))?;
        if key.kind() != kind {
            let (is, wanted) = (key.kind() as u8, kind as u8);
            return Err(format!(
                "the key `{}` is of type {is}, and type {wanted} belongs here",
                shown(key.name())
            ));
        }
        if self.logs.len() + self.members.len() == DEFINITIONS_MAX {
            return Err(format!("there are more than {DEFINITIONS_MAX} definitions"));
        }
        if !self.keys.insert((kind == KeyKind::Note, key.bytes())) {
            return Err(format!("the key `{}` stands on another line already", shown(key.name())));
        }
        Ok(key)
    }

    fn defined(&self, name: &[u8]) -> Result<usize, String> {
        let member = self.by_name.get(name).copied();
        member.ok_or_else(|| format!("`{}` is not defined on a line before", lossy(name)))
    }

    fn define(&mut self, name: &[u8], rule: Rule) -> Result<(), String> {
        if self.logs.len() + self.members.len() == DEFINITIONS_MAX {
            return Err(format!("there are more than {DEFINITIONS_MAX} definitions"));
        }
        if name == b"none" || self.by_name.insert(name.to_owned(), self.members.len()).is_some() {
            return Err(format!("the name `{}` is taken", lossy(name)));
        }
        self.members.push(Member { name: name.to_owned(), rule });
        Ok(())
    }
}

fn lossy(octets: &[u8]) -> String {
    shown(&String::from_utf8_lossy(octets))
}
