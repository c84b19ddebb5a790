//! See `borderflow_fuzz::announce`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| borderflow_fuzz::announce::check(data));
