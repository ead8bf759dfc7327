//! libFuzzer's entry to `glassbox_fuzz::configuration`.
#![no_main]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| glassbox_fuzz::configuration(bytes));
