//! Any bytes as a trust root.
#![no_main]

libfuzzer_sys::fuzz_target!(|file: &[u8]| suture_fuzz::trust::trust_root(file));
