//! The past by the hour: all that is remembered of what is older than a day.

use super::series::{Bucket, DAY, HOUR, HourNumber, LARGEST_COUNT, hour_of};

/// Hours by which expectation looks back: two weekends.
pub const LOOK_BACK: HourNumber = 14 * 24;

/// Hours that are kept: eight more, so that the exposure of the six hours before the oldest judged
/// bucket can be worked out again.
pub const HOURS_KEPT: HourNumber = LOOK_BACK + 8;

/// An incident up to this many buckets was a burst: remembered as something that happens here.
/// Anything longer was a fault, and must never become a habit.
const BURST_LASTS: Bucket = 6;

/// Whether an hour belonged to an incident.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Mask {
    /// It teaches what is usual.
    #[default]
    Clear,
    /// It was part of a short burst: it does not teach the level, but the burst is remembered.
    Burst,
    /// It was part of a fault: it teaches nothing.
    Fault,
}

/// What is remembered of one hour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Hour {
    /// All refusals.
    pub sum: u32,
    /// The largest bucket.
    pub largest: u32,
    /// Buckets that were not empty.
    pub active: u8,
    /// Whether it belonged to an incident.
    pub mask: Mask,
}

impl Hour {
    /// The hour that these buckets make.
    pub fn of(buckets: impl Iterator<Item = u32>) -> Hour {
        buckets.filter(|&count| count > 0).fold(Hour::default(), |hour, count| Hour {
            sum: hour.sum.saturating_add(count),
            largest: hour.largest.max(count),
            active: hour.active.saturating_add(1),
            mask: hour.mask,
        })
    }
}

/// The newest hours, without gaps.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Hours {
    first: HourNumber,
    rows: Vec<Hour>,
}

impl Hours {
    /// Hours in which nothing happened, up to and without `end`, none before `origin`.
    pub fn silent(origin: HourNumber, end: HourNumber) -> Hours {
        let first = origin.max(end - HOURS_KEPT).min(end);
        let rows = usize::try_from(end - first).unwrap_or(0);
        Hours { first, rows: vec![Hour::default(); rows] }
    }

    /// Hours from the first one on. The oldest are dropped if there are too many.
    pub fn from_rows(first: HourNumber, rows: Vec<Hour>) -> Hours {
        let mut hours = Hours { first, rows };
        hours.forget_oldest();
        hours
    }

    /// The first hour.
    pub fn first(&self) -> HourNumber {
        self.first
    }

    /// The first hour that is not there yet.
    pub fn end(&self) -> HourNumber {
        self.first + HourNumber::try_from(self.rows.len()).unwrap_or(0)
    }

    /// All rows, in order.
    pub fn rows(&self) -> &[Hour] {
        &self.rows
    }

    /// One hour.
    pub fn get(&self, hour: HourNumber) -> Option<&Hour> {
        usize::try_from(hour - self.first).ok().and_then(|index| self.rows.get(index))
    }

    fn get_mut(&mut self, hour: HourNumber) -> Option<&mut Hour> {
        usize::try_from(hour - self.first).ok().and_then(|index| self.rows.get_mut(index))
    }

    /// Some hours with their numbers, in order; those that are not there are left out.
    pub fn range(
        &self,
        from: HourNumber,
        to: HourNumber,
    ) -> impl Iterator<Item = (HourNumber, &Hour)> {
        let (from, to) = (from.max(self.first), to.min(self.end()));
        let index = |hour: HourNumber| usize::try_from(hour - self.first).unwrap_or(0);
        let rows = self.rows.get(index(from)..index(to)).unwrap_or(&[]);
        (from..).zip(rows)
    }

    /// Appends the next hour.
    pub fn push(&mut self, hour: Hour) {
        self.rows.push(hour);
        self.forget_oldest();
    }

    fn forget_oldest(&mut self) {
        let kept = usize::try_from(HOURS_KEPT).unwrap_or(0);
        if let Some(surplus) = self.rows.len().checked_sub(kept).filter(|&n| n > 0) {
            self.rows.drain(..surplus);
            self.first += HourNumber::try_from(surplus).unwrap_or(0);
        }
    }

    /// Adds refusals that came too late for a bucket of their own. Says whether their hour is
    /// still there.
    pub fn add_late(&mut self, bucket: Bucket, count: u64) -> bool {
        let Some(hour) = self.get_mut(hour_of(bucket)) else { return false };
        let most = LARGEST_COUNT * 12;
        let sum = u64::from(hour.sum).saturating_add(count).min(u64::from(most));
        hour.sum = u32::try_from(sum).unwrap_or(most);
        hour.largest = hour.largest.max(hour.sum.div_ceil(12));
        hour.active = hour.active.max(u8::from(count > 0));
        true
    }

    /// Notes which hours belong to an incident from `start` up to `end`. What has lasted a day is
    /// the new normal: from then on the hours teach again.
    pub fn mark(&mut self, start: Bucket, end: Bucket) {
        let long = if end - start > BURST_LASTS { Mask::Fault } else { Mask::Burst };
        let from = hour_of(start).max(self.first);
        for hour in from..end.div_euclid(HOUR) + i64::from(end.rem_euclid(HOUR) > 0) {
            let Some(row) = self.get_mut(hour) else { break };
            row.mask = if hour * HOUR >= start + DAY { Mask::Clear } else { long };
        }
    }

    /// Forgets that hours from the one of `start` on belonged to an incident.
    pub fn unmark_from(&mut self, start: Bucket) {
        let from = usize::try_from(hour_of(start) - self.first).unwrap_or(0);
        for row in self.rows.get_mut(from..).unwrap_or(&mut []) {
            row.mask = Mask::Clear;
        }
    }
}
