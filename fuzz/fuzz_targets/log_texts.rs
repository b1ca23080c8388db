//! Any bytes as the texts of the audit log.
#![no_main]

libfuzzer_sys::fuzz_target!(|text: &[u8]| suture_fuzz::log_texts(text));
