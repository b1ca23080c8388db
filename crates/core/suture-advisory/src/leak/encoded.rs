//! What hides in base64 and hexadecimal: decoded where it is text.
//!
//! A run of base64 can begin anywhere in a longer run of letters, so each is decoded from four places.

use base64::Engine as _;
use base64::alphabet::{STANDARD, URL_SAFE};
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

/// Shortest run that is decoded, in characters: eight bytes of hexadecimal, nine of base64.
const RUN_CHARS_MIN: usize = 12;
/// Longest run that is decoded; what is longer is decoded in pieces.
const RUN_CHARS_MAX: usize = 1 << 16;
/// Shortest text that comes out.
const TEXT_BYTES_MIN: usize = 5;
const LENIENT: GeneralPurposeConfig = GeneralPurposeConfig::new()
    .with_decode_allow_trailing_bits(true)
    .with_decode_padding_mode(DecodePaddingMode::Indifferent);

/// Texts that are hidden in `text`, with the place of each.
pub(super) fn hidden(text: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    let is_part = |b: u8| b.is_ascii_alphanumeric() || b"+/-_".contains(&b);
    let mut at = 0;
    for run in text.as_bytes().split(|b| !is_part(*b)) {
        for (number, piece) in run.chunks(RUN_CHARS_MAX).enumerate() {
            if piece.len() >= RUN_CHARS_MIN {
                let place = at + number * RUN_CHARS_MAX;
                found.extend(decoded(piece).into_iter().map(|text| (place, text)));
            }
        }
        at += run.len() + 1;
    }
    found
}

fn decoded(run: &[u8]) -> Vec<String> {
    let mut texts = Vec::new();
    if run.iter().all(u8::is_ascii_hexdigit) {
        texts.extend((0..2).filter_map(|from| text(&hexadecimal(run.get(from..)?))));
    }
    for from in 0..4 {
        let tail = run.get(from..).unwrap_or_default();
        // One digit too many says nothing.
        let tail = if tail.len() % 4 == 1 { tail.split_last().map_or(tail, |(_, most)| most) } else { tail };
        let standard = GeneralPurpose::new(&STANDARD, LENIENT).decode(tail);
        let bytes = standard.or_else(|_| GeneralPurpose::new(&URL_SAFE, LENIENT).decode(tail));
        texts.extend(bytes.ok().and_then(|bytes| text(&bytes)));
    }
    texts
}

fn hexadecimal(digits: &[u8]) -> Vec<u8> {
    let value = |digit: u8| char::from(digit).to_digit(16).unwrap_or_default() as u8;
    let pairs = digits.chunks_exact(2);
    pairs.map(|pair| pair.iter().fold(0, |byte: u8, digit| byte << 4 | value(*digit))).collect()
}

/// The longest readable part: what stands before and after the hidden text decodes to rubbish.
fn text(bytes: &[u8]) -> Option<String> {
    let is_text = |b: &u8| matches!(b, b' '..=b'~' | b'\n' | b'\t');
    let parts = bytes.split(|b| !is_text(b)).filter(|part| part.len() >= TEXT_BYTES_MIN);
    let text = parts.map(String::from_utf8_lossy).collect::<Vec<_>>().join("\n");
    (!text.is_empty()).then_some(text)
}
