//! What a bundle must hold to be a patch, and what is said of its deltas.

use suture_bundle::{Bundle, BundledDelta, Contents, ContentsError, MemberName, Role, delta_name};
use suture_delta::Delta;
use suture_delta::format::{self, FormatError, Rule};

use crate::sample;

fn read(files: &[(MemberName, Vec<u8>)]) -> Result<Vec<BundledDelta>, ContentsError> {
    let bytes = sample::write(files);
    let bundle = Bundle::read(&bytes).unwrap();
    Contents::read(&bundle).map(|contents| contents.deltas)
}

fn named(delta: &Delta) -> (MemberName, Vec<u8>) {
    let bytes = format::write(delta).unwrap();
    (delta_name(delta, &format::id(&bytes)).unwrap(), bytes)
}

fn dossier() -> (MemberName, Vec<u8>) {
    (sample::name("dossier.toml"), sample::DOSSIER.to_vec())
}

#[test]
fn facts_are_those_of_the_deltas() {
    let deltas = read(&sample::files()).unwrap();
    let [proxy, server] = deltas.as_slice() else { panic!("{deltas:?}") };
    assert!(proxy.name.as_str().starts_with("deltas/proxy_d-"), "{}", proxy.name);
    let facts = &server.facts;
    assert_eq!((facts.program.as_str(), facts.old_build_id.as_str()), ("server", "0123456789abcdef"));
    assert_eq!(facts.id, server.id.to_string());
    let function = &facts.functions[0];
    assert_eq!((function.name.as_str(), function.file.as_str(), function.line), ("parse", "src/parse.c", 12));
    assert_eq!((function.address, function.old_size, function.new_size), (0x40_1000, 40, 16));
    let overwrite = &facts.overwrites[0];
    assert_eq!((overwrite.name.as_str(), overwrite.bytes, overwrite.writable), ("limits", 16, true));
    assert_eq!((facts.hooks[0].when, facts.types.as_slice()), ("pre-apply", &["conn".to_owned()][..]));
    assert_eq!((facts.code_bytes, facts.memory_bytes), (32, 32));
}

#[test]
fn a_patch_needs_a_delta_and_a_dossier() {
    assert_eq!(read(&[dossier()]).unwrap_err(), ContentsError::NoDelta);
    let files = sample::files();
    let without: Vec<_> = files.iter().filter(|(name, _)| name.role() != Role::Dossier).cloned().collect();
    assert_eq!(read(&without).unwrap_err(), ContentsError::NoDossier);
    let mut binary = without;
    binary.push((sample::name("dossier.toml"), b"ok\xff".to_vec()));
    assert_eq!(read(&binary).unwrap_err(), ContentsError::DossierNotText { offset: 2 });
}

#[test]
fn deltas_are_read_and_not_believed() {
    let broken = (sample::name("deltas/a.delta"), b"no delta".to_vec());
    assert!(matches!(read(&[broken, dossier()]), Err(ContentsError::Delta { .. })));

    let delta = sample::delta("server", "0123456789abcdef", &[0x90; 16]);
    let (right, bytes) = named(&delta);
    let error = read(&[(sample::name("deltas/harmless.delta"), bytes), dossier()]).unwrap_err();
    assert!(
        matches!(&error, ContentsError::Misnamed { expected, .. } if expected == right.as_str()),
        "{error}"
    );

    let mut silent = delta;
    silent.meta.report.changed.clear();
    let error = read(&[named(&silent), dossier()]).unwrap_err();
    assert!(matches!(error, ContentsError::Unreported { replaced: 1, reported: 0, .. }), "{error}");
}

/// The verdict is the delta's own, and no delta with another can be read.
#[test]
fn a_full_update_is_no_patch() {
    let mut delta = sample::delta("server", "0123456789abcdef", &[0x90; 16]);
    // As many letters as the other verdict has more.
    delta.meta.report.reasons = vec!["12345678".to_owned()];
    let mut bytes = format::write(&delta).unwrap();
    for (from, to) in [("\"12345678\"", "\"\""), ("\"hot\"", "\"full-update\"")] {
        let at = bytes.windows(from.len()).position(|window| window == from.as_bytes()).unwrap();
        bytes.splice(at..at + from.len(), to.bytes());
    }
    let error = read(&[(sample::name("deltas/a.delta"), bytes), dossier()]).unwrap_err();
    let ContentsError::Delta { error: FormatError::Invalid(invalid), .. } = error else { panic!("{error}") };
    assert_eq!(invalid.rule, Rule::NotHot);
}

#[test]
fn two_patches_for_one_build_must_know_of_each_other() {
    let lower = sample::delta("server", "0123456789abcdef", &[0x90; 16]);
    let mut upper = sample::delta("server", "0123456789abcdef", &[0xcc; 16]);
    let error = read(&[named(&lower), named(&upper), dossier()]).unwrap_err();
    assert!(matches!(error, ContentsError::SameBuild { .. }), "{error}");
    upper.meta.on = vec![format::id(&named(&lower).1).to_string()];
    assert_eq!(read(&[named(&lower), named(&upper), dossier()]).unwrap().len(), 2);
}

/// Whatever a program calls itself, the name of its delta stays in its folder.
#[test]
fn names_of_deltas_are_made_harmless() {
    for program in ["../../etc/passwd", "-rf", ".hidden", "a b\nc", "größe", &"x".repeat(300), "\u{202e}"] {
        let delta = sample::delta(program, "0123456789abcdef", &[0x90; 16]);
        let name = delta_name(&delta, &format::id(b"")).unwrap();
        assert_eq!(name.role(), Role::Delta, "{name}");
    }
}
