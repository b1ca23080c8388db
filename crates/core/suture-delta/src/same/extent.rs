//! How far constants without names extend, and where one text ends and the next begins.

use super::CONTENT_LEN_MAX;
use crate::fields;
use crate::side::Side;

/// Length of a constant without a name: to the next thing that is referred to, or the end of its section.
pub(crate) fn extent(side: &Side<'_, '_>, address: u64) -> u64 {
    let end = side.build.section_at(address).map_or(address, |section| section.address + section.size);
    let next = side.next_boundary(address).unwrap_or(end).min(end);
    let len = (next - address).min(CONTENT_LEN_MAX);
    shared_text(side, address, len, end).unwrap_or(len)
}

/// Length of a constant without a name, where constants that only tables list are known too.
///
/// Less than [`extent`] at most, and nothing that travels is cut by it.
pub(super) fn to_the_next(side: &Side<'_, '_>, address: u64) -> u64 {
    let len = extent(side, address);
    side.next_listed(address).map_or(len, |next| len.min(next - address))
}

/// How much of a constant without a name has to travel, of which `len` bytes lead to the next thing that is referred to: if that may be the
/// end of a text, the rest of the text too. Too much does no harm, too little is a text that does not end.
pub(crate) fn travelling(side: &Side<'_, '_>, address: u64, len: u64) -> u64 {
    const REST_MAX: u64 = 1024;
    let end = side.build.section_at(address).map_or(address, |section| section.address + section.size);
    let Some(bytes) = side.build.read(address, (len + REST_MAX).min(end - address)) else { return len };
    let to_its_end = |width: usize| text_in_units(bytes, len as usize, width);
    // Texts of bytes, and of `wchar_t`.
    let whole = [1, 4].into_iter().filter_map(to_its_end).max().map_or(len, |found| found as u64);
    // What refers to something is no text.
    if fields::of_data(side.build, address, whole, true).is_empty() { whole } else { len }
}

/// Length, with its zero, of a text of units of `width` bytes that goes on behind `len` bytes; `None` if it has ended there, or is none.
fn text_in_units(bytes: &[u8], len: usize, width: usize) -> Option<usize> {
    const UNICODE_MAX: u32 = 0x10_ffff;
    let is_zero = |unit: &[u8]| unit.iter().all(|byte| *byte == 0);
    let (known, rest) = bytes.split_at_checked(len).filter(|_| len.is_multiple_of(width))?;
    let is_text = |unit: &[u8]| {
        let unit: Option<[u8; 4]> = unit.try_into().ok();
        unit.is_none_or(|unit| u32::from_le_bytes(unit) <= UNICODE_MAX)
    };
    if !known.chunks(width).all(|unit| !is_zero(unit) && is_text(unit)) {
        return None;
    }
    let units = rest.chunks_exact(width).position(is_zero)?;
    Some(len + (units + 1) * width)
}

/// Length, with its NUL, of a text whose end is a text too: the linker lets `"%d\n"` be the end of
/// `"count: %d\n"`, so that the next thing that is referred to is the middle of this one.
///
/// The texts of Rust stand one behind the other without a NUL, and would run into each other this way: they end where the
/// next begins.
fn shared_text(side: &Side<'_, '_>, address: u64, len: u64, section_end: u64) -> Option<u64> {
    if !side.ends_with_nul(address) {
        return None;
    }
    let bytes = side.build.read(address, (section_end - address).min(CONTENT_LEN_MAX))?;
    let end = bytes.iter().position(|byte| *byte == 0)?;
    let is_text = std::str::from_utf8(&bytes[..end]).is_ok_and(|text| text.chars().all(is_printable));
    (is_text && end as u64 >= len).then_some(end as u64 + 1)
}

fn is_printable(c: char) -> bool {
    !c.is_control() || matches!(c, '\t' | '\n' | '\r' | '\x1b')
}

/// How many zeros from `at` on are no more than the alignment of what stands behind them explains. Only the end of all, and the end of a
/// text, whose length nobody aligns, is taken for a place where something else may begin: between numbers zeros are numbers.
pub(super) fn gap(bytes: &[u8], address: u64, at: usize) -> usize {
    const ALIGNMENT_MAX: u32 = 6;
    let zeros = bytes[at..].iter().take_while(|byte| **byte == 0).count();
    let end = at + zeros;
    let padding_max = (1 << address.wrapping_add(end as u64).trailing_zeros().min(ALIGNMENT_MAX)) - 1;
    if at > 0 && end == bytes.len() {
        return if zeros <= padding_max { zeros } else { 0 };
    }
    let last = bytes[..at].iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
    // A text may have a NUL in front of the padding.
    if ends_text(&bytes[..last]) && end - last <= padding_max + 1 { zeros } else { 0 }
}

/// Whether bytes end with a text.
fn ends_text(bytes: &[u8]) -> bool {
    const TEXT_MIN: usize = 4;
    let printable =
        bytes.iter().rev().take_while(|byte| byte.is_ascii_graphic() || **byte == b' ' || **byte == b'\n');
    printable.take(TEXT_MIN).count() == TEXT_MIN
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_travels_to_its_end() {
        let bytes = b"sum of all %d\n\0next\0";
        assert_eq!(text_in_units(bytes, 11, 1), Some(15), "another text is its end");
        assert_eq!(text_in_units(bytes, 15, 1), None, "it has ended");
        assert_eq!(text_in_units(&bytes[..14], 11, 1), None, "it does not end");
        let wide: Vec<u8> =
            "sum %d".chars().chain(['\0', 'x', '\0']).flat_map(|c| u32::from(c).to_le_bytes()).collect();
        assert_eq!(text_in_units(&wide, 16, 4), Some(28));
        assert_eq!(text_in_units(&wide, 28, 4), None);
        assert_eq!(text_in_units(bytes, 12, 4), None, "no text of wide characters");
        assert_eq!(text_in_units(&wide, 16, 1), None);
    }
}
