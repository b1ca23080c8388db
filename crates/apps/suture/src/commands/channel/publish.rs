//! `suture channel publish` and `refresh`.

use jiff::Timestamp;
use serde::Serialize;
use suture_channel::{ChannelError, News, Place, Publication, Role, Scope};

use super::gate::Gate;
use super::keys::{self, Signers};
use super::{failure, record};
use crate::act::Act;
use crate::args::channel::{PublishArgs, RefreshArgs};
use crate::console::Console;
use crate::exit::Exit;
use crate::failure::Failure;

#[derive(Serialize)]
struct Document {
    schema: u32,
    roles: Vec<RoleDocument>,
    /// Names in the channel that are new or have new content.
    added: Vec<String>,
    /// Names that are gone.
    removed: Vec<String>,
}

#[derive(Serialize)]
struct RoleDocument {
    role: Role,
    version: u64,
    expires: Timestamp,
}

/// Why nothing was published.
enum Stop {
    /// It can't be.
    Channel(ChannelError),
    /// It must not be.
    Gate(Failure),
}

impl From<ChannelError> for Stop {
    fn from(error: ChannelError) -> Self {
        Self::Channel(error)
    }
}

impl From<Stop> for Failure {
    fn from(stop: Stop) -> Self {
        match stop {
            Stop::Channel(error) => failure("nothing was published", &error),
            Stop::Gate(failure) => failure,
        }
    }
}

pub(super) fn publish(args: &PublishArgs, act: &Act, console: &Console) -> Result<Exit, Failure> {
    let signers = Signers::read(&args.signing)?;
    let now = keys::time(&args.signing);
    let gate = Gate::open(&args.gate, &signers.as_dyn(), console)?;
    let place = Place::new(&args.directory);
    record::channel(act, &place);
    let agreed = |news: &News<'_>| gate.check(news).map_err(Stop::Gate);
    let published = suture_channel::publish_if(&place, Scope::Content, &signers.as_dyn(), now, agreed);
    record::keys(act, &signers);
    answer(published?, &place, act, console)
}

/// Nothing that was not public before becomes so.
pub(super) fn refresh(args: &RefreshArgs, act: &Act, console: &Console) -> Result<Exit, Failure> {
    let signers = Signers::read(&args.signing)?;
    let now = keys::time(&args.signing);
    let place = Place::new(&args.directory);
    record::channel(act, &place);
    let published = suture_channel::publish(&place, Scope::Refresh, &signers.as_dyn(), now);
    record::keys(act, &signers);
    let published = published.map_err(|error| failure("nothing was published", &error))?;
    answer(published, &place, act, console)
}

fn answer(published: Publication, place: &Place, act: &Act, console: &Console) -> Result<Exit, Failure> {
    record::channel(act, place);
    record::newest(act, place);
    record::published(act, place, &published.added, &published.removed);
    let role = |(role, (version, expires)): (&Role, &(u64, Timestamp))| RoleDocument {
        role: *role,
        version: *version,
        expires: *expires,
    };
    let document = Document {
        schema: 1,
        roles: published.roles.iter().map(role).collect(),
        added: published.added,
        removed: published.removed,
    };
    console.answer(&document, |_| text(&document))?;
    Ok(Exit::Done)
}

fn text(document: &Document) -> String {
    let added = document.added.iter().map(|name| format!("added    {name}\n"));
    let removed = document.removed.iter().map(|name| format!("removed  {name}\n"));
    let roles = document.roles.iter().map(|role| {
        format!("{:<9}  version {}, good until {}\n", role.role.name(), role.version, role.expires)
    });
    added.chain(removed).chain(roles).collect()
}
