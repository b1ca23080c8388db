"""securesystemslib and in-toto-attestation on files of statements.

verify FILE KEYS               verifies each line with the OpenSSH public keys, and reads its statement
sign FILE KIND KEY DIGEST      adds a line, signed with the OpenSSH private key
"""

import base64
import hashlib
import json
import sys

import in_toto_attestation.v1.statement_pb2 as statement_pb2
from cryptography.hazmat.primitives.serialization import load_ssh_private_key, load_ssh_public_key
from google.protobuf import json_format
from in_toto_attestation.predicates.provenance.v1 import provenance_pb2
from in_toto_attestation.predicates.test_result.v0 import test_result_pb2
from in_toto_attestation.predicates.vsa.v1 import vsa_pb2
from in_toto_attestation.v1.resource_descriptor import ResourceDescriptor
from in_toto_attestation.v1.statement import Statement
from securesystemslib.dsse import Envelope
from securesystemslib.exceptions import VerificationError
from securesystemslib.signer import CryptoSigner, SSlibKey

IN_TOTO = "application/vnd.in-toto+json"
TYPED = {
    "https://slsa.dev/provenance/v1": provenance_pb2.Provenance,
    "https://in-toto.io/attestation/test-result/v0.1": test_result_pb2.TestResult,
    "https://slsa.dev/verification_summary/v1": vsa_pb2.VerificationSummary,
}


def key(line):
    """An OpenSSH key under the name that OpenSSH gives it."""
    blob = base64.b64decode(line.split()[1])
    name = "SHA256:" + base64.b64encode(hashlib.sha256(blob).digest()).decode().rstrip("=")
    return SSlibKey.from_crypto(load_ssh_public_key(line.encode()), keyid=name)


def refuses(envelope, keys):
    changed = Envelope(envelope.payload.replace(b'"sha256"', b'"sha257"'), envelope.payload_type, envelope.signatures)
    assert changed.payload != envelope.payload
    try:
        changed.verify(keys, 1)
    except VerificationError:
        return "refused"
    return "accepted"


def verify(path, lines):
    keys = [key(line) for line in lines.splitlines()]
    told = []
    for line in open(path):
        envelope = Envelope.from_dict(json.loads(line))
        accepted = envelope.verify(keys, 1)
        assert envelope.payload_type == IN_TOTO
        proto = json_format.Parse(envelope.payload, statement_pb2.Statement())
        Statement.copy_from_pb(proto).validate()
        typed = TYPED.get(proto.predicate_type)
        if typed:
            predicate = json.loads(envelope.payload)["predicate"]
            # Their message has one string where the specification has a list.
            assert isinstance(predicate.pop("verifiedLevels", []), list)
            # Extension fields are for those who know them.
            json_format.ParseDict(predicate, typed(), ignore_unknown_fields=True)
        told.append({
            "verified": len(accepted),
            "type": proto.predicate_type,
            "name": proto.subject[0].name,
            "digest": proto.subject[0].digest["sha256"],
            "typed": typed is not None,
            "changed": refuses(envelope, keys),
        })
    return told


def sign(path, kind, private, digest):
    predicates = {
        "built": (
            "https://slsa.dev/provenance/v1",
            {
                "buildDefinition": {"buildType": "https://example.com/make", "externalParameters": {"run": "make"}},
                "runDetails": {"builder": {"id": "https://ci.example.com"}},
            },
        ),
        "rehearsed": (
            "https://in-toto.io/attestation/test-result/v0.1",
            {"result": "PASSED", "configuration": [{"name": "ci.yml"}], "passedTests": ["load"]},
        ),
        "approved": ("urn:suture:statement:approved:v1", {"signedOn": "2024-05-20T10:00:00Z", "role": "approver"}),
    }
    predicate_type, predicate = predicates[kind]
    subject = ResourceDescriptor(name="fix.delta", digest={"sha256": digest})
    subject.validate()
    statement = Statement([subject.pb], predicate_type, predicate)
    statement.validate()
    payload = json_format.MessageToJson(statement.pb).encode()
    # Named as securesystemslib names keys, which is not how OpenSSH does.
    signer = CryptoSigner(load_ssh_private_key(open(private, "rb").read(), None))
    envelope = Envelope(payload, IN_TOTO, {})
    envelope.sign(signer)
    with open(path, "a") as file:
        file.write(json.dumps(envelope.to_dict()) + "\n")
    return {"keyid": signer.public_key.keyid}


command, *arguments = sys.argv[1:]
print(json.dumps({"verify": verify, "sign": sign}[command](*arguments)))
