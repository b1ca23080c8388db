//! What the TUF client refuses, as this crate says it.

use std::error::Error as _;
use std::io;
use std::path::Path;

use tough::TransportError;
use tough::error::Error;
use tough::schema::{self, RoleType};

use crate::{ChannelError, Refusal};

/// Why the metadata was not loaded. What the client has left in its directory tells the roles apart that have one name in its
/// errors.
pub(super) fn load(error: Error, scratch: &Path) -> ChannelError {
    let name = |role: RoleType| match role {
        RoleType::Targets if scratch.join("targets.json").exists() => "delegated targets".to_owned(),
        role => role.to_string(),
    };
    let refusal = match error {
        Error::OlderMetadata { role, current_version, new_version, .. } => {
            Refusal::Rollback { role: name(role), offered: new_version, known: current_version }
        }
        Error::OlderSnapshotInTimestamp { snapshot_new, snapshot_old, .. } => {
            Refusal::Rollback { role: "snapshot".to_owned(), offered: snapshot_new, known: snapshot_old }
        }
        Error::SnapshotRoleRollback { role, old_role_version, new_role_version, .. } => {
            Refusal::Rollback { role: stem(&role), offered: new_role_version, known: old_role_version }
        }
        Error::SnapshotRoleMissing { role, .. } => Refusal::RoleDropped { role: stem(&role) },
        Error::VersionMismatch { role, fetched, expected, .. } => {
            Refusal::Mixed { role: name(role), offered: fetched, expected }
        }
        Error::VerifyMetadata { role, source, .. } => signature(name(role), &source),
        Error::VerifyTrustedMetadata { source, .. } => Refusal::PinnedRoot(source.to_string()),
        Error::ParseTrustedMetadata { source, .. } => Refusal::PinnedRoot(source.to_string()),
        Error::ParseMetadata { role, source, .. } => {
            Refusal::Malformed { role: name(role), why: source.to_string() }
        }
        Error::InvalidPath { source: schema::Error::TargetNotFound { name }, .. } => {
            Refusal::OutsidePaths { name: name.raw().to_owned() }
        }
        Error::MaxUpdatesExceeded { max_root_updates, .. } => {
            Refusal::TooMuch { what: "versions of root", found: max_root_updates, limit: max_root_updates }
        }
        Error::Transport { source, .. } => return transport(&source, true),
        Error::DatastoreCreate { path, source, .. }
        | Error::DatastoreOpen { path, source, .. }
        | Error::DatastoreRemove { path, source, .. } => return ChannelError::at(&path)(source),
        other => Refusal::other(other),
    };
    refusal.into()
}

/// Why a file was not loaded.
pub(super) fn target(error: Error) -> ChannelError {
    match error {
        Error::Transport { source, .. } => transport(&source, false),
        other => Refusal::other(other).into(),
    }
}

fn signature(role: String, error: &schema::Error) -> Refusal {
    match error {
        schema::Error::SignatureThreshold { threshold, valid, .. } => {
            Refusal::Threshold { role, valid: *valid, threshold: *threshold }
        }
        other => Refusal::Malformed { role, why: other.to_string() },
    }
}

/// Why a file did not come. What a stream ends with may be a failing server, or what the client found in what came.
pub(super) fn transport(error: &TransportError, is_metadata: bool) -> ChannelError {
    let file = error.url().to_owned();
    let cause = error.source();
    match cause.and_then(|cause| cause.downcast_ref::<Error>()) {
        Some(Error::HashMismatch { calculated, expected, .. }) => {
            let (found, expected) = (calculated.clone(), expected.clone());
            if is_metadata {
                Refusal::MixedFile { file, found, expected }.into()
            } else {
                Refusal::Tampered { file, found, expected }.into()
            }
        }
        Some(Error::MaxSizeExceeded { max_size, .. }) => Refusal::Endless { file, limit: *max_size }.into(),
        _ => ChannelError::Unreachable { url: file, why: innermost(error) },
    }
}

/// The last cause says what happened; those before it say where.
fn innermost(error: &TransportError) -> String {
    let mut cause = error.source();
    let mut text = error.kind().to_string();
    while let Some(error) = cause {
        text = match error.downcast_ref::<io::Error>() {
            Some(error) => error.to_string(),
            None => error.to_string(),
        };
        cause = error.source();
    }
    text
}

fn stem(file: &str) -> String {
    file.trim_end_matches(".json").to_owned()
}
