//! `suture channel remove`: what is to be in a channel no more.

use jiff::Timestamp;
use serde::Serialize;
use suture_channel::name::Kind;
use suture_channel::{Held, Place, Removed, Taken};

use super::{failure, record};
use crate::act::Act;
use crate::args::channel::RemoveArgs;
use crate::console::Console;
use crate::exit::Exit;
use crate::failure::Failure;

#[derive(Serialize)]
struct Document {
    schema: u32,
    /// Names in the channel of what was taken out.
    removed: Vec<String>,
    /// Those of them under which something is public until the next publication.
    public_until_published: Vec<String>,
    /// Those whose file is served although it is no longer listed, since it was public once.
    served: Vec<String>,
    /// Embargoes that hold all the same.
    held: Vec<HeldDocument>,
    /// Names in the channel of those that ended.
    ended: Vec<String>,
}

#[derive(Serialize)]
struct HeldDocument {
    /// The name in the channel.
    name: String,
    until: Timestamp,
}

pub(super) fn run(args: &RemoveArgs, act: &Act, console: &Console) -> Result<Exit, Failure> {
    let place = Place::new(&args.directory);
    record::channel(act, &place);
    act.flag("early", args.early);
    let taken = match &args.name {
        Some(name) => suture_channel::remove(&place, name, args.early)
            .map_err(|error| failure(format!("`{}` was not taken out", name.escape_debug()), &error))?,
        None => suture_channel::remove_policy(&place)
            .map(|files| Taken { files, ..Taken::default() })
            .map_err(|error| failure("the trust policy was not taken out", &error))?,
    };
    record::taken_out(act, &taken.files);
    record::ended(act, &taken.ended);
    let names = |files: &mut dyn Iterator<Item = &Removed>| files.map(|file| file.name.clone()).collect();
    let target = |opaque: &String| Kind::Sealed(opaque.clone()).target();
    let held = |held: &Held| HeldDocument { name: target(&held.opaque), until: held.until };
    let document = Document {
        schema: 1,
        removed: names(&mut taken.files.iter()),
        public_until_published: names(&mut taken.files.iter().filter(|file| file.is_public)),
        served: names(&mut taken.files.iter().filter(|file| file.is_served)),
        held: taken.held.iter().map(held).collect(),
        ended: taken.ended.iter().map(target).collect(),
    };
    console.answer(&document, |_| text(&taken.files, &document, args.policy))?;
    Ok(Exit::Done)
}

fn text(removed: &[Removed], document: &Document, is_policy: bool) -> String {
    let line = |file: &Removed| match (file.is_public, is_policy) {
        (false, _) if file.is_served => format!(
            "taken out  {}, which was public once: its file is served until it is removed from public/targets\n",
            file.name
        ),
        (false, _) => format!("taken out  {}, which was not public\n", file.name),
        (true, false) => {
            format!("taken out  {}, public until the next `suture channel publish`\n", file.name)
        }
        (true, true) => format!("taken out  {}, which is public as it was before\n", file.name),
    };
    let again = is_policy.then(|| "what nodes have of a trust policy is in the channel again\n".to_owned());
    let held = document.held.iter().map(|held| {
        let HeldDocument { name, until } = held;
        format!("held       {name}: its embargo holds until {until}, and ends before with --early alone\n")
    });
    let ended = document.ended.iter().map(|name| format!("ended      {name}: it is under embargo no more\n"));
    removed.iter().map(line).chain(again).chain(held).chain(ended).collect()
}
