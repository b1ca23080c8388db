//! Every kept input, every truncation of it, and mutants of it, through the check of its target.
//!
//! The mutants are the same in each run, unless `SUTURE_MUTANTS` says how many there are to be: `make mutants`.

use std::fs;
use std::path::Path;

/// Mutants of the inputs of one target.
const MUTANTS: usize = 2_000;
/// Bytes that mean something in most formats.
const EDGES: [u8; 12] = [0, 1, 0x7f, 0x80, 0xff, b'\n', b'"', b'\\', b'=', b'[', b'{', b'9'];
/// Truncations of one input: at this many places, spread over it.
const TRUNCATIONS: usize = 64;

fn inputs(target: &str) -> Vec<Vec<u8>> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(target);
    let mut paths: Vec<_> = fs::read_dir(&directory).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    assert!(!paths.is_empty(), "no inputs in {}", directory.display());
    paths.iter().map(|path| fs::read(path).unwrap()).collect()
}

fn check(target: &str, check: impl Fn(&[u8])) {
    let inputs = inputs(target);
    for input in &inputs {
        check(input);
        for part in 0..TRUNCATIONS {
            check(&input[..input.len() * part / TRUNCATIONS]);
        }
    }
    let count = std::env::var("SUTURE_MUTANTS").map_or(MUTANTS, |count| count.parse().unwrap());
    for number in 0..count {
        let mut chance = Chance(0x9e37_79b9_7f4a_7c15 ^ number as u64);
        let mutant = mutant(&inputs, &mut chance);
        if let Err(panic) = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| check(&mutant))) {
            let path = std::env::temp_dir().join(format!("mutant-{target}-{number}"));
            fs::write(&path, &mutant).unwrap();
            eprintln!("mutant {number} of {target}, kept as {}", path.display());
            std::panic::resume_unwind(panic);
        }
    }
}

/// An input that was changed in one to eight places.
fn mutant(inputs: &[Vec<u8>], chance: &mut Chance) -> Vec<u8> {
    let mut mutant = inputs[chance.below(inputs.len())].clone();
    for _ in 0..=chance.below(8) {
        let at = chance.below(mutant.len() + 1);
        let end = (at + chance.below(64)).min(mutant.len());
        match chance.below(6) {
            0 if at < mutant.len() => mutant[at] ^= 1 << chance.below(8),
            1 if at < mutant.len() => mutant[at] = EDGES[chance.below(EDGES.len())],
            2 => drop(mutant.drain(at..end)),
            3 => {
                let twice = mutant[at..end].to_vec();
                mutant.splice(at..at, twice);
            }
            4 => {
                let other = &inputs[chance.below(inputs.len())];
                let from = chance.below(other.len() + 1);
                let piece = other[from..(from + chance.below(64)).min(other.len())].to_vec();
                mutant.splice(at..end, piece);
            }
            _ => mutant.insert(at, u8::try_from(chance.below(256)).unwrap()),
        }
    }
    mutant
}

/// xorshift64 (Marsaglia 2003).
struct Chance(u64);

impl Chance {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % limit as u64).unwrap()
    }
}

#[test]
fn advisory_read() {
    check("advisory_read", suture_fuzz::advisory_read);
}

#[test]
fn case_read() {
    check("case_read", suture_fuzz::case_read);
}

#[test]
fn channel_texts() {
    check("channel_texts", suture_fuzz::channel_texts);
}

#[test]
fn delta_read() {
    check("delta_read", suture_fuzz::delta_read);
}

#[test]
fn diff() {
    check("diff", suture_fuzz::diff);
}

#[test]
fn home_read() {
    check("home_read", suture_fuzz::home::home_read);
}

#[test]
fn policy() {
    check("policy", suture_fuzz::policy);
}

#[test]
fn statements() {
    check("statements", suture_fuzz::trust::statements);
}

#[test]
fn trust_root() {
    check("trust_root", suture_fuzz::trust::trust_root);
}

#[test]
fn bundle_read() {
    check("bundle_read", suture_fuzz::bundle_read);
}

#[test]
fn dossier_read() {
    check("dossier_read", suture_fuzz::dossier_read);
}

#[test]
fn log_texts() {
    check("log_texts", suture_fuzz::log_texts);
}
