//! A verification summary: "this bundle passed", and nothing about the fix in it.
//!
//! Follows SLSA's Verification Summary Attestation v1. The inputs are digests alone; neither names nor predicates of
//! the statements behind it are told.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::digest::Digest;
use crate::predicate::PredicateError;
use crate::text::{check_name, told};
use crate::verify::Verified;

/// Most inputs that a summary names.
const INPUTS_MAX: usize = 10_000;
/// What is claimed of a bundle that passed. SLSA keeps names with `SLSA_` for its own levels, which speak of
/// provenance alone.
const LEVEL: &str = "SUTURE_POLICY";

/// A SLSA verification summary v1, as it was received.
#[derive(Debug, Clone, PartialEq)]
pub struct Summary {
    fields: Map<String, Value>,
    time_verified: Timestamp,
    /// Who verified, a URI.
    pub verifier: String,
    /// By which policy, a URI.
    pub policy: String,
    /// With what result.
    pub verdict: Verdict,
    /// The statements that were looked at, if all of them have a SHA-256.
    pub inputs: Vec<Digest>,
}

/// How a verification ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Verdict {
    /// It passed.
    Passed,
    /// It did not.
    Failed,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Fields {
    verifier: Identity,
    time_verified: Timestamp,
    resource_uri: String,
    policy: Resource,
    #[serde(default)]
    input_attestations: Vec<Resource>,
    verification_result: Verdict,
    #[serde(rename = "verifiedLevels")]
    levels: Vec<String>,
}

#[derive(Deserialize)]
struct Identity {
    id: String,
}

#[derive(Deserialize)]
struct Resource {
    #[serde(default)]
    uri: String,
    #[serde(default)]
    digest: Map<String, Value>,
}

impl Summary {
    /// The summary of a verification: `verifier` and `policy` are URIs, `policy_digest` is what the rules were.
    ///
    /// # Errors
    /// A URI is too long or has control characters.
    pub fn of(
        bundle: Digest,
        found: &Verified,
        verdict: Verdict,
        verifier: &str,
        (policy, policy_digest): (&str, Digest),
        now: Timestamp,
    ) -> Result<Self, PredicateError> {
        let mut inputs: Vec<Digest> = found.accepted.iter().map(|accepted| accepted.id).collect();
        inputs.sort_unstable();
        inputs.dedup();
        let inputs: Vec<Value> =
            inputs.iter().map(|digest| json!({ "digest": { "sha256": digest } })).collect();
        let fields = json!({
            "verifier": { "id": verifier },
            "timeVerified": now,
            "resourceUri": format!("urn:suture:bundle:{bundle}"),
            "policy": { "uri": policy, "digest": { "sha256": policy_digest } },
            "inputAttestations": inputs,
            "verificationResult": verdict,
            "verifiedLevels": [if verdict == Verdict::Passed { LEVEL } else { "FAILED" }],
        });
        let Value::Object(fields) = fields else { unreachable!("it is written as an object") };
        Self::read(fields)
    }

    /// Reads SLSA's fields.
    ///
    /// # Errors
    /// A required field is missing or of another type, or levels are claimed of what failed.
    pub fn read(fields: Map<String, Value>) -> Result<Self, PredicateError> {
        let view = Fields::deserialize(&fields).map_err(|error| PredicateError(told(&error)))?;
        check(&view).map_err(PredicateError)?;
        let digest = |input: &Resource| input.digest.get("sha256")?.as_str()?.parse().ok();
        let inputs: Option<Vec<Digest>> = view.input_attestations.iter().map(digest).collect();
        Ok(Self {
            fields,
            time_verified: view.time_verified,
            verifier: view.verifier.id,
            policy: view.policy.uri,
            verdict: view.verification_result,
            inputs: inputs.unwrap_or_default(),
        })
    }

    /// When it was verified, by the verifier's clock.
    pub fn time_verified(&self) -> Timestamp {
        self.time_verified
    }

    pub(crate) fn to_value(&self) -> Value {
        Value::Object(self.fields.clone())
    }
}

fn check(view: &Fields) -> Result<(), String> {
    check_name("verifier.id", &view.verifier.id)?;
    check_name("resourceUri", &view.resource_uri)?;
    check_name("policy.uri", &view.policy.uri)?;
    if view.policy.uri.is_empty() {
        return Err("`policy.uri` is missing".to_owned());
    }
    if view.input_attestations.len() > INPUTS_MAX {
        return Err(format!("`inputAttestations` has more than {INPUTS_MAX} entries"));
    }
    if view.input_attestations.iter().any(|input| input.digest.is_empty()) {
        return Err("an entry of `inputAttestations` has no digest".to_owned());
    }
    if view.verification_result == Verdict::Failed && view.levels.iter().any(|level| level != "FAILED") {
        return Err("`verificationResult` is FAILED, `verifiedLevels` claims some".to_owned());
    }
    Ok(())
}
