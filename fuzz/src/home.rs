//! The record of a patch in the memory of a process, which the process may have written itself.

use suture_surgery::home::{self, HEAD_LEN, Home};
use suture_surgery::memory::Snapshot;
use suture_surgery::switch::{self, Direction};
use suture_surgery::symbol_file::{Content, symbol_file};

use crate::check_sentence;

/// One past the highest address of user space.
const SPACE_END: u64 = 1 << 47;
const BASE_AT: usize = 16;
const LEN_AT: usize = 24;
const CHECK_AT: usize = 32;

/// Any memory, as it is and with its length and checksum made right: it holds a home, whose switch can be thrown, or there is one
/// error.
///
/// # Panics
/// If a record that is accepted can't be written and read again as the same.
pub fn home_read(memory: &[u8]) {
    let mut sealed = memory.to_vec();
    seal(&mut sealed);
    for memory in [memory, &sealed] {
        let Some(base) = word(memory, BASE_AT).filter(|base| *base < SPACE_END) else { return };
        let home = match decode(memory, base) {
            Ok(home) => home,
            Err(error) => {
                assert!(!error.to_string().is_empty());
                continue;
            }
        };
        let again = decode(&home::encode(&home), base).expect("what was read can be written");
        assert_eq!(again.record, home.record);
        for direction in [Direction::On, Direction::Off] {
            switch::writes(&home, direction, 0);
        }
        symbol_file(&home, Content { text: &[], frames: &[] });
        check_sentence(&home.record.id);
    }
}

fn decode(memory: &[u8], base: u64) -> Result<Home, home::HomeError> {
    let mut snapshot = Snapshot::default();
    snapshot.insert(base, memory.to_vec());
    let mut room = home::BODY_LEN_MAX;
    home::decode(&snapshot, base, &mut room)
}

fn word(bytes: &[u8], at: usize) -> Option<u64> {
    bytes.get(at..at + 8)?.try_into().ok().map(u64::from_le_bytes)
}

/// FNV-1a over all that follows the head.
fn seal(bytes: &mut [u8]) {
    let Some((head, body)) = bytes.split_at_mut_checked(HEAD_LEN as usize) else { return };
    let hash = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
    let check = body.iter().fold(0xcbf2_9ce4_8422_2325, hash);
    head[LEN_AT..][..8].copy_from_slice(&(body.len() as u64).to_le_bytes());
    head[CHECK_AT..][..8].copy_from_slice(&check.to_le_bytes());
}
