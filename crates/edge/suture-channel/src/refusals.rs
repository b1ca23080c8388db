//! Refusals stay. Whoever has refused a bundle blocks it until they withdraw that; a refusal must not end because somebody
//! puts the bundle in again without it, under another name, or after it was taken out.
//!
//! What a channel was told of refusals is kept by the digest of the bundle, in `refusals`, and what is public counts as well. A
//! withdrawal stands beside the refusal and does not replace it, so that nobody has to be believed about it but its signer.
//!
//! Only a refusal that somebody has signed who is believed here is remembered and asked for: one that nobody can withdraw would
//! end a bundle for ever. Believed is whom the trust root of this machine names, or the policy in the channel. A refusal of theirs
//! in a form that only others can read counts like any other. What may be one and bears no signature that fits is
//! refused before anything is remembered; what strangers say stops nothing. Where nobody is known no signature can be judged, and
//! whatever says that it is a refusal is taken for one.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::PathBuf;

use jiff::Timestamp;
use suture_trust::{
    Digest, ENVELOPES_MAX, Envelope, IN_TOTO, Kind as Says, Lines, Received, Rejected, Statement, TrustRoot,
    read_lines, read_lines_for_any, verify,
};

use crate::error::shown;
use crate::limits::FILE_LEN_MAX;
use crate::name::{Kind, STATEMENTS};
use crate::published::Published;
use crate::{ChannelError, Place, Refusal, add, place, policy, sealed};

/// Who judges refusals, and what nodes have been told.
pub(crate) struct Court<'a> {
    place: &'a Place,
    /// By whom is believed; a refusal counts by any of them.
    roots: Vec<TrustRoot>,
    /// What is public and may be a refusal, by the bundle.
    public: BTreeMap<Digest, Lines>,
}

/// A refusal by who has said it and what: the same in whatever company it travels.
type Said = (usize, String, Vec<u8>);

/// What a file of statements says against a bundle.
#[derive(Default)]
struct Judged {
    /// What counts, with the envelope that says it.
    refusals: BTreeMap<Said, Envelope>,
    /// What may be a refusal and bears no signature that fits: lines, and what is wrong with them.
    doubts: BTreeSet<(usize, String)>,
}

/// A line that was forgotten since no key has signed it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dropped {
    /// SHA-256 of the line.
    pub sha256: String,
}

impl<'a> Court<'a> {
    pub(crate) fn open(place: &'a Place) -> Result<Self, ChannelError> {
        let public = Published::read(place)?.files();
        let waiting = place.read_content(&Kind::Policy(policy::ROOT.to_owned()).target())?;
        let waiting = waiting.and_then(|text| parse_root(&text));
        let known = [place.trust().cloned(), public_root(place, &public)?, waiting];
        let mut roots: Vec<TrustRoot> = Vec::new();
        for root in known.into_iter().flatten() {
            if !roots.contains(&root) {
                roots.push(root);
            }
        }
        let public = public_refusals(place, &public, &roots)?;
        Ok(Self { place, roots, public })
    }

    /// Looks that statements lack no refusal of the bundle that is known and have none that can't be judged, and remembers those
    /// that are new.
    pub(crate) fn keep(&self, name: &str, bundle: &[u8], statements: &[u8]) -> Result<(), ChannelError> {
        let digest = Digest::of(bundle);
        let offered = self.judge(digest, &lines(name, statements, &self.roots)?);
        let remembered = self.judge(digest, &self.remembered(digest)?);
        let public = self.public.get(&digest).map(|public| self.judge(digest, public)).unwrap_or_default();
        let mut known = remembered.refusals.iter().chain(&public.refusals);
        if let Some((_, dropped)) = known.find(|(said, _)| !offered.refusals.contains_key(*said)) {
            return Err(Refusal::RefusalDropped { name: name.to_owned(), reason: reason(dropped) }.into());
        }
        if !remembered.doubts.is_empty() {
            let file = format!("{digest}{STATEMENTS}");
            let lines = remembered.told();
            return Err(Refusal::DoubtfulMemory { name: name.to_owned(), file, lines }.into());
        }
        if !offered.doubts.is_empty() {
            return Err(Refusal::Doubtful { name: name.to_owned(), lines: offered.told() }.into());
        }
        self.add(digest, &offered)
    }

    /// Remembers the refusals of a bundle that are in statements.
    pub(crate) fn remember(&self, name: &str, bundle: &[u8], statements: &[u8]) -> Result<(), ChannelError> {
        let digest = Digest::of(bundle);
        self.add(digest, &self.judge(digest, &lines(name, statements, &self.roots)?))
    }

    fn add(&self, bundle: Digest, judged: &Judged) -> Result<(), ChannelError> {
        let remembered = self.remembered(bundle)?;
        let known = self.judge(bundle, &remembered);
        let new: Vec<&Envelope> = judged
            .refusals
            .iter()
            .filter(|(said, _)| !known.refusals.contains_key(*said))
            .map(|(_, line)| line)
            .collect();
        if new.is_empty() {
            return Ok(());
        }
        let old = remembered.envelopes.iter().map(|(_, envelope)| envelope);
        self.write(bundle, &old.chain(new).collect::<Vec<_>>())
    }

    fn write(&self, bundle: Digest, refusals: &[&Envelope]) -> Result<(), ChannelError> {
        let mut lines: Vec<String> = Vec::new();
        for line in refusals.iter().map(|refusal| format!("{}\n", refusal.to_json())) {
            if !lines.contains(&line) {
                lines.push(line);
            }
        }
        let path = self.file(bundle);
        if lines.len() > ENVELOPES_MAX {
            let why = format!("there are more than {ENVELOPES_MAX} refusals of one bundle");
            return Err(ChannelError::input(
                format!("`{}`", path.display()),
                why,
                "let some of them be withdrawn",
            ));
        }
        let directory = self.place.refusals();
        // What is under embargo may be among them.
        let made = DirBuilder::new().recursive(true).mode(0o700).create(&directory);
        made.map_err(ChannelError::at(&directory))?;
        place::replace(&path, lines.concat().as_bytes())
    }

    fn remembered(&self, bundle: Digest) -> Result<Lines, ChannelError> {
        let path = self.file(bundle);
        let Some(text) = place::read(&path, FILE_LEN_MAX)? else { return Ok(Lines::default()) };
        read_lines(&text).map_err(|why| {
            ChannelError::input(format!("`{}`", path.display()), why, "restore it from a copy")
        })
    }

    fn file(&self, bundle: Digest) -> PathBuf {
        self.place.refusals().join(format!("{bundle}{STATEMENTS}"))
    }

    fn judge(&self, bundle: Digest, lines: &Lines) -> Judged {
        let mut judged = Judged::default();
        let unread = lines
            .unread
            .iter()
            .map(|unread| (unread.line, format!("it is no DSSE envelope: {}", unread.why)));
        judged.doubts.extend(unread);
        if self.roots.is_empty() {
            judged.take_all(bundle, lines);
        }
        let mut doubtful = Vec::new();
        for (number, root) in self.roots.iter().enumerate() {
            doubtful.extend(judged.take(number, root, bundle, lines));
        }
        let counts = |index: usize| {
            lines
                .envelopes
                .get(index)
                .is_some_and(|(_, line)| judged.refusals.values().any(|known| known == line))
        };
        doubtful.retain(|(index, _)| !counts(*index));
        let line = |index: usize| lines.envelopes.get(index).map_or(0, |(line, _)| *line);
        judged.doubts.extend(doubtful.into_iter().map(|(index, why)| (line(index), why)));
        judged
    }
}

impl Judged {
    /// What counts by one trust root; what is in doubt by it comes back, by the place of the envelope.
    fn take(
        &mut self,
        number: usize,
        root: &TrustRoot,
        bundle: Digest,
        lines: &Lines,
    ) -> Vec<(usize, String)> {
        let received: Vec<Received<'_>> =
            lines.envelopes.iter().map(|(_, envelope)| Received { envelope, known_since: None }).collect();
        // What a clock shows is no reason for or against a refusal.
        let verified = verify(root, bundle, &received, Timestamp::UNIX_EPOCH);
        let mut add = |index: usize, principal: &str| {
            if let Some((_, envelope)) = lines.envelopes.get(index) {
                let said = (number, principal.to_owned(), envelope.payload.clone());
                self.refusals.entry(said).or_insert_with(|| envelope.clone());
            }
        };
        verified.of(Says::Refused).for_each(|refusal| add(refusal.index, &refusal.principal));
        let mut doubtful = Vec::new();
        for rejected in verified.doubtful() {
            match &rejected.principal {
                // Somebody has signed it who may refuse, and what they say only others can read.
                Some(principal) => add(rejected.index, principal),
                None => doubtful.push((rejected.index, told(rejected, root))),
            }
        }
        doubtful
    }

    /// Every refusal, with each of its signatures.
    fn take_all(&mut self, bundle: Digest, lines: &Lines) {
        for (_, envelope) in lines.envelopes.iter().filter(|(_, envelope)| refuses(envelope, bundle)) {
            for signature in &envelope.signatures {
                let said = [&envelope.payload[..], &signature.signature].concat();
                self.refusals.insert((0, signature.key.to_string(), said), envelope.clone());
            }
        }
    }

    fn told(&self) -> String {
        let lines = self.doubts.iter().map(|(line, why)| format!("line {line}: {}", shown(why)));
        lines.collect::<Vec<_>>().join("\n")
    }
}

/// What is wrong with a line, and whose it may be.
fn told(rejected: &Rejected, root: &TrustRoot) -> String {
    let owner = rejected.key.as_ref().and_then(|key| root.key(key));
    let owner = owner.map(|(owner, _)| format!("; it names a key of {}", owner.name));
    format!("{}{}", rejected.reason, owner.unwrap_or_default())
}

/// The same for everything that is about to be published, whoever has put it there.
pub(crate) fn keep_all(place: &Place) -> Result<(), ChannelError> {
    let court = Court::open(place)?;
    for target in add::content_names(place)? {
        let Ok(Kind::Bundle(name)) = Kind::parse(&target) else { continue };
        if name.ends_with(STATEMENTS) {
            continue;
        }
        let path = place.content().join(&target);
        let bundle = place::read(&path, FILE_LEN_MAX)?.unwrap_or_default();
        let statements = place::read(&place.content().join(format!("{target}{STATEMENTS}")), FILE_LEN_MAX)?;
        court.keep(&name, &bundle, &statements.unwrap_or_default())?;
    }
    for (entry, record) in sealed::records(place)?.into_iter().filter(|(entry, _)| entry.in_content) {
        // What is not what it was is refused by whoever is asked whether it may be published.
        if let Ok((bundle, statements)) = record.read(place, &entry.opaque) {
            court.keep(&record.name, &bundle, &statements.unwrap_or_default())?;
        }
    }
    Ok(())
}

/// Forgets what was remembered about a bundle and bears no signature of a key that is known: nothing that counts.
///
/// # Errors
/// Nobody is known here who could have signed anything, or the directory can't be read or written.
pub fn drop_doubtful(place: &Place, bundle: &[u8]) -> Result<Vec<Dropped>, ChannelError> {
    let _lock = place.lock()?;
    let court = Court::open(place)?;
    let digest = Digest::of(bundle);
    if court.roots.is_empty() {
        let why = "nobody is known here, so that no signature can be judged";
        return Err(ChannelError::input(
            "what was remembered of refusals",
            why,
            "give a trust directory with --trust",
        ));
    }
    let lines = court.remembered(digest)?;
    let doubts = court.judge(digest, &lines).doubts;
    if doubts.is_empty() {
        return Ok(Vec::new());
    }
    let path = court.file(digest);
    let text = place::read(&path, FILE_LEN_MAX)?.unwrap_or_default();
    let is_doubtful = |number: usize| doubts.iter().any(|(line, _)| *line == number + 1);
    let dropped = text.split(|byte| *byte == b'\n').enumerate().filter(|(number, _)| is_doubtful(*number));
    let dropped = dropped.map(|(_, line)| Dropped { sha256: sealed::sha256(line) }).collect();
    let kept = lines.envelopes.iter().filter(|(line, _)| !is_doubtful(line - 1));
    court.write(digest, &kept.map(|(_, envelope)| envelope).collect::<Vec<_>>())?;
    Ok(dropped)
}

/// The trust root of the policy that is public, if it can be read: what nodes go by.
pub(crate) fn public_root(
    place: &Place,
    public: &BTreeMap<String, String>,
) -> Result<Option<TrustRoot>, ChannelError> {
    let name = Kind::Policy(policy::ROOT.to_owned()).target();
    let Some(digest) = public.get(&name) else { return Ok(None) };
    Ok(parse_root(&public_file(place, &name, digest)?))
}

fn parse_root(text: &[u8]) -> Option<TrustRoot> {
    TrustRoot::parse(std::str::from_utf8(text).ok()?).ok()
}

/// What nodes have been told that may be a refusal. What can't be read of a bundle's statements is about that bundle.
fn public_refusals(
    place: &Place,
    public: &BTreeMap<String, String>,
    roots: &[TrustRoot],
) -> Result<BTreeMap<Digest, Lines>, ChannelError> {
    let mut found: BTreeMap<Digest, Lines> = BTreeMap::new();
    for (name, digest) in public.iter().filter(|(name, _)| name.ends_with(STATEMENTS)) {
        let own = name
            .strip_suffix(STATEMENTS)
            .and_then(|bundle| public.get(bundle))
            .and_then(|digest| digest.parse().ok());
        let lines = lines(name, &public_file(place, name, digest)?, roots)?;
        for (line, envelope) in lines.envelopes {
            let statement = Statement::parse(&envelope.payload);
            let about: Vec<Digest> = match statement {
                Ok(statement) if statement.kind() != Says::Refused => continue,
                Ok(statement) => statement.subjects.iter().map(|subject| subject.digest).collect(),
                Err(_) => own.into_iter().collect(),
            };
            for bundle in about {
                found.entry(bundle).or_default().envelopes.push((line, envelope.clone()));
            }
        }
    }
    Ok(found)
}

/// A file that is public, as it was published.
fn public_file(place: &Place, name: &str, digest: &str) -> Result<Vec<u8>, ChannelError> {
    let path = place.targets().join(format!("{digest}.{name}"));
    // One that was lost is written again from what the channel contains.
    for content in [place::read(&path, FILE_LEN_MAX)?, place.read_content(name)?] {
        if let Some(content) = content.filter(|content| sealed::sha256(content) == digest) {
            return Ok(content);
        }
    }
    let why = "it is not what was published";
    Err(ChannelError::input(format!("`{}`", path.display()), why, "restore it from a copy"))
}

fn lines(name: &str, statements: &[u8], roots: &[TrustRoot]) -> Result<Lines, ChannelError> {
    read_lines_for_any(statements, roots)
        .map_err(|why| ChannelError::input(format!("the statements about `{name}`"), why, ""))
}

fn refuses(envelope: &Envelope, bundle: Digest) -> bool {
    let statement = (envelope.payload_type == IN_TOTO).then(|| Statement::parse(&envelope.payload));
    statement
        .and_then(Result::ok)
        .is_some_and(|statement| statement.kind() == Says::Refused && statement.is_about(bundle))
}

fn reason(refusal: &Envelope) -> String {
    let statement = Statement::parse(&refusal.payload);
    let unread = |error| format!("in a form that is not known here: {error}");
    statement.map_or_else(unread, |statement| shown(statement.predicate.words()))
}
