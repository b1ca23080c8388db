//! The keys that a command line names for roles, and those that sign.

use std::cell::Cell;
use std::path::PathBuf;

use jiff::Timestamp;
use suture_channel::{Keys, PublicKey, Role, RoleSigner};
use suture_keys::PassphraseSource;

use super::failure;
use crate::args::channel::{RoleKeyArgs, SigningArgs};
use crate::failure::Failure;
use crate::signer::{self, BoxedSigner};

/// The private keys to sign with.
pub(super) struct Signers(Vec<Hand>);

/// One of them, as a channel wants it.
struct Hand {
    signer: BoxedSigner,
    has_signed: Cell<bool>,
}

impl Signers {
    /// Those that are named to sign.
    pub(super) fn read(args: &SigningArgs) -> Result<Self, Failure> {
        Self::of(&args.key, args)
    }

    /// Those of root that are private keys, and those that are named to sign.
    pub(super) fn with_root(roles: &RoleKeyArgs, args: &SigningArgs) -> Result<Self, Failure> {
        let mut files = Vec::new();
        for path in &roles.root_key {
            if suture_keys::is_private(path).map_err(|error| signer::unusable(path, &error))? {
                files.push(path.clone());
            }
        }
        files.extend(args.key.iter().cloned());
        Self::of(&files, args)
    }

    fn of(files: &[PathBuf], args: &SigningArgs) -> Result<Self, Failure> {
        let named = args.passphrase_file.clone().map(PassphraseSource::File);
        let source = named.unwrap_or_else(signer::passphrase_source);
        let files = files.iter().map(|path| signer::from_file(path, &source));
        let agents = args.agent.iter().map(|asked| signer::from_agent(asked));
        let hand = |signer| Hand { signer, has_signed: Cell::new(false) };
        files.chain(agents).map(|signer| signer.map(hand)).collect::<Result<_, _>>().map(Self)
    }

    /// Fingerprints of those that have signed something.
    pub(super) fn that_signed(&self) -> impl Iterator<Item = String> {
        let signed = self.0.iter().filter(|hand| hand.has_signed.get());
        signed.map(|hand| hand.signer.public_key().id().to_string())
    }

    pub(super) fn as_dyn(&self) -> Vec<&dyn RoleSigner> {
        self.0.iter().map(|hand| -> &dyn RoleSigner { hand }).collect()
    }
}

impl RoleSigner for Hand {
    fn public(&self) -> PublicKey {
        PublicKey::from_bytes(*self.signer.public_key().as_bytes())
    }

    fn sign(&self, message: &[u8]) -> Result<[u8; 64], String> {
        let signature = self.signer.sign(message).map_err(|error| error.why)?;
        self.has_signed.set(true);
        Ok(signature)
    }
}

/// The time of what is signed.
pub(super) fn time(args: &SigningArgs) -> Timestamp {
    args.at.unwrap_or_else(Timestamp::now)
}

/// The keys that are named for roles, as far as any are.
pub(super) fn roles(args: &RoleKeyArgs) -> Result<Vec<(Role, Keys)>, Failure> {
    let majority = args.root_key.len() as u64 / 2 + 1;
    let rows = [
        (Role::Root, &args.root_key, args.root_threshold.unwrap_or(majority)),
        (Role::Targets, &args.targets_key, args.targets_threshold.unwrap_or(1)),
        (Role::Patches, &args.patches_key, args.patches_threshold.unwrap_or(1)),
        (Role::Snapshot, &args.snapshot_key, 1),
        (Role::Timestamp, &args.timestamp_key, 1),
    ];
    let named = rows.into_iter().filter(|(_, paths, _)| !paths.is_empty());
    let keys = named.map(|(role, paths, threshold)| {
        let public = |path: &PathBuf| -> Result<PublicKey, Failure> {
            let key = suture_keys::read_public(path).map_err(|error| signer::unusable(path, &error))?;
            Ok(PublicKey::from_bytes(*key.as_bytes()))
        };
        let public = paths.iter().map(public).collect::<Result<_, _>>()?;
        let keys =
            Keys::new(role, public, threshold).map_err(|error| failure("the keys can't be used", &error))?;
        Ok((role, keys))
    });
    keys.collect()
}
