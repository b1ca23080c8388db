//! People with keys, a trust directory that knows them, and a process that waits for its patch.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::patch::json;
use crate::transcript::{directory, run};

/// Name, team, roles.
const PEOPLE: [(&str, &str, &str); 6] = [
    ("ann", "core", r#"["author"]"#),
    ("art", "core", r#"["author", "reviewer"]"#),
    ("rob", "security", r#"["reviewer"]"#),
    ("ray", "storage", r#"["reviewer"]"#),
    ("bot", "build", r#"["rehearser"]"#),
    ("cora", "ops", r#"["commander"]"#),
];

/// A directory with everybody's keys and the trust directory `trust`.
pub(crate) fn open(name: &str) -> PathBuf {
    let here = directory(name);
    let mut root = "schema = 1\n".to_owned();
    for (name, team, roles) in PEOPLE {
        done(&here, &["key", "new", "-o", name, "--no-passphrase", "--comment", name]);
        let public = fs::read_to_string(here.join(format!("{name}.pub"))).unwrap();
        let principal = format!(
            "[[principal]]\nname = \"{name}\"\nteam = \"{team}\"\nroles = {roles}\n\
             [[principal.key]]\npublic = \"{}\"\n\
             valid_from = 2020-01-01T00:00:00Z\nvalid_until = 2099-01-01T00:00:00Z\n",
            public.trim()
        );
        root.push_str(&principal);
    }
    fs::create_dir(here.join("trust")).unwrap();
    fs::write(here.join("trust/root.toml"), root).unwrap();
    fs::write(here.join("trust/node.toml"), "name = \"cache-1\"\nlabels = [\"canary\"]\n").unwrap();
    fs::write(
        here.join("passed.json"),
        r#"{ "result": "PASSED", "configuration": [], "passedTests": ["load"] }"#,
    )
    .unwrap();
    here
}

/// Runs a command line that has to succeed.
pub(crate) fn done(here: &Path, arguments: &[&str]) {
    let output = run(here, arguments);
    let why = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{arguments:?}: {why}");
}

/// Signs `file`: as whom, in which role, and what else.
pub(crate) fn sign(here: &Path, file: &str, key: &str, role: &str, more: &[&str]) {
    done(here, &[&["sign", "--as", role, "--key", key, file], more].concat());
}

/// What the default policy asks of a patch that touches nothing critical.
pub(crate) fn sign_all(here: &Path, file: &str) {
    sign(here, file, "ann", "author", &[]);
    sign(here, file, "bot", "rehearser", &["--predicate", "passed.json"]);
    sign(here, file, "rob", "reviewer", &[]);
}

/// Rules of what `policy check` finds missing, and whether it would run.
pub(crate) fn check(here: &Path, file: &str, more: &[&str]) -> (Vec<String>, bool) {
    let arguments = [&["policy", "check", file, "--trust", "trust", "--json"], more].concat();
    let output = run(here, &arguments);
    let answer: Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stderr)));
    let allowed = answer["allowed"].as_bool().unwrap();
    assert_eq!(output.status.code(), Some(if allowed { 0 } else { 5 }), "{answer}");
    let requirements = answer["requirements"].as_array().unwrap();
    let missing = requirements.iter().filter(|line| line["state"] == "missing");
    (missing.map(|line| line["rule"].as_str().unwrap().to_owned()).collect(), allowed)
}

/// A running program whose output is in `log`; it ends when this is dropped.
pub(crate) struct Server {
    child: Child,
    log: PathBuf,
}

impl Server {
    pub(crate) fn start(here: &Path, program: &str) -> Self {
        let log = here.join(format!("{program}.log"));
        let file = File::create(&log).unwrap();
        let child = Command::new(here.join(program)).stdout(file).stderr(Stdio::null()).spawn().unwrap();
        let server = Self { child, log };
        server.awaits("count");
        server
    }

    pub(crate) fn pid(&self) -> String {
        self.child.id().to_string()
    }

    /// Waits until the newest line begins so.
    pub(crate) fn awaits(&self, text: &str) {
        let begun = Instant::now();
        while !self.newest().is_some_and(|line| line.starts_with(text)) {
            assert!(begun.elapsed() < Duration::from_mins(1), "no line `{text}`");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// The newest whole line.
    pub(crate) fn newest(&self) -> Option<String> {
        let text = fs::read_to_string(&self.log).unwrap();
        let (whole, _) = text.rsplit_once('\n')?;
        whole.lines().next_back().map(str::to_owned)
    }

    /// Runs `VERB ARGUMENTS --pid PID`; gives the document.
    pub(crate) fn operate(&self, here: &Path, exit: i32, arguments: &[&str]) -> Value {
        json(here, exit, &[arguments, &["--pid", &self.pid()]].concat())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
