//! A case from its opening to a full classification, and what goes wrong on the way.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::directory::{directory, document, names, run, transcript};

const KEV: &str = r#"{"title": "CISA Catalog of Known Exploited Vulnerabilities", "catalogVersion": "2026.10.30",
"dateReleased": "2026-10-30T17:02:45.3665Z", "count": 1, "vulnerabilities": [
{"cveID": "CVE-2022-24834", "vendorProject": "Redis", "product": "Redis", "vulnerabilityName": "Heap Overflow",
"dateAdded": "2026-10-26", "shortDescription": "x", "requiredAction": "y", "dueDate": "2026-10-29",
"knownRansomwareCampaignUse": "Known", "forensicTriage": "Yes", "notes": "", "cwes": ["CWE-122"]}]}
"#;
const EPSS: &str = "#model_version:v2025.03.14,score_date:2026-10-30T12:55:00Z\ncve,epss,percentile\n\
CVE-2022-24834,0.73123,0.98001\n";

const NEW: &[&str] = &[
    "case",
    "new",
    "redis-24834",
    "--title",
    "Heap overflow in cjson",
    "--program",
    "redis-server",
    "--id",
    "CVE-2022-24834",
    "--cvss-v3",
    "CVSS:3.1/AV:N/AC:L/PR:L/UI:N/S:U/C:H/I:H/A:H",
    "--detected",
    "2026-10-28T10:00:00Z",
    "--by",
    "alice",
];

fn opened(name: &str) -> std::path::PathBuf {
    let here = directory(name);
    document(&here, NEW);
    here
}

#[test]
fn the_manual() {
    let here = directory("manual");
    insta::assert_snapshot!(transcript(&here, &["case", "--help"]));
    for command in ["new", "classify", "show", "list"] {
        insta::assert_snapshot!(format!("manual_{command}"), transcript(&here, &["case", command, "--help"]));
    }
}

#[test]
fn from_the_report_to_a_full_classification() {
    let here = directory("story");
    fs::write(here.join("kev.json"), KEV).unwrap();
    fs::write(here.join("epss.csv"), EPSS).unwrap();
    insta::assert_snapshot!("opened", transcript(&here, NEW));
    let answers = ["automatable=no", "exposed=yes", "technical-impact=total", "mission-wellbeing=medium"];
    let more = ["system-exposure=open", "human-impact=low"];
    let answers = answers.iter().chain(&more).flat_map(|answer| ["--answer", answer]);
    let roles =
        ["commander=alice:response", "author=bob:core", "reviewer=carol:security", "operator=dave:ops"];
    let roles = roles.iter().flat_map(|role| ["--role", role]);
    let axes = [
        "consensus=none:scripts run on one node",
        "state=indirect:a broken heap may be stored",
        "client=direct:huge strings get an error",
    ];
    let axes = axes.iter().flat_map(|axis| ["--axis", axis]);
    let rest = ["--kev", "kev.json", "--epss", "epss.csv", "--class", "local:a bounds check", "--by", "bob"];
    let line: Vec<&str> = ["case", "classify", "redis-24834"]
        .into_iter()
        .chain(answers)
        .chain(roles)
        .chain(axes)
        .chain(rest)
        .collect();
    insta::assert_snapshot!("classified", transcript(&here, &line));
    insta::assert_snapshot!("shown", transcript(&here, &["case", "show", "redis-24834"]));
    let text = fs::read_to_string(here.join("cases/redis-24834/case.toml")).unwrap();
    let opened = text.lines().find(|line| line.starts_with("opened")).unwrap().to_owned();
    insta::assert_snapshot!("file", text.replace(&opened, "opened = …"));
    assert_eq!(names(&here.join("cases/redis-24834")), ["case.toml", "timeline.jsonl"]);
    assert_eq!(names(&here.join("cases")), ["redis-24834"]);
}

#[test]
fn scripts_get_everything() {
    let here = opened("scripts");
    let shown = document(&here, &["case", "show", "redis-24834"]);
    assert_eq!((&shown["schema"], &shown["edited_by_hand"]), (&1.into(), &false.into()));
    assert_eq!(shown["classification"]["due"]["day"], "2026-10-31");
    assert_eq!(shown["classification"]["due"]["decided"], false);
    assert_eq!(shown["classification"]["urgency"][0]["row"], 15);
    assert_eq!(shown["timeline"][0]["by"], "alice");
    let list = document(&here, &["case", "show", "redis-24834", "--ssvc"]);
    assert_eq!((&list["schemaVersion"], &list["target_ids"][0]), (&"2.0.0".into(), &"CVE-2022-24834".into()));
}

/// Without an option that changes the case, a script only reads.
#[test]
fn classifying_again_writes_nothing() {
    let here = opened("again");
    let files = ["case.toml", "timeline.jsonl"].map(|name| here.join("cases/redis-24834").join(name));
    let read = || files.each_ref().map(|path| fs::read(path).unwrap());
    let before = read();
    document(&here, &["case", "classify", "redis-24834"]);
    document(&here, &["case", "classify", "redis-24834", "--title", "Heap overflow in cjson"]);
    assert_eq!(read(), before);
    document(&here, &["case", "classify", "redis-24834", "--title", "Another", "--by", "bob"]);
    assert_ne!(read(), before);
    assert!(read()[1].starts_with(&before[1]), "a timeline only grows");
}

#[test]
fn roles_change_hands_in_the_open() {
    let here = opened("roles");
    for role in ["author=bob:core", "author=erin:core", "author="] {
        document(&here, &["case", "classify", "redis-24834", "--role", role, "--by", "alice"]);
    }
    let shown = document(&here, &["case", "show", "redis-24834"]);
    let authors: Vec<_> =
        shown["owners"].as_array().unwrap().iter().map(|o| o["roles"]["author"]["name"].clone()).collect();
    // Acts of the same second share a moment; the last of them counts then.
    assert_eq!(authors.len(), 3);
    assert!(authors.last().unwrap().is_null());
    assert_eq!(shown["timeline"][1]["roles"]["author"]["name"], "bob");
}

#[test]
fn comments_survive_and_edits_by_hand_show() {
    let here = opened("by-hand");
    let path = here.join("cases/redis-24834/case.toml");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.replace("tlp = \"amber+strict\"", "tlp = \"red\"   # until the vendor answers"))
        .unwrap();
    assert_eq!(document(&here, &["case", "show", "redis-24834"])["edited_by_hand"], true);
    document(&here, &["case", "classify", "redis-24834", "--answer", "exposed=no", "--by", "bob"]);
    assert_eq!(document(&here, &["case", "show", "redis-24834"])["edited_by_hand"], false);
    assert!(fs::read_to_string(&path).unwrap().contains("tlp = \"red\"   # until the vendor answers\n"));
}

#[test]
fn the_most_pressing_case_comes_first() {
    let here = directory("list");
    fs::write(here.join("kev.json"), KEV.replace("CVE-2022-24834", "CVE-2000-00001")).unwrap();
    for (id, detected) in [
        ("late", "2026-03-01T00:00:00Z"),
        ("early", "2026-01-01T00:00:00Z"),
        ("never", "2026-01-01T00:00:00Z"),
    ] {
        document(
            &here,
            &["case", "new", id, "--title", "t", "--program", "p", "--detected", detected, "--by", "a"],
        );
    }
    let harmless = ["--answer", "exposed=no", "--answer", "automatable=no", "--kev", "kev.json", "--by", "a"];
    document(&here, &[&["case", "classify", "never"], &harmless[..]].concat());
    fs::create_dir(here.join("cases/broken")).unwrap();
    fs::write(here.join("cases/broken/case.toml"), "schema = 1\nid = 7\n").unwrap();
    fs::create_dir(here.join("cases/no-case")).unwrap();
    insta::assert_snapshot!(transcript(&here, &["case", "list"]));
    fs::remove_dir_all(here.join("cases/broken")).unwrap();
    let listed = document(&here, &["case", "list"]);
    let ids: Vec<_> =
        listed["cases"].as_array().unwrap().iter().map(|case| case["id"].as_str().unwrap()).collect();
    assert_eq!(ids, ["early", "late", "never"]);
}

/// Days are counted from detection, so one that is to come would put them off.
#[test]
fn a_detection_that_is_to_come_is_refused_and_noted() {
    let here = directory("to-come");
    let to_come = "2999-01-01T00:00:00Z";
    let new = ["case", "new", "one", "--title", "t", "--program", "p", "--by", "a"];
    let detected = ["--detected", to_come];
    let refused = transcript(&here, &[&new[..], &detected].concat());
    assert!(refused.contains("is still to come") && refused.contains("--- exit 2"), "{refused}");
    assert!(!here.join("cases").exists());
    document(&here, &new);
    let refused = transcript(&here, &[&["case", "classify", "one", "--by", "a"][..], &detected].concat());
    assert!(refused.contains("is still to come") && refused.contains("--- exit 2"), "{refused}");

    let path = here.join("cases/one/case.toml");
    let text = fs::read_to_string(&path).unwrap();
    let notes = || document(&here, &["case", "show", "one"])["classification"]["notes"].to_string();
    assert!(!notes().contains("still to come"), "{}", notes());
    let edited: Vec<String> = text
        .lines()
        .map(|line| {
            if line.starts_with("detected = ") {
                format!("detected = \"{to_come}\"")
            } else {
                line.to_owned()
            }
        })
        .collect();
    fs::write(&path, edited.join("\n") + "\n").unwrap();
    assert!(notes().contains(to_come), "{}", notes());
}

/// Neither of two answers to one question is taken for the one that was meant.
#[test]
fn two_answers_to_one_question_are_refused() {
    let here = opened("twice");
    let classify = |more: &[&str]| {
        let line = [&["case", "classify", "redis-24834", "--by", "a"][..], more].concat();
        transcript(&here, &line)
    };
    let path = here.join("cases/redis-24834/case.toml");
    let before = fs::read(&path).unwrap();
    for (more, question) in [
        (["--answer", "exposed=yes", "--answer", "exposed=no"], "`--answer exposed`"),
        (["--axis", "state=none:a", "--axis", "state=direct:b"], "`--axis state`"),
        (["--role", "author=bob:core", "--role", "author=ann:core"], "`--role author`"),
        (["--role", "author=bob:core", "--role", "author="], "`--role author`"),
    ] {
        let refused = classify(&more);
        assert!(refused.contains(question) && refused.contains("--- exit 2"), "{refused}");
        assert_eq!(fs::read(&path).unwrap(), before);
    }
    let twice_the_same = classify(&["--answer", "exposed=yes", "--answer", "exposed=yes"]);
    assert!(twice_the_same.contains("--- exit 0"), "{twice_the_same}");
}

#[test]
fn mistakes() {
    let here = opened("mistakes");
    fs::write(here.join("half.json"), &KEV[..200]).unwrap();
    fs::write(here.join("scores.csv"), EPSS.replace("0.73123", "73%")).unwrap();
    let case = "redis-24834";
    let lines: [&[&str]; 12] = [
        &["case", "new", "../evil", "--title", "t", "--program", "p"],
        &["case", "new", "other"],
        NEW,
        &["case", "show", "nothing"],
        &["case", "list", "--cases", "nowhere"],
        &["case", "classify", case, "--answer", "exposed=perhaps"],
        &["case", "classify", case, "--answer", "in-kev=yes"],
        &["case", "classify", case, "--cvss-v3", "9.8"],
        &["case", "classify", case, "--axis", "state=none"],
        &["case", "classify", case, "--kev", "half.json"],
        &["case", "classify", case, "--epss", "scores.csv"],
        &["case", "classify", case, "--delta", "scores.csv"],
    ];
    let told: Vec<String> = lines.iter().map(|line| transcript(&here, line)).collect();
    insta::assert_snapshot!(told.join("\n"));
    assert_eq!(document(&here, &["case", "show", case])["timeline"].as_array().unwrap().len(), 1);
    assert_eq!(names(&here.join("cases")), [case]);
}

#[test]
fn a_file_that_was_tampered_with_is_named_with_its_line() {
    let here = opened("tampered");
    document(&here, &["case", "classify", "redis-24834", "--answer", "exposed=no", "--by", "bob"]);
    let (case, timeline) =
        (here.join("cases/redis-24834/case.toml"), here.join("cases/redis-24834/timeline.jsonl"));
    let (case_text, acts) = (fs::read_to_string(&case).unwrap(), fs::read_to_string(&timeline).unwrap());
    let mut told = Vec::new();
    fs::write(&timeline, acts.replacen("alice", "mallory", 1)).unwrap();
    told.push(transcript(&here, &["case", "show", "redis-24834"]));
    fs::write(&timeline, &acts).unwrap();
    fs::write(&case, case_text.replace("tlp =", "embargo_untill =")).unwrap();
    told.push(transcript(&here, &["case", "show", "redis-24834"]));
    fs::write(&case, case_text.replace("id = \"redis-24834\"", "id = \"redis-24835\"")).unwrap();
    told.push(transcript(&here, &["case", "classify", "redis-24834", "--title", "x"]));
    insta::assert_snapshot!(told.join("\n"));
}

/// Who change the same case at the same time do so one after the other, and no act is lost.
#[test]
fn many_at_once() {
    const WRITERS: usize = 16;
    let here = opened("many");
    let children: Vec<_> = (0..WRITERS)
        .map(|number| {
            let version = format!("1.{number}");
            let line = ["case", "classify", "redis-24834", "--fixed", &version, "--by", "bob", "--json"];
            Command::new(env!("CARGO_BIN_EXE_suture"))
                .args(line)
                .current_dir(&here)
                .stdout(std::process::Stdio::null())
                .spawn()
                .unwrap()
        })
        .collect();
    for mut child in children {
        assert!(child.wait().unwrap().success());
    }
    let shown = document(&here, &["case", "show", "redis-24834"]);
    assert_eq!(shown["case"]["program"]["fixed"].as_array().unwrap().len(), WRITERS);
    assert_eq!(shown["timeline"].as_array().unwrap().len(), WRITERS + 1);
    assert_eq!(names(&here.join("cases/redis-24834")), ["case.toml", "timeline.jsonl"]);
}

/// An interruption at any moment leaves a whole case or none, and no other file.
#[test]
fn an_interruption_at_any_moment() {
    const ROUNDS: u64 = 60;
    let here = directory("any-moment");
    let mut made = 0;
    for round in 0..ROUNDS {
        let id = format!("c{round}");
        let mut child = Command::new(env!("CARGO_BIN_EXE_suture"))
            .args(["case", "new", &id, "--title", "t", "--program", "p", "--by", "alice", "--json"])
            .current_dir(&here)
            .stdout(std::process::Stdio::null())
            .spawn()
            .unwrap();
        // Not a condition that is waited for: the moment is what varies.
        std::thread::sleep(std::time::Duration::from_micros(round * 150));
        let mut kill = Command::new("kill");
        kill.args(["-INT", &child.id().to_string()]).stderr(std::process::Stdio::null());
        let mut kill = kill.spawn().unwrap();
        kill.wait().unwrap();
        child.wait().unwrap();
        if here.join("cases").join(&id).exists() {
            made += 1;
            assert_eq!(names(&here.join("cases").join(&id)), ["case.toml", "timeline.jsonl"]);
            assert!(run(&here, &["case", "show", &id]).status.success());
        }
    }
    let left = if here.join("cases").exists() { names(&here.join("cases")) } else { Vec::new() };
    assert_eq!(left.len(), made, "{left:?}");
}

/// A full disk leaves the case as it was.
#[test]
fn a_full_disk_leaves_the_case_as_it_was() {
    let here = opened("full");
    let case = here.join("cases/redis-24834");
    let before = fs::read_to_string(case.join("case.toml")).unwrap();
    // A file size limit stands in for the disk: the write fails half way.
    let script = format!(
        "trap '' XFSZ; ulimit -f 1; exec {} case classify redis-24834 --by bob --class 'local:{}'",
        env!("CARGO_BIN_EXE_suture"),
        "x".repeat(8000)
    );
    let output = Command::new("bash").args(["-c", &script]).current_dir(&here).output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(fs::read_to_string(case.join("case.toml")).unwrap(), before);
    assert_eq!(names(&case), ["case.toml", "timeline.jsonl"]);
    assert!(run(Path::new(&here), &["case", "show", "redis-24834"]).status.success());
}
