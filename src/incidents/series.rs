//! What is remembered of one series: its counts, and the incident that it opened.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Counts;

/// Buckets that are remembered one by one: two days of five minutes. Older ones are one sum.
const KEPT_BUCKETS: i64 = 2 * 288;

/// The counts of one series, in a form whose size does not grow with time. Merging them in any
/// order gives the same: a bucket that was summed up once lies before every later bound.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// The newest two days, by bucket.
    pub recent: Counts,
    /// All before.
    pub older: u64,
}

impl Tally {
    /// Adds the counts of another part of the logs.
    pub fn add(&mut self, counts: &Counts) {
        for (bucket, count) in counts {
            *self.recent.entry(*bucket).or_default() += count;
        }
        let Some(newest) = self.recent.last_key_value().map(|(bucket, _)| *bucket) else { return };
        let kept = self.recent.split_off(&newest.saturating_sub(KEPT_BUCKETS));
        self.older += std::mem::replace(&mut self.recent, kept).values().sum::<u64>();
    }

    /// All that was ever counted.
    pub fn total(&self) -> u64 {
        self.older + self.recent.values().sum::<u64>()
    }

    /// The compact form: the sum of what is older, then for each bucket its distance from the one
    /// before and its count, all as variable-length integers.
    pub fn pack(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(8 + self.recent.len() * 3);
        put(&mut out, self.older);
        let mut before = 0;
        for (bucket, count) in &self.recent {
            put(&mut out, u64::try_from(bucket - before).unwrap_or(0));
            put(&mut out, *count);
            before = *bucket;
        }
        out
    }

    /// Reads the compact form.
    pub fn unpack(mut bytes: &[u8]) -> Option<Self> {
        let mut tally = Self { older: take(&mut bytes)?, ..Self::default() };
        let mut bucket = 0i64;
        while !bytes.is_empty() {
            bucket = bucket.checked_add(i64::try_from(take(&mut bytes)?).ok()?)?;
            tally.recent.insert(bucket, take(&mut bytes)?);
        }
        Some(tally)
    }
}

fn put(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push((number & 0x7f) as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

fn take(bytes: &mut &[u8]) -> Option<u64> {
    let mut number = 0u64;
    for shift in (0..64).step_by(7) {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        number |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

/// An incident that a series opened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Opened {
    /// Its id.
    pub id: String,
    /// When it was opened, by our clock.
    pub at: Timestamp,
}

/// A series as it is stored.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Series {
    /// Its counts.
    pub tally: Tally,
    /// Its incident.
    pub incident: Option<Opened>,
    /// How often it was written; zero is never. A write holds only if nobody wrote in between.
    pub revision: u64,
}

/// The story of one distribution and cause, under which alerts go out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Story {
    /// The id of the incident that began it.
    pub alert_id: String,
    /// How many messages it has sent.
    pub sequence: u64,
    /// When the last incident was detected, in seconds of event time.
    pub last: i64,
    /// How often it was written.
    pub revision: u64,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn any_order_and_split_gives_the_same(
            mut parts in proptest::collection::vec(
                proptest::collection::btree_map(5_800_000i64..5_803_000, 1u64..1000, 0..8), 0..8),
        ) {
            let mut forward = Tally::default();
            parts.iter().for_each(|part| forward.add(part));
            parts.reverse();
            let mut backward = Tally::default();
            parts.iter().for_each(|part| backward.add(part));
            prop_assert_eq!(&forward, &backward);
            let sum: u64 = parts.iter().flat_map(|part| part.values()).sum();
            prop_assert_eq!(forward.total(), sum);
            prop_assert_eq!(Tally::unpack(&forward.pack()), Some(forward));
        }

        #[test]
        fn garbage_is_no_tally_and_no_crash(bytes in proptest::collection::vec(any::<u8>(), 0..40)) {
            let _ = Tally::unpack(&bytes);
        }
    }

    #[test]
    fn two_days_of_a_busy_series_stay_below_five_kilobytes() {
        let counts = (5_800_000..5_800_577).map(|bucket| (bucket, 100_000)).collect();
        let mut tally = Tally::default();
        tally.add(&counts);
        assert!(tally.pack().len() < 5000, "{}", tally.pack().len());
    }
}
