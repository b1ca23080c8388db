//! `suture key show`: the name of a key, and whether a trust root believes it.

use std::path::Path;

use jiff::Timestamp;
use serde::Serialize;
use suture_delta::page::{Column, Look, Page, Tone};
use suture_trust::{Principal, PublicKey, RootKey, Signer as _, TrustRoot};

use crate::args::KeyShowArgs;
use crate::console::Console;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::{signer, statement_file};

#[derive(Serialize)]
struct Document {
    schema: u32,
    keys: Vec<Key>,
}

#[derive(Serialize)]
struct Key {
    id: String,
    #[serde(rename = "type")]
    kind: &'static str,
    comment: String,
    public: String,
    /// What the trust root says; `null` if none was asked.
    trust: Option<Trust>,
}

#[derive(Serialize)]
struct Trust {
    /// `valid`, `not-yet-valid`, `expired`, `revoked`, or `unknown`.
    state: &'static str,
    principal: Option<String>,
    team: Option<String>,
    roles: Vec<&'static str>,
    valid_from: Option<Timestamp>,
    valid_until: Option<Timestamp>,
    revoked_at: Option<Timestamp>,
    revoked_reason: Option<String>,
}

pub(crate) fn run(args: &KeyShowArgs, console: &Console) -> Result<Exit, Failure> {
    let root = args.trust.as_deref().map(statement_file::read_root).transpose()?;
    let now = Timestamp::now();
    let keys = match &args.file {
        Some(file) => vec![read(file)?],
        None => agent_keys()?,
    };
    let key = |public: &PublicKey| Key {
        id: public.id().to_string(),
        kind: "ed25519",
        comment: public.comment().to_owned(),
        public: public.to_string(),
        trust: root.as_ref().map(|root| trust(root, public, now)),
    };
    let document = Document { schema: 1, keys: keys.iter().map(key).collect() };
    console.answer(&document, |look| text(&document, look))?;
    Ok(Exit::Done)
}

fn read(file: &Path) -> Result<PublicKey, Failure> {
    suture_keys::read_public(file).map_err(|error| signer::unusable(file, &error))
}

fn agent_keys() -> Result<Vec<PublicKey>, Failure> {
    let keys = signer::agent()?.keys();
    let keys =
        keys.map_err(|error| Failure::unexpected("the keys of the agent can't be listed").why(&error))?;
    Ok(keys.iter().map(|key| key.public_key().clone()).collect())
}

fn trust(root: &TrustRoot, public: &PublicKey, now: Timestamp) -> Trust {
    let found = root.key(&public.id());
    let key = found.map(|(_, key)| key);
    let revoked = key.and_then(|key| key.revoked.as_ref());
    let mut roles: Vec<_> =
        found.iter().flat_map(|(principal, _)| &principal.roles).map(|role| role.as_str()).collect();
    roles.sort_unstable();
    Trust {
        state: found.map_or("unknown", |found| state(found, now)),
        principal: found.map(|(principal, _)| principal.name.clone()),
        team: found.map(|(principal, _)| principal.team.clone()),
        roles,
        valid_from: key.map(|key| key.valid_from),
        valid_until: key.map(|key| key.valid_until),
        revoked_at: revoked.map(|revoked| revoked.at),
        revoked_reason: revoked.map(|revoked| revoked.reason.clone()),
    }
}

fn state((_, key): (&Principal, &RootKey), now: Timestamp) -> &'static str {
    match &key.revoked {
        Some(revoked) if now >= revoked.at => "revoked",
        _ if now < key.valid_from => "not-yet-valid",
        _ if now >= key.valid_until => "expired",
        _ => "valid",
    }
}

fn text(document: &Document, look: &Look) -> String {
    let mut page = Page::new(*look);
    let cell = |text: String, tone| (text, tone);
    let row = |key: &Key| {
        let tone = match key.trust.as_ref().map(|trust| trust.state) {
            None => Tone::Plain,
            Some("valid") => Tone::Good,
            Some(_) => Tone::Bad,
        };
        vec![
            cell(key.id.clone(), Tone::Strong),
            cell(key.comment.clone(), Tone::Plain),
            cell(key.trust.as_ref().map(judged).unwrap_or_default(), tone),
        ]
    };
    let rows: Vec<_> = document.keys.iter().map(row).collect();
    if rows.is_empty() {
        page.line("The agent has no Ed25519 key.");
    }
    page.table(&[Column::Left, Column::Left, Column::Left], rows);
    page.finish()
}

/// What the trust root says, as one sentence.
fn judged(trust: &Trust) -> String {
    let (Some(principal), Some(team)) = (&trust.principal, &trust.team) else {
        return "unknown to the trust root".to_owned();
    };
    let whose = format!("{principal} of {team} ({})", trust.roles.join(", "));
    let day = |time: Option<Timestamp>| time.map(|time| time.strftime("%F").to_string()).unwrap_or_default();
    match trust.state {
        "revoked" => {
            let reason = trust.revoked_reason.as_deref().unwrap_or_default();
            format!("{whose}, revoked since {}: {reason}", day(trust.revoked_at))
        }
        "not-yet-valid" => format!("{whose}, not valid before {}", day(trust.valid_from)),
        "expired" => format!("{whose}, expired on {}", day(trust.valid_until)),
        _ => format!("{whose}, valid until {}", day(trust.valid_until)),
    }
}
