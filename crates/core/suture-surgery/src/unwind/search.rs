//! Finding the `.eh_frame` of a program that has no header for it.
//!
//! GCC passes `--eh-frame-hdr` to the linker only for programs that are linked dynamically or
//! position-independently; a plain static program registers its table at start-up through an address that
//! only its code knows. The section is still in its read-only memory, and hard to mistake: a chain of
//! records that ends in a zero length, in which each entry belongs to an earlier description in the same
//! chain and speaks about the code of this very module.

use gimli::{BaseAddresses, CieOrFde, EhFrame, LittleEndian, UnwindSection};
use suture_delta::model::Range;

use crate::memory::{Memory, READ_LEN_MAX};
use crate::modules::Module;

/// The section and its alignment in bytes; it holds 32-bit numbers.
const ALIGN: usize = 4;
/// Fewest entries of a table; the start-up code of any program has as many.
const ENTRIES_MIN: usize = 2;
/// Most beginnings in one segment that are followed, so that a hostile one can't hold us up.
const BEGINNINGS_MAX: usize = 64;

/// Address of the module's `.eh_frame`, and the bytes from there to the end of its segment.
pub(super) fn eh_frame(module: &Module, memory: &dyn Memory) -> Option<(u64, Vec<u8>)> {
    // In old layouts the table shares a segment with the code, so that is searched too, last.
    let (code, data): (Vec<Range>, Vec<Range>) =
        module.segments.iter().partition(|segment| module.text.contains(segment));
    data.into_iter().chain(code).find_map(|segment| {
        let len = (segment.end - segment.start).min(READ_LEN_MAX);
        let bytes = memory.read_vec(segment.start, len).ok()?;
        let skipped = segment.start.next_multiple_of(ALIGN as u64) - segment.start;
        let places = (skipped as usize..bytes.len()).step_by(ALIGN);
        let tails = places.filter_map(|at| Some((segment.start + at as u64, bytes.get(at..)?)));
        let mut beginnings = tails.filter(|(_, tail)| begins_description(tail)).take(BEGINNINGS_MAX);
        let (address, tail) = beginnings.find(|(address, tail)| is_table(module, *address, tail))?;
        Some((address, tail.to_vec()))
    })
}

/// Whether the bytes look like a CIE: a short length, identifier 0, version 1 and an augmentation that
/// begins as compilers write it.
fn begins_description(bytes: &[u8]) -> bool {
    let Some([len, 0, 0, 0, 0, 0, 0, 0, 1, augmentation]) = bytes.first_chunk() else { return false };
    (9..=64).contains(len) && matches!(augmentation, b'z' | 0)
}

fn is_table(module: &Module, address: u64, bytes: &[u8]) -> bool {
    let bases = BaseAddresses::default().set_eh_frame(address);
    let frames = EhFrame::new(bytes, LittleEndian);
    let mut entries = frames.entries(&bases);
    let mut count = 0;
    loop {
        match entries.next() {
            Ok(None) => return count >= ENTRIES_MIN,
            Ok(Some(CieOrFde::Cie(_))) => {}
            Ok(Some(CieOrFde::Fde(entry))) => {
                let Ok(entry) = entry.parse(EhFrame::cie_from_offset) else { return false };
                if !module.text.iter().any(|range| range.contains(entry.initial_address())) {
                    return false;
                }
                count += 1;
            }
            Err(_) => return false,
        }
    }
}
