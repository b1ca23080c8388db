//! An export in which somebody has edited, as `suture audit verify` tells it.

use crate::support::Place;

/// An export of a log whose entries 1 to 8 are acts; 9 entries in all.
fn exported(name: &str) -> (Place, Vec<String>) {
    let place = Place::with_log(name);
    place.acts(8);
    place.done(&["audit", "export", "-o", "log.export"]);
    let lines = place.read("log.export").split_inclusive('\n').map(str::to_owned).collect();
    (place, lines)
}

fn line_of(lines: &[String], entry: usize) -> usize {
    lines.iter().position(|line| line.starts_with(&format!("entry {entry} "))).unwrap()
}

fn verdict(place: &Place, lines: &[String]) -> String {
    place.write("log.export", &lines.concat());
    let document = place.run(&["audit", "verify", "log.export", "--key", &place.vkey, "--json"]);
    let document: serde_json::Value = serde_json::from_slice(&document.stdout).unwrap();
    assert_eq!(document["verified"], false);
    assert!(
        document["finding"]["message"]
            .as_str()
            .unwrap()
            .contains(&document["finding"]["entries"][0].to_string())
    );
    place.transcript(&["audit", "verify", "log.export", "--key", &place.vkey])
}

#[test]
fn an_entry_was_changed() {
    let (place, mut lines) = exported("changed");
    let at = line_of(&lines, 5);
    lines[at] = lines[at].replace("\"refused\"", "\"done\"");
    insta::assert_snapshot!(verdict(&place, &lines));
}

#[test]
fn an_entry_was_dropped() {
    let (place, mut lines) = exported("dropped");
    lines.remove(line_of(&lines, 5));
    insta::assert_snapshot!(verdict(&place, &lines));
}

#[test]
fn entries_have_changed_places() {
    let (place, mut lines) = exported("moved");
    let (one, other) = (line_of(&lines, 5), line_of(&lines, 6));
    lines.swap(one, other);
    insta::assert_snapshot!(verdict(&place, &lines));
}

/// The forger has a tool of their own that makes number and hash fit.
#[test]
fn an_entry_was_dated_back_with_its_hash() {
    let (place, mut lines) = exported("dated-back");
    let at = line_of(&lines, 5);
    let (_, json) = lines[at].split_once(" {").unwrap();
    let (before, _) = json.split_once("\"when\":\"").unwrap();
    let json = format!("{{{before}\"when\":\"2001-01-01T00:00:00.000Z\"}}");
    lines[at] = format!("entry 5 {} {json}\n", suture_log::Hash::of_leaf(json.as_bytes()));
    let said = verdict(&place, &lines);
    assert!(said.contains("entry 5 is dated back: it says [time], but entry 4 is of"), "{said}");
}

/// With everything recomputed it is the signature that tells, to the entry, because every act is signed for.
#[test]
fn an_entry_was_changed_with_its_hash() {
    let (place, mut lines) = exported("forged");
    let at = line_of(&lines, 5);
    let (_, json) = lines[at].split_once(" {").unwrap();
    let json = format!("{{{}", json.trim_end()).replace("\"refused\"", "\"failed\"");
    lines[at] = format!("entry 5 {} {json}\n", suture_log::Hash::of_leaf(json.as_bytes()));
    insta::assert_snapshot!(verdict(&place, &lines));
}

#[test]
fn entries_were_cut_off() {
    let (place, mut lines) = exported("cut");
    let from = line_of(&lines, 7);
    let last_checkpoint = lines.iter().rposition(|line| line == "checkpoint\n").unwrap();
    lines.drain(from..last_checkpoint);
    insta::assert_snapshot!(verdict(&place, &lines));
}

#[test]
fn a_file_that_is_no_export() {
    let (place, lines) = exported("no-export");
    place.write("log.export", &lines[..4].concat());
    insta::assert_snapshot!(place.transcript(&["audit", "verify", "log.export", "--key", &place.vkey]));
    place.write("log.export", "a letter\n");
    insta::assert_snapshot!(place.transcript(&["audit", "verify", "log.export", "--key", &place.vkey]));
    place.write("log.export", &format!("{}entry 0 {}", lines[0], "A".repeat(100_000)));
    insta::assert_snapshot!(place.transcript(&["audit", "verify", "log.export", "--key", &place.vkey]));
}

/// What is wrong with a directory is told like what is wrong with an export.
#[test]
fn a_tile_was_removed() {
    let (place, _) = exported("no-tile");
    std::fs::remove_file(place.path("log/public/tile/0/000.p/9")).unwrap();
    insta::assert_snapshot!(place.transcript(&["audit", "verify", "--key", &place.vkey]));
}
