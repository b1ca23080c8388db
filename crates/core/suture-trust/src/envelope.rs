//! DSSE envelopes: a payload, its type, and signatures over both.
//!
//! Follows the DSSE specification, version 1.0.2 (`protocol.md`, `envelope.md`).

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::keys::{KeyId, SignError, Signer};
use crate::text::{check_name, told};

/// Type of a payload that is an in-toto statement (in-toto attestation framework, `envelope.md`).
pub const IN_TOTO: &str = "application/vnd.in-toto+json";
/// Longest envelope that is read, in bytes.
pub const ENVELOPE_LEN_MAX: usize = 1 << 20;
/// Most signatures of one envelope.
const SIGNATURES_MAX: usize = 16;

/// A signed payload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Envelope {
    /// What the payload is.
    pub payload_type: String,
    /// The payload.
    pub payload: Vec<u8>,
    /// Who signed.
    pub signatures: Vec<EnvelopeSignature>,
}

/// One signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EnvelopeSignature {
    /// The key that is said to have signed: a hint, nothing more.
    pub key: KeyId,
    /// The signature over [`Envelope::pae`].
    pub signature: Vec<u8>,
}

/// Why a line is no envelope.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("line {line} is no DSSE envelope: {why}")]
pub struct EnvelopeError {
    /// Counted from 1.
    pub line: usize,
    /// What was expected.
    pub why: String,
}

#[derive(Serialize, Deserialize)]
struct Wire {
    #[serde(rename = "payloadType")]
    payload_type: String,
    payload: String,
    signatures: Vec<WireSignature>,
}

#[derive(Serialize, Deserialize)]
struct WireSignature {
    #[serde(default)]
    keyid: String,
    sig: String,
}

impl Envelope {
    /// Signs a payload.
    ///
    /// # Errors
    /// The signer's.
    pub fn sign(payload_type: &str, payload: Vec<u8>, signer: &dyn Signer) -> Result<Self, SignError> {
        let signature = signer.sign(&pae(payload_type, &payload))?.to_vec();
        let key = signer.public_key().id();
        let signatures = vec![EnvelopeSignature { key, signature }];
        Ok(Self { payload_type: payload_type.to_owned(), payload, signatures })
    }

    /// What is signed: the pre-authentication encoding (DSSE `protocol.md`, "Signature Definition").
    pub fn pae(&self) -> Vec<u8> {
        pae(&self.payload_type, &self.payload)
    }

    /// One line of JSON, without its end.
    ///
    /// # Panics
    /// Never: it is made of strings alone.
    pub fn to_json(&self) -> String {
        let signature = |signature: &EnvelopeSignature| WireSignature {
            keyid: signature.key.to_string(),
            sig: STANDARD.encode(&signature.signature),
        };
        let wire = Wire {
            payload_type: self.payload_type.clone(),
            payload: STANDARD.encode(&self.payload),
            signatures: self.signatures.iter().map(signature).collect(),
        };
        serde_json::to_string(&wire).expect("strings are JSON")
    }

    /// Reads one envelope; `line` is where it stands, for the error.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(line: usize, json: &[u8]) -> Result<Self, EnvelopeError> {
        read(json).map_err(|why| EnvelopeError { line, why })
    }
}

/// Fields that are not known are ignored, as the specification asks.
fn read(json: &[u8]) -> Result<Envelope, String> {
    if json.len() > ENVELOPE_LEN_MAX {
        return Err(format!("it is {} bytes long, at most {ENVELOPE_LEN_MAX} are read", json.len()));
    }
    let wire: Wire = serde_json::from_slice(json).map_err(|error| told(&error))?;
    check_name("payloadType", &wire.payload_type)?;
    if wire.signatures.is_empty() {
        return Err("nobody has signed it".to_owned());
    }
    if wire.signatures.len() > SIGNATURES_MAX {
        return Err(format!(
            "it has {} signatures, at most {SIGNATURES_MAX} are read",
            wire.signatures.len()
        ));
    }
    let payload = decode("payload", &wire.payload)?;
    let signature = |signature: WireSignature| {
        check_name("keyid", &signature.keyid)?;
        let key = KeyId::from(signature.keyid);
        Ok(EnvelopeSignature { key, signature: decode("sig", &signature.sig)? })
    };
    let signatures = wire.signatures.into_iter().map(signature).collect::<Result<_, String>>()?;
    Ok(Envelope { payload_type: wire.payload_type, payload, signatures })
}

/// DSSE: "either standard or URL-safe".
fn decode(field: &str, text: &str) -> Result<Vec<u8>, String> {
    let decoded = STANDARD.decode(text).or_else(|_| URL_SAFE.decode(text));
    decoded.map_err(|error| format!("`{field}` is no base64: {error}"))
}

fn pae(payload_type: &str, payload: &[u8]) -> Vec<u8> {
    let head = format!("DSSEv1 {} {payload_type} {} ", payload_type.len(), payload.len());
    [head.as_bytes(), payload].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_encoding_is_that_of_the_specification() {
        assert_eq!(
            pae("http://example.com/HelloWorld", b"hello world"),
            b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
        );
    }
}
