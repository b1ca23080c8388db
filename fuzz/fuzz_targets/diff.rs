//! Any bytes as a pair of builds.
#![no_main]

libfuzzer_sys::fuzz_target!(|pair: &[u8]| suture_fuzz::diff(pair));
