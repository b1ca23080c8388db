//! What a command line says, as statements about a file.

use std::fs::File;
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde_json::{Map, Value};
use suture_trust::{
    Acceptance, Commitment, Digest, Emergency, Kind, Predicate, PublicKey, Refusal, Role, Said, Statement,
    Subject, Withdrawal, commit,
};

use super::Target;
use super::withdrawal::refusals;
use crate::args::SignArgs;
use crate::commands::advisory_salt;
use crate::failure::Failure;
use crate::files;

/// Everything that is said, before it is known about what.
pub(super) struct Speech<'a> {
    args: &'a SignArgs,
    kind: Kind,
    now: Timestamp,
    /// For kinds that others write; nothing where the file that is signed says it itself.
    fields: Option<Map<String, Value>>,
    commitment: Option<(Digest, Salt)>,
}

/// A salt and where it is kept.
struct Salt {
    bytes: [u8; 32],
    path: PathBuf,
    is_new: bool,
}

impl<'a> Speech<'a> {
    /// Reads what `args` name.
    pub(super) fn prepare(args: &'a SignArgs, kind: Kind, now: Timestamp) -> Result<Self, Failure> {
        let is_written = matches!(kind, Kind::Built | Kind::Reproduced | Kind::Rehearsed | Kind::Passed);
        let belongs = |option: &str, given: bool, wanted: bool, help: &str| match (given, wanted) {
            (true, false) => {
                Err(Failure::usage(format!("{option} is nothing for `{kind}`")).help("leave it out"))
            }
            (false, true) => Err(Failure::usage(format!("`{kind}` needs {option}")).help(help)),
            _ => Ok(()),
        };
        // A bundle says itself how it was built.
        if kind != Kind::Built {
            let help = "docs/formats/statements.md has examples";
            belongs("--predicate", args.predicate.is_some(), is_written, help)?;
        }
        belongs("--advisory", args.advisory.is_some(), kind == Kind::Committed, "name the advisory")?;
        let is_reasoned = matches!(kind, Kind::Refused | Kind::Laxer | Kind::Emergency);
        belongs("--reason", args.reason.is_some(), is_reasoned, "say why")?;
        belongs(
            "--lasts",
            args.lasts.is_some(),
            kind == Kind::Emergency,
            "say how long, such as 48h or 1d12h",
        )?;
        if is_written || is_reasoned || kind == Kind::Committed {
            belongs("--comment", args.comment.is_some(), false, "")?;
        }
        let fields = args.predicate.as_deref().map(read_fields).transpose()?;
        let commitment = args.advisory.as_deref().map(read_advisory).transpose()?;
        Ok(Self { args, kind, now, fields, commitment })
    }

    /// What is said about `target`, by `key`.
    pub(super) fn about(&self, target: &Target, key: &PublicKey) -> Result<Vec<Statement>, Failure> {
        let subject = &target.subject;
        let (signed_on, role) = (self.now, self.args.role);
        let comment = self.args.comment.clone().unwrap_or_default();
        let reason = || self.args.reason.clone().unwrap_or_default();
        let said = || Said { signed_on, role, comment: comment.clone() };
        let predicates = match self.kind {
            Kind::Authored => vec![Predicate::Authored(said())],
            Kind::Reviewed => vec![Predicate::Reviewed(said())],
            Kind::Approved => vec![Predicate::Approved(said())],
            Kind::Refused => vec![Predicate::Refused(Refusal { signed_on, role, reason: reason() })],
            Kind::Laxer => vec![Predicate::Laxer(Acceptance { signed_on, role, reason: reason() })],
            Kind::Emergency => {
                let ends = signed_on.checked_add(self.args.lasts.unwrap_or_default());
                let ends = ends.map_err(|error| Failure::usage("--lasts is too long").why(&error))?;
                vec![Predicate::Emergency(Emergency { signed_on, role, ends, reason: reason() })]
            }
            Kind::Withdrawn => {
                let refusals = refusals(self.args.withdraw, subject, &target.statements, key)?;
                let withdrawal = |refusal| Withdrawal { signed_on, role, refusal, comment: comment.clone() };
                refusals.into_iter().map(|refusal| Predicate::Withdrawn(withdrawal(refusal))).collect()
            }
            Kind::Committed => {
                let commitment = self.commitment.as_ref().map(|(commitment, _)| *commitment);
                let commitment = commitment.unwrap_or_else(|| Digest::of(&[]));
                vec![Predicate::Committed(Commitment { signed_on, role, commitment })]
            }
            Kind::Built | Kind::Reproduced | Kind::Rehearsed | Kind::Passed => {
                return self.written(target);
            }
        };
        let statement = |predicate| Statement { subjects: vec![subject.clone()], predicate };
        Ok(predicates.into_iter().map(statement).collect())
    }

    /// Writes the salt of a commitment down, so that it is there before what can't be checked without it.
    pub(super) fn keep_salt(&self) -> Result<Option<String>, Failure> {
        let Some((_, salt)) = &self.commitment else { return Ok(None) };
        if salt.is_new {
            let mut options = File::options();
            let file = options.write(true).create_new(true).mode(0o600).open(&salt.path);
            let text = advisory_salt::to_text(&salt.bytes);
            let written =
                file.and_then(|mut file| file.write_all(text.as_bytes()).and_then(|()| file.sync_all()));
            written.map_err(|error| {
                Failure::unexpected(format!("the salt `{}` can't be written", salt.path.display()))
                    .why(&error)
            })?;
        }
        Ok(Some(salt.path.display().to_string()))
    }

    /// What the file with the predicate says, or else the target itself.
    fn written(&self, target: &Target) -> Result<Vec<Statement>, Failure> {
        let fields = self.fields.as_ref().map_or(target.own.as_slice(), std::slice::from_ref);
        fields.iter().map(|fields| self.predicate(&target.subject, fields.clone())).collect()
    }

    fn predicate(&self, subject: &Subject, mut fields: Map<String, Value>) -> Result<Statement, Failure> {
        if self.kind == Kind::Reproduced {
            fields.insert("signedOn".to_owned(), self.now.to_string().into());
            fields.insert("role".to_owned(), Role::as_str(self.args.role).into());
        }
        Statement::from_fields(vec![subject.clone()], self.kind, fields, self.now).map_err(|error| {
            Failure::usage("the predicate can't be used")
                .why(&error)
                .help("docs/formats/statements.md has an example of each")
        })
    }
}

fn read_fields(path: &Path) -> Result<Map<String, Value>, Failure> {
    let text = files::read_text(path, "the predicate")?;
    serde_json::from_str(&text).map_err(|error| {
        Failure::usage(format!("the predicate `{}` can't be used", path.display()))
            .why(&error)
            .help("write one JSON object")
    })
}

/// The commitment to an advisory. One that was committed to before keeps its salt.
fn read_advisory(path: &Path) -> Result<(Digest, Salt), Failure> {
    let text = files::read(path, "the advisory")?;
    let salt_path = advisory_salt::beside(path);
    let (bytes, is_new) = match salt_path.symlink_metadata() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let salt = suture_keys::salt();
            (salt.map_err(|error| Failure::unexpected("there is no salt").why(&error))?, true)
        }
        _ => (advisory_salt::read(&salt_path)?, false),
    };
    Ok((commit(&bytes, &text), Salt { bytes, path: salt_path, is_new }))
}
