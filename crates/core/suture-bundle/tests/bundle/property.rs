//! What holds for any members and any bytes.

use proptest::prelude::*;
use suture_bundle::{Bundle, BundleError, Contents, Member, MemberName};

use crate::sample;

type File = (MemberName, Vec<u8>);

fn arbitrary_files() -> impl Strategy<Value = Vec<File>> {
    let name = "documents/[a-z0-9_+][a-zA-Z0-9._+-]{0,8}(/[a-z0-9_][a-z0-9.-]{0,8})?";
    let file = (name, prop::collection::vec(any::<u8>(), 0..1200));
    prop::collection::vec(file, 0..8).prop_map(|mut files| {
        // Names of which one is another's folder, or differs in capitals only, have a test of their own.
        let mut seen = std::collections::BTreeSet::new();
        files.retain(|(name, _)| seen.insert(name.to_ascii_lowercase().split('/').nth(1).map(str::to_owned)));
        files.into_iter().map(|(name, content)| (sample::name(&name), content)).collect()
    })
}

proptest! {
    #[test]
    fn writing_and_reading_is_the_identity(files in arbitrary_files()) {
        let bundle = Bundle::new(sample::members(&files)).unwrap();
        let bytes = bundle.write().unwrap();
        let again = Bundle::read(&bytes).unwrap();
        prop_assert_eq!(&again, &bundle);
        prop_assert_eq!(again.write().unwrap(), bytes);
    }

    #[test]
    fn the_order_of_the_members_is_nothing(files in arbitrary_files(), seed: u64) {
        let mut shuffled = files.clone();
        for at in (1..shuffled.len()).rev() {
            shuffled.swap(at, (seed as usize ^ (at * 7919)) % (at + 1));
        }
        prop_assert_eq!(sample::write(&files), sample::write(&shuffled));
    }

    /// No two files with one meaning: what is accepted is spelled as it is written.
    #[test]
    fn a_changed_file_is_refused_or_means_something_else(
        files in arbitrary_files(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), 1u8..), 1..4),
    ) {
        let mut bytes = sample::write(&files);
        let original = bytes.clone();
        for (at, flip) in changes {
            let at = at.index(bytes.len());
            bytes[at] ^= flip;
        }
        if let Ok(other) = Bundle::read(&bytes) {
            prop_assert_eq!(other.write().unwrap(), bytes.clone());
            // The manifest has digests of all the rest: a changed byte here and there is never another bundle.
            prop_assert_eq!(bytes, original);
        }
    }

    #[test]
    fn a_cut_file_is_refused(files in arbitrary_files(), cut: prop::sample::Index) {
        let bytes = sample::write(&files);
        prop_assert!(Bundle::read(&bytes[..cut.index(bytes.len())]).is_err());
    }

    #[test]
    fn an_appended_byte_is_refused(files in arbitrary_files(), more in prop::collection::vec(any::<u8>(), 1..2000)) {
        let mut bytes = sample::write(&files);
        let offset = bytes.len();
        bytes.extend(more);
        prop_assert_eq!(Bundle::read(&bytes), Err(BundleError::Trailing { offset }));
    }
}

/// Every byte of a real patch, changed one way and another: an error that is one sentence and says how to go on.
#[test]
fn mutants_of_a_patch_are_refused() {
    let bytes = sample::write(&sample::files());
    for at in 0..bytes.len() {
        let mut mutant = bytes.clone();
        mutant[at] ^= 1 << (at % 8);
        let error = Bundle::read(&mutant).unwrap_err();
        let text = error.to_string();
        assert!(
            !text.is_empty() && !text.contains(char::is_control) && !error.help().is_empty(),
            "{at}: {text:?}"
        );
    }
}

/// Lengths and blocks pushed about: never a panic, and what is accepted can be looked into without one.
#[test]
fn pieces_of_a_patch_in_another_order_are_refused() {
    let bytes = sample::write(&sample::files());
    let blocks: Vec<&[u8]> = bytes.chunks(512).collect();
    for one in 0..blocks.len() {
        for other in 0..blocks.len() {
            let mut order = blocks.clone();
            order.swap(one, other);
            let mutant = order.concat();
            if mutant != bytes {
                assert!(Bundle::read(&mutant).is_err(), "{one} and {other}");
            }
        }
        let mut fewer = blocks.clone();
        fewer.remove(one);
        assert!(Bundle::read(&fewer.concat()).is_err(), "without {one}");
    }
    let bundle = Bundle::read(&bytes).unwrap();
    Contents::read(&bundle).unwrap();
    let without: Vec<Member<'_>> = bundle.members().iter().skip(1).cloned().collect();
    assert_ne!(Bundle::new(without).unwrap().write().unwrap(), bytes);
}
