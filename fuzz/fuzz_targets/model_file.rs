//! libFuzzer's entry to `glassbox_fuzz::model_file`.
#![no_main]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| glassbox_fuzz::model_file(bytes));
