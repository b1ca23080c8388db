//! What CI and people run on the tree: `cargo xtask tidy` and `cargo xtask deny`.
//!
//! The rules that a compiler can't check: which crate may know which, that the core touches nothing of the
//! outside world, where `unsafe` may stand, and that files stay small enough to be read; and which dependencies there may be.

mod deny;
mod licence;
mod source;
mod tidy;
mod withdrawn;

use std::path::Path;
use std::process::ExitCode;

fn main() -> ExitCode {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    match std::env::args().nth(1).as_deref() {
        Some("tidy") => report(tidy::check(&root)),
        Some("deny") => report(deny::check(&root)),
        _ => {
            eprintln!("usage: cargo xtask tidy | deny");
            ExitCode::from(2)
        }
    }
}

fn report(findings: Result<Vec<String>, String>) -> ExitCode {
    match findings {
        Ok(findings) if findings.is_empty() => ExitCode::SUCCESS,
        Ok(findings) => {
            for finding in &findings {
                eprintln!("{finding}");
            }
            eprintln!("{} findings", findings.len());
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}
