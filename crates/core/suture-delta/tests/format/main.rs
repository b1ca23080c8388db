//! The delta as a file: what is written is read, nothing else is read, and ordinary tools show it.

mod arbitrary;
mod refused;
mod sample;
mod tools;

use proptest::prelude::*;
use suture_delta::format::{FormatError, id, read, write};
use suture_delta::report::{CriticalPath, Readers, Report, Way};

#[test]
fn everything_that_is_written_is_read() {
    let delta = sample::everything();
    let bytes = write(&delta).unwrap();
    assert_eq!(read(&bytes).unwrap(), delta);
}

/// What came later has the version with which it came, and is read as well.
#[test]
fn a_delta_has_the_lowest_version_that_says_it() {
    let mut delta = sample::everything();
    let (version, before) = (delta.meta.schema, write(&delta).unwrap());
    delta.meta.report.marked = vec!["consensus".into(), "protocol".into()];
    delta.meta.schema = delta.meta.report.schema();
    assert_eq!((version, delta.meta.schema), (1, 2));
    let bytes = write(&delta).unwrap();
    assert_eq!(read(&bytes).unwrap(), delta);
    delta.meta.report.none_critical = Some("a single server".to_owned());
    delta.meta.schema = delta.meta.report.schema();
    assert_eq!(delta.meta.schema, 3);
    assert_eq!(read(&write(&delta).unwrap()).unwrap(), delta);
    for change in [
        (|report| report.followed = vec![Way::Calls, Way::Inlined]) as fn(&mut Report),
        |report| {
            let (object, functions) = ("limits".to_owned(), vec!["parse".to_owned()]);
            report.readers = vec![Readers { object, functions, complete: true }];
        },
        |report| report.critical.push(CriticalPath { reads: Some("limits".to_owned()), ..path() }),
        |report| report.critical.push(CriticalPath { inlined: true, ..path() }),
    ] {
        let mut delta = delta.clone();
        change(&mut delta.meta.report);
        assert!(write(&delta).is_err(), "the version is too low");
        delta.meta.schema = delta.meta.report.schema();
        assert_eq!(delta.meta.schema, 4);
        assert_eq!(read(&write(&delta).unwrap()).unwrap(), delta);
    }
    delta.meta.register_frames = Some(delta.meta.old.image.start);
    assert!(write(&delta).is_err(), "the version is too low");
    delta.meta.schema = delta.lowest_schema();
    assert_eq!(delta.meta.schema, 5);
    assert_eq!(read(&write(&delta).unwrap()).unwrap(), delta);
    delta.meta.register_frames = Some(delta.meta.old.image.end);
    assert!(write(&delta).is_err(), "the unwinder is none of the build's");
    assert!(!before.windows(6).any(|part| part == b"marked"), "an earlier version is as it was");
}

fn path() -> CriticalPath {
    CriticalPath {
        function: "parse".to_owned(),
        marked: "hash".to_owned(),
        mark: "consensus".to_owned(),
        pattern: "h*".to_owned(),
        path: vec!["parse".to_owned(), "hash".to_owned()],
        reads: None,
        inlined: false,
    }
}

#[test]
fn the_id_is_the_digest_of_the_file() {
    // FIPS 180-2, appendix B.1
    let digest = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    assert_eq!(id(b"abc").to_string(), digest);
}

proptest! {
    #[test]
    fn writing_and_reading_is_the_identity(delta in arbitrary::delta()) {
        let bytes = write(&delta).unwrap();
        let again = read(&bytes).unwrap();
        prop_assert_eq!(&again, &delta);
        prop_assert_eq!(write(&again).unwrap(), bytes);
    }

    /// Whatever is read is what its bytes say: no two files with the same meaning.
    #[test]
    fn a_changed_file_is_refused_or_means_something_else(
        (delta, changes) in arbitrary::delta().prop_flat_map(|delta| {
            let len = write(&delta).unwrap().len();
            (Just(delta), arbitrary::mutations(len))
        })
    ) {
        let mut bytes = write(&delta).unwrap();
        for (at, flip) in changes {
            bytes[at] ^= flip;
        }
        if let Ok(other) = read(&bytes) {
            prop_assert_ne!(&other, &delta);
            prop_assert_eq!(write(&other).unwrap(), bytes);
        }
    }

    #[test]
    fn a_cut_file_is_refused(delta in arbitrary::delta(), cut: usize) {
        let bytes = write(&delta).unwrap();
        let len = cut % bytes.len();
        prop_assert!(read(&bytes[..len]).is_err());
    }

    #[test]
    fn an_appended_byte_is_refused(delta in arbitrary::delta(), byte: u8) {
        let mut bytes = write(&delta).unwrap();
        let offset = bytes.len();
        bytes.push(byte);
        prop_assert_eq!(read(&bytes), Err(FormatError::NotCanonical { offset }));
    }
}
