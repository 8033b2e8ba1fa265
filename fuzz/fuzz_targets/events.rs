#![no_main]

use adsum_model::targets::events;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| adsum_fuzz::count(events::run(bytes)));
