//! Files of statements: one envelope on each line (`.intoto.jsonl`, in-toto attestation framework, `bundle.md`).
//!
//! Anybody may add a line to such a file, and nobody's lines may use up the room of a refusal. So what is decided on is bounded
//! by what people of the trust root have signed, or may have signed: lines that name other keys are kept while they are few,
//! and else left out by their names alone. The file itself may grow further than a decision reads: where it is too long to decide
//! on, nothing runs, and a refusal still has its place.

use thiserror::Error;

use crate::envelope::{ENVELOPE_LEN_MAX, Envelope, EnvelopeError};
use crate::root::TrustRoot;

/// Longest file of statements of which anything is decided, in bytes.
pub const FILE_LEN_MAX: usize = 62 << 20;
/// Longest file that signing makes, in bytes.
pub const WRITTEN_LEN_MAX: usize = 64 << 20;
/// Most lines that are kept: of those that people of the trust root may have signed, and once more of strangers.
pub const ENVELOPES_MAX: usize = 1024;

const _: () = assert!(WRITTEN_LEN_MAX - FILE_LEN_MAX >= ENVELOPE_LEN_MAX + 2);

/// A file of statements.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Lines {
    /// The envelopes with their lines, counted from 1.
    pub envelopes: Vec<(usize, Envelope)>,
    /// Lines that are none. in-toto (`bundle.md`) wants them ignored; here they may have been refusals, and whoever asks whether
    /// a patch may run has to know.
    pub unread: Vec<EnvelopeError>,
    /// Lines that name none but keys that the trust root does not know, where they are so many that they were left out.
    pub left_out: usize,
}

/// Why a file of statements is not read at all.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum TooMuch {
    /// Too many bytes.
    #[error("it is {0} bytes long, a file of statements is at most {FILE_LEN_MAX}")]
    Bytes(usize),
    /// Too many lines.
    #[error("it has more than {ENVELOPES_MAX} statements that may count")]
    Statements,
}

/// The lines of a file with their numbers, one after the other; empty ones are none.
pub fn lines(bytes: &[u8]) -> impl Iterator<Item = (usize, Result<Envelope, EnvelopeError>)> {
    let lines = (1..).zip(bytes.split(|byte| *byte == b'\n'));
    let lines = lines.filter(|(_, json)| !json.trim_ascii().is_empty());
    lines.map(|(line, json)| (line, Envelope::parse(line, json)))
}

/// Reads a whole file.
///
/// # Errors
/// A limit is passed.
pub fn read_lines(bytes: &[u8]) -> Result<Lines, TooMuch> {
    read(bytes, |_| false)
}

/// Reads what is to be judged by `root`.
///
/// # Errors
/// A limit is passed, by lines of which some may count.
pub fn read_lines_for(bytes: &[u8], root: &TrustRoot) -> Result<Lines, TooMuch> {
    read(bytes, |envelope| names_strangers(root, envelope))
}

/// Reads what is to be judged by any of `roots`; if there are none, by nobody, and all lines may count.
///
/// # Errors
/// A limit is passed, by lines of which some may count.
pub fn read_lines_for_any(bytes: &[u8], roots: &[TrustRoot]) -> Result<Lines, TooMuch> {
    let is_strangers = |envelope: &Envelope| roots.iter().all(|root| names_strangers(root, envelope));
    read(bytes, |envelope| !roots.is_empty() && is_strangers(envelope))
}

fn read(bytes: &[u8], is_strangers: impl Fn(&Envelope) -> bool) -> Result<Lines, TooMuch> {
    if bytes.len() > FILE_LEN_MAX {
        return Err(TooMuch::Bytes(bytes.len()));
    }
    let mut read = Lines::default();
    let (mut strangers, mut others) = (0, 0);
    for (line, envelope) in lines(bytes) {
        let is_strangers = envelope.as_ref().is_ok_and(&is_strangers);
        let count = if is_strangers { &mut strangers } else { &mut others };
        *count += 1;
        match envelope {
            _ if *count > ENVELOPES_MAX => {}
            Ok(envelope) => read.envelopes.push((line, envelope)),
            Err(error) => read.unread.push(error),
        }
    }
    if others > ENVELOPES_MAX {
        return Err(TooMuch::Statements);
    }
    if strangers > ENVELOPES_MAX {
        // All or none, so that the order of the lines makes no difference.
        read.envelopes.retain(|(_, envelope)| !is_strangers(envelope));
        read.left_out = strangers;
    }
    Ok(read)
}

/// Whether each of its signatures names a key, in the way in which keys are named here, that is not in `root`.
fn names_strangers(root: &TrustRoot, envelope: &Envelope) -> bool {
    envelope
        .signatures
        .iter()
        .all(|signature| signature.key.is_fingerprint() && root.key(&signature.key).is_none())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::envelope::IN_TOTO;
    use crate::keys::Signer as _;
    use crate::testing::MemoryKey;

    #[test]
    fn an_envelope_is_read_as_it_was_written() {
        let key = MemoryKey::new(1);
        let envelope = Envelope::sign(IN_TOTO, b"{}".to_vec(), &key).unwrap();
        assert!(key.public_key().verifies(&envelope.pae(), &envelope.signatures[0].signature));
        let line = envelope.to_json();
        assert!(!line.contains('\n'));
        let read = read_lines(format!("{line}\n\n{line}\n").as_bytes()).unwrap();
        assert_eq!(read, Lines { envelopes: vec![(1, envelope.clone()), (3, envelope)], ..Lines::default() });
    }

    #[test]
    fn what_is_no_envelope_is_told_with_its_line() {
        let cases = [
            ("{}", "payloadType"),
            (r#"{"payloadType":"t","payload":"*","signatures":[{"sig":""}]}"#, "`payload` is no base64"),
            (r#"{"payloadType":"t","payload":"","signatures":[]}"#, "nobody has signed it"),
            (r#"{"payloadType":"t","payload":"","signatures":[{"sig":"*"}]}"#, "`sig` is no base64"),
        ];
        for (json, why) in cases {
            let told = read_lines(format!("\n{json}\n").as_bytes()).unwrap().unread[0].to_string();
            assert!(told.contains("line 2") && told.contains(why), "{told}");
        }
    }
}
