//! What `suture ps` shows people and scripts of a process and of the patches in it.

use crate::support::{Pair, Target};
use crate::surroundings::answers;

/// What people see of a process; what differs from run to run is a word in the place of what it stands for.
fn page(pair: &Pair, target: &Target) -> String {
    let process = pair.ps(target);
    let pid = target.pid().to_string();
    let output = pair.suture().args(["ps", "--pid", &pid]).env("TZ", "UTC").output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let mut page = String::from_utf8(output.stdout).unwrap();
    let mut known = |text: &str, word: &str| {
        assert!(page.contains(text), "{text}: {page}");
        page = page.replacen(text, word, 1);
    };
    known(&pid, "PID");
    known(&process["builds"][0]["build_id"].as_str().unwrap()[..12], "BUILD-ID");
    let patch = &process["patches"][0];
    if patch.is_object() {
        let changed_at = i64::try_from(patch["changed_at"].as_u64().unwrap()).unwrap();
        let changed_at = jiff::Timestamp::from_second(changed_at).unwrap();
        known(&patch["id"].as_str().unwrap()[..12], "PATCH-ID");
        known(&changed_at.strftime("%F %T+00:00").to_string(), "TIME");
        known(&format!("by {}", patch["by"].as_str().unwrap()), "by USER");
    }
    // The columns are as wide as what was in them.
    let columns = |line: &str| {
        line.split("  ").map(str::trim).filter(|cell| !cell.is_empty()).collect::<Vec<_>>().join(" | ")
    };
    page.lines().map(|line| columns(line) + "\n").collect()
}

#[test]
fn a_process_and_its_patch_as_people_see_them() {
    let pair = answers();
    let target = pair.start();
    let mut pages = Vec::new();
    for verb in [&["ps"][..], &["apply", "--dark"], &["toggle", "on"], &["toggle", "off"], &["revert"]] {
        if verb != ["ps"] {
            assert_eq!(pair.operate(verb, &target, &[]).outcome(), "done");
        }
        let process = pair.ps(&target);
        assert_eq!(
            (process["pid"].as_i64(), &process["name"]),
            (Some(target.pid().into()), &"answers.old".into())
        );
        pages.push(format!("{}\n{}", verb.join(" "), page(&pair, &target)));
    }
    insta::assert_snapshot!(pages.join("\n"));
}
