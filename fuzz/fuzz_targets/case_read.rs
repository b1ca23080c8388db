//! Any bytes as each of the texts of a case.
#![no_main]

libfuzzer_sys::fuzz_target!(|file: &[u8]| suture_fuzz::case_read(file));
