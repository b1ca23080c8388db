//! `suture channel remove`: what is to be in a channel no more.

use serde::Serialize;
use suture_channel::{Place, Removed};

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
}

pub(super) fn run(args: &RemoveArgs, act: &Act, console: &Console) -> Result<Exit, Failure> {
    let place = Place::new(&args.directory);
    record::channel(act, &place);
    let removed = match &args.name {
        Some(name) => suture_channel::remove(&place, name)
            .map_err(|error| failure(format!("`{}` was not taken out", name.escape_debug()), &error))?,
        None => suture_channel::remove_policy(&place)
            .map_err(|error| failure("the trust policy was not taken out", &error))?,
    };
    record::taken_out(act, &removed);
    let names = |files: &mut dyn Iterator<Item = &Removed>| files.map(|file| file.name.clone()).collect();
    let document = Document {
        schema: 1,
        removed: names(&mut removed.iter()),
        public_until_published: names(&mut removed.iter().filter(|file| file.is_public)),
        served: names(&mut removed.iter().filter(|file| file.is_served)),
    };
    console.answer(&document, |_| text(&removed, args.policy))?;
    Ok(Exit::Done)
}

fn text(removed: &[Removed], is_policy: bool) -> String {
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
    removed.iter().map(line).chain(again).collect()
}
