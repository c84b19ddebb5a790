//! See `borderflow_fuzz::config`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| borderflow_fuzz::config::check(data));
