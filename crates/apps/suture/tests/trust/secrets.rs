//! No passphrase and no key material in anything that is printed, logged or written, at a terminal or not.

use std::path::Path;
use std::process::Command;

use crate::office::{BUNDLE, Office};

const SECRET: &str = "xyzzy-plugh-4711";

/// Acts at a terminal of its own: waits for each prompt, types the answer, and prints all that the terminal showed.
const TERMINAL: &str = r#"
import os, pty, sys
answers = [part.split("=", 1) for part in sys.argv[1].split("|")]
pid, terminal = pty.fork()
if pid == 0:
    os.execv(sys.argv[2], sys.argv[2:])
shown = b""
while True:
    try:
        part = os.read(terminal, 4096)
    except OSError:
        break
    if not part:
        break
    shown += part
    if answers and answers[0][0].encode() in shown.split(b"\n")[-1]:
        os.write(terminal, answers.pop(0)[1].encode().decode("unicode_escape").encode())
sys.stdout.buffer.write(shown)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
"#;

/// What the terminal shows when `answers` (`prompt=answer|…`) are typed, and the exit code.
fn at_a_terminal(office: &Office, answers: &str, arguments: &[&str]) -> (String, i32) {
    let mut command = Command::new("python3");
    command.args(["-c", TERMINAL, answers, env!("CARGO_BIN_EXE_suture")]).args(arguments);
    command.current_dir(office.here()).env_remove("SUTURE_PASSPHRASE_FILE").env_remove("SSH_AUTH_SOCK");
    let output = command.output().unwrap();
    (String::from_utf8_lossy(&output.stdout).into_owned(), output.status.code().unwrap())
}

#[test]
fn a_passphrase_is_typed_and_not_shown() {
    let office = Office::open();
    let typed = format!("New passphrase={SECRET}\\n|same again={SECRET}\\n");
    let (shown, exit) = at_a_terminal(&office, &typed, &["key", "new", "-o", "eve"]);
    assert_eq!(exit, 0, "{shown}");
    assert!(shown.contains("The same again:") && !shown.contains("xyzzy"), "{shown}");

    // Wrong, then with a slip that is erased, then right.
    let typed = format!("Passphrase=wrong\\n|Passphrase={SECRET}X\\x7f\\n");
    let sign = ["sign", "--as", "author", "--key", "eve", BUNDLE];
    let (shown, exit) = at_a_terminal(&office, &typed, &sign);
    assert_eq!(exit, 0, "{shown}");
    assert!(shown.matches("Passphrase of eve:").count() == 2 && !shown.contains("xyzzy"), "{shown}");

    let (shown, exit) =
        at_a_terminal(&office, "Passphrase=wrong\\n|Passphrase=wrong\\n|Passphrase=wrong\\n", &sign);
    assert_eq!(exit, 2);
    assert!(shown.contains("the passphrase is not the right one"), "{shown}");
    let (shown, exit) = at_a_terminal(&office, "Passphrase=xyz\\x03", &sign);
    assert_eq!(exit, 2);
    assert!(shown.contains("interrupted"), "{shown}");
    let (shown, exit) = at_a_terminal(&office, "New=one\\n|same=two\\n", &["key", "new", "-o", "mallory"]);
    assert_eq!(exit, 2);
    assert!(shown.contains("differ") && !office.path("mallory").exists(), "{shown}");
}

/// The secret half of a plain key in the spellings in which it could leak: hex, and base64 at each of its three offsets.
fn spellings(office: &Office, key: &str) -> Vec<String> {
    const SEED: &str = r#"
import base64, re, sys
text = open(sys.argv[1]).read()
blob = base64.b64decode("".join(line for line in text.splitlines() if not line.startswith("-")))
public = blob[blob.index(b"ssh-ed25519") + 15:][:32]
seed = blob[blob.rindex(public) - 32:][:32]
print(seed.hex())
for shift in range(3):
    print(base64.b64encode(b"\0" * shift + seed)[4:40].decode())
print(", ".join(str(byte) for byte in seed[:8]))
"#;
    let output = Command::new("python3").args(["-c", SEED, key]).current_dir(office.here()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect()
}

#[test]
fn nothing_secret_is_said_or_written() {
    let office = Office::open();
    let mut secrets = spellings(&office, "alice");
    let own: String = std::fs::read_to_string(office.path("alice")).unwrap();
    assert!(
        secrets[1..4].iter().any(|spelling| own.replace('\n', "").contains(&spelling[..32])),
        "the search works"
    );
    secrets.push(SECRET.to_owned());

    let passphrase = office.path("passphrase");
    std::fs::write(&passphrase, format!("{SECRET}\n")).unwrap();
    Command::new("chmod").arg("600").arg(&passphrase).status().unwrap();
    let run = |arguments: &[&str]| {
        let mut command = office.suture(arguments);
        command
            .env("SUTURE_PASSPHRASE_FILE", &passphrase)
            .env("SUTURE_LOG", "trace")
            .env("RUST_BACKTRACE", "full");
        let output = command.output().unwrap();
        [output.stdout, output.stderr].concat()
    };
    // A key file that is damaged in its secret part, too.
    let damaged = own.replace('\n', "").len();
    std::fs::copy(office.path("alice"), office.path("damaged")).unwrap();
    let cut: String = own.chars().take(damaged - 60).collect();
    std::fs::write(office.path("damaged"), cut).unwrap();
    let said = [
        run(&["-vvv", "key", "new", "-o", "eve"]),
        run(&["-vvv", "sign", "--as", "author", "--key", "eve", BUNDLE]),
        run(&["-vvv", "sign", "--as", "author", "--key", "alice", BUNDLE]),
        run(&["-vvv", "sign", "--as", "author", "--key", "damaged", BUNDLE]),
        run(&["-vvv", "sign", "--as", "author", "--key", "passphrase", BUNDLE]),
        run(&["-vvv", "key", "show", "alice", "--json"]),
        run(&["-vvv", "key", "show", "damaged"]),
        run(&["-vvv", "statements", BUNDLE, "--trust", "trust", "--json"]),
    ];
    for secret in &secrets {
        for said in &said {
            let said = String::from_utf8_lossy(said);
            assert!(!said.contains(secret.as_str()), "{said}");
        }
        for entry in std::fs::read_dir(office.here()).unwrap().flatten() {
            let is_its_own =
                ["alice", "damaged", "passphrase"].contains(&entry.file_name().to_str().unwrap());
            assert!(is_its_own || !has(&entry.path(), secret), "{:?}", entry.path());
        }
    }
}

fn has(path: &Path, secret: &str) -> bool {
    path.is_file() && String::from_utf8_lossy(&std::fs::read(path).unwrap()).contains(secret)
}
