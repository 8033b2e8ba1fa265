#![no_main]

use adsum_model::targets::operations;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| adsum_fuzz::count(operations::run(bytes)));
