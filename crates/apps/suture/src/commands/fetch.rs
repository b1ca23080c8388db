//! `suture fetch`: a channel into a directory.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use jiff::Timestamp;
use suture_channel::limits::{Limits, ROOT_LEN_MAX};
use suture_channel::{ChannelError, Delivered, Delivery, Fetch, Identities, Url};
use suture_delta::page::Look;
use suture_keys::{Passphrase, PassphraseSource};
use suture_log::Subject;

use super::channel::failure;
use crate::act::Act;
use crate::args::channel::FetchArgs;
use crate::console::{Console, Progress};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::{files, signer};

pub(super) fn run(args: &FetchArgs, act: &Act, console: &Console) -> Result<Exit, Failure> {
    let url: Url = args.url.parse().map_err(|error| {
        Failure::usage(format!("the channel `{}` can't be used", args.url))
            .why(&format!("its address is no URL: {error}"))
            .help("write it as https://…, http://… or file:///…")
    })?;
    act.on(Subject::id("channel", place(&url)));
    let root = files::read_regular_up_to(&args.root, "the root", ROOT_LEN_MAX)?;
    let identities = identities(args)?;
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
    let delivery = suture_channel::fetch(&request).map_err(|error| not_fetched(args, &error))?;
    drop(progress);
    act.on_each(delivery.files.iter().map(delivered));
    console.answer(&delivery, |_: &Look| text(&delivery))?;
    Ok(Exit::Done)
}

/// The address without what may be secret in it.
fn place(url: &Url) -> String {
    let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
    format!("{}://{}{port}{}", url.scheme(), url.host_str().unwrap_or_default(), url.path())
}

/// A file by the name that everybody sees.
fn delivered(file: &Delivered) -> Subject {
    let name = file.sealed.as_ref().map_or_else(|| file.path.clone(), |opaque| format!("sealed.{opaque}"));
    Subject { id: Some(name), ..Subject::digest("target", &file.sha256) }
}

/// The keys that open what is under embargo.
fn identities(args: &FetchArgs) -> Result<Identities, Failure> {
    let mut identities = Identities::default();
    if args.identity.is_empty() {
        return Ok(identities);
    }
    let named = args.passphrase_file.clone().map(PassphraseSource::File);
    let source = named.unwrap_or_else(signer::unattended_source);
    let passphrase = match &source {
        PassphraseSource::File(_) => Some(source.ask("the identities").map_err(|error| {
            Failure::usage("the passphrase of the identities can't be had")
                .why(&error)
                .help("name a file that its owner alone can read, with mode 0600")
        })?),
        PassphraseSource::Terminal | PassphraseSource::Nobody => None,
    };
    let passphrase = passphrase.as_ref().map(Passphrase::as_bytes);
    for path in &args.identity {
        let (text, name) = (read_identity(path)?, path.display().to_string());
        let added = identities.add(text.as_bytes(), &name, passphrase);
        added.map_err(|error| not_fetched(args, &error))?;
    }
    Ok(identities)
}

/// The text of a file with an identity, which others must not be able to read.
fn read_identity(path: &Path) -> Result<String, Failure> {
    const OTHERS: u32 = 0o077;
    let text = files::read_text(path, "the identity")?;
    let mode = std::fs::metadata(path).map_or(0, |metadata| metadata.permissions().mode());
    if mode & OTHERS == 0 {
        return Ok(text);
    }
    Err(Failure::usage(format!("the identity `{}` can't be used", path.display()))
        .why(&format!("others can read it (mode {:04o})", mode & 0o7777))
        .help(format!("`chmod 600 {}`, and think about who may have read it", path.display())))
}

fn not_fetched(args: &FetchArgs, error: &ChannelError) -> Failure {
    failure(format!("`{}` was not fetched", args.url), error)
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
