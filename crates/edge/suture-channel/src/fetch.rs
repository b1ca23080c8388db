//! The consuming side: everything in a channel, verified from a pinned root on, into a directory.
//!
//! The TUF client workflow (specification, section 5) is `tough`'s, with two things done here: expiry is compared with the time that
//! comes in, and what is trusted afterwards is kept in one file that is replaced as a whole ([`trusted`]), so that a
//! client that dies never forgets what it has seen.

mod chain;
mod delivery;
mod explain;
mod trusted;

use std::collections::BTreeMap;
use std::path::Path;

use jiff::Timestamp;
use tough::schema::{self, Target, Targets};
use tough::{DefaultTransport, HttpTransportBuilder, IntoVec as _, Repository, RepositoryLoader, TargetName};
use url::Url;

use crate::error::shown;
use crate::limits::{
    CONNECT_TIME_MAX, Limits, POLICY_FILES_MAX, POLICY_LEN_MAX, ROOT_LEN_MAX, ROOT_UPDATES_MAX,
    SNAPSHOT_LEN_MAX, TARGETS_LEN_MAX, TIMESTAMP_LEN_MAX, TRIES_MAX,
};
use crate::name::Kind;
use crate::{ChannelError, Identities, Refusal, Role, embargo, identity, metadata, parcel, policy};

use chain::Roots;
use delivery::Directory;
pub use delivery::{Delivered, Delivery, Fetched, NotForUs, fetched};
use trusted::Trusted;

/// What to fetch, from where, and what is known beforehand.
pub struct Fetch<'a> {
    /// Where the channel's `public` directory is: `https`, `http` or `file`.
    pub url: &'a Url,
    /// A root file of the channel that was got by a way that can be trusted.
    pub root: &'a [u8],
    /// Where to remember what was seen; made if it is not there. One channel each.
    pub datastore: &'a Path,
    /// The directory to write; what an earlier fetch has written there is replaced as a whole.
    pub out: &'a Path,
    /// What opens bundles under embargo.
    pub identities: &'a Identities,
    /// The time.
    pub now: Timestamp,
    /// What is accepted at most.
    pub limits: Limits,
}

/// Fetches a channel.
///
/// # Errors
/// What is offered can't be trusted ([`ChannelError::Refused`]), can't be had, or can't be written. Nothing is
/// changed in the directory then; what was newly learnt about keys is remembered, and so is metadata that holds, although a file that
/// it lists does not: nothing older is accepted afterwards (TUF 5.3 to 5.6 come before 5.7).
pub fn fetch(request: &Fetch) -> Result<Delivery, ChannelError> {
    if !matches!(request.url.scheme(), "http" | "https" | "file") {
        let what = format!("the channel `{}`", request.url);
        return Err(ChannelError::input(
            what,
            "its address is neither https, http nor file",
            "give the address of its public directory",
        ));
    }
    Directory::check(request.out)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime =
        runtime.map_err(|source| ChannelError::Failed { what: "the runtime".to_owned(), source })?;
    runtime.block_on(run(request))
}

async fn run(request: &Fetch<'_>) -> Result<Delivery, ChannelError> {
    let mut trusted = Trusted::open(request.datastore, request.root, request.now)?;
    let transport = transport(request);
    let url = base(request, "metadata");
    let roots = Roots { transport: &transport, url: &url };
    if let Some(seen) = trusted.stranger()?
        && !roots.connect(seen, trusted.pinned()).await?
    {
        let what = format!("the datastore `{}`", request.datastore.display());
        return Err(Refusal::OtherChannel { what }.into());
    }
    let scratch = trusted.scratch()?;
    let loaded = load(request, transport.clone(), &trusted, scratch.path()).await;
    let repository = match loaded {
        Ok(repository) => repository,
        Err(error) => {
            trusted.keep_root(scratch.path())?;
            return Err(explain::load(error, scratch.path()));
        }
    };
    check_channel(request, &mut trusted, &repository, &roots).await?;
    let verified = trusted.check_root(&repository).and_then(|()| check_expiry(&repository, request.now));
    if let Err(refusal) = verified {
        trusted.keep_root(scratch.path())?;
        return Err(refusal.into());
    }
    let files = wanted(&repository, &request.limits)?;
    if let Some((version, digest)) = Directory::root(request.out)? {
        let newest = &repository.root().signed;
        let is_newest = newest.version.get() == version && metadata::digest(newest)? == digest;
        if !(is_newest || trusted.has_digest(version, &digest) || roots.has(version, &digest).await?) {
            let what = format!("what is in `{}`", request.out.display());
            return Err(Refusal::OtherChannel { what }.into());
        }
    }
    trusted.keep(scratch.path(), request.now)?;
    download(request, &repository, files).await
}

/// Off-spec: what is signed must be for this channel, whoever else has the same keys.
async fn check_channel(
    request: &Fetch<'_>,
    trusted: &mut Trusted,
    repository: &Repository,
    roots: &Roots<'_>,
) -> Result<(), ChannelError> {
    let (root, targets) = (&repository.root().signed, &repository.targets().signed);
    let named: Vec<&str> = [&root._extra, &targets._extra].into_iter().filter_map(identity::named).collect();
    if named.is_empty() {
        return Ok(());
    }
    let first = if let Some(first) = trusted.first()? {
        first
    } else {
        let first = roots.first(trusted.pinned()).await?;
        trusted.begins_with(first.clone());
        first
    };
    if named.iter().any(|named| *named != first) {
        return Err(Refusal::SignedForAnother { url: request.url.to_string() }.into());
    }
    Ok(())
}

fn base(request: &Fetch<'_>, part: &str) -> Url {
    let mut url = request.url.clone();
    // `fetch` has let only schemes through that have path segments.
    if let Ok(mut segments) = url.path_segments_mut() {
        segments.pop_if_empty().push(part).push("");
    }
    url
}

fn transport(request: &Fetch<'_>) -> DefaultTransport {
    let http = HttpTransportBuilder::new()
        .timeout(request.limits.download_time_max)
        .connect_timeout(CONNECT_TIME_MAX)
        .tries(TRIES_MAX);
    DefaultTransport::new_with_http_settings(http)
}

async fn load(
    request: &Fetch<'_>,
    transport: DefaultTransport,
    trusted: &Trusted,
    scratch: &Path,
) -> Result<Repository, tough::error::Error> {
    let limits = tough::Limits {
        max_root_size: ROOT_LEN_MAX,
        max_targets_size: TARGETS_LEN_MAX,
        max_timestamp_size: TIMESTAMP_LEN_MAX,
        max_snapshot_size: SNAPSHOT_LEN_MAX,
        max_root_updates: ROOT_UPDATES_MAX,
    };
    RepositoryLoader::new(&trusted.root(), base(request, "metadata"), base(request, "targets"))
        .transport(transport)
        .limits(limits)
        .datastore(scratch)
        // Off-spec here, and done in `check_expiry`: tough has no other clock than the system's.
        .expiration_enforcement(tough::ExpirationEnforcement::Unsafe)
        .load()
        .await
}

/// TUF 5.3.10, 5.4.4, 5.5.6, 5.6.6 and, for delegated roles, 5.6.7: nothing that has expired counts.
fn check_expiry(repository: &Repository, now: Timestamp) -> Result<(), Refusal> {
    let check = |role: &str, expired: Timestamp| {
        if expired > now { Ok(()) } else { Err(Refusal::Expired { role: role.to_owned(), expired, now }) }
    };
    check("root", repository.root().signed.expires)?;
    check("timestamp", repository.timestamp().signed.expires)?;
    check("snapshot", repository.snapshot().signed.expires)?;
    check("targets", repository.targets().signed.expires)?;
    each_delegated(&repository.targets().signed, &mut |role| match &role.targets {
        Some(targets) => check(&role.name, targets.signed.expires),
        None => Err(Refusal::RoleDropped { role: role.name.clone() }),
    })
}

fn each_delegated(
    targets: &Targets,
    check: &mut impl FnMut(&schema::DelegatedRole) -> Result<(), Refusal>,
) -> Result<(), Refusal> {
    for role in targets.delegations.iter().flat_map(|delegations| &delegations.roles) {
        check(role)?;
        if let Some(targets) = &role.targets {
            each_delegated(&targets.signed, check)?;
        }
    }
    Ok(())
}

/// The files of a channel in the order of their names, checked against the limits before a byte of them is asked for.
fn wanted(repository: &Repository, limits: &Limits) -> Result<BTreeMap<Kind, (TargetName, Target)>, Refusal> {
    let too_much = |what, found, limit| Refusal::TooMuch { what, found, limit };
    let top = &repository.targets().signed;
    let mut files = BTreeMap::new();
    let mut total: u64 = 0;
    let mut policy_files = 0;
    for (count, (name, _)) in repository.all_targets().enumerate() {
        if count == limits.files_max {
            return Err(too_much("more files than", count as u64, limits.files_max as u64));
        }
        // The role that answers for a name, if several list it: the first in the order of delegation (TUF 5.6.7).
        let target = top.find_target(name, false);
        let target = target.map_err(|_| Refusal::OutsidePaths { name: name.raw().to_owned() })?;
        let kind = Kind::parse(name.raw())?;
        let is_policy = matches!(kind, Kind::Policy(_));
        let len_max = if is_policy { limits.file_len_max.min(POLICY_LEN_MAX) } else { limits.file_len_max };
        if target.length > len_max {
            return Err(too_much("a file of bytes", target.length, len_max));
        }
        policy_files += usize::from(is_policy);
        if policy_files > POLICY_FILES_MAX {
            return Err(too_much("files of its trust policy", policy_files as u64, POLICY_FILES_MAX as u64));
        }
        if files.insert(kind, (name.clone(), target.clone())).is_none() {
            total = total.saturating_add(target.length);
        }
    }
    if total > limits.fetch_len_max {
        return Err(too_much("files of bytes in all", total, limits.fetch_len_max));
    }
    Ok(files)
}

async fn download(
    request: &Fetch<'_>,
    repository: &Repository,
    files: BTreeMap<Kind, (TargetName, Target)>,
) -> Result<Delivery, ChannelError> {
    let mut directory = Directory::begin(request.out)?;
    let mut policy = policy::Files::new();
    for (kind, (name, target)) in &files {
        if let Kind::Sealed(opaque) = kind {
            if request.identities.is_empty() {
                directory.not_for_us(opaque, target.length);
                continue;
            }
            let sealed = content(repository, name).await?;
            let damaged = |why| Refusal::Sealed { name: opaque.clone(), why };
            match embargo::unseal(&sealed, request.identities).map_err(damaged)? {
                None => directory.not_for_us(opaque, target.length),
                Some(plain) => {
                    for file in parcel::unpack(&plain).map_err(damaged)? {
                        directory.put_unsealed(opaque, &file)?;
                    }
                }
            }
            continue;
        }
        let content = content(repository, name).await?;
        directory.put(kind, &content)?;
        if let Kind::Policy(name) = kind {
            policy.insert(name.clone(), content);
        }
    }
    // A channel may have none, but one that is here is not lost.
    if !policy.is_empty() || Directory::has_policy(request.out) {
        let root = files.get(&Kind::Policy(policy::ROOT.to_owned())).map(|(_, target)| target);
        let old = request.out.join("trust");
        policy::check_whole(&policy, root, &old)
            .and_then(|()| policy::check(&policy))
            .map_err(|why| Refusal::TrustPolicy(shown(&why)))?;
    }
    directory.finish(repository, request.now)
}

/// The content of a file, no longer than was signed and with the digest that was signed (TUF 5.7).
async fn content(repository: &Repository, name: &TargetName) -> Result<Vec<u8>, ChannelError> {
    let stream = repository.read_target(name).await.map_err(explain::target)?;
    let stream = stream.ok_or_else(|| Refusal::OutsidePaths { name: name.raw().to_owned() })?;
    stream.into_vec().await.map_err(explain::target)
}

/// Versions by role, as far as the metadata names them.
fn versions(repository: &Repository) -> BTreeMap<String, u64> {
    let mut versions = BTreeMap::from([
        (Role::Root.to_string(), repository.root().signed.version.get()),
        (Role::Timestamp.to_string(), repository.timestamp().signed.version.get()),
        (Role::Snapshot.to_string(), repository.snapshot().signed.version.get()),
        (Role::Targets.to_string(), repository.targets().signed.version.get()),
    ]);
    let added = each_delegated(&repository.targets().signed, &mut |role| {
        let version = role.targets.as_ref().map_or(0, |targets| targets.signed.version.get());
        versions.insert(role.name.clone(), version);
        Ok(())
    });
    debug_assert!(added.is_ok(), "the closure refuses nothing");
    versions
}
