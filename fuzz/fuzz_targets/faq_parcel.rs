#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| beistand_fuzzed::faq_parcel(data));
