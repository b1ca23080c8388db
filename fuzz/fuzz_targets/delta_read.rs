//! Any bytes as a delta.
#![no_main]

libfuzzer_sys::fuzz_target!(|file: &[u8]| suture_fuzz::delta_read(file));
