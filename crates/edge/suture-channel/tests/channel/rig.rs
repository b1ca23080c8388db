//! A channel with all its keys, and a client of it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use ed25519_dalek::{Signer as _, SigningKey};
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use suture_channel::limits::Limits;
use suture_channel::{
    ChannelError, Delivery, Fetch, Founding, Identities, Keys, Lifetimes, Place, PublicKey, Publication,
    Refusal, Role, RoleSigner, Scope, add_bundle, add_policy, fetch, init, publish,
};
use tempfile::TempDir;
use url::Url;

use crate::server::Server;

/// A key that is made from one byte.
#[derive(Clone)]
pub(crate) struct Key(pub(crate) SigningKey);

/// A channel, its keys, and the time.
pub(crate) struct Rig {
    pub(crate) room: TempDir,
    pub(crate) place: Place,
    pub(crate) keys: BTreeMap<Role, Vec<Key>>,
    pub(crate) now: Timestamp,
}

/// Someone who fetches from it, with a memory.
pub(crate) struct Client {
    room: TempDir,
    root: Vec<u8>,
    pub(crate) identities: Identities,
    pub(crate) limits: Limits,
}

pub(crate) const BUNDLE: &[u8] = b"the fix of parseHeader";
/// A trust root with somebody in it.
pub(crate) const ROOT: &str = "\
schema = 1

[[principal]]
name = \"ann\"
team = \"core\"
roles = [\"author\"]

[[principal.key]]
public = \"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIG1EccKn6gcLBOnT7xMCdx0jeAZa6Fq+iBsYENi7zJX9\"
valid_from = 2020-01-01T00:00:00Z
valid_until = 2120-01-01T00:00:00Z
";
/// Rules that a node can use, and others.
pub(crate) const RULES: &str =
    "@id(\"all\")\n@says(\"Everything may run.\")\npermit (principal, action, resource);\n";
pub(crate) const OTHER_RULES: &str =
    "@id(\"some\")\n@says(\"Nodes may.\")\npermit (principal is Node, action, resource);\n";
/// What somebody has said whom nobody knows.
pub(crate) const STATEMENTS: &[u8] =
    b"{\"payloadType\":\"text/plain\",\"payload\":\"\",\"signatures\":[{\"keyid\":\"\",\"sig\":\"\"}]}\n";

impl Key {
    pub(crate) fn new(byte: u8) -> Self {
        Self(SigningKey::from_bytes(&[byte; 32]))
    }
}

impl RoleSigner for Key {
    fn public(&self) -> PublicKey {
        PublicKey::from_bytes(self.0.verifying_key().to_bytes())
    }

    fn sign(&self, message: &[u8]) -> Result<[u8; 64], String> {
        Ok(self.0.sign(message).to_bytes())
    }
}

impl Rig {
    /// A channel with a policy and a bundle, published once. Root: two of three.
    pub(crate) fn new() -> Self {
        Self::with(Lifetimes::default())
    }

    pub(crate) fn with(lifetimes: Lifetimes) -> Self {
        Self::at(lifetimes, "2026-01-01T00:00:00Z".parse().unwrap())
    }

    pub(crate) fn at(lifetimes: Lifetimes, now: Timestamp) -> Self {
        let room = tempfile::tempdir().unwrap();
        let key = |byte: u8| vec![Key::new(byte)];
        let keys = BTreeMap::from([
            (Role::Root, [1, 2, 3].map(Key::new).to_vec()),
            (Role::Targets, key(10)),
            (Role::Patches, key(20)),
            (Role::Snapshot, key(30)),
            (Role::Timestamp, key(40)),
        ]);
        let rig = Self { place: Place::new(&room.path().join("channel")), room, keys, now };
        let public = rig
            .keys
            .iter()
            .map(|(role, keys)| (*role, public(*role, keys, if *role == Role::Root { 2 } else { 1 })));
        let founding = Founding { lifetimes, keys: public.collect() };
        let state = init(&rig.place, &founding, &rig.signers(&Role::ALL), rig.now).unwrap();
        assert!(state.is_complete());
        add_policy(&rig.place, &rig.policy(RULES)).unwrap();
        add_bundle(&rig.place, "demo.bundle", BUNDLE, Some(STATEMENTS), None).unwrap();
        rig.publish();
        rig
    }

    /// A directory with a trust policy.
    pub(crate) fn policy(&self, rules: &str) -> PathBuf {
        let directory = self.room.path().join("policy");
        std::fs::create_dir_all(directory.join("policy")).unwrap();
        std::fs::write(directory.join("root.toml"), ROOT).unwrap();
        std::fs::write(directory.join("policy/1-rules.cedar"), rules).unwrap();
        directory
    }

    /// The keys of these roles.
    pub(crate) fn signers(&self, roles: &[Role]) -> Vec<&dyn RoleSigner> {
        roles.iter().flat_map(|role| &self.keys[role]).map(|key| -> &dyn RoleSigner { key }).collect()
    }

    pub(crate) fn publish(&self) -> Publication {
        publish(&self.place, Scope::Content, &self.signers(&Role::ALL), self.now).unwrap()
    }

    pub(crate) fn wait(&mut self, hours: i64) {
        self.now += SignedDuration::from_hours(hours);
    }

    pub(crate) fn serve(&self) -> Server {
        Server::start(self.place.public(), None)
    }

    /// A copy of what is public now, to be served later.
    pub(crate) fn copy(&self, name: &str) -> PathBuf {
        let to = self.room.path().join(name);
        copy(&self.place.public(), &to);
        to
    }

    /// A file of the metadata.
    pub(crate) fn metadata(&self, name: &str) -> PathBuf {
        self.place.public().join("metadata").join(name)
    }

    pub(crate) fn client(&self) -> Client {
        Client::new(std::fs::read(self.metadata("1.root.json")).unwrap())
    }

    /// Changes what a metadata file says, and signs it with these keys: what whoever has stolen them can do.
    pub(crate) fn forge(&self, from: &str, to: &str, keys: &[&Key], change: impl FnOnce(&mut Value)) {
        let mut document: Value =
            serde_json::from_slice(&std::fs::read(self.metadata(from)).unwrap()).unwrap();
        change(&mut document["signed"]);
        let message = canonical(&document["signed"]);
        document["signatures"] = keys
            .iter()
            .map(|key| {
                let keyid = sha256(&canonical(&serde_json::json!({
                    "keytype": "ed25519", "scheme": "ed25519",
                    "keyval": {"public": hex(&key.0.verifying_key().to_bytes())},
                })));
                serde_json::json!({"keyid": keyid, "sig": hex(&key.0.sign(&message).to_bytes())})
            })
            .collect();
        std::fs::write(self.metadata(to), serde_json::to_vec(&document).unwrap()).unwrap();
    }

    /// How snapshot and timestamp list a metadata file.
    pub(crate) fn listed(&self, name: &str, version: u64) -> Value {
        let bytes = std::fs::read(self.metadata(name)).unwrap();
        serde_json::json!({"version": version, "length": bytes.len(), "hashes": {"sha256": sha256(&bytes)}})
    }
}

impl Client {
    pub(crate) fn new(root: Vec<u8>) -> Self {
        Self {
            room: tempfile::tempdir().unwrap(),
            root,
            identities: Identities::default(),
            limits: Limits::default(),
        }
    }

    pub(crate) fn pin(&mut self, root: Vec<u8>) {
        self.root = root;
    }

    pub(crate) fn fetch(&self, url: &Url, now: Timestamp) -> Result<Delivery, ChannelError> {
        let request = Fetch {
            url,
            root: &self.root,
            datastore: &self.room.path().join("datastore"),
            out: &self.out(),
            identities: &self.identities,
            now,
            limits: self.limits,
        };
        fetch(&request)
    }

    /// Fetches what must be refused, and sees that nothing has changed.
    pub(crate) fn refusal(&self, url: &Url, now: Timestamp) -> Refusal {
        let before = tree(&self.out());
        let refusal = match self.fetch(url, now) {
            Err(ChannelError::Refused(refusal)) => refusal,
            other => panic!("{other:?}"),
        };
        assert_eq!(tree(&self.out()), before, "a refused fetch must change nothing");
        assert!(!refusal.to_string().is_empty() && !refusal.code().is_empty());
        refusal
    }

    /// What it remembers.
    pub(crate) fn seen(&self) -> Vec<u8> {
        std::fs::read(self.room.path().join("datastore/trusted.json")).unwrap()
    }

    pub(crate) fn out(&self) -> PathBuf {
        self.room.path().join("out")
    }

    pub(crate) fn read(&self, path: &str) -> Vec<u8> {
        std::fs::read(self.out().join(path)).unwrap()
    }
}

pub(crate) fn public(role: Role, keys: &[Key], threshold: u64) -> Keys {
    Keys::new(role, keys.iter().map(RoleSigner::public).collect(), threshold).unwrap()
}

pub(crate) fn file_url(directory: &Path) -> Url {
    Url::from_directory_path(directory).unwrap()
}

/// All files below a directory with their content.
pub(crate) fn tree(directory: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut files = BTreeMap::new();
    for entry in std::fs::read_dir(directory).into_iter().flatten() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(tree(&path));
        } else {
            let content = std::fs::read(&path).unwrap();
            files.insert(path, content);
        }
    }
    files
}

pub(crate) fn copy(from: &Path, to: &Path) {
    for (path, content) in tree(from) {
        let path = to.join(path.strip_prefix(from).unwrap());
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }
}

/// Canonical JSON, as far as TUF metadata needs it.
fn canonical(value: &Value) -> Vec<u8> {
    match value {
        Value::Object(map) => {
            let sorted: BTreeMap<_, _> = map.iter().collect();
            let fields = sorted
                .into_iter()
                .map(|(key, value)| [serde_json::to_vec(key).unwrap(), canonical(value)].join(&b':'));
            [b"{".to_vec(), fields.collect::<Vec<_>>().join(&b','), b"}".to_vec()].concat()
        }
        Value::Array(items) => {
            let items = items.iter().map(canonical).collect::<Vec<_>>().join(&b',');
            [b"[".to_vec(), items, b"]".to_vec()].concat()
        }
        other => serde_json::to_vec(other).unwrap(),
    }
}

pub(crate) fn sha256(bytes: &[u8]) -> String {
    use sha2::Digest as _;
    hex(&sha2::Sha256::digest(bytes))
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").unwrap();
        text
    })
}
