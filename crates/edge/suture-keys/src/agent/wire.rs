//! The agent protocol's bytes (draft-miller-ssh-agent): a length, a type, and strings with lengths of their own.

use suture_trust::PublicKey;

use super::AgentError;

/// Longest answer, in bytes: OpenSSH's own limit.
const ANSWER_LEN_MAX: usize = 256 << 10;
/// Message numbers (§5.1).
const FAILURE: u8 = 5;
const REQUEST_IDENTITIES: u8 = 11;
const IDENTITIES_ANSWER: u8 = 12;
const SIGN_REQUEST: u8 = 13;
const SIGN_RESPONSE: u8 = 14;
/// The only algorithm; its keys and signatures are this name and one string (RFC 8709 §4 and §6).
const ED25519: &[u8] = b"ssh-ed25519";

pub(super) fn request_identities() -> Vec<u8> {
    framed(&[REQUEST_IDENTITIES])
}

pub(super) fn sign_request(key: &PublicKey, message: &[u8]) -> Vec<u8> {
    let blob = [string(ED25519), string(key.as_bytes())].concat();
    let no_flags = 0_u32.to_be_bytes();
    framed(&[&[SIGN_REQUEST][..], &string(&blob), &string(message), &no_flags].concat())
}

/// How long the answer is that begins with `len`.
pub(super) fn answer_len(len: [u8; 4]) -> Result<usize, AgentError> {
    match u32::from_be_bytes(len) as usize {
        0 => Err(AgentError::Nonsense("an answer of no bytes")),
        len if len > ANSWER_LEN_MAX => Err(AgentError::Nonsense("an answer that is too long")),
        len => Ok(len),
    }
}

/// The Ed25519 keys in an answer.
pub(super) fn identities(answer: &[u8]) -> Result<Vec<PublicKey>, AgentError> {
    let mut reader = Reader(body(answer, IDENTITIES_ANSWER)?);
    let count = reader.number()?;
    let mut keys = Vec::new();
    for _ in 0..count {
        let blob = reader.string()?;
        let comment = String::from_utf8_lossy(reader.string()?).into_owned();
        if let Some(key) = key(blob, &comment) {
            keys.push(key);
        }
    }
    reader.end()?;
    Ok(keys)
}

/// The signature in an answer.
pub(super) fn signature(answer: &[u8]) -> Result<[u8; 64], AgentError> {
    let mut reader = Reader(body(answer, SIGN_RESPONSE)?);
    let mut signature = Reader(reader.string()?);
    reader.end()?;
    if signature.string()? != ED25519 {
        return Err(AgentError::Nonsense("a signature of another algorithm"));
    }
    let bytes = signature.string()?;
    signature.end()?;
    bytes.try_into().map_err(|_| AgentError::Nonsense("a signature that is not 64 bytes long"))
}

/// Keys of other algorithms, and certificates, are none.
fn key(blob: &[u8], comment: &str) -> Option<PublicKey> {
    let mut reader = Reader(blob);
    let is_ed25519 = reader.string().ok()? == ED25519;
    let bytes = reader.string().ok()?;
    reader.end().ok()?;
    PublicKey::from_bytes(bytes.try_into().ok()?, comment).ok().filter(|_| is_ed25519)
}

fn body(answer: &[u8], expected: u8) -> Result<&[u8], AgentError> {
    match answer.split_first() {
        Some((kind, body)) if *kind == expected => Ok(body),
        Some((&FAILURE, _)) => Err(AgentError::Refused),
        _ => Err(AgentError::Nonsense("a message of another type")),
    }
}

fn string(bytes: &[u8]) -> Vec<u8> {
    [&(bytes.len() as u32).to_be_bytes(), bytes].concat()
}

fn framed(message: &[u8]) -> Vec<u8> {
    string(message)
}

/// What is left to read.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    const CUT_OFF: AgentError = AgentError::Nonsense("an answer that is cut off");

    fn number(&mut self) -> Result<u32, AgentError> {
        let (number, rest) = self.0.split_first_chunk().ok_or(Self::CUT_OFF)?;
        self.0 = rest;
        Ok(u32::from_be_bytes(*number))
    }

    fn string(&mut self) -> Result<&'a [u8], AgentError> {
        let len = self.number()? as usize;
        let (string, rest) = self.0.split_at_checked(len).ok_or(Self::CUT_OFF)?;
        self.0 = rest;
        Ok(string)
    }

    fn end(&self) -> Result<(), AgentError> {
        if self.0.is_empty() {
            Ok(())
        } else {
            Err(AgentError::Nonsense("an answer with more than belongs in it"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer() -> Vec<u8> {
        // The base point's encoding is a good key.
        let mut point = [0x66; 32];
        point[0] = 0x58;
        let ed25519 = [string(ED25519), string(&point)].concat();
        let rsa = [string(b"ssh-rsa"), string(&[1, 0, 1]), string(&[7; 256])].concat();
        let keys = [string(&rsa), string(b"rsa"), string(&ed25519), string(b"alice")].concat();
        [&[IDENTITIES_ANSWER][..], &2_u32.to_be_bytes(), &keys].concat()
    }

    #[test]
    fn keys_of_one_kind_are_found_among_others() {
        let keys = identities(&answer()).unwrap();
        assert_eq!(keys.iter().map(PublicKey::comment).collect::<Vec<_>>(), ["alice"]);
    }

    #[test]
    fn an_answer_that_is_cut_off_or_changed_is_an_error_or_a_value() {
        let answer = answer();
        for len in 0..answer.len() {
            assert!(identities(&answer[..len]).is_err(), "{len}");
        }
        for at in 0..answer.len() {
            for bit in 0..8 {
                let mut changed = answer.clone();
                changed[at] ^= 1 << bit;
                let _ = identities(&changed);
                let _ = signature(&changed);
            }
        }
        assert!(identities(&[&answer[..], b"x"].concat()).is_err());
    }

    #[test]
    fn nothing_is_believed_of_a_length() {
        assert!(answer_len(0_u32.to_be_bytes()).is_err());
        assert!(answer_len(u32::MAX.to_be_bytes()).is_err());
        assert_eq!(answer_len(1_u32.to_be_bytes()).unwrap(), 1);
        let many = [&[IDENTITIES_ANSWER][..], &u32::MAX.to_be_bytes()].concat();
        assert!(matches!(identities(&many), Err(AgentError::Nonsense(_))));
        assert!(matches!(signature(&[FAILURE]), Err(AgentError::Refused)));
    }
}
