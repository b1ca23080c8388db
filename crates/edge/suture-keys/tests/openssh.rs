//! Keys of OpenSSH's own tools are used, and they read ours: `ssh-keygen`, `ssh-agent`, `ssh-add`.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use suture_keys::{
    Agent, AgentError, FileKey, KeyFileError, NewKey, Passphrase, PassphraseError, PassphraseSource,
};
use suture_trust::{PublicKey, Signer};

const SECRET: &str = "correct horse battery";

fn output(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output().unwrap();
    assert!(output.status.success(), "{program} {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn path(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// A key that `ssh-keygen` makes.
fn keygen(directory: &Path, name: &str, kind: &str, passphrase: &str) -> PathBuf {
    let file = directory.join(name);
    output("ssh-keygen", &["-q", "-t", kind, "-N", passphrase, "-C", "alice@core", "-f", path(&file)]);
    file
}

/// The name that `ssh-keygen -lf` prints.
fn printed_name(file: &Path) -> String {
    output("ssh-keygen", &["-lf", path(file)]).split(' ').nth(1).unwrap().to_owned()
}

/// A passphrase that is given through a file.
fn passphrase(directory: &Path, secret: &str) -> Passphrase {
    let file = directory.join("passphrase");
    std::fs::write(&file, secret).unwrap();
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
    PassphraseSource::File(file).ask("a key").unwrap()
}

fn not_asked(_: u32) -> Result<Passphrase, PassphraseError> {
    panic!("the file is not encrypted")
}

fn signs(key: &dyn Signer) {
    let signature = key.sign(b"message").unwrap();
    assert!(key.public_key().verifies(b"message", &signature));
    assert!(!key.public_key().verifies(b"another", &signature));
}

#[test]
fn plain_keys_of_ssh_keygen_sign() {
    let directory = tempfile::tempdir().unwrap();
    let file = keygen(directory.path(), "key", "ed25519", "");
    let key = FileKey::read(&file, 1, &mut not_asked).unwrap();
    assert_eq!(
        (key.public_key().id().as_str(), key.public_key().comment()),
        (&*printed_name(&file), "alice@core")
    );
    signs(&key);
    assert_eq!(suture_keys::read_public(&file).unwrap().id(), key.public_key().id());
    assert_eq!(suture_keys::read_public(&directory.path().join("key.pub")).unwrap(), *key.public_key());
}

#[test]
fn encrypted_keys_of_ssh_keygen_sign() {
    let directory = tempfile::tempdir().unwrap();
    let here = directory.path();
    let file = keygen(here, "key", "ed25519", SECRET);
    let key = FileKey::read(&file, 3, &mut |attempt| {
        Ok(passphrase(here, if attempt < 3 { "a guess" } else { SECRET }))
    });
    signs(&key.unwrap());
    let wrong = FileKey::read(&file, 2, &mut |_| Ok(passphrase(here, "a guess"))).unwrap_err();
    assert!(matches!(wrong, KeyFileError::WrongPassphrase), "{wrong}");
    // Its name can be told without its passphrase.
    assert_eq!(suture_keys::read_public(&file).unwrap().id().as_str(), printed_name(&file));
}

#[test]
fn ssh_keygen_reads_our_keys() {
    let directory = tempfile::tempdir().unwrap();
    for secret in [None, Some(SECRET)] {
        let file = directory.path().join(if secret.is_some() { "encrypted" } else { "plain" });
        let key = NewKey::generate("bob@security").unwrap();
        let given = secret.map(|secret| passphrase(directory.path(), secret));
        let public = key.write(&file, given.as_ref()).unwrap();
        assert_eq!(printed_name(&file), key.public_key().id().as_str());
        assert_eq!(printed_name(&public), key.public_key().id().as_str());
        let line = output("ssh-keygen", &["-y", "-P", secret.unwrap_or(""), "-f", path(&file)]);
        let line: PublicKey = line.parse().unwrap();
        assert_eq!(line.id(), key.public_key().id());
        assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        let is_encrypted = !Command::new("ssh-keygen")
            .args(["-y", "-P", "", "-f", path(&file)])
            .output()
            .unwrap()
            .status
            .success();
        assert_eq!(is_encrypted, secret.is_some());
        let again =
            FileKey::read(&file, 1, &mut |_| Ok(passphrase(directory.path(), secret.unwrap()))).unwrap();
        assert_eq!(again.public_key(), key.public_key());
    }
}

#[test]
fn no_key_is_overwritten() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("key");
    NewKey::generate("one").unwrap().write(&file, None).unwrap();
    let before = std::fs::read(&file).unwrap();
    NewKey::generate("two").unwrap().write(&file, None).unwrap_err();
    std::fs::rename(&file, directory.path().join("moved")).unwrap();
    NewKey::generate("three").unwrap().write(&file, None).unwrap_err();
    assert!(!file.exists(), "the public half of the first is still there");
    assert_eq!(std::fs::read(directory.path().join("moved")).unwrap(), before);
}

#[test]
fn files_that_are_refused() {
    let directory = tempfile::tempdir().unwrap();
    let here = directory.path();
    let read = |file: &Path| FileKey::read(file, 1, &mut |_| Ok(passphrase(here, SECRET))).unwrap_err();
    let file = keygen(here, "open", "ed25519", "");
    for mode in [0o640, 0o604, 0o660, 0o610] {
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(mode)).unwrap();
        assert!(matches!(read(&file), KeyFileError::TooOpen(found) if found == mode));
    }
    let private = |name: &str, content: &[u8]| {
        let file = here.join(name);
        std::fs::write(&file, content).unwrap();
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
        file
    };
    for kind in ["ecdsa", "rsa"] {
        for secret in ["", SECRET] {
            let error = read(&keygen(here, &format!("{kind}{}", secret.len()), kind, secret));
            assert!(matches!(&error, KeyFileError::WrongType(name) if name.contains(kind)), "{error:?}");
        }
    }
    assert!(matches!(read(&private("text", b"hello")), KeyFileError::NotPrivate));
    let begun = b"-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----\n";
    assert!(matches!(read(&private("begun", begun)), KeyFileError::Malformed(_)));
    assert!(matches!(read(&private("long", &b"-----BEGIN".repeat(7_000))), KeyFileError::TooLong));
    assert!(matches!(read(&here.join("missing")), KeyFileError::Unreadable(_)));
    assert!(matches!(read(here), KeyFileError::Unreadable(_)));
    let slow = keygen(here, "slow", "ed25519", SECRET);
    output("ssh-keygen", &["-q", "-p", "-a", "1025", "-P", SECRET, "-N", SECRET, "-f", path(&slow)]);
    assert!(matches!(read(&slow), KeyFileError::TooManyRounds(1025)));
}

/// A key file with any bytes changed is an error or a key that signs, and no error tells what is in it.
#[test]
fn changed_files() {
    let directory = tempfile::tempdir().unwrap();
    let file = keygen(directory.path(), "key", "ed25519", "");
    let text = std::fs::read_to_string(&file).unwrap();
    let secret_line = text.lines().nth(3).unwrap();
    for at in (0..text.len()).step_by(3) {
        let mut changed = text.clone().into_bytes();
        changed[at] = changed[at].wrapping_add(1);
        std::fs::write(&file, changed).unwrap();
        match FileKey::read(&file, 1, &mut |_| Ok(passphrase(directory.path(), SECRET))) {
            Ok(key) => signs(&key),
            Err(error) => assert!(!format!("{error} {error:?}").contains(&secret_line[..12]), "{error:?}"),
        }
    }
}

#[test]
fn keys_are_not_shown() {
    let directory = tempfile::tempdir().unwrap();
    let file = keygen(directory.path(), "key", "ed25519", "");
    let key = FileKey::read(&file, 1, &mut not_asked).unwrap();
    let new = NewKey::generate("new").unwrap();
    let shown = format!("{key:?} {new:?}");
    assert!(shown.contains("alice@core") && !shown.contains("secret") && shown.len() < 400, "{shown}");
}

/// An agent of its own, which ends with the test.
struct RunningAgent {
    process: Child,
    socket: PathBuf,
}

impl RunningAgent {
    fn start(directory: &Path) -> Self {
        use std::io::BufRead as _;
        let socket = directory.join("agent");
        let mut command = Command::new("ssh-agent");
        command.args(["-D", "-a", path(&socket)]).stdout(Stdio::piped());
        let mut process = command.spawn().unwrap();
        // It prints its environment once it listens.
        let mut line = String::new();
        std::io::BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        assert!(line.contains("SSH_AUTH_SOCK"), "{line}");
        Self { process, socket }
    }

    fn add(&self, file: &Path) {
        let output =
            Command::new("ssh-add").arg("-q").arg(file).env("SSH_AUTH_SOCK", &self.socket).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
}

impl Drop for RunningAgent {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[test]
fn keys_of_an_agent_sign() {
    let directory = tempfile::tempdir().unwrap();
    let here = directory.path();
    let running = RunningAgent::start(here);
    let agent = Agent::at(&running.socket);
    assert!(matches!(agent.key("alice@core"), Err(AgentError::NoSuchKey { has, .. }) if has.is_empty()));
    let (ours, theirs) = (keygen(here, "key", "ed25519", ""), keygen(here, "ecdsa", "ecdsa", ""));
    running.add(&theirs);
    running.add(&ours);
    assert_eq!(agent.keys().unwrap().len(), 1, "keys of other types are left out");
    for asked in [printed_name(&ours), "alice@core".to_owned()] {
        let key = agent.key(&asked).unwrap();
        assert_eq!(key.public_key().id().as_str(), printed_name(&ours));
        signs(&key);
    }
    running.add(&keygen(here, "second", "ed25519", ""));
    let ambiguous = agent.key("alice@core").unwrap_err().to_string();
    assert!(ambiguous.contains(&printed_name(&ours)), "{ambiguous}");
}

#[test]
fn an_agent_that_is_gone_or_loses_the_key() {
    let directory = tempfile::tempdir().unwrap();
    let here = directory.path();
    assert!(matches!(Agent::at(&here.join("none")).keys(), Err(AgentError::Silent { .. })));
    let running = RunningAgent::start(here);
    let file = keygen(here, "key", "ed25519", "");
    running.add(&file);
    let key = Agent::at(&running.socket).key(&printed_name(&file)).unwrap();
    let removed = Command::new("ssh-add").arg("-qD").env("SSH_AUTH_SOCK", &running.socket).status().unwrap();
    assert!(removed.success());
    let error = key.sign(b"message").unwrap_err().to_string();
    assert!(error.contains("refuses") && error.contains("SHA256:"), "{error}");
}
