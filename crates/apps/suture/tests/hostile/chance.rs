//! The same choices in every run.

/// A generator of numbers (xorshift64) from a seed that is not 0.
pub(crate) struct Chance(pub(crate) u64);

impl Chance {
    pub(crate) fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % limit as u64) as usize
    }

    /// Some bit of `bytes` in this range is turned over.
    pub(crate) fn flip(&mut self, bytes: &mut [u8], range: std::ops::Range<usize>) {
        let at = range.start + self.below(range.len());
        bytes[at] ^= 1 << self.below(8);
    }
}
