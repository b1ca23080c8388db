//! Mutated and invented input: an error or a value, never a panic, never more memory than the input is long.

use proptest::prelude::*;
use suture_trust::{
    ENVELOPES_MAX, FILE_LEN_MAX, PublicKey, Role, Signer as _, Statement, TooMuch, TrustRoot, read_lines,
};

use crate::party::{MemoryKey, approved, refused, root_text, sign, verify};

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
