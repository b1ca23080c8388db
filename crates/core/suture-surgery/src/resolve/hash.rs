//! The hash tables in which a module's symbols are found by name.

use super::ResolveError;
use super::dynamic::{Tables, number};
use crate::memory::{Memory, MemoryError};

/// Most symbols in one chain; a chain that does not end is damaged.
const CHAIN_LEN_MAX: u32 = 1 << 16;

/// The numbers of the symbols whose name has the hash of `name`: those that may have that name.
pub(super) fn candidates(
    tables: &Tables,
    name: &[u8],
    memory: &dyn Memory,
) -> Result<Vec<u32>, ResolveError> {
    match (tables.gnu_hash, tables.hash) {
        (Some(table), _) => in_gnu_table(table, gnu_hash(name), memory),
        (None, Some(table)) => in_table(table, hash(name), memory),
        (None, None) => Ok(Vec::new()),
    }
}

/// The table of `DT_GNU_HASH`: four words (number of buckets, first symbol, words of the Bloom filter,
/// its shift), the filter, the buckets, and the chains of hashes, whose lowest bit marks the last one.
fn in_gnu_table(table: u64, hash: u32, memory: &dyn Memory) -> Result<Vec<u32>, ResolveError> {
    let word = |at: u64| word(memory, table.wrapping_add(at));
    let (buckets, first, filter_len, shift) = (word(0)?, word(4)?, word(8)?, word(12)?);
    if buckets == 0 || filter_len == 0 {
        return Ok(Vec::new());
    }
    let bits = memory.read_u64(table.wrapping_add(16 + u64::from(hash / 64 % filter_len) * 8))?;
    let second = hash.checked_shr(shift).unwrap_or(0);
    if bits >> (hash % 64) & bits >> (second % 64) & 1 == 0 {
        return Ok(Vec::new());
    }
    let buckets_at = 16 + u64::from(filter_len) * 8;
    let chains_at = buckets_at + u64::from(buckets) * 4;
    let begin = word(buckets_at + u64::from(hash % buckets) * 4)?;
    let mut found = Vec::new();
    if begin < first {
        return Ok(found);
    }
    for step in 0..CHAIN_LEN_MAX {
        let symbol = begin.checked_add(step).ok_or(ENDLESS)?;
        let entry = word(chains_at + u64::from(symbol - first) * 4)?;
        if entry | 1 == hash | 1 {
            found.push(symbol);
        }
        if entry & 1 == 1 {
            return Ok(found);
        }
    }
    Err(ENDLESS)
}

/// The table of `DT_HASH`: number of buckets and of chain entries, buckets, chains; 0 ends a chain.
fn in_table(table: u64, hash: u32, memory: &dyn Memory) -> Result<Vec<u32>, ResolveError> {
    let word = |at: u64| word(memory, table.wrapping_add(at));
    let buckets = word(0)?;
    let mut found = Vec::new();
    if buckets == 0 {
        return Ok(found);
    }
    let chains_at = 8 + u64::from(buckets) * 4;
    let mut symbol = word(8 + u64::from(hash % buckets) * 4)?;
    while symbol != 0 {
        if found.len() == CHAIN_LEN_MAX as usize {
            return Err(ENDLESS);
        }
        found.push(symbol);
        symbol = word(chains_at + u64::from(symbol) * 4)?;
    }
    Ok(found)
}

const ENDLESS: ResolveError = ResolveError::Malformed { what: "a chain of its symbol table has no end" };

fn word(memory: &dyn Memory, address: u64) -> Result<u32, MemoryError> {
    let mut bytes = [0; 4];
    memory.read(address, &mut bytes)?;
    Ok(number(&bytes) as u32)
}

/// The hash of `DT_GNU_HASH`: Bernstein's, begun at 5381.
fn gnu_hash(name: &[u8]) -> u32 {
    name.iter().fold(5381, |hash: u32, byte| hash.wrapping_mul(33).wrapping_add(u32::from(*byte)))
}

/// The hash of `DT_HASH`: System V ABI, chapter 5, figure 5-13.
fn hash(name: &[u8]) -> u32 {
    name.iter().fold(0, |hash: u32, byte| {
        let hash = (hash << 4).wrapping_add(u32::from(*byte));
        let high = hash & 0xf000_0000;
        (hash ^ high >> 24) & !high
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_are_those_of_the_linkers() {
        assert_eq!(
            (gnu_hash(b""), gnu_hash(b"printf"), gnu_hash(b"syscall")),
            (5381, 0x156b_2bb8, 0xbac2_12a0)
        );
        assert_eq!((hash(b""), hash(b"printf"), hash(b"syscall")), (0, 0x0779_05a6, 0x0b09_985c));
    }
}
