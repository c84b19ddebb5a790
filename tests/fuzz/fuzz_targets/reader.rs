//! See `borderflow_fuzz::reader`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| borderflow_fuzz::reader::check(data));
