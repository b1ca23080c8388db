//! People with keys, what they sign, patches, and the question about them.

use std::collections::BTreeMap;

use ed25519_dalek::{Signer as _, SigningKey};
use jiff::Timestamp;
use suture_bundle::{Facts, MemberName, delta_name};
use suture_clearance::{Authority, AuthorityFiles, Clearance, Patch, Use, clear};
use suture_delta::report::{CriticalPath, Readers, Report, Way};
use suture_delta::{Delta, format};
use suture_dossier::{Draft, Origin, draft};
use suture_policy::{CaseFacts, Source, State};
use suture_trust::{
    Acceptance, Emergency, Envelope, IN_TOTO, Kind, Lines, Predicate, PublicKey, Refusal, Role, Said,
    SignError, Signer, Statement, Subject, Withdrawal,
};

use crate::sample;

/// Name, team and roles; the place is the number of the key.
const PEOPLE: [(&str, &str, &str); 5] = [
    ("ann", "core", r#"["author"]"#),
    ("rob", "security", r#"["reviewer"]"#),
    ("ray", "storage", r#"["reviewer"]"#),
    ("bot", "build", r#"["rehearser"]"#),
    ("cora", "ops", r#"["commander"]"#),
];

/// When everything is signed that has no time of its own.
pub(crate) const SIGNED: &str = "2030-06-01T00:00:00Z";

pub(crate) fn time(text: &str) -> Timestamp {
    text.parse().unwrap()
}

struct Key(SigningKey, PublicKey);

impl Key {
    fn of(name: &str) -> Self {
        let number = PEOPLE.iter().position(|(known, ..)| *known == name).unwrap();
        Self::numbered(u8::try_from(number + 1).unwrap(), name)
    }

    fn numbered(number: u8, name: &str) -> Self {
        let secret = SigningKey::from_bytes(&[number; 32]);
        let public = PublicKey::from_bytes(secret.verifying_key().as_bytes(), name).unwrap();
        Self(secret, public)
    }
}

impl Signer for Key {
    fn public_key(&self) -> &PublicKey {
        &self.1
    }

    fn sign(&self, message: &[u8]) -> Result<[u8; 64], SignError> {
        Ok(self.0.sign(message).to_bytes())
    }
}

pub(crate) fn root() -> String {
    let principal = |(name, team, roles): &(&str, &str, &str)| {
        format!(
            "[[principal]]\nname = \"{name}\"\nteam = \"{team}\"\nroles = {roles}\n[[principal.key]]\npublic = \"{}\"\n\
             valid_from = 2030-01-01T00:00:00Z\nvalid_until = 2031-01-01T00:00:00Z\n",
            Key::of(name).1
        )
    };
    format!("schema = 1\n{}", PEOPLE.iter().map(principal).collect::<String>())
}

/// The authority with these rules; with none, the default pack.
pub(crate) fn authority(rules: &[Source<'_>]) -> Authority {
    Authority::read(&AuthorityFiles { root: &root(), rules, node: None, host: "here" }).unwrap()
}

/// A call path from `parse`, which the sample replaces, to what somebody has marked.
pub(crate) fn path(mark: &str, path: &[&str], marked: &str) -> CriticalPath {
    CriticalPath {
        function: "parse".to_owned(),
        marked: marked.to_owned(),
        mark: mark.to_owned(),
        pattern: marked.to_owned(),
        path: path.iter().map(ToString::to_string).collect(),
        reads: None,
        inlined: false,
    }
}

/// A delta that touches this, as a file.
pub(crate) fn delta(critical: &[CriticalPath]) -> Vec<u8> {
    marked_delta(critical, &["consensus", "protocol"])
}

/// The file of a delta whose report was changed.
pub(crate) fn with_report(mut delta: Delta) -> Vec<u8> {
    delta.meta.schema = delta.meta.report.schema();
    format::write(&delta).unwrap()
}

/// The same, made when these groups were marked.
pub(crate) fn marked_delta(critical: &[CriticalPath], groups: &[&str]) -> Vec<u8> {
    let mut delta = sample::delta("server", "0123456789abcdef", &[0x90; 16]);
    delta.meta.report.critical = critical.to_vec();
    delta.meta.report.marked = groups.iter().map(ToString::to_string).collect();
    look_at_all(&mut delta.meta.report);
    with_report(delta)
}

/// Everything was followed to the marks: `parse` alone refers to the object that the sample overwrites.
pub(crate) fn look_at_all(report: &mut Report) {
    report.followed = vec![Way::Calls, Way::New, Way::Data, Way::Inlined];
    let (object, functions) = ("limits".to_owned(), vec!["parse".to_owned()]);
    report.readers = vec![Readers { object, functions, complete: true }];
}

/// A bundle of two deltas, of which the first touches this, declared to be of this class.
pub(crate) fn bundle(class: &str, critical: &[CriticalPath]) -> Vec<u8> {
    bundle_of(class, delta(critical))
}

/// The same with this delta as the first.
pub(crate) fn bundle_of(class: &str, content: Vec<u8>) -> Vec<u8> {
    let files = files(content);
    let dossier = dossier(class, &files);
    packed(files, &dossier)
}

/// The same with this dossier, whatever it says.
pub(crate) fn bundle_with(dossier: &str, content: Vec<u8>) -> Vec<u8> {
    packed(files(content), dossier)
}

type Files = BTreeMap<MemberName, Vec<u8>>;

fn files(content: Vec<u8>) -> Files {
    let read = format::read(&content).unwrap();
    let mut files: Files = sample::files().into_iter().collect();
    let deltas = files.extract_if(.., |name, _| name.as_str().starts_with("deltas/")).collect::<Vec<_>>();
    for (_, other) in deltas.into_iter().filter(|(name, _)| !name.as_str().starts_with("deltas/server-")) {
        let mut other = format::read(&other).unwrap();
        other.meta.report.marked = vec!["consensus".to_owned()];
        look_at_all(&mut other.meta.report);
        let content = with_report(other.clone());
        files.insert(delta_name(&other, &format::id(&content)).unwrap(), content);
    }
    files.insert(delta_name(&read, &format::id(&content)).unwrap(), content);
    files
}

fn packed(mut files: Files, dossier: &str) -> Vec<u8> {
    files.insert(sample::name("dossier.toml"), dossier.as_bytes().to_vec());
    sample::write(&files.into_iter().collect::<Vec<_>>())
}

/// A dossier of the deltas among `files` in which everything is answered.
fn dossier(class: &str, files: &Files) -> String {
    let deltas = files.iter().filter(|(name, _)| name.as_str().starts_with("deltas/"));
    let facts = deltas
        .map(|(_, content)| Facts::of(&format::read(content).unwrap(), &format::id(content), content.len()));
    let facts: Vec<Facts> = facts.collect();
    let origin = || Origin {
        source_sha256: "11".repeat(32),
        patch_sha256: "22".repeat(32),
        old_sha256: "33".repeat(32),
        new_sha256: "44".repeat(32),
        command: "make".to_owned(),
        artifact: "server".to_owned(),
        tools: vec!["cc: gcc 12.2.0".to_owned()],
        ..Origin::default()
    };
    let deltas = facts.iter().map(|facts| (facts, Some(origin()))).collect();
    let drafted = draft(&Draft { deltas, ..Draft::default() });
    let lines = drafted.lines().map(|line| match line.split_once(" = ") {
        Some(("consensus_class", _)) => format!("consensus_class = \"{class}\""),
        Some((key @ ("mixed_versions" | "forensics"), _)) => format!("{key} = \"yes\""),
        Some(("builder", _)) => "builder = \"https://ci.example.org\"".to_owned(),
        Some((key, value)) if value.starts_with("\"??") => format!("{key} = \"answer to {key}\""),
        Some((key, value)) if value.starts_with("[\"??") => format!("{key} = [\"answer to {key}\"]"),
        _ => line.to_owned(),
    });
    lines.collect::<Vec<_>>().join("\n") + "\n"
}

/// `predicate` about `patch`, signed by one of the people.
pub(crate) fn sign(patch: &Patch, name: &str, predicate: Predicate) -> Envelope {
    sign_bytes(name, statement(patch, predicate).to_json())
}

/// Signs a statement in whatever words.
pub(crate) fn sign_bytes(name: &str, payload: Vec<u8>) -> Envelope {
    Envelope::sign(IN_TOTO, payload, &Key::of(name)).unwrap()
}

/// The same by somebody whom the trust root does not know.
pub(crate) fn sign_as_stranger(payload: Vec<u8>) -> Envelope {
    Envelope::sign(IN_TOTO, payload, &Key::numbered(99, "stranger")).unwrap()
}

pub(crate) fn statement(patch: &Patch, predicate: Predicate) -> Statement {
    Statement { subjects: vec![Subject { name: "fix.bundle".to_owned(), digest: patch.digest }], predicate }
}

fn said(role: Role) -> Said {
    Said { signed_on: time(SIGNED), role, comment: String::new() }
}

/// What the default pack asks for a patch that touches nothing critical.
pub(crate) fn everything(patch: &Patch) -> Vec<Envelope> {
    vec![
        sign(patch, "ann", Predicate::Authored(said(Role::Author))),
        rehearsed(patch),
        sign(patch, "rob", reviewed()),
    ]
}

fn rehearsed(patch: &Patch) -> Envelope {
    let result = serde_json::json!({
        "result": "PASSED", "configuration": [], "passedTests": ["load"], "suture_signedOn": SIGNED,
    });
    let serde_json::Value::Object(fields) = result else { unreachable!("it is written as an object") };
    sign(patch, "bot", Predicate::read(Kind::Rehearsed, fields).unwrap())
}

pub(crate) fn reviewed() -> Predicate {
    Predicate::Reviewed(said(Role::Reviewer))
}

pub(crate) fn refusal(role: Role) -> Predicate {
    Predicate::Refused(Refusal { signed_on: time(SIGNED), role, reason: "it never ends".to_owned() })
}

pub(crate) fn withdrawal(role: Role, refusal: &Statement) -> Predicate {
    let refusal = suture_trust::Digest::of(&refusal.to_json());
    Predicate::Withdrawn(Withdrawal { signed_on: time(SIGNED), role, refusal, comment: String::new() })
}

pub(crate) fn laxer() -> Predicate {
    let reason = "only a text changes".to_owned();
    Predicate::Laxer(Acceptance { signed_on: time(SIGNED), role: Role::Reviewer, reason })
}

pub(crate) fn emergency(from: &str, until: &str) -> Predicate {
    let reason = "it is being exploited".to_owned();
    Predicate::Emergency(Emergency {
        signed_on: time(from),
        role: Role::Commander,
        ends: time(until),
        reason,
    })
}

/// Asks at that time.
pub(crate) fn ask(
    authority: &Authority,
    patch: &Patch,
    said: &[Envelope],
    wanted: &Use,
    now: &str,
) -> Clearance {
    ask_about(authority, patch, said, wanted, None, now)
}

/// The same where the case is known.
pub(crate) fn ask_about(
    authority: &Authority,
    patch: &Patch,
    said: &[Envelope],
    wanted: &Use,
    case: Option<&CaseFacts>,
    now: &str,
) -> Clearance {
    clear(authority, patch, &lines(said), wanted, case, time(now)).unwrap()
}

/// The file that has these, one on each line.
pub(crate) fn lines(said: &[Envelope]) -> Lines {
    Lines { envelopes: (1..).zip(said.iter().cloned()).collect(), ..Lines::default() }
}

/// Rules whose requirement is in this state.
pub(crate) fn rules(clearance: &Clearance, state: State) -> Vec<&str> {
    let requirements = clearance.decision.requirements.iter();
    requirements
        .filter(|requirement| requirement.state == state)
        .map(|requirement| requirement.rule.as_str())
        .collect()
}
