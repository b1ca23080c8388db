//! The rules of `deny.toml`, checked with what every toolchain has, so that they hold where cargo-deny is not installed.
//!
//! `cargo metadata` says what packages there may be on our target, `cargo tree` which are built of them. Of what cargo-deny checks this
//! leaves out the texts of licences (it goes by what the manifests declare) and the database of advisories.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

use serde_json::Value;
use toml::Table;

use crate::{licence, withdrawn};

/// What cargo writes before the address of a registry. Of these there is one, which everything comes from.
const REGISTRY: &str = "registry+";

/// A package of the build.
struct Package {
    name: String,
    version: String,
    /// `None` is one of ours.
    source: Option<String>,
    licence: Option<String>,
    /// What it depends on by any version, and not by a path.
    wildcards: Vec<String>,
    /// Whether it is built for a program of ours, and not only for tests.
    is_built: bool,
}

/// What `deny.toml` says.
struct Rules {
    target: String,
    licences: Vec<String>,
    /// Name and beginning of the version of what may stand beside another version.
    skip: Vec<(String, String)>,
}

/// Everything that is against the rules, one line each.
pub(crate) fn check(root: &Path) -> Result<Vec<String>, String> {
    let path = root.join("deny.toml");
    let text = std::fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    let rules = Rules::read(&text).map_err(|error| format!("{}: {error}", path.display()))?;
    let all = ["metadata", "--format-version", "1", "--filter-platform", &rules.target];
    let all =
        serde_json::from_str(&cargo(root, &all)?).map_err(|error| format!("cargo metadata: {error}"))?;
    let built = ["tree", "--workspace", "--edges", "normal,build", "--prefix", "none", "--format", "{p}"];
    let built = cargo(root, &[&built[..], &["--target", &rules.target]].concat())?;
    let packages = packages(&all, &built).ok_or("cargo metadata says something else")?;
    let mut findings = findings(&rules, &packages);
    let fetched: Vec<(&str, &str)> = packages
        .iter()
        .filter(|package| package.registry().is_some())
        .map(|package| (package.name.as_str(), package.version.as_str()))
        .collect();
    match withdrawn::find(&fetched) {
        Ok(said) => findings.extend(said),
        Err(why) => eprintln!(
            "whether versions were withdrawn is not checked: {}",
            why.lines().last().unwrap_or_default().trim()
        ),
    }
    Ok(findings)
}

impl Package {
    fn registry(&self) -> Option<&str> {
        self.source.as_deref()?.strip_prefix(REGISTRY)
    }
}

impl Rules {
    fn read(text: &str) -> Result<Self, String> {
        let table: Table = text.parse().map_err(|error: toml::de::Error| error.to_string())?;
        let strings = |section: &str, key: &str| -> Result<Vec<String>, String> {
            let list = table.get(section).and_then(|section| section.get(key)?.as_array());
            let strings = list.and_then(|list| list.iter().map(|s| s.as_str().map(str::to_owned)).collect());
            strings.ok_or_else(|| format!("no list of strings `{key}` in [{section}]"))
        };
        for (section, key) in [
            ("bans", "multiple-versions"),
            ("bans", "wildcards"),
            ("sources", "unknown-registry"),
            ("sources", "unknown-git"),
        ] {
            let set = table.get(section).and_then(|section| section.get(key)?.as_str());
            if set != Some("deny") {
                return Err(format!(
                    "`{key}` in [{section}] is not \"deny\", which this check takes for granted"
                ));
            }
        }
        let skip = table.get("bans").and_then(|bans| bans.get("skip")?.as_array());
        let split = |entry: &toml::Value| {
            let (name, version) = entry.get("crate")?.as_str()?.split_once('@')?;
            Some((name.to_owned(), version.to_owned()))
        };
        let skip = skip.map_or(Some(Vec::new()), |skip| skip.iter().map(split).collect());
        Ok(Self {
            target: strings("graph", "targets")?.into_iter().next().ok_or("[graph] names no target")?,
            licences: strings("licenses", "allow")?,
            skip: skip.ok_or("an entry of `skip` in [bans] is no `crate = \"name@version\"`")?,
        })
    }
}

/// What a command of cargo prints.
fn cargo(root: &Path, words: &[&str]) -> Result<String, String> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo).args(words).arg("--locked").current_dir(root).output();
    let output = output.map_err(|error| format!("cargo {}: {error}", words[0]))?;
    if !output.status.success() {
        return Err(format!("cargo {}: {}", words[0], String::from_utf8_lossy(&output.stderr)));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// The packages of `cargo metadata`. It has optional ones, too, that nothing switches on; `tree` lists, by lines, those that are built.
fn packages(metadata: &Value, tree: &str) -> Option<Vec<Package>> {
    let nodes = metadata["resolve"]["nodes"].as_array()?;
    let is_resolved = |package: &&Value| nodes.iter().any(|node| node["id"] == package["id"]);
    let built: BTreeSet<(&str, &str)> =
        tree.lines().filter_map(|line| line.split(" (").next()?.split_once(" v")).collect();
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let read = |package: &Value| {
        let loose = |dependency: &&Value| dependency["req"] == "*" && dependency["path"].is_null();
        let dependencies = package["dependencies"].as_array()?;
        let (name, version) = (text(&package["name"])?, text(&package["version"])?);
        Some(Package {
            is_built: built.contains(&(name.as_str(), version.as_str())),
            name,
            version,
            source: text(&package["source"]),
            licence: text(&package["license"]),
            wildcards: dependencies.iter().filter(loose).filter_map(|d| text(&d["name"])).collect(),
        })
    };
    metadata["packages"].as_array()?.iter().filter(is_resolved).map(read).collect()
}

fn findings(rules: &Rules, packages: &[Package]) -> Vec<String> {
    let mut findings: Vec<String> = packages.iter().flat_map(|package| alone(rules, package)).collect();
    findings.extend(versions(rules, packages));
    let registries: BTreeSet<&str> = packages.iter().filter_map(Package::registry).collect();
    if registries.len() > 1 {
        findings.push(format!("more than one registry: {}", Vec::from_iter(registries).join(", ")));
    }
    findings
}

/// What is wrong with one package by itself.
fn alone(rules: &Rules, package: &Package) -> Vec<String> {
    let Package { name, version, source, licence, wildcards, .. } = package;
    let mut findings = Vec::new();
    match licence.as_deref().map(|licence| (licence, licence::is_allowed(licence, &rules.licences))) {
        Some((_, Some(true))) => {}
        Some((licence, Some(false))) => {
            findings.push(format!("{name} {version}: its licence is not allowed: {licence}"));
        }
        Some((licence, None)) => findings.push(format!("{name} {version}: no licence expression: {licence}")),
        None => findings.push(format!("{name} {version}: declares no licence")),
    }
    if let Some(source) = source.as_ref().filter(|_| package.registry().is_none()) {
        findings.push(format!("{name} {version}: comes from somewhere else: {source}"));
    }
    // What others depend on is their affair.
    let of_ours = wildcards.iter().filter(|_| source.is_none());
    findings.extend(of_ours.map(|other| format!("{name} {version}: any version of {other} will do")));
    findings
}

/// Packages that are built in more than one version, and exceptions that nothing needs any more.
fn versions(rules: &Rules, packages: &[Package]) -> Vec<String> {
    let skips = |(name, version): &(String, String), package: &Package| {
        let rest = package.version.strip_prefix(version.as_str());
        *name == package.name && rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    };
    let mut all: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    let counts = |package: &&Package| package.is_built && !rules.skip.iter().any(|skip| skips(skip, package));
    for package in packages.iter().filter(counts) {
        all.entry(&package.name).or_default().push(&package.version);
    }
    let many = all.iter().filter(|(_, versions)| versions.len() > 1);
    let mut findings: Vec<String> = many
        .map(|(name, versions)| format!("{name}: in more than one version: {}", versions.join(", ")))
        .collect();
    let unused = rules.skip.iter().filter(|skip| !packages.iter().any(|package| skips(skip, package)));
    findings.extend(unused.map(|(name, version)| format!("deny.toml: nothing is {name}@{version} any more")));
    findings
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const RULES: &str = r#"
        [graph]
        targets = ["x86_64-unknown-linux-gnu"]
        [licenses]
        allow = ["MIT"]
        [bans]
        multiple-versions = "deny"
        wildcards = "deny"
        skip = [{ crate = "old@1", reason = "until it is gone" }]
        [sources]
        unknown-registry = "deny"
        unknown-git = "deny"
    "#;

    fn package(name: &str, version: &str) -> Value {
        json!({
            "id": format!("{name}@{version}"), "name": name, "version": version, "source": "registry+one", "license": "MIT", "dependencies": []
        })
    }

    /// What is found with all of them built.
    fn found(all: &[Value]) -> Vec<String> {
        let lines = all
            .iter()
            .map(|package| format!("{} v{} (/x)\n", text(package, "name"), text(package, "version")));
        found_with(all, &lines.collect::<String>())
    }

    fn text<'p>(package: &'p Value, key: &str) -> &'p str {
        package[key].as_str().unwrap()
    }

    fn found_with(all: &[Value], tree: &str) -> Vec<String> {
        let nodes: Vec<Value> = all.iter().map(|package| json!({ "id": package["id"] })).collect();
        let metadata = json!({ "packages": all, "resolve": { "nodes": nodes } });
        findings(&Rules::read(RULES).unwrap(), &packages(&metadata, tree).unwrap())
    }

    #[test]
    fn what_is_against_the_rules_is_named() {
        let good = [package("a", "1.0.0"), package("old", "1.2.0"), package("old", "2.0.0")];
        assert_eq!(found(&good), [""; 0]);
        for (key, value, finding) in [
            ("license", json!("GPL-3.0"), "a 1.0.0: its licence is not allowed: GPL-3.0"),
            ("license", json!("MIT OR"), "a 1.0.0: no licence expression: MIT OR"),
            ("license", Value::Null, "a 1.0.0: declares no licence"),
            ("source", json!("git+https://x"), "a 1.0.0: comes from somewhere else: git+https://x"),
            ("source", json!("registry+two"), "more than one registry: one, two"),
        ] {
            let mut packages = good.clone();
            packages[0][key] = value;
            assert_eq!(found(&packages), [finding]);
        }
    }

    #[test]
    fn versions_stand_side_by_side_only_where_that_is_said() {
        let old = package("old", "1.2.0");
        let two = [old.clone(), package("a", "1.0.0"), package("a", "2.0.0")];
        assert_eq!(found(&two), ["a: in more than one version: 1.0.0, 2.0.0"]);
        assert_eq!(
            found(&[old, package("old", "12.0.0"), package("old", "2.0.0")]),
            ["old: in more than one version: 12.0.0, 2.0.0"]
        );
        assert_eq!(found_with(&two, "old v1.2.0\na v1.0.0 (*)\n"), [""; 0], "only one is built");
        assert_eq!(found(&[package("a", "1.0.0")]), ["deny.toml: nothing is old@1 any more"]);
    }

    #[test]
    fn any_version_is_not_for_ours() {
        let wild =
            json!([{ "name": "b", "req": "*", "path": null }, { "name": "c", "req": "*", "path": "/c" }]);
        let mut package = package("a", "1.0.0");
        package["dependencies"] = wild;
        let old = self::package("old", "1.2.0");
        assert_eq!(found(&[old.clone(), package.clone()]), [""; 0]);
        package["source"] = Value::Null;
        assert_eq!(found(&[old, package]), ["a 1.0.0: any version of b will do"]);
    }

    #[test]
    fn rules_that_are_looser_than_this_check_are_refused() {
        let error =
            Rules::read(&RULES.replace("multiple-versions = \"deny\"", "multiple-versions = \"warn\""));
        assert!(error.is_err_and(|error| error.contains("multiple-versions")));
    }
}
