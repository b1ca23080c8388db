//! What the documents say of functions and objects is what other people's tools say of the builds.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// Two files, so that lines and files differ; the fix moves everything by some lines.
const WORK: &str = "#include <stdio.h>\n\
    #include <stdlib.h>\n\
    int limit(int x);\n\
    long total[2];\n\
    static __attribute__((noipa)) int scaled(int x) { return x * 3; }\n\
    __attribute__((noipa)) int work(int x) {\n\
      if (x > 100) { fputs(\"too much\\n\", stdout); abort(); }\n\
      total[x & 1] += scaled(x);\n\
      return limit(x);\n\
    }\n\
    int main(int argc, char **argv) { (void)argv; return work(argc); }\n";
const LIMIT: &str = "int limit(int x);\n\
    static __attribute__((noipa)) int least(int x) { return x < 3 ? 3 : x; }\n\
    __attribute__((noipa)) int limit(int x) { return least(x) + 1; }\n";

fn fixed() -> [String; 2] {
    let work = WORK.replacen("int limit", "/* Why\n   and how. */\nint limit", 1).replace(
        "x * 3; }\n",
        "x * 5 + 1; }\nlong seen = 7;\n__attribute__((noipa)) int extra(int x) { return seen++ + x; }\n",
    );
    let work = work.replace("abort();", "puts(\"more\"); abort();").replace("limit(x);", "limit(extra(x));");
    let least = "static __attribute__((noipa)) int least(int x) { return x < 3 ? 3 : x; }\n";
    [work, LIMIT.replace(least, "\n\n\n").replace("least(x) + 1", "x + 2")]
}

fn build(directory: &Path, name: &str, sources: [&str; 2], compiler: &str) -> PathBuf {
    for (file, source) in ["work.c", "limit.c"].iter().zip(sources) {
        std::fs::write(directory.join(file), source).unwrap();
    }
    let mut words = compiler.split(' ');
    let mut command = Command::new(words.next().unwrap());
    command.args(words).args(["-O2", "-g", "-ffunction-sections", "-fdata-sections", "-Wl,--emit-relocs"]);
    let made = command.args(["work.c", "limit.c", "-o", name]).current_dir(directory).status().unwrap();
    assert!(made.success(), "{compiler}");
    directory.join(name)
}

fn output(command: &mut Command) -> String {
    String::from_utf8(command.output().unwrap().stdout).unwrap()
}

/// Address and size of the symbols of a build, as `nm` tells them; what is split off a function counts with it.
fn symbols(build: &Path) -> BTreeMap<String, (u64, u64)> {
    let mut found: BTreeMap<String, (u64, u64)> = BTreeMap::new();
    for line in output(Command::new("nm").arg("-S").arg(build)).lines() {
        let words: Vec<&str> = line.split(' ').collect();
        let [address, size, _, name] = words[..] else { continue };
        let [address, size] = [address, size].map(|word| u64::from_str_radix(word, 16).unwrap());
        let whole = name.strip_suffix(".cold");
        let known = found.entry(whole.unwrap_or(name).to_owned()).or_default();
        known.1 += size;
        if whole.is_none() {
            known.0 = address;
        }
    }
    found
}

/// File and line of the code at an address.
fn place(build: &Path, address: u64) -> (String, u64) {
    let told = output(Command::new("addr2line").arg("-e").arg(build).arg(format!("{address:#x}")));
    let (file, line) = told.trim().split_once(':').unwrap();
    let file = Path::new(file).file_name().unwrap().to_str().unwrap().to_owned();
    (file, line.split(' ').next().unwrap().parse().unwrap())
}

fn names(list: &Value) -> Vec<&str> {
    let mut names: Vec<_> =
        list.as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap()).collect();
    names.sort_unstable();
    names
}

/// That each function of a list is where it is in this build, and of this size.
fn agrees(list: &Value, build: &Path, size: &str) {
    let symbols = symbols(build);
    for function in list.as_array().unwrap() {
        let (address, bytes) = symbols[function["symbol"].as_str().unwrap()];
        let (file, line) = place(build, address);
        let told = Path::new(function["file"].as_str().unwrap()).file_name().unwrap();
        assert_eq!((told.to_str(), &function["line"]), (Some(&file[..]), &line.into()), "{function}");
        assert_eq!(function[size], bytes, "{function}");
    }
}

fn suture(directory: &Path, words: &[&str]) -> Value {
    let mut command = Command::new(env!("CARGO_BIN_EXE_suture"));
    serde_json::from_str(&output(command.current_dir(directory).arg("--json").args(words))).unwrap()
}

fn is_as_others_tell(compiler: &str) {
    let directory = tempfile::tempdir().unwrap();
    let directory = directory.path();
    let [work, limit] = fixed();
    let old = build(directory, "old", [WORK, LIMIT], compiler);
    let new = build(directory, "new", [&work, &limit], compiler);
    let diff = suture(directory, &["diff", "--old", "old", "--new", "new", "-o", "it.delta"]);
    assert_eq!(names(&diff["changed"]), ["limit", "scaled", "work"], "{diff}");
    assert_eq!((names(&diff["new"]), names(&diff["removed"])), (vec!["extra"], vec!["least"]), "{diff}");
    agrees(&diff["changed"], &new, "new_size");
    agrees(&diff["new"], &new, "size");
    agrees(&diff["removed"], &old, "size");
    let before = symbols(&old);
    for function in diff["changed"].as_array().unwrap() {
        assert_eq!(function["old_size"], before[function["symbol"].as_str().unwrap()].1, "{function}");
    }
    let data = &diff["data"][0];
    assert_eq!((&data["name"], &data["old_size"]), (&"seen".into(), &0.into()), "{diff}");
    assert_eq!(data["new_size"], symbols(&new)["seen"].1, "{diff}");

    let inspect = suture(directory, &["inspect", "it.delta"]);
    for key in ["changed", "new", "removed", "data"] {
        assert_eq!(inspect["meta"]["report"][key], diff[key], "{key}");
    }
    assert_eq!(inspect["file_bytes"], std::fs::metadata(directory.join("it.delta")).unwrap().len());
    for site in inspect["meta"]["sites"].as_array().unwrap() {
        let (address, _) = before[site["symbol"].as_str().unwrap()];
        assert_eq!(site["address"], address, "{site}");
    }
}

#[test]
fn functions_and_objects_gcc() {
    is_as_others_tell("gcc");
}

#[test]
fn functions_and_objects_gcc_fixed_address_lld() {
    is_as_others_tell("gcc -no-pie -fno-pie -fuse-ld=lld");
}
