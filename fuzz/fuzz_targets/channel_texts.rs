//! Any bytes as each of the foreign texts of a channel.
#![no_main]

libfuzzer_sys::fuzz_target!(|file: &[u8]| suture_fuzz::channel_texts(file));
