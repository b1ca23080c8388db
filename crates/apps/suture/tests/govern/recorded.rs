//! Every act of the program is an entry of the audit log: which, on what, with whose key, and how it ended.

use std::fs;

use serde_json::{Value, json};

use crate::log::{Log, ended, subject};
use crate::office::{Server, done, open};
use crate::patch;
use crate::source::{C, bundle};

const TRUST: [&str; 2] = ["--trust", "trust"];

#[test]
fn keys_cases_and_advisories() {
    let log = Log::begin(&open("govern-acts-case"));
    let made = log.done(&["key", "new", "-o", "dan", "--no-passphrase"]);
    assert_eq!((&made["act"], &subject(&made, "key")["id"]), (&json!("key.new"), &log.fingerprint("dan")));
    assert_eq!(made["detail"]["encrypted"], false);

    let opened =
        log.done(&["case", "new", "one", "--title", "A title", "--program", "server", "--by", "ann"]);
    let case = log.digest("cases/one/case.toml");
    assert_eq!(opened["act"], "case.open");
    assert_eq!(subject(&opened, "case"), &json!({"kind": "case", "id": "one", "digest": case}));
    // Who did it is in the timeline, which others are not shown: the entry is bound to that.
    let last_act = || {
        let text = fs::read_to_string(log.here.join("cases/one/timeline.jsonl")).unwrap();
        fs::write(log.here.join("act"), text.lines().next_back().unwrap()).unwrap();
        log.digest("act")
    };
    assert_eq!(subject(&opened, "timeline")["digest"], last_act());
    let classified = log.done(&["case", "classify", "one", "--answer", "exposed=yes", "--by", "ann"]);
    assert_eq!((&classified["act"], &classified["detail"]["before"]), (&json!("case.classify"), &case));
    let case = log.digest("cases/one/case.toml");
    assert_eq!(subject(&classified, "case")["digest"], case);
    assert_eq!(subject(&classified, "timeline")["digest"], last_act());
    assert!(fs::read_to_string(log.here.join("act")).unwrap().contains("\"by\":\"ann\""));
    let again = log.done(&["case", "classify", "one", "--answer", "exposed=yes", "--by", "ann"]);
    assert_eq!(ended(&again), ["case.classify", "done", "unchanged"]);
    let (_, there) = log.act(2, &["case", "new", "one", "--title", "t", "--program", "p"]);
    assert_eq!(ended(&there), ["case.open", "failed", "bad-input"]);

    let namespace = "https://security.example.org";
    let begun = log.done(&["advisory", "new", "one", "--publisher", "Example", "--namespace", namespace]);
    let advisory = || log.digest("cases/one/advisory.toml");
    assert_eq!(
        (&begun["act"], &subject(&begun, "advisory")["digest"]),
        (&json!("advisory.new"), &advisory())
    );
    assert_eq!(subject(&begun, "case")["digest"], case);
    let before = advisory();
    let update = ["advisory", "update", "one", "--note", "What it is", "--summary"];
    let updated = log.done(&[&update[..], &["A buffer is too short"]].concat());
    assert_eq!((&updated["act"], &updated["detail"]["before"]), (&json!("advisory.update"), &before));
    assert_eq!(subject(&updated, "advisory")["digest"], advisory());
    let publish = ["advisory", "update", "one", "--note", "Out", "--stage", "published", "--affected", "<2"];
    let staged = log.done(&publish);
    assert_eq!(staged["act"], "advisory.stage");
    assert_eq!(
        (&staged["detail"]["stage"], &staged["detail"]["version"], &staged["detail"]["forced"]),
        (&json!("published"), &json!("1.0.0"), &json!(false))
    );
    let rendered = log.done(&["advisory", "render", "one", "--format", "csaf", "-o", "csaf.json"]);
    assert_eq!(rendered["act"], "advisory.render");
    assert_eq!(subject(&rendered, "document")["digest"], log.digest("csaf.json"));

    let looked = log.done(&["leak-check", "dan.pub", "--term", "parse_header"]);
    assert_eq!((&looked["act"], &looked["detail"]["findings"]), (&json!("leak-check"), &json!(0)));
    fs::write(log.here.join("page"), "parse_header was wrong\n").unwrap();
    let (_, found) = log.act(5, &["leak-check", "page", "--term", "parse_header"]);
    assert_eq!(ended(&found), ["leak-check", "refused", "leaks"]);
    assert_eq!(found["detail"], json!({"files": 1, "findings": 1}));
    assert!(!log.text().contains("parse_header"));
}

#[test]
fn dossiers_bundles_statements_and_processes() {
    let log = Log::begin(&open("govern-acts-bundle"));
    patch::delta(&log.here, "server", "fix", "fixed %d");
    let delta = log.digest("fix.delta");
    let drafted = log.done(&["dossier", "new", "fix.delta", "-o", "draft.toml"]);
    assert_eq!(drafted["act"], "dossier.new");
    assert_eq!(subject(&drafted, "delta")["digest"], delta);
    assert_eq!(subject(&drafted, "dossier")["digest"], log.digest("draft.toml"));

    let create = |dossier| ["bundle", "create", "fix.delta", "--dossier", dossier, "-o", "fix.bundle"];
    let (_, open) = log.act(5, &create("draft.toml"));
    assert_eq!(ended(&open), ["bundle.create", "refused", "gaps"]);
    assert_eq!(
        (&open["detail"]["gaps"], log.here.join("fix.bundle").exists()),
        (&drafted["detail"]["gaps"], false)
    );
    patch::dossier(&log.here, &["fix.delta"]);
    let created = log.done(&create("dossier.toml"));
    let bundle = json!({"kind": "bundle", "digest": log.digest("fix.bundle")});
    assert_eq!((subject(&created, "bundle"), &subject(&created, "delta")["digest"]), (&bundle, &delta));

    let check = [&["policy", "check", "fix.bundle"][..], &TRUST].concat();
    let (_, asked) = log.act(5, &check);
    assert_eq!((ended(&asked), subject(&asked, "bundle")), (["policy.check", "refused", "policy"], &bundle));
    let (_, pruned) = log.act(0, &[&["statements", "fix.bundle", "--prune"][..], &TRUST].concat());
    assert_eq!(
        (ended(&pruned)[0], &subject(&pruned, "file")["digest"], &pruned["detail"]),
        ("statements.prune", &bundle["digest"], &json!({"pruned": 0}))
    );
    let server = Server::start(&log.here, "server");
    let pid = server.pid();
    let apply = [&["apply", "fix.bundle", "--pid", &pid][..], &TRUST].concat();
    let (_, refused) = log.act(5, &apply);
    assert_eq!(
        (ended(&refused), subject(&refused, "bundle")),
        (["process.apply", "refused", "policy"], &bundle)
    );

    for (role, key, act, more) in [
        ("author", "ann", "sign.authored", &[][..]),
        ("rehearser", "bot", "sign.rehearsed", &["--predicate", "passed.json"]),
        ("reviewer", "rob", "sign.reviewed", &[]),
    ] {
        let sign = [&["sign", "--as", role, "--key", key, "fix.bundle"], more].concat();
        let (document, signed) = log.act(0, &sign);
        assert_eq!((&signed["act"], &signed["actor"]["key"]), (&json!(act), &log.fingerprint(key)));
        assert_eq!(subject(&signed, "bundle"), &bundle);
        let statement = format!("sha256:{}", document["signed"][0]["id"].as_str().unwrap());
        assert_eq!(subject(&signed, "statement")["digest"], statement);
        assert_eq!(signed["detail"]["role"], role);
    }
    let shown = log.run(&["audit", "show", "--act", "sign.authored"]);
    let key = log.fingerprint("ann");
    assert!(String::from_utf8_lossy(&shown.stdout).contains(&key.as_str().unwrap()[..19]));
    assert_eq!(ended(&log.done(&check)), ["policy.check", "done", ""]);
    let summary = [&check[..], &["--summary", "--key", "cora"]].concat();
    let (document, summed) = log.act(0, &summary);
    assert_eq!(
        (ended(&summed), &summed["actor"]["key"]),
        (["policy.check", "done", ""], &log.fingerprint("cora"))
    );
    let statement = format!("sha256:{}", document["summary"]["id"].as_str().unwrap());
    assert_eq!(subject(&summed, "statement")["digest"], statement);

    let acts = [
        (apply, "process.apply"),
        (vec!["toggle", "fix.bundle", "off", "--pid", &pid], "process.toggle"),
        (vec!["revert", "fix.bundle", "--pid", &pid], "process.revert"),
    ];
    for (arguments, act) in acts {
        let entry = log.done(&arguments);
        assert_eq!((&entry["act"], subject(&entry, "bundle")), (&json!(act), &bundle));
        assert_eq!(subject(&entry, "process")["id"], format!("server[{pid}]"));
        assert_eq!((&subject(&entry, "delta")["digest"], &entry["actor"]["key"]), (&delta, &Value::Null));
    }
    server.awaits("count");
}

/// A reproduction is an act of whoever signs it; one that comes out differently is one that was refused.
#[test]
fn reproductions() {
    let log = Log::begin(&open("govern-acts-reproduce"));
    C.write(&log.here, "author");
    C.build(&log.here, "author", "fix", &[]);
    bundle(&log.here, &["fix"], &["fix.patch"]);
    log.new_entries();
    let line = ["reproduce", "fix.bundle", "--source", "author", "--as", "reviewer", "--key", "rob"];
    let (document, entry) = log.act(0, &line);
    assert_eq!(
        (ended(&entry), &entry["actor"]["key"]),
        (["bundle.reproduce", "done", ""], &log.fingerprint("rob"))
    );
    assert_eq!(subject(&entry, "bundle")["digest"], log.digest("fix.bundle"));
    let statement = format!("sha256:{}", document["signed"][0]["id"].as_str().unwrap());
    assert_eq!(subject(&entry, "statement")["digest"], statement);
    let source = log.here.join("author/server.c");
    let text = fs::read_to_string(&source).unwrap();
    fs::write(source, text.replace("x * 7", "x * 8")).unwrap();
    let (_, different) = log.act(5, &line);
    assert_eq!(ended(&different)[..2], ["bundle.reproduce", "refused"]);
    assert_eq!(different["actor"]["key"], Value::Null, "nothing was signed");
}

#[test]
fn channels() {
    let log = Log::begin(&open("govern-acts-channel"));
    done(&log.here, &["case", "new", "count-1", "--title", "It counts too far", "--program", "server"]);
    patch::delta(&log.here, "server", "fix", "fixed %d");
    patch::dossier_with(&log.here, &["fix.delta"], &["--case", "count-1"]);
    patch::bundle_of_fix(&log.here);
    let init = "channel init channel --root-key ann --root-key art --targets-key ann --patches-key bot \
                --snapshot-key bot --timestamp-key bot";
    let founded = log.done(&init.split_whitespace().collect::<Vec<_>>());
    let keys: Vec<_> =
        founded["subjects"].as_array().unwrap().iter().filter(|of| of["kind"] == "key").collect();
    assert_eq!((&founded["act"], keys.len()), (&json!("channel.init"), 2));
    assert_eq!(founded["actor"]["key"], log.fingerprint("ann"));
    assert_eq!(subject(&founded, "root")["digest"], log.digest("channel/pending/root.json"));

    let line = |line: &str| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    let does = |exit: i32, text: &str| {
        let words = line(text);
        log.act(exit, &words.iter().map(String::as_str).collect::<Vec<_>>())
    };
    let (document, added) = does(0, "channel add channel --bundle fix.bundle");
    assert_eq!(document["added"], json!(["bundle.fix.bundle"]));
    let bundle = log.digest("fix.bundle");
    let target = json!({"kind": "target", "digest": bundle});
    assert_eq!((&added["act"], subject(&added, "target")), (&json!("channel.add"), &target));
    let (_, ruled) = does(0, "channel add channel --policy trust");
    assert_eq!(subject(&ruled, "target")["digest"], log.digest("trust/root.toml"));

    let (_, lacking) = does(5, "channel publish channel --key bot");
    assert_eq!(ended(&lacking), ["channel.publish", "refused", "keys-missing"]);
    let (_, published) = does(0, "channel publish channel --key bot --key ann");
    let newest = || log.digest("channel/public/metadata/timestamp.json");
    let target = json!({"kind": "target", "id": "bundle.fix.bundle", "digest": bundle});
    assert_eq!((&published["act"], subject(&published, "target")), (&json!("channel.publish"), &target));
    assert_eq!(subject(&published, "timestamp")["digest"], newest());
    let root = log.digest("channel/public/metadata/1.root.json");
    assert_eq!(subject(&published, "channel")["digest"], root);
    let (_, removed) = does(0, "channel remove channel fix.bundle");
    let gone = json!({"kind": "removed", "id": "bundle.fix.bundle", "digest": bundle});
    assert_eq!((&removed["act"], subject(&removed, "removed")), (&json!("channel.remove"), &gone));
    // Of what nobody has seen there is no name.
    does(0, "channel add channel --bundle fix.bundle");
    fs::rename(log.here.join("fix.bundle"), log.here.join("other.bundle")).unwrap();
    does(0, "channel add channel --bundle other.bundle");
    let (_, removed) = does(0, "channel remove channel other.bundle");
    assert_eq!(subject(&removed, "removed"), &json!({"kind": "removed", "digest": bundle}));
    let (_, refreshed) = does(0, "channel refresh channel --key bot");
    assert_eq!(
        (&refreshed["act"], &refreshed["actor"]["key"]),
        (&json!("channel.refresh"), &log.fingerprint("bot"))
    );
    assert_eq!(subject(&refreshed, "timestamp")["digest"], newest());
    let (_, rotated) = does(0, "channel rotate channel --timestamp-key rob.pub --key art");
    assert_eq!(
        (&rotated["act"], &rotated["actor"]["key"]),
        (&json!("channel.rotate"), &log.fingerprint("art"))
    );

    let url = format!("file://{}/channel/public", log.here.display());
    let fetch = format!("fetch {url} --root channel/public/metadata/1.root.json --datastore seen --out got");
    let (_, fetched) = does(0, &fetch);
    assert_eq!(
        (&fetched["act"], &subject(&fetched, "channel")["id"]),
        (&json!("channel.fetch"), &json!(url))
    );
    let got = fetched["subjects"].as_array().unwrap().iter().find(|of| of["digest"] == bundle).unwrap();
    assert_eq!(got["id"], "bundles/fix.bundle");
    let forged = log.here.join("channel/public/metadata/timestamp.json");
    let text = fs::read_to_string(&forged).unwrap();
    fs::write(&forged, text.replace("\"version\": 2", "\"version\": 3")).unwrap();
    assert_eq!(ended(&does(5, &fetch).1), ["channel.fetch", "refused", "threshold"]);
}

/// Whoever reads the log learns that something was done, and can recognise what they have; names and words come with the end of
/// the embargo.
#[test]
fn what_is_under_embargo_is_told_by_digests_and_opaque_names() {
    let log = Log::begin(&open("govern-acts-embargo"));
    let until = ["--embargo-until", "2999-01-01T00:00:00Z"];
    let case = ["case", "new", "kraken-hole", "--title", "Krakens overflow", "--program", "kraken"];
    log.done(&[&case[..], &["--id", "CVE-2026-4711"], &until].concat());
    let case = || log.digest("cases/kraken-hole/case.toml");
    let classified = log.done(&["case", "classify", "kraken-hole", "--answer", "exposed=yes"]);
    assert_eq!(subject(&classified, "case"), &json!({"kind": "case", "digest": case()}));
    let advisory = ["--publisher", "Kraken", "--namespace", "https://example.org", "--summary", "Krakens"];
    log.done(&[&["advisory", "new", "kraken-hole"], &advisory[..]].concat());
    let publish = ["advisory", "update", "kraken-hole", "--note", "Krakens", "--stage", "published"];
    let publish = [&publish[..], &["--affected", "<2"]].concat();
    assert_eq!(ended(&log.act(5, &publish).1), ["advisory.stage", "refused", "embargo"]);
    patch::delta(&log.here, "server", "kraken", "fixed %d");
    log.done(&["dossier", "new", "kraken.delta", "--case", "kraken-hole", "-o", "kraken.toml"]);
    patch::dossier_with(&log.here, &["kraken.delta"], &["--case", "kraken-hole"]);
    log.done(&["bundle", "create", "kraken.delta", "--dossier", "dossier.toml", "-o", "kraken.bundle"]);
    log.done(&["sign", "--as", "author", "--key", "ann", "--comment", "the kraken is dead", "kraken.bundle"]);
    let bundle = log.digest("kraken.bundle");

    let init = "channel init channel --root-key ann --targets-key ann --patches-key bot --snapshot-key bot --timestamp-key bot";
    log.done(&init.split_whitespace().collect::<Vec<_>>());
    log.done(&["channel", "add", "channel", "--policy", "trust"]);
    let to = fs::read_to_string(log.here.join("rob.pub")).unwrap();
    let add = ["channel", "add", "channel", "--bundle", "kraken.bundle", "--to", to.trim()];
    let added = log.done(&[&add[..], &until].concat());
    let opaque = subject(&added, "target")["id"].as_str().unwrap().to_owned();
    assert!(opaque.starts_with("sealed.") && added["detail"]["embargo"] == true, "{added}");
    assert_eq!(subject(&added, "bundle")["digest"], bundle);
    log.done(&["channel", "publish", "channel", "--key", "ann", "--key", "bot"]);
    let url = format!("file://{}/channel/public", log.here.display());
    let fetch = ["fetch", &url, "--root", "channel/public/metadata/1.root.json", "--datastore", "seen"];
    let fetched = log.done(&[&fetch[..], &["--out", "got", "--identity", "rob"]].concat());
    let got = fetched["subjects"].as_array().unwrap().iter().find(|of| of["digest"] == bundle).unwrap();
    assert_eq!(got["id"], opaque);
    let reveal = ["channel", "reveal", "channel", "kraken.bundle"];
    assert_eq!(ended(&log.act(5, &reveal).1), ["channel.reveal", "refused", "embargo"]);

    // Neither it nor what gives it away is published, and its name is not in the log either.
    let clear = log.here.join("no-kraken.bundle");
    fs::copy(log.here.join("kraken.bundle"), &clear).unwrap();
    let add = ["channel", "add", "channel", "--bundle", "no-kraken.bundle"];
    assert_eq!(ended(&log.act(5, &add).1), ["channel.add", "refused", "embargo"]);
    let publish = ["channel", "publish", "channel", "--key", "bot"];
    let by_hand = log.here.join("channel/content/bundle.no-kraken.bundle");
    fs::copy(&clear, &by_hand).unwrap();
    assert_eq!(ended(&log.act(5, &publish).1), ["channel.publish", "refused", "embargo"]);
    fs::remove_file(by_hand).unwrap();
    let rule = "// Krakens.\n@id(\"all\")\n@says(\"All.\")\npermit (principal, action, resource);\n";
    fs::create_dir(log.here.join("trust/policy")).unwrap();
    fs::write(log.here.join("trust/policy/1.cedar"), rule).unwrap();
    log.done(&["channel", "add", "channel", "--policy", "trust"]);
    let leaking = log.act(5, &[&publish[..], &["--key", "ann"]].concat()).1;
    assert_eq!(ended(&leaking), ["channel.publish", "refused", "leaks"]);
    log.done(&["channel", "remove", "channel", "--policy"]);
    fs::remove_dir_all(log.here.join("trust/policy")).unwrap();

    let revealed = log.done(&[&reveal[..], &["--early"]].concat());
    assert_eq!(
        (&revealed["detail"]["early"], &subject(&revealed, "removed")["id"]),
        (&json!(true), &json!(opaque))
    );
    assert_eq!(subject(&revealed, "target"), &json!({"kind": "target", "digest": bundle}));
    let told = log.text();
    for word in ["kraken", "Kraken", "2026-4711", "dead"] {
        assert!(!told.contains(word), "{word}");
    }
    // The embargo of the case is ended where it stands: in its record.
    assert_eq!(ended(&log.act(5, &publish).1), ["channel.publish", "refused", "embargo"]);
    log.done(&["case", "classify", "kraken-hole", "--embargo-until", "2020-01-01T00:00:00Z"]);
    let published = log.done(&publish);
    assert_eq!(subject(&published, "target")["id"], "bundle.kraken.bundle");
    assert!(log.text().contains("kraken"));
}

#[test]
fn what_only_reads_is_no_act() {
    let log = Log::begin(&open("govern-acts-reading"));
    log.done(&["case", "new", "one", "--title", "t", "--program", "p"]);
    fs::write(log.here.join("fix.bundle"), "a bundle\n").unwrap();
    for arguments in [
        &["case", "show", "one"][..],
        &["case", "list"],
        &["key", "show", "ann"],
        &["statements", "fix.bundle"],
        &["ps", "--pid", "1"],
        &["policy", "show"],
        &["audit", "show"],
    ] {
        log.run(arguments);
        assert!(log.new_entries().is_empty(), "{arguments:?}");
    }
}
