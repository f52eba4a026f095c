//! What cargo knows about the workspace: packages, their licences, and who depends on whom.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::process;

/// One package of the graph.
pub struct Package {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Its SPDX expression.
    pub licence: Option<String>,
    /// Where it comes from; `None` for the packages of this workspace.
    pub source: Option<String>,
    /// What it needs to build and to run, by id.
    pub needs: BTreeSet<String>,
    /// What its own tests need on top, by id.
    pub tests_need: BTreeSet<String>,
    /// The names of its integration tests.
    pub tests: Vec<String>,
}

/// The packages of one target platform, by id.
pub struct Graph {
    /// All packages.
    pub packages: BTreeMap<String, Package>,
}

impl Graph {
    /// Reads the graph as it is for one platform; `Cargo.lock` must be up to date.
    pub fn read(platform: &str) -> Result<Self, String> {
        let arguments = ["metadata", "--format-version", "1", "--locked", "--filter-platform", platform];
        let text = process::output(&mut process::cargo(&arguments))?;
        let document: Value = serde_json::from_str(&text).map_err(|error| format!("cargo metadata: {error}"))?;
        let mut packages = BTreeMap::new();
        for package in array(&document["packages"]) {
            let id = text_of(&package["id"]);
            let value = Package {
                name: text_of(&package["name"]),
                version: text_of(&package["version"]),
                licence: package["license"].as_str().map(str::to_owned),
                source: package["source"].as_str().map(str::to_owned),
                needs: BTreeSet::new(),
                tests_need: BTreeSet::new(),
                tests: array(&package["targets"])
                    .iter()
                    .filter(|t| t["kind"][0] == "test")
                    .map(|t| text_of(&t["name"]))
                    .collect(),
            };
            packages.insert(id, value);
        }
        for node in array(&document["resolve"]["nodes"]) {
            let Some(package) = packages.get_mut(&text_of(&node["id"])) else { continue };
            for dependency in array(&node["deps"]) {
                let id = text_of(&dependency["pkg"]);
                let only_tests = array(&dependency["dep_kinds"]).iter().all(|kind| kind["kind"] == "dev");
                if only_tests {
                    package.tests_need.insert(id)
                } else {
                    package.needs.insert(id)
                };
            }
        }
        Ok(Self { packages })
    }

    /// The packages of this workspace.
    pub fn own(&self) -> impl Iterator<Item = &Package> {
        self.packages.values().filter(|package| package.source.is_none())
    }

    /// The direct dependencies of a package, for its tests as well.
    pub fn direct<'a>(&'a self, package: &'a Package) -> impl Iterator<Item = &'a Package> {
        package.needs.iter().chain(&package.tests_need).filter_map(|id| self.packages.get(id))
    }

    /// Everything that ends up in (or builds) the named package, without its tests.
    pub fn closure(&self, name: &str) -> Vec<&Package> {
        let mut open: Vec<&String> = self.packages.iter().filter(|(_, p)| p.name == name).map(|(id, _)| id).collect();
        let mut seen = BTreeSet::new();
        while let Some(id) = open.pop() {
            if let Some(package) = self.packages.get(id).filter(|_| seen.insert(id)) {
                open.extend(&package.needs);
            }
        }
        seen.into_iter().filter_map(|id| self.packages.get(id)).collect()
    }
}

fn array(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn text_of(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
