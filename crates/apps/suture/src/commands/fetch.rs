//! `suture fetch`: a channel into a directory.

use jiff::Timestamp;
use suture_channel::limits::Limits;
use suture_channel::{ChannelError, Delivery, Fetch, Identities};
use suture_delta::page::Look;

use super::channel::{failure, passphrase, read_key_file};
use crate::args::channel::FetchArgs;
use crate::console::{Console, Progress};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::files;

pub(super) fn run(args: &FetchArgs, console: &Console) -> Result<Exit, Failure> {
    let url = args.url.parse().map_err(|error| {
        Failure::usage(format!("the channel `{}` can't be used", args.url))
            .why(&format!("its address is no URL: {error}"))
            .help("write it as https://…, http://… or file:///…")
    })?;
    let root = files::read(&args.root, "the root")?;
    let passphrase = passphrase(args.passphrase_file.as_deref())?;
    let mut identities = Identities::default();
    let refused = |error: &ChannelError| failure(format!("`{}` was not fetched", args.url), error);
    for path in &args.identity {
        let text = read_key_file(path, "the identity")?;
        let name = path.display().to_string();
        identities.add(text.as_bytes(), &name, passphrase.as_deref()).map_err(|error| refused(&error))?;
    }
    let request = Fetch {
        url: &url,
        root: &root,
        datastore: &args.datastore,
        out: &args.out,
        identities: &identities,
        now: Timestamp::now(),
        limits: Limits::default(),
    };
    let progress = Progress::start("fetching");
    let delivery = suture_channel::fetch(&request).map_err(|error| refused(&error))?;
    drop(progress);
    console.answer(&delivery, |_: &Look| text(&delivery))?;
    Ok(Exit::Done)
}

fn text(delivery: &Delivery) -> String {
    let files = delivery.files.iter().map(|file| {
        let sealed = if file.sealed.is_some() { ", under embargo" } else { "" };
        format!("{}  {}{sealed}\n", file.sha256, file.path)
    });
    let others = delivery
        .not_for_us
        .iter()
        .map(|sealed| format!("encrypted for others: {}, {}\n", sealed.name, sealed.size_class));
    let until = std::iter::once(format!("good until {}\n", delivery.good_until));
    files.chain(others).chain(until).collect()
}
