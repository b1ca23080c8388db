//! Which channel it is. A channel is the chain of its roots, each signed by the keys of the one before it (TUF 5.3.4); two roots
//! are of one channel if one leads to the other. Whoever mixes two forgets what was seen of the first.

use std::future::poll_fn;

use tough::schema::{Root, Signed};
use tough::{DefaultTransport, Transport as _, TransportErrorKind};
use url::Url;

use super::explain;
use crate::limits::{ROOT_LEN_MAX, ROOT_UPDATES_MAX};
use crate::{ChannelError, Refusal, metadata};

/// Where the roots of a channel are.
pub(super) struct Roots<'a> {
    pub(super) transport: &'a DefaultTransport,
    /// The directory of the metadata.
    pub(super) url: &'a Url,
}

impl Roots<'_> {
    /// Whether the older of two roots leads to the newer one.
    pub(super) async fn connect(&self, a: &Signed<Root>, b: &Signed<Root>) -> Result<bool, ChannelError> {
        let (older, newer) = if a.signed.version <= b.signed.version { (a, b) } else { (b, a) };
        let mut root = older.clone();
        let found = newer.signed.version.get() - root.signed.version.get();
        if found > ROOT_UPDATES_MAX {
            return Err(Refusal::TooMuch { what: "versions of root", found, limit: ROOT_UPDATES_MAX }.into());
        }
        while root.signed.version < newer.signed.version {
            let Some(next) = self.get(root.signed.version.get() + 1).await? else { return Ok(false) };
            let follows = next.signed.version == root.signed.version.saturating_add(1);
            let is_signed = root.signed.verify_role(&next).is_ok() && next.signed.verify_role(&next).is_ok();
            if !(follows && is_signed) {
                return Ok(false);
            }
            root = next;
        }
        Ok(root.signed == newer.signed)
    }

    /// The SHA-256 of the first root, which must lead to this one.
    pub(super) async fn first(&self, root: &Signed<Root>) -> Result<String, ChannelError> {
        match self.get(1).await? {
            Some(first) if first.signed.version.get() == 1 && self.connect(&first, root).await? => {
                metadata::digest(&first.signed)
            }
            _ => Err(Refusal::SignedForAnother { url: self.url.to_string() }.into()),
        }
    }

    /// Whether the channel has, or had, a root of this version with this digest. Nothing is proven by it.
    pub(super) async fn has(&self, version: u64, digest: &str) -> Result<bool, ChannelError> {
        let root = self.get(version).await?;
        Ok(root.is_some_and(|root| metadata::digest(&root.signed).is_ok_and(|found| found == digest)))
    }

    async fn get(&self, version: u64) -> Result<Option<Signed<Root>>, ChannelError> {
        let file = self.url.join(&format!("{version}.root.json")).map_err(Refusal::other)?;
        let mut stream = match self.transport.fetch(file.clone()).await {
            Err(error) if error.kind() == TransportErrorKind::FileNotFound => return Ok(None),
            stream => stream.map_err(|error| explain::transport(&error, true))?,
        };
        let mut bytes = Vec::new();
        while let Some(part) = poll_fn(|context| stream.as_mut().poll_next(context)).await {
            match part {
                Err(error) if error.kind() == TransportErrorKind::FileNotFound => return Ok(None),
                part => bytes.extend_from_slice(&part.map_err(|error| explain::transport(&error, true))?),
            }
            if bytes.len() as u64 > ROOT_LEN_MAX {
                return Err(Refusal::Endless { file: file.to_string(), limit: ROOT_LEN_MAX }.into());
            }
        }
        let root = serde_json::from_slice(&bytes);
        let malformed =
            |why: serde_json::Error| Refusal::Malformed { role: "root".into(), why: why.to_string() };
        Ok(Some(root.map_err(malformed)?))
    }
}
