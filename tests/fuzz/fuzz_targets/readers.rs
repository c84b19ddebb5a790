//! See `borderflow_fuzz::readers`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| borderflow_fuzz::readers::check(data));
