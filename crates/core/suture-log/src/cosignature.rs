//! What a witness signs (C2SP tlog-cosignature, `cosignature/v1`): that at a certain time this was the longest
//! history of the log that it had seen, and that it goes on from all that it had seen before.

use crate::checkpoint::SignedCheckpoint;
use crate::key::{KeyKind, SignError, Signer, VerifierKey, key_of, sign_checked};
use crate::note::SignatureLine;

/// A witness's signature and its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cosignature {
    /// Seconds since 1970.
    pub time_s: u64,
    signature: [u8; 64],
}

/// What a checkpoint says about a witness.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cosigned {
    /// No line claims to be theirs.
    Not,
    /// A line does, and is not.
    Forged,
    /// They have signed.
    At(Cosignature),
}

/// The specification: "It MUST NOT exceed 2^63 - 1."
const TIME_S_MAX: u64 = i64::MAX as u64;

impl Cosignature {
    fn decode(bytes: &[u8]) -> Option<Self> {
        let (time, signature) = bytes.split_first_chunk()?;
        let time_s = u64::from_be_bytes(*time);
        (time_s <= TIME_S_MAX).then_some(Self { time_s, signature: signature.try_into().ok()? })
    }

    fn encode(&self) -> Vec<u8> {
        let mut bytes = self.time_s.to_be_bytes().to_vec();
        bytes.extend(self.signature);
        bytes
    }
}

fn message(time_s: u64, text: &str) -> String {
    format!("cosignature/v1\ntime {time_s}\n{text}")
}

impl SignedCheckpoint {
    /// Adds the cosignature of a witness, who has checked that the checkpoint goes on from what it has seen.
    ///
    /// # Errors
    /// The key does not sign.
    pub fn cosign<S: Signer + ?Sized>(&mut self, witness: &S, time_s: u64) -> Result<(), SignError> {
        let key = key_of(witness, KeyKind::Cosignature)?;
        if time_s > TIME_S_MAX {
            let why = "the time is beyond what a cosignature can say".to_owned();
            return Err(SignError { key: key.name().to_owned(), why });
        }
        let message = message(time_s, self.note().text());
        let signature = sign_checked(witness, &key, message.as_bytes())?;
        let signature = Cosignature { time_s, signature }.encode();
        self.note_mut().add(SignatureLine { name: key.name().to_owned(), id: key.id(), signature });
        Ok(())
    }

    /// Whether the witness with `key` has signed. Of several lines that say so, none may be wrong.
    pub fn cosignature_of(&self, key: &VerifierKey) -> Cosigned {
        let verified = |bytes: &[u8]| {
            let cosignature = Cosignature::decode(bytes)?;
            let message = message(cosignature.time_s, self.note().text());
            key.verifies(message.as_bytes(), &cosignature.signature).then_some(cosignature)
        };
        match self.note().claimed_by(key).map(verified).reduce(Option::and) {
            None => Cosigned::Not,
            Some(None) => Cosigned::Forged,
            Some(Some(cosignature)) => Cosigned::At(cosignature),
        }
    }

    /// Whether anybody beside the log has signed.
    pub fn has_cosignatures(&self) -> bool {
        self.note().signatures().len() > 1
    }
}
