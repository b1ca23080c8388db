//! What CI and people run on the tree: `cargo xtask tidy`.
//!
//! The rules that a compiler can't check: which crate may know which, that the core touches nothing of the
//! outside world, where `unsafe` may stand, and that files stay small enough to be read.

mod source;
mod tidy;

use std::path::Path;
use std::process::ExitCode;

fn main() -> ExitCode {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    if let Some("tidy") = std::env::args().nth(1).as_deref() {
        report(tidy::check(&root))
    } else {
        eprintln!("usage: cargo xtask tidy");
        ExitCode::from(2)
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
