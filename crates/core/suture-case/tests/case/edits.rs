//! Files with lists of tables, as advisories have them, edited: `[[tables]]` say what is new, and all around them stays.

use suture_case::write::edited;

const OLD: &str = r#"# An advisory.
title = "A hole"   # a word for it

[publisher]
name = "Example"   # us

# The builds of our packages.
[[hot_patch]]
build_id = "aa"   # bookworm
version = "1"

[[hot_patch]]
build_id = "bb"

[[credit]]
name = "Dana"   # by mail
role = "reporter"

[notes]
# Nothing yet.
text = "none"
"#;

/// Edits `old` into `fresh`; it must say just that, and editing it once more must change nothing.
fn edit(old: &str, fresh: &str) -> String {
    let parse =
        |text: &str| toml::from_str::<toml::Table>(text).unwrap_or_else(|why| panic!("{why}: {text}"));
    let text = edited(old, fresh).unwrap();
    assert_eq!(parse(&text), parse(fresh), "{text}");
    assert_eq!(edited(&text, fresh).unwrap(), text);
    text
}

fn without_comments(text: &str) -> String {
    let lines = text.lines().map(|line| line.split_once('#').map_or(line, |(code, _)| code).trim_end());
    lines.filter(|line| !line.is_empty()).collect::<Vec<_>>().join("\n")
}

#[test]
fn what_says_the_same_is_not_touched() {
    assert_eq!(edit(OLD, &without_comments(OLD)), OLD);
}

#[test]
fn a_table_more_or_less_leaves_the_others_where_they_are() {
    let bare = without_comments(OLD);
    let more = bare.replace("[[credit]]", "[[hot_patch]]\nbuild_id = \"cc\"\n[[credit]]");
    let less = bare.replace("[[hot_patch]]\nbuild_id = \"bb\"\n", "");
    let changed = bare.replace("\"bb\"", "\"dd\"");
    for fresh in [more, less, changed] {
        let text = edit(OLD, &fresh);
        for kept in ["# An advisory.", "# a word for it", "# us", "# by mail", "# Nothing yet."] {
            assert!(text.contains(kept), "{kept}: {text}");
        }
    }
}

/// A list that is new stands behind what is there; one that is gone takes its tables along.
#[test]
fn a_list_begins_and_ends() {
    let bare = without_comments(OLD);
    let text = edit(OLD, &format!("{bare}\n[[reference]]\nurl = \"x\"\n[[reference]]\nurl = \"y\"\n"));
    assert!(text.starts_with(OLD.trim_end()), "{text}");
    assert!(text.find("url = \"x\"") < text.find("url = \"y\""), "{text}");
    let text = edit(OLD, &bare.replace("[[credit]]\nname = \"Dana\"\nrole = \"reporter\"\n", ""));
    assert!(
        !text.contains("credit") && text.contains("# bookworm") && text.contains("# Nothing yet."),
        "{text}"
    );
}

/// Tables within tables of a list stay with their own, wherever the texts have them.
#[test]
fn tables_within_a_list_stay_with_their_own() {
    let old = "[z]\nn = 1\n\n[[a]]\nname = \"one\"\n[a.inner]\nn = 1\n\n[y]\nn = 2\n";
    let fresh = "[[a]]\nname = \"one\"\n[a.inner]\nn = 1\n[[a]]\nname = \"two\"\n[a.inner]\nn = 2\n[a.inner.deep]\nn = 3\n\
                 [y]\nn = 2\n[z]\nn = 1\n";
    let text = edit(old, fresh);
    assert!(text.find("\"one\"") < text.find("\"two\""), "{text}");
    edit(&text, old);
    edit(old, "[z]\nn = 1\n[y]\nn = 2\n");
}

/// What was a value becomes a list of tables, and the other way round.
#[test]
fn another_kind_of_thing() {
    let text = edit("a = 1\nb = 2   # two\n", "b = 2\n[[a]]\nn = 1\n");
    assert!(text.contains("# two"), "{text}");
    edit("b = 2\n[[a]]\nn = 1\n[c]\nn = 1\n", "a = 1\nb = 2\n[c]\nn = 1\n");
    edit("[[a]]\nn = 1\n[c]\nn = 1\n", "[c]\nn = 1\n[a]\nn = 1\n[a.b]\nn = 2\n");
}
