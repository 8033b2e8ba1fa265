#![no_main]

// The module, and not the server: that would bring a runtime, a database and their build along.
#[allow(dead_code, unused_imports, reason = "the target reads and writes frames, and no more")]
#[path = "../../server/src/protocol/mod.rs"]
mod protocol;
#[path = "../../server/tests/targets/frames.rs"]
mod target;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    target::run(bytes);
    adsum_fuzz::count(1);
});
