//! What is inside an encrypted bundle: the bundle and its statements in one piece, padded so that its length says no more than
//! its size class.
//!
//! ```text
//! suture parcel 1\n
//! {"files":[{"name":"…","length":123,"sha256":"…"}]}\n
//! content of the files, one after the other
//! zeros up to the size class
//! ```

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::error::shown;
use crate::key::hex;
use crate::limits::FILE_LEN_MAX;
use crate::name;

/// First line.
const MAGIC: &[u8] = b"suture parcel 1\n";
/// Longest list of files, in bytes.
const LIST_LEN_MAX: usize = 16 << 10;
/// Most files in a parcel: a bundle and its statements, and room for what may come.
const PARCEL_FILES_MAX: usize = 16;
/// Smallest size class, in bytes.
const CLASS_MIN: u64 = 64 << 10;

/// A file in a parcel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Packed {
    /// Its name, without directories.
    pub name: String,
    /// Its content.
    pub content: Vec<u8>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct List {
    files: Vec<Entry>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    name: String,
    length: u64,
    sha256: String,
}

/// The size class of so many bytes: the next power of two from 64 KiB to 1 GiB.
///
/// # Errors
/// It is more than the largest class holds.
pub fn class(length: u64) -> Result<u64, String> {
    match length.max(CLASS_MIN).checked_next_power_of_two() {
        Some(class) if class <= FILE_LEN_MAX / 2 => Ok(class),
        _ => Err(format!("it has {length} bytes, at most {} can be encrypted", FILE_LEN_MAX / 2)),
    }
}

/// How people say a size class.
pub fn class_name(class: u64) -> String {
    if class < 1 << 20 { format!("{} KiB", class >> 10) } else { format!("{} MiB", class >> 20) }
}

/// Puts files into one parcel.
///
/// # Errors
/// They are too many, too long, or have names that are none.
pub fn pack(files: &[Packed]) -> Result<Vec<u8>, String> {
    if files.is_empty() || files.len() > PARCEL_FILES_MAX {
        return Err(format!("{} files, 1 to {PARCEL_FILES_MAX} can be packed", files.len()));
    }
    let entry = |file: &Packed| {
        name::check(&file.name).map_err(|why| format!("`{}`: {why}", file.name))?;
        let sha256 = hex(&Sha256::digest(&file.content));
        Ok(Entry { name: file.name.clone(), length: file.content.len() as u64, sha256 })
    };
    let list = List { files: files.iter().map(entry).collect::<Result<_, String>>()? };
    let mut parcel = MAGIC.to_vec();
    parcel.extend(serde_json::to_vec(&list).map_err(|error| error.to_string())?);
    parcel.push(b'\n');
    for file in files {
        parcel.extend(&file.content);
    }
    parcel.resize(class(parcel.len() as u64)? as usize, 0);
    Ok(parcel)
}

/// Takes the files out of a parcel.
///
/// # Errors
/// It is none, or damaged; the text says where.
pub fn unpack(parcel: &[u8]) -> Result<Vec<Packed>, String> {
    let rest = parcel.strip_prefix(MAGIC).ok_or("it does not begin as a parcel of version 1")?;
    let head = &rest[..rest.len().min(LIST_LEN_MAX + 1)];
    let end = head.iter().position(|byte| *byte == b'\n');
    let end = end.ok_or_else(|| format!("its list of files does not end within {LIST_LEN_MAX} bytes"))?;
    let list: List = serde_json::from_slice(&rest[..end])
        .map_err(|error| shown(&format!("its list of files: {error}")))?;
    if list.files.is_empty() || list.files.len() > PARCEL_FILES_MAX {
        return Err(format!("it lists {} files, 1 to {PARCEL_FILES_MAX} may be in it", list.files.len()));
    }
    let mut content = &rest[end + 1..];
    let mut files: Vec<Packed> = Vec::with_capacity(list.files.len());
    for entry in list.files {
        name::check(&entry.name).map_err(|why| format!("`{}`: {why}", entry.name.escape_debug()))?;
        if files.iter().any(|file| file.name == entry.name) {
            return Err(format!("`{}` is in it twice", entry.name));
        }
        let length = usize::try_from(entry.length).unwrap_or(usize::MAX);
        let (bytes, after) = content.split_at_checked(length).ok_or_else(|| {
            format!("`{}` should have {length} bytes, {} are left", entry.name, content.len())
        })?;
        if hex(&Sha256::digest(bytes)) != entry.sha256 {
            return Err(format!("`{}` has not the digest that the list names", entry.name));
        }
        files.push(Packed { name: entry.name, content: bytes.to_vec() });
        content = after;
    }
    if content.iter().any(|byte| *byte != 0) {
        return Err("something other than zeros follows its files".to_owned());
    }
    Ok(files)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn packed(name: &str, content: &[u8]) -> Packed {
        Packed { name: name.to_owned(), content: content.to_vec() }
    }

    proptest! {
        #[test]
        fn what_is_packed_comes_out_and_has_the_length_of_its_class(
            contents in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..70_000), 1..4)
        ) {
            let files: Vec<_> =
                contents.iter().enumerate().map(|(i, content)| packed(&format!("f{i}"), content)).collect();
            let parcel = pack(&files).unwrap();
            prop_assert!(parcel.len().is_power_of_two() && parcel.len() >= CLASS_MIN as usize);
            prop_assert_eq!(unpack(&parcel).unwrap(), files);
        }

        #[test]
        fn a_damaged_parcel_never_panics(
            damage in prop::collection::vec((0_usize..400, any::<u8>()), 1..6), cut in 0_usize..70_000
        ) {
            let mut parcel = pack(&[packed("a.bundle", b"content"), packed("a.bundle.intoto.jsonl", b"{}")]).unwrap();
            for (at, byte) in damage {
                parcel[at] = byte;
            }
            parcel.truncate(cut);
            // Either it is refused, or what was damaged was not needed to be the same.
            if let Ok(files) = unpack(&parcel) {
                prop_assert!(files.iter().all(|file| name::check(&file.name).is_ok()));
            }
        }
    }

    #[test]
    fn claims_are_checked_before_they_are_believed() {
        let digest = hex(&Sha256::digest(b""));
        let with = |list: &str| [MAGIC, list.as_bytes(), b"\n"].concat();
        let entry =
            |name: &str, length: u64| format!(r#"{{"name":"{name}","length":{length},"sha256":"{digest}"}}"#);
        let rows = [
            (with(&format!(r#"{{"files":[{}]}}"#, entry("a", 10 << 30))), "10737418240 bytes, 0 are left"),
            (with(&format!(r#"{{"files":[{}]}}"#, entry("a", u64::MAX))), "0 are left"),
            (with(&format!(r#"{{"files":[{}]}}"#, entry("../a", 0))), "dot"),
            (with(&format!(r#"{{"files":[{0},{0}]}}"#, entry("a", 0))), "twice"),
            (with(r#"{"files":[]}"#), "0 files"),
            (with(&" ".repeat(LIST_LEN_MAX + 1)), "does not end"),
            (b"suture parcel 2\n".to_vec(), "version 1"),
            (Vec::new(), "version 1"),
        ];
        for (parcel, why) in rows {
            let error = unpack(&parcel).unwrap_err();
            assert!(error.contains(why), "{error} / {why}");
        }
    }

    #[test]
    fn classes() {
        let rows = [(0, 64 << 10), (65_536, 65_536), (65_537, 131_072), (1 << 29, 1 << 29)];
        for (length, expected) in rows {
            assert_eq!(class(length), Ok(expected));
        }
        assert!(class((1 << 29) + 1).is_err() && class(u64::MAX).is_err());
        assert_eq!((class_name(65_536), class_name(1 << 29)), ("64 KiB".into(), "512 MiB".into()));
    }
}
