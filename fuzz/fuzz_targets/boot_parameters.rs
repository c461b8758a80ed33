//! `boot_parameters` for libFuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    rootlet_fuzz::check("boot_parameters", input);
});
