//! Licences and sources of everything that is built: the project may be embedded in closed apps, so a licence that asks
//! for more than to be named is not taken; and code comes from the Rust registry, not from somebody's branch.

use std::collections::{BTreeMap, BTreeSet};

use spdx::{Expression, ParseMode};

use crate::{links, metadata::Graph, process};

/// What may be built in, by SPDX id. CDLA-Permissive-2.0 is not here: see `docs/adr/0002-tls-roots.md`.
const ALLOWED: [&str; 9] =
    ["MIT", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "ISC", "Zlib", "MPL-2.0", "Unicode-3.0", "Unicode-DFS-2016"];

/// Where the product runs; a dependency that only one of them has is held to the same rules.
const PLATFORMS: [&str; 3] = ["x86_64-unknown-linux-gnu", "aarch64-linux-android", "aarch64-apple-ios"];

/// What must not be in an app that only writes: WebRTC is megabytes, and a second crypto provider in one graph makes the
/// default of rustls panic.
const UNWANTED: [&str; 2] = ["webrtc", "aws-lc"];

/// The list that explains each direct dependency.
const LIST: &str = "docs/dependencies.md";

/// Holds all dependencies on all platforms to the rules; tells what was looked at.
pub fn check() -> Result<String, String> {
    let mut faults = BTreeSet::new();
    let mut seen = BTreeSet::new();
    let mut direct = BTreeMap::new();
    for platform in PLATFORMS {
        let graph = Graph::read(platform)?;
        for package in graph.packages.values().filter(|package| package.source.is_some()) {
            let name = format!("{} {}", package.name, package.version);
            if let Err(fault) = licence(package.licence.as_deref()) {
                faults.insert(format!("{name}: {fault}"));
            }
            if !package.source.as_deref().is_some_and(is_rust_registry) {
                faults.insert(format!("{name} does not come from the Rust registry"));
            }
            seen.insert(name);
        }
        for product in ["beistand-core", "beistand-cli"] {
            for package in graph.closure(product) {
                if UNWANTED.iter().any(|unwanted| package.name.starts_with(unwanted)) {
                    faults.insert(format!("{product} has {} in its graph on {platform}", package.name));
                }
            }
        }
        for own in graph.own() {
            for dependency in graph.direct(own).filter(|dependency| dependency.source.is_some()) {
                direct.entry(dependency.name.clone()).or_insert_with(|| own.name.clone());
            }
        }
    }
    let text = std::fs::read_to_string(process::root().join(LIST)).map_err(|error| format!("{LIST}: {error}"))?;
    let listed = links::first_column(&text);
    for (name, user) in direct.iter().filter(|(name, _)| !listed.contains(*name)) {
        faults.insert(format!("{name} (used by {user}) has no line in {LIST}"));
    }
    for name in listed.iter().filter(|name| !direct.contains_key(*name)) {
        faults.insert(format!("{name} has a line in {LIST}, but nobody depends on it"));
    }
    if faults.is_empty() {
        let (all, few, platforms) = (seen.len(), direct.len(), PLATFORMS.len());
        Ok(format!("{all} packages on {platforms} platforms, {few} of them direct and explained"))
    } else {
        Err(faults.into_iter().collect::<Vec<_>>().join("\n"))
    }
}

/// Whether one of the ways to satisfy the expression is allowed.
fn licence(expression: Option<&str>) -> Result<(), String> {
    let text = expression.ok_or("names no licence")?;
    let expression = Expression::parse_mode(text, ParseMode::LAX).map_err(|error| error.to_string())?;
    let fits = expression.evaluate(|requirement| {
        let plain = requirement.addition.is_none();
        plain && requirement.license.id().is_some_and(|id| ALLOWED.contains(&id.name))
    });
    if fits { Ok(()) } else { Err(format!("the licence {text} is not on the list")) }
}

/// Cargo names the registry by the address of its index.
fn is_rust_registry(source: &str) -> bool {
    source.starts_with("registry+") && source.ends_with("/crates.io-index")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_allowed_way_is_enough_and_every_part_of_an_and_counts() {
        for good in ["MIT", "MIT/Apache-2.0", "Unlicense OR MIT", "(MIT OR Apache-2.0) AND Unicode-3.0"] {
            assert_eq!(licence(Some(good)), Ok(()));
        }
        for bad in
            ["GPL-3.0-only", "MIT AND CDLA-Permissive-2.0", "CDLA-Permissive-2.0", "LGPL-2.1 OR GPL-2.0-or-later"]
        {
            assert!(licence(Some(bad)).is_err(), "{bad}");
        }
        assert!(licence(None).is_err());
    }
}
