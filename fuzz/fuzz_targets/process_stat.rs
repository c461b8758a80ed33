//! `process_stat` for libFuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    rootlet_fuzz::check("process_stat", input);
});
