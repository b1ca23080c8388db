"""Writes a channel as python-tuf does: DIRECTORY, and what root.toml says."""

import datetime
import hashlib
import os
import sys

from securesystemslib.signer import CryptoSigner
from tuf.api.metadata import (
    DelegatedRole,
    Delegations,
    MetaFile,
    Metadata,
    Root,
    Snapshot,
    TargetFile,
    Targets,
    Timestamp,
)

directory = sys.argv[1]
metadata = os.path.join(directory, "metadata")
targets_directory = os.path.join(directory, "targets")
os.makedirs(metadata)
os.makedirs(targets_directory)
expires = datetime.datetime(2026, 6, 1, tzinfo=datetime.timezone.utc)
names = ["root", "targets", "snapshot", "timestamp", "patches"]
signers = {name: CryptoSigner.generate_ed25519() for name in names}


def put(name, content):
    digest = hashlib.sha256(content).hexdigest()
    with open(os.path.join(targets_directory, f"{digest}.{name}"), "wb") as file:
        file.write(content)
    return TargetFile.from_data(name, content, ["sha256"])


def write(name, signed, role):
    document = Metadata(signed)
    document.sign(signers[role])
    document.to_file(os.path.join(metadata, name))


root = Root(expires=expires, consistent_snapshot=True)
for name in names[:4]:
    root.add_key(signers[name].public_key, name)
write("1.root.json", root, "root")

patches = Targets(version=3, expires=expires)
patches.targets["bundle.theirs.bundle"] = put("bundle.theirs.bundle", b"made by python")
write("3.patches.json", patches, "patches")

targets = Targets(expires=expires)
targets.targets["policy.root.toml"] = put("policy.root.toml", sys.argv[2].encode())
key = signers["patches"].public_key
role = DelegatedRole("patches", [key.keyid], 1, True, paths=["bundle.*", "sealed.*"])
targets.delegations = Delegations({key.keyid: key}, {"patches": role})
write("1.targets.json", targets, "targets")

snapshot = Snapshot(expires=expires, meta={"targets.json": MetaFile(1), "patches.json": MetaFile(3)})
write("1.snapshot.json", snapshot, "snapshot")
timestamp = Timestamp(expires=expires, snapshot_meta=MetaFile(1))
write("timestamp.json", timestamp, "timestamp")
