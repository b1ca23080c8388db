//! Files of statements and trust roots on disk: what does not count, nothing lost, nothing half there.

use std::os::unix::fs::PermissionsExt as _;

use crate::office::{BUNDLE, Office};

const STATEMENTS: &str = "fix.delta.intoto.jsonl";

fn sign(office: &Office, role: &str, key: &str) {
    office.done(&["sign", "--as", role, "--key", key, BUNDLE]);
}

fn refused(office: &Office, file: &str, code: &str) {
    assert_eq!(office.rejected(file), (vec![code.to_owned()], 5));
}

#[test]
fn each_reason_ends_with_five() {
    let office = Office::open();
    sign(&office, "operator", "dave");
    assert_eq!(office.rejected(BUNDLE), (vec![], 0));

    // A statement of another bundle, and a bundle that was changed after it was signed.
    std::fs::write(office.path("other.delta"), "another\n").unwrap();
    std::fs::copy(office.path(STATEMENTS), office.path("other.delta.intoto.jsonl")).unwrap();
    refused(&office, "other.delta", "another-subject");
    std::fs::write(office.path(BUNDLE), "the bundle, changed\n").unwrap();
    refused(&office, BUNDLE, "another-subject");
    std::fs::write(office.path(BUNDLE), "the bundle\n").unwrap();

    let (from, until) = ("2020-01-01T00:00:00Z", "2099-01-01T00:00:00Z");
    office.trust(from, until, "revoked = { at = 2021-01-01T00:00:00Z, reason = \"lost\" }");
    refused(&office, BUNDLE, "key-revoked");
    office.trust(from, "2020-02-01T00:00:00Z", "");
    refused(&office, BUNDLE, "key-expired");
    office.trust("2098-01-01T00:00:00Z", until, "");
    refused(&office, BUNDLE, "key-not-yet-valid");
    std::fs::write(office.path("trust/root.toml"), "schema = 1\n").unwrap();
    // A stranger's proves nothing and stops nothing.
    assert_eq!(office.rejected(BUNDLE), (vec!["unknown-key".to_owned()], 0));
    office.trust(from, until, "");

    let line = std::fs::read_to_string(office.path(STATEMENTS)).unwrap();
    std::fs::write(office.path(STATEMENTS), line.repeat(2)).unwrap();
    refused(&office, BUNDLE, "duplicate");
    std::fs::write(office.path(STATEMENTS), line.replace("\"sig\":\"", "\"sig\":\"AAAA")).unwrap();
    refused(&office, BUNDLE, "wrong-key-type");
    std::fs::write(office.path(STATEMENTS), line.replace("vnd.in-toto+json", "json")).unwrap();
    refused(&office, BUNDLE, "bad-signature");
}

/// What others have written stays as it is, whatever it is, and what is no statement is told.
#[test]
fn nothing_of_a_file_is_lost() {
    let office = Office::open();
    let path = office.path(STATEMENTS);
    std::fs::write(&path, "{\"from\": \"another tool\"}").unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
    sign(&office, "author", "alice");
    sign(&office, "reviewer", "bob");
    let text = std::fs::read_to_string(&path).unwrap();
    let lines: Vec<_> = text.lines().collect();
    assert_eq!((lines.len(), lines[0]), (3, "{\"from\": \"another tool\"}"));
    assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o640);
    let (document, exit) = office.json(&["statements", BUNDLE, "--trust", "trust"]);
    assert_eq!((exit, &document["unread"][0]["line"]), (5, &1.into()));
    assert_eq!(document["statements"].as_array().unwrap().len(), 2);
}

/// A link stays a link.
#[test]
fn statements_go_where_a_link_leads() {
    let office = Office::open();
    std::fs::create_dir(office.path("elsewhere")).unwrap();
    std::fs::write(office.path("elsewhere/kept.jsonl"), "").unwrap();
    std::os::unix::fs::symlink("elsewhere/kept.jsonl", office.path(STATEMENTS)).unwrap();
    sign(&office, "author", "alice");
    assert!(office.path(STATEMENTS).is_symlink());
    assert_eq!(std::fs::read_to_string(office.path("elsewhere/kept.jsonl")).unwrap().lines().count(), 1);
}

/// Many people sign at once, each with a program of its own.
#[test]
fn nobody_overwrites_another() {
    const EACH: usize = 8;
    let office = Office::open();
    let people = [("author", "alice"), ("reviewer", "bob"), ("commander", "carol")];
    let comments: Vec<String> = (0..EACH).map(|number| number.to_string()).collect();
    let sign = |(role, key): (&str, &str), comment: &str| {
        office.suture(&["sign", "--as", role, "--key", key, "--comment", comment, BUNDLE]).spawn().unwrap()
    };
    let signing = people.into_iter().flat_map(|who| comments.iter().map(move |comment| (who, comment)));
    let running: Vec<_> = signing.map(|(who, comment)| sign(who, comment)).collect();
    for mut child in running {
        assert!(child.wait().unwrap().success());
    }
    let (document, exit) = office.json(&["statements", BUNDLE, "--trust", "trust"]);
    assert_eq!((exit, document["statements"].as_array().unwrap().len()), (0, people.len() * EACH));
}

/// Where nothing can be written, the old file stays, and nothing is left lying about.
#[test]
fn a_file_that_can_not_be_written() {
    let office = Office::open();
    sign(&office, "author", "alice");
    let before = std::fs::read(office.path(STATEMENTS)).unwrap();
    let entries = |office: &Office| std::fs::read_dir(office.here()).unwrap().count();
    let count = entries(&office);
    // No file may grow beyond one block: the new one is cut off, and so never takes the old one's place.
    let mut command = std::process::Command::new("sh");
    command.args(["-c", "trap '' XFSZ; ulimit -f 1; exec \"$0\" \"$@\"", env!("CARGO_BIN_EXE_suture")]);
    command.args(["sign", "--as", "author", "--key", "alice", "--comment", &"x".repeat(2000), BUNDLE]);
    let output = command.current_dir(office.here()).output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(std::fs::read(office.path(STATEMENTS)).unwrap(), before);
    assert_eq!(entries(&office), count);
}

#[test]
fn a_file_that_is_too_long() {
    let office = Office::open();
    let file = std::fs::File::create(office.path(STATEMENTS)).unwrap();
    file.set_len(10 << 30).unwrap();
    let rows = [
        (&["statements", BUNDLE][..], 2, "longer than 62 MiB"),
        (&["statements", BUNDLE, "--trust", "trust"], 5, "10737418240 bytes long"),
        (&["statements", BUNDLE, "--trust", "trust", "--prune"], 2, "longer than 1024 MiB"),
        (&["sign", "--as", "author", "--key", "alice", BUNDLE], 2, "longer than 64 MiB"),
    ];
    for (arguments, exit, why) in rows {
        let output = office.run(arguments);
        let told = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(exit), "{told}");
        assert!(told.contains(why), "{told}");
    }
}

/// A file that somebody has named must be there.
#[test]
fn a_file_that_is_named_and_is_not_there() {
    let office = Office::open();
    let digest = "0".repeat(64);
    let rows = [
        &["statements", BUNDLE, "--statements", "nope.jsonl"][..],
        &["statements", BUNDLE, "--statements", "nope.jsonl", "--trust", "trust", "--prune"],
        &["statements", "--digest", &digest, "--statements", "nope.jsonl", "--trust", "trust"],
        &["sign", "--as", "author", "--key", "alice", "--withdraw", "--statements", "nope.jsonl", BUNDLE],
    ];
    for arguments in rows {
        let output = office.run(arguments);
        let told = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {told}");
        assert!(told.contains("there is no file of statements `nope.jsonl`"), "{told}");
    }
    assert!(!office.path("nope.jsonl").exists());
    // One that nobody has named is not there because nobody has said anything, and that is told.
    let (told, exit) = office.json(&["statements", BUNDLE, "--trust", "trust"]);
    assert_eq!(
        (exit, &told["absent"]),
        (0, &format!("there is no file of statements `{STATEMENTS}`").into())
    );
}

/// However many lines strangers write: people of the trust root sign, what they have said counts, and the lines can be taken out.
#[test]
fn strangers_use_up_nobody_s_room() {
    let office = Office::open();
    office.done(&["key", "new", "-o", "eve", "--no-passphrase"]);
    sign(&office, "operator", "eve");
    let stranger = std::fs::read_to_string(office.path(STATEMENTS)).unwrap();
    let unnamed = stranger.replace(&office.id("eve"), "");
    assert_ne!(unnamed, stranger);
    std::fs::write(office.path(STATEMENTS), stranger.repeat(3000)).unwrap();
    sign(&office, "author", "alice");
    office.done(&["sign", "--as", "operator", "--key", "dave", "--refuse", "--reason", "no", BUNDLE]);
    let asked = ["statements", BUNDLE, "--trust", "trust"];
    let (told, exit) = office.json(&asked);
    assert_eq!((exit, &told["refused"], &told["left_out"]), (5, &true.into(), &3000.into()));
    let lines: Vec<_> =
        told["statements"].as_array().unwrap().iter().map(|row| row["line"].as_u64()).collect();
    assert_eq!(lines, [Some(3001), Some(3002)]);

    // Lines that name no key may be of somebody in the root, until they are tried.
    let own: Vec<String> = std::fs::read_to_string(office.path(STATEMENTS))
        .unwrap()
        .lines()
        .skip(3000)
        .map(str::to_owned)
        .collect();
    let damaged = "this was a refusal once";
    let text = format!("{}{}\n{damaged}\n{}\n{stranger}", unnamed.repeat(1025), own[0], own[1]);
    std::fs::write(office.path(STATEMENTS), text).unwrap();
    let output = office.run(&asked);
    let why = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(5), "{why}");
    assert!(why.contains("more than 1024 statements that may count") && why.contains("--prune"), "{why}");
    let (told, exit) = office.json(&[&asked[..], &["--prune"]].concat());
    assert_eq!((exit, &told["pruned"], &told["left_out"]), (5, &1026.into(), &0.into()));
    let left = std::fs::read_to_string(office.path(STATEMENTS)).unwrap();
    assert_eq!(left, format!("{}\n{damaged}\n{}\n", own[0], own[1]), "what may have counted stays");
}

/// Strangers fill the file to the last byte that is decided on: who refuses still can, and where they can't, nothing is decided.
#[test]
fn a_full_file_keeps_no_refusal_out() {
    let office = Office::open();
    let fill = |mebibytes: usize| {
        let line = format!("{}\n", " ".repeat((1 << 20) - 1));
        std::fs::write(office.path(STATEMENTS), line.repeat(mebibytes)).unwrap();
    };
    let refuse = ["sign", "--as", "operator", "--key", "dave", "--refuse", "--reason", "no", BUNDLE];
    let asked = ["statements", BUNDLE, "--trust", "trust"];
    fill(62);
    assert_eq!(office.run(&asked).status.code(), Some(0));
    office.done(&refuse);
    assert_eq!(office.run(&asked).status.code(), Some(5), "what can't be decided on is not let through");
    fill(64);
    let output = office.run(&refuse);
    let told = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{told}");
    assert!(told.contains("is full") && told.contains("--prune"), "{told}");
    assert_eq!(office.run(&asked).status.code(), Some(5));
}

/// An advisory is committed to before it is published; committing twice keeps the salt.
#[test]
fn an_advisory_is_committed_to() {
    let office = Office::open();
    std::fs::write(office.path("advisory.json"), "{\"title\":\"a hole\"}\n").unwrap();
    let commit =
        ["sign", "--as", "commander", "--says", "committed", "--advisory", "advisory.json", "--key", "carol"];
    office.done(&[&commit[..], &[BUNDLE]].concat());
    let salt = std::fs::read(office.path("advisory.json.salt")).unwrap();
    assert_eq!(office.path("advisory.json.salt").metadata().unwrap().permissions().mode() & 0o777, 0o600);
    office.done(&[&commit[..], &["--statements", "second.jsonl", BUNDLE]].concat());
    assert_eq!(std::fs::read(office.path("advisory.json.salt")).unwrap(), salt);

    let published = std::fs::read_to_string(office.path(STATEMENTS)).unwrap();
    assert!(!published.contains(String::from_utf8(salt).unwrap().trim()));
    let ask = ["statements", BUNDLE, "--trust", "trust", "--advisory", "advisory.json"];
    let (document, exit) = office.json(&ask);
    assert_eq!((exit, &document["advisory"]["committed_by"]), (0, &"carol".into()));
    // Who reads the advisory when it is out has it, the salt and the statement, and no bundle.
    let digest = document["digest"].as_str().unwrap();
    let reader = ["statements", "--digest", digest, "--statements", STATEMENTS];
    let told = office.json(&[&reader[..], &ask[2..]].concat());
    assert_eq!((told.1, &told.0["advisory"]["committed_by"]), (0, &"carol".into()));
    std::fs::write(office.path("advisory.json"), "{\"title\":\"another hole\"}\n").unwrap();
    let (document, exit) = office.json(&ask);
    assert_eq!((exit, &document["advisory"]["committed_by"]), (5, &serde_json::Value::Null));
}

/// A refusal that another key of the same person has signed is withdrawn by its id.
#[test]
fn a_withdrawal_by_id() {
    let office = Office::open();
    let (document, _) =
        office.json(&["sign", "--as", "operator", "--key", "dave", "--refuse", "--reason", "no", BUNDLE]);
    let id = document["signed"][0]["id"].as_str().unwrap();
    let withdraw = format!("--withdraw={id}");
    assert_eq!(
        office.run(&["sign", "--as", "operator", "--key", "dave", "--withdraw=00", BUNDLE]).status.code(),
        Some(2)
    );
    // Carol may write it, but it does not count.
    office.done(&["sign", "--as", "approver", "--key", "carol", &withdraw, BUNDLE]);
    assert_eq!(office.rejected(BUNDLE), (vec!["not-their-refusal".to_owned()], 5));
    office.done(&["sign", "--as", "operator", "--key", "dave", &withdraw, BUNDLE]);
    let (document, exit) = office.json(&["statements", BUNDLE, "--trust", "trust"]);
    assert_eq!((exit, &document["refused"]), (5, &false.into()), "carol's line is still told");
}

/// Where there is a trust root to ask, nobody writes a withdrawal that would never count.
#[test]
fn somebody_else_s_refusal_is_not_withdrawn() {
    let office = Office::open();
    let refuse = ["sign", "--as", "operator", "--key", "dave", "--refuse", "--reason", "no", BUNDLE];
    let (document, _) = office.json(&refuse);
    let withdraw = format!("--withdraw={}", document["signed"][0]["id"].as_str().unwrap());
    let sign = |role, key| {
        let line = ["sign", "--as", role, "--key", key, &withdraw, BUNDLE];
        office.suture(&line).env("SUTURE_TRUST_DIR", "trust").output().unwrap()
    };
    office.done(&["key", "new", "-o", "eve", "--no-passphrase"]);
    for (role, key, who) in [("approver", "carol", "carol"), ("operator", "eve", "nobody in the trust root")]
    {
        let output = sign(role, key);
        let told = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{told}");
        assert!(told.contains("dave has refused") && told.contains(who), "{told}");
    }
    assert_eq!(std::fs::read_to_string(office.path(STATEMENTS)).unwrap().lines().count(), 1);
    assert_eq!(sign("operator", "dave").status.code(), Some(0));
    assert_eq!(office.rejected(BUNDLE), (vec![], 0));
}

/// What is called a bundle, or was signed as one, and is none was damaged.
#[test]
fn what_is_no_bundle_is_not_signed_as_one() {
    let office = Office::open();
    std::fs::write(office.path("fix.bundle"), "nothing of a bundle is left\n").unwrap();
    let sign = |file: &str, more: &[&str]| {
        let output = office.run(&[&["sign", "--as", "operator", "--key", "dave", file], more].concat());
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let (exit, told) = sign("fix.bundle", &[]);
    assert_eq!(exit, Some(2), "{told}");
    assert!(told.contains("`fix.bundle` is no bundle that can be used"), "{told}");
    assert!(!office.path("fix.bundle.intoto.jsonl").exists());
    assert_eq!(
        sign("fix.bundle", &["--refuse", "--reason", "damaged"]).0,
        Some(0),
        "to refuse it does no harm"
    );
    std::fs::rename(office.path("fix.bundle"), office.path("renamed")).unwrap();
    let (exit, told) = sign("renamed", &["--statements", "fix.bundle.intoto.jsonl"]);
    assert_eq!(exit, Some(2), "{told}");
    assert!(told.contains("`renamed` is no bundle that can be used"), "{told}");
    assert_eq!(sign(BUNDLE, &[]).0, Some(0), "any other file is signed as it is");
}
