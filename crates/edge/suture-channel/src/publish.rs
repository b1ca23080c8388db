//! Publishing: a plan of files to write is made and signed, and then carried out.
//!
//! Every file but `timestamp.json` has a name of its own (a version or a digest), so that nothing that is in use is touched
//! until the timestamp is replaced, in one rename: whoever dies in between leaves the old channel, complete. A new root
//! comes after the timestamp if the old keys have signed that too, as the world then may look at either root with either
//! timestamp; if the old keys are lost, clients are refused between those two renames.

use std::collections::{BTreeMap, HashMap};
use std::fs;

use jiff::Timestamp as Time;
use tough::TargetName;
use tough::schema::{Root, Target, Targets};

use crate::carry_out::{Content, TIMESTAMP, Write, carry_out};
use crate::limits::{FILE_LEN_MAX, FILES_MAX};
use crate::metadata::{self, Document, keys_of, sha256};
use crate::name::Kind;
use crate::place::{self, Settings};
use crate::policy::{self, Files, kept};
use crate::published::{Current, Published};
use crate::{
    ChannelError, Keys, News, Place, Refusal, Role, RoleSigner, add, embargo, identity, refusals, rotate,
    sealed,
};

/// What is to be signed anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Whatever has changed; needs the keys of the roles concerned.
    Content,
    /// Snapshot and timestamp alone, before they expire.
    Refresh,
}

/// A publication that is signed and not carried out yet.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The files, in the order in which they must be written.
    pub writes: Vec<Write>,
    /// What it will be.
    pub publication: Publication,
    /// The SHA-256 of all files that it lists, by their names in the channel.
    pub(crate) signed: BTreeMap<String, String>,
}

/// What a publication brings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Publication {
    /// Version and expiry by role.
    pub roles: BTreeMap<Role, (u64, Time)>,
    /// Names in the channel that are new or have new content.
    pub added: Vec<String>,
    /// Names that are gone.
    pub removed: Vec<String>,
    /// What could not be done once it was public, and what to do about it.
    pub left: Vec<String>,
}

/// Makes a plan and carries it out.
///
/// # Errors
/// Keys are missing ([`Refusal::KeysMissing`]), a bundle lacks a refusal ([`Refusal::RefusalDropped`]), the trust policy can't
/// be used, or the directory can't be read or written.
pub fn publish(
    place: &Place,
    scope: Scope,
    signers: &[&dyn RoleSigner],
    now: Time,
) -> Result<Publication, ChannelError> {
    publish_if(place, scope, signers, now, |news| {
        // Nobody here knows of cases.
        for bundle in news.embargoes()? {
            let bundle = bundle?;
            if bundle.embargo_until.is_none_or(|until| until <= now) {
                news.is_over(&bundle);
            }
        }
        Ok(())
    })
}

/// The same, if `agreed` has nothing against it: it is asked when everything is signed and nothing is public yet, and nobody
/// can change the channel in between.
///
/// # Errors
/// Those of [`publish`], and those of `agreed`.
pub fn publish_if<E: From<ChannelError>>(
    place: &Place,
    scope: Scope,
    signers: &[&dyn RoleSigner],
    now: Time,
    agreed: impl FnOnce(&News<'_>) -> Result<(), E>,
) -> Result<Publication, E> {
    let _lock = place.lock()?;
    if scope == Scope::Content {
        add::check_content(place)?;
        sealed::check_twice(place)?;
        refusals::keep_all(place)?;
    }
    let plan = plan(place, scope, signers, now)?;
    let news = News::of(place, &plan.publication.added, &plan.signed);
    agreed(&news)?;
    let swept = || if scope == Scope::Content { sealed::sweep(place, &news.over()) } else { Ok(()) };
    let left = carry_out(place, &plan, swept)?;
    Ok(Publication { left, ..plan.publication })
}

/// Signs what is to be published, and says what has to be written for it.
///
/// # Errors
/// As [`publish`].
pub fn plan(
    place: &Place,
    scope: Scope,
    signers: &[&dyn RoleSigner],
    now: Time,
) -> Result<Plan, ChannelError> {
    Press::load(place, scope, signers, now)?.plan()
}

/// All that a publication is made from.
struct Press<'a> {
    place: &'a Place,
    scope: Scope,
    signers: &'a [&'a dyn RoleSigner],
    now: Time,
    settings: Settings,
    published: Published,
    /// The root that will be in force.
    root: Document<Root>,
    /// Whether it is new.
    root_is_new: bool,
}

impl<'a> Press<'a> {
    fn load(
        place: &'a Place,
        scope: Scope,
        signers: &'a [&'a dyn RoleSigner],
        now: Time,
    ) -> Result<Self, ChannelError> {
        let settings = place.settings()?;
        let published = Published::read(place)?;
        let pending = rotate::read_pending(place, published.root.as_ref())?;
        let root_is_new = pending.is_some();
        let root = pending.or_else(|| published.root.clone()).ok_or_else(|| {
            let what = format!("`{}`", place.pending_root().display());
            ChannelError::input(
                what,
                "there is no root, neither published nor waiting",
                "restore it from a copy",
            )
        })?;
        if root_is_new {
            check_root(&root, published.root.as_ref())?;
        }
        if root.signed.signed.expires <= now {
            let why = format!(
                "it expired at {}, and nodes refuse whatever comes with it",
                root.signed.signed.expires
            );
            let help = "run `suture channel rotate --renew` with the keys of root, and then `suture channel publish`";
            return Err(ChannelError::input("the root metadata", why, help));
        }
        Ok(Self { place, scope, signers, now, settings, published, root, root_is_new })
    }

    fn plan(self) -> Result<Plan, ChannelError> {
        let policy = kept::read(self.place)?;
        let files = self.files(&policy)?;
        let patches = self.patches(&files)?;
        let targets = self.targets(&files)?;
        let snapshot = {
            let listed = [
                (Role::Targets, targets.listed(targets.signed.signed.version)),
                (Role::Patches, patches.listed(patches.signed.signed.version)),
            ];
            let version = self.published.next(Role::Snapshot);
            self.sign(Role::Snapshot, metadata::snapshot(version, self.expires(Role::Snapshot)?, listed))?
        };
        let timestamp = {
            let listed = snapshot.listed(snapshot.signed.signed.version);
            let version = self.published.next(Role::Timestamp);
            self.sign(Role::Timestamp, metadata::timestamp(version, self.expires(Role::Timestamp)?, listed))?
        };
        let mut writes = self.target_writes(&files, &policy, &[&targets, &patches]);
        let mut put = |name: String, bytes: &[u8]| {
            let path = self.place.metadata().join(name);
            writes.push(Write { path, content: Content::Bytes(bytes.to_vec()) });
        };
        for (role, document) in [(Role::Patches, &patches), (Role::Targets, &targets)] {
            put(format!("{}.{role}.json", document.signed.signed.version), &document.bytes);
        }
        put(format!("{}.snapshot.json", snapshot.signed.signed.version), &snapshot.bytes);
        let mut last = vec![(TIMESTAMP.to_owned(), &timestamp.bytes)];
        if self.root_is_new {
            let old = self.published.root.as_ref().map(|root| &root.signed.signed);
            let both = old.is_some_and(|old| {
                old.verify_role(&timestamp.signed).is_ok()
                    && old.verify_role(&snapshot.signed).is_ok()
                    && old.verify_role(&targets.signed).is_ok()
            });
            let root = (format!("{}.root.json", self.root.signed.signed.version), &self.root.bytes);
            last.insert(usize::from(both), root);
        }
        for (name, bytes) in last {
            put(name, bytes);
        }
        let lists = [&targets, &patches].into_iter().flat_map(|list| &list.signed.signed.targets);
        let signed: BTreeMap<String, String> =
            lists.map(|(name, target)| (name.raw().to_owned(), sha256(target))).collect();
        let (added, removed) = self.difference(&signed);
        let roles = BTreeMap::from([
            (Role::Root, (self.root.signed.signed.version.get(), self.root.signed.signed.expires)),
            (Role::Targets, (targets.signed.signed.version.get(), targets.signed.signed.expires)),
            (Role::Snapshot, (snapshot.signed.signed.version.get(), snapshot.signed.signed.expires)),
            (Role::Timestamp, (timestamp.signed.signed.version.get(), timestamp.signed.signed.expires)),
            (Role::Patches, (patches.signed.signed.version.get(), patches.signed.signed.expires)),
        ]);
        Ok(Plan { writes, publication: Publication { roles, added, removed, left: Vec::new() }, signed })
    }

    /// The content, as metadata will list it.
    fn files(&self, policy: &Files) -> Result<BTreeMap<String, (Kind, Target)>, ChannelError> {
        let mut files = BTreeMap::new();
        if self.scope == Scope::Refresh {
            return Ok(files);
        }
        let directory = self.place.content();
        for entry in fs::read_dir(&directory).map_err(ChannelError::at(&directory))? {
            let path = entry.map_err(ChannelError::at(&directory))?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            // What a killed `add` has left.
            if name.starts_with(place::UNFINISHED) {
                continue;
            }
            let kind = Kind::parse(&name).map_err(|why| {
                ChannelError::input(
                    format!("`{}`", path.display()),
                    why,
                    "only `suture channel add` puts files there",
                )
            })?;
            let content = place::read(&path, FILE_LEN_MAX)?.unwrap_or_default();
            let mut target = metadata::target(&content);
            if matches!(kind, Kind::Sealed(_)) {
                target
                    .custom
                    .insert("size_class".to_owned(), embargo::class_of_sealed(content.len() as u64).into());
            }
            if matches!(kind, Kind::Policy(_)) {
                return Err(policy::unusable(&path, "nobody knows whether all of it is there"));
            }
            files.insert(name, (kind, target));
            if files.len() > FILES_MAX {
                let why = format!("there are more than {FILES_MAX} files in it");
                return Err(ChannelError::input(
                    format!("`{}`", directory.display()),
                    why,
                    "take old bundles out",
                ));
            }
        }
        self.check_policy(policy)?;
        files.extend(policy::listed(policy).map(|(name, target)| {
            let kind = Kind::Policy(name.to_owned());
            (kind.target(), (kind, target))
        }));
        Ok(files)
    }

    /// A trust policy that nodes could not use is not published, and one that they have is not taken from them.
    fn check_policy(&self, files: &Files) -> Result<(), ChannelError> {
        let current = self.published.current.as_ref();
        let is_public = current.is_some_and(|current| !current.targets.signed.signed.targets.is_empty());
        if files.is_empty() && !is_public {
            return Ok(());
        }
        policy::check(files).map_err(|why| policy::unusable(&kept::file(self.place), why))
    }

    fn patches(&self, files: &BTreeMap<String, (Kind, Target)>) -> Result<Document<Targets>, ChannelError> {
        let keys = &self.settings.patches;
        let old = self.published.current.as_ref().map(|current| &current.patches);
        let delegated = self.published.current.as_ref().and_then(delegated_keys);
        let files = of_role(files, Role::Patches)?;
        let same = |old: &Targets| old.targets == files && delegated.as_ref() == Some(keys);
        if let Some(old) = self.reusable(Role::Patches, keys, old, same)? {
            return Ok(old);
        }
        let version = self.published.next(Role::Patches);
        let patches = metadata::targets(version, self.expires(Role::Patches)?, files, None);
        metadata::sign(Role::Patches, patches, keys, None, self.signers)
    }

    fn targets(&self, files: &BTreeMap<String, (Kind, Target)>) -> Result<Document<Targets>, ChannelError> {
        let keys = keys_of(&self.root.signed.signed, Role::Targets)?;
        let delegations = metadata::delegations(&self.settings.patches)?;
        let old = self.published.current.as_ref().map(|current| &current.targets);
        let files = of_role(files, Role::Targets)?;
        let signed = |old: &Document<Targets>| self.root.signed.signed.verify_role(&old.signed).is_ok();
        let can_sign = keys.missing(self.signers).0 == 0;
        let same = |old: &Targets| {
            // What programs before this one have signed stays as long as the key is not here.
            let as_good = old.targets == files && identity::named(&old._extra).is_some();
            let as_was = !can_sign && digests(&old.targets) == digests(&files);
            (as_good || as_was) && old.delegations.as_ref() == Some(&delegations)
        };
        if let Some(old) = self.reusable(Role::Targets, &keys, old.filter(|old| signed(old)), same)? {
            return Ok(old);
        }
        let version = self.published.next(Role::Targets);
        let mut targets = metadata::targets(version, self.expires(Role::Targets)?, files, Some(delegations));
        identity::name(&mut targets._extra, &identity::of_place(self.place, &self.root.signed.signed)?);
        self.sign(Role::Targets, targets)
    }

    /// What is published already, if it can stay: it says the same, and has half its lifetime left or can't be
    /// signed anew now.
    fn reusable(
        &self,
        role: Role,
        keys: &Keys,
        old: Option<&Document<Targets>>,
        same: impl Fn(&Targets) -> bool,
    ) -> Result<Option<Document<Targets>>, ChannelError> {
        let alive = |old: &&Document<Targets>| old.signed.signed.expires > self.now;
        if self.scope == Scope::Refresh {
            return old.filter(alive).cloned().map(Some).ok_or_else(|| {
                let why = "it is not published, has expired, or its keys have changed";
                let help = format!("run `suture channel publish` with the keys of the {role} role");
                ChannelError::input(format!("the {role} metadata"), why, help)
            });
        }
        let Some(old) = old.filter(alive).filter(|old| same(&old.signed.signed)) else { return Ok(None) };
        let half = self.now + self.settings.expires.of(role).half();
        let stays = old.signed.signed.expires > half || keys.missing(self.signers).0 > 0;
        Ok(stays.then(|| old.clone()))
    }

    /// Signs for a role of root, by its old keys too if root is new and they are there.
    fn sign<T: tough::schema::Role>(&self, role: Role, signed: T) -> Result<Document<T>, ChannelError> {
        let keys = keys_of(&self.root.signed.signed, role)?;
        let old = self.published.root.as_ref().filter(|_| self.root_is_new);
        let old = old.map(|old| keys_of(&old.signed.signed, role)).transpose()?;
        metadata::sign(role, signed, &keys, old.as_ref(), self.signers)
    }

    fn expires(&self, role: Role) -> Result<Time, ChannelError> {
        self.settings.expires.of(role).after(self.now)
    }

    /// Copies of the files that are listed and not public yet. A file's name is its digest, so one that is there is right.
    fn target_writes(
        &self,
        files: &BTreeMap<String, (Kind, Target)>,
        policy: &Files,
        lists: &[&Document<Targets>],
    ) -> Vec<Write> {
        let listed = lists.iter().flat_map(|list| &list.signed.signed.targets);
        let listed =
            listed.filter_map(|(name, target)| Some((name.raw(), files.get(name.raw())?, sha256(target))));
        let writes = listed.map(|(name, (kind, _), sha256)| {
            let path = self.place.targets().join(format!("{sha256}.{name}"));
            let content = match kind {
                Kind::Policy(file) => Content::Bytes(policy.get(file).cloned().unwrap_or_default()),
                _ => Content::File { from: self.place.content().join(name), sha256 },
            };
            Write { path, content }
        });
        let mut writes: Vec<Write> = writes.filter(|write| !write.path.exists()).collect();
        writes.sort_by(|a, b| a.path.cmp(&b.path));
        writes
    }

    fn difference(&self, new: &BTreeMap<String, String>) -> (Vec<String>, Vec<String>) {
        let old = self.published.files();
        let added = new.iter().filter(|(name, digest)| old.get(*name) != Some(digest));
        let removed = old.keys().filter(|name| !new.contains_key(*name));
        (added.map(|(name, _)| name.clone()).collect(), removed.cloned().collect())
    }
}

/// What is listed, whatever is said of it beside.
fn digests(targets: &HashMap<TargetName, Target>) -> BTreeMap<&str, String> {
    targets.iter().map(|(name, target)| (name.raw(), sha256(target))).collect()
}

/// A root goes out only with all its signatures: its own threshold's and that of the root before it.
fn check_root(root: &Document<Root>, old: Option<&Document<Root>>) -> Result<(), ChannelError> {
    let mut sets = vec![keys_of(&root.signed.signed, Role::Root)?];
    sets.extend(old.map(|old| keys_of(&old.signed.signed, Role::Root)).transpose()?);
    let state = rotate::state(&root.signed, &sets);
    if let Some((missing, candidates)) = state.missing.into_iter().find(|(missing, _)| *missing > 0) {
        return Err(Refusal::KeysMissing { role: Role::Root, missing, candidates }.into());
    }
    let by = old.into_iter().map(|old| &old.signed.signed).chain([&root.signed.signed]);
    for signed_by in by {
        signed_by.verify_role(&root.signed).map_err(Refusal::other)?;
    }
    Ok(())
}

fn delegated_keys(current: &Current) -> Option<Keys> {
    let delegations = current.targets.signed.signed.delegations.as_ref()?;
    let role = delegations.roles.iter().find(|role| role.name == Role::Patches.name())?;
    let key = |id| delegations.keys.get(id).and_then(crate::PublicKey::of_tuf);
    let keys = role.keyids.iter().map(key).collect::<Option<_>>()?;
    Some(Keys { keys, threshold: role.threshold.get() })
}

fn of_role(
    files: &BTreeMap<String, (Kind, Target)>,
    role: Role,
) -> Result<HashMap<TargetName, Target>, ChannelError> {
    let own = files.iter().filter(|(_, (kind, _))| kind.role() == role);
    let named = own.map(|(name, (_, target))| {
        let name = TargetName::new(name.as_str()).map_err(|error| ChannelError::input(name, error, ""))?;
        Ok((name, target.clone()))
    });
    named.collect()
}
