//! `suture channel publish` and `refresh`.

use jiff::Timestamp;
use serde::Serialize;
use suture_channel::{Place, Role, Scope};

use super::keys::{self, Signers};
use super::{failure, record};
use crate::act::Act;
use crate::args::channel::PublishArgs;
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

pub(super) fn run(args: &PublishArgs, scope: Scope, act: &Act, console: &Console) -> Result<Exit, Failure> {
    let signers = Signers::read(&args.signing)?;
    let now = keys::time(&args.signing);
    let place = Place::new(&args.directory);
    record::channel(act, &place);
    let published = suture_channel::publish(&place, scope, &signers.as_dyn(), now);
    record::keys(act, &signers);
    let published = published.map_err(|error| failure("nothing was published", &error))?;
    record::channel(act, &place);
    record::newest(act, &place);
    record::targets(act, &place, &published.added, &published.removed);
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
