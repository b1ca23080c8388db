"""Audits a log with nothing of Suture: RFC 6962 and RFC 9162, C2SP signed-note, tlog-checkpoint, tlog-cosignature,
tlog-tiles, tlog-proof, tlog-witness, and docs/formats/audit-log.md for entries and exports."""

import base64
import hashlib
import json
import pathlib
import struct
import sys

import rfc8785
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey


def sha256(data):
    return hashlib.sha256(data).digest()


def leaf_hash(entry):
    return sha256(b"\x00" + entry)


def node_hash(left, right):
    return sha256(b"\x01" + left + right)


def tree_hash(leaves):
    """RFC 6962, section 2.1, bottom-up so that it is not the recursion that others use."""
    if not leaves:
        return sha256(b"")
    row = list(leaves)
    while len(row) > 1:
        pairs = [node_hash(row[i], row[i + 1]) for i in range(0, len(row) - 1, 2)]
        row = pairs + ([row[-1]] if len(row) % 2 else [])
    return row[0]


class Key:
    def __init__(self, vkey):
        self.name, key_id, encoded = vkey.split("+", 2)
        raw = base64.b64decode(encoded, validate=True)
        self.kind, self.public = raw[0], raw[1:]
        self.id = sha256(self.name.encode() + b"\n" + raw)[:4]
        assert self.id.hex() == key_id, "the id of the key"

    def verify(self, signature, message):
        Ed25519PublicKey.from_public_bytes(self.public).verify(signature, message)


class Checkpoint:
    def __init__(self, note):
        text, _, signatures = note.rpartition("\n\n")
        self.text = text + "\n"
        self.origin, size, root = self.text.split("\n")[:3]
        self.size, self.root = int(size), base64.b64decode(root, validate=True)
        assert str(self.size) == size
        self.signatures = []
        for line in signatures.rstrip("\n").split("\n"):
            dash, name, encoded = line.split(" ")
            assert dash == "\u2014"
            self.signatures.append((name, base64.b64decode(encoded, validate=True)))

    def check(self, log):
        assert log.kind == 1 and log.name == self.origin
        mine = [raw[4:] for name, raw in self.signatures if name == log.name and raw[:4] == log.id]
        assert len(mine) == 1, "the log has signed once"
        log.verify(mine[0], self.text.encode())
        return self

    def check_witness(self, witness):
        assert witness.kind == 4
        mine = [raw[4:] for name, raw in self.signatures if name == witness.name and raw[:4] == witness.id]
        assert len(mine) == 1, "the witness has signed once"
        (time,) = struct.unpack(">Q", mine[0][:8])
        witness.verify(mine[0][8:], f"cosignature/v1\ntime {time}\n{self.text}".encode())


def check_entry(entry, before):
    value = json.loads(entry)
    assert rfc8785.dumps(value) == entry, "canonical JSON"
    assert value["v"] == 1 and value["when"] >= before, "not dated back"
    return value["when"]


def tile_path(prefix, index, width):
    groups = [f"{index % 1000:03}"]
    while index >= 1000:
        index //= 1000
        groups.insert(0, f"x{index % 1000:03}")
    return prefix + "/" + "/".join(groups) + (f".p/{width}" if width < 256 else "")


def tiles(directory, log, *witnesses):
    root = pathlib.Path(directory)
    checkpoint = Checkpoint((root / "checkpoint").read_text()).check(Key(log))
    for witness in witnesses:
        checkpoint.check_witness(Key(witness))
    leaves, before = [], ""
    for index in range((checkpoint.size + 255) // 256):
        width = min(256, checkpoint.size - index * 256)
        bundle = (root / tile_path("tile/entries", index, width)).read_bytes()
        hashes = (root / tile_path("tile/0", index, width)).read_bytes()
        assert len(hashes) == width * 32
        for number in range(width):
            (size,) = struct.unpack(">H", bundle[:2])
            entry, bundle = bundle[2 : 2 + size], bundle[2 + size :]
            assert leaf_hash(entry) == hashes[number * 32 : number * 32 + 32], "the hash in the tile"
            before = check_entry(entry, before)
            leaves.append(leaf_hash(entry))
        assert not bundle
    assert tree_hash(leaves) == checkpoint.root, "the root"
    print(f"{checkpoint.size} entries, {len(witnesses)} witness{'es' if len(witnesses) != 1 else ''}")


def export(path, log):
    lines = iter(pathlib.Path(path).read_text().split("\n"))
    assert next(lines) == "suture-audit-log@v1"
    leaves, before, checkpoint = [], "", None
    for line in lines:
        if line.startswith("entry "):
            _, number, leaf, entry = line.split(" ", 3)
            assert int(number) == len(leaves)
            assert leaf_hash(entry.encode()) == base64.b64decode(leaf), "the hash beside the entry"
            before = check_entry(entry.encode(), before)
            leaves.append(leaf_hash(entry.encode()))
        elif line == "checkpoint":
            note, empty = "", 0
            while empty < 2:
                line = next(lines)
                empty += not line
                note += line + "\n"
            checkpoint = Checkpoint(note[:-1]).check(Key(log))
            assert (checkpoint.size, checkpoint.root) == (len(leaves), tree_hash(leaves)), "the root"
        else:
            assert line == ""
    assert checkpoint.size == len(leaves), "all is covered"
    print(f"{checkpoint.size} entries")


def proof(path, log, *witnesses):
    head, _, note = pathlib.Path(path).read_text().partition("\n\n")
    header, extra, index, *hashes = head.split("\n")
    assert header == "c2sp.org/tlog-proof@v1"
    entry = base64.b64decode(extra.removeprefix("extra "), validate=True)
    index = int(index.removeprefix("index "))
    checkpoint = Checkpoint(note).check(Key(log))
    for witness in witnesses:
        checkpoint.check_witness(Key(witness))
    check_entry(entry, "")
    # RFC 9162, section 2.1.3.2.
    assert index < checkpoint.size
    fn, sn, result = index, checkpoint.size - 1, leaf_hash(entry)
    for sibling in map(base64.b64decode, hashes):
        assert sn != 0
        if fn & 1 or fn == sn:
            result = node_hash(sibling, result)
            while not fn & 1 and fn != 0:
                fn, sn = fn >> 1, sn >> 1
        else:
            result = node_hash(result, sibling)
        fn, sn = fn >> 1, sn >> 1
    assert sn == 0 and result == checkpoint.root, "the root"
    print(f"entry {index}")


def consistency(path, kept, log):
    head, _, note = pathlib.Path(path).read_text().partition("\n\n")
    first, *hashes = head.split("\n")
    path_hashes = [base64.b64decode(line) for line in hashes]
    old = Checkpoint(pathlib.Path(kept).read_text()).check(Key(log))
    new = Checkpoint(note).check(Key(log))
    assert first == f"old {old.size}" and 0 < old.size < new.size
    # RFC 9162, section 2.1.4.2.
    if old.size & (old.size - 1) == 0:
        path_hashes.insert(0, old.root)
    fn, sn = old.size - 1, new.size - 1
    while fn & 1:
        fn, sn = fn >> 1, sn >> 1
    fr = sr = path_hashes[0]
    for c in path_hashes[1:]:
        assert sn != 0
        if fn & 1 or fn == sn:
            fr, sr = node_hash(c, fr), node_hash(c, sr)
            while not fn & 1 and fn != 0:
                fn, sn = fn >> 1, sn >> 1
        else:
            sr = node_hash(sr, c)
        fn, sn = fn >> 1, sn >> 1
    assert (fr, sr, sn) == (old.root, new.root, 0), "the roots"
    print(f"{old.size} to {new.size}")


if __name__ == "__main__":
    {"tiles": tiles, "export": export, "proof": proof, "consistency": consistency}[sys.argv[1]](*sys.argv[2:])
