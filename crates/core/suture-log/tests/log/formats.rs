//! Notes, keys, cosignatures and proofs as C2SP writes them; the examples are those of its specifications.

use suture_log::{Checkpoint, Cosigned, Hash, KeyKind, Note, ProofFile, SignedCheckpoint, VerifierKey, tree};

use crate::support::{Key, Ledger, ORIGIN};

/// From C2SP tlog-cosignature.
const EXAMPLE: &str = "\
example.com/behind-the-sofa
20852163
CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=

— example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=
— witness.example.com/w1 jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9DYn/zXcrtPHeolMI5OWXEhZCB9dlrDJsX3b2oyin1nPZqhf5nNo0xUe+mbIUBkBIfZ+qnA==
";

/// A key of golang.org/x/mod/sumdb/note, with a note signed by it, both from its documentation.
const GO_KEY: &str = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
const GO_NOTE: &str = "\
If you think cryptography is the answer to your problem,
then you don't know what your problem is.

— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=
";

#[test]
fn an_example_of_the_specification_is_read() {
    let signed = SignedCheckpoint::parse(EXAMPLE.as_bytes()).unwrap();
    assert_eq!(signed.to_string(), EXAMPLE);
    assert_eq!((signed.checkpoint().size, signed.note().signatures().len()), (20_852_163, 2));
}

#[test]
fn a_key_of_go_is_read() {
    let key: VerifierKey = GO_KEY.parse().unwrap();
    assert_eq!((key.name(), key.id(), key.to_string().as_str()), ("PeterNeumann", 0xc74f_20a3, GO_KEY));
    assert_eq!(Note::parse(GO_NOTE.as_bytes()).unwrap().to_string(), GO_NOTE);
}

#[test]
fn keys_that_are_none() {
    let rows = [
        ("PeterNeumann", "NAME+ID+BASE64"),
        ("PeterNeumann+c74f20a3+????", "NAME+ID+BASE64"),
        ("PeterNeumann+c74f20a4+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW", "c74f20a3"),
        ("PeterNeumann+C74F20A3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW", "c74f20a3"),
        ("Peter Neumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW", "name"),
        ("PeterNeumann+c74f20a3+BhpcAAAA", "type 6"),
        // The neutral element of the curve signs everything for everybody.
        ("w+00000000+AQEAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "no Ed25519"),
    ];
    for (text, why) in rows {
        let error = text.parse::<VerifierKey>().expect_err(text).to_string();
        assert!(error.contains(why), "{text}: {error}");
    }
}

#[test]
fn a_checkpoint_is_signed_by_the_log_and_by_nobody_else() {
    let log = Key::log();
    let checkpoint = Checkpoint { origin: ORIGIN.to_owned(), size: 7, root: Hash::of_leaf(b"root") };
    let signed = checkpoint.clone().sign(&log).unwrap();
    assert!(signed.is_signed_by(&log.verifier(KeyKind::Note)));
    assert!(!signed.is_signed_by(&Key::new(ORIGIN, 2).verifier(KeyKind::Note)));
    assert!(!signed.is_signed_by(&log.verifier(KeyKind::Cosignature)));
    assert!(checkpoint.sign(&Key::new("example.com/other", 1)).is_err());
    let other = signed.to_string().replace("\n7\n", "\n8\n");
    assert!(!SignedCheckpoint::parse(other.as_bytes()).unwrap().is_signed_by(&log.verifier(KeyKind::Note)));
}

#[test]
fn a_cosignature_has_its_time() {
    let mut signed = Ledger::new(&[3]).checkpoints.remove(0);
    let witness = Key::new("witness.example/w1", 9);
    signed.cosign(&witness, 1_679_315_147).unwrap();
    let signed = SignedCheckpoint::parse(signed.to_string().as_bytes()).unwrap();
    let key = witness.verifier(KeyKind::Cosignature);
    assert!(
        matches!(signed.cosignature_of(&key), Cosigned::At(cosignature) if cosignature.time_s == 1_679_315_147)
    );
    assert_eq!(
        signed.cosignature_of(&Key::new("witness.example/w2", 9).verifier(KeyKind::Cosignature)),
        Cosigned::Not
    );
    // The same with another time, or under another checkpoint, is none.
    let line = signed.note().signatures()[1].to_string();
    let later = signed.to_string().replace(&line[line.len() - 80..], &line[line.len() - 80..].to_lowercase());
    let later = SignedCheckpoint::parse(later.as_bytes()).unwrap();
    assert_eq!(later.cosignature_of(&key), Cosigned::Forged);
    assert!(signed.clone().cosign(&witness, u64::MAX).is_err());
    // Who signs again replaces what they had said.
    let mut again = signed.clone();
    again.cosign(&witness, 1_679_315_148).unwrap();
    assert_eq!(again.note().signatures().len(), 2);
}

#[test]
fn a_proof_proves_its_entry_alone() {
    let ledger = Ledger::new(&[11]);
    let leaves: Vec<Hash> = ledger.entries.iter().map(|entry| Hash::of_leaf(entry)).collect();
    let hashes = tree::inclusion(4, 11, &mut crate::tree::Leaves(&leaves)).unwrap();
    let extra = Some(ledger.entries[4].clone());
    let proof = ProofFile { extra, index: 4, hashes, checkpoint: ledger.checkpoints[0].clone() };
    let text = proof.to_string();
    assert_eq!(ProofFile::parse(text.as_bytes()).unwrap(), proof);
    assert_eq!(proof.verify(&ledger.entries[4]), Ok(()));
    assert!(proof.verify(&ledger.entries[5]).is_err());
    assert!(ProofFile { index: 5, ..proof.clone() }.verify(&ledger.entries[4]).is_err());
    let rows = [
        (text.replace("tlog-proof@v1", "tlog-proof@v2"), "line 1"),
        (text.replace("index 4", "index 04"), "line 3"),
        (text.replace("extra ", "extra ?"), "line 2"),
        (text.replacen("=\n", "\n", 2), "line 4"),
        (text.replace("\n11\n", "\n011\n"), "line 10"),
        (text[..200].to_owned(), "line 2"),
        (format!("{}{}", &text[..=text.find("\n\n").unwrap()], "AA\n".repeat(70)), "line 8"),
    ];
    for (wrong, place) in rows {
        let error = ProofFile::parse(wrong.as_bytes()).expect_err(&wrong).to_string();
        assert!(error.contains(place), "{error:?} is not at {place}");
    }
}

#[test]
fn notes_that_are_none() {
    let many = "— a AAAAAAAA\n".repeat(65);
    let rows = [
        ("text\n\n", "line 3"),
        ("text\n", "line 2"),
        ("text\n\n— a AAAAAAAA", "line 3"),
        ("text\n\n- a AAAAAAAA\n", "line 3"),
        ("text\n\n— a b AAAAAAAA\n", "line 3"),
        ("text\n\n— a+b AAAAAAAA\n", "line 3"),
        ("text\n\n— a AAAA\n", "line 3"),
        ("text\n\n— a AAA\n", "line 3"),
        ("te\txt\n\n— a AAAAAAAA\n", "line 1"),
        (&format!("text\n\n{many}"), "line 67"),
    ];
    for (note, place) in rows {
        let error = Note::parse(note.as_bytes()).expect_err(note).to_string();
        assert!(error.contains(place), "{error:?} is not at {place}: {note:?}");
    }
    let error = Note::parse(b"text\n\n\xff\n").unwrap_err();
    assert_eq!((error.line, error.what.as_str()), (3, "it is not UTF-8"));
    assert!(Note::parse(&vec![b'a'; 1 << 20]).is_err());
}
