//! How many different ones there were of what is not kept.

use crate::limits::LEFT_OUT_TOLD_APART;

/// The hashes of different things: all of them up to a limit, and past it those of one half, one
/// quarter, and so on, which say how many there are to a tenth of a percent. Which those are does
/// not depend on the order in which they came, nor on how often.
#[derive(Clone, Debug, Default)]
pub(super) struct Distinct {
    level: u32,
    hashes: Vec<u64>,
}

impl Distinct {
    pub(super) fn add(&mut self, hash: u64) {
        // From its other end, because what is left out has the larger hashes.
        if hash.reverse_bits() <= u64::MAX >> self.level {
            self.hashes.push(hash);
            if self.hashes.len() >= LEFT_OUT_TOLD_APART + LEFT_OUT_TOLD_APART / 4 {
                self.settle();
            }
        }
    }

    pub(super) fn merge(&mut self, other: &Self) {
        self.level = self.level.max(other.level);
        let level = self.level;
        self.hashes.retain(|hash| hash.reverse_bits() <= u64::MAX >> level);
        other.hashes.iter().for_each(|hash| self.add(*hash));
    }

    pub(super) fn settle(&mut self) {
        self.hashes.sort_unstable();
        self.hashes.dedup();
        while self.hashes.len() > LEFT_OUT_TOLD_APART && self.level < 63 {
            self.level += 1;
            let level = self.level;
            self.hashes.retain(|hash| hash.reverse_bits() <= u64::MAX >> level);
        }
    }

    /// Gives back what was taken for more of them.
    pub(super) fn shrink(&mut self) {
        self.hashes.shrink_to_fit();
    }

    /// How many there are, once they are settled.
    pub(super) fn count(&self) -> u64 {
        (self.hashes.len() as u64) << self.level
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::logs::tally::hash;

    #[test]
    fn repeated_ones_count_once_and_of_many_the_number_is_near() {
        let count = |numbers: &mut dyn Iterator<Item = u64>| {
            let mut distinct = Distinct::default();
            numbers.for_each(|number| distinct.add(hash(&number.to_le_bytes())));
            distinct.settle();
            distinct.count()
        };
        assert_eq!(count(&mut (0..3000).chain(0..3000)), 3000);
        let many = 3 * LEFT_OUT_TOLD_APART as u64;
        let forth = count(&mut (0..many));
        assert_eq!(forth, count(&mut (0..many).rev().chain(0..many)));
        assert!(forth.abs_diff(many) < many / 500, "{forth} of {many}");
    }
}
