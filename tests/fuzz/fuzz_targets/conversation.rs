//! See `borderflow_fuzz::conversation`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| borderflow_fuzz::conversation::check(data));
