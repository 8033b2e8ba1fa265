#![no_main]

#[path = "../../tests/targets/replica.rs"]
mod target;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| adsum_fuzz::count(target::run(bytes)));
