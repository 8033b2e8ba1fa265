#![no_main]

use adsum_model::targets::replica;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| adsum_fuzz::count(replica::run(bytes)));
