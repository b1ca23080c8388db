//! `suture channel publish` and `refresh`.

use jiff::Timestamp;
use serde::Serialize;
use suture_channel::{ChannelError, News, Place, Role, Scope};

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
    /// What could not be done once it was public, and what to do about it.
    left: Vec<String>,
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

impl Stop {
    fn into_failure(self) -> Failure {
        match self {
            Self::Channel(error) => failure("nothing was published", &error),
            Self::Gate(failure) => failure,
        }
    }
}

pub(super) fn publish(args: &PublishArgs, act: &Act, console: &Console) -> Result<Exit, Failure> {
    let signers = Signers::read(&args.signing)?;
    let gate = Gate::open(&args.gate, &signers.as_dyn(), console)?;
    let agreed = |news: &News<'_>| gate.check(news).map_err(Stop::Gate);
    let place = Place::new(&args.directory).believing(gate.root());
    run(&place, Scope::Content, &signers, keys::time(&args.signing), agreed, act, console)
}

/// Nothing that was not public before becomes so.
pub(super) fn refresh(args: &RefreshArgs, act: &Act, console: &Console) -> Result<Exit, Failure> {
    let signers = Signers::read(&args.signing)?;
    run(
        &Place::new(&args.directory),
        Scope::Refresh,
        &signers,
        keys::time(&args.signing),
        |_| Ok(()),
        act,
        console,
    )
}

fn run(
    place: &Place,
    scope: Scope,
    signers: &Signers,
    now: Timestamp,
    agreed: impl FnOnce(&News<'_>) -> Result<(), Stop>,
    act: &Act,
    console: &Console,
) -> Result<Exit, Failure> {
    record::channel(act, place);
    let published = suture_channel::publish_if(place, scope, &signers.as_dyn(), now, agreed);
    record::keys(act, signers);
    if let Err(Stop::Channel(ChannelError::HalfPublished { root, .. })) = &published {
        record::root(act, root);
    }
    let published = published.map_err(Stop::into_failure)?;
    record::channel(act, place);
    record::newest(act, place);
    record::published(act, place, &published.added, &published.removed);
    if !published.left.is_empty() {
        act.ends("unfinished");
    }
    for left in &published.left {
        console.note(&format!("it is public, and something is left to do: {left}"));
    }
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
        left: published.left,
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
