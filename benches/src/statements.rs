//! What it costs to verify the statements about a bundle.

use std::time::{Duration, Instant};

use ed25519_dalek::{Signer as _, SigningKey};
use suture_trust::{
    Digest, Envelope, IN_TOTO, Predicate, PublicKey, Received, Role, Said, SignError, Signer, Statement,
    Subject, TrustRoot, read_lines, verify,
};

use crate::Failure;

/// Statements about a bundle, each by somebody else.
const STATEMENTS: u8 = 10;
/// The median of so many counts.
const ROUNDS: usize = 1001;

struct MemoryKey {
    secret: SigningKey,
    public: PublicKey,
}

impl MemoryKey {
    fn new(number: u8) -> Result<Self, Failure> {
        let secret = SigningKey::from_bytes(&[number; 32]);
        let public = PublicKey::from_bytes(secret.verifying_key().as_bytes(), &format!("person-{number}"))?;
        Ok(Self { secret, public })
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

/// Prints microseconds for everything from the bytes of a trust root and a file of statements to what counts, and for
/// the bare signatures in it.
pub(crate) fn measure() -> Result<(), Failure> {
    let keys = (1..=STATEMENTS).map(MemoryKey::new).collect::<Result<Vec<_>, _>>()?;
    let bundle = Digest::of(b"the bundle");
    let (root, file) = (root(&keys), file(&keys, bundle)?);
    let now = "2030-06-01T00:00:00Z".parse()?;

    let whole = median(|| {
        let root = TrustRoot::parse(&root)?;
        let lines = read_lines(file.as_bytes())?;
        let received: Vec<_> =
            lines.envelopes.iter().map(|(_, envelope)| Received { envelope, known_since: None }).collect();
        let verified = verify(&root, bundle, &received, now);
        if verified.accepted.len() == usize::from(STATEMENTS) { Ok(()) } else { Err("not all count".into()) }
    })?;
    let lines = read_lines(file.as_bytes())?;
    let bare = median(|| {
        let verifies = |((_, envelope), key): (&(usize, Envelope), &MemoryKey)| {
            key.public.verifies(&envelope.pae(), &envelope.signatures[0].signature)
        };
        if lines.envelopes.iter().zip(&keys).all(verifies) {
            Ok(())
        } else {
            Err("a signature is wrong".into())
        }
    })?;
    let us = |time: Duration| time.as_secs_f64() * 1e6;
    println!(
        "us for {STATEMENTS} statements and the trust root: {:.0}, of which signatures {:.0}",
        us(whole),
        us(bare)
    );
    Ok(())
}

fn root(keys: &[MemoryKey]) -> String {
    let principal = |key: &MemoryKey| {
        format!(
            "[[principal]]\nname = \"{}\"\nteam = \"ops\"\nroles = [\"approver\"]\n[[principal.key]]\npublic = \"{}\"\n\
             valid_from = 2030-01-01T00:00:00Z\nvalid_until = 2031-01-01T00:00:00Z\n",
            key.public.comment(),
            key.public
        )
    };
    format!("schema = 1\n{}", keys.iter().map(principal).collect::<String>())
}

fn file(keys: &[MemoryKey], bundle: Digest) -> Result<String, Failure> {
    let signed_on = "2030-05-20T10:00:00Z".parse()?;
    let mut file = String::new();
    for key in keys {
        let said = Said { signed_on, role: Role::Approver, comment: "read, rehearsed, fine".to_owned() };
        let subjects = vec![Subject { name: "fix.bundle".to_owned(), digest: bundle }];
        let statement = Statement { subjects, predicate: Predicate::Approved(said) };
        file += &Envelope::sign(IN_TOTO, statement.to_json(), key)?.to_json();
        file.push('\n');
    }
    Ok(file)
}

fn median(mut work: impl FnMut() -> Result<(), Failure>) -> Result<Duration, Failure> {
    let mut times = Vec::with_capacity(ROUNDS);
    for _ in 0..ROUNDS {
        let begin = Instant::now();
        work()?;
        times.push(begin.elapsed());
    }
    times.sort_unstable();
    Ok(times[ROUNDS / 2])
}
