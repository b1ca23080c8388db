//! A directory with people's keys, a trust root and something to sign, and the binary run in it.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

/// The public keys are those of these people; their roles stand in the trust root.
const PEOPLE: [(&str, &str, &str); 4] = [
    ("alice", "core", r#"["author", "builder", "rehearser"]"#),
    ("bob", "security", r#"["reviewer"]"#),
    ("carol", "ops", r#"["approver", "commander"]"#),
    ("dave", "ops", r#"["operator"]"#),
];

/// What is signed.
pub(crate) const BUNDLE: &str = "fix.delta";

/// The place where a test works.
pub(crate) struct Office {
    directory: tempfile::TempDir,
}

impl Office {
    /// Everybody has an unencrypted key, `root.toml` is in `trust`, and there is a bundle.
    pub(crate) fn open() -> Self {
        let office = Self { directory: tempfile::tempdir().unwrap() };
        for (name, _, _) in PEOPLE {
            office.done(&[
                "key",
                "new",
                "-o",
                name,
                "--no-passphrase",
                "--comment",
                &format!("{name}@example"),
            ]);
        }
        std::fs::write(office.path(BUNDLE), "the bundle\n").unwrap();
        std::fs::create_dir(office.path("trust")).unwrap();
        office.trust("2020-01-01T00:00:00Z", "2099-01-01T00:00:00Z", "");
        office
    }

    /// Writes a trust root in which keys hold for that time, with `more` in the last table, that of dave's key.
    pub(crate) fn trust(&self, from: &str, until: &str, more: &str) {
        let principal = |(name, team, roles): &(&str, &str, &str)| {
            let public = self.public(name);
            format!(
                "[[principal]]\nname = \"{name}\"\nteam = \"{team}\"\nroles = {roles}\n\
                 [[principal.key]]\npublic = \"{public}\"\nvalid_from = {from}\nvalid_until = {until}\n"
            )
        };
        let people: String = PEOPLE.iter().map(principal).collect();
        std::fs::write(self.path("trust/root.toml"), format!("schema = 1\n{people}{more}\n")).unwrap();
    }

    pub(crate) fn here(&self) -> &Path {
        self.directory.path()
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.here().join(name)
    }

    /// The line of a public key.
    pub(crate) fn public(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(&format!("{name}.pub"))).unwrap().trim().to_owned()
    }

    /// The binary, with nothing of the environment that changes what it says.
    pub(crate) fn suture(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_suture"));
        command.args(arguments).current_dir(self.here());
        for name in ["SUTURE_LOG", "NO_COLOR", "COLUMNS", "SUTURE_PASSPHRASE_FILE", "SSH_AUTH_SOCK"] {
            command.env_remove(name);
        }
        command
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Output {
        self.suture(arguments).output().unwrap()
    }

    /// Runs what has to succeed.
    pub(crate) fn done(&self, arguments: &[&str]) {
        let output = self.run(arguments);
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    }

    /// The document and the exit code.
    pub(crate) fn json(&self, arguments: &[&str]) -> (Value, i32) {
        let output = self.run(&[arguments, &["--json"]].concat());
        let document = serde_json::from_slice(&output.stdout).unwrap();
        (document, output.status.code().unwrap())
    }

    /// What `suture statements --trust` says: code and reason of each line that does not count, and the exit code.
    pub(crate) fn rejected(&self, file: &str) -> (Vec<String>, i32) {
        let (document, exit) = self.json(&["statements", file, "--trust", "trust"]);
        let rows = document["statements"].as_array().unwrap();
        let rejected = rows.iter().filter(|row| row["counts"] == false);
        (rejected.map(|row| row["code"].as_str().unwrap().to_owned()).collect(), exit)
    }

    /// The command line and its answer as one text, with keys, times and ids of statements called by name.
    pub(crate) fn transcript(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        let part = |name: &str, bytes: &[u8]| match String::from_utf8_lossy(bytes) {
            text if text.is_empty() => String::new(),
            text => format!("--- {name}\n{}", self.named(&text)),
        };
        format!(
            "$ suture {}\n{}{}--- exit {}\n",
            arguments.join(" "),
            part("stdout", &output.stdout),
            part("stderr", &output.stderr),
            output.status.code().unwrap()
        )
    }

    fn named(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for entry in std::fs::read_dir(self.here()).unwrap().flatten() {
            let name = entry.file_name().into_string().unwrap();
            if let Some(name) = name.strip_suffix(".pub") {
                let blob = self.public(name).split(' ').nth(1).unwrap().to_owned();
                text = text
                    .replace(&self.id(name), &format!("SHA256:[{name}]"))
                    .replace(&blob, &format!("[{name}]"));
            }
        }
        let keep_shape = |line: &str| line.split(' ').map(word).collect::<Vec<_>>().join(" ");
        text.split('\n').map(keep_shape).collect::<Vec<_>>().join("\n")
    }

    /// The name of a key, as `ssh-keygen` prints it.
    pub(crate) fn id(&self, name: &str) -> String {
        let output =
            Command::new("ssh-keygen").args(["-lf"]).arg(self.path(&format!("{name}.pub"))).output().unwrap();
        let line = String::from_utf8(output.stdout).unwrap();
        line.split(' ').nth(1).unwrap().to_owned()
    }
}

/// A word of an answer, or what stands for it if it is another each time.
fn word(word: &str) -> String {
    // The digest of the bundle is always the same.
    const BUNDLE_DIGEST: &str = "64e3d3b47c";
    let is_hex = word.len() == 64 && word.bytes().all(|byte| byte.is_ascii_hexdigit());
    let bytes = word.as_bytes();
    let is_date = bytes.len() >= 10 && word.starts_with("20") && bytes[4] == b'-' && bytes[7] == b'-';
    let is_clock = word.len() == 6 && word.ends_with('Z') && bytes[2] == b':';
    match word {
        _ if is_hex && !word.starts_with(BUNDLE_DIGEST) => "[id]".to_owned(),
        _ if is_date => "[date]".to_owned(),
        _ if is_clock => "[time]".to_owned(),
        _ => word.to_owned(),
    }
}
