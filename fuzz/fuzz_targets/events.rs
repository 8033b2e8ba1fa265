#![no_main]

#[path = "../../tests/model/mod.rs"]
mod model;
#[path = "../../tests/targets/events.rs"]
mod target;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| adsum_fuzz::count(target::run(bytes)));
