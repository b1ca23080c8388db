//! Mutated and invented input: an error or a value, never a panic, never more memory than the input is long.

use proptest::prelude::*;
use suture_trust::{
    ENVELOPES_MAX, Envelope, FILE_LEN_MAX, IN_TOTO, PublicKey, Reason, Role, Signer as _, Statement, TooMuch,
    TrustRoot, is_strangers, read_lines, read_lines_for,
};

use crate::party::{BOB, CAROL, MemoryKey, STRANGER, approved, refused, root, root_text, sign, verify};

/// Some bytes of `text` replaced, removed, doubled or cut off.
fn mutated(text: Vec<u8>) -> impl Strategy<Value = Vec<u8>> {
    let edit = (any::<prop::sample::Index>(), 0..5_u8, any::<u8>());
    prop::collection::vec(edit, 1..6).prop_map(move |edits| {
        let mut bytes = text.clone();
        for (place, what, byte) in edits {
            if bytes.is_empty() {
                break;
            }
            let at = place.index(bytes.len());
            match what {
                0 => bytes[at] = byte,
                1 => bytes[at] ^= 1 << (byte % 8),
                2 => drop(bytes.remove(at)),
                3 => bytes.extend_from_within(at..),
                _ => bytes.truncate(at),
            }
        }
        bytes
    })
}

fn file() -> Vec<u8> {
    let said =
        [approved(Role::Approver, "2030-05-20T10:00:00Z"), refused(Role::Approver, "2030-05-21T10:00:00Z")];
    said.iter()
        .flat_map(|statement| sign(statement, 3).to_json().into_bytes().into_iter().chain([b'\n']))
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn files_of_statements(bytes in mutated(file())) {
        if let Ok(lines) = read_lines(&bytes) {
            let envelopes: Vec<_> = lines.envelopes.into_iter().map(|(_, envelope)| envelope).collect();
            let verified = verify(&envelopes);
            // Whatever still counts was signed just so.
            let genuine = verify(&read_lines(&file()).unwrap().envelopes.into_iter().map(|(_, e)| e).collect::<Vec<_>>());
            for found in &verified.accepted {
                prop_assert!(genuine.accepted.iter().any(|accepted| accepted.id == found.id));
            }
        }
    }

    #[test]
    fn statements(bytes in mutated(refused(Role::Approver, "2030-05-20T10:00:00Z").to_json())) {
        match Statement::parse(&bytes) {
            Ok(statement) => prop_assert_eq!(Statement::parse(&statement.to_json()), Ok(statement)),
            Err(error) => prop_assert!(!error.to_string().contains(char::is_control), "{error:?}"),
        }
    }

    #[test]
    fn trust_roots(bytes in mutated(root_text().into_bytes())) {
        if let Err(error) = TrustRoot::parse(&String::from_utf8_lossy(&bytes)) {
            prop_assert!(error.line >= 1 && error.column >= 1 && !error.what.is_empty());
            prop_assert!(!error.what.contains(char::is_control), "{:?}", error.what);
        }
    }

    #[test]
    fn keys(bytes in mutated(MemoryKey::new(1).public_key().to_string().into_bytes())) {
        if let Ok(key) = String::from_utf8_lossy(&bytes).parse::<PublicKey>() {
            let again: PublicKey = key.to_string().parse().unwrap();
            prop_assert_eq!(again.id(), key.id());
        }
    }

    #[test]
    fn any_bytes(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let _ = read_lines(&bytes);
        let _ = Statement::parse(&bytes);
        let _ = TrustRoot::parse(&String::from_utf8_lossy(&bytes));
    }
}

/// What an error quotes can't act on a terminal.
#[test]
fn errors_can_be_shown() {
    let odd = "\u{1b}[2J";
    let json = |text: &str| serde_json::to_string(text).unwrap();
    let statement = String::from_utf8(refused(Role::Approver, "2030-05-20T10:00:00Z").to_json()).unwrap();
    let told = [
        TrustRoot::parse(&format!("schema = 1\n\"{odd}\" = 1").replace('\u{1b}', "\\u001b"))
            .unwrap_err()
            .to_string(),
        Statement::parse(statement.replace("\"role\"", &json(odd)).as_bytes()).unwrap_err().to_string(),
        Statement::parse(statement.replace("\"approver\"", &json(odd)).as_bytes()).unwrap_err().to_string(),
        Statement::parse(
            statement.replace("\"sha256\":\"", &format!("\"sha256\":\"{}", "\\u001b")).as_bytes(),
        )
        .unwrap_err()
        .to_string(),
        format!("ssh-{odd} AAAA").parse::<PublicKey>().unwrap_err().to_string(),
        odd.parse::<suture_trust::Digest>().unwrap_err().to_string(),
    ];
    for told in told {
        assert!(told.contains("1b") && !told.contains(char::is_control), "{told:?}");
    }
}

#[test]
fn too_much() {
    assert_eq!(read_lines(&vec![b'\n'; FILE_LEN_MAX + 1]), Err(TooMuch::Bytes(FILE_LEN_MAX + 1)));
    assert_eq!(read_lines("x\n".repeat(ENVELOPES_MAX + 1).as_bytes()), Err(TooMuch::Statements));
    assert_eq!(read_lines(&vec![b'\n'; FILE_LEN_MAX]).unwrap().envelopes, []);
    let deep = format!("{{\"payload\":{}", "[".repeat(100_000));
    assert_eq!(read_lines(deep.as_bytes()).unwrap().unread.len(), 1);
}

const MAY: &str = "2030-05-20T10:00:00Z";

fn text(said: &[Envelope]) -> String {
    said.iter().map(|envelope| envelope.to_json() + "\n").collect()
}

/// A refusal among more strangers than are kept, wherever it stands.
#[test]
fn strangers_take_nobody_s_room() {
    let root = root();
    let refusal = sign(&refused(Role::Reviewer, MAY), BOB);
    let strangers = vec![sign(&approved(Role::Approver, MAY), STRANGER); ENVELOPES_MAX];
    let few = read_lines_for(text(&strangers).as_bytes(), &root).unwrap();
    assert_eq!((few.envelopes.len(), few.left_out), (ENVELOPES_MAX, 0), "while they are few they are shown");
    let more = vec![strangers[0].clone(); ENVELOPES_MAX * 4];
    for at in [0, more.len() / 2, more.len()] {
        let mut said = more.clone();
        said.insert(at, refusal.clone());
        let lines = read_lines_for(text(&said).as_bytes(), &root).unwrap();
        assert_eq!((&lines.envelopes[..], lines.left_out), (&[(at + 1, refusal.clone())][..], more.len()));
    }
    // What others name in other ways may be of somebody in the root, and so counts.
    let mut unnamed = strangers[0].clone();
    unnamed.signatures[0].key = String::new().into();
    let unnamed = text(&vec![unnamed; ENVELOPES_MAX + 1]);
    assert_eq!(read_lines_for(unnamed.as_bytes(), &root), Err(TooMuch::Statements));
    assert_eq!(read_lines_for("x\n".repeat(ENVELOPES_MAX + 1).as_bytes(), &root), Err(TooMuch::Statements));
    let own = text(&vec![refusal; ENVELOPES_MAX + 1]);
    assert_eq!(read_lines_for(own.as_bytes(), &root), Err(TooMuch::Statements));
}

/// Long lines that name no key, with as many signatures as there can be: more than a second's work.
fn long_lines(payload: &str, count: usize) -> Vec<Envelope> {
    let mut long = Envelope::sign(IN_TOTO, payload.as_bytes().to_vec(), &MemoryKey::new(STRANGER)).unwrap();
    long.signatures[0].key = String::new().into();
    long.signatures = vec![long.signatures[0].clone(); 16];
    vec![long; count]
}

/// Whoever writes long lines keeps no short one from being tried, and stops nothing unless they write refusals.
#[test]
fn long_lines_keep_nothing_out() {
    let mut refusal = sign(&refused(Role::Reviewer, MAY), BOB);
    refusal.signatures[0].key = "some other tool's name".to_owned().into();
    for said in [
        long_lines(&"x".repeat(700_000), 11),
        long_lines(&format!("{{\"a\":\"{}\"}}", "x".repeat(700_000)), 11),
    ] {
        let verified = verify(&[&said[..], &[refusal.clone()]].concat());
        assert_eq!(verified.refusals().count(), 1);
        assert!(verified.rejected.iter().all(|rejected| rejected.reason == Reason::TooMuchToTry));
        assert_eq!(verified.doubtful().count(), 0);
    }
    let pretended = String::from_utf8(refused(Role::Reviewer, MAY).to_json()).unwrap();
    let said = long_lines(
        &pretended.replace("\"reason\"", &format!("\"{}\":1,\"reason\"", "x".repeat(700_000))),
        11,
    );
    assert_eq!(verify(&said).doubtful().count(), 11 * 16);
}

/// Of strangers who say who they are nobody's key is looked for where there is too much to try, and it is no doubt.
#[test]
fn a_stranger_s_name_is_taken_where_there_is_too_much_to_try() {
    let mut said = long_lines(&"x".repeat(700_000), 11);
    let stranger = MemoryKey::new(STRANGER).public_key().id();
    said.iter_mut()
        .flat_map(|line| &mut line.signatures)
        .for_each(|signature| signature.key = stranger.clone());
    said.push(sign(&approved(Role::Approver, MAY), CAROL));
    let verified = verify(&said);
    assert_eq!((verified.accepted.len(), verified.doubtful().count()), (1, 0));
    assert!(verified.rejected.iter().all(|rejected| rejected.reason == Reason::UnknownKey));
}

/// What may be dropped: what no key of the root has signed, whatever name it bears.
#[test]
fn who_is_a_stranger() {
    let root = root();
    let renamed = |key: u8, name: &str| {
        let mut envelope = sign(&refused(Role::Reviewer, MAY), key);
        envelope.signatures[0].key = name.to_owned().into();
        envelope
    };
    let bob = MemoryKey::new(BOB).public_key().id().to_string();
    let stranger = MemoryKey::new(STRANGER).public_key().id().to_string();
    let rows = [
        (BOB, "", false),
        (BOB, &stranger, false),
        (STRANGER, &bob, false),
        (STRANGER, "", true),
        (STRANGER, &stranger, true),
    ];
    for (key, name, expected) in rows {
        assert_eq!(is_strangers(&root, &renamed(key, name)), expected, "{key} as `{name}`");
    }
}
