//! See `borderflow_fuzz::mmdb`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| borderflow_fuzz::mmdb::check(data));
