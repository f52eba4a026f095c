//! Dependencies point one way, and the pure files stay pure. A room that starts to know the one above it is found here,
//! not a year later.

use std::{collections::BTreeSet, path::Path};

use crate::{metadata::Graph, process};

/// Who may know whom, besides the tests of a package. A package that is not named here may know nobody of this
/// workspace.
const MAY_KNOW: [(&str, &[&str]); 13] = [
    ("beistand-protocol", &[]),
    ("beistand-core", &["beistand-protocol"]),
    ("beistand-ffi", &["beistand-protocol", "beistand-core"]),
    ("beistand-bindgen", &[]),
    ("beistand-cli", &["beistand-protocol", "beistand-core"]),
    ("beistand-server", &["beistand-protocol"]),
    ("beistand-test-support", &["beistand-protocol", "beistand-core", "beistand-server"]),
    ("beistand-e2e", &["beistand-protocol", "beistand-core", "beistand-server", "beistand-test-support"]),
    ("beistand-stage", &["beistand-protocol", "beistand-server", "beistand-test-support"]),
    ("beistand-conformance", &["beistand-protocol", "beistand-test-support"]),
    ("beistand-fuzzed", &["beistand-protocol", "beistand-core"]),
    ("beistand-bench", &["beistand-protocol", "beistand-core"]),
    ("xtask", &[]),
];

/// Decisions without input and output: these take an event and a time and return a state and effects.
const PURE: [&str; 4] =
    ["core/src/outbox/machine.rs", "core/src/outbox/machine", "core/src/outbox/policy.rs", "core/src/sync/merge.rs"];
/// What a pure file must not know.
const IMPURE: [&str; 3] = ["tokio", "reqwest", "rusqlite"];

/// Holds the workspace to both rules; tells what was looked at.
pub fn check() -> Result<String, String> {
    let mut faults = edges(&Graph::read("x86_64-unknown-linux-gnu")?);
    let mut files = 0;
    for path in PURE {
        let mut found = Vec::new();
        rust_files(&process::root().join(path), &mut found)?;
        // The machine may be one file or a folder, so only the files have to exist.
        if found.is_empty() && path.ends_with(".rs") {
            faults.insert(format!("{path} does not exist"));
        }
        for (file, text) in found {
            files += 1;
            faults.extend(impurities(&text).into_iter().map(|fault| format!("{file}:{fault}")));
        }
    }
    if faults.is_empty() {
        Ok(format!("{} packages point one way, {files} files are pure", MAY_KNOW.len()))
    } else {
        Err(faults.into_iter().collect::<Vec<_>>().join("\n"))
    }
}

fn edges(graph: &Graph) -> BTreeSet<String> {
    let mut faults = BTreeSet::new();
    for own in graph.own() {
        let Some((_, may_know)) = MAY_KNOW.iter().find(|(name, _)| *name == own.name) else {
            faults.insert(format!("{} has no place in the layers of xtask/src/layers.rs", own.name));
            continue;
        };
        let known = own.needs.iter().filter_map(|id| graph.packages.get(id)).filter(|known| known.source.is_none());
        for known in known.filter(|known| !may_know.contains(&known.name.as_str())) {
            faults.insert(format!("{} must not depend on {}", own.name, known.name));
        }
    }
    faults
}

fn rust_files(path: &Path, found: &mut Vec<(String, String)>) -> Result<(), String> {
    if path.is_dir() {
        for entry in std::fs::read_dir(path).map_err(|error| format!("{}: {error}", path.display()))? {
            rust_files(&entry.map_err(|error| error.to_string())?.path(), found)?;
        }
    } else if path.extension().is_some_and(|extension| extension == "rs") && path.is_file() {
        let text = std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
        let name = path.strip_prefix(process::root()).unwrap_or(path).display().to_string();
        found.push((name, text));
    }
    Ok(())
}

/// The lines that name something impure outside a comment.
fn impurities(text: &str) -> Vec<String> {
    let mut faults = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let code = line.split("//").next().unwrap_or_default();
        let mut words = code.split(|c: char| !c.is_alphanumeric() && c != '_');
        if let Some(word) = words.find(|word| IMPURE.contains(word)) {
            faults.push(format!("{}: a pure file knows {word}", number + 1));
        }
    }
    faults
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_comment_may_speak_of_what_the_code_must_not_know() {
        assert!(impurities("// tokio drives this\nuse std::fmt; // not rusqlite").is_empty());
        assert_eq!(impurities("use std::fmt;\nuse tokio::time;"), ["2: a pure file knows tokio"]);
        assert_eq!(impurities("let tokio_like = 1;"), Vec::<String>::new());
    }
}
