//! What must hold for any bytes: the bodies of the fuzz targets.
//!
//! ```text
//!  cargo +nightly fuzz run --features libfuzzer delta_read      search for new inputs
//!  cargo test -p suture-fuzz                                    every input that was kept
//! ```
//!
//! An input that has found a defect is kept in `corpus/TARGET/` with the mending commit.
#![forbid(unsafe_code)]

use suture_delta::format;
use suture_delta::inspect;
use suture_delta::page::Look;

/// Any file: it is a delta, which then has exactly these bytes and can be shown, or there is one error.
///
/// # Panics
/// If a file that is accepted does not mean its bytes, or breaks a rule that readers rely on.
pub fn delta_read(file: &[u8]) {
    match format::read(file) {
        Ok(delta) => {
            delta.validate().expect("what is read is valid");
            assert_eq!(format::write(&delta).as_deref(), Ok(file), "a delta has one spelling");
            let look = Look { width: Some(80), colour: true };
            let id = format::id(file);
            let text = inspect::delta(&delta, &id, file.len(), &look);
            assert!(!text.contains(|c: char| c.is_control() && c != '\n' && c != '\x1b'));
            let functions = inspect::disassemble(&delta, "", None).expect("no build, no other build");
            inspect::code(&functions, &look);
        }
        Err(error) => {
            let sentence = error.to_string();
            assert!(!sentence.is_empty() && !sentence.contains(char::is_control), "{sentence:?}");
            assert!(!error.help().is_empty());
        }
    }
}
