//! The `reproduced` statement: from what and how it was built here, and what came out the same.

use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Map, Value, json};
use suture_trust::{Digest, KeyId, Kind, Role, Signer, Statement, Subject};

use super::outcome::{Outcome, State};
use super::rebuild::Built;
use crate::args::ReproduceArgs;
use crate::commands::sign;
use crate::failure::Failure;
use crate::statement_file;

/// A statement that was signed.
#[derive(Serialize)]
pub(super) struct Signed {
    role: Role,
    key: KeyId,
    /// SHA-256 of the statement.
    pub(super) id: Digest,
    /// Where it was added.
    pub(super) statements: String,
}

/// Whether somebody in this role can say it.
pub(super) fn check_role(role: Role) -> Result<(), Failure> {
    if Kind::Reproduced.roles().contains(&role) {
        return Ok(());
    }
    Err(Failure::usage(format!("`{}` can't be said as {role}", Kind::Reproduced))
        .why("it would not count")
        .help("give --as builder or --as reviewer"))
}

/// Signs what came out the same, and adds it to the file of statements.
pub(super) fn sign(
    args: &ReproduceArgs,
    bundle: &[u8],
    built: &[Built],
    signer: &dyn Signer,
) -> Result<Vec<Signed>, Failure> {
    let name = args.file.file_name().map(|name| name.to_string_lossy().into_owned());
    let subject = Subject { name: name.unwrap_or_default(), digest: Digest::of(bundle) };
    let now = Timestamp::now();
    let now = Timestamp::from_second(now.as_second()).unwrap_or(now);
    let is_same = |outcome: &&Outcome| outcome.state == State::Same;
    let mut envelopes = Vec::new();
    for built in built.iter().filter(|built| built.outcomes.iter().any(|outcome| is_same(&outcome))) {
        let same = built.outcomes.iter().filter(is_same);
        let products: Vec<Value> =
            same.map(|outcome| json!({"name": outcome.name, "digest": {"sha256": outcome.id}})).collect();
        let fields = Map::from_iter([
            ("signedOn".to_owned(), json!(now)),
            ("role".to_owned(), json!(args.role)),
            ("buildDefinition".to_owned(), Value::Object(built.origin.build_definition())),
            ("products".to_owned(), Value::Array(products)),
        ]);
        let statement = Statement::from_fields(vec![subject.clone()], Kind::Reproduced, fields, now)
            .map_err(|error| Failure::unexpected("the statement can't be made").why(&error))?;
        envelopes.push(sign::sign(&statement, signer)?);
    }
    let path = args.statements.clone().unwrap_or_else(|| statement_file::beside(&args.file));
    statement_file::append(&path, &envelopes)?;
    let told = envelopes.iter().map(|envelope| Signed {
        role: args.role,
        key: signer.public_key().id(),
        id: Digest::of(&envelope.payload),
        statements: path.display().to_string(),
    });
    Ok(told.collect())
}
