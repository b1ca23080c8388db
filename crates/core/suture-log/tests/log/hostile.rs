//! Every parser over valid input with bytes changed, removed, doubled: one error or a value, never a panic, and what is
//! accepted is written as it was read.

use proptest::prelude::*;
use suture_log::{
    ConsistencyFile, ExportReader, KeyKind, Note, Policy, ProofFile, SignedCheckpoint, tile, tree, verify,
};

use crate::support::{Key, Ledger};
use crate::tree::Leaves;

/// What a hostile hand does to a file.
#[derive(Debug, Clone)]
enum Edit {
    Set(prop::sample::Index, u8),
    Cut(prop::sample::Index, usize),
    Double(prop::sample::Index, usize),
    Insert(prop::sample::Index, Vec<u8>),
}

fn edits() -> impl Strategy<Value = Vec<Edit>> {
    let interesting = prop_oneof![
        Just(b"\n".to_vec()),
        Just(b"\n\n".to_vec()),
        Just("— a AAAAAAAA\n".into()),
        prop::collection::vec(any::<u8>(), 1..9)
    ];
    let at = any::<prop::sample::Index>;
    let edit = prop_oneof![
        (at(), any::<u8>()).prop_map(|(at, byte)| Edit::Set(at, byte)),
        (at(), 1_usize..80).prop_map(|(at, len)| Edit::Cut(at, len)),
        (at(), 1_usize..80).prop_map(|(at, len)| Edit::Double(at, len)),
        (at(), interesting).prop_map(|(at, bytes)| Edit::Insert(at, bytes)),
    ];
    prop::collection::vec(edit, 1..4)
}

fn apply(mut bytes: Vec<u8>, edits: &[Edit]) -> Vec<u8> {
    for edit in edits {
        if bytes.is_empty() {
            break;
        }
        match edit {
            Edit::Set(at, byte) => {
                let at = at.index(bytes.len());
                bytes[at] = *byte;
            }
            Edit::Cut(at, len) => {
                let at = at.index(bytes.len());
                bytes.drain(at..(at + len).min(bytes.len()));
            }
            Edit::Double(at, len) => {
                let at = at.index(bytes.len());
                let part = bytes[at..(at + len).min(bytes.len())].to_vec();
                bytes.splice(at..at, part);
            }
            Edit::Insert(at, more) => {
                let at = at.index(bytes.len());
                bytes.splice(at..at, more.clone());
            }
        }
    }
    bytes
}

fn witnessed() -> SignedCheckpoint {
    let mut signed = Ledger::new(&[11]).checkpoints.remove(0);
    signed.cosign(&Key::new("witness.example/w", 9), 1_772_366_410).unwrap();
    signed
}

fn proof() -> ProofFile {
    let ledger = Ledger::new(&[11]);
    let leaves: Vec<_> = ledger.entries.iter().map(|entry| suture_log::Hash::of_leaf(entry)).collect();
    let hashes = tree::inclusion(4, 11, &mut Leaves(&leaves)).unwrap();
    ProofFile { extra: Some(ledger.entries[4].clone()), index: 4, hashes, checkpoint: witnessed() }
}

fn policy() -> String {
    let witness = Key::new("witness.example/w", 9).verifier(KeyKind::Cosignature);
    format!("log {}\nwitness W {witness}\ngroup G any W\nquorum G\n", Key::log().verifier(KeyKind::Note))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn notes(edits in edits()) {
        let bytes = apply(witnessed().to_string().into_bytes(), &edits);
        if let Ok(note) = Note::parse(&bytes) {
            let written = note.to_string();
            prop_assert_eq!(Note::parse(written.as_bytes()).unwrap(), note);
        }
        if let Ok(signed) = SignedCheckpoint::parse(&bytes) {
            let policy = Policy::parse(policy().as_bytes()).unwrap();
            // Whoever is believed has signed exactly this.
            if policy.judge(&signed).is_ok() {
                let genuine = witnessed();
                prop_assert_eq!(signed.note().text(), genuine.note().text());
            }
        }
    }

    #[test]
    fn proofs(edits in edits()) {
        let bytes = apply(proof().to_string().into_bytes(), &edits);
        if let Ok(read) = ProofFile::parse(&bytes) {
            prop_assert_eq!(ProofFile::parse(read.to_string().as_bytes()).unwrap(), read.clone());
            let entry = proof().extra.unwrap();
            if read.verify(&entry).is_ok() && read.checkpoint.note().text() == witnessed().note().text() {
                prop_assert_eq!((read.index, read.hashes), (4, proof().hashes));
            }
        }
        let old = format!("old 4\n{}", proof().to_string().split_once("index 4\n").unwrap().1);
        if let Ok(read) = ConsistencyFile::parse(&apply(old.into_bytes(), &edits)) {
            prop_assert!(read.verify(suture_log::Hash::of_leaf(b"another")).is_err());
        }
    }

    #[test]
    fn policies(edits in edits()) {
        if let Err(error) = Policy::parse(&apply(policy().into_bytes(), &edits)) {
            prop_assert!(!error.to_string().contains(char::is_control));
        }
    }

    #[test]
    fn exports(edits in edits()) {
        let bytes = apply(Ledger::new(&[2, 5]).export(), &edits);
        let Ok(mut reader) = ExportReader::new(bytes.as_slice()) else { return Ok(()) };
        loop {
            match reader.next_record() {
                Ok(Some(_)) => {}
                Ok(None) => break,
                Err(error) => {
                    prop_assert!(!error.to_string().contains(char::is_control));
                    break;
                }
            }
        }
    }

    #[test]
    fn bundles(bytes: Vec<u8>, count in 0_usize..300) {
        if let Ok(entries) = tile::entries(&bytes, count) {
            prop_assert_eq!(entries.len(), count);
        }
    }

    #[test]
    fn proofs_of_anything(index: u64, size: u64, hashes in 0_usize..70) {
        let hash = suture_log::Hash::of_nothing();
        let proof = vec![hash; hashes];
        prop_assert!(verify::inclusion(index, hash, size, hash, &proof).is_err() || size == 1);
        let _ = verify::consistency((index, hash), (size, hash), &proof);
    }
}
