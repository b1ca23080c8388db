//! Damaged deltas: a few hundred mutants of a real one, each looked at and applied to a running process.

use suture_delta::format;

use crate::chance::Chance;
use crate::elf_file;
use crate::patient::{Patient, pair};
use crate::support::Pair;

/// How many processes are operated on side by side.
const HANDS: usize = 4;
/// Bits that are turned over in each section that describes, and in each that is code or data.
const EACH: usize = 20;
/// Digits of numbers in its texts that become others.
const DIGITS: usize = 50;

fn mutants(bytes: &[u8]) -> Vec<(String, Vec<u8>)> {
    let mut chance = Chance(0x5eed_de17a);
    let told = |name: &str| name.starts_with(".suture.") || name == ".symtab";
    let mut all = elf_file::mutants(bytes, EACH, told, &mut chance);
    let rest = |name: &str| !told(name);
    // The rest of the file is longer, and its bits mean less.
    let shallow = elf_file::mutants(bytes, 2, rest, &mut chance);
    all.extend(shallow.into_iter().filter(|(what, _)| what.contains(", bit ")));
    let words = [".suture.meta", ".suture.refs"].map(|name| elf_file::part(bytes, name).content);
    let digits: Vec<usize> = words.into_iter().flatten().filter(|at| bytes[*at].is_ascii_digit()).collect();
    for number in 0..DIGITS {
        let at = digits[chance.below(digits.len())];
        let mut bytes = bytes.to_vec();
        bytes[at] = b'0' + (bytes[at] - b'0' + 1 + chance.below(9) as u8) % 10;
        all.push((format!("digit {number} at {at:#x}"), bytes));
    }
    all
}

/// What is said of each mutant, and how often each exit code of `apply` was seen.
fn apply_each(pair: &Pair, original: &[u8], mutants: &[(String, Vec<u8>)], hand: usize) -> [usize; 5] {
    let mut patient = Patient::new(pair, hand);
    let original = format::read(original).unwrap();
    let mut seen = [0; 5];
    for (what, bytes) in mutants {
        let delta = patient.file(bytes);
        let looked = patient.inspect(what, &delta);
        let is_delta = format::read(bytes);
        assert_eq!(looked == 0, is_delta.is_ok(), "{what}");
        // What can be read means something else: no bit of a delta means nothing.
        assert!(is_delta.map_or(true, |mutant| mutant != original), "{what} is the same delta");
        let (code, _) = patient.apply(what, bytes, &delta);
        assert!(looked == 0 || code == looked, "{what}: inspect says {looked}, apply {code}");
        seen[code as usize] += 1;
    }
    seen
}

#[test]
fn damaged_deltas() {
    let pair = pair();
    let original = std::fs::read(&pair.delta).unwrap();
    let mutants = mutants(&original);
    assert!(mutants.len() > 300, "{}", mutants.len());
    let share = mutants.len().div_ceil(HANDS);
    let seen = std::thread::scope(|scope| {
        let hands = mutants.chunks(share).enumerate();
        let hands: Vec<_> = hands
            .map(|(hand, mutants)| {
                scope.spawn({
                    let (pair, original) = (&pair, &original);
                    move || apply_each(pair, original, mutants, hand)
                })
            })
            .collect();
        let all = hands
            .into_iter()
            .map(|hand| hand.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        all.fold([0; 5], |sum, seen| std::array::from_fn(|code| sum[code] + seen[code]))
    });
    // Most is seen at once; some is another delta, for this build or for another.
    let [accepted, _, unreadable, _, refused] = seen;
    assert!(unreadable > 250 && accepted > 5 && refused > 0, "{seen:?}");
}
