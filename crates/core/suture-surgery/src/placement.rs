//! Where the home of a patch can be: near enough that a distance of 32 bits reaches from every byte of it
//! to every byte of the module, and in nobody's way.

use suture_delta::model::Range;

use crate::link::PAGE;
use crate::maps::Mapping;

/// How far a signed distance of 32 bits reaches, less a margin for what lies behind a place.
const REACH: u64 = (1 << 31) - (1 << 16);
/// One past the highest address of user space with four-level page tables.
pub const USER_SPACE_END: u64 = 0x7fff_ffff_f000;
/// One past the highest address that a sign-extended 32-bit operand can name.
pub const LOW_SPACE_END: u64 = 0x7fff_f000;

/// What bounds a home.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Lowest address that a process may map (`vm.mmap_min_addr`).
    pub lowest: u64,
    /// One past the highest address: [`LOW_SPACE_END`] for code that holds absolute addresses of 32 bits.
    pub highest: u64,
}

/// A page-aligned base for `len` bytes (whole pages) near `image`, or `None` if there is no room.
///
/// One page stays free on both sides. The nearest gap below the image comes first: above it the heap
/// grows.
pub fn place(maps: &[Mapping], image: Range, len: u64, limits: Limits) -> Option<u64> {
    let lowest = image.end.saturating_sub(REACH).max(limits.lowest).next_multiple_of(PAGE);
    let highest = image.start.saturating_add(REACH).min(limits.highest) / PAGE * PAGE;
    let needed = len.checked_add(2 * PAGE)?;
    let fits = |gap: &Range| gap.len() >= needed;
    let gaps: Vec<Range> = gaps(maps, lowest, highest).filter(fits).collect();
    let below = gaps.iter().rev().find(|gap| gap.start < image.start && gap.end <= image.start);
    let above = gaps.iter().find(|gap| gap.start >= image.end && !follows_heap(maps, gap.start));
    let last = gaps.iter().find(|gap| gap.start >= image.end);
    match below {
        Some(gap) => Some(gap.end - PAGE - len),
        // Behind the heap as far away from it as can be.
        None => above.map(|gap| gap.start + PAGE).or_else(|| last.map(|gap| gap.end - PAGE - len)),
    }
}

fn gaps(maps: &[Mapping], lowest: u64, highest: u64) -> impl Iterator<Item = Range> + '_ {
    let ends = std::iter::once(0).chain(maps.iter().map(|mapping| mapping.range.end));
    let starts = maps.iter().map(|mapping| mapping.range.start).chain([u64::MAX]);
    let clip = move |(start, end): (u64, u64)| Range { start: start.max(lowest), end: end.min(highest) };
    ends.zip(starts).map(clip).filter(|gap| !gap.is_empty())
}

fn follows_heap(maps: &[Mapping], start: u64) -> bool {
    maps.iter().any(|mapping| mapping.range.end == start && mapping.path.as_deref() == Some("[heap]"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const LIMITS: Limits = Limits { lowest: 0x1_0000, highest: USER_SPACE_END };

    fn mapping(start: u64, end: u64, path: Option<&str>) -> Mapping {
        Mapping {
            range: Range { start, end },
            readable: true,
            writable: false,
            executable: false,
            shared: false,
            offset: 0,
            device: (0, 0),
            inode: 0,
            path: path.map(str::to_owned),
            deleted: false,
        }
    }

    #[test]
    fn below_the_image_comes_first() {
        let image = Range { start: 0x5555_5555_0000, end: 0x5555_5556_0000 };
        let maps =
            [mapping(image.start, image.end, None), mapping(image.end, image.end + 0x1000, Some("[heap]"))];
        assert_eq!(place(&maps, image, 0x3000, LIMITS), Some(image.start - 0x4000));
    }

    #[test]
    fn a_program_at_the_bottom_gets_what_is_there() {
        let image = Range { start: 0x40_0000, end: 0x50_0000 };
        let low = Limits { lowest: 0x1_0000, highest: LOW_SPACE_END };
        let maps = [mapping(image.start, image.end, None), mapping(0x50_0000, 0x60_0000, Some("[heap]"))];
        assert_eq!(place(&maps, image, 0x3000, low), Some(0x3f_c000));
        let large = place(&maps, image, 0x100_0000, low).unwrap();
        assert!(large > 0x60_0000 && large + 0x100_0000 <= LOW_SPACE_END);
        assert_eq!(place(&maps, image, 1 << 32, low), None);
    }

    proptest! {
        #[test]
        fn a_place_overlaps_nothing_and_is_in_reach(
            cuts in prop::collection::btree_set(1_u64..0x20_0000, 2..40),
            image in 0_usize..10,
            pages in 1_u64..64,
        ) {
            let edges: Vec<u64> = cuts.into_iter().map(|n| n * PAGE * 16).collect();
            let maps: Vec<_> = edges.chunks_exact(2).map(|pair| mapping(pair[0], pair[1], None)).collect();
            let image = maps[image % maps.len()].range;
            if let Some(base) = place(&maps, image, pages * PAGE, LIMITS) {
                let home = Range { start: base - PAGE, end: base + (pages + 1) * PAGE };
                prop_assert_eq!(base % PAGE, 0);
                prop_assert!(maps.iter().all(|m| m.range.end <= home.start || m.range.start >= home.end));
                let span = image.end.max(home.end) - image.start.min(home.start);
                prop_assert!(span <= REACH + image.len() + home.len());
                prop_assert!(base >= LIMITS.lowest);
            }
        }
    }
}
