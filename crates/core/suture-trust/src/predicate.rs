//! What a statement says, as a value: Suture's own predicates, and those of SLSA and in-toto.
//!
//! Own predicates are closed: a field that is not known makes the statement unusable, because it might be a
//! condition. Those of others follow in-toto's parsing rules: unknown fields are kept and ignored. Only the own
//! ones have to tell when and in which role they were signed; into the others Suture writes `suture_signedOn`, a
//! name of the form that SLSA asks of extensions.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use thiserror::Error;

use crate::digest::Digest;
use crate::kind::{Kind, Role};
use crate::summary::Summary;
use crate::text::{check_name, check_text, told};

/// Most tests that a result names, and most products of a build.
const NAMES_MAX: usize = 10_000;
/// When a statement of somebody else's type was signed.
const SIGNED_ON: &str = "suture_signedOn";

/// What is said.
#[derive(Debug, Clone, PartialEq)]
pub enum Predicate {
    /// [`Kind::Authored`].
    Authored(Said),
    /// [`Kind::Built`].
    Built(Provenance),
    /// [`Kind::Reproduced`].
    Reproduced(Reproduction),
    /// [`Kind::Rehearsed`].
    Rehearsed(TestResult),
    /// [`Kind::Reviewed`].
    Reviewed(Said),
    /// [`Kind::Approved`].
    Approved(Said),
    /// [`Kind::Refused`].
    Refused(Refusal),
    /// [`Kind::Withdrawn`].
    Withdrawn(Withdrawal),
    /// [`Kind::Passed`].
    Passed(Summary),
    /// [`Kind::Committed`].
    Committed(Commitment),
    /// [`Kind::Laxer`].
    Laxer(Acceptance),
    /// [`Kind::Emergency`].
    Emergency(Emergency),
}

/// Why a predicate can't be used: the field and what is wrong with it.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{0}")]
pub struct PredicateError(pub(crate) String);

/// A sentence that needs no more words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Said {
    /// When, by the signer's clock.
    pub signed_on: Timestamp,
    /// In which of the signer's roles.
    pub role: Role,
    /// More words.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub comment: String,
}

/// "It may not run."
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Refusal {
    /// When, by the signer's clock.
    pub signed_on: Timestamp,
    /// In which of the signer's roles.
    pub role: Role,
    /// Why; there is no refusal without a reason.
    pub reason: String,
}

/// "The consensus class that its author declares is right, though a laxer one than the computed."
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Acceptance {
    /// When, by the signer's clock.
    pub signed_on: Timestamp,
    /// In which of the signer's roles.
    pub role: Role,
    /// Why; nothing is made laxer without a reason.
    pub reason: String,
}

/// "There is an emergency."
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Emergency {
    /// When it began: when this was said, by the signer's clock.
    pub signed_on: Timestamp,
    /// In which of the signer's roles.
    pub role: Role,
    /// When everything that was left out has to be there.
    pub ends: Timestamp,
    /// What has happened.
    pub reason: String,
}

/// "My refusal no longer stands."
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Withdrawal {
    /// When, by the signer's clock.
    pub signed_on: Timestamp,
    /// In which of the signer's roles.
    pub role: Role,
    /// The refusal: SHA-256 of its statement, so that it is this one and no later one.
    pub refusal: Digest,
    /// More words.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub comment: String,
}

/// "This is the digest of an advisory that will follow."
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Commitment {
    /// When, by the signer's clock.
    pub signed_on: Timestamp,
    /// In which of the signer's roles.
    pub role: Role,
    /// See [`crate::commit`].
    pub commitment: Digest,
}

/// "I built it again and the same came out."
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Reproduction {
    /// When, by the signer's clock.
    pub signed_on: Timestamp,
    /// In which of the signer's roles.
    pub role: Role,
    /// From what and how: SLSA's `buildDefinition`.
    pub build_definition: Map<String, Value>,
    /// What came out the same.
    pub products: Vec<Product>,
}

/// Something that a build makes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Product {
    /// Its name in the bundle.
    pub name: String,
    /// What it is.
    pub digest: Sha256Only,
}

/// in-toto's `DigestSet` with one digest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sha256Only {
    /// The digest.
    pub sha256: Digest,
}

/// SLSA provenance v1, as it was received.
#[derive(Debug, Clone, PartialEq)]
pub struct Provenance {
    fields: Map<String, Value>,
    /// How it was built, a URI.
    pub build_type: String,
    /// Who built it, a URI.
    pub builder: String,
    /// When it was signed, or else when the build had ended.
    pub signed_on: Option<Timestamp>,
}

/// An in-toto test result v0.1, as it was received.
#[derive(Debug, Clone, PartialEq)]
pub struct TestResult {
    fields: Map<String, Value>,
    /// How it ended.
    pub result: Outcome,
    /// Names of tests that passed.
    pub passed: Vec<String>,
    /// Names of tests that passed with warnings.
    pub warned: Vec<String>,
    /// Names of tests that failed.
    pub failed: Vec<String>,
    /// When it was signed.
    pub signed_on: Option<Timestamp>,
}

/// How tests ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Outcome {
    /// All well.
    Passed,
    /// Passed, with warnings.
    Warned,
    /// Failed.
    Failed,
}

impl Predicate {
    /// Reads a predicate of a kind.
    ///
    /// # Errors
    /// The first field that is wrong.
    pub fn read(kind: Kind, fields: Map<String, Value>) -> Result<Self, PredicateError> {
        let predicate = match kind {
            Kind::Authored => Self::Authored(own(fields)?),
            Kind::Built => Self::Built(Provenance::read(fields)?),
            Kind::Reproduced => Self::Reproduced(own(fields)?),
            Kind::Rehearsed => Self::Rehearsed(TestResult::read(fields)?),
            Kind::Reviewed => Self::Reviewed(own(fields)?),
            Kind::Approved => Self::Approved(own(fields)?),
            Kind::Refused => Self::Refused(own(fields)?),
            Kind::Withdrawn => Self::Withdrawn(own(fields)?),
            Kind::Passed => Self::Passed(Summary::read(fields)?),
            Kind::Committed => Self::Committed(own(fields)?),
            Kind::Laxer => Self::Laxer(own(fields)?),
            Kind::Emergency => Self::Emergency(own(fields)?),
        };
        predicate.check().map_err(PredicateError)?;
        Ok(predicate)
    }

    /// What kind it is.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Authored(_) => Kind::Authored,
            Self::Built(_) => Kind::Built,
            Self::Reproduced(_) => Kind::Reproduced,
            Self::Rehearsed(_) => Kind::Rehearsed,
            Self::Reviewed(_) => Kind::Reviewed,
            Self::Approved(_) => Kind::Approved,
            Self::Refused(_) => Kind::Refused,
            Self::Withdrawn(_) => Kind::Withdrawn,
            Self::Passed(_) => Kind::Passed,
            Self::Committed(_) => Kind::Committed,
            Self::Laxer(_) => Kind::Laxer,
            Self::Emergency(_) => Kind::Emergency,
        }
    }

    /// When it was signed, as the signer says.
    pub fn signed_on(&self) -> Option<Timestamp> {
        match self {
            Self::Authored(said) | Self::Reviewed(said) | Self::Approved(said) => Some(said.signed_on),
            Self::Built(provenance) => provenance.signed_on,
            Self::Reproduced(reproduction) => Some(reproduction.signed_on),
            Self::Rehearsed(result) => result.signed_on,
            Self::Refused(refusal) => Some(refusal.signed_on),
            Self::Withdrawn(withdrawal) => Some(withdrawal.signed_on),
            Self::Passed(summary) => Some(summary.time_verified()),
            Self::Committed(commitment) => Some(commitment.signed_on),
            Self::Laxer(acceptance) => Some(acceptance.signed_on),
            Self::Emergency(emergency) => Some(emergency.signed_on),
        }
    }

    /// In which role it was signed; the types of others don't say.
    pub fn role(&self) -> Option<Role> {
        match self {
            Self::Authored(said) | Self::Reviewed(said) | Self::Approved(said) => Some(said.role),
            Self::Reproduced(reproduction) => Some(reproduction.role),
            Self::Refused(refusal) => Some(refusal.role),
            Self::Withdrawn(withdrawal) => Some(withdrawal.role),
            Self::Committed(commitment) => Some(commitment.role),
            Self::Laxer(acceptance) => Some(acceptance.role),
            Self::Emergency(emergency) => Some(emergency.role),
            Self::Built(_) | Self::Rehearsed(_) | Self::Passed(_) => None,
        }
    }

    /// The signer's own words; empty if there are none.
    pub fn words(&self) -> &str {
        match self {
            Self::Authored(said) | Self::Reviewed(said) | Self::Approved(said) => &said.comment,
            Self::Refused(refusal) => &refusal.reason,
            Self::Laxer(acceptance) => &acceptance.reason,
            Self::Emergency(emergency) => &emergency.reason,
            Self::Withdrawn(withdrawal) => &withdrawal.comment,
            Self::Built(_)
            | Self::Rehearsed(_)
            | Self::Passed(_)
            | Self::Reproduced(_)
            | Self::Committed(_) => "",
        }
    }

    /// As JSON.
    pub(crate) fn to_value(&self) -> Value {
        let value = match self {
            Self::Authored(said) | Self::Reviewed(said) | Self::Approved(said) => serde_json::to_value(said),
            Self::Built(provenance) => Ok(Value::Object(provenance.fields.clone())),
            Self::Reproduced(reproduction) => serde_json::to_value(reproduction),
            Self::Rehearsed(result) => Ok(Value::Object(result.fields.clone())),
            Self::Refused(refusal) => serde_json::to_value(refusal),
            Self::Withdrawn(withdrawal) => serde_json::to_value(withdrawal),
            Self::Passed(summary) => Ok(summary.to_value()),
            Self::Committed(commitment) => serde_json::to_value(commitment),
            Self::Laxer(acceptance) => serde_json::to_value(acceptance),
            Self::Emergency(emergency) => serde_json::to_value(emergency),
        };
        value.expect("names and values of these types are all JSON")
    }

    /// What the types don't say by themselves.
    fn check(&self) -> Result<(), String> {
        check_text("comment", self.words())?;
        match self {
            Self::Refused(refusal) if refusal.reason.trim().is_empty() => {
                Err("`reason` is empty: a refusal says why".to_owned())
            }
            Self::Laxer(Acceptance { reason, .. }) | Self::Emergency(Emergency { reason, .. })
                if reason.trim().is_empty() =>
            {
                Err("`reason` is empty: what makes rules laxer says why".to_owned())
            }
            Self::Emergency(emergency) if emergency.ends <= emergency.signed_on => {
                Err("`ends` is not after `signedOn`".to_owned())
            }
            Self::Reproduced(reproduction) => {
                check_count("products", reproduction.products.len())?;
                if reproduction.products.is_empty() {
                    return Err("`products` is empty: nothing came out the same".to_owned());
                }
                let build_type = reproduction.build_definition.get("buildType").and_then(Value::as_str);
                check_name("buildType", build_type.ok_or("`buildDefinition.buildType` is missing")?)?;
                reproduction.products.iter().try_for_each(|product| check_name("name", &product.name))
            }
            _ => Ok(()),
        }
    }
}

impl Provenance {
    /// Reads SLSA's fields.
    ///
    /// # Errors
    /// A required field is missing or of another type.
    pub fn read(fields: Map<String, Value>) -> Result<Self, PredicateError> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Fields {
            build_definition: Definition,
            run_details: Details,
            #[serde(rename = "suture_signedOn")]
            signed_on: Option<Timestamp>,
        }
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Definition {
            build_type: String,
            #[serde(rename = "externalParameters")]
            _external_parameters: Map<String, Value>,
        }
        #[derive(Deserialize)]
        struct Details {
            builder: Builder,
            #[serde(default)]
            metadata: Metadata,
        }
        #[derive(Deserialize)]
        struct Builder {
            id: String,
        }
        #[derive(Default, Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Metadata {
            finished_on: Option<Timestamp>,
        }
        let view: Fields = view(&fields)?;
        let (build_type, builder) = (view.build_definition.build_type, view.run_details.builder.id);
        check_name("buildDefinition.buildType", &build_type).map_err(PredicateError)?;
        check_name("runDetails.builder.id", &builder).map_err(PredicateError)?;
        let signed_on = view.signed_on.or(view.run_details.metadata.finished_on);
        Ok(Self { fields, build_type, builder, signed_on })
    }
}

impl TestResult {
    /// Reads in-toto's fields.
    ///
    /// # Errors
    /// A required field is missing or of another type, or the result contradicts the tests.
    pub fn read(fields: Map<String, Value>) -> Result<Self, PredicateError> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Fields {
            result: Outcome,
            #[serde(rename = "configuration")]
            _configuration: Vec<Map<String, Value>>,
            #[serde(default)]
            passed_tests: Vec<String>,
            #[serde(default)]
            warned_tests: Vec<String>,
            #[serde(default)]
            failed_tests: Vec<String>,
            #[serde(rename = "suture_signedOn")]
            signed_on: Option<Timestamp>,
        }
        let view: Fields = view(&fields)?;
        for names in [&view.passed_tests, &view.warned_tests, &view.failed_tests] {
            check_count("tests", names.len()).map_err(PredicateError)?;
            let mut names = names.iter();
            names.try_for_each(|name| check_name("the name of a test", name)).map_err(PredicateError)?;
        }
        if view.result != Outcome::Failed && !view.failed_tests.is_empty() {
            return Err(PredicateError("`result` says that it passed, `failedTests` names some".to_owned()));
        }
        Ok(Self {
            fields,
            result: view.result,
            passed: view.passed_tests,
            warned: view.warned_tests,
            failed: view.failed_tests,
            signed_on: view.signed_on,
        })
    }
}

/// Writes down when a predicate of somebody else's type is signed; own types have a field for it.
pub(crate) fn date(kind: Kind, fields: &mut Map<String, Value>, now: Timestamp) {
    if matches!(kind, Kind::Built | Kind::Rehearsed) {
        fields.insert(SIGNED_ON.to_owned(), now.to_string().into());
    }
}

fn own<T: for<'de> Deserialize<'de>>(fields: Map<String, Value>) -> Result<T, PredicateError> {
    T::deserialize(Value::Object(fields)).map_err(|error| PredicateError(told(&error)))
}

fn view<T: for<'de> Deserialize<'de>>(fields: &Map<String, Value>) -> Result<T, PredicateError> {
    T::deserialize(fields).map_err(|error| PredicateError(told(&error)))
}

fn check_count(what: &str, count: usize) -> Result<(), String> {
    if count > NAMES_MAX { Err(format!("{count} {what}; at most {NAMES_MAX} are read")) } else { Ok(()) }
}
