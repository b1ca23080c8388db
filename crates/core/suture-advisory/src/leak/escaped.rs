//! Escapes: of addresses (`%5F`), of web pages (`&#95;`, `&lowbar;`), and of code (`\x5f`, `\u005f`).

use std::ops::Range;

/// Longest escape, in bytes.
const ESCAPE_BYTES_MAX: usize = 24;
/// The named characters of HTML that stand in the midst of words and between them.
const NAMED: [(&str, char); 34] = [
    ("amp", '&'),
    ("lt", '<'),
    ("gt", '>'),
    ("quot", '"'),
    ("apos", '\''),
    ("nbsp", ' '),
    ("ensp", ' '),
    ("emsp", ' '),
    ("thinsp", ' '),
    ("Tab", '\t'),
    ("NewLine", '\n'),
    ("shy", '\u{ad}'),
    ("zwnj", '\u{200c}'),
    ("zwj", '\u{200d}'),
    ("ZeroWidthSpace", '\u{200b}'),
    ("NoBreak", '\u{2060}'),
    ("lowbar", '_'),
    ("UnderBar", '_'),
    ("hyphen", '-'),
    ("dash", '-'),
    ("ndash", '-'),
    ("mdash", '-'),
    ("minus", '-'),
    ("period", '.'),
    ("comma", ','),
    ("colon", ':'),
    ("semi", ';'),
    ("sol", '/'),
    ("bsol", '\\'),
    ("lpar", '('),
    ("rpar", ')'),
    ("grave", '`'),
    ("percnt", '%'),
    ("num", '#'),
];

/// A text without its escapes.
pub(super) struct Unescaped {
    pub(super) text: String,
    /// Where it has changed, in ascending order.
    pub(super) changed: Vec<Range<usize>>,
}

/// `text` without its escapes, its lines where they were; nothing if it has none.
pub(super) fn unescaped(text: &str) -> Option<Unescaped> {
    let mut out = Unescaped { text: String::new(), changed: Vec::new() };
    let mut rest = text;
    while let Some(at) = rest.find(['%', '&', '\\']) {
        let (before, tail) = rest.split_at(at);
        out.text.push_str(before);
        let escape = percents(tail).or_else(|| entity(tail)).or_else(|| code(tail));
        if let Some((said, length)) = escape {
            let begin = out.text.len();
            // What is not seen breaks words for machines only.
            let seen = said.chars().map(super::visible).filter(|c| *c != '\u{0}');
            out.text.extend(seen.map(|c| if c == '\n' { ' ' } else { c }));
            out.changed.push(begin..out.text.len());
            rest = tail.get(length..).unwrap_or_default();
        } else {
            out.text.extend(tail.chars().next());
            rest = tail.get(1..).unwrap_or_default();
        }
    }
    out.text.push_str(rest);
    (!out.changed.is_empty()).then_some(out)
}

/// Bytes that stand beside each other are one text: a letter may have several.
fn percents(text: &str) -> Option<(String, usize)> {
    let mut bytes = Vec::new();
    let mut rest = text;
    while let Some(byte) = rest.strip_prefix('%').and_then(|digits| number(digits, 2)) {
        bytes.push(u8::try_from(byte).ok()?);
        rest = rest.get(3..).unwrap_or_default();
    }
    (!bytes.is_empty()).then(|| (String::from_utf8_lossy(&bytes).into_owned(), text.len() - rest.len()))
}

fn entity(text: &str) -> Option<(String, usize)> {
    let inner = text.strip_prefix('&')?;
    let end = inner.bytes().take(ESCAPE_BYTES_MAX).position(|byte| byte == b';')?;
    let name = inner.get(..end)?;
    let said = match name.strip_prefix('#') {
        Some(digits) => {
            let code = match digits.strip_prefix(['x', 'X']) {
                Some(digits) => u32::from_str_radix(digits, 16).ok()?,
                None => digits.parse().ok()?,
            };
            char::from_u32(code)?
        }
        None => NAMED.iter().find(|(known, _)| *known == name)?.1,
    };
    Some((said.to_string(), end + 2))
}

fn code(text: &str) -> Option<(String, usize)> {
    let inner = text.strip_prefix('\\')?;
    let (digits, length) = match inner.as_bytes().first()? {
        b'x' => (2, 4),
        b'u' => (4, 6),
        _ => return None,
    };
    let said = char::from_u32(number(inner.get(1..)?, digits)?)?;
    Some((said.to_string(), length))
}

/// The number that the first `length` hexadecimal digits are.
fn number(text: &str, length: usize) -> Option<u32> {
    let digits = text.get(..length)?;
    let is_number = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_number.then(|| u32::from_str_radix(digits, 16).ok()).flatten()
}
