//! What differs between two bundles.

use suture_bundle::{Bundle, Change, Contents, Difference, MemberName, PartKind, delta_name, difference};
use suture_delta::Delta;
use suture_delta::format;

use crate::sample;

fn files(deltas: &[Delta], dossier: &str) -> Vec<(MemberName, Vec<u8>)> {
    let named = deltas.iter().map(|delta| {
        let bytes = format::write(delta).unwrap();
        (delta_name(delta, &format::id(&bytes)).unwrap(), bytes)
    });
    named.chain([(sample::name("dossier.toml"), dossier.as_bytes().to_vec())]).collect()
}

fn between(one: &[(MemberName, Vec<u8>)], other: &[(MemberName, Vec<u8>)]) -> Difference {
    let (one, other) = (sample::write(one), sample::write(other));
    let (one, other) = (Bundle::read(&one).unwrap(), Bundle::read(&other).unwrap());
    let contents = (Contents::read(&one).unwrap(), Contents::read(&other).unwrap());
    difference((&one, &contents.0), (&other, &contents.1))
}

fn server(code: u8) -> Delta {
    sample::delta("server", "0123456789abcdef", &[code; 16])
}

#[test]
fn nothing_differs_from_itself() {
    assert!(between(&sample::files(), &sample::files()).is_empty());
}

#[test]
fn code_data_and_documents_are_told_apart() {
    let one = files(&[server(0x90)], "a");
    let found = between(&one, &files(&[server(0xcc)], "b"));
    assert_eq!(found.members.len(), 1);
    assert_eq!((found.members[0].name.as_str(), found.members[0].change), ("dossier.toml", Change::Changed));
    let parts = &found.deltas[0].parts;
    assert_eq!(parts.len(), 1, "{parts:?}");
    assert_eq!((parts[0].kind, parts[0].name.as_str()), (PartKind::Replaced, "parse"));

    let mut other = server(0x90);
    other.sections[1].data[0] = 8;
    let parts = &between(&one, &files(&[other], "a")).deltas[0].parts;
    assert_eq!((parts[0].kind, parts[0].name.as_str(), parts.len()), (PartKind::Overwrite, "limits", 1));
}

/// The same bytes that call another function are another function.
#[test]
fn what_code_refers_to_counts() {
    let mut other = server(0x90);
    other.references[0].name = "strcpy@plt".to_owned();
    let parts = between(&files(&[server(0x90)], "a"), &files(&[other], "a")).deltas[0].parts.clone();
    assert_eq!((parts[0].kind, parts[0].name.as_str(), parts.len()), (PartKind::Replaced, "parse", 1));
}

/// The same code at another place of the old build is another patch.
#[test]
fn where_a_function_is_redirected_counts() {
    let mut other = server(0x90);
    other.meta.sites[0].expected = "554889e554".to_owned();
    let parts = between(&files(&[server(0x90)], "a"), &files(&[other], "a")).deltas[0].parts.clone();
    assert_eq!((parts[0].kind, parts.len()), (PartKind::Replaced, 1));
}

#[test]
fn words_of_a_delta_count_as_no_part() {
    let mut other = server(0x90);
    other.meta.report.reasons.push("because".to_owned());
    let found = between(&files(&[server(0x90)], "a"), &files(&[other], "a"));
    assert_eq!((found.deltas.len(), found.deltas[0].parts.len()), (1, 0));
}

#[test]
fn builds_come_and_go() {
    let proxy = sample::delta("proxy", "00ff00ff00ff00ff", &[0xcc; 16]);
    let found = between(&files(&[server(0x90)], "a"), &files(&[server(0x90), proxy], "a"));
    assert_eq!((found.deltas.len(), found.deltas[0].change), (1, Change::Added));
    assert_eq!(found.deltas[0].program, "proxy");
    assert!(found.deltas[0].parts.iter().all(|part| part.change == Change::Added));
}
