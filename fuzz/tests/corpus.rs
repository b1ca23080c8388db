//! Every kept input, and every truncation of it, through the check of its target.

use std::fs;
use std::path::Path;

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
    for input in inputs(target) {
        check(&input);
        for part in 0..TRUNCATIONS {
            check(&input[..input.len() * part / TRUNCATIONS]);
        }
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
fn delta_read() {
    check("delta_read", suture_fuzz::delta_read);
}

#[test]
fn diff() {
    check("diff", suture_fuzz::diff);
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
