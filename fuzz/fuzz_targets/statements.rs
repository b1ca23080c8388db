//! Any bytes as a file of statements.
#![no_main]

libfuzzer_sys::fuzz_target!(|file: &[u8]| suture_fuzz::trust::statements(file));
