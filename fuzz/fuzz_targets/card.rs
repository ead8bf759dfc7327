//! libFuzzer's entry to `glassbox_fuzz::card`.
#![no_main]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| glassbox_fuzz::card(bytes));
