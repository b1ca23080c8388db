//! What it costs to decide whether a bundle may run: `suture policy check`, as a process.

use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

use crate::Failure;
use crate::bundles::{answer, fastest_ms};
use crate::program::Pair;

/// Who signs the bundle in which role; the default policy asks for the first three.
const SIGNERS: [(&str, &str); 10] = [
    ("author", "core"),
    ("rehearser", "build"),
    ("reviewer", "security"),
    ("builder", "build"),
    ("reviewer", "storage"),
    ("reviewer", "network"),
    ("approver", "ops"),
    ("approver", "sre"),
    ("commander", "response"),
    ("operator", "fleet"),
];
/// What a rehearser says, and what a builder does.
const REHEARSED: &str = r#"{ "result": "PASSED", "configuration": [], "passedTests": ["load"] }"#;
const BUILT: &str = r#"{ "buildDefinition": { "buildType": "urn:suture:build:v1", "externalParameters": {} },
    "runDetails": { "builder": { "id": "urn:bench" } } }"#;

/// Prints the fastest of some runs of `suture policy check` on a bundle with ten statements, beside that of a `suture` that
/// does nothing.
pub(crate) fn measure(suture: &Path) -> Result<(), Failure> {
    let pair = Pair::build(suture)?;
    let here = pair.directory();
    let suture = suture.canonicalize()?;
    let run = |arguments: &[&str]| -> Result<(), Failure> {
        let output = Command::new(&suture).current_dir(here).args(arguments).output()?;
        let why = || format!("{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        if output.status.success() { Ok(()) } else { Err(why().into()) }
    };
    run(&["dossier", "new", "delta"])?;
    answer(&here.join("dossier.toml"))?;
    run(&["bundle", "create", "delta", "--dossier", "dossier.toml", "-o", "bundle"])?;
    std::fs::write(here.join("rehearsed.json"), REHEARSED)?;
    std::fs::write(here.join("built.json"), BUILT)?;
    let mut root = "schema = 1\n".to_owned();
    for (number, (role, team)) in SIGNERS.iter().enumerate() {
        let key = format!("key-{number}");
        run(&["key", "new", "-o", &key, "--no-passphrase", "--comment", &key])?;
        let public = std::fs::read_to_string(here.join(format!("{key}.pub")))?;
        write!(
            root,
            "[[principal]]\nname = \"{key}\"\nteam = \"{team}\"\nroles = [\"{role}\"]\n\
             [[principal.key]]\npublic = \"{}\"\nvalid_from = 2020-01-01T00:00:00Z\nvalid_until = 2099-01-01T00:00:00Z\n",
            public.trim()
        )?;
        let predicate: &[&str] = match *role {
            "rehearser" => &["--predicate", "rehearsed.json"],
            "builder" => &["--predicate", "built.json"],
            _ => &[],
        };
        run(&[&["sign", "--as", role, "--key", &key, "bundle"], predicate].concat())?;
    }
    std::fs::create_dir(here.join("trust"))?;
    std::fs::write(here.join("trust/root.toml"), root)?;
    let decided = fastest_ms(|| run(&["policy", "check", "bundle", "--trust", "trust"]))?;
    let nothing = fastest_ms(|| run(&["--version"]))?;
    println!(
        "verify a bundle with {} statements and decide by the default policy: {decided:.1} ms, of which {nothing:.1} ms to start",
        SIGNERS.len()
    );
    Ok(())
}
