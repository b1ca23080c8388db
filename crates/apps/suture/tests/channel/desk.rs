//! A directory with keys, a policy and a bundle, and the binary.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;
use tempfile::TempDir;

/// A rule that lets everything run.
pub(crate) const RULE: &str =
    "@id(\"all\")\n@says(\"Everything may run.\")\npermit (principal, action, resource);\n";

/// A room of one's own for one test.
pub(crate) struct Desk(TempDir);

/// What one command did.
pub(crate) struct Outcome {
    pub(crate) exit: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Desk {
    pub(crate) fn new() -> Self {
        let desk = Self(tempfile::tempdir().unwrap());
        for name in ["ada", "bob", "cleo", "policy", "team", "machine"] {
            desk.key(name, "");
        }
        fs::create_dir_all(desk.path("rules/policy")).unwrap();
        fs::write(desk.path("rules/root.toml"), desk.root()).unwrap();
        fs::write(desk.path("rules/policy/1.cedar"), RULE).unwrap();
        fs::write(desk.path("rules/node.toml"), "name = \"ours\"\n").unwrap();
        desk
    }

    /// A trust root with somebody in it.
    pub(crate) fn root(&self) -> String {
        format!(
            "schema = 1\n[[principal]]\nname = \"ann\"\nteam = \"core\"\nroles = [\"author\"]\n\
             [[principal.key]]\npublic = \"{}\"\n\
             valid_from = 2020-01-01T00:00:00Z\nvalid_until = 2099-01-01T00:00:00Z\n",
            self.read("bob.pub").trim()
        )
    }

    /// Makes `fix.bundle` for the case `count-1`, and a file of statements; gives the bundle's bytes.
    pub(crate) fn bundle(&self) -> Vec<u8> {
        let here = self.0.path();
        self.does("case new count-1 --title Overflow --program server --by ada", &[]);
        crate::patch::delta(here, "server", "fix", "fixed %d");
        crate::patch::dossier_with(here, &["fix.delta"], &["--case", "count-1"]);
        crate::patch::bundle_of_fix(here);
        fs::write(self.path("fix.bundle.intoto.jsonl"), "\n").unwrap();
        fs::read(self.path("fix.bundle")).unwrap()
    }

    /// Makes a key as everyone does.
    pub(crate) fn key(&self, name: &str, passphrase: &str) {
        let made = Command::new("ssh-keygen")
            .args(["-q", "-t", "ed25519", "-N", passphrase, "-C", name, "-f"])
            .arg(self.path(name))
            .status();
        assert!(made.unwrap().success());
    }

    /// A file with a passphrase, which its owner alone can read.
    pub(crate) fn passphrase(&self, name: &str, passphrase: &str) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, format!("{passphrase}\n")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        path
    }

    /// The beginning that most tests have: a channel with a policy, published; `at` dates it.
    pub(crate) fn publish_first(&self, at: &[&str]) {
        let init = "channel init channel --root-key ada --root-key bob --root-key cleo.pub --root-threshold 2 \
                    --targets-key policy.pub --patches-key team.pub --snapshot-key machine.pub --timestamp-key machine.pub";
        self.does(init, at);
        self.does("channel add channel --policy rules", &[]);
        self.does("channel publish channel --key policy --key team --key machine", at);
        fs::copy(self.path("channel/public/metadata/1.root.json"), self.path("pinned.json")).unwrap();
    }

    /// Runs what must succeed.
    pub(crate) fn does(&self, line: &str, more: &[&str]) -> Outcome {
        let outcome = self.run(line, more);
        assert_eq!(outcome.exit, 0, "{line}: {}", outcome.stderr);
        outcome
    }

    pub(crate) fn run(&self, line: &str, more: &[&str]) -> Outcome {
        self.run_with(line, more, &[])
    }

    /// Runs it with these variables set.
    pub(crate) fn run_with(&self, line: &str, more: &[&str], variables: &[(&str, &Path)]) -> Outcome {
        let mut command = Command::new(env!("CARGO_BIN_EXE_suture"));
        command.args(line.split_whitespace()).args(more).current_dir(self.0.path());
        let names =
            ["SUTURE_LOG", "SUTURE_AUDIT_DIR", "SUTURE_TRUST_DIR", "SUTURE_PASSPHRASE_FILE", "SSH_AUTH_SOCK"];
        for name in names {
            command.env_remove(name);
        }
        let output: Output = command.envs(variables.iter().copied()).output().unwrap();
        Outcome {
            exit: output.status.code().unwrap(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    pub(crate) fn fetch(&self, more: &[&str]) -> Outcome {
        let url = format!("file://{}", self.path("channel/public").display());
        self.run(&format!("fetch {url} --root pinned.json --datastore seen --out got"), more)
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(crate) fn read(&self, name: impl AsRef<Path>) -> String {
        fs::read_to_string(self.0.path().join(name)).unwrap()
    }
}

impl Outcome {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {}", self.stdout))
    }
}
