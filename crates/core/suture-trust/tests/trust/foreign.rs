//! The predicates of SLSA and in-toto, and what is written about a bundle that passed.

use serde_json::{Map, Value, json};
use suture_trust::{
    Commitment, Kind, Outcome, Predicate, Reason, Role, Statement, StatementError, Subject, Summary, Verdict,
    commit,
};

use crate::party::{CAROL, CI, about, accepted, approved, bundle, now, sign, time, verify};

const MAY: &str = "2030-05-20T10:00:00Z";

fn fields(value: Value) -> Map<String, Value> {
    let Value::Object(fields) = value else { panic!("{value}") };
    fields
}

fn provenance() -> Value {
    json!({
        "buildDefinition": {
            "buildType": "urn:suture:build:v1",
            "externalParameters": { "run": "make" },
            "resolvedDependencies": [{ "uri": "git+https://example.com/redis", "digest": { "gitCommit": "ab12" } }],
        },
        "runDetails": { "builder": { "id": "https://ci.example.com" }, "metadata": { "finishedOn": MAY } },
    })
}

fn test_result() -> Value {
    json!({ "result": "WARNED", "configuration": [{ "name": "rehearsal.toml" }], "warnedTests": ["slow"] })
}

fn statement(kind: Kind, value: Value) -> Result<Statement, StatementError> {
    let subjects = vec![Subject { name: "fix.bundle".to_owned(), digest: bundle() }];
    Statement::from_fields(subjects, kind, fields(value), time(MAY))
}

#[test]
fn provenance_and_test_results_are_dated_and_kept_as_they_are() {
    let built = statement(Kind::Built, provenance()).unwrap();
    let verified = verify(&[sign(&built, CI)]);
    let told = accepted(&verified);
    assert_eq!((told.role, told.statement.predicate.signed_on()), (Role::Builder, Some(time(MAY))));
    assert_eq!(told.statement, built);
    let Predicate::Built(view) = &told.statement.predicate else { panic!() };
    assert_eq!(view.builder, "https://ci.example.com");
    let written: Value = serde_json::from_slice(&built.to_json()).unwrap();
    assert_eq!(written["predicateType"], "https://slsa.dev/provenance/v1");
    assert_eq!(written["predicate"]["suture_signedOn"], MAY);
    assert_eq!(written["predicate"]["buildDefinition"], provenance()["buildDefinition"]);

    let rehearsed = statement(Kind::Rehearsed, test_result()).unwrap();
    let verified = verify(&[sign(&rehearsed, CI)]);
    let Predicate::Rehearsed(view) = &accepted(&verified).statement.predicate else { panic!() };
    assert_eq!((view.result, view.warned.as_slice()), (Outcome::Warned, ["slow".to_owned()].as_slice()));
}

#[test]
fn fields_that_are_missing_or_contradict_are_told() {
    let without = |mut value: Value, pointer: &str, key: &str| {
        value.pointer_mut(pointer).unwrap().as_object_mut().unwrap().remove(key).unwrap();
        value
    };
    let failed = json!({ "result": "PASSED", "configuration": [], "failedTests": ["restart"] });
    let long = json!({ "result": "PASSED", "configuration": [], "passedTests": vec!["t"; 10_001] });
    let rows = [
        (Kind::Built, without(provenance(), "/buildDefinition", "buildType"), "buildType"),
        (Kind::Built, without(provenance(), "/buildDefinition", "externalParameters"), "externalParameters"),
        (Kind::Built, without(provenance(), "/runDetails", "builder"), "builder"),
        (Kind::Rehearsed, without(test_result(), "", "configuration"), "configuration"),
        (Kind::Rehearsed, json!({ "result": "SURE", "configuration": [] }), "SURE"),
        (Kind::Rehearsed, failed, "failedTests"),
        (Kind::Rehearsed, long, "at most 10000"),
        (Kind::Reviewed, json!({ "role": "reviewer" }), "signedOn"),
        (Kind::Refused, json!({ "role": "reviewer", "signedOn": MAY, "reason": " " }), "`reason` is empty"),
        (Kind::Approved, json!({ "role": "approver", "signedOn": MAY, "comment": "\u{1b}[2J" }), "control"),
        (Kind::Approved, json!({ "role": "approver", "signedOn": MAY, "comment": "x".repeat(4097) }), "4096"),
    ];
    for (kind, value, expected) in rows {
        let error = statement(kind, value).unwrap_err().to_string();
        assert!(error.contains(expected), "{expected}: {error}");
    }
}

#[test]
fn a_reproduction_names_what_came_out_the_same() {
    let reproduced = |products: Value| {
        let definition = provenance()["buildDefinition"].clone();
        let fields = json!({ "signedOn": MAY, "role": "builder", "buildDefinition": definition, "products": products });
        statement(Kind::Reproduced, fields)
    };
    let product = json!({ "name": "fix.delta", "digest": { "sha256": bundle() } });
    accepted(&verify(&[sign(&reproduced(json!([product])).unwrap(), CI)]));
    assert!(reproduced(json!([])).unwrap_err().to_string().contains("nothing came out the same"));
}

/// The summary of a bundle under embargo tells digests and the verdict, and nothing of what was said.
#[test]
fn a_summary_hides_the_fix() {
    let verified = verify(&[sign(&approved(Role::Approver, MAY), CAROL)]);
    let policy = ("urn:example:policy", bundle());
    let summary =
        Summary::of(bundle(), &verified, Verdict::Passed, "urn:example:ops", policy, now()).unwrap();
    let statement = about(bundle(), Predicate::Passed(summary));
    let again = verify(&[sign(&statement, CAROL)]);
    let told = accepted(&again);
    assert_eq!((told.role, told.statement.kind()), (Role::Commander, Kind::Passed));
    let Predicate::Passed(told) = &told.statement.predicate else { panic!() };
    assert_eq!(
        (told.verdict, told.inputs.as_slice()),
        (Verdict::Passed, [verified.accepted[0].id].as_slice())
    );
    let text = String::from_utf8(statement.to_json()).unwrap();
    assert!(!text.contains("carol") && !text.contains("approve"), "{text}");
}

#[test]
fn a_summary_does_not_claim_levels_of_what_failed() {
    let failed = json!({
        "verifier": { "id": "urn:example:ops" }, "timeVerified": MAY, "resourceUri": "urn:example:x",
        "policy": { "uri": "urn:example:policy" }, "verificationResult": "FAILED",
        "verifiedLevels": ["SLSA_BUILD_LEVEL_3"],
    });
    assert!(statement(Kind::Passed, failed).unwrap_err().to_string().contains("FAILED"));
}

#[test]
fn an_advisory_is_committed_to_and_then_shown() {
    let commitment = commit(&[7; 32], b"the advisory");
    let committed = Commitment { signed_on: time(MAY), role: Role::Commander, commitment };
    let verified = verify(&[sign(&about(bundle(), Predicate::Committed(committed)), CAROL)]);
    assert!(verified.opened(&[7; 32], b"the advisory").is_some());
    assert!(verified.opened(&[7; 32], b"another text").is_none());
    assert!(verified.opened(&[8; 32], b"the advisory").is_none());
}

/// A build machine does not approve.
#[test]
fn a_machine_has_its_role_and_no_other() {
    let verified = verify(&[sign(&approved(Role::Approver, MAY), CI)]);
    assert!(matches!(verified.rejected[0].reason, Reason::RoleNotHeld { .. }));
}
