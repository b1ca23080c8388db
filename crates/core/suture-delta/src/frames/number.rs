//! Numbers of variable length (DWARF 5, §7.6).

/// Appends an unsigned LEB128 number.
pub(super) fn unsigned(data: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        data.push(value as u8 | 0x80);
        value >>= 7;
    }
    data.push(value as u8);
}

/// Appends a signed LEB128 number.
pub(super) fn signed(data: &mut Vec<u8>, mut value: i64) {
    const SIGN: u8 = 0x40;
    loop {
        let byte = value as u8 & 0x7f;
        value >>= 7;
        if (value == 0 && byte & SIGN == 0) || (value == -1 && byte & SIGN != 0) {
            data.push(byte);
            return;
        }
        data.push(byte | 0x80);
    }
}
