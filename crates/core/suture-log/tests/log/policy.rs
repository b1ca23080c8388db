//! Who is believed.

use suture_log::{KeyKind, Policy, PolicyRefusal, SignedCheckpoint};

use crate::support::{Key, Ledger};

fn witness(number: u8) -> Key {
    Key::new(&format!("witness.example/w{number}"), 100 + number)
}

fn vkey(number: u8) -> String {
    witness(number).verifier(KeyKind::Cosignature).to_string()
}

/// The example of C2SP tlog-policy: two of three here, and any of three there.
fn example() -> String {
    let mut text =
        format!("# two operators\n\n  log\t{} https://log.example\n", Key::log().verifier(KeyKind::Note));
    for (number, name) in (1..).zip(["X1", "X2", "X3", "Y1", "Y2", "Y3"]) {
        text += ["witness ", name, " ", &vkey(number), "\n"].concat().as_str();
    }
    text + "group X-witnesses 2 X1 X2 X3\ngroup Y-witnesses any Y1 Y2 Y3\ngroup X-and-Y all X-witnesses Y-witnesses\nquorum X-and-Y\n"
}

fn signed_by(numbers: &[u8]) -> SignedCheckpoint {
    let mut signed = Ledger::new(&[5]).checkpoints.remove(0);
    for number in numbers {
        signed.cosign(&witness(*number), 1_772_366_410).unwrap();
    }
    signed
}

#[test]
fn a_quorum_is_counted_in_its_groups() {
    let policy = Policy::parse(example().as_bytes()).unwrap();
    let rows: [(&[u8], bool); 7] = [
        (&[1, 2, 4], true),
        (&[1, 3, 6], true),
        (&[1, 2, 3, 4, 5, 6], true),
        (&[1, 4, 5, 6], false),
        (&[1, 2, 3], false),
        (&[7, 8, 9], false),
        (&[], false),
    ];
    for (witnesses, is_enough) in rows {
        assert_eq!(policy.judge(&signed_by(witnesses)).is_ok(), is_enough, "{witnesses:?}");
    }
    let refusal = policy.judge(&signed_by(&[1])).unwrap_err().to_string();
    assert_eq!(refusal, "the checkpoint of 5 entries has only witness.example/w1 of the quorum `X-and-Y`");
}

/// A name and id can be anybody's; a signature that claims them and is wrong spoils the note.
#[test]
fn a_forged_signature_spoils_the_note() {
    let policy = Policy::parse(example().as_bytes()).unwrap();
    let genuine = signed_by(&[1, 2, 4]).to_string();
    let line = |text: &str, number: usize| text.lines().nth(number).unwrap().to_owned();
    // What the same keys have signed under another checkpoint.
    let mut other = Ledger::new(&[6]).checkpoints.remove(0);
    for number in [1, 2, 4] {
        other.cosign(&witness(number), 1_772_366_410).unwrap();
    }
    for (number, key) in [(4, "example.com/audit"), (5, "witness.example/w1"), (7, "witness.example/w4")] {
        let forged = genuine.replace(&line(&genuine, number), &line(&other.to_string(), number));
        let refusal = policy.judge(&SignedCheckpoint::parse(forged.as_bytes()).unwrap()).unwrap_err();
        assert_eq!(refusal, PolicyRefusal::Forged { key: key.to_owned(), size: 5 });
    }
    let unsigned = genuine.replace(&format!("{}\n", line(&genuine, 4)), "");
    let refusal = policy.judge(&SignedCheckpoint::parse(unsigned.as_bytes()).unwrap()).unwrap_err();
    assert!(matches!(refusal, PolicyRefusal::Unsigned { .. }));
    let foreign = crate::support::checkpoint(&[], &Key::new("example.com/other", 1));
    assert!(matches!(policy.judge(&foreign), Err(PolicyRefusal::UnknownLog { .. })));
}

#[test]
fn policies_that_are_none() {
    let (log, one) = (Key::log().verifier(KeyKind::Note), vkey(1));
    let renamed = Key::new("witness.example/other", 101).verifier(KeyKind::Cosignature);
    let rows = [
        ("", "line 1: there is no `quorum`"),
        ("quorum none\nquorum none\n", "line 2: there is a second"),
        ("quorum W\n", "line 1: `W` is not defined"),
        ("quorum\n", "line 1: a quorum has the form"),
        ("witnesses\n", "`witnesses` is none of"),
        ("log \u{1b}[2J\n", "control character"),
        ("log abc\nquorum none\n", "line 1: `abc` is no key"),
        (&format!("log {one}\n"), "type 4, and type 1"),
        (&format!("witness W {log}\n"), "type 1, and type 4"),
        (&format!("witness none {one}\n"), "`none` is taken"),
        (&format!("witness W {one}\nwitness V {renamed}\n"), "line 2: the key"),
        (&format!("log {log}\nlog {log}\n"), "line 2: the key"),
        (&format!("witness W {one}\ngroup W any W\n"), "line 2: the name `W` is taken"),
        (&format!("witness W {one}\ngroup G 2 W\n"), "line 2: how many of the 1"),
        (&format!("witness W {one}\ngroup G 0 W\n"), "line 2: how many of the 1"),
        (&format!("witness W {one}\ngroup G all\n"), "line 2: how many of the 0"),
        (&format!("witness W {one}\ngroup G any W W\n"), "in a group already"),
        (&format!("witness W {one}\ngroup G any W\ngroup H any W\n"), "line 3: `W` is in a group already"),
        (&format!("group G any W\nwitness W {one}\n"), "line 1: `W` is not defined"),
    ];
    for (text, why) in rows {
        let error = Policy::parse(text.as_bytes()).expect_err(text).to_string();
        assert!(error.contains(why), "{error:?} does not say {why:?}");
    }
    assert!(Policy::parse(format!("witness \u{212a} {one}\nquorum \u{212a}\n").as_bytes()).is_ok());
}
