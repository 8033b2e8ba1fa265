#![no_main]

#[path = "../../server/tests/targets/frames.rs"]
mod target;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    target::run(bytes);
    adsum_fuzz::count(1);
});
