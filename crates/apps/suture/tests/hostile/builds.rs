//! Damaged builds: mutants of a program, compared with its fix.

use std::path::Path;

use crate::chance::Chance;
use crate::elf_file;
use crate::ending;
use crate::patient::pair;

/// Bits that are turned over in each section.
const EACH: usize = 6;
/// One of so many mutants is compared: of each kind there are some left.
const SHARE: usize = 5;
/// How many comparisons run side by side.
const HANDS: usize = 3;

/// Compares a mutant with the build that is whole, as the old or as the new one. Gives the exit code.
fn compare(here: &Path, hand: usize, (what, bytes): &(String, Vec<u8>), is_old: bool) -> i32 {
    let (file, delta) = (format!("mutant-{hand}"), format!("mutant-{hand}.delta"));
    std::fs::write(here.join(&file), bytes).unwrap();
    let _ = std::fs::remove_file(here.join(&delta));
    let (old, new) = if is_old { (file.as_str(), "answers.new") } else { ("answers.old", file.as_str()) };
    let output = ending::run(here, &["diff", "--old", old, "--new", new, "-o", &delta]);
    let code = ending::code(what, &output, &[0, 2, 3]);
    if code == 3 {
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(said.starts_with("FULL UPDATE") && said.contains("help"), "{what}: {said}");
    }
    // There is a delta where it says so, and it is one.
    assert_eq!(here.join(&delta).exists(), code == 0, "{what}");
    if code == 0 {
        ending::code(what, &ending::run(here, &["inspect", &delta]), &[0]);
    }
    code
}

#[test]
fn damaged_builds() {
    let pair = pair();
    let mut mutants = Vec::new();
    for (is_old, build) in [(true, &pair.old), (false, &pair.new)] {
        let bytes = std::fs::read(build).unwrap();
        let all = elf_file::mutants(&bytes, EACH, |_| true, &mut Chance(0xb111d));
        mutants
            .extend(all.into_iter().map(|mutant| (is_old, mutant)).skip(usize::from(is_old)).step_by(SHARE));
    }
    assert!(mutants.len() > 200, "{}", mutants.len());
    let share = mutants.len().div_ceil(HANDS);
    let seen: Vec<i32> = std::thread::scope(|scope| {
        let one = |(hand, mutants)| {
            let here = pair.directory();
            let mutants: &[(bool, (String, Vec<u8>))] = mutants;
            scope.spawn(move || {
                let each = mutants.iter().map(|(is_old, mutant)| compare(here, hand, mutant, *is_old));
                each.collect::<Vec<_>>()
            })
        };
        let hands: Vec<_> = mutants.chunks(share).enumerate().map(one).collect();
        let all =
            hands.into_iter().map(|hand| hand.join().unwrap_or_else(|why| std::panic::resume_unwind(why)));
        all.flatten().collect()
    });
    let count = |code| seen.iter().filter(|seen| **seen == code).count();
    // Much of a build is nothing that a comparison looks at.
    assert!(count(0) > 50 && count(2) > 20 && count(3) > 5, "{} {} {}", count(0), count(2), count(3));
}
