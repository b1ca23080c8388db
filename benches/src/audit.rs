//! The audit log: durable appends, proofs out of ten million entries, and the audit of a million.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use ed25519_dalek::{Signer as _, SigningKey};
use suture_log::tile::{self, Shelf, TILE_BYTES_MAX, Tile, WIDTH};
use suture_log::{
    Actor, Checkpoint, Draft, Frontier, Hash, KeyKind, Outcome, Policy, SignError, Signer, Subject, Time,
    VerifierKey,
};
use suture_tiles::{Log, Reader, Settings, SharedLog};

use crate::Failure;

const ORIGIN: &str = "example.com/bench";
/// Milliseconds since 1970 of the first entry.
const BEGIN_MS: i64 = 1_772_366_400_000;

#[derive(Clone)]
struct Key(SigningKey);

impl Signer for Key {
    fn name(&self) -> &str {
        ORIGIN
    }

    fn public_key(&self) -> [u8; 32] {
        self.0.verifying_key().to_bytes()
    }

    fn sign(&self, message: &[u8]) -> Result<[u8; 64], SignError> {
        Ok(self.0.sign(message).to_bytes())
    }
}

/// Prints all figures of the log. `directory` is on the disk that is to be measured.
pub(crate) fn measure(suture: &Path, directory: &Path) -> Result<(), Failure> {
    let key = Key(SigningKey::from_bytes(&[7; 32]));
    appends(directory, &key)?;
    proofs(directory, &key)?;
    audit(suture, directory, &key)
}

fn vkey(key: &Key) -> Result<VerifierKey, Failure> {
    Ok(VerifierKey::new(ORIGIN, KeyKind::Note, &key.public_key())?)
}

fn draft(number: u64) -> Draft {
    Draft {
        act: "process.apply".to_owned(),
        actor: Actor { key: Some(format!("SHA256:{}", "a".repeat(43))), name: "Ada Lovelace".to_owned() },
        subjects: vec![
            Subject::id("process", "redis-server[4711]"),
            Subject::digest("patch", &format!("{number:064x}")),
        ],
        outcome: Outcome::done(),
        detail: [("pause_us".to_owned(), suture_log::Value::Number(number as i64 % 1000))].into(),
    }
}

fn at(number: u64) -> Result<Time, Failure> {
    Ok(Time::from_unix_ms(BEGIN_MS + number as i64)?)
}

fn create(directory: &Path, key: &Key) -> Result<Log, Failure> {
    Ok(Log::create(directory, &Settings::new(vkey(key)?, None), key)?)
}

/// Entries per second, each on the disk when it is counted, by size of the batch and by threads.
fn appends(directory: &Path, key: &Key) -> Result<(), Failure> {
    for (batch, batches) in [(1, 200), (16, 100), (256, 50), (1024, 20), (4096, 10)] {
        let place = tempfile::tempdir_in(directory)?;
        let mut log = create(place.path(), key)?;
        let begun = Instant::now();
        for number in 0..batches {
            let drafts: Vec<Draft> = (number * batch..(number + 1) * batch).map(draft).collect();
            log.append(at(number)?, &drafts, key)?;
        }
        per_second(&format!("batches of {batch}"), batch * batches, begun.elapsed());
    }
    for threads in [1, 16, 64] {
        const EACH: u64 = 100;
        let place = tempfile::tempdir_in(directory)?;
        let shared = SharedLog::new(create(place.path(), key)?, key.clone());
        let now = at(0)?;
        let begun = Instant::now();
        std::thread::scope(|scope| {
            let writers: Vec<_> = (0..threads)
                .map(|_| {
                    scope.spawn(|| {
                        (0..EACH).try_for_each(|number| shared.append(draft(number), || now).map(drop))
                    })
                })
                .collect();
            writers
                .into_iter()
                .try_for_each(|writer| writer.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
        })?;
        per_second(&format!("{threads} threads, one entry at a time"), threads * EACH, begun.elapsed());
    }
    Ok(())
}

fn per_second(what: &str, entries: u64, time: Duration) {
    println!("append, {what}: {:.0} durable entries/s", entries as f64 / time.as_secs_f64());
}

/// Time to open a log of ten million entries and make the proof of one, entry included.
fn proofs(directory: &Path, key: &Key) -> Result<(), Failure> {
    const SIZE: u64 = 10_000_000;
    const PROOFS: u64 = 500;
    let place = tempfile::tempdir_in(directory)?;
    // Real entries are made where they are asked for; the others are hashes of their numbers.
    let bundles: Vec<u64> = (0..PROOFS).map(|number| scattered(number) % (SIZE / WIDTH)).collect();
    synthesise(place.path(), SIZE, &bundles, key)?;
    let policy = Policy::of_log(vkey(key)?);
    // The second time nothing has to come from the disk.
    for round in ["first time", "again"] {
        let mut times = Vec::new();
        for (number, bundle) in (0..).zip(&bundles) {
            let index = bundle * WIDTH + scattered(number) % WIDTH;
            let begun = Instant::now();
            let proof = Reader::open(place.path())?.prove(index)?;
            times.push(begun.elapsed());
            policy.judge(&proof.checkpoint)?;
            proof.verify(proof.extra.as_deref().unwrap_or_default())?;
        }
        times.sort_unstable();
        let us = |part: usize| times[(times.len() - 1) * part / 100].as_secs_f64() * 1e6;
        let (median, most, longest) = (us(50), us(99), us(100));
        println!(
            "inclusion proof, {SIZE} entries, {round}: median {median:.0} us, 99% {most:.0} us, longest {longest:.0} us"
        );
    }
    Ok(())
}

/// The files of a log of `size` entries, of whose bundles only those named are there.
fn synthesise(directory: &Path, size: u64, bundles: &[u64], key: &Key) -> Result<(), Failure> {
    let public = directory.join("public");
    let mut frontier = Frontier::default();
    let mut tiles: Vec<Vec<u8>> = Vec::new();
    let wanted: std::collections::BTreeSet<u64> = bundles.iter().copied().collect();
    let write = |tile: &Tile, content: &[u8]| -> Result<(), Failure> {
        let path = public.join(tile.path());
        std::fs::create_dir_all(path.parent().unwrap_or(&public))?;
        Ok(std::fs::write(path, content)?)
    };
    for index in 0..size.div_ceil(WIDTH) {
        let mut bundle = Vec::new();
        for number in index * WIDTH..((index + 1) * WIDTH).min(size) {
            let leaf = if wanted.contains(&index) {
                let entry = draft(number).at(at(number)?).encode()?;
                tile::push_entry(&mut bundle, &entry);
                Hash::of_leaf(&entry)
            } else {
                Hash::of_leaf(&number.to_le_bytes())
            };
            frontier.push(leaf, |node, hash| {
                if node.level.is_multiple_of(tile::HEIGHT) {
                    let level = usize::from(node.level / tile::HEIGHT);
                    tiles.resize(tiles.len().max(level + 1), Vec::new());
                    tiles[level].extend(hash.0);
                }
            });
        }
        if !bundle.is_empty() {
            write(&Tile { shelf: Shelf::Entries, index, width: WIDTH as u16 }, &bundle)?;
        }
    }
    for (level, hashes) in (0..).zip(&tiles) {
        for (index, content) in (0..).zip(hashes.chunks(TILE_BYTES_MAX)) {
            let width = (content.len() / Hash::LEN) as u16;
            write(&Tile { shelf: Shelf::Hashes(level), index, width }, content)?;
        }
    }
    let checkpoint = Checkpoint { origin: ORIGIN.to_owned(), size, root: frontier.root() }.sign(key)?;
    Ok(std::fs::write(public.join("checkpoint"), checkpoint.to_string())?)
}

/// Time of `suture audit verify` over a million entries, as an export and as a directory.
fn audit(suture: &Path, directory: &Path, key: &Key) -> Result<(), Failure> {
    const SIZE: u64 = 1_000_000;
    const BATCH: u64 = 1_000;
    let place = tempfile::tempdir_in(directory)?;
    let log_directory = place.path().join("log");
    let mut log = create(&log_directory, key)?;
    let begun = Instant::now();
    for first in (0..SIZE).step_by(BATCH as usize) {
        let drafts: Vec<Draft> = (first..first + BATCH).map(draft).collect();
        log.append(at(first)?, &drafts, key)?;
    }
    per_second(&format!("a million in batches of {BATCH}"), SIZE, begun.elapsed());
    drop(log);
    let export = place.path().join("log.export");
    let run = |what: &str, arguments: &[&std::ffi::OsStr]| -> Result<(), Failure> {
        let begun = Instant::now();
        let status =
            Command::new(suture).arg("audit").args(arguments).stdout(std::process::Stdio::null()).status()?;
        let time = begun.elapsed().as_secs_f64();
        if !status.success() {
            return Err(format!("{what}: {status}").into());
        }
        println!("{what} of {SIZE} entries: {time:.2} s");
        Ok(())
    };
    let vkey = vkey(key)?.to_string();
    run(
        "audit export",
        &["export".as_ref(), "--log".as_ref(), log_directory.as_ref(), "-o".as_ref(), export.as_ref()],
    )?;
    run("audit verify, export", &["verify".as_ref(), export.as_ref(), "--key".as_ref(), vkey.as_ref()])?;
    run(
        "audit verify, directory",
        &["verify".as_ref(), log_directory.as_ref(), "--key".as_ref(), vkey.as_ref()],
    )
}

/// Numbers that are spread out, the same in every run (splitmix64).
fn scattered(number: u64) -> u64 {
    let mut mixed = (number + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ mixed >> 31
}
