//! Any bytes as a policy pack and as example cases.
#![no_main]

libfuzzer_sys::fuzz_target!(|text: &[u8]| suture_fuzz::policy(text));
