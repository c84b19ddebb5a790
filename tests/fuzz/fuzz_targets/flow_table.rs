//! See `borderflow_fuzz::flow_table`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| borderflow_fuzz::flow_table::check(data));
