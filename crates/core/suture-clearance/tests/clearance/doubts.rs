//! Damage and strangers: what may be a refusal stops a patch, what can be none does not.

use suture_clearance::{Authority, ClearError, Clearance, Patch, Use, clear};
use suture_trust::{Envelope, Lines, Role, read_lines};

use crate::desk::{
    authority, bundle, everything, lines, refusal, reviewed, sign, sign_as_stranger, sign_bytes, time,
};

const LATER: &str = "2030-06-01T01:00:00Z";

fn patch() -> Patch {
    Patch::read(&bundle("local", &[])).unwrap()
}

fn ask(authority: &Authority, lines: &Lines, patch: &Patch) -> Result<Clearance, ClearError> {
    clear(authority, patch, lines, &Use::Run { dark: false }, None, time(LATER))
}

fn text(said: &[Envelope]) -> Vec<u8> {
    said.iter().flat_map(|envelope| (envelope.to_json() + "\n").into_bytes()).collect()
}

/// Whichever byte of it is another, and wherever it is cut off.
#[test]
fn a_damaged_refusal_stops_like_a_whole_one() {
    let (authority, patch) = (authority(&[]), patch());
    let said = everything(&patch);
    let before = text(&said);
    let refusal = text(&[sign(&patch, "ray", refusal(Role::Reviewer))]);
    let stops = |line: &[u8], what: &str| {
        let lines = read_lines(&[&before, line].concat()).unwrap();
        match ask(&authority, &lines, &patch) {
            Ok(clearance) => assert!(!clearance.decision.allowed, "{what}"),
            Err(ClearError::Doubtful(doubts)) => {
                assert!(doubts.to_string().starts_with(&format!("line {}: ", said.len() + 1)), "{doubts}");
            }
            Err(error) => panic!("{what}: {error}"),
        }
    };
    for at in 0..refusal.len() - 1 {
        let mut line = refusal.clone();
        line[at] ^= 1;
        stops(&line, &format!("byte {at} is another"));
        if at > 0 {
            stops(&refusal[..at], &format!("cut off before byte {at}"));
        }
    }
}

/// What only a later version can read may be a refusal; what nobody in the trust root has signed is none.
#[test]
fn what_can_not_be_read_may_be_a_refusal() {
    let (authority, patch) = (authority(&[]), patch());
    let json = |envelope: &Envelope| String::from_utf8(envelope.payload.clone()).unwrap();
    let refusal = json(&sign(&patch, "ray", refusal(Role::Reviewer)));
    let review = json(&sign(&patch, "ray", reviewed()));
    let rows = [
        (refusal.replace("refused:v1", "refused:v2"), true),
        (refusal.replace("\"reason\"", "\"scope\":\"all\",\"reason\""), true),
        (review.replace("reviewed:v1", "reviewed:v2"), false),
        (refusal.replacen('{', "{\"a\":1,\"a\":1,", 1), true),
        (review.replacen('{', "{\"a\":1,\"a\":1,", 1), false),
    ];
    for (payload, stops) in rows {
        let mut said = everything(&patch);
        said.push(sign_bytes("ray", payload.clone().into_bytes()));
        assert_eq!(ask(&authority, &lines(&said), &patch).is_err(), stops, "{payload}");
        // Word for word the same, by a stranger.
        said.pop();
        said.push(sign_as_stranger(payload.into_bytes()));
        assert!(ask(&authority, &lines(&said), &patch).unwrap().decision.allowed);
    }
}
