//! Other people's crates read what we write: `signed_note` the checkpoint, `tlog_tiles` the tiles, which it
//! authenticates against the root before it makes proofs of them.

use std::path::PathBuf;

use signed_note::{Note, StandardVerifier, VerifierList};
use tlog_tiles::{Checkpoint, Error, HashReader, Tile, TileHashReader, TileReader};

use crate::support::{append, create, vkey};

struct Directory(PathBuf);

impl TileReader for Directory {
    fn height(&self) -> u8 {
        8
    }

    fn read_tiles(&self, tiles: &[Tile]) -> Result<Vec<Vec<u8>>, Error> {
        // That crate has its own prefix, with the height in it, as the checksum database of Go.
        let path = |tile: &Tile| self.0.join(tile.path().replacen("tile/8/", "tile/", 1));
        tiles.iter().map(|tile| std::fs::read(path(tile)).map_err(|_| Error::InvalidTile)).collect()
    }

    fn save_tiles(&self, _: &[Tile], _: &[Vec<u8>]) {}
}

#[test]
fn our_log_is_read_by_others() {
    let here = tempfile::tempdir().unwrap();
    let mut log = create(here.path());
    for mut left in [300, 1000, 70_000 - 1300_u64] {
        while left > 0 {
            let count = left.min(16_000);
            append(&mut log, count).unwrap();
            left -= count;
        }
    }
    let public = here.path().join("public");
    let note = Note::from_bytes(&std::fs::read(public.join("checkpoint")).unwrap()).unwrap();
    let verifier = StandardVerifier::new(&vkey().to_string()).unwrap();
    let (genuine, unknown) = note.verify(&VerifierList::new(vec![Box::new(verifier)])).unwrap();
    assert_eq!((genuine.len(), unknown.len()), (1, 0));
    let checkpoint = Checkpoint::from_bytes(note.text()).unwrap();
    assert_eq!((checkpoint.origin(), checkpoint.size()), (vkey().name(), 70_000));

    let directory = Directory(public);
    let theirs = TileHashReader::new(checkpoint.size(), *checkpoint.hash(), &directory);
    let reader = suture_tiles::Reader::open(here.path()).unwrap();
    for index in [0, 299, 65_535, 65_536, 69_999] {
        let their_proof = tlog_tiles::prove_record(checkpoint.size(), index, &theirs).unwrap();
        let ours = reader.prove(index).unwrap();
        let hashes: Vec<[u8; 32]> = ours.hashes.iter().map(|hash| hash.0).collect();
        assert_eq!(their_proof.iter().map(|hash| hash.0).collect::<Vec<_>>(), hashes);
        let leaf = tlog_tiles::record_hash(&reader.entry_bytes(index).unwrap());
        tlog_tiles::check_record(&their_proof, checkpoint.size(), *checkpoint.hash(), index, leaf).unwrap();
    }
    for old in [1, 256, 65_536, 69_999] {
        let their_proof = tlog_tiles::prove_tree(checkpoint.size(), old, &theirs).unwrap();
        let ours = suture_log::tree::consistency(old, checkpoint.size(), &mut reader.nodes()).unwrap();
        assert_eq!(
            their_proof.iter().map(|hash| hash.0).collect::<Vec<_>>(),
            ours.iter().map(|hash| hash.0).collect::<Vec<_>>()
        );
    }
    assert!(theirs.read_hashes(&[0]).is_ok());
}
