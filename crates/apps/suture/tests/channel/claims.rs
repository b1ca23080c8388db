//! Ten gigabytes, said the metadata: what a channel claims costs no memory, though its own keys have signed it.

use std::fs;

use serde_json::Value;
use suture_keys::FileKey;
use suture_trust::{Digest, Signer as _};

use crate::desk::Desk;
use crate::little_memory::{TEN_GIGABYTES, in_little_memory, refused_in_little_memory, sparse};

/// The fetch of the channel; its words if it must end so.
fn fetch(desk: &Desk, exit: i32) -> String {
    let url = format!("file://{}", desk.path("channel/public").display());
    let arguments = ["fetch", &url, "--root", "pinned.json", "--datastore", "seen", "--out", "got"];
    if exit != 0 {
        return refused_in_little_memory(&desk.path(""), exit, &arguments);
    }
    let output = in_little_memory(&desk.path(""), &arguments);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::new()
}

/// Canonical JSON (OLPC), as far as metadata needs it.
fn canonical(value: &Value) -> String {
    match value {
        Value::Object(fields) => {
            let mut fields: Vec<_> =
                fields.iter().map(|(key, value)| format!("{key:?}:{}", canonical(value))).collect();
            fields.sort();
            format!("{{{}}}", fields.join(","))
        }
        Value::Array(items) => {
            format!("[{}]", items.iter().map(canonical).collect::<Vec<_>>().join(","))
        }
        other => other.to_string(),
    }
}

/// Changes a metadata file and signs it with the key of its role; gives how another one lists it.
fn forge(desk: &Desk, file: &str, key: &str, change: impl FnOnce(&mut Value)) -> Value {
    let path = desk.path("channel/public/metadata").join(file);
    let mut document: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    change(&mut document["signed"]);
    let key = FileKey::read(&desk.path(key), 1, &mut |_| unreachable!("it has no passphrase")).unwrap();
    let signature = key.sign(canonical(&document["signed"]).as_bytes()).unwrap();
    document["signatures"][0]["sig"] = suture_delta::model::hex(&signature).into();
    let text = document.to_string();
    fs::write(path, &text).unwrap();
    let version = &document["signed"]["version"];
    let digest = Digest::of(text.as_bytes()).to_string();
    serde_json::json!({ "version": version, "length": text.len(), "hashes": { "sha256": digest } })
}

/// A channel whose targets say of the policy what `change` does, all of it signed as it must be.
fn claiming(change: impl FnOnce(&mut Value)) -> Desk {
    let desk = Desk::new();
    desk.publish_first(&[]);
    let targets = forge(&desk, "1.targets.json", "policy", |signed| {
        let targets = signed["targets"].as_object_mut().unwrap();
        change(targets.get_mut("policy.root.toml").unwrap());
    });
    let snapshot =
        forge(&desk, "1.snapshot.json", "machine", |signed| signed["meta"]["targets.json"] = targets);
    forge(&desk, "timestamp.json", "machine", |signed| signed["meta"]["snapshot.json"] = snapshot);
    desk
}

#[test]
fn the_length_of_a_target() {
    // Signed anew without a claim it is fetched: what follows is refused for the claim alone.
    fetch(&claiming(|_| {}), 0);
    for length in [TEN_GIGABYTES, u64::MAX / 2] {
        let desk = claiming(|target| target["length"] = length.into());
        let said = fetch(&desk, 5);
        assert!(said.contains(&length.to_string()), "{said}");
    }
}

/// Files that have ten gigabytes, where a few bytes were promised.
#[test]
fn files_without_end() {
    let desk = Desk::new();
    desk.publish_first(&[]);
    let mut count = 0;
    let public = desk.path("channel/public");
    for folder in ["metadata", "targets"] {
        for entry in fs::read_dir(public.join(folder)).unwrap() {
            let path = entry.unwrap().path();
            if path.ends_with("1.root.json") {
                // The client has it.
                continue;
            }
            let kept = fs::read(&path).unwrap();
            sparse(&path);
            fetch(&desk, 5);
            fs::write(path, kept).unwrap();
            count += 1;
        }
    }
    assert!(count > 5, "{count}");
    fetch(&desk, 0);
}

/// The root is what a machine is given first, and by others.
#[test]
fn a_root_without_end() {
    let desk = Desk::new();
    desk.publish_first(&[]);
    let root = desk.path("pinned.json");
    let kept = fs::read(&root).unwrap();
    fs::File::create(&root).unwrap().set_len(1 << 30).unwrap();
    let said = fetch(&desk, 2);
    assert!(
        said.contains("the root `pinned.json` can't be read") && said.contains("longer than 256 KiB"),
        "{said}"
    );
    // A device has no length that could be asked for.
    fs::remove_file(&root).unwrap();
    std::os::unix::fs::symlink("/dev/zero", &root).unwrap();
    fetch(&desk, 2);
    fs::remove_file(&root).unwrap();
    fs::write(&root, kept).unwrap();
    fetch(&desk, 0);
}
