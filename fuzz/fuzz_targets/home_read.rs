//! Any bytes as the record of a patch in a process.
#![no_main]

libfuzzer_sys::fuzz_target!(|memory: &[u8]| suture_fuzz::home::home_read(memory));
