//! Any bytes as a bundle.
#![no_main]

libfuzzer_sys::fuzz_target!(|file: &[u8]| suture_fuzz::bundle_read(file));
