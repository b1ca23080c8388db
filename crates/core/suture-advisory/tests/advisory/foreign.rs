//! Other people's validators, as `scripts/foreign` installs them.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The directory in which `packages` are.
fn place(kind: &str, packages: &[&str]) -> PathBuf {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../scripts/foreign");
    let target = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).parent().unwrap().to_owned();
    let mut command = Command::new(script);
    let output = command.arg(kind).args(packages).env("CARGO_TARGET_DIR", target).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    PathBuf::from(String::from_utf8(output.stdout).unwrap().trim_end())
}

/// Runs a program with `input` and gives what it prints.
fn run(command: &mut Command, input: &str) -> String {
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_owned();
    let writer = std::thread::spawn(move || stdin.write_all(input.as_bytes()));
    let output = child.wait_with_output().unwrap();
    let told = [output.stdout.as_slice(), &output.stderr].map(String::from_utf8_lossy).concat();
    assert!(output.status.success(), "{told}");
    writer.join().unwrap().unwrap();
    String::from_utf8(output.stdout).unwrap()
}

/// What the CSAF validator of the BSI finds in each of `documents` (one in each line): schema and mandatory tests.
pub(crate) fn csaf_errors(documents: &str) -> String {
    const PROGRAM: &str = "
import { readFileSync } from 'node:fs'
import { pathToFileURL } from 'node:url'
const lib = pathToFileURL(process.argv[2] + '/@secvisogram/csaf-validator-lib/')
const { default: validate } = await import(new URL('validateStrict.js', lib))
const { csaf_2_0_strict } = await import(new URL('schemaTests.js', lib))
const mandatory = Object.values(await import(new URL('mandatoryTests.js', lib)))
const tests = [csaf_2_0_strict, ...mandatory]
let count = 0
for (const line of readFileSync(0, 'utf8').split('\\n').filter(Boolean)) {
  const result = await validate(tests, JSON.parse(line))
  for (const test of result.tests.filter(test => !test.isValid)) {
    console.log(count + ': ' + test.name + ' ' + JSON.stringify(test.errors))
  }
  count += 1
}
console.log(count + ' documents, ' + (mandatory.length > 30 ? 'all tests' : 'tests are missing'))
";
    let modules = place("npm", &["@secvisogram/csaf-validator-lib@2.0.10"]);
    let program = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("csaf-{}.mjs", std::process::id()));
    std::fs::write(&program, PROGRAM).unwrap();
    run(Command::new("node").arg(program).arg(modules), documents)
}

/// Runs `check-jsonschema` on `documents` with one of the schemas beside this file, or panics with what it finds.
pub(crate) fn check_schema(schema: &str, documents: &[String]) {
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{schema}-{}", std::process::id()));
    std::fs::create_dir_all(&directory).unwrap();
    let files = (0..).zip(documents).map(|(number, document): (usize, _)| {
        let path = directory.join(format!("{number}.json"));
        std::fs::write(&path, document).unwrap();
        path
    });
    // Tests of the command line use this file too.
    let crates = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
    let schema = format!("{crates}/core/suture-advisory/tests/schema/{schema}.schema.json");
    let program = place("pypi", &["check-jsonschema==0.33.3"]).join("bin/check-jsonschema");
    run(Command::new(program).args(["--schemafile", &schema]).args(files), "");
    std::fs::remove_dir_all(directory).unwrap();
}

/// What the `OpenVEX` reader of `vexipy` says about each of `documents` (one in each line).
pub(crate) fn vexipy(documents: &str) -> String {
    const PROGRAM: &str = "
import sys, vexipy
for line in filter(None, sys.stdin.read().split('\\n')):
    document = vexipy.Document.from_json(line)
    print(' '.join(str(statement.status.value) for statement in document.statements))
";
    let python = place("pypi", &["vexipy==0.3.0"]).join("bin/python");
    run(Command::new(python).args(["-c", PROGRAM]), documents)
}
