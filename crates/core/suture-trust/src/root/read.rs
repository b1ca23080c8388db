//! `root.toml` as a value, or one error with its place.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use jiff::Timestamp;
use serde::Deserialize;
use toml::Spanned;
use toml::value::Datetime;

use super::{Principal, Revocation, RootError, RootKey, TrustRoot};
use crate::keys::PublicKey;
use crate::kind::Role;
use crate::text::{check_text, told};

/// The only version of the format.
const SCHEMA: u32 = 1;
/// Longest name of a principal or a team, in bytes.
const NAME_LEN_MAX: usize = 64;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WireRoot {
    schema: Spanned<u32>,
    #[serde(default)]
    principal: Vec<WirePrincipal>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WirePrincipal {
    name: Spanned<String>,
    team: Spanned<String>,
    roles: Spanned<Vec<Role>>,
    #[serde(default)]
    key: Vec<WireKey>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WireKey {
    public: Spanned<String>,
    valid_from: Spanned<Datetime>,
    valid_until: Spanned<Datetime>,
    revoked: Option<WireRevocation>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WireRevocation {
    at: Spanned<Datetime>,
    reason: Spanned<String>,
}

/// What is wrong, and the part of the text that is.
type Fault = (Range<usize>, String);

pub(super) fn root(text: &str) -> Result<TrustRoot, RootError> {
    if text.len() > TrustRoot::TEXT_LEN_MAX {
        return Err(placed(text, 0, format!("it is longer than {} MiB", TrustRoot::TEXT_LEN_MAX >> 20)));
    }
    let wire: WireRoot = toml::from_str(text)
        .map_err(|error| placed(text, error.span().unwrap_or_default().start, told(&error.message())))?;
    collect(wire).map_err(|(span, what)| placed(text, span.start, what))
}

fn collect(wire: WireRoot) -> Result<TrustRoot, Fault> {
    if *wire.schema.get_ref() != SCHEMA {
        let what = format!("version {} of the format is not known; {SCHEMA} is", wire.schema.get_ref());
        return Err((wire.schema.span(), what));
    }
    let mut root = TrustRoot { principals: Vec::new(), keys: BTreeMap::new() };
    let mut names = BTreeSet::new();
    for principal in wire.principal {
        let at = principal.name.span();
        if root.principals.len() == TrustRoot::PRINCIPALS_MAX {
            return Err((at, format!("more than {} principals", TrustRoot::PRINCIPALS_MAX)));
        }
        let name = name(&principal.name)?;
        if !names.insert(name.clone()) {
            return Err((at, format!("there are two principals `{name}`")));
        }
        let team = self::name(&principal.team)?;
        if principal.roles.get_ref().is_empty() {
            return Err((principal.roles.span(), format!("`{name}` has no role; leave it out instead")));
        }
        let roles = principal.roles.into_inner().into_iter().collect();
        let mut keys = Vec::new();
        for wire in principal.key {
            let (span, key) = key(wire)?;
            if root.keys.len() == TrustRoot::KEYS_MAX {
                return Err((span, format!("more than {} keys", TrustRoot::KEYS_MAX)));
            }
            if root.keys.insert(key.key.id(), (root.principals.len(), keys.len())).is_some() {
                return Err((span, format!("the key {} stands twice", key.key.id())));
            }
            keys.push(key);
        }
        root.principals.push(Principal { name, team, roles, keys });
    }
    Ok(root)
}

/// Names stand in policies, logs and tables: no spaces, nothing that looks like something else.
fn name(name: &Spanned<String>) -> Result<String, Fault> {
    let text = name.get_ref();
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | '@' | '+');
    if text.is_empty() || text.len() > NAME_LEN_MAX || !text.chars().all(is_plain) {
        let what = format!("a name has 1 to {NAME_LEN_MAX} of the letters A-Z a-z 0-9 . _ - @ +");
        return Err((name.span(), what));
    }
    Ok(text.clone())
}

fn key(wire: WireKey) -> Result<(Range<usize>, RootKey), Fault> {
    let span = wire.public.span();
    let key: PublicKey =
        wire.public.get_ref().parse().map_err(|error| (span.clone(), format!("`public`: {error}")))?;
    let valid_from = time(&wire.valid_from)?;
    let valid_until = time(&wire.valid_until)?;
    if valid_until <= valid_from {
        return Err((wire.valid_until.span(), "`valid_until` is not after `valid_from`".to_owned()));
    }
    let revoked = wire.revoked.map(revocation).transpose()?;
    Ok((span, RootKey { key, valid_from, valid_until, revoked }))
}

fn revocation(wire: WireRevocation) -> Result<Revocation, Fault> {
    check_text("reason", wire.reason.get_ref()).map_err(|what| (wire.reason.span(), what))?;
    Ok(Revocation { at: time(&wire.at)?, reason: wire.reason.into_inner() })
}

fn time(wire: &Spanned<Datetime>) -> Result<Timestamp, Fault> {
    let time = wire.get_ref().to_string();
    time.parse().map_err(|_| {
        let what = format!("`{time}` is no moment: write it with its offset, such as 2030-01-31T00:00:00Z");
        (wire.span(), what)
    })
}

fn placed(text: &str, offset: usize, what: String) -> RootError {
    let before = text.get(..offset).unwrap_or(text);
    let line_start = before.rfind('\n').map_or(0, |at| at + 1);
    let column = before.get(line_start..).map_or(0, |line| line.chars().count()) + 1;
    RootError { line: before.matches('\n').count() + 1, column, what }
}
