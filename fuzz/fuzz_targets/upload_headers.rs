#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| beistand_fuzzed::upload_headers(data));
