//! A bottom-k sample: a bounded share of a stream that does not depend on its order.
//!
//! Every record has a hash of its identity, and the sample holds the `k` records with the smallest
//! ones. Which those are depends on the *set* of records alone: two halves of a log, in any order,
//! one of them delivered twice, merge into exactly the sample of the whole. A record is kept with
//! the same chance as any other, so a scanner's random paths take places only in proportion to
//! their requests, and up to `k` records the sample is the whole.

use siphasher::sip::SipHasher13;
use std::hash::Hasher;

/// The key of the hash. It is fixed because samples of different machines and days must merge.
const KEY: (u64, u64) = (0x7768_7934_3033_2f31, 0x636c_7573_7465_7273);

/// The hash under which a record is sampled, from the parts of its identity: the request id, or
/// object key and line offset where the log has none. Parts are told apart by their lengths.
pub fn key_hash(parts: &[&[u8]]) -> u64 {
    let mut hasher = SipHasher13::new_with_keys(KEY.0, KEY.1);
    for part in parts {
        hasher.write(part);
        if parts.len() > 1 {
            hasher.write(&(part.len() as u64).to_le_bytes());
        }
    }
    hasher.finish()
}

/// The records with the `k` smallest hashes of all that were offered.
///
/// Rows lie unsorted until there are a quarter more than `k`; then they are sorted and cut. After
/// `n` records that happens about `4·ln(n/k)` times, so nearly every offer is one comparison.
#[derive(Clone, Debug)]
pub struct Sample<T> {
    k: usize,
    /// No hash above it can be among the `k` smallest any more.
    limit: u64,
    /// Whether a record has been left out, that is, whether the sample is not the whole.
    cut: bool,
    rows: Vec<(u64, T)>,
}

impl<T: Ord> Sample<T> {
    /// An empty sample of at most `k` records (at least one).
    pub fn new(k: usize) -> Self {
        Self { k: k.max(1), limit: u64::MAX, cut: false, rows: Vec::new() }
    }

    /// A sample as it was kept: its records, and whether others had been left out. One of which
    /// something was left out grows no more, since what lay above it is gone.
    pub fn kept(k: usize, cut: bool, rows: Vec<(u64, T)>) -> Self {
        let k = if cut { k.min(rows.len()) } else { k };
        let mut sample = Self { k: k.max(1), limit: u64::MAX, cut, rows };
        sample.compact();
        sample
    }

    /// Keeps at most `k` records from now on. A smaller sample is a part of a larger one, so it does
    /// not matter when it was made smaller.
    pub fn shrink(&mut self, k: usize) {
        if k < self.k {
            self.k = k.max(1);
            self.compact();
        }
    }

    /// Offers a record; `row` is called only where it may be kept.
    #[inline]
    pub fn offer(&mut self, hash: u64, row: impl FnOnce() -> T) {
        if hash > self.limit {
            self.cut = true;
            return;
        }
        self.keep(hash, row());
    }

    /// Takes in the records of another part of the same stream.
    pub fn merge(&mut self, other: Self) {
        self.shrink(other.k);
        self.cut |= other.cut;
        for (hash, row) in other.rows {
            self.offer(hash, || row);
        }
    }

    /// The records of several streams, each with the same chance: that of the stream of which the
    /// most was left out. All of them where nothing was.
    pub fn union(parts: impl IntoIterator<Item = Self>) -> Vec<(u64, T)> {
        let mut limit = u64::MAX;
        let mut rows = Vec::new();
        for mut part in parts {
            if part.is_partial() {
                limit = limit.min(part.limit);
            }
            rows.extend(part.rows);
        }
        rows.retain(|(hash, _)| *hash <= limit);
        rows.sort_unstable();
        rows.dedup_by(|later, kept| later.0 == kept.0);
        rows
    }

    /// Whether records have been left out: then shares are estimates, good to `0.5 / √k`.
    pub fn is_partial(&mut self) -> bool {
        self.compact();
        self.cut
    }

    /// The records, by hash, while the sample stays.
    pub fn rows(&self) -> Vec<(u64, T)>
    where
        T: Clone,
    {
        self.clone().into_rows()
    }

    /// The records, by hash.
    pub fn into_rows(mut self) -> Vec<(u64, T)> {
        self.compact();
        self.rows
    }

    /// Kept out of line, so that the common refusal of a record stays a comparison.
    #[cold]
    fn keep(&mut self, hash: u64, row: T) {
        self.rows.push((hash, row));
        if self.rows.len() >= self.k + self.k / 4 + 16 {
            self.compact();
        }
    }

    /// Sorts, leaves one row a hash and cuts at `k`. Where two rows claim one hash the smaller row
    /// stays, because the one that came first is not the same one on every machine.
    fn compact(&mut self) {
        self.rows.sort_unstable();
        self.rows.dedup_by(|later, kept| later.0 == kept.0);
        if self.rows.len() > self.k {
            self.cut = true;
            self.rows.truncate(self.k);
        }
        if self.rows.len() == self.k
            && let Some(last) = self.rows.last()
        {
            self.limit = last.0;
        }
    }
}

impl<T: Ord + Clone> PartialEq for Sample<T> {
    /// Whether two samples say the same, however their records lie.
    fn eq(&self, other: &Self) -> bool {
        let settled = |sample: &Self| {
            let mut sample = sample.clone();
            (sample.k, sample.is_partial(), sample.rows)
        };
        settled(self) == settled(other)
    }
}

impl<T: Ord + Clone> Eq for Sample<T> {}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn sampled(k: usize, rows: &[(u64, u8)]) -> Sample<u8> {
        let mut sample = Sample::new(k);
        for &(hash, row) in rows {
            sample.offer(hash, || row);
        }
        sample
    }

    fn content(mut sample: Sample<u8>) -> (bool, Vec<(u64, u8)>) {
        (sample.is_partial(), sample.into_rows())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(512))]

        #[test]
        fn a_sample_of_parts_is_the_sample_of_the_whole(
            rows in prop::collection::vec((0u64..200, any::<u8>()), 0..400),
            k in 1usize..60,
            split in any::<prop::sample::Index>(),
            seed in any::<u64>(),
        ) {
            let whole = content(sampled(k, &rows));
            let mut shuffled = rows.clone();
            shuffled.sort_by_key(|r| key_hash(&[&seed.to_le_bytes(), &r.0.to_le_bytes(), &[r.1]]));
            let at = split.index(rows.len() + 1);
            let overlap = at.saturating_sub(10);
            let mut left = sampled(k, &shuffled[..at]);
            left.merge(sampled(k, &shuffled[overlap..]));
            prop_assert_eq!(&content(left.clone()), &whole);
            let mut twice = left.clone();
            twice.merge(left.clone());
            prop_assert_eq!(&content(twice), &whole);
            let mut right = sampled(k, &shuffled[overlap..]);
            right.merge(sampled(k, &shuffled[..at]));
            prop_assert_eq!(&content(right), &whole);
        }
    }

    #[test]
    fn the_whole_up_to_k_and_memory_flat_beyond() {
        let few: Vec<_> = (0..50).map(|i| (key_hash(&[&[i]]), i)).collect();
        let (partial, rows) = content(sampled(50, &few));
        assert!(!partial && rows.len() == 50);
        let mut sample = Sample::new(1000);
        for i in 0..2_000_000u64 {
            sample.offer(key_hash(&[&i.to_le_bytes()]), || i);
        }
        assert!(sample.is_partial());
        assert!(sample.rows.capacity() <= 2600, "{}", sample.rows.capacity());
        let even = sample.into_rows().iter().filter(|r| r.1 % 2 == 0).count();
        assert!((450..=550).contains(&even), "{even}");
    }

    #[test]
    fn identities_do_not_run_into_each_other() {
        assert_ne!(key_hash(&[b"ab", b"c"]), key_hash(&[b"a", b"bc"]));
        assert_eq!(key_hash(&[b"id"]), key_hash(&[b"id"]));
    }
}
