//! The mappings of a process, from the text of `/proc/PID/maps` (`proc_pid_maps(5)`).

use suture_delta::model::Range;
use thiserror::Error;

/// Most mappings that are read; the kernel's own limit (`vm.max_map_count`) is 65,530 unless raised.
pub const MAPPINGS_MAX: usize = 1 << 21;

/// One mapping.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "the permissions as the kernel prints them")]
pub struct Mapping {
    /// Addresses.
    pub range: Range,
    /// May be read.
    pub readable: bool,
    /// May be written.
    pub writable: bool,
    /// May be executed.
    pub executable: bool,
    /// Writes are seen by others.
    pub shared: bool,
    /// Offset in the file, bytes.
    pub offset: u64,
    /// Device of the file, major and minor.
    pub device: (u32, u32),
    /// Inode of the file, 0 if there is none.
    pub inode: u64,
    /// Path of the file, or a name such as `[heap]`.
    pub path: Option<String>,
    /// Whether the file has been unlinked since.
    pub deleted: bool,
}

/// A line that is none of `/proc/PID/maps`.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum MapsError {
    /// Not of the form that the kernel writes.
    #[error("line {line} of the list of mappings has another form: {text:?}")]
    Malformed {
        /// Counted from 1.
        line: usize,
        /// The line, shortened.
        text: String,
    },
    /// More mappings than any process has.
    #[error("the list of mappings has more than {MAPPINGS_MAX} lines")]
    TooMany,
}

/// The mappings that `text` lists, in its order, which is ascending.
pub fn parse(text: &str) -> Result<Vec<Mapping>, MapsError> {
    let mut mappings = Vec::new();
    for (line, text) in (1..).zip(text.lines()) {
        if mappings.len() == MAPPINGS_MAX {
            return Err(MapsError::TooMany);
        }
        let mapping = parse_line(text);
        let malformed = || MapsError::Malformed { line, text: text.chars().take(80).collect() };
        mappings.push(mapping.ok_or_else(malformed)?);
    }
    Ok(mappings)
}

fn parse_line(line: &str) -> Option<Mapping> {
    let mut rest = line;
    let mut word = || {
        let (word, tail) = rest.split_once(' ').unwrap_or((rest, ""));
        rest = tail.trim_start_matches(' ');
        Some(word).filter(|word| !word.is_empty())
    };
    let (start, end) = word()?.split_once('-')?;
    let permissions = word()?.as_bytes();
    let offset = word()?;
    let (major, minor) = word()?.split_once(':')?;
    let inode = word()?;
    let hex = |text: &str| u64::from_str_radix(text, 16).ok();
    let range = Range { start: hex(start)?, end: hex(end)? };
    if permissions.len() < 4 || range.is_empty() {
        return None;
    }
    let deleted = rest.ends_with(" (deleted)");
    let path = rest.strip_suffix(" (deleted)").unwrap_or(rest);
    Some(Mapping {
        range,
        readable: permissions[0] == b'r',
        writable: permissions[1] == b'w',
        executable: permissions[2] == b'x',
        shared: permissions[3] == b's',
        offset: hex(offset)?,
        device: (hex(major)? as u32, hex(minor)? as u32),
        inode: inode.parse().ok()?,
        path: (!path.is_empty()).then(|| path.replace("\\012", "\n")),
        deleted,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_column_is_read() {
        let text = "55d0-55e0 r-xp 00001000 fe:0a 1234                       /opt/a b (deleted)\n\
                    7fff-8000 rw-s 00000000 00:00 0 \n";
        let maps = parse(text).unwrap();
        assert_eq!(maps[0].range, Range { start: 0x55d0, end: 0x55e0 });
        assert!(maps[0].executable && !maps[0].writable && !maps[0].shared && maps[0].deleted);
        assert_eq!((maps[0].offset, maps[0].device, maps[0].inode), (0x1000, (0xfe, 0x0a), 1234));
        assert_eq!(maps[0].path.as_deref(), Some("/opt/a b"));
        assert!(maps[1].shared && maps[1].path.is_none());
    }

    #[test]
    fn a_line_of_another_form_is_named() {
        let error = parse("1-2 r--p 0 0:0 0\nnonsense").unwrap_err();
        assert_eq!(error, MapsError::Malformed { line: 2, text: "nonsense".into() });
        assert!(parse("2-1 r--p 0 0:0 0").is_err());
    }
}
