//! Ten gigabytes, said the log: what it claims costs no memory, though its own key has signed it.

use std::fs;

use suture_keys::FileKey;
use suture_log::{Checkpoint, Hash, SignError, Signer};
use suture_trust::Signer as _;

use crate::little_memory::{TEN_GIGABYTES, in_little_memory, refused_in_little_memory, sparse};
use crate::support::{ORIGIN, Place};

/// The key of the log, in other hands.
struct Stolen(FileKey);

impl Signer for Stolen {
    fn name(&self) -> &str {
        ORIGIN
    }

    fn public_key(&self) -> [u8; 32] {
        *self.0.public_key().as_bytes()
    }

    fn sign(&self, message: &[u8]) -> Result<[u8; 64], SignError> {
        Ok(self.0.sign(message).unwrap())
    }
}

fn verify(place: &Place, what: &str, exit: i32) -> String {
    let arguments = ["audit", "verify", what, "--key", &place.vkey];
    refused_in_little_memory(&place.directory, exit, &arguments)
}

fn log(name: &str) -> Place {
    let place = Place::with_log(name);
    place.acts(3);
    let arguments = ["audit", "verify", "log", "--key", &place.vkey];
    assert!(in_little_memory(&place.directory, &arguments).status.success());
    place
}

#[test]
fn the_size_in_a_checkpoint() {
    let place = log("claims-size");
    let key = FileKey::read(&place.path("log.key"), 1, &mut |_| unreachable!("it has no passphrase"));
    let key = Stolen(key.unwrap());
    for size in [TEN_GIGABYTES, u64::MAX] {
        let checkpoint = Checkpoint { origin: ORIGIN.to_owned(), size, root: Hash::of_leaf(b"") };
        let signed = checkpoint.sign(&key).unwrap();
        place.write("log/public/checkpoint", &signed.note().to_string());
        let said = verify(&place, "log", 5);
        assert!(said.contains("is missing"), "{said}");
        refused_in_little_memory(&place.directory, 2, &["audit", "show", "--log", "log"]);
    }
}

/// Files that have ten gigabytes of zeros.
#[test]
fn files_without_end() {
    let place = log("claims-files");
    for file in ["checkpoint", "checkpoints", "tile/0/000.p/4", "tile/entries/000.p/4"] {
        let path = place.path("log/public").join(file);
        let kept = fs::read(&path).unwrap();
        sparse(&path);
        let said = verify(&place, "log", if file == "checkpoint" { 2 } else { 5 });
        assert!(said.contains(file), "{said}");
        fs::write(path, kept).unwrap();
    }
    sparse(&place.path("log.export"));
    verify(&place, "log.export", 2);
    assert!(
        in_little_memory(&place.directory, &["audit", "verify", "log", "--key", &place.vkey])
            .status
            .success()
    );
}
