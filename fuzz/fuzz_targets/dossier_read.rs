//! Any bytes as a dossier.
#![no_main]

libfuzzer_sys::fuzz_target!(|text: &[u8]| suture_fuzz::dossier_read(text));
