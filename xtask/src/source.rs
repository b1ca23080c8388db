//! The files of the tree that the checks look at.

use std::fs;
use std::path::{Path, PathBuf};

/// One file.
pub(crate) struct Source {
    /// Path from the root of the repository.
    pub(crate) path: String,
    pub(crate) text: String,
}

impl Source {
    /// Lines with their numbers, without the tests at the end of the file.
    pub(crate) fn code_lines(&self) -> impl Iterator<Item = (usize, &str)> {
        (1..).zip(self.text.lines()).take_while(|(_, line)| *line != "#[cfg(test)]")
    }

    /// Whether the file is a test, an example or a benchmark of a crate. The folder of the figures is a crate itself.
    pub(crate) fn is_test(&self) -> bool {
        self.path.split('/').skip(1).any(|part| matches!(part, "tests" | "benches" | "examples" | "tests.rs"))
    }
}

/// All files below the folders of the workspace whose name ends like this.
pub(crate) fn files(root: &Path, ending: &str) -> Result<Vec<Source>, String> {
    let mut found = Vec::new();
    for folder in ["crates", "xtask", "fuzz", "demo", "hooks", "benches"] {
        collect(root, &root.join(folder), ending, &mut found)?;
    }
    found.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(found)
}

fn collect(root: &Path, folder: &Path, ending: &str, found: &mut Vec<Source>) -> Result<(), String> {
    let Ok(entries) = fs::read_dir(folder) else { return Ok(()) };
    let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    for path in paths {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if path.is_dir() {
            if !matches!(name.as_str(), "target" | "out" | "corpus") {
                collect(root, &path, ending, found)?;
            }
        } else if name.ends_with(ending) {
            let text = fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
            let path = path.strip_prefix(root).unwrap_or(&path).to_string_lossy().into_owned();
            found.push(Source { path, text });
        }
    }
    Ok(())
}
