//! See `borderflow_fuzz::dialogue`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| borderflow_fuzz::dialogue::check(data));
