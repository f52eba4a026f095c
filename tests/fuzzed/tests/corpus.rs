//! Everything that fuzzing found worth keeping, asked again: without a fuzzer, in a moment.

use std::path::Path;

use beistand_fuzzed::{TARGETS, is_signed};

#[test]
fn what_fuzzing_has_kept_holds_still() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus");
    for (name, target) in TARGETS {
        let mut files: Vec<_> = std::fs::read_dir(corpus.join(name))
            .unwrap_or_else(|error| panic!("the corpus of {name}: {error}"))
            .map(|entry| entry.unwrap().path())
            .collect();
        files.sort();
        assert!(!files.is_empty(), "{name} has no corpus");
        for file in files {
            let data = std::fs::read(&file).unwrap();
            // The panic itself says what broke; this says on which file.
            let asked = std::panic::catch_unwind(|| target(&data));
            assert!(asked.is_ok(), "{name} fails on {}", file.display());
        }
    }
}

#[test]
fn the_corpus_has_publications_that_the_pinned_key_opens() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus/faq_parcel");
    let signed = std::fs::read_dir(corpus).unwrap().filter(|entry| {
        let data = std::fs::read(entry.as_ref().unwrap().path()).unwrap();
        is_signed(&data)
    });
    // A bundle and changes, each plain and packed.
    assert!(signed.count() >= 4);
}
