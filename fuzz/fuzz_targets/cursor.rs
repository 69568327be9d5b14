#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| threelo_core::fuzz::cursor(data));
