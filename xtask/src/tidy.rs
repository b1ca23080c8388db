//! The rules of the tree.

use std::collections::BTreeMap;
use std::path::Path;

use crate::source::{self, Source};

/// Most lines of code in a file, tests at its end not counted.
const FILE_LINES_MAX: usize = 500;
/// Files that are longer, with their length: the list and its numbers only shrink.
const LONG_FILES: [(&str, usize); 0] = [];
/// What code in `core/` may not name: the outside world.
const OUTSIDE: [&str; 12] = [
    "std::fs",
    "std::net",
    "std::process",
    "std::env",
    "std::thread",
    "std::io::stdin",
    "SystemTime::now",
    "Instant::now",
    "tokio::",
    "rand::",
    "std::os",
    "libc::",
];
/// Names that explain nothing.
const EMPTY_NAMES: [&str; 4] = ["manager", "common", "util", "helper"];

/// Everything that is against the rules, one line each.
pub(crate) fn check(root: &Path) -> Result<Vec<String>, String> {
    let mut findings = Vec::new();
    let manifests = source::files(root, "Cargo.toml")?;
    findings.extend(directions(&manifests));
    findings.extend(manifests.iter().flat_map(versions));
    for file in source::files(root, ".rs")? {
        for rule in [purity, unsafe_place, unfinished] {
            findings.extend(rule(&file));
        }
        for rule in [length, module_docs, names] {
            findings.extend(rule(&file));
        }
    }
    Ok(findings)
}

/// Arrows point down: core knows core, edge knows core, apps know all. The folder of a crate is its floor.
fn directions(manifests: &[Source]) -> Vec<String> {
    let floors: BTreeMap<&str, Floor> =
        manifests.iter().filter_map(|manifest| Some((name(manifest)?, Floor::of(&manifest.path)?))).collect();
    let check = |manifest: &Source| -> Vec<String> {
        let Some(own) = Floor::of(&manifest.path) else { return Vec::new() };
        let dependencies = manifest.text.split("[dev-dependencies]").next().unwrap_or_default();
        let names = dependencies.lines().filter_map(|line| line.split(['.', ' ', '=']).next());
        let wrong = names.filter(|name| floors.get(name).is_some_and(|other| !own.may_know(*other)));
        let told =
            |name| format!("{}: depends on {name}, against the direction of the floors", manifest.path);
        wrong.map(told).collect()
    };
    manifests.iter().flat_map(check).collect()
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Floor {
    Core,
    Edge,
    Apps,
}

impl Floor {
    fn of(manifest: &str) -> Option<Self> {
        match manifest.strip_prefix("crates/")?.split('/').next()? {
            "core" => Some(Self::Core),
            "edge" => Some(Self::Edge),
            "apps" => Some(Self::Apps),
            _ => None,
        }
    }

    /// One outside world does not know another.
    fn may_know(self, other: Self) -> bool {
        other < self || (self == other && self != Self::Edge)
    }
}

fn name(manifest: &Source) -> Option<&str> {
    let line = manifest.text.lines().find_map(|line| line.strip_prefix("name = \""))?;
    line.strip_suffix('"')
}

/// Versions stand in one place, the root's `[workspace.dependencies]`.
fn versions(manifest: &Source) -> Vec<String> {
    let mut in_dependencies = false;
    let mut findings = Vec::new();
    for (number, line) in (1..).zip(manifest.text.lines()) {
        if line.starts_with('[') {
            in_dependencies = line.contains("dependencies");
        } else if in_dependencies && line.contains('=') && !line.contains("workspace = true") {
            findings.push(format!("{}:{number}: a version outside the root's list: {line}", manifest.path));
        }
    }
    findings
}

fn purity(file: &Source) -> Vec<String> {
    if !file.path.starts_with("crates/core/") || file.is_test() {
        return Vec::new();
    }
    find(file, &OUTSIDE, "the core touches nothing of the outside world")
}

fn unsafe_place(file: &Source) -> Vec<String> {
    if file.path.starts_with("crates/edge/suture-process/")
        || file.path.starts_with("hooks/")
        || file.path.starts_with("xtask/")
    {
        return Vec::new();
    }
    find(file, &["unsafe {", "unsafe fn", "unsafe impl"], "`unsafe` stands in suture-process alone")
}

fn find(file: &Source, words: &[&str], rule: &str) -> Vec<String> {
    let is_code = |line: &str| !line.trim_start().starts_with("//");
    let lines = file.code_lines().filter(|(_, line)| is_code(line));
    lines
        .flat_map(|(number, line)| {
            let hits = words.iter().filter(move |word| line.contains(**word));
            hits.map(move |word| format!("{}:{number}: `{word}`: {rule}", file.path))
        })
        .collect()
}

fn length(file: &Source) -> Option<String> {
    let lines = file.code_lines().count();
    let known = LONG_FILES.iter().find(|(path, _)| *path == file.path);
    let limit = known.map_or(FILE_LINES_MAX, |(_, lines)| *lines);
    (lines > limit && !file.is_test())
        .then(|| format!("{}: {lines} lines, more than {limit}: look for the seam", file.path))
}

fn module_docs(file: &Source) -> Option<String> {
    let has_docs = file.text.trim_start().starts_with("//!");
    (!has_docs).then(|| format!("{}: begins without saying why it is there (`//!`)", file.path))
}

fn names(file: &Source) -> Option<String> {
    let stem = file.path.rsplit('/').next().and_then(|name| name.strip_suffix(".rs")).unwrap_or_default();
    let empty =
        EMPTY_NAMES.iter().find(|name| stem.split('_').any(|word| word.trim_end_matches('s') == **name));
    empty.map(|name| format!("{}: a file called `{name}` can hold anything", file.path))
}

fn unfinished(file: &Source) -> Vec<String> {
    let words =
        [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("todo", "!("), concat!("unimplemented", "!(")];
    let hits = find_all(file, &words);
    hits.into_iter()
        .filter(|(_, line)| !line.contains("(#"))
        .map(|(number, line)| {
            format!("{}:{number}: unfinished, without an issue's number: {}", file.path, line.trim())
        })
        .collect()
}

fn find_all<'s>(file: &'s Source, words: &[&str]) -> Vec<(usize, &'s str)> {
    (1..).zip(file.text.lines()).filter(|(_, line)| words.iter().any(|word| line.contains(word))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str, text: &str) -> Source {
        Source { path: path.to_owned(), text: text.to_owned() }
    }

    #[test]
    fn the_core_is_kept_pure() {
        let clock = "//! Why.\nfn f() { let t = std::time::Instant::now(); }\n";
        assert_eq!(purity(&file("crates/core/a/src/b.rs", clock)).len(), 1);
        assert_eq!(purity(&file("crates/edge/a/src/b.rs", clock)).len(), 0);
        let in_test = "//! Why.\n#[cfg(test)]\nfn f() { std::fs::read(\"x\"); }\n";
        assert_eq!(purity(&file("crates/core/a/src/b.rs", in_test)).len(), 0);
    }

    #[test]
    fn arrows_point_down() {
        let manifest = |path: &str, name: &str, knows: &str| {
            file(path, &format!("name = \"{name}\"\n[dependencies]\n{knows}.workspace = true\n"))
        };
        let found = |own: (&str, &str), other: (&str, &str)| {
            let own = manifest(&format!("crates/{}/Cargo.toml", own.0), own.1, other.1);
            let other = manifest(&format!("crates/{}/Cargo.toml", other.0), other.1, "serde");
            directions(&[own, other]).len()
        };
        let (low, high) = (("core/a", "a"), ("edge/b", "b"));
        assert_eq!(found(low, high), 1);
        assert_eq!(found(high, low), 0);
        assert_eq!(found(high, ("edge/c", "c")), 1);
        assert_eq!(found(low, ("core/d", "d")), 0);
        assert_eq!(found(("apps/e", "e"), high), 0);
    }

    #[test]
    fn every_member_of_the_workspace_is_looked_at() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let manifest = std::fs::read_to_string(root.join("Cargo.toml")).unwrap();
        let members = manifest.lines().find_map(|line| line.strip_prefix("members = [")).unwrap();
        let files = source::files(&root, ".rs").unwrap();
        for member in members.split('"').filter(|word| word.starts_with(char::is_alphabetic)) {
            let folder = member.trim_end_matches('*');
            let looked_at = |file: &Source| file.path.starts_with(folder) && !file.is_test();
            assert!(files.iter().any(looked_at), "{member}");
        }
        let own = file("benches/Cargo.toml", "[dependencies]\nserde = \"1\"\n");
        assert_eq!(versions(&own).len(), 1);
    }

    #[test]
    fn long_undocumented_and_unfinished_files_are_named() {
        let long = format!("//! Why.\n{}", "fn f() {}\n".repeat(FILE_LINES_MAX));
        for path in ["crates/core/a/src/b.rs", "benches/src/b.rs"] {
            assert!(length(&file(path, &long)).is_some(), "{path}");
        }
        assert!(length(&file("crates/core/a/benches/b.rs", &long)).is_none());
        assert!(module_docs(&file("crates/core/a/src/b.rs", "fn f() {}\n")).is_some());
        let word = concat!("TO", "DO");
        assert_eq!(unfinished(&file("a.rs", &format!("// {word}: later"))).len(), 1);
        assert_eq!(unfinished(&file("a.rs", &format!("// {word} (#12): later"))).len(), 0);
        assert!(names(&file("crates/core/a/src/string_utils.rs", "")).is_some());
        assert!(names(&file("crates/core/a/src/strings.rs", "")).is_none());
    }
}
