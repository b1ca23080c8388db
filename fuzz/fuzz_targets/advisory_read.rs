//! Any bytes as an advisory, and as a text that is looked through.
#![no_main]

libfuzzer_sys::fuzz_target!(|file: &[u8]| suture_fuzz::advisory_read(file));
