//! Throwing the switch: the order of writes that takes a stopped process from old code to new or back.
//!
//! A patch replaces several functions, each by a jump of five bytes at its entry, and a surgeon may
//! be killed between any two writes, whereupon the kernel lets all threads go. So no single jump may
//! mean anything by itself:
//!
//! ```text
//!   on:   every entry ─► stub      the stub sees the switch off: still old behaviour
//!         switch 0 ─► 1            one byte, the only write that matters
//!         every entry ─► new code  the switch is on: the same behaviour, one jump shorter
//!
//!   off:  every entry ─► stub      the switch is on: still new behaviour
//!         switch 1 ─► 0            the only write that matters
//!         every entry ─► as before the switch is off: the same behaviour, no jump at all
//! ```
//!
//! Whatever prefix of such a list has been written, every function is old or every function is new.
//! Objects that are changed in place are written next to the switch, one write each; a surgeon killed
//! among them leaves a mark in the head, and the next operation finishes or undoes them.

use suture_delta::model::JUMP_LEN;

use crate::home::{
    CHANGED_AT_OFFSET, DATA_SAVED_OFFSET, EVER_ON_OFFSET, Home, Record, RecordedSite, SWITCH_OFFSET,
};

/// One write into a stopped process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Write {
    /// Put these bytes there.
    Bytes {
        /// Where.
        address: u64,
        /// What.
        bytes: Vec<u8>,
    },
    /// Copy inside the process.
    Copy {
        /// From where.
        from: u64,
        /// To where.
        to: u64,
        /// How many bytes.
        len: u64,
    },
}

/// Which way to throw the switch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// From old to new code.
    On,
    /// From new to old code.
    Off,
}

impl Direction {
    /// The direction that leaves the switch `on`, or not.
    pub fn of(on: bool) -> Self {
        if on { Self::On } else { Self::Off }
    }
}

/// The writes, in order, that throw the switch of `home` in `direction` at time `now` (seconds since 1970).
///
/// Writing them again, or finishing a list of which a prefix was written, gives the same result.
pub fn writes(home: &Home, direction: Direction, now: u64) -> Vec<Write> {
    let record = &home.record;
    let mut list = Vec::with_capacity(2 * record.sites.len() + 2 * record.overwrites.len() + 3);
    list.extend(record.sites.iter().map(|site| jump(site, site.stub)));
    match direction {
        Direction::On => {
            list.extend(replace_data(home));
            list.push(byte(record, SWITCH_OFFSET, 1));
            list.push(byte(record, EVER_ON_OFFSET, 1));
            list.extend(record.sites.iter().map(|site| jump(site, site.code)));
        }
        Direction::Off => {
            list.push(byte(record, SWITCH_OFFSET, 0));
            list.extend(restore_data(home));
            list.extend(record.sites.iter().map(restore));
        }
    }
    list.push(Write::Bytes {
        address: record.home.start + CHANGED_AT_OFFSET,
        bytes: now.to_le_bytes().to_vec(),
    });
    list
}

/// What stands at a site.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SiteState {
    /// What stood there before the patch.
    Before,
    /// A jump to the stub.
    Stub,
    /// A jump to the new code.
    Code,
    /// Something else: a stranger has written there, or a later patch.
    Foreign([u8; JUMP_LEN]),
}

/// What `found`, read at `site.jump_address`, means.
pub fn site_state(site: &RecordedSite, found: [u8; JUMP_LEN]) -> SiteState {
    if found == site.before {
        SiteState::Before
    } else if found == jump_bytes(site.jump_address, site.stub) {
        SiteState::Stub
    } else if found == jump_bytes(site.jump_address, site.code) {
        SiteState::Code
    } else {
        SiteState::Foreign(found)
    }
}

/// `e9 rel32` at `from`, to `to`. The caller has made sure that the two are within ±2 GiB.
pub fn jump_bytes(from: u64, to: u64) -> [u8; JUMP_LEN] {
    let distance = to.wrapping_sub(from.wrapping_add(JUMP_LEN as u64)) as i64 as i32;
    let [a, b, c, d] = distance.to_le_bytes();
    [0xe9, a, b, c, d]
}

fn jump(site: &RecordedSite, to: u64) -> Write {
    Write::Bytes { address: site.jump_address, bytes: jump_bytes(site.jump_address, to).to_vec() }
}

fn restore(site: &RecordedSite) -> Write {
    Write::Bytes { address: site.jump_address, bytes: site.before.to_vec() }
}

fn byte(record: &Record, offset: u64, value: u8) -> Write {
    Write::Bytes { address: record.home.start + offset, bytes: vec![value] }
}

/// Saves the live content once: a list that is written again after a kill must not save new content
/// as old.
fn replace_data(home: &Home) -> Vec<Write> {
    let objects = &home.record.overwrites;
    if objects.is_empty() {
        return Vec::new();
    }
    let mut list = Vec::new();
    if !home.head.data_saved {
        list.extend(objects.iter().map(|o| Write::Copy { from: o.address, to: o.saved, len: o.size }));
        list.push(byte(&home.record, DATA_SAVED_OFFSET, 1));
    }
    list.extend(objects.iter().map(|o| Write::Copy { from: o.content, to: o.address, len: o.size }));
    list
}

fn restore_data(home: &Home) -> Vec<Write> {
    if !home.head.data_saved || home.record.overwrites.is_empty() {
        return Vec::new();
    }
    let objects = home.record.overwrites.iter();
    let mut list: Vec<_> =
        objects.map(|o| Write::Copy { from: o.saved, to: o.address, len: o.size }).collect();
    list.push(byte(&home.record, DATA_SAVED_OFFSET, 0));
    list
}
