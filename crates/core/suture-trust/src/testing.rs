//! Keys for tests: the same for the same number.

use ed25519_dalek::{Signer as _, SigningKey};

use crate::keys::{PublicKey, SignError, Signer};

/// A key in memory.
pub(crate) struct MemoryKey {
    secret: SigningKey,
    public: PublicKey,
}

impl MemoryKey {
    pub(crate) fn new(number: u8) -> Self {
        let secret = SigningKey::from_bytes(&[number; 32]);
        let public = PublicKey::from_bytes(secret.verifying_key().as_bytes(), &format!("key-{number}"));
        Self { secret, public: public.expect("a point") }
    }
}

impl Signer for MemoryKey {
    fn public_key(&self) -> &PublicKey {
        &self.public
    }

    fn sign(&self, message: &[u8]) -> Result<[u8; 64], SignError> {
        Ok(self.secret.sign(message).to_bytes())
    }
}
