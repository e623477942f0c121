//! Counts of one series: five-minute buckets of event time, and who was there.
//!
//! Only whole numbers, added and united. So the counts are the same whatever came first, in how
//! many pieces, or on how many machines, and everything that is said about them can be said again
//! from scratch when a late object arrives.

use std::collections::BTreeMap;

use jiff::Timestamp;

/// A five-minute stretch of event time, numbered from the Unix epoch.
pub type Bucket = i64;

/// An hour of event time, numbered from the Unix epoch.
pub type HourNumber = i64;

/// Seconds of one bucket. Five minutes is what AWS cuts WAF logs by, and short enough that three
/// of them make a quarter of an hour.
pub const BUCKET_SECONDS: i64 = 300;

/// Buckets of one hour.
pub const HOUR: Bucket = 12;

/// Buckets of one day.
pub const DAY: Bucket = 24 * HOUR;

/// The largest count of one bucket: 21 bits. Seven thousand refusals a second are the same news
/// as more, and a state of bounded size needs counts of bounded size.
pub const LARGEST_COUNT: u32 = (1 << 21) - 1;

/// The bucket in which a moment lies.
pub fn bucket_of(time: Timestamp) -> Bucket {
    time.as_second().div_euclid(BUCKET_SECONDS)
}

/// The moment at which a bucket begins.
pub fn time_of(bucket: Bucket) -> Timestamp {
    Timestamp::from_second(bucket.saturating_mul(BUCKET_SECONDS)).unwrap_or(if bucket < 0 {
        Timestamp::MIN
    } else {
        Timestamp::MAX
    })
}

/// The hour in which a bucket lies.
pub fn hour_of(bucket: Bucket) -> HourNumber {
    bucket.div_euclid(HOUR)
}

/// How many different addresses were seen in a bucket, as far as it matters.
///
/// A linear counter of 24 places: each address marks one place, and the marked places say how many
/// there were. Unions of such counters do not depend on order. At eight marks it stops looking:
/// more than that is "many" for every rule. Seven addresses can never mark eight places, so the
/// scanners that made other teams' alarms worthless (one to seven addresses) stay below the floor
/// for certain, while twelve customers pass it nine times out of ten in the first bucket.
///
/// It is this small because it must be kept for as long as the counts are: a late object makes the
/// detector look again at a bucket of yesterday, and without the addresses it would now open what
/// it had rightly let pass.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Clients {
    places: u32,
}

impl Clients {
    /// Places of the counter.
    pub const PLACES: u32 = 24;
    /// Marks from which there are "many" addresses: about nine of them.
    pub const MANY: u32 = 8;

    /// A counter that has seen one address, by a hash of it.
    pub fn one(address_hash: u64) -> Clients {
        // The high half of a product spreads any hash evenly over a number of places that is not a
        // power of two.
        let place = (u128::from(address_hash) * u128::from(Self::PLACES)) >> 64;
        Clients { places: 1 << place }
    }

    /// A counter with these places marked. Marks beyond "many" are not told apart.
    pub fn from_places(places: u32) -> Clients {
        let all = (1 << Self::PLACES) - 1;
        let places = places & all;
        Clients { places: if places.count_ones() >= Self::MANY { all } else { places } }
    }

    /// The marked places.
    pub fn places(self) -> u32 {
        self.places
    }

    /// Both together.
    pub fn union(self, other: Clients) -> Clients {
        Clients::from_places(self.places | other.places)
    }

    /// At least this many addresses were seen (at most [`Clients::MANY`]).
    pub fn at_least(self) -> u32 {
        self.places.count_ones().min(Self::MANY)
    }
}

/// The counts of a series (distribution, cause and detail; for the WAF its rule), or of the
/// requests that a distribution did serve.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Series {
    counts: BTreeMap<Bucket, u32>,
    clients: BTreeMap<Bucket, Clients>,
}

impl Series {
    /// A series in which nothing has happened.
    pub fn new() -> Series {
        Series::default()
    }

    /// Adds refusals to a bucket.
    pub fn add(&mut self, bucket: Bucket, count: u64) {
        if count == 0 {
            return;
        }
        let held = self.counts.entry(bucket).or_default();
        let sum = u64::from(*held).saturating_add(count).min(u64::from(LARGEST_COUNT));
        *held = u32::try_from(sum).unwrap_or(LARGEST_COUNT);
    }

    /// Notes that an address took part in a bucket. Never called where the log holds no addresses:
    /// a series without any is not judged by their number.
    pub fn add_client(&mut self, bucket: Bucket, address_hash: u64) {
        self.unite_clients(bucket, Clients::one(address_hash));
    }

    /// Unites what is known of a bucket's addresses with what came now.
    pub fn unite_clients(&mut self, bucket: Bucket, clients: Clients) {
        let held = self.clients.entry(bucket).or_default();
        *held = held.union(clients);
    }

    /// Takes refusals out of a bucket: what had waited for WAF evidence and now belongs elsewhere.
    /// More than is there empties it.
    pub fn take(&mut self, bucket: Bucket, count: u64) {
        let Some(held) = self.counts.get_mut(&bucket) else { return };
        *held = held.saturating_sub(u32::try_from(count).unwrap_or(u32::MAX));
        if *held == 0 {
            self.counts.remove(&bucket);
            self.clients.remove(&bucket);
        }
    }

    /// Takes out everything that another series holds.
    pub fn take_all(&mut self, other: &Series) {
        other.counts().for_each(|(bucket, count)| self.take(bucket, u64::from(count)));
    }

    /// Adds everything that another series holds. Associative and commutative.
    pub fn merge(&mut self, other: &Series) {
        for (&bucket, &count) in &other.counts {
            self.add(bucket, u64::from(count));
        }
        for (&bucket, &clients) in &other.clients {
            self.unite_clients(bucket, clients);
        }
    }

    /// Some of its buckets.
    pub(super) fn only(&self, keep: impl Fn(Bucket) -> bool) -> Series {
        let counts = self.counts.iter().filter(|(bucket, _)| keep(**bucket));
        let clients = self.clients.iter().filter(|(bucket, _)| keep(**bucket));
        Series {
            counts: counts.map(|(bucket, count)| (*bucket, *count)).collect(),
            clients: clients.map(|(bucket, clients)| (*bucket, *clients)).collect(),
        }
    }

    /// The count of a bucket.
    pub fn count(&self, bucket: Bucket) -> u32 {
        self.counts.get(&bucket).copied().unwrap_or(0)
    }

    /// What is known of a bucket's addresses.
    pub fn clients(&self, bucket: Bucket) -> Clients {
        self.clients.get(&bucket).copied().unwrap_or_default()
    }

    /// Whether addresses are logged at all in these buckets.
    pub fn knows_clients(&self, buckets: std::ops::RangeInclusive<Bucket>) -> bool {
        self.clients.range(buckets).next().is_some()
    }

    /// The first and the last bucket in which something was counted.
    pub fn span(&self) -> Option<(Bucket, Bucket)> {
        Some((*self.counts.keys().next()?, *self.counts.keys().next_back()?))
    }

    /// The first bucket from here on in which something was counted.
    pub fn next_from(&self, bucket: Bucket) -> Option<Bucket> {
        self.counts.range(bucket..).next().map(|(&b, _)| b)
    }

    /// All buckets with their counts, in order.
    pub fn counts(&self) -> impl DoubleEndedIterator<Item = (Bucket, u32)> {
        self.counts.iter().map(|(&bucket, &count)| (bucket, count))
    }

    /// All buckets whose addresses are known, in order.
    pub fn all_clients(&self) -> impl DoubleEndedIterator<Item = (Bucket, Clients)> {
        self.clients.iter().map(|(&bucket, &clients)| (bucket, clients))
    }

    /// Sum of some buckets.
    pub fn sum(&self, buckets: std::ops::Range<Bucket>) -> u64 {
        self.counts.range(buckets).map(|(_, &count)| u64::from(count)).sum()
    }

    /// Forgets counts before one bucket and addresses before another.
    pub(super) fn forget_before(&mut self, counts: Bucket, clients: Bucket) {
        self.counts = self.counts.split_off(&counts);
        self.clients = self.clients.split_off(&clients);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seven_addresses_are_never_many() {
        for shift in 0..500_u64 {
            let mut clients = Clients::default();
            for address in 0..7_u64 {
                let hash = (shift * 7 + address).wrapping_mul(0x9E37_79B9_7F4A_7C15);
                clients = clients.union(Clients::one(hash));
            }
            assert!(clients.at_least() < Clients::MANY);
        }
    }

    #[test]
    fn a_count_stops_at_its_largest_and_stays_there_in_any_order() {
        let (mut a, mut b) = (Series::new(), Series::new());
        for count in [3, u64::MAX, 5] {
            a.add(7, count);
        }
        for count in [u64::MAX, 5, 3] {
            b.add(7, count);
        }
        assert_eq!(a, b);
        assert_eq!(a.count(7), LARGEST_COUNT);
    }

    #[test]
    fn what_was_moved_elsewhere_leaves_no_trace() {
        let mut series = Series::new();
        series.add(7, 3);
        series.add_client(7, 42);
        series.take(7, 3);
        assert_eq!(series, Series::new());
    }
}
