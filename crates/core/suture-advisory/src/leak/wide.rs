//! Text whose letters have two or four bytes each (UTF-16, UTF-32), as a whole or in the midst of something else.

/// Shortest run that is read, in letters.
const RUN_LETTERS_MIN: usize = 5;
/// Of so many letters one must be ASCII where nothing says how a text is encoded.
const ASCII_ONE_IN: usize = 2;

/// The whole as UTF-16, if it says that it is or looks so.
pub(super) fn decoded(bytes: &[u8]) -> Option<String> {
    let little = |pair: [u8; 2]| u16::from_le_bytes(pair);
    let big = |pair: [u8; 2]| u16::from_be_bytes(pair);
    match bytes {
        [0xff, 0xfe, 0, 0, ..] | [0, 0, 0xfe, 0xff, ..] => None,
        [0xff, 0xfe, rest @ ..] => Some(text(rest, little)),
        [0xfe, 0xff, rest @ ..] => Some(text(rest, big)),
        _ if looks_so(bytes, little) => Some(text(bytes, little)),
        _ if looks_so(bytes, big) => Some(text(bytes, big)),
        _ => None,
    }
}

fn text(bytes: &[u8], letter: fn([u8; 2]) -> u16) -> String {
    let letters: Vec<u16> = pairs(bytes).map(letter).collect();
    String::from_utf16_lossy(&letters)
}

/// Whether it is text if it is read so: most of it ASCII, and nothing that is no letter or sign.
fn looks_so(bytes: &[u8], letter: fn([u8; 2]) -> u16) -> bool {
    let letters: Vec<u16> = pairs(bytes).map(letter).collect();
    let ascii = letters.iter().filter(|letter| u8::try_from(**letter).is_ok_and(is_text)).count();
    let is_sane =
        |c: Result<char, _>| c.is_ok_and(|c: char| !c.is_control() || matches!(c, '\n' | '\r' | '\t'));
    bytes.len().is_multiple_of(2)
        && !letters.is_empty()
        && ascii.saturating_mul(ASCII_ONE_IN) >= letters.len()
        && char::decode_utf16(letters.iter().copied()).all(is_sane)
}

fn pairs(bytes: &[u8]) -> impl Iterator<Item = [u8; 2]> {
    bytes.chunks_exact(2).filter_map(|pair| pair.try_into().ok())
}

/// ASCII text in letters of two or four bytes, wherever it begins.
pub(super) fn runs(bytes: &[u8]) -> Vec<String> {
    [2, 4].into_iter().flat_map(|width| runs_of(bytes, width)).collect()
}

fn runs_of(bytes: &[u8], width: usize) -> Vec<String> {
    let mut found = Vec::new();
    let mut run = String::new();
    let mut at = 0;
    while let Some(byte) = bytes.get(at).copied() {
        let goes_on =
            bytes.get(at + 1..at + width).is_some_and(|between| between.iter().all(|byte| *byte == 0));
        if is_text(byte) {
            run.push(char::from(byte));
        }
        if is_text(byte) && goes_on {
            at += width;
            continue;
        }
        if run.len() >= RUN_LETTERS_MIN {
            found.push(std::mem::take(&mut run));
        }
        run.clear();
        at += 1;
    }
    found.extend((run.len() >= RUN_LETTERS_MIN).then_some(run));
    found
}

fn is_text(byte: u8) -> bool {
    matches!(byte, b' '..=b'~' | b'\n' | b'\r' | b'\t')
}
